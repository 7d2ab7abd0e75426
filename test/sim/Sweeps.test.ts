/**
 * Whoever a dead runner held is swept, whatever befalls those who sweep; nobody else is; and a runner that only seemed
 * dead changes nothing any more. With a defect planted the same checks fail, so they can fail.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type How, sweepUp } from "./Sweeps.ts"

const seeds = 20
/** So many are looked through for one that shows what was planted. */
const plantedSeeds = 400

const wrongsOf = (seed: number, how: How = {}) =>
  Effect.map(sweepUp(seed, how), ({ judged, left }) => [...judged, ...left])

/** Looks through seeds until one shows what was planted; `from` is one that did, until a call more is simulated. */
const finds = Effect.fnUntraced(function* (how: How, sign: RegExp, from: number) {
  for (let seed = from; seed < from + plantedSeeds; seed++) {
    if ((yield* wrongsOf(seed, how)).some((wrong) => sign.test(wrong))) return
  }
  assert.fail(`none of ${plantedSeeds} seeds shows ${sign}`)
})

describe("watchers", () => {
  it.effect(
    `sweep up after a runner in ${seeds} schedules: nothing is left, nothing comes back, nobody well is touched`,
    () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= seeds; seed++) {
          assert.deepStrictEqual(yield* wrongsOf(seed), [], `seed ${seed}`)
        }
      }),
    120_000
  )

  const planted: ReadonlyArray<readonly [what: string, how: How, sign: RegExp, from: number]> = [
    ["where nobody sweeps, ghosts stay", { sweepsOff: true }, /is a dead runner's/, 1],
    [
      "where a fence is raised only where members were found, a frozen runner changes a channel",
      { fencesWhereFound: true },
      /after it was fenced/,
      191
    ],
    [
      "where a member goes before its session, that names nobody",
      { membersFirst: true },
      /while its session named it/,
      1
    ],
    [
      "where what cannot be read counts as dead, runners that are well are fenced",
      { unreadableIsDead: true },
      /was fenced, and is well/,
      1
    ]
  ]
  it.effect.each(planted)("%s", ([, how, sign, from]) => finds(how, sign, from), 240_000)
})
