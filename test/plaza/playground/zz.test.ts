/** Temp. */
import { it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Play, type Step } from "./Play.ts"
const scriptOf = (seed: number, length: number): ReadonlyArray<Step> => {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 8
  }
  return Array.from({ length }, (): Step => [next(), next(), next(), next()])
}
it("many", () => { for (let s = 100; s < 200; s++) new Play().play(scriptOf(s, 3000)) }, 300_000)
const any = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9_999 }))
it.effect("sizes", () => Effect.gen(function*(){
  const s = yield* Arbitrary.sampleEffect(Arbitrary.array(Arbitrary.schema(Schema.Tuple([any, any, any, any])), { minLength: 0, maxLength: 400 }), { count: 50 } as never)
  console.log(JSON.stringify(s.map((x) => x.length)), JSON.stringify(s[49]?.slice(0, 10)))
}))
