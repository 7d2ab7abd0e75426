/** A claim of which its runner has no word, for a phone that does not come again: nobody stands there for ever (rule P5). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { incarnationTag } from "../../src/space/Lease.ts"
import type { Commit } from "../../src/space/SharedSpace.ts"
import { type Runner, runner, spaceAway } from "./Harness.ts"
import { membersIn, sessionIn, wrongs } from "./Members.ts"
import { guest, lost, named, standing, stateOf } from "./Standing.ts"

const { PRESENCE_STATE_PRESENT, PRESENCE_STATE_LOST, PRESENCE_STATE_AWAY } = PresenceState

/** What is written for the guest from now on happens, and there is no word of it. */
const wordless = ({ watch }: Runner) => {
  const made = new Set<string>()
  watch.after = ({ tag, token }) => (tag === guest && made.add(token) ? Effect.fail(spaceAway) : Effect.void)
  watch.before = ({ token }) => (made.has(token) ? Effect.fail(spaceAway) : Effect.void)
}

const heard = ({ watch }: Runner) => {
  watch.after = watch.before = () => Effect.void
}

/** Tries it as long as it is tried at all, in vain. */
const inVain = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const tried = yield* Effect.forkChild(Effect.exit(effect))
    yield* TestClock.adjust("10 seconds")
    assert.strictEqual((yield* Fiber.join(tried))._tag, "Failure")
  })

/** As upkeep does every second. */
const upkeep = ({ presence }: Runner, seconds: number) =>
  Effect.gen(function* () {
    for (let second = 0; second < seconds; second++) {
      yield* TestClock.adjust("1 second")
      yield* presence.cleanIndex([])
    }
  })

/** The guest's socket is lost, and they come back to another runner, which has no word of what it writes. */
const comingBack = Effect.gen(function* () {
  const { twins, first, held } = yield* standing
  const second = yield* runner(twins, { id: "r2" })
  yield* first.presence.moveOn(held, yield* lost, 0)
  wordless(second)
  const claim = { session: held.record.session, serial: held.record.token, id: 5 }
  yield* inVain(second.presence.resume(guest, claim))
  heard(second)
  assert.strictEqual(sessionIn(twins, guest)?.state, PRESENCE_STATE_PRESENT, "it was claimed all the same")
  return { twins, first, second, claim: { ...claim, id: 6 } }
})

describe("a session that was claimed without word of it", () => {
  it.effect("is lost, away and ended in its time, and so is its member", () =>
    Effect.gen(function* () {
      const { twins, second } = yield* comingBack
      yield* upkeep(second, 1)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_LOST])
      assert.strictEqual(sessionIn(twins, guest)?.state, PRESENCE_STATE_LOST)
      yield* upkeep(second, 6)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_AWAY])
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
      yield* upkeep(second, 25)
      assert.deepStrictEqual(membersIn(twins, "park/1"), [])
      assert.isUndefined(sessionIn(twins, guest))
      // And is named no longer, when nothing of it can come any more.
      yield* upkeep(second, 60)
      const { entries } = twins.space.snapshot(incarnationTag(second.self.incarnation.id), "", "")
      assert.deepStrictEqual([...entries.keys()], ["lease"])
    })
  )

  it.effect("ends also where the claim comes to the space long after it was given up", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const second = yield* runner(twins, { id: "r2" })
      yield* first.presence.moveOn(held, yield* lost, 0)
      const late: Array<Commit> = []
      second.watch.before = (commit) => {
        if (commit.tag !== guest) return Effect.void
        late.push(commit)
        return Effect.fail(spaceAway)
      }
      yield* inVain(second.presence.resume(guest, { session: "s_1", serial: held.record.token, id: 5 }))
      heard(second)
      yield* upkeep(second, 10)
      const claim = late.find(({ found }) => !found)
      assert.isDefined(claim && twins.space.commit(claim))
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_LOST])
      assert.strictEqual(sessionIn(twins, guest)?.state, PRESENCE_STATE_PRESENT)
      yield* upkeep(second, 35)
      assert.deepStrictEqual(membersIn(twins, "park/1"), [])
      assert.isUndefined(sessionIn(twins, guest))
    })
  )

  it.effect("ends also where it stands nowhere", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* standing
      wordless(first)
      yield* inVain(first.presence.begin(guest, named("s_2")))
      heard(first)
      assert.strictEqual(sessionIn(twins, guest)?.session, "s_2")
      yield* upkeep(first, 32)
      assert.isUndefined(sessionIn(twins, guest))
    })
  )

  it.effect("goes on when the phone comes again, before anybody looked, while somebody does, or after it", () =>
    Effect.gen(function* () {
      const { twins, second, claim } = yield* comingBack
      yield* upkeep(second, 7)
      // Between what is read of it and what is written the phone comes again.
      let isBack = false
      second.watch.before = ({ tag }) => {
        if (isBack || tag !== guest) return Effect.void
        isBack = true
        return Effect.ignore(second.presence.resume(guest, claim))
      }
      yield* TestClock.adjust("25 seconds")
      yield* second.presence.cleanIndex([])
      assert.isTrue(isBack)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_PRESENT])
      yield* upkeep(second, 60)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_PRESENT], "it is in doubt no longer")
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
    })
  )

  it.effect("is another's when the phone comes back there", () =>
    Effect.gen(function* () {
      const { twins, first, second, claim } = yield* comingBack
      yield* first.presence.resume(guest, claim)
      yield* upkeep(second, 60)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_PRESENT])
      assert.strictEqual(sessionIn(twins, guest)?.owner?.incarnation, first.self.incarnation.id)
    })
  )

  it.effect("is still named where a watcher looks, when its runner has become another meanwhile (rule P6)", () =>
    Effect.gen(function* () {
      const { twins, second } = yield* comingBack
      const former = second.self.incarnation
      yield* second.presence.unindex(former)
      const { entries } = twins.space.snapshot(incarnationTag(former.id), "", "")
      assert.include([...entries.keys()], "guest/g_A")
    })
  )
})
