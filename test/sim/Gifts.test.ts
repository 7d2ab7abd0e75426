/**
 * Flowers are neither made nor lost: the sum of all pouches is constant, every pouch is what the facts say, each gift
 * takes effect once and is answered alike, whoever is stopped, killed or told twice, and though the shared space is rewound
 * or emptied. With a defect planted the same checks fail, so they can fail.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Befalls, type Came, daisies, gifts, give, guests } from "./Gifts.ts"
import type { How } from "./GiftsPlanted.ts"

/** More than any of the defects below takes to show. */
const seeds = 6
const wrappingSeeds = 5

/** What is wrong with a run; empty: nothing. */
const wrongs = ({ pouches, ledger, given, received, most, answers, early }: Came): ReadonlyArray<string> => {
  const sum = [...pouches.values()].reduce((all, count) => all + count, 0)
  const outcomes = new Map<string, Set<string>>()
  for (const { name, answer } of answers) outcomes.set(name, (outcomes.get(name) ?? new Set()).add(answer))
  const promised = [...outcomes].filter(([, answer]) => answer.has("give")).map(([name]) => name)
  return [
    ...(sum === guests * daisies ? [] : [`${sum} flowers in all`]),
    ...(most <= guests * daisies ? [] : [`${most} flowers at one time`]),
    ...[...pouches].filter(([name, count]) => count !== ledger.get(name)).map(([name]) => `the pouch of ${name}`),
    ...[...pouches].filter(([, count]) => count < 0).map(([name]) => `the pouch of ${name} below nothing`),
    ...twice(given).map((name) => `${name} went twice`),
    ...twice(received).map((name) => `${name} came twice`),
    ...given.filter((name) => !received.includes(name)).map((name) => `${name} went and did not come`),
    ...promised.filter((name) => !received.includes(name)).map((name) => `${name} was promised and did not come`),
    ...received
      .filter((name) => outcomes.has(name) && !promised.includes(name))
      .map((name) => `${name} was refused and came`),
    ...[...outcomes].filter(([, answer]) => answer.size > 1).map(([name]) => `${name} was answered in two ways`),
    ...early.map((name) => `${name} was promised too early`)
  ]
}

const twice = (names: ReadonlyArray<string>) => names.filter((name, at) => names.indexOf(name) !== at)

const broken = Effect.fnUntraced(function* (how: How, count: number, befalls: Befalls = "nothing") {
  const all = yield* Effect.forEach(Array.from({ length: count }), (_, seed) => give(seed + 1, how, befalls))
  return all.map(wrongs).filter((each) => each.length > 0)
})

const fates: ReadonlyArray<Befalls> = ["nothing", "rewound", "emptied"]

// They compute and wait for nothing: on a busy machine it takes as long as it takes.
describe("guests who give each other flowers", { timeout: 240_000 }, () => {
  it.effect.each(fates)(
    `${seeds * gifts} gifts in ${seeds} schedules, the space befallen by %s: none is made, lost, doubled or promised in vain`,
    (befalls) =>
      Effect.gen(function* () {
        const seen = new Map<string, number>()
        for (let seed = 1; seed <= seeds; seed++) {
          const came = yield* give(seed, {}, befalls)
          assert.deepStrictEqual(wrongs(came), [], `seed ${seed}`)
          for (const { answer } of came.answers) seen.set(answer, (seen.get(answer) ?? 0) + 1)
        }
        // Given, oneself, reused, nobody there, not enough: all of it has happened.
        assert.sameMembers([...seen.keys()], ["give", "refused 2", "refused 12", "refused 13", "refused 20"])
      })
  )

  it.effect.each(fates)(
    `half of ${wrappingSeeds * gifts} wrapped, in ${wrappingSeeds} schedules, the space befallen by %s: each comes once, at its time`,
    (befalls) =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= wrappingSeeds; seed++) {
          const came = yield* give(seed, { wraps: true }, befalls)
          assert.deepStrictEqual(wrongs(came), [], `seed ${seed}`)
        }
      })
  )

  it.effect("where timers are struck before they are on the log, some wrapped flowers never come", () =>
    Effect.gen(function* () {
      const failing = { wraps: true, failing: true }
      assert.deepStrictEqual(yield* broken(failing, 3), [])
      const wrong = yield* broken({ ...failing, strikesFirst: true }, 6)
      assert.isTrue(
        wrong.flat().some((each) => each.endsWith("went and did not come")),
        `${wrong}`
      )
    })
  )

  it.effect("where it does not matter whether a timer stands, wrapped flowers come twice", () =>
    Effect.gen(function* () {
      const wrong = yield* broken({ wraps: true, noTimerCheck: true }, 5)
      assert.isTrue(
        wrong.flat().some((each) => each.endsWith("came twice")),
        `${wrong}`
      )
    })
  )

  it.effect("where sources are not kept, flowers are made", () =>
    Effect.gen(function* () {
      const wrong = yield* broken({ noSourceCheck: true }, 4)
      assert.isTrue(
        wrong.flat().some((each) => each.endsWith("came twice")),
        `${wrong}`
      )
      assert.isTrue(
        wrong.flat().some((each) => each.endsWith("flowers in all")),
        `${wrong}`
      )
    })
  )

  it.effect("where answers do not wait for the log, some are promised too early", () =>
    Effect.gen(function* () {
      const wrong = yield* broken({ answersFirst: true }, 3)
      assert.isTrue(
        wrong.flat().some((each) => each.endsWith("too early")),
        `${wrong}`
      )
    })
  )

  it.effect("where what is missing counts as empty, pouches are not what the facts say", () =>
    Effect.gen(function* () {
      const wrong = yield* broken({ missingIsEmpty: true }, 5, "emptied")
      assert.isTrue(
        wrong.flat().some((each) => each.startsWith("the pouch of")),
        `${wrong}`
      )
    })
  )

  it.effect("where facts carry no marks, what is sent again goes twice", () =>
    Effect.gen(function* () {
      const wrong = yield* broken({ noMarks: true }, 4, "emptied")
      assert.isTrue(
        wrong.flat().some((each) => each.endsWith("went twice") || each.endsWith("came twice")),
        `${wrong}`
      )
    })
  )

  it.effect("where nothing is read again, what was rewound is lost", () =>
    Effect.gen(function* () {
      const wrong = yield* broken({ noGoingBack: true }, 5, "rewound")
      assert.isTrue(
        wrong.flat().some((each) => each.startsWith("the pouch of")),
        `${wrong}`
      )
    })
  )
})
