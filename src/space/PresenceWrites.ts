/**
 * The single writes that presence is made of: each one commit, decided anew when a version changed under it. Their order,
 * and what follows from a refusal, is Presence's.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { GoneReason } from "../../gen/noriter/client/v1/playground.ts"
import { MemberRecord, type PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { RunnerMessage } from "../../gen/registry.ts"
import { frameOf } from "../bus/EventBus.ts"
import { type Incarnation, isSameGeneration } from "../link/Roster.ts"
import { currentTrace } from "../telemetry/Tracing.ts"
import type { Trace } from "../wire/Trace.ts"
import {
  type Claimable,
  type EnterRequest,
  type Held,
  type HeldMember,
  type MemberWrite,
  memberOf,
  nothingThere,
  type Position,
  type Standing
} from "./Held.ts"
import { incarnationTag, leased, ownerOf } from "./Lease.ts"
import { decidedAnew, type PresenceRefused, refuse, unlessChanged, type Write } from "./PresenceRefused.ts"
import { dueOf, type Graces, hidden, isShown, type PresenceOf } from "./PresenceState.ts"
import { claimTold, memberTold } from "./PresenceTold.ts"
import type { Self } from "./Self.ts"
import {
  type Change,
  type Commit,
  type CommitRefused,
  type Entry,
  type Guard,
  newToken,
  type Owner,
  type SharedSpace,
  type SpaceError,
  type Tag
} from "./SharedSpace.ts"
import { memberKey, memberPrefix } from "./Tag.ts"

export const sessionKey = "session"
/** Counts the members of a channel, against its capacity. */
export const membersCounter = "members"
/** Gives out member numbers; never goes back within a generation. */
export const memberCounter = "member"
/** Counts the claims of a guest's sessions, so that no connection number comes twice. */
export const connectionCounter = "connection"

/** No connection number comes twice, also where the count has gone back. */
export const counted = ({ connection }: Owner): Change => ({
  _tag: "Raise",
  counter: connectionCounter,
  below: connection,
  to: connection
})

/** Who writes, and in which generation; a watcher holds nothing, so it neither claims nor keeps an index. */
export type Writer = Pick<Self["Service"], "incarnation" | "generation" | "isCurrent" | "fenced">

export class PresenceWrites {
  readonly #space: SharedSpace["Service"]
  readonly #self: Writer
  readonly #graces: Graces
  /** The highest connection of what is held here: also where the count has gone back, that of a later claim is higher (P3). */
  connection = 0

  constructor(space: SharedSpace["Service"], self: Writer, graces: Graces) {
    this.#space = space
    this.#self = self
    this.#graces = graces
  }

  /** What this runner is now: what is indexed and then claimed must be so by one and the same incarnation. */
  get incarnation(): Incarnation {
    return this.#self.incarnation
  }

