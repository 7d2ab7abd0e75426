import { assert, describe, it } from "@effect/vitest"
import { LineFlow } from "../../../src/plaza/playground/LineFlow.ts"
import { Cell, Member } from "../../../src/plaza/playground/Member.ts"
import { Viewer } from "../../../src/plaza/playground/Viewer.ts"

/** Long enough that lines come while it is paid for. */
const writeMs = 10

/** A channel of one phone that takes a while to write to: how many lines each writing took. */
function channel({ moving = false } = {}) {
  const written: Array<number> = []
  let waiting = 0
  const flush = () => {
    for (const until = performance.now() + writeMs; performance.now() < until; );
  }
  const outbox = { answer: () => {}, push: () => {}, latest: () => true, flush, schedule: () => {} }
  const viewer = new Viewer({ member: 1, session: "s", pace: 1, outbox }, new Member(1, new Cell(0, 0, 0)))
  const flow = new LineFlow({
    hasMovement: () => moving,
    flushLines: (write) => {
      written.push(waiting)
      waiting = 0
      write?.([viewer])
    }
  })
  const say = () => {
    waiting++
    flow.news()
  }
  return { say, written }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Turns of the event loop, until so many writings were done. */
async function untilWritten(written: ReadonlyArray<number>, count: number): Promise<void> {
  while (written.length < count) await turn()
}

describe("LineFlow", () => {
  it("writes lines of a quiet channel at the end of the turn they came in, together", async () => {
    const { say, written } = channel()
    say()
    say()
    assert.deepStrictEqual(written, [])
    await turn()
    assert.deepStrictEqual(written, [2])
  })

  it("lets lines share a writing when the one before is not paid for, and loses none", async () => {
    const { say, written } = channel()
    say()
    await untilWritten(written, 1)
    // In two turns: more would take longer, on a machine with much to do, than what is paid for.
    say()
    await turn()
    for (let line = 0; line < 4; line++) say()
    assert.deepStrictEqual(written, [1])
    await untilWritten(written, 2)
    assert.deepStrictEqual(written, [1, 5])
    // And again, when nothing waits any more.
    say()
    await untilWritten(written, 3)
    assert.deepStrictEqual(written, [1, 5, 1])
  })

  it("leaves them to the tick where one is coming", async () => {
    const { say, written } = channel({ moving: true })
    say()
    await turn()
    await turn()
    assert.deepStrictEqual(written, [])
  })
})
