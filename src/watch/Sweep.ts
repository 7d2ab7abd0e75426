/**
 * What is done about a dead incarnation (rules P5, P8): it is fenced, its sessions and members are moved on, and when
 * nothing of it is left its tag goes. Each step is one commit that compares before it changes, and only the last one
 * takes away what names the work: so whoever dies half-way is followed by another, and two at once do what one does.
 * Owns the order; who is dead is Verdicts' to say, and what a state becomes PresenceState's.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { GoneReason } from "../../gen/noriter/client/v1/playground.ts"
import { MemberRecord, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import { type Epoch, type Generation, isSameGeneration } from "../link/Roster.ts"
import { strike } from "../space/Enrolment.ts"
import { incarnationTag } from "../space/Lease.ts"
import { guestKey, inPieces, namedIn } from "../space/PresenceIndex.ts"
import type { PresenceRefused } from "../space/PresenceRefused.ts"
import { type Graces, next, type PresenceOf } from "../space/PresenceState.ts"
import { PresenceWrites } from "../space/PresenceWrites.ts"
import { forgetAsked, removeMemberOf } from "../space/Remains.ts"
import { type Change, type Entry, type SharedSpace, SpaceError, type Tag } from "../space/SharedSpace.ts"
import { memberNumber, memberPrefix } from "../space/Tag.ts"
import type { Dead } from "./Verdicts.ts"

/** What a watcher works with in one generation. */
export interface Broom {
  readonly space: SharedSpace["Service"]
  readonly writes: PresenceWrites
  readonly generation: Generation
  readonly graces: Graces
  /** All that exist. */
  readonly channels: Effect.Effect<ReadonlyArray<Tag>, SpaceError>
}

export const broomOf = (
  space: SharedSpace["Service"],
  generation: Generation,
  graces: Graces,
  channels: Broom["channels"]
): Broom => {
  const isCurrent = Effect.map(space.marker, (marker) => marker !== undefined && isSameGeneration(marker, generation))
  const writes = new PresenceWrites(space, { incarnation: nobody, generation, isCurrent, fenced: () => {} }, graces)
  return { space, writes, generation, graces, channels }
}

/** Who writes for others, and holds nothing that anybody could find it by. */
const nobody = { id: "watcher", runner: "watcher", epoch: { era: 0, node: 0 } }

/** `swept`: nothing of it is left. `waiting`: it is fenced and seen by nobody, and some of its sessions may be resumed. */
export type Swept = "swept" | "waiting"

type Step<A> = Effect.Effect<A, PresenceRefused | SpaceError>

/** Guests moved on at once. */
const guestsAtOnce = 64
/** Channels fenced at once. */
const channelsAtOnce = 16

/** Of one incarnation, in one generation; run again until nothing is left. */
export class Sweep {
  readonly #broom: Broom
  readonly #dead: Dead
  readonly #fence: Change
  /** Guests in whose tags this watcher has raised the fence. */
  readonly #fenced = new Set<string>()

  constructor(broom: Broom, dead: Dead) {
    this.#broom = broom
    this.#dead = dead
    const { runner, epoch } = dead.incarnation
    this.#fence = { _tag: "Fence", runner, epoch: above(epoch) }
  }

