/**
 * Keeps this runner's members and sessions in step (rule P1): a member whose session does not name it is removed, a
 * session whose member is missing has it put back. Its views, too: one that has not heard of a member reads anew.
 * Members of other runners are theirs, and the watcher's, unless their time has passed and nobody looked (rule P5).
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import type { Session } from "../../client/Session.ts"
import { Sessions } from "../../client/Sessions.ts"
import { isSameGeneration } from "../../link/Roster.ts"
import { monotonicMsOf } from "../../Monotonic.ts"
import { settleMs } from "../../space/Lives.ts"
import { Presence } from "../../space/Presence.ts"
import { membersCounter } from "../../space/PresenceWrites.ts"
import { Self } from "../../space/Self.ts"
import { type Entry, SharedSpace, type Snapshot, type SpaceError } from "../../space/SharedSpace.ts"
import { memberNumber, memberPrefix } from "../../space/Tag.ts"
import { enduring, Workers } from "../../Workers.ts"
import { Channels } from "./Channels.ts"
import { show } from "./Entrance.ts"
import type { View } from "./View.ts"

/** An orphan is gone within 2 s (rule P1). */
const every = "1 second"
/** Members looked at before what else has come is: of thousands it would hold up a tick by tens of milliseconds. */
const lookedAtOnce = 512
/**
 * So many looks at what was read before, where a tag says that nobody was written or removed since; then it is read all the
 * same: a space that went back may have come to say the same of others (rule L11).
 */
