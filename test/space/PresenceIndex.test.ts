/** The index of an incarnation (rule P6): it names all that is held or about to be, and after a while nothing else. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import type { Held } from "../../src/space/Held.ts"
import { incarnationTag } from "../../src/space/Lease.ts"
import type { Saved } from "../../src/space/MemorySharedSpace.ts"
import { doubtsAtOnce, lookEveryMs } from "../../src/space/PresenceIndex.ts"
import { type Commit, changesMax } from "../../src/space/SharedSpace.ts"
import { withWallClock } from "../WallClock.ts"
import { type Runner, runner, settle, spaceAway, Twins } from "./Harness.ts"
import { sessionIn } from "./Members.ts"
import { guest, lost, named, park, seen } from "./Standing.ts"

const indexOf = ({ space }: Twins, { self }: Runner) =>
  [...space.snapshot(incarnationTag(self.incarnation.id), "", "").entries.keys()]
    .filter((key) => key !== "lease")
    .sort()

/** As upkeep does, which comes every second: only now and then it is looked at. */
const clean = ({ presence }: Runner, ...held: ReadonlyArray<Held>) =>
  Effect.andThen(
    TestClock.adjust(lookEveryMs),
    Effect.suspend(() => presence.cleanIndex(held.map((each) => ({ held: each }))))
  )

const one = Effect.gen(function* () {
  const twins = new Twins()
  const first = yield* runner(twins)
  const held = yield* first.presence.begin(guest, named("s_1"))
  return { twins, first, held }
})

/** The space loses what came after, and the runner, which holds nobody, names anew all that it holds. */
const goesBack = Effect.fnUntraced(function* ({ space }: Twins, { presence }: Runner, saved: Saved) {
  space.rewind(saved)
  yield* settle
  yield* presence.indexAll([])
})

/** Its session with the roster has ended. */
const becomesAnother = Effect.fnUntraced(function* ({ ensemble }: Twins, { self }: Runner) {
  const { id: former } = self.incarnation
  ensemble.expire(former)
  yield* TestClock.adjust("2 seconds")
  assert.notStrictEqual(self.incarnation.id, former)
})

