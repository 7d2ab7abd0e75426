/**
 * Members whose deadline has passed and whose runner did not move them on, because it is gone: any runner does (rule P5).
 * The session goes first, the member is derived from it (rule P1). Owns neither states (PresenceState) nor the verdict
 * that a runner is dead, which is the watcher's: whoever is present has no deadline, and is left alone.
 */
import * as Effect from "effect/Effect"
import { GoneReason } from "../../gen/noriter/client/v1/playground.ts"
import { MemberRecord, PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { PresenceRefused } from "./PresenceRefused.ts"
import { type Graces, next } from "./PresenceState.ts"
import type { PresenceWrites } from "./PresenceWrites.ts"
import { forgetAsked } from "./Remains.ts"
import type { SpaceError, Tag } from "./SharedSpace.ts"

/** Moves a member and its session on to what is due by now. What changes meanwhile is left as it is. */
export const moveOnOverdue = (writes: PresenceWrites, graces: Graces) =>
  Effect.fnUntraced(function* (
    tag: Tag,
    member: number,
    nowMs: number
  ): Effect.fn.Return<void, PresenceRefused | SpaceError> {
    if (yield* writes.removeOrphan(tag, member)) return
    const entry = yield* writes.readMember(tag, member)
    if (entry === undefined) return
    const { guest, session: id, state: shown } = MemberRecord.decode(entry.value)
    const before = yield* writes.readSession(guest)
    if (before === undefined) return
    const session = SessionRecord.decode(before.value)
    const { state, lostMs } = session
    if (state === PresenceState.PRESENCE_STATE_PRESENT) return
    const after = next({ state, lostMs, dueMs: undefined }, { _tag: "DeadlineSeen", nowMs }, graces)
    if (after === "ended") {
      if (!(yield* writes.replaceSession(guest, before, undefined))) return
      yield* writes.removeMember(tag, member, id, GoneReason.GONE_REASON_LOST)
      return yield* forgetAsked(writes, session)
    }
    if (after.state !== state && !(yield* writes.replaceSession(guest, before, { ...session, ...after }))) return
    if (shown !== after.state) yield* writes.replaceMember(tag, member, entry, after)
  })
