/**
 * What is wrong with presence in the shared space, and its repair (rule P1): found by reading every member and the session
 * it is derived from. Trusts no figure and no view. What somebody may just be about to mend counts only when it stands
 * unchanged at the next look. Owns neither deadlines nor the dead: those are Watcher's and Sweep's.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { MemberRecord, PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import { isSameGeneration } from "../link/Roster.ts"
import type { PresenceRefused } from "../space/PresenceRefused.ts"
import { dueOf, isShown } from "../space/PresenceState.ts"
import type { Entry, SpaceError, Tag } from "../space/SharedSpace.ts"
import { memberNumber, memberPrefix } from "../space/Tag.ts"
import type { Broom } from "./Sweep.ts"

export const kinds = ["ghost", "orphan", "double", "astray"] as const

/**
 * ghost: others see it, and nobody holds its socket: its runner is gone, or its time is over. orphan: no session names it.
 * double: its guest stands somewhere else, too. astray: its session says otherwise, in state or owner.
 */
export type Kind = (typeof kinds)[number]

export interface Defect {
  readonly kind: Kind
  readonly channel: Tag
  readonly member: number
  /** For an operator to read. */
  readonly detail: string
  /** By the versions it was seen in: the same again is not somebody's work under way. */
  readonly seenAs: string
}

export interface Found {
  readonly defects: ReadonlyArray<Defect>
  /** Members looked at. */
  readonly members: number
}

/** Sessions read at once. */
const sessionsAtOnce = 64
/** What is so long overdue nobody looks after. */
const overdueMs = 5_000

interface Standing {
  readonly channel: Tag
  readonly member: number
  readonly entry: Entry
  readonly record: MemberRecord
  readonly session: Entry | undefined
}

/** Looks at all members once; `isGone` says whose runner is dead. */
export const audit = (broom: Broom, isGone: (incarnation: string) => boolean): Effect.Effect<Found, SpaceError> =>
  Effect.gen(function* () {
    const channels = yield* broom.channels
    const standing = (yield* Effect.forEach(channels, (channel) => standingIn(broom, channel))).flat()
    const nowMs = yield* Clock.currentTimeMillis
    const places = new Map<string, number>()
    for (const { record } of standing) places.set(record.guest, (places.get(record.guest) ?? 0) + 1)
    const defects = standing.flatMap((each): ReadonlyArray<Defect> => {
      const said = defectOf(each, broom, isGone, nowMs, (places.get(each.record.guest) ?? 0) > 1)
      if (said === undefined) return []
      const [kind, detail] = said
      const { channel, member, entry, session } = each
      return [{ kind, channel, member, detail, seenAs: `${channel}/${member} ${entry.version} ${session?.version}` }]
    })
    return { defects, members: standing.length }
  })

/** Those that stood already, as they stand now, the last time. */
export const lasting = (now: Found, before: Found): ReadonlyArray<Defect> => {
  const known = new Set(before.defects.map(({ seenAs }) => seenAs))
  return now.defects.filter(({ seenAs }) => known.has(seenAs))
}

/** Mends a defect, as far as a watcher may; whether it changed anything. What a dead runner left is Sweep's. */
export const repair = (
  { writes }: Broom,
  { channel, member, kind }: Defect
): Effect.Effect<boolean, PresenceRefused | SpaceError> =>
  Effect.gen(function* () {
    if (yield* writes.removeOrphan(channel, member)) return true
    if (kind !== "astray") return false
    const entry = yield* writes.readMember(channel, member)
    if (entry === undefined) return false
    const before = yield* writes.readSession(MemberRecord.decode(entry.value).guest)
    if (before === undefined) return false
    const session = SessionRecord.decode(before.value)
    // It is put back to what the session says; a change made meanwhile, of either, is the newer one.
    return yield* writes.replaceMember(channel, member, entry, session, before.owner)
  })

const standingIn = ({ space, writes, generation }: Broom, channel: Tag) =>
  Effect.gen(function* () {
    const snapshot = yield* space.snapshot(channel, memberPrefix, "")
    // What an older generation left is void.
    if (snapshot.generation === undefined || !isSameGeneration(snapshot.generation, generation)) return []
    const look = ([key, entry]: readonly [string, Entry]) => {
      const record = MemberRecord.decode(entry.value)
      const member = memberNumber(key)
      return Effect.map(
        writes.readSession(record.guest),
        (session): Standing => ({ channel, member, entry, record, session })
      )
    }
    const length = Math.min(sessionsAtOnce, snapshot.entries.size)
    const shares = Array.from({ length }, (): Array<readonly [string, Entry]> => [])
    let next = 0
    for (const entry of snapshot.entries) shares[next++ % length]?.push(entry)
    // A fiber for each share: one for each member would cost more than all that is read. Each lets others go on after
    // every session: where nothing is waited for, thousands would be read before the next tick.
    const read = (share: ReadonlyArray<readonly [string, Entry]>) =>
      Effect.forEach(share, (entry) => Effect.andThen(Effect.yieldNow, look(entry)))
    return (yield* Effect.forEach(shares, read, { concurrency: sessionsAtOnce })).flat()
  })

function defectOf(
  { channel, member, entry, record, session: named }: Standing,
  { graces }: Broom,
  isGone: (incarnation: string) => boolean,
  nowMs: number,
  isTwice: boolean
): readonly [Kind, string] | undefined {
  const session = named && SessionRecord.decode(named.value)
  const isEntering = session?.member === 0 && nowMs < (entry.dueMs ?? 0)
  if (
    session?.session !== record.session ||
    session.channel !== channel ||
    (session.member !== member && !isEntering)
  ) {
    return isTwice ? ["double", "its guest stands somewhere else, too"] : ["orphan", "no session names it"]
  }
  if (isEntering) return undefined
  const owner = named?.owner
  if (owner === undefined) return ["orphan", "its session is nobody's"]
  if (isShown(record.state)) {
    if (isGone(owner.incarnation)) return ["ghost", `shown, and ${owner.incarnation} is gone`]
    const lateMs = nowMs - (dueOf(record, graces) ?? nowMs)
    if (lateMs > overdueMs) return ["ghost", `shown ${Math.floor(lateMs / 1000)} s too long`]
  }
  if (record.state === session.state && entry.owner?.connection === owner.connection) return undefined
  return ["astray", `${nameOf(record.state)} where its session is ${nameOf(session.state)}`]
}

const nameOf = (state: PresenceState): string =>
  Object.entries(PresenceState)
    .find(([, value]) => value === state)?.[0]
    .replace("PRESENCE_STATE_", "") ?? `${state}`
