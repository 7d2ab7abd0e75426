/**
 * Sessions that this runner has claimed and nobody holds: there was no word of the claim, or what follows it failed, and
 * the phone has not come again. They are moved on as if their socket were lost just now (rule P5): present they would have
 * no deadline, and stay as long as this runner lives. The session goes first, the member after it (rule P1). Which they may
 * be the index knows (rule P6).
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { GoneReason } from "../../gen/noriter/client/v1/playground.ts"
import { MemberRecord, PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { PresenceRefused } from "./PresenceRefused.ts"
import { type Graces, next, type PresenceEvent } from "./PresenceState.ts"
import type { PresenceWrites } from "./PresenceWrites.ts"
import { forgetAsked, removeMemberOf } from "./Remains.ts"
import type { SpaceError } from "./SharedSpace.ts"

/** `isUnheld` says whether that is so still; answers whether nothing of the guest is this runner's any more. */
export const moveOnUnheld = (writes: PresenceWrites, graces: Graces) =>
  Effect.fnUntraced(function* (
    guest: string,
    isUnheld: () => boolean
  ): Effect.fn.Return<boolean, PresenceRefused | SpaceError> {
    const before = yield* writes.readSession(guest)
    if (before?.owner?.runner !== writes.incarnation.runner) return true
    const session = SessionRecord.decode(before.value)
    const { state, lostMs, channel, member } = session
    // Read before the session is written: a write that succeeds says that nobody had claimed it till then.
    const entry = channel !== "" && member !== 0 ? yield* writes.readMember(channel, member) : undefined
    const nowMs = yield* Clock.currentTimeMillis
    const isPresent = state === PresenceState.PRESENCE_STATE_PRESENT
    const event: PresenceEvent = { _tag: isPresent ? "SocketLost" : "DeadlineSeen", nowMs }
    const after = next({ state, lostMs, dueMs: undefined }, event, graces)
    if (!isUnheld()) return false
    if (after === "ended") {
      if (!(yield* writes.replaceSession(guest, before, undefined))) return false
      yield* removeMemberOf(writes, session, GoneReason.GONE_REASON_LOST)
      yield* forgetAsked(writes, session)
      return true
    }
    const isMoved = after.state !== state
    const moved = { ...session, state: after.state, lostMs: after.lostMs }
    if (isMoved && !(yield* writes.replaceSession(guest, before, moved))) return false
    const shown = entry && MemberRecord.decode(entry.value)
    if (entry !== undefined && shown?.session === session.session && (isMoved || shown.state !== after.state)) {
      yield* writes.replaceMember(channel, member, entry, after, before.owner)
    }
    return false
  })