  /** Commits; a space that cannot be asked is asked again with the same token, which answers as the first time. */
  commit(
    tag: Tag,
    guard: Guard,
    changes: ReadonlyArray<Change>,
    rest: {
      readonly reads?: Commit["reads"]
      readonly tell?: ReadonlyArray<RunnerMessage>
      readonly found?: boolean
      /** It was read, and there was no such tag. */
      readonly isMissing?: boolean
    } = {}
  ) {
    const { reads = [], tell = [], found = false, isMissing = false } = rest
    const made = (trace: Trace | undefined) => {
      const commit: Commit = {
        tag,
        token: newToken(),
        generation: this.#self.generation,
        found: false,
        guard,
        reads,
        changes,
        tell: tell.map((message) => frameOf(message, trace))
      }
      const first = isMissing ? this.#found(commit, found) : this.#space.commit(commit)
      return Effect.catch(first, (error) => this.#again(commit, found, error))
    }
    // Whoever is told nothing needs no trace.
    return tell.length === 0 ? Effect.suspend(() => made(undefined)) : Effect.flatMap(currentTrace, made)
  }

  /** What becomes of a commit after its first failure: nearly all have none, and do not pay for this. */
  #again(commit: Commit, found: boolean, failed: CommitRefused | SpaceError) {
    const founded = (error: CommitRefused | SpaceError) =>
      error._tag === "CommitRefused" && error.reason === "Missing" ? this.#found(commit, found) : Effect.fail(error)
    let next = founded(failed)
    const attempt = Effect.suspend(() => {
      const now = next
      next = Effect.catch(this.#space.commit(commit), founded)
      return now
    })
    return Effect.retry(attempt, { schedule: passing, while: ({ _tag }) => _tag === "SpaceError" }).pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          const { guard } = commit
          // In a channel only, where a younger one of this name has died: nothing else would say so.
          const by = error._tag === "CommitRefused" && error.reason === "Fenced" && "by" in guard ? guard.by : undefined
          if (by !== undefined) this.#self.fenced(by.incarnation)
        })
      )
    )
  }

  /** Missing is not empty: a tag is founded only where the space is of our generation still (rule L12). */
  #found(commit: Commit, found: boolean) {
    return Effect.flatMap(this.#self.isCurrent, (isCurrent) =>
      this.#space.commit({ ...commit, found: isCurrent && found })
    )
  }

  /** Names what an incarnation is about to hold, and what it holds no longer (rule P6); not once it is fenced. */
  index(incarnation: Incarnation, puts: ReadonlyArray<string>, deletes: ReadonlyArray<string>): Write<void> {
    const value = new Uint8Array(0)
    const changes: ReadonlyArray<Change> = [
      ...puts.map((key): Change => ({ _tag: "Put", key, value })),
      ...deletes.map((key): Change => ({ _tag: "Delete", key }))
    ]
    return this.commit(incarnationTag(incarnation.id), leased(incarnation), changes).pipe(
      Effect.catchTag("CommitRefused", refuse),
      Effect.asVoid
    )
  }

  /** What a tag says in this generation; what an older one has left is void (rule L12). */
  read(tag: Tag, keys: ReadonlyArray<string>): Effect.Effect<Standing, SpaceError> {
    return Effect.map(this.#space.read({ tag, keys }), ({ generation, version, entries, counters }) =>
      generation !== undefined && isSameGeneration(generation, this.#self.generation)
        ? { isMissing: false, version, entries, counters }
        : nothingThere
    )
  }

  readSession(guest: string): Effect.Effect<Entry | undefined, SpaceError> {
    return Effect.map(this.read(guest, [sessionKey]), ({ entries }) => entries.get(sessionKey))
  }

  readMember(tag: Tag, member: number): Effect.Effect<Entry | undefined, SpaceError> {
    const key = memberKey(member)
    return Effect.map(this.read(tag, [key]), ({ entries }) => entries.get(key))
  }

  /** Takes the session for this incarnation, by a connection above every earlier one. A holder on another socket is told. */
  claim(
    by: Incarnation,
    guest: string,
    decide: (before: Claimable | undefined) => Effect.Effect<SessionRecord, PresenceRefused | SpaceError>
  ): Write<{ readonly before: SessionRecord | undefined; readonly held: Held }> {
    const once = Effect.flatMap(this.read(guest, [sessionKey]), ({ entries, counters, isMissing }) => {
      const entry = entries.get(sessionKey)
      const before = claimable(entry)
      return Effect.flatMap(decide(before), (record) => {
        this.connection = Math.max(this.connection, counters.get(connectionCounter) ?? 0) + 1
        const owner = ownerOf(by, this.connection)
        const changes = [counted(owner), this.#session(record, owner)]
        const reads = [{ key: sessionKey, version: entry?.version ?? 0, owner: entry?.owner }]
        const rest = { reads, tell: claimTold(guest, before, owner, record), found: true, isMissing }
        return Effect.map(this.commit(guest, { _tag: "Compared", by: owner }, changes, rest), ({ versions }) => ({
          before: before?.record,
          held: { guest, owner, record, version: versions[0] ?? 0 }
        }))
      })
    })
    return decidedAnew(once)
  }

  /** Changes the record of a session that this owner holds (rule P3); who holds it stays so, unless another is named. */
  update(held: Held, change: (record: SessionRecord) => SessionRecord, owner = held.owner): Write<Held> {
    let known = { record: held.record, version: held.version }
    const once = Effect.gen({ self: this }, function* () {
      const record = change(known.record)
      const done = yield* this.commit(
        held.guest,
        { _tag: "Owned", key: sessionKey, by: held.owner },
        [this.#session(record, owner)],
        { reads: [{ key: sessionKey, version: known.version }] }
      )
      return { ...held, owner, record, version: done.versions[0] ?? 0 }
    })
    const reread = Effect.map(this.readSession(held.guest), (entry) => {
      if (entry !== undefined) known = { record: SessionRecord.decode(entry.value), version: entry.version }
    })
    return decidedAnew(once, reread)
  }

  /** Writes a session as it was read over or, without a record, away, whoever owned it; false: it has changed since. */
  replaceSession(
    guest: string,
    before: Entry,
    record: SessionRecord | undefined,
    also: ReadonlyArray<Change> = []
  ): Write<boolean> {
    const key = sessionKey
    const change: Change = record === undefined ? { _tag: "Delete", key } : this.#session(record, before.owner)
    const reads = [{ key, version: before.version, owner: before.owner }]
    return unlessChanged(this.commit(guest, { _tag: "Compared" }, [change, ...also], { reads }))
  }

  /** Writes a member's state over what was read, whoever owns it; false: it has changed since. */
  replaceMember(
    tag: Tag,
    member: number,
    before: Entry,
    { state, lostMs }: Pick<PresenceOf, "state" | "lostMs">,
    owner = before.owner
  ): Write<boolean> {
    const { version } = before
    if (owner === undefined) return Effect.succeed(false)
    const record: MemberRecord = { ...MemberRecord.decode(before.value), state, lostMs }
    return unlessChanged(this.#putMember({ tag, member, record, owner, guard: { _tag: "Compared" }, version }))
  }

  #session(record: SessionRecord, owner: Owner | undefined): Change {
    return {
      _tag: "Put",
      key: sessionKey,
      value: SessionRecord.encode(record).finish(),
      owner,
      dueMs: this.due(record)
    }
  }

  /** Ends a session that this owner holds: the truth goes first (rule P1). */
  endSession(held: Held): Write<void> {
    return this.commit(held.guest, { _tag: "Owned", key: sessionKey, by: held.owner }, [
      { _tag: "Delete", key: sessionKey }
    ]).pipe(Effect.catchTag("CommitRefused", refuse), Effect.asVoid)
  }

  /** Puts a member that nobody sees yet: takes number and slot, unless the channel is full or this incarnation fenced. */
  putHidden(held: Held, request: EnterRequest, nowMs: number): Write<HeldMember> {
    const state = hidden(nowMs)
    const record = memberOf(held, request, state)
    const changes: ReadonlyArray<Change> = [
      { _tag: "Count", counter: membersCounter, by: 1, max: request.capacity },
      {
        _tag: "PutNext",
        counter: memberCounter,
        prefix: memberPrefix,
        value: MemberRecord.encode(record).finish(),
        owner: held.owner,
        dueMs: state.dueMs
      }
    ]
    return this.commit(request.tag, { _tag: "Create", by: held.owner }, changes, { found: true }).pipe(
      Effect.map((done) => ({
        tag: request.tag,
        member: done.numbers[0] ?? 0,
        record,
        version: done.versions[0] ?? 0
      })),
      Effect.catchTag("CommitRefused", refuse)
    )
  }

  /** Writes a member over the version it was read or written at, and tells the views. */
  putMember(write: MemberWrite): Write<HeldMember> {
    return this.#putMember(write).pipe(Effect.catchTag("CommitRefused", refuse))
  }

  #putMember(write: MemberWrite): Effect.Effect<HeldMember, CommitRefused | SpaceError> {
    const { tag, member, record, owner, guard, version, at } = write
    const value = MemberRecord.encode(record).finish()
    const reason = isShown(record.state) ? GoneReason.GONE_REASON_UNSPECIFIED : GoneReason.GONE_REASON_LOST
    const key = memberKey(member)
    const place: ReadonlyArray<Change> = at === undefined ? [] : [{ _tag: "Place", member, xCm: at.xCm, yCm: at.yCm }]
    return this.commit(tag, guard, [{ _tag: "Put", key, value, owner, dueMs: this.due(record) }, ...place], {
      reads: [{ key, version }],
      tell: [memberTold(tag, member, version + 1, value, reason, owner.runner)]
    }).pipe(Effect.map((done) => ({ tag, member, record, version: done.versions[0] ?? 0 })))
  }

  /** Changes a member's state for its owner; undefined: it is missing, or another's. */
  changeMember(
    held: Held,
    guardOf: (key: string) => Guard,
    state: PresenceOf,
    at?: Position
  ): Write<HeldMember | undefined> {
    const { channel: tag, member, session } = held.record
    const key = memberKey(member)
    const once = Effect.gen({ self: this }, function* () {
      const entry = yield* this.readMember(tag, member)
      if (entry === undefined) return undefined
      const before = MemberRecord.decode(entry.value)
      if (before.session !== session) return undefined
      const record: MemberRecord = { ...before, state: state.state, lostMs: state.lostMs }
      return yield* this.#putMember({
        tag,
        member,
        record,
        owner: held.owner,
        guard: guardOf(key),
        version: entry.version,
        at
      })
    })
    return decidedAnew(once)
  }

  /** Removes a member that its session no longer names; number and slot are given back (rule P2). */
  removeMember(
    tag: Tag,
    member: number,
    session: string,
    reason: GoneReason,
    guard: Guard = { _tag: "Compared" }
  ): Write<boolean> {
    const key = memberKey(member)
    const once = Effect.gen({ self: this }, function* () {
      const entry = yield* this.readMember(tag, member)
      if (entry === undefined || MemberRecord.decode(entry.value).session !== session) return false
      yield* this.commit(
        tag,
        guard,
        [
          { _tag: "Delete", key },
          { _tag: "Count", counter: membersCounter, by: -1, max: Number.MAX_SAFE_INTEGER }
        ],
        {
          reads: [{ key, version: entry.version }],
          tell: [memberTold(tag, member, entry.version + 1, undefined, reason, "")]
        }
      )
      return true
    })
    return decidedAnew(once)
  }

  /** Removes a member if its session does not name it (rule P1). */
  removeOrphan(tag: Tag, member: number): Write<boolean> {
    return Effect.gen({ self: this }, function* () {
      const entry = yield* this.readMember(tag, member)
      if (entry === undefined) return false
      const record = MemberRecord.decode(entry.value)
      const session = claimable(yield* this.readSession(record.guest))?.record
      const nowMs = yield* Clock.currentTimeMillis
      const entering = session?.member === 0 && nowMs < (entry.dueMs ?? 0)
      const named = session?.session === record.session && session.channel === tag
      if (named && (session.member === member || entering)) return false
      return yield* this.removeMember(tag, member, record.session, GoneReason.GONE_REASON_LEFT)
    })
  }

  /** Forgets what a session asked of a channel, when the session has ended (rule L6). */
  forgetOutcomes(tag: Tag, session: string): Write<void> {
    return this.commit(tag, { _tag: "Compared" }, [{ _tag: "Forget", session }]).pipe(
      // A channel that is gone remembers nothing.
      Effect.catchTag("CommitRefused", (refused) => (refused.reason === "Missing" ? Effect.void : refuse(refused))),
      Effect.asVoid
    )
  }

  due(record: { readonly state: PresenceState; readonly lostMs: number }): number | undefined {
    return dueOf(record, this.#graces)
  }
}

/** A space that is away for a moment: asked again within the time a phone waits. */
const passing = Schedule.max([Schedule.exponential("50 millis"), Schedule.recurs(5)]).pipe(Schedule.jittered)

const claimable = (entry: Entry | undefined): Claimable | undefined =>
  entry?.owner === undefined ? undefined : { record: SessionRecord.decode(entry.value), owner: entry.owner }
