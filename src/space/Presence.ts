/**
 * Who is here: sessions and their members, as the rules P1 to P6 have them. Owns the order of the writes: the session's
 * record is the truth and goes first in both directions, the member is derived from it. When something is due is
 * PresenceState's; sockets are client/'s; what phones are told is the view's, which hears of each change from the commit
 * that made it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { GoneReason } from "../../gen/noriter/client/v1/playground.ts"
import { type DeepPartial, Enter, PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { Incarnation } from "../link/Roster.ts"
import { Settings } from "../Settings.ts"
import { type Claimable, type EnterRequest, type Held, type HeldMember, isPutBack, type Position } from "./Held.ts"
import { moveOnOverdue } from "./Overdue.ts"
import { channelKey, guestKey, type Holder, Index, indexAll, unindex } from "./PresenceIndex.ts"
import { PresenceRefused, unlessTaken } from "./PresenceRefused.ts"
import { next, type PresenceEvent, present } from "./PresenceState.ts"
import { PresenceWrites } from "./PresenceWrites.ts"
import { holds, memberNow, outside, type Regained, regain, takeMember } from "./Regain.ts"
import { forgetAsked, removeMemberOf } from "./Remains.ts"
import { Self } from "./Self.ts"
import { type Guard, type Owner, SharedSpace, SpaceError, type Tag } from "./SharedSpace.ts"
import { memberKey } from "./Tag.ts"

/** What a phone shows to go on with a session. `serial` is its token's. */
export interface ResumeClaim {
  readonly session: string
  readonly serial: number
  readonly id: number
}

/** Pairs of enter and channel that a session remembers (rule L7). */
export const entersMax = 8

type Change<A> = Effect.Effect<A, PresenceRefused | SpaceError>

export class Presence extends Context.Service<
  Presence,
  {
    /** Begins a session of the guest; an older one ends, and its member with it. */
    readonly begin: (
      guest: string,
      session: { readonly id: string; readonly nickname: string; readonly claimId: number }
    ) => Change<Held>
    /** Claims a session for a newer socket, with its member, which is put back where it is missing; undefined outside. */
    readonly resume: (
      guest: string,
      claim: ResumeClaim
    ) => Change<{ readonly held: Held; readonly member: HeldMember | undefined }>
    /** The phone was heard on the socket that was given the newest token: older ones are spent. */
    readonly tokenHeld: (held: Held) => Change<Held>
    /** Claim, put hidden, show (rule P2); a former place is given up after it. */
    readonly enter: (held: Held, request: EnterRequest) => Change<{ readonly held: Held; readonly member: HeldMember }>
    readonly leave: (held: Held, id: number) => Change<Held>
    /** Moves session and member on (rule P5), with its place where that is known: the socket is lost, or a deadline was
     * looked at. */
    readonly moveOn: (held: Held, event: PresenceEvent, lastId: number, at?: Position) => Change<Held | "ended">
    /** Ends a session because an operator removed its member. */
    readonly remove: (held: Held) => Change<void>
    /** Puts a member back that its session names and that is missing, or is not as it says (rule P1); undefined: its number
     * is another's. */
    readonly putBack: (held: Held, at: Position | undefined) => Change<HeldMember | undefined>
    /**
     * Sessions that are this runner's, perhaps by a claim that broke off: its phone was refused, and may not come again; or
     * because the space has gone back behind their end. To be called again and again; whoever looks after one already is
     * given it, too.
     */
    readonly brokenOff: Effect.Effect<ReadonlyArray<Held>, SpaceError>
    /** Whether the session is still this owner's: it may have been claimed, and the word of it lost (rule P3). */
    readonly holds: (held: Held) => Effect.Effect<boolean, SpaceError>
    /**
     * Makes the space say what is held here, where that is still this runner's to say (rules P4, P9, L11, E2). `decidedUpTo`
     * is the highest id of a request of this session that may have been decided for this runner.
     */
    readonly regain: (held: Held, decidedUpTo: number, at: Position | undefined) => Change<Regained>
    /** Names all that these hold, before an incarnation takes them over (rule P6). These are all. */
    readonly indexAll: (holding: Iterable<Held>) => Change<void>
    /** Empties the tag of an incarnation that holds nothing any more, but for what is in doubt (rule P6). */
    readonly unindex: (former: Incarnation) => Change<void>
    /** Names no longer what nobody of this runner holds; these are all. To be called again and again. */
    readonly cleanIndex: (holding: Iterable<Holder>) => Change<void>
    /** Moves on what was due and whose runner is gone (rule P5). */
    readonly moveOnOverdue: (tag: Tag, member: number, nowMs: number) => Change<void>
    /** Removes a member whose session does not name it (rule P1); false: it is none. */
    readonly removeOrphan: (tag: Tag, member: number) => Change<boolean>
  }
