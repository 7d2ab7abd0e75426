/** Who comes in one turn of the event loop is named in one commit (rule P6), and what befalls one of them is no other's matter. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { incarnationTag } from "../../src/space/Lease.ts"
import { type Commit, changesMax } from "../../src/space/SharedSpace.ts"
import { type Runner, runner, settle, spaceAway, Twins } from "./Harness.ts"
import { named, park } from "./Standing.ts"

const begin = ({ presence }: Runner, at: number) => presence.begin(`g_${at}`, named(`s_${at}`))

const beginAll = (first: Runner, count: number) =>
  Effect.all(
    Array.from({ length: count }, (_, at) => begin(first, at)),
    { concurrency: "unbounded" }
  )

const isNaming = ({ self }: Runner, { tag, changes }: Commit): boolean =>
  tag === incarnationTag(self.incarnation.id) && changes.every(({ _tag }) => _tag === "Put")

/** What each commit to the index has named. */
const namings = (first: Runner): ReadonlyArray<ReadonlyArray<string>> =>
  first.watch.commits
    .filter((commit) => isNaming(first, commit))
    .map(({ changes }) => changes.flatMap((change) => (change._tag === "Put" ? [change.key] : [])))

describe("those who come at once", () => {
  it.effect("are named in one commit, before any of them is claimed", () =>
    Effect.gen(function* () {
      const first = yield* runner(new Twins())
      yield* beginAll(first, 100)
      assert.deepStrictEqual(namings(first), [Array.from({ length: 100 }, (_, at) => `guest/g_${at}`)])
      assert.strictEqual(first.watch.tags[0], incarnationTag(first.self.incarnation.id))
      assert.lengthOf(first.watch.commits, 101)
      yield* begin(first, 100)
      assert.deepStrictEqual(namings(first)[1], ["guest/g_100"], "who comes later is not too late")
    })
  )

  it.effect("are named in as many commits as it takes", () =>
    Effect.gen(function* () {
      const first = yield* runner(new Twins())
      yield* beginAll(first, changesMax)
      assert.deepStrictEqual(
        namings(first).map(({ length }) => length),
        [changesMax]
      )
      first.watch.forget()
      yield* beginAll(first, changesMax + 1)
      assert.deepStrictEqual(
        namings(first).map(({ length }) => length),
        [changesMax, 1]
      )
    })
  )

  it.effect("to one channel name it once", () =>
    Effect.gen(function* () {
      const first = yield* runner(new Twins())
      const all = yield* beginAll(first, 20)
      first.watch.forget()
      yield* Effect.all(
        all.map((held) => first.presence.enter(held, park(1))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(namings(first), [["channel/park/1"]])
    })
  )

  it.effect("are named whoever of them leaves, were it the first", () =>
    Effect.gen(function* () {
      const first = yield* runner(new Twins())
      const leaving = yield* Effect.forkChild(begin(first, 0), { startImmediately: true })
      const others = yield* Effect.forkChild(Effect.all([begin(first, 1), begin(first, 2)], { concurrency: 2 }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(leaving)
      assert.lengthOf(yield* Fiber.join(others), 2)
      assert.deepStrictEqual(namings(first), [["guest/g_0", "guest/g_1", "guest/g_2"]])
      assert.notInclude(first.watch.tags, "g_0", "it had left before its claim")
    })
  )

  it.effect("are all refused where the space is away, and named when they come again", () =>
    Effect.gen(function* () {
      const first = yield* runner(new Twins())
      first.watch.before = (commit) => (isNaming(first, commit) ? Effect.fail(spaceAway) : Effect.void)
      const coming = yield* Effect.forkChild(
        Effect.all([Effect.exit(begin(first, 0)), Effect.exit(begin(first, 1))], { concurrency: 2 })
      )
      yield* TestClock.adjust("1 minute")
      const exits = yield* Fiber.join(coming)
      assert.deepStrictEqual(exits.map(Exit.isFailure), [true, true])
      assert.deepStrictEqual(first.watch.tags, [], "nobody is claimed who is not named")
      first.watch.before = () => Effect.void
      yield* beginAll(first, 2)
      yield* settle
      assert.deepStrictEqual(namings(first), [["guest/g_0", "guest/g_1"]])
    })
  )
})