export const looksAtRead = 10
/** Its own runner moves a member on at once: whoever is so long overdue has none any more. */
const overdueMs = 2_000

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const channels = yield* Channels
    const sessions = yield* Sessions
    const presence = yield* Presence
    const space = yield* SharedSpace
    const self = yield* Self
    const workers = yield* Workers
    const clock = yield* Clock.Clock
    /** Behind a reconnect whoever seems overdue may have come back in what the space has lost (rule L11). */
    let quietUntilMs = Number.NEGATIVE_INFINITY
    yield* space.onReady(() => {
      quietUntilMs = monotonicMsOf(clock) + settleMs
    })

    const removeOrphans = Effect.fnUntraced(function* (tag: string, members: Members, entered: ReadonlyArray<Session>) {
      const nowMs = yield* Clock.currentTimeMillis
      // The numbers that sessions give as theirs: whose members need no second look.
      const named = new Set<number>()
      for (const { channel, held } of entered) if (channel === tag) named.add(held?.record.member ?? 0)
      let looked = 0
      for (const [member, { owner, value, dueMs = Number.POSITIVE_INFINITY }] of members) {
        if (++looked % lookedAtOnce === 0) yield* Effect.yieldNow
        if (owner?.incarnation !== self.incarnation.id) {
          const isOverdue = nowMs >= dueMs + overdueMs && monotonicMsOf(clock) >= quietUntilMs
          if (isOverdue) yield* presence.moveOnOverdue(tag, member, nowMs)
          continue
        }
        if (named.has(member) && nowMs < dueMs) continue
        const session = sessions.ofSession(MemberRecord.decode(value).session)
        const isKept = session !== undefined && names(session, tag, member) && nowMs < dueMs
        if (!isKept) yield* presence.removeOrphan(tag, member)
      }
    })

    const putBackMissing = Effect.fnUntraced(function* (
      view: View,
      members: Members,
      standing: ReadonlyArray<Session>
    ) {
      let looked = 0
      for (const session of standing) {
        if (++looked % lookedAtOnce === 0) yield* Effect.yieldNow
        const { place } = session
        if (place?.tag !== view.tag) continue
        const entry = members.get(place.member)
        // A newer claim has taken the member over, and the word of it was lost.
        if ((entry?.owner?.connection ?? 0) > (session.held?.owner.connection ?? 0)) sessions.judge(session)
        if (entry !== undefined && isAsSaid(entry, session)) continue
        const position = view.positionOf(place.member)
        const putBack = session.change((held) =>
          Effect.flatMap(presence.holds(held), (holds) => {
            // The word of a claim was lost: the session's record says whose it is.
            if (!holds) sessions.judge(session)
            return holds && names(session, place.tag, place.member)
              ? presence.putBack(held, position)
              : Effect.undefined
          })
        )
        // It may have been put meanwhile, or the session gone on: then there is nothing to mend.
        const member = yield* putBack.pipe(Effect.catch(() => Effect.undefined))
        if (member !== undefined) show(view, member)
      }
    })

    /** Channels whose view had not heard of all members at the last look: a frame may have been lost, or be on its way. */
    let behind: ReadonlySet<string> = new Set()
    const refresh = Effect.fnUntraced(function* (view: View, members: Members) {
      let isBehind = false
      for (const [member, { version }] of members) isBehind ||= !view.knows(member, version)
      if (isBehind && behind.has(view.tag)) yield* channels.refresh(view.tag)
      return isBehind ? [view.tag] : []
    })

    /** What was read of each channel. */
    let read: ReadonlyMap<string, Read> = new Map()
    const membersIn = (tag: string, now: Marks | undefined): Effect.Effect<Read, SpaceError> => {
      const before = read.get(tag)
      if (before !== undefined && isStill(before.marks, now) && before.looks < looksAtRead) {
        return Effect.succeed({ ...before, looks: before.looks + 1 })
      }
      return Effect.map(space.snapshot(tag, memberPrefix, ""), (snapshot) => ({
        marks: { generation: snapshot.generation, version: snapshot.version, counters: snapshot.counters },
        members: membersOf(snapshot),
        looks: 1
      }))
    }

    const look = Effect.gen(function* () {
      yield* presence.cleanIndex(sessions.all())
      const views = [...channels.all()]
      // Once for all channels, if there are any; whoever has gone on since is told apart where it matters.
      const all = views.length === 0 ? [] : [...sessions.all()]
      const byChannel = Map.groupBy(all, ({ channel }) => channel)
      const byPlace = Map.groupBy(all, ({ place }) => place?.tag)
      const nowBehind: Array<string> = []
      const nowRead = new Map<string, Read>()
      const marks = yield* space.heads(views.map(({ tag }) => tag))
      for (const view of views) {
        const found = yield* membersIn(view.tag, marks.get(view.tag))
        const { members } = found
        nowRead.set(view.tag, found)
        yield* removeOrphans(view.tag, members, byChannel.get(view.tag) ?? [])
        yield* putBackMissing(view, members, byPlace.get(view.tag) ?? [])
        nowBehind.push(...(yield* refresh(view, members)))
      }
      behind = new Set(nowBehind)
      read = nowRead
    })
    yield* workers.run("upkeep", Effect.repeat(enduring("upkeep", look), Schedule.spaced(every)))
  })
)

/** Their entries in the shared space. */
type Members = ReadonlyMap<number, Entry>

/** By what it shows that a member was written or removed. */
type Marks = Pick<Snapshot, "generation" | "version" | "counters">

interface Read {
  readonly marks: Marks
  readonly members: Members
  /** At so many looks it was as it was read. */
  readonly looks: number
}

/** No version is given twice; a member that is removed is counted. */
const isStill = (before: Marks, now: Marks | undefined): boolean =>
  before.generation !== undefined &&
  now?.generation !== undefined &&
  isSameGeneration(before.generation, now.generation) &&
  before.version === now.version &&
  before.counters.get(membersCounter) === now.counters.get(membersCounter)

const membersOf = ({ entries }: Snapshot): Members => {
  const members = new Map<number, Entry>()
  for (const [key, entry] of entries) members.set(memberNumber(key), entry)
  return members
}

/** Whether it is shown as its session says. With a deadline it may have been put back and not shown. */
const isAsSaid = ({ dueMs, value }: Entry, { held }: Session): boolean =>
  dueMs === undefined || MemberRecord.decode(value).state === held?.record.state

/** Whether the session stands there, or is about to: entering, its member has no number yet. */
const names = ({ channel, held }: Session, tag: string, member: number): boolean =>
  channel === tag && (held?.record.member === member || held?.record.member === 0)
