/**
 * Flowers are neither made nor lost: the sum of all pouches is constant, every pouch is what the facts say, each gift
 * takes effect once and is answered alike, whoever is stopped, killed or told twice. With a defect planted the same
 * checks fail, so they can fail.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Came, daisies, gifts, give, guests, type How } from "./Gifts.ts"

const seeds = 100

/** What is wrong with a run; empty: nothing. */
const wrongs = ({ pouches, ledger, mails, most, answers, early }: Came): ReadonlyArray<string> => {
  const sum = [...pouches.values()].reduce((all, count) => all + count, 0)
  const outcomes = new Map<string, Set<string>>()
  for (const { name, answer } of answers) outcomes.set(name, (outcomes.get(name) ?? new Set()).add(answer))
  const given = [...outcomes].filter(([, answer]) => answer.has("give")).map(([name]) => name)
  return [
    ...(sum === guests * daisies ? [] : [`${sum} flowers in all`]),
    ...(most <= guests * daisies ? [] : [`${most} flowers at one time`]),
    ...[...pouches].filter(([name, count]) => count !== ledger.get(name)).map(([name]) => `the pouch of ${name}`),
    ...[...pouches].filter(([, count]) => count < 0).map(([name]) => `the pouch of ${name} below nothing`),
    ...mails.filter((name, at) => mails.indexOf(name) !== at).map((name) => `${name} came twice`),
    ...given.filter((name) => !mails.includes(name)).map((name) => `${name} was promised and did not come`),
    ...mails
      .filter((name) => outcomes.has(name) && !given.includes(name))
      .map((name) => `${name} was refused and came`),
    ...[...outcomes].filter(([, answer]) => answer.size > 1).map(([name]) => `${name} was answered in two ways`),
    ...early.map((name) => `${name} was promised too early`)
  ]
}

const broken = Effect.fnUntraced(function* (how: How, count: number) {
  const all = yield* Effect.forEach(Array.from({ length: count }), (_, seed) => give(seed + 1, how))
  return all.map(wrongs).filter((each) => each.length > 0)
})

describe("guests who give each other flowers", () => {
  it.effect(
    `${seeds * gifts} gifts in ${seeds} schedules: none is made, lost, doubled or promised in vain`,
    () =>
      Effect.gen(function* () {
        const seen = new Map<string, number>()
        for (let seed = 1; seed <= seeds; seed++) {
          const came = yield* give(seed)
          assert.deepStrictEqual(wrongs(came), [], `seed ${seed}`)
          for (const { answer } of came.answers) seen.set(answer, (seen.get(answer) ?? 0) + 1)
        }
        // Given, oneself, reused, nobody there, not enough: all of it has happened.
        assert.sameMembers([...seen.keys()], ["give", "refused 2", "refused 12", "refused 13", "refused 20"])
      }),
    120_000
  )

  it.effect("where sources are not kept, flowers are made", () =>
    Effect.gen(function* () {
      const wrong = yield* broken({ noSourceCheck: true }, 10)
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
})