>()("noriter/space/Presence") {
  static readonly layer = Layer.effect(
    Presence,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const space = yield* SharedSpace
  const self = yield* Self
  const settings = yield* Settings
  const writes = new PresenceWrites(space, self, settings)
  const index = new Index(writes, self, Effect.runForkWith(yield* Effect.context<never>()))
  yield* space.onReady(() => index.doubt())
  return Presence.of({
    begin: (guest, session) =>
      Effect.suspend(() => {
        const by = writes.incarnation
        return index.naming(by, guestKey(guest), begin(writes, self, by, guest, session))
      }),
    resume: (guest, claim) =>
      Effect.suspend(() => {
        const by = writes.incarnation
        return index.naming(by, guestKey(guest), resume({ writes, index, self }, by, guest, claim))
      }),
    tokenHeld: (held) => writes.update(held, (record) => ({ ...record, tokenHeld: record.token })),
    enter: (held, request) =>
      Effect.suspend(() => {
        const by = writes.incarnation
        return index.naming(by, channelKey(request.tag), enter({ writes, index, self }, by, held, request))
      }),
    leave: leave(writes),
    remove: (held) => end(writes, held, GoneReason.GONE_REASON_REMOVED),
    moveOn: moveOn(writes, settings),
    putBack: (held, at) =>
      Effect.map(memberNow(writes, held, at), (member) => (member === "given away" ? undefined : member)),
    regain: (held, decidedUpTo, at) =>
      Effect.suspend(() =>
        Effect.andThen(index.assure(writes.incarnation, held), regain(writes, self)(held, decidedUpTo, at))
      ),
    indexAll: (holding) => indexAll(writes, index, holding),
    unindex: (former) => unindex(space, writes, index, former),
    cleanIndex: (holding) => index.clean(holding),
    brokenOff: Effect.suspend(() => index.brokenOff),
    holds: (held) => holds(writes, held),
    moveOnOverdue: moveOnOverdue(writes, settings),
    removeOrphan: (tag, member) => writes.removeOrphan(tag, member)
  })
})

const begin = Effect.fnUntraced(function* (
  writes: PresenceWrites,
  self: Self["Service"],
  by: Incarnation,
  guest: string,
  session: { readonly id: string; readonly nickname: string; readonly claimId: number }
) {
  const record = SessionRecord.fromPartial({
    session: session.id,
    nickname: session.nickname,
    state: PresenceState.PRESENCE_STATE_PRESENT,
    claimId: session.claimId,
    token: 1
  })
  const { before, held } = yield* writes.claim(by, guest, () => Effect.succeed(record))
  // One that is dead ends nobody's session: it is claimed back, and must still stand where it did and know what it asked
  // (rules P4, L6). Nor does whoever is fenced, or whose own claim is undone meanwhile (rules P3, P8).
  if (before !== undefined && before.enters.length > 0 && (yield* self.isPlaced(by.id))) {
    const guard: Guard = { _tag: "Takeover", key: memberKey(before.member), by: held.owner }
    const removed = removeMemberOf(writes, before, reasonOf(before), guard)
    yield* unlessTaken(Effect.andThen(removed, forgetAsked(writes, before, held.owner)))
  }
  return held
})

interface Claiming {
  readonly writes: PresenceWrites
  readonly index: Index
  readonly self: Self["Service"]
}

