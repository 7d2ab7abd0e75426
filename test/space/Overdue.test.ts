/** Rule P5: what is due and whose runner is gone is moved on by another; what is not is left alone. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { runner } from "./Harness.ts"
import { membersIn, sessionIn, wrongs } from "./Members.ts"
import { guest, lost, standing, stateOf } from "./Standing.ts"

const { PRESENCE_STATE_PRESENT, PRESENCE_STATE_LOST, PRESENCE_STATE_AWAY } = PresenceState

describe("what is overdue", () => {
  it.effect("goes from lost to away to ended, by any runner, and by several at once", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      yield* first.presence.moveOn(held, yield* lost, 0)
      const [second, third] = [yield* runner(twins, { id: "r2" }), yield* runner(twins, { id: "r3" })]
      const [{ member } = { member: 0 }] = membersIn(twins, "park/1")
      const both = Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const move = ({ presence }: typeof second) => presence.moveOnOverdue("park/1", member, nowMs)
        yield* Effect.all([move(second), move(third)], { concurrency: 2 })
        return stateOf(twins, "park/1")
      })
      assert.deepStrictEqual(yield* both, [PRESENCE_STATE_LOST], "its time has not come")
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* both, [PRESENCE_STATE_AWAY])
      assert.strictEqual(sessionIn(twins, guest)?.state, PRESENCE_STATE_AWAY)
      assert.strictEqual(sessionIn(twins, guest)?.owner?.incarnation, held.owner.incarnation, "it stays whose it was")
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(yield* both, [])
      assert.isUndefined(sessionIn(twins, guest))
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
    })
  )

  it.effect("is never one who is present, nor one who came back meanwhile", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const second = yield* runner(twins, { id: "r2" })
      const [{ member } = { member: 0 }] = membersIn(twins, "park/1")
      const late = (yield* Clock.currentTimeMillis) + 60_000
      yield* second.presence.moveOnOverdue("park/1", member, late)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_PRESENT])
      yield* first.presence.moveOn(held, yield* lost, 0)
      const session = sessionIn(twins, guest)
      const claim = { session: session?.session ?? "", serial: session?.token ?? 0, id: 1_000 }
      // Between what is read and what is written the phone comes back elsewhere.
      let back = false
      const third = yield* runner(twins, { id: "r3" })
      second.watch.before = () => {
        if (back) return Effect.void
        back = true
        return Effect.ignore(third.presence.resume(guest, claim))
      }
      yield* second.presence.moveOnOverdue("park/1", member, late)
      assert.isTrue(back)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_PRESENT])
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
      assert.isFalse(yield* first.presence.holds(held))
    })
  )
})
