/** What a session that is over has left in channels: its member first, then the rest. The session goes before (rule P1). */
import * as Effect from "effect/Effect"
import { GoneReason } from "../../gen/noriter/client/v1/playground.ts"
import type { SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { Write } from "./PresenceRefused.ts"
import type { PresenceWrites } from "./PresenceWrites.ts"
import type { Guard, Owner } from "./SharedSpace.ts"
import { memberKey } from "./Tag.ts"

/** Removes the member that its record names. */
export const removeMemberOf = (
  writes: PresenceWrites,
  { channel, member, session }: SessionRecord,
  reason: GoneReason,
  guard?: Guard
): Write<unknown> =>
  channel !== "" && member !== 0 ? writes.removeMember(channel, member, session, reason, guard) : Effect.void

/**
 * Forgets what channels remembered of its requests (rule L6). Before that members go that it had left and nobody has removed
 * yet: by one of them a request that is still under way would be decided anew. `by`: whoever has claimed the guest for
 * another session; fenced it removes nobody (rule P8).
 */
export const forgetAsked = Effect.fnUntraced(function* (
  writes: PresenceWrites,
  { channel, member, session, enters }: SessionRecord,
  by?: Owner
) {
  for (const entered of enters) {
    const isNamed = entered.channel === channel && entered.member === member
    if (entered.channel === "" || isNamed) continue
    const guard: Guard | undefined = by && { _tag: "Takeover", key: memberKey(entered.member), by }
    yield* writes.removeMember(entered.channel, entered.member, session, GoneReason.GONE_REASON_LEFT, guard)
  }
  for (const tag of new Set([channel, ...enters.map((entered) => entered.channel)])) {
    if (tag !== "") yield* writes.forgetOutcomes(tag, session)
  }
})