const resume = Effect.fnUntraced(function* (
  { writes, index, self }: Claiming,
  by: Incarnation,
  guest: string,
  claim: ResumeClaim
) {
  const { held } = yield* writes.claim(by, guest, (before) =>
    before === undefined && self.unsettledMs() > 0 ? Effect.fail(mayCome) : resumed(before, claim)
  )
  const { channel, member } = held.record
  if (channel === "") return { held, member: undefined }
  // It was entering when its socket was lost: nobody has seen it there, and the hidden member falls due.
  if (member === 0) return { held: yield* writes.update(held, outside), member: undefined }
  const taken = yield* index.naming(by, channelKey(channel), takeMember(writes, held))
  // Its number was given to another while it was missing: this guest enters anew.
  if (taken === "given away") return { held: yield* writes.update(held, outside), member: undefined }
  return { held, member: taken }
})

const enter = Effect.fnUntraced(function* (
  { writes, index }: Claiming,
  by: Incarnation,
  held: Held,
  request: EnterRequest
) {
  // This runner has become another since it claimed the session: what names the guest goes first (rules P6, P9).
  if (held.owner.incarnation !== by.id) yield* index.name(by, [guestKey(held.guest)])
  const { before: former = held.record, held: claimed } = yield* writes.claim(by, held.guest, (before) =>
    heldStill(before, held.owner).pipe(
      Effect.map((record) => {
        // Its runner may have counted as dead, and been swept up after: here is the phone.
        const { state, lostMs } = present
        return { ...record, state, lostMs, channel: request.tag, member: 0, avatar: request.avatar }
      })
    )
  )
  // Refused: the session goes back to where it stood, by the connection it stood there by. Nothing has happened.
  const { channel, member, avatar, enters, state, lostMs } = former
  const undone = (record: SessionRecord): SessionRecord => ({
    ...record,
    channel,
    member,
    avatar,
    enters,
    state,
    lostMs
  })
  const giveBack = writes.update(claimed, undone, held.owner)
  const put = yield* writes
    .putHidden(claimed, request, yield* Clock.currentTimeMillis)
    .pipe(Effect.tapError(() => Effect.ignore(giveBack)))
  const entered = yield* show(writes, claimed, request, put).pipe(
    // A session that could not be given back may name the member, which is then not to be removed before it (rule P1).
    Effect.tapError(() => Effect.ignore(Effect.andThen(giveBack, abandon(writes, claimed, put))))
  )
  if (former.channel !== "" && former.member !== 0) {
    yield* writes.removeMember(former.channel, former.member, former.session, GoneReason.GONE_REASON_LEFT).pipe(
      // The session has moved all the same; what it no longer names is an orphan now.
      Effect.catch((cause) => Effect.logWarning("a former place was not given up", cause))
    )
  }
  yield* forgetDropped(writes, former, entered.held.record)
  return entered
})

/** A channel that is not among the last enters any more answers nothing from memory: ids that old are stale (L7). */
const forgetDropped = Effect.fnUntraced(function* (
  writes: PresenceWrites,
  before: SessionRecord,
  after: SessionRecord
) {
  const known = new Set(after.enters.map(({ channel }) => channel))
  for (const { channel } of before.enters) {
    if (channel !== "" && !known.has(channel)) yield* Effect.ignore(writes.forgetOutcomes(channel, after.session))
  }
})

/** Shows a member that is put, while the session names this connection (rule P2). */
const show = Effect.fnUntraced(function* (
  writes: PresenceWrites,
  claimed: Held,
  { id, bodyHash, xCm, yCm }: EnterRequest,
  put: HeldMember
) {
  // This write succeeds only while the session names this connection; only then may the member be seen.
  const named = yield* writes.update(claimed, (record) => ({
    ...remembering(record, { id, bodyHash, channel: put.tag, member: put.member, xCm, yCm }),
    member: put.member
  }))
  const owned = (key: string) => ({ _tag: "Owned" as const, key, by: named.owner })
  const member = yield* writes.changeMember(named, owned, present)
  return member === undefined ? yield* new PresenceRefused({ reason: "NotOwner" }) : { held: named, member }
})

