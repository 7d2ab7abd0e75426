/** Whatever line a socket is lost before, and however often: nothing is lost, doubled or out of order. */
import { assert, describe, it } from "@effect/vitest"
import { chance } from "../../src/command/Stroll.ts"
import { type Faults, Strait } from "./Strait.ts"

const seed = Number(process.env.NORITER_SEED ?? Date.now() % 1_000_000)

const verdict = (faults: Partial<Faults>, random = chance(1)) =>
  new Strait({ cuts: new Set(), ...faults }, random).run()

/** Cut once, before each of the lines of a conversation in turn; those that went wrong. */
const oneCut = (faults: Partial<Faults> = {}) =>
  Array.from({ length: 30 }, (_, at) => verdict({ ...faults, cuts: new Set([at]) })).filter((wrong) => wrong.length > 0)

describe("A conversation whose sockets are lost", () => {
  it("is whole without any loss, in fewer lines than are cut", () => {
    const strait = new Strait({ cuts: new Set() }, chance(1))
    assert.deepStrictEqual(strait.run(), [])
    assert.isBelow(strait.deliveries, 30)
  })

  it("is found to be broken when it forgets to send again", () => {
    const written = new Set<string>()
    const write: Faults["write"] = (line, pass) => {
      const isSaying = line.includes('"say"')
      if (!isSaying || !written.has(line)) pass(line)
      if (isSaying) written.add(line)
    }
    const forgetful = Array.from({ length: 30 }, (_, at) => {
      written.clear()
      return verdict({ write, cuts: new Set([at]) })
    })
    assert.isTrue(forgetful.some((wrong) => wrong.join().includes("did not come to an end")))
  })

  it("is found to be broken when it sends again under another id", () => {
    const meant = new Map<number, string>()
    const write: Faults["write"] = (line, pass) =>
      pass(
        line.replace(/^\{"id":(\d+),"say"/, (_, id) => {
          meant.set(1000 + meant.size, id)
          return `{"id":${999 + meant.size},"say"`
        })
      )
    const deliver: Faults["deliver"] = (line, pass) =>
      pass(line.replace(/^\{"re":(\d+)/, (_, re) => `{"re":${meant.get(Number(re)) ?? re}`))
    assert.isTrue(oneCut({ write, deliver }).some((wrong) => wrong.join().includes("done: enter,하나,하나")))
  })

  it("is found to be broken when lines come twice from what it heard", () => {
    const deliver: Faults["deliver"] = (line, pass) => {
      pass(line)
      if (line.includes('"said"')) pass(line.replace(/"seq":(\d+)/, (_, seq) => `"seq":${Number(seq) + 1}`))
    }
    assert.isNotEmpty(oneCut({ deliver }))
  })

  it("goes on as if nothing had been, wherever it is cut", () => {
    assert.deepStrictEqual(oneCut(), [])
  })

  it(`goes on wherever it is cut, again and again (NORITER_SEED=${seed})`, () => {
    for (let round = 0; round < 500; round++) {
      const random = chance(seed + round)
      const cuts = new Set(Array.from({ length: 1 + Math.floor(random() * 12) }, () => Math.floor(random() * 120)))
      assert.deepStrictEqual(verdict({ cuts }, random), [], `seed ${seed + round}, cut before ${[...cuts].join()}`)
    }
  })
})
