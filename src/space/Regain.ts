/**
 * What becomes of a session that this runner holds when the shared space may say something else: the incarnation is a
 * newer one (rule P9), the space was emptied or has gone back (rules L11, L12), another has claimed the session and is
 * not alive (rule P4). Compares what is held with what is there, and writes only what this runner may. The session goes
 * first, the member is derived from it (rule P1).
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { MemberRecord, PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { RunnerMessage } from "../../gen/registry.ts"
import { isSameGeneration } from "../link/Roster.ts"
import { forgottenUpTo, type Held, type HeldMember, isPutBack, memberOf, type Position } from "./Held.ts"
import { ownerOf } from "./Lease.ts"
import { decidedAnew, PresenceRefused, refuse, type Write } from "./PresenceRefused.ts"
import { hidden, present } from "./PresenceState.ts"
import { claimTold } from "./PresenceTold.ts"
import {
  connectionCounter,
  counted,
  memberCounter,
  membersCounter,
  type PresenceWrites,
  sessionKey
} from "./PresenceWrites.ts"
import type { Self } from "./Self.ts"
import { type Change, type Guard, type Owner, SpaceError } from "./SharedSpace.ts"
import { memberKey } from "./Tag.ts"

/** `isClaimedBack`: from another who had claimed it, or may have: what its phone had asked here it may have asked there. */
export type Regained =
  /** It is this runner's, with its member where it stands somewhere. */
  | {
      readonly _tag: "Held"
      readonly held: Held
      readonly member: HeldMember | undefined
      readonly isClaimedBack: boolean
    }
  /** It is this runner's, but others were told that it is gone, or it stands elsewhere now: its phone must come back. */
  | { readonly _tag: "Swept"; readonly held: Held; readonly isClaimedBack: boolean }
  /** Somebody who lives has claimed it. */
  | { readonly _tag: "Replaced" }
  /** Somebody has claimed it, and nobody can say whether they live: to be asked again. */
  | { readonly _tag: "Unjudged" }
  /** Its grace was over, and nobody looked after it here; or a newer login has ended it. */
  | { readonly _tag: "Ended" }

export const regain = (writes: PresenceWrites, self: Self["Service"]) =>
  Effect.fnUntraced(function* (
    held: Held,
    decidedUpTo: number,
    at: Position | undefined
  ): Effect.fn.Return<Regained, PresenceRefused | SpaceError> {
    const { generation } = self
    const found = yield* decidedAnew(sessionNow(writes, self, held, decidedUpTo))
    // What the session was put back into is over: its member would be an orphan in this one. All of it is done again.
    if (!isSameGeneration(self.generation, generation)) return yield* Effect.fail(overtaken)
    if (found === "replaced") return { _tag: "Replaced" }
    if (found === "unjudged") return { _tag: "Unjudged" }
    if (found === "ended") return { _tag: "Ended" }
    const { now, isClaimedBack } = found
    const member = now.record.channel === "" ? undefined : yield* memberNow(writes, now, at)
    if (member === "given away") {
      return { _tag: "Swept", held: yield* writes.update(now, outside), isClaimedBack }
    }
    const isSwept = (isPresent(held) && !isPresent(now)) || !isSamePlace(held, now)
    return { ...(isSwept ? { _tag: "Swept" } : { _tag: "Held", member }), held: now, isClaimedBack }
  })

/**
 * Where the tag was founded anew, numbers go on above the highest put back (rule E2), and so far above that nobody is given
 * the number of somebody who is yet to be.
 */
export const numbersLeft = 10_000

/** Whether the session is still this owner's. */
export const holds = (writes: PresenceWrites, { guest, owner }: Held): Effect.Effect<boolean, SpaceError> =>
  Effect.map(writes.readSession(guest), (entry) => {
    const now = entry?.owner
    return now?.incarnation === owner.incarnation && now.connection === owner.connection
  })

/**
 * Puts a member back under the number its session names; where nobody here sees it, where it came in. Hidden, until it is
 * known that the session is this owner's still (rule P2): whoever claims it after that finds the member. Shown at once, what
 * a session that another has ended had asked could be decided anew.
 */
