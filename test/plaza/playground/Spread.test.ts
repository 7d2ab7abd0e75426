import { assert, describe, it } from "@effect/vitest"
import type { Outbox } from "../../../src/client/Outbox.ts"
import { Cell, Member } from "../../../src/plaza/playground/Member.ts"
import { Spread } from "../../../src/plaza/playground/Spread.ts"
import { Viewer } from "../../../src/plaza/playground/Viewer.ts"

const cell = new Cell(0, 0, 0)

/** So many viewers, each of whom it takes so long to write to, and who of them was written to. */
function crowd(count: number, takesMs = 0) {
  const written: Array<number> = []
  const viewers = new Map<number, Viewer>()
  for (let member = 1; member <= count; member++) {
    const outbox: Outbox = {
      answer: () => {},
      push: () => {},
      latest: () => true,
      flush: () => {
        for (const until = performance.now() + takesMs; performance.now() < until; );
        written.push(member)
      },
      schedule: () => {}
    }
    viewers.set(member, new Viewer({ member, session: "s", pace: 1, outbox }, new Member(member, cell)))
  }
  return { viewers, written }
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe("Spread", () => {
  it("writes to a few at a time, in order, and to each once; what else has come is looked at in between", async () => {
    const { viewers, written } = crowd(200)
    const done: Array<number> = []
    const spread = new Spread((busyMs) => done.push(busyMs))
    spread.add(viewers.values())
    spread.begin(1)
    const first = written.length
    assert.isAbove(first, 0)
    assert.isBelow(first, 100)
    assert.lengthOf(done, 0)
    while (done.length === 0) await turn()
    assert.deepStrictEqual(written, upTo(200))
    assert.isAtLeast(done[0] ?? 0, 1)
    await turn()
    assert.lengthOf(done, 1)
  })

  it("writes all that are left when it is to finish, and nothing afterwards", async () => {
    const { viewers, written } = crowd(200)
    const done: Array<number> = []
    const spread = new Spread((busyMs) => done.push(busyMs))
    spread.add(viewers.values())
    spread.begin(0)
    assert.isAbove(spread.finish(), 0)
    assert.deepStrictEqual(written, upTo(200))
    assert.lengthOf(done, 1)
    await turn()
    await turn()
    assert.lengthOf(written, 200)
    assert.lengthOf(done, 1)
  })

  it("takes several channels one after another", async () => {
    const [park, square] = [crowd(100), crowd(100)]
    const done: Array<number> = []
    const spread = new Spread((busyMs) => done.push(busyMs))
    spread.add(park.viewers.values())
    spread.add(square.viewers.values())
    spread.begin(0)
    while (done.length === 0) await turn()
    assert.deepStrictEqual([park.written, square.written], [upTo(100), upTo(100)])
  })

  it("says how long all its writes took, and nothing of those of the tick before", async () => {
    const done: Array<readonly [number, number]> = []
    const spread = new Spread((...took) => done.push(took), 1)
    spread.add(crowd(3, 5).viewers.values())
    spread.begin(1)
    while (done.length === 0) await turn()
    spread.begin(2)
    const [[first, all] = [], [second, none = 15] = []] = done
    assert.deepStrictEqual([first, second], [1, 2])
    assert.isAtLeast(all ?? 0, 15)
    assert.isBelow(none, 15)
  })

  it("with nobody to write to is done at once", () => {
    const done: Array<number> = []
    const spread = new Spread((busyMs) => done.push(busyMs))
    spread.begin(2)
    assert.lengthOf(done, 1)
    assert.strictEqual(spread.finish(), 0)
    assert.lengthOf(done, 1)
  })
})