describe("the index of an incarnation", () => {
  it.effect("names a channel as long as somebody is there, and longer only till it was looked at twice", () =>
    Effect.gen(function* () {
      const { twins, first, held: outside } = yield* one
      const { held } = yield* first.presence.enter(outside, park(1))
      yield* Effect.andThen(clean(first, held), clean(first, held))
      assert.deepStrictEqual(indexOf(twins, first), ["channel/park/1", "guest/g_A"])
      const left = yield* first.presence.leave(held, 3)
      yield* clean(first, left)
      assert.include(indexOf(twins, first), "channel/park/1", "somebody may just be on their way")
      yield* clean(first, left)
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A"])
      const again = yield* first.presence.enter(left, park(1, 4))
      yield* Effect.andThen(clean(first, again.held), clean(first, again.held))
      assert.deepStrictEqual(indexOf(twins, first), ["channel/park/1", "guest/g_A"])
    })
  )

  it.effect("names no guest any more whom another runner has claimed, or whose session has ended", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      const second = yield* runner(twins, { id: "r2" })
      const ends = yield* first.presence.begin("g_B", named("s_B"))
      yield* second.presence.resume(guest, { session: "s_1", serial: held.record.token, id: 5 })
      const moved = yield* first.presence.moveOn(ends, yield* lost, 0)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(moved === "ended" ? moved : yield* first.presence.moveOn(moved, yield* seen, 0), "ended")
      yield* Effect.andThen(clean(first), clean(first))
      assert.deepStrictEqual(indexOf(twins, first), [])
      assert.deepStrictEqual(indexOf(twins, second), ["guest/g_A"])
    })
  )

  it.effect("names a guest who says hello while their session before ends", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      const begun = Deferred.makeUnsafe<void>()
      const moved = yield* first.presence.moveOn(held, yield* lost, 0)
      yield* TestClock.adjust("1 minute")
      // The session is over; what follows from it waits.
      first.watch.after = ({ tag, changes: [change] }) =>
        tag === guest && change?._tag === "Delete" ? Deferred.await(begun) : Effect.void
      if (moved === "ended") return assert.fail()
      const ending = yield* Effect.forkChild(first.presence.moveOn(moved, yield* seen, 0))
      yield* settle
      const newer = yield* first.presence.begin(guest, named("s_2"))
      Deferred.doneUnsafe(begun, Effect.void)
      assert.strictEqual(yield* Fiber.join(ending), "ended")
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A"])
      yield* Effect.andThen(clean(first, newer), clean(first, newer))
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A"])
    })
  )

  it.effect("names whoever comes while it is cleaned of them, and whoever has been coming for long", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* one
      const [cleaned, claimed] = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()]
      yield* clean(first)
      // Another is claimed so slowly that it is looked at twice meanwhile.
      first.watch.before = ({ tag, changes: [change] }) =>
        tag === "g_B" ? Deferred.await(claimed) : change?._tag === "Delete" ? Deferred.await(cleaned) : Effect.void
      const slow = yield* Effect.forkChild(first.presence.begin("g_B", named("s_B")))
      yield* TestClock.adjust(lookEveryMs)
      const cleaning = yield* Effect.forkChild(first.presence.cleanIndex([]))
      yield* settle
      const coming = yield* Effect.forkChild(first.presence.begin(guest, named("s_2")))
      yield* settle
      Deferred.doneUnsafe(cleaned, Effect.void)
      yield* Fiber.join(cleaning)
      const held = yield* Fiber.join(coming)
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A", "guest/g_B"])
      yield* Effect.andThen(clean(first, held), clean(first, held))
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A", "guest/g_B"])
      Deferred.doneUnsafe(claimed, Effect.void)
      yield* Fiber.join(slow)
      first.watch.before = () => Effect.void
      yield* Effect.andThen(clean(first), clean(first))
      assert.deepStrictEqual(indexOf(twins, first), [])
    })
  )

  it.effect("names whom it may hold without knowing, until it does; but nobody who was refused", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      yield* Effect.exit(first.presence.resume("g_none", { session: "s_none", serial: 1, id: 1 }))
      // It is claimed, and there is no word of it.
      first.watch.after = ({ tag }) => (tag === "g_B" ? Effect.fail(spaceAway) : Effect.void)
      first.watch.before = ({ tag, token }) =>
        tag === "g_B" && first.watch.commits.some((commit) => commit.token === token)
          ? Effect.fail(spaceAway)
          : Effect.void
      const begin = yield* Effect.forkChild(Effect.exit(first.presence.begin("g_B", named("s_B"))))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(begin))._tag, "Failure")
      assert.strictEqual(sessionIn(twins, "g_B")?.session, "s_B")
      yield* Effect.andThen(clean(first, held), clean(first, held))
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A", "guest/g_B"])
      first.watch.after = first.watch.before = () => Effect.void
      const again = yield* first.presence.begin("g_B", named("s_C"))
      yield* Effect.andThen(clean(first, held, again), clean(first, held))
      yield* clean(first, held)
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A"])
    })
  )

  /** A hello of which there is no word, and that fails; `happens` is when it is written all the same. */
  const unheard = Effect.fnUntraced(function* (first: Runner, happens: "at once" | "later") {
    const commits: Array<Commit> = []
    first.watch.before = (commit) => {
      if (commit.tag !== "g_B") return Effect.void
      if (commits.push(commit) > 1 || happens === "later") return Effect.fail(spaceAway)
      return Effect.void
    }
    first.watch.after = ({ tag }) => (tag === "g_B" ? Effect.fail(spaceAway) : Effect.void)
    const begin = yield* Effect.forkChild(Effect.exit(first.presence.begin("g_B", named("s_B"))))
    yield* TestClock.adjust("1 minute")
    assert.strictEqual((yield* Fiber.join(begin))._tag, "Failure")
    first.watch.after = first.watch.before = () => Effect.void
    return commits[0] ?? assert.fail("nothing was to be written")
  })
  const brokenOff = ({ presence }: Runner) =>
    Effect.map(presence.brokenOff, (all) => all.map(({ guest, record }) => [guest, record.session]))

  it.effect("says whom it holds without knowing, as long as that is in doubt", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* one
      yield* unheard(first, "at once")
      // Become another meanwhile, it leaves the name where a watcher looks.
      yield* first.presence.unindex(first.self.incarnation)
      assert.include(indexOf(twins, first), "guest/g_B")
      assert.deepStrictEqual(yield* brokenOff(first), [["g_B", "s_B"]])
      assert.deepStrictEqual(yield* brokenOff(first), [], "it was looked at just now")
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(yield* brokenOff(first), [["g_B", "s_B"]])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* brokenOff(first), [])
    })
  )

  it.effect("says so, too, of whom it held already when a write happens minutes after it failed", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* one
      yield* first.presence.begin("g_B", named("s_A"))
      const late = yield* unheard(first, "later")
      assert.deepStrictEqual(yield* brokenOff(first), [["g_B", "s_A"]])
      twins.space.commit(late)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* brokenOff(first), [["g_B", "s_B"]])
    })
  )

  it.effect("says, once, whom it holds again since the space has gone back behind their end", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      const saved = twins.space.save()
      yield* first.presence.remove(held)
      assert.isUndefined(sessionIn(twins, guest))
      yield* goesBack(twins, first, saved)
      assert.deepStrictEqual(yield* brokenOff(first), [[guest, "s_1"]])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* brokenOff(first), [])
      yield* first.presence.indexAll([held])
      assert.deepStrictEqual(yield* brokenOff(first), [], "whom it holds it looks after")
    })
  )

  it.effect("says so of whose end was the first that a space has lost which goes back by a minute", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      const saved = twins.space.save()
      yield* first.presence.remove(held)
      for (let second = 0; second < 59; second++) {
        yield* TestClock.adjust("1 second")
        yield* first.presence.cleanIndex([])
      }
      yield* goesBack(twins, first, saved)
      assert.deepStrictEqual(yield* brokenOff(first), [[guest, "s_1"]])
    })
  )

  it.effect("says so, too, of whom it held as another incarnation", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      const saved = twins.space.save()
      yield* first.presence.remove(held)
      yield* becomesAnother(twins, first)
      yield* goesBack(twins, first, saved)
      assert.deepStrictEqual(yield* brokenOff(first), [[guest, "s_1"]])
    })
  )

  it.effect("says so, too, of whom it came to hold as another incarnation by an enter", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      yield* becomesAnother(twins, first)
      const entered = yield* first.presence.enter(held, park(1))
      const saved = twins.space.save()
      yield* first.presence.remove(entered.held)
      yield* goesBack(twins, first, saved)
      assert.deepStrictEqual(yield* brokenOff(first), [[guest, "s_1"]])
    })
  )

  it.effect("says so, too, of whom it was about to name no longer when the space went back", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      const [saved, back] = [twins.space.save(), Deferred.makeUnsafe<void>()]
      yield* first.presence.remove(held)
      yield* clean(first)
      yield* TestClock.adjust(lookEveryMs)
      first.watch.before = ({ changes: [change] }) => (change?._tag === "Delete" ? Deferred.await(back) : Effect.void)
      const cleaning = yield* Effect.forkChild(first.presence.cleanIndex([]))
      yield* settle
      twins.space.rewind(saved)
      Deferred.doneUnsafe(back, Effect.void)
      yield* Fiber.join(cleaning)
      yield* first.presence.indexAll([])
      assert.deepStrictEqual(yield* brokenOff(first), [[guest, "s_1"]])
    })
  )

  it.effect("says nothing of what another process of its name has", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* one
      const other = yield* runner(twins)
      assert.strictEqual(other.self.incarnation.runner, first.self.incarnation.runner)
      yield* unheard(first, "later")
      yield* other.presence.begin("g_B", named("s_B"))
      assert.deepStrictEqual(yield* brokenOff(first), [])
    })
  )

  it.effect("says so, too, when a write happens minutes after it failed", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* one
      const late = yield* unheard(first, "later")
      yield* TestClock.adjust("3 minutes")
      assert.deepStrictEqual(yield* brokenOff(first), [])
      twins.space.commit(late)
      assert.deepStrictEqual(yield* brokenOff(first), [], "it was looked at just now")
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* brokenOff(first), [["g_B", "s_B"]])
    })
  )

  it.effect("looks at all in doubt by turns, however many there are", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* one
      const commits: Array<Commit> = []
      first.watch.before = (commit) => {
        if (!commit.tag.startsWith("g_")) return Effect.void
        commits.push(commit)
        return Effect.fail(spaceAway)
      }
      for (let at = 0; at <= 6 * doubtsAtOnce; at++) {
        yield* Effect.forkChild(Effect.exit(first.presence.begin(`g_${at}`, named(`s_${at}`))))
      }
      yield* TestClock.adjust("10 seconds")
      first.watch.before = () => Effect.void
      // Tried for the last time, it is the last that came into doubt.
      const last = commits.at(-1) ?? assert.fail()
      twins.space.commit({ ...last, found: true })
      const found: Array<unknown> = []
      for (let second = 0; second < 10; second++) {
        found.push(...(yield* brokenOff(first)))
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(found, [[last.tag, last.tag.replace("g_", "s_")]])
    })
  )

  it.effect("names for five minutes whom a write that did not happen was to claim", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      yield* unheard(first, "later")
      const look = Effect.all([brokenOff(first), clean(first, held), clean(first, held)])
      yield* Effect.andThen(TestClock.adjust("3 minutes"), look)
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A", "guest/g_B"])
      yield* Effect.andThen(TestClock.adjust("1 minute"), look)
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A"])
    })
  )

  it.effect("looks, and is cleaned, as ever when the clock is set back", () =>
    withWallClock((set) =>
      Effect.gen(function* () {
        const { twins, first, held } = yield* one
        const late = yield* unheard(first, "later")
        assert.deepStrictEqual(yield* brokenOff(first), [])
        yield* Effect.andThen(clean(first, held), clean(first, held))
        set(-3_600_000)
        twins.space.commit(late)
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* brokenOff(first), [["g_B", "s_B"]])
        yield* Effect.andThen(TestClock.adjust("5 minutes"), brokenOff(first))
        yield* Effect.andThen(clean(first, held), clean(first, held))
        assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A"])
      })
    )
  )

  it.effect("is cleaned in a few commits, now and then, and again where that failed", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* one
      for (let at = 0; at <= changesMax; at++) yield* first.presence.begin(`g_${at}`, named(`s_${at}`))
      yield* clean(first, held)
      first.watch.isAway = true
      const failing = yield* Effect.forkChild(Effect.exit(clean(first, held)))
      yield* settle
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(failing))._tag, "Failure")
      first.watch.isAway = false
      first.watch.forget()
      yield* first.presence.cleanIndex([{ held }])
      assert.deepStrictEqual(first.watch.tags, [], "not so soon")
      yield* clean(first, held)
      assert.lengthOf(first.watch.tags, 2)
      assert.deepStrictEqual(indexOf(twins, first), ["guest/g_A"])
    })
  )
})
