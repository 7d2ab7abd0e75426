/** What a runner holds of presence: sessions and members as it last wrote or read them, and what it asks on entering. */
import type { MemberRecord, PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { Guard, Owner, Tag, TagState } from "./SharedSpace.ts"

/** A session as its owner holds it: the record it last wrote or read, and by which version. */
export interface Held {
  readonly guest: string
  readonly owner: Owner
  readonly record: SessionRecord
  readonly version: number
}

/** A member as it was last written. */
export interface HeldMember {
  readonly tag: Tag
  readonly member: number
  readonly record: MemberRecord
  readonly version: number
}

/** A member as it is to be written. */
export interface MemberWrite extends HeldMember {
  readonly owner: Owner
  readonly guard: Guard
  /** Where it stands, if that is known better than in the space (rule P10). */
  readonly at?: Position | undefined
}

export interface EnterRequest {
  readonly id: number
  /** Of the request, by which it is known again (rule L6). */
  readonly bodyHash: Uint8Array
  readonly tag: Tag
  readonly capacity: number
  readonly avatar: string
  readonly xCm: number
  readonly yCm: number
}

/** A session as it stands, for whoever would claim it. */
export interface Claimable {
  readonly record: SessionRecord
  readonly owner: Owner
}

/** A place in a playground. */
export interface Position {
  readonly xCm: number
  readonly yCm: number
}

/**
 * The highest id that may have been asked where all that was remembered is lost: on former sockets the session asked by ids
 * below that of its last claim.
 */
export const forgottenUpTo = ({ staleId, claimId }: SessionRecord, decidedUpTo: number): number =>
  Math.max(staleId, claimId, decidedUpTo)

/**
 * Put back after all was lost, and not claimed since: perhaps by a runner that knew less of it than its last, whatever that
 * one has decided of what it had yet to read.
 */
export const isPutBack = ({ staleId, claimId }: SessionRecord): boolean => staleId > 0 && staleId >= claimId

/** The member of a session, in a place and a state. */
export const memberOf = (
  held: Held,
  place: { readonly xCm: number; readonly yCm: number; readonly avatar: string },
  state: { readonly state: PresenceState; readonly lostMs: number }
): MemberRecord => ({
  $type: "noriter.space.v1.MemberRecord",
  session: held.record.session,
  guest: held.guest,
  nickname: held.record.nickname,
  avatar: place.avatar,
  state: state.state,
  xCm: place.xCm,
  yCm: place.yCm,
  lostMs: state.lostMs
})

/** What is read of a tag. */
export interface Standing extends Pick<TagState, "version" | "entries" | "counters"> {
  /** It was never founded in this generation. */
  readonly isMissing: boolean
}

export const nothingThere: Standing = { isMissing: true, version: 0, entries: new Map(), counters: new Map() }
