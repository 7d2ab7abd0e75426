/** Views: who is told of whom. The checks are first shown defects that they must find. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Defect } from "./Listener.ts"
import { Play, type Step } from "./Play.ts"

const any = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9_999 }))
const scripts = Arbitrary.array(Arbitrary.schema(Schema.Tuple([any, any, any, any])), { minLength: 0, maxLength: 400 })

/** A script by a seed: the same numbers everywhere. */
const scriptOf = (seed: number, length: number): ReadonlyArray<Step> => {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 8
  }
  return Array.from({ length }, (): Step => [next(), next(), next(), next()])
}

describe("each phone is told who is shown around it, and where", () => {
  it.prop(
    "whatever happens",
    { script: scripts },
    ({ script }) => {
      new Play().play(script)
    },
    { timeout: 60_000, arbitrary: { runs: 300 } }
  )

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("in a long script of seed %i", (seed) => {
    new Play().play(scriptOf(seed, 5_000))
  })

  const defects: ReadonlyArray<readonly [string, Defect]> = [
    [
      "who went out of sight is forgotten",
      (line) => (line.disappeared?.reason === "GONE_REASON_OUT_OF_SIGHT" ? undefined : line)
    ],
    ["who left is forgotten", (line) => (line.disappeared?.reason === "GONE_REASON_LEFT" ? undefined : line)],
    ["moves are forgotten", (line) => (line.moved === undefined ? line : undefined)],
    ["crowds are forgotten", (line) => (line.crowded === undefined ? line : undefined)],
    [
      "one of those who appeared is forgotten",
      (line) => (line.appeared === undefined ? line : { appeared: { members: line.appeared.members.slice(1) } })
    ],
    [
      "another reason is given",
      (line) =>
        line.disappeared === undefined ? line : { disappeared: { ...line.disappeared, reason: "GONE_REASON_LOST" } }
    ]
  ]
  it.each(defects)("finds it when %s", (_name, defect) => {
    assert.throws(() => new Play(defect).play(scriptOf(1, 5_000)))
  })
})
