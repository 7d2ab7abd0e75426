/** Scripts of numbers, made by a property test, which shrinks them, or by a seed, which makes long ones. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Step } from "./Play.ts"

const number = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9_999 }))
export const scripts = Arbitrary.array(Arbitrary.schema(Schema.Tuple([number, number, number, number])), {
  minLength: 0,
  maxLength: 300
})

/** A script by a seed: the same numbers everywhere. */
export const scriptOf = (seed: number, length: number): ReadonlyArray<Step> => {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 8
  }
  return Array.from({ length }, (): Step => [next(), next(), next(), next()])
}
