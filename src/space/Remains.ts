/** What a session that is over has left in channels besides the member its record names. The session goes first (rule P1). */
import * as Effect from "effect/Effect"
import { GoneReason } from "../../gen/noriter/client/v1/playground.ts"
import type { SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { PresenceWrites } from "./PresenceWrites.ts"

/**
 * Forgets what channels remembered of its requests (rule L6). Before that members go that it had left and nobody has removed
 * yet: by one of them a request that is still under way would be decided anew.
 */
export const forgetAsked = Effect.fnUntraced(function* (
  writes: PresenceWrites,
  { channel, member, session, enters }: SessionRecord
) {
  for (const entered of enters) {
    const isNamed = entered.channel === channel && entered.member === member
    if (entered.channel === "" || isNamed) continue
    yield* writes.removeMember(entered.channel, entered.member, session, GoneReason.GONE_REASON_LEFT)
  }
  for (const tag of new Set([channel, ...enters.map((entered) => entered.channel)])) {
    if (tag !== "") yield* writes.forgetOutcomes(tag, session)
  }
})
