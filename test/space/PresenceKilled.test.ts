/** A runner that is killed between any two commits of what a session may go through: what is left is made good (P1, P2). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"
import type { Held } from "../../src/space/Held.ts"
import type { PresenceRefused } from "../../src/space/PresenceRefused.ts"
import type { SpaceError } from "../../src/space/SharedSpace.ts"
import { type Runner, runner } from "./Harness.ts"
import { heal, wrongs } from "./Members.ts"
import { guest, lost, named, park, standing, stateOf } from "./Standing.ts"

/** What a guest's session may go through, each from a guest who stands in park/1. */
type Step = (first: Runner, held: Held) => Effect.Effect<unknown, PresenceRefused | SpaceError>

const steps: Readonly<Record<string, Step>> = {
  "enter another channel": ({ presence }, held) => presence.enter(held, park(2, 3)),
  "enter the same channel": ({ presence }, held) => presence.enter(held, park(1, 3)),
  leave: ({ presence }, held) => presence.leave(held, 3),
  "begin anew": ({ presence }) => presence.begin(guest, named("s_2", 1)),
  resume: ({ presence }, held) => presence.resume(guest, { session: held.record.session, serial: 1, id: 5 }),
  lose: ({ presence }, held) => Effect.flatMap(lost, (event) => presence.moveOn(held, event, 0)),
  end: ({ presence }, held) =>
    Effect.gen(function* () {
      const moved = yield* presence.moveOn(held, yield* lost, 0)
      if (moved !== "ended") yield* presence.moveOn(moved, { _tag: "DeadlineSeen", nowMs: 30_000 }, 0)
    })
}

describe("killed between any two commits", () => {
  it.effect.each(Object.entries(steps))("%s: what is left is made good", ([name, step]) =>
    Effect.gen(function* () {
      let [kills, harms] = [0, 0]
      for (let after = 0; ; after++) {
        const { twins, first, held } = yield* standing
        first.watch.killAfter = after
        const exit = yield* Effect.exit(step(first, held))
        const left = wrongs(twins, ["park/1", "park/2"], [guest])
        if (left.length > 0) harms++
        if (Exit.isSuccess(exit)) {
          assert.deepStrictEqual(left, [], `${name}, not killed`)
          break
        }
        kills++
        const second = yield* runner(twins, { id: "r2" })
        yield* heal(twins, second, guest, ["park/1", "park/2"])
        assert.deepStrictEqual(
          wrongs(twins, ["park/1", "park/2"], [guest]),
          [],
          `${name}, killed after ${after}: ${left}`
        )
      }
      // The checker sees what it is to see: but for a session's first and last write, a kill leaves something.
      assert.isAbove(kills, 1)
      assert.isAbove(harms, 0, name)
    })
  )

  it.effect("a hidden member that nobody will show falls due", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      first.watch.killAfter = 3
      yield* Effect.exit(first.presence.enter(held, park(2, 3)))
      assert.deepStrictEqual(stateOf(twins, "park/2"), [PresenceState.PRESENCE_STATE_HIDDEN])
      assert.deepStrictEqual(twins.space.due("park/2", 9_999, 9), [])
      assert.deepStrictEqual(twins.space.due("park/2", 10_000, 9), ["member/1"])
    })
  )
})