const putMissing = Effect.fnUntraced(function* (
  writes: PresenceWrites,
  held: Held,
  at: Position | undefined
): Effect.fn.Return<HeldMember, PresenceRefused | SpaceError> {
  const { channel: tag, member, avatar, state, lostMs } = held.record
  const { owner } = held
  const until = hidden(yield* Clock.currentTimeMillis)
  const record = memberOf(held, { ...(at ?? enteredAt(held)), avatar }, until)
  const key = memberKey(member)
  const done = yield* writes
    .commit(
      tag,
      { _tag: "Create", by: owner },
      [
        { _tag: "Count", counter: membersCounter, by: 1, max: Number.MAX_SAFE_INTEGER },
        { _tag: "Raise", counter: memberCounter, below: member, to: member + numbersLeft },
        { _tag: "Put", key, value: MemberRecord.encode(record).finish(), owner, dueMs: until.dueMs }
      ],
      { reads: [{ key, version: 0 }], found: true }
    )
    .pipe(Effect.catchTag("CommitRefused", refuse))
  // Whoever has claimed it takes it over, or it is an orphan that nobody sees.
  if (!(yield* holds(writes, held))) return yield* new PresenceRefused({ reason: "NotOwner" })
  const shown: MemberRecord = { ...record, state, lostMs }
  const guard: Guard = { _tag: "Owned", key, by: owner }
  return yield* writes.putMember({ tag, member, record: shown, owner, guard, version: done.versions[0] ?? 0 })
})

// --- The session ---

/** The session as it is this runner's now. */
interface Found {
  readonly now: Held
  readonly isClaimedBack: boolean
}

const sessionNow = (writes: PresenceWrites, self: Self["Service"], held: Held, decidedUpTo: number) =>
  Effect.gen(function* () {
    const state = yield* writes.read(held.guest, [sessionKey])
    const entry = state.entries.get(sessionKey)
    const by = ownerOf(writes.incarnation, held.owner.connection)
    const put = (owner: Owner, record: SessionRecord, guard: Guard, now?: Now) => {
      // Whoever has it for another socket hears that it is not theirs any more.
      const tell = claimTold(held.guest, now, owner, record)
      const written = putSession(writes, { ...held, owner, record, version: now?.version ?? 0 }, { guard, tell })
      return Effect.map(written, (now): Found => ({ now, isClaimedBack: false }))
    }
    if (entry?.owner === undefined) {
      // Deleted it would still be known that it was there, unless the space has gone back behind it (rule L11), or this
      // runner comes so late that nothing is left to know it by.
      const isUnknown = state.isMissing || state.version < held.version
      const isLost = self.unsettledMs() > 0 || (isUnknown && !self.wasSilent())
      if (!isLost) return "ended"
      // With it is lost who else may have claimed it meanwhile.
      return { ...(yield* put(by, forgotten(held.record, decidedUpTo), { _tag: "Compared" })), isClaimedBack: true }
    }
    const now = { owner: entry.owner, record: SessionRecord.decode(entry.value), version: entry.version }
    // Another has put it back, and knew less than this runner: a later claim would have been kept.
    const own = isPutBack(now.record) ? forgotten(held.record, Math.max(decidedUpTo, now.record.staleId)) : held.record
    const isOlder = isOwn(held, now) || now.owner.connection < by.connection || isUnfinished(held, now)
    // A newer login is a claim whatever its count, which may have gone back.
    if (isOlder && !isNewerLogin(held, now)) {
      const owner = ownerOf(writes.incarnation, Math.max(by.connection, now.owner.connection))
      const record = isOwn(held, now) && now.version >= held.version ? now.record : own
      const isSo = record === now.record && now.owner.incarnation === owner.incarnation
      return isSo
        ? { now: { ...held, ...now }, isClaimedBack: false }
        : yield* put(owner, record, takeoverBy(owner), now)
    }
    const claimant = yield* self.lifeOf(now.owner.incarnation)
    if (claimant === "living") return "replaced"
    if (claimant === "unreadable") return "unjudged"
    if (yield* isEnded(writes, self, held, now)) return "ended"
    // Whoever claims it is not alive any more, and so has no phone: this one has (rule P4).
    const above = ownerOf(
      writes.incarnation,
      Math.max(state.counters.get(connectionCounter) ?? 0, now.owner.connection) + 1
    )
    // What the phone has asked since of whoever had it has happened.
    const record = isLaterClaim(held, now) ? now.record : own
    return { ...(yield* put(above, record, takeoverBy(above), now)), isClaimedBack: true }
  })

const forgotten = (record: SessionRecord, decidedUpTo: number): SessionRecord => ({
  ...record,
  staleId: forgottenUpTo(record, decidedUpTo)
})

const takeoverBy = (by: Owner): Guard => ({ _tag: "Takeover", key: sessionKey, by })

interface Putting {
  readonly guard: Guard
  readonly tell: ReadonlyArray<RunnerMessage>
}

