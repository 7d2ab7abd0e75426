/** Which members of a channel may speak, be spoken to and be given to, by their records. */
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"

/** The member of a record: all but one that was never shown. Who is lost or away hears of it on coming back. */
export const reachable = (value: Uint8Array | undefined): MemberRecord | undefined => {
  if (value === undefined) return undefined
  const record = MemberRecord.decode(value)
  return record.state === PresenceState.PRESENCE_STATE_HIDDEN ? undefined : record
}
