/** A guest of tests of presence, who stands in park/1, and what may happen to them. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { EnterRequest } from "../../src/space/Held.ts"
import { runner, Twins } from "./Harness.ts"
import { membersIn } from "./Members.ts"

export const guest = "g_A"
export const park = (channel: number, id = 2): EnterRequest => ({
  id,
  bodyHash: new Uint8Array(16),
  tag: `park/${channel}`,
  capacity: 5_000,
  avatar: "fox",
  xCm: 100,
  yCm: 200
})
export const named = (id: string, claimId = 1) => ({ id, nickname: "바람", claimId })
export const lost = Effect.map(Clock.currentTimeMillis, (nowMs) => ({ _tag: "SocketLost" as const, nowMs }))
export const seen = Effect.map(Clock.currentTimeMillis, (nowMs) => ({ _tag: "DeadlineSeen" as const, nowMs }))
export const stateOf = (twins: Twins, tag: string) => membersIn(twins, tag).map(({ state }) => state)

/** A runner with a guest who stands in park/1. */
export const standing = Effect.gen(function* () {
  const twins = new Twins()
  const first = yield* runner(twins)
  const { held, member } = yield* first.presence.enter(yield* first.presence.begin(guest, named("s_1")), park(1))
  first.watch.forget()
  return { twins, first, held, member }
})