/** Removes a member that is not to be shown, unless a newer claim has taken it over; where that fails it falls due. */
const abandon = (writes: PresenceWrites, { record, owner }: Held, { tag, member }: HeldMember) => {
  const guard: Guard = { _tag: "Owned", key: memberKey(member), by: owner }
  return writes.removeMember(tag, member, record.session, GoneReason.GONE_REASON_LEFT, guard)
}

const leave = (writes: PresenceWrites) =>
  Effect.fnUntraced(function* (held: Held, id: number) {
    const { channel, member, session } = held.record
    const left = yield* writes.update(held, (record) => remembering(outside(record), { id, channel: "" }))
    if (channel !== "" && member !== 0) {
      yield* writes.removeMember(channel, member, session, GoneReason.GONE_REASON_LEFT)
    }
    return left
  })

const moveOn = (writes: PresenceWrites, settings: Settings["Service"]) =>
  Effect.fnUntraced(function* (held: Held, event: PresenceEvent, lastId: number, at?: Position) {
    const { state, lostMs } = held.record
    const after = next({ state, lostMs, dueMs: undefined }, event, settings)
    if (after === "ended") {
      yield* end(writes, held, reasonOf(held.record))
      return "ended" as const
    }
    if (after.state === state) return held
    const moved = yield* writes.update(held, (record) => ({
      ...record,
      state: after.state,
      lostMs: after.lostMs,
      lastId: Math.max(record.lastId, lastId)
    }))
    if (moved.record.channel !== "" && moved.record.member !== 0) {
      const owned = (key: string) => ({ _tag: "Owned" as const, key, by: moved.owner })
      // A member that another has taken over is that one's to change.
      yield* Effect.ignore(writes.changeMember(moved, owned, after, at))
    }
    return moved
  })

const end = Effect.fnUntraced(function* (writes: PresenceWrites, held: Held, reason: GoneReason) {
  yield* writes.endSession(held)
  yield* removeMemberOf(writes, held.record, reason)
  yield* forgetAsked(writes, held.record)
})

const reasonOf = ({ state }: SessionRecord): GoneReason =>
  state === PresenceState.PRESENCE_STATE_PRESENT ? GoneReason.GONE_REASON_LEFT : GoneReason.GONE_REASON_LOST

/** The record after an accepted resume, or why it is refused (rule P4). */
const resumed = (before: Claimable | undefined, claim: ResumeClaim): Effect.Effect<SessionRecord, PresenceRefused> => {
  if (before === undefined || before.record.session !== claim.session) {
    return Effect.fail(new PresenceRefused({ reason: "Ended" }))
  }
  const { record } = before
  if (claim.serial < record.tokenHeld) return Effect.fail(new PresenceRefused({ reason: "Spent" }))
  if (claim.id !== 0 && claim.id < record.claimId) return Effect.fail(new PresenceRefused({ reason: "Stale" }))
  return Effect.succeed({
    ...record,
    state: present.state,
    lostMs: present.lostMs,
    claimId: Math.max(claim.id, record.claimId),
    // Whatever came before this claim may have been asked where nobody knows of it now.
    staleId: isPutBack(record) ? Math.max(record.staleId, claim.id - 1) : record.staleId,
    token: Math.max(record.token, claim.serial) + 1,
    tokenHeld: claim.serial
  })
}

/** Runners are putting back what they hold: what is missing may yet come. */
const mayCome = new SpaceError({ operation: "resume", cause: new Error("sessions are being put back") })

const heldStill = (before: Claimable | undefined, by: Owner): Effect.Effect<SessionRecord, PresenceRefused> =>
  before !== undefined && before.owner.incarnation === by.incarnation && before.owner.connection === by.connection
    ? Effect.succeed(before.record)
    : Effect.fail(new PresenceRefused({ reason: "NotOwner" }))

const remembering = (record: SessionRecord, enter: DeepPartial<Enter>): SessionRecord => ({
  ...record,
  enters: [...record.enters, Enter.fromPartial(enter)].slice(-entersMax)
})