const putSession = Effect.fnUntraced(function* (writes: PresenceWrites, held: Held, { guard, tell }: Putting) {
  const { guest, owner, record, version } = held
  writes.connection = Math.max(writes.connection, owner.connection)
  const changes: ReadonlyArray<Change> = [
    counted(owner),
    {
      _tag: "Put",
      key: sessionKey,
      value: SessionRecord.encode(record).finish(),
      owner,
      dueMs: writes.due(record)
    }
  ]
  const rest = { reads: [{ key: sessionKey, version }], found: true, tell }
  const done = yield* writes.commit(guest, guard, changes, rest)
  return { ...held, version: done.versions[0] ?? 0 }
})

/** What the space says of it. */
interface Now {
  readonly owner: Owner
  readonly record: SessionRecord
  readonly version: number
}

/** The same claim, by this or a former incarnation of this runner. */
const isOwn = (held: Held, { owner, record }: Now): boolean =>
  owner.connection === held.owner.connection &&
  owner.runner === held.owner.runner &&
  record.session === held.record.session

/** This runner's own, for the same socket: an enter that broke off half-way, and was not given back. */
const isUnfinished = (held: Held, { owner, record }: Now): boolean =>
  owner.runner === held.owner.runner && record.session === held.record.session && record.token === held.record.token

/** The phone has come back to somebody after it had come here: ids rise (rule P4). */
const isLaterClaim = (held: Held, { record }: Now): boolean =>
  record.session === held.record.session && record.claimId > held.record.claimId

/** Counts of connections begin anew in a new generation; ids of sessions are in the order of their making. */
const isNewerLogin = (held: Held, { record }: Now): boolean => record.session > held.record.session

/**
 * Another session began by somebody who lived then, and has ended this one: its member is gone, and what it asked may be
 * forgotten (rule L6). Put back it would be asked again. While the space is unsettled a member may be missing for nothing.
 */
const isEnded = Effect.fnUntraced(function* (writes: PresenceWrites, self: Self["Service"], held: Held, now: Now) {
  const { session, channel, member } = held.record
  if (now.record.session === session || member === 0 || self.unsettledMs() > 0) return false
  const entry = yield* writes.readMember(channel, member)
  return entry === undefined || MemberRecord.decode(entry.value).session !== session
})

// --- The member ---

const enteredAt = ({ record }: Held): Position =>
  record.enters.findLast(({ channel, member }) => channel === record.channel && member === record.member) ?? nowhere
const nowhere: Position = { xCm: 0, yCm: 0 }

/** The member that a claimed session names is its new owner's, and present; put back where it is missing (rule P1). */
export const takeMember = Effect.fnUntraced(function* (writes: PresenceWrites, held: Held) {
  const taken = yield* writes.changeMember(held, takeoverFor(held), present)
  return taken ?? (yield* memberNow(writes, held, undefined))
})

/**
 * The member as its session has it, put back or changed where it is not. "given away": the number is another's, or its
 * runner died before it had one: this guest enters anew.
 */
export const memberNow = Effect.fnUntraced(function* (writes: PresenceWrites, held: Held, at: Position | undefined) {
  const { channel, member, session, state } = held.record
  if (member === 0) return "given away" as const
  const entry = yield* writes.readMember(channel, member)
  if (entry === undefined) return yield* putMissing(writes, held, at)
  const record = MemberRecord.decode(entry.value)
  if (record.session !== session) return "given away" as const
  const { incarnation, connection } = held.owner
  const isSo = entry.owner?.incarnation === incarnation && entry.owner.connection === connection
  if (isSo && record.state === state) return { tag: channel, member, record, version: entry.version }
  return yield* changed(writes.changeMember(held, takeoverFor(held), { ...held.record, dueMs: undefined }))
})

const takeoverFor =
  ({ owner }: Held) =>
  (key: string): Guard => ({ _tag: "Takeover", key, by: owner })

export const outside = (record: SessionRecord): SessionRecord => ({ ...record, channel: "", member: 0 })

const isPresent = ({ record }: Held): boolean => record.state === PresenceState.PRESENCE_STATE_PRESENT

const isSamePlace = ({ record: before }: Held, { record: now }: Held): boolean =>
  before.channel === now.channel && before.member === now.member

const overtaken = new SpaceError({ operation: "regain", cause: new Error("another generation has begun") })

/** It was there a moment ago. */
const changed = (change: Write<HeldMember | undefined>): Write<HeldMember> =>
  Effect.flatMap(change, (member) =>
    member === undefined
      ? Effect.fail(new SpaceError({ operation: "regain", cause: new Error("a member went meanwhile") }))
      : Effect.succeed(member)
  )