  run(): Step<Swept> {
    const { id } = this.#dead.incarnation
    const tag = incarnationTag(id)
    return Effect.gen({ self: this }, function* () {
      // Its own tag first: from here on its index cannot grow, so what it names now is all there is.
      yield* this.#raise(tag, true)
      const index = namedIn([...(yield* this.#broom.space.snapshot(tag, "", "")).entries.keys()])
      const channels = [...new Set([...index.channels, ...(yield* this.#broom.channels)])]
      // Also where no member of it was found: its last commit may be under way (rule P8).
      const raise = (channel: Tag) => this.#raise(channel, index.channels.includes(channel))
      yield* Effect.forEach(channels, raise, { concurrency: channelsAtOnce, discard: true })
      const members = (yield* Effect.forEach(channels, (channel) => this.#membersIn(channel))).flat()
      const guests = new Set([...index.guests, ...members.map(({ guest }) => guest)])
      const settled = yield* Effect.filter([...guests], (guest) => this.#settle(guest), { concurrency: guestsAtOnce })
      const isKept = ({ tag, member }: (typeof members)[number]) =>
        Effect.map(this.#broom.writes.removeOrphan(tag, member), (removed) => !removed)
      const kept = yield* Effect.filter(members, isKept, { concurrency: guestsAtOnce })
      if (kept.length > 0 || settled.length < guests.size) {
        yield* this.#forget(settled)
        return "waiting" as const
      }
      yield* this.#commit(tag, false, [{ _tag: "RemoveTag" }])
      yield* strike(this.#broom.space, id, this.#broom.generation)
      return "swept" as const
    })
  }

  #raise(tag: Tag, found: boolean): Step<void> {
    return this.#commit(tag, found, [this.#fence])
  }

  /** The members it owns. */
  #membersIn(tag: Tag) {
    return Effect.map(this.#broom.space.snapshot(tag, memberPrefix, ""), ({ generation, entries }) => {
      if (generation === undefined || !isSameGeneration(generation, this.#broom.generation)) return []
      const owned = [...entries].filter(([, { owner }]) => owner?.incarnation === this.#dead.incarnation.id)
      return owned.map(([key, { value }]) => ({
        tag,
        member: memberNumber(key),
        guest: MemberRecord.decode(value).guest
      }))
    })
  }

  /** Moves a guest's session on, and then its member; whether nothing of it is this incarnation's any more. */
  #settle(guest: string): Step<boolean> {
    const { writes, graces } = this.#broom
    return Effect.gen({ self: this }, function* () {
      const before = yield* writes.readSession(guest)
      if (before?.owner?.incarnation !== this.#dead.incarnation.id) return yield* this.#others(guest)
      const session = SessionRecord.decode(before.value)
      const { state, lostMs, channel, member } = session
      const stands = channel !== "" && member !== 0
      // Read before the session is written: a write that succeeds says that nobody had claimed it till then.
      const entry = stands ? yield* writes.readMember(channel, member) : undefined
      const nowMs = yield* Clock.currentTimeMillis
      const event = { _tag: "RunnerDied", nowMs, diedMs: this.#dead.diedMs } as const
      const after = next({ state, lostMs, dueMs: undefined }, event, graces)
      if (after === "ended") return yield* this.#end(guest, before, session)
      // Fenced here too: what it still believes to hold is not its to change (rule P3).
      if (after.state !== state || !this.#fenced.has(guest)) {
        if (!(yield* writes.replaceSession(guest, before, { ...session, ...after }, [this.#fence]))) return false
        this.#fenced.add(guest)
      }
      if (entry !== undefined && isBehind(entry, before, session, after)) {
        yield* writes.replaceMember(channel, member, entry, after)
      }
      return false
    })
  }

  /** The session goes first, and what it leaves behind after it (rule P1). */
  #end(guest: string, before: Entry, record: SessionRecord): Step<boolean> {
    const { writes } = this.#broom
    return Effect.gen({ self: this }, function* () {
      if (!(yield* writes.replaceSession(guest, before, undefined, [this.#fence]))) return false
      yield* removeMemberOf(writes, record, GoneReason.GONE_REASON_LOST)
      yield* forgetAsked(writes, record)
      return true
    })
  }

  /** The session has gone on, or is over; a claim of the dead one may be under way all the same, and would found its tag. */
  #others(guest: string): Step<boolean> {
    return this.#fenced.has(guest)
      ? Effect.succeed(true)
      : Effect.as(this.#raise(guest, true), true).pipe(Effect.tap(() => Effect.sync(() => this.#fenced.add(guest))))
  }

  /** They are settled: the index need not name them any more. */
  #forget(guests: ReadonlyArray<string>): Step<void> {
    const tag = incarnationTag(this.#dead.incarnation.id)
    const struck = (some: ReadonlyArray<string>) =>
      this.#commit(
        tag,
        false,
        some.map((guest): Change => ({ _tag: "Delete", key: guestKey(guest) }))
      )
    return Effect.forEach(inPieces(guests), struck, { discard: true })
  }

  /** A tag that is not there has nothing to be changed in. */
  #commit(tag: Tag, found: boolean, changes: ReadonlyArray<Change>): Step<void> {
    return this.#broom.writes.commit(tag, { _tag: "Compared" }, changes, { found }).pipe(
      Effect.catchTag("CommitRefused", (refused) =>
        refused.reason === "Missing" && !found
          ? Effect.void
          : Effect.fail(new SpaceError({ operation: "commit", cause: refused }))
      ),
      Effect.asVoid
    )
  }
}

/** What fences an incarnation and none after it. */
const above = ({ era, node }: Epoch): Epoch => ({ era, node: node + 1 })

/** Whether the member is the session's as it was read, and in another state; one that a newer claim took over is not. */
function isBehind(member: Entry, session: Entry, { session: id }: SessionRecord, { state }: PresenceOf): boolean {
  const record = MemberRecord.decode(member.value)
  const isOlder = (member.owner?.connection ?? 0) <= (session.owner?.connection ?? 0)
  return record.session === id && record.state !== state && isOlder
}
