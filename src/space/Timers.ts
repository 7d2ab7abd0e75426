/**
 * Timers: "ask this record at that time" (rule T1). A timer stands in the tag that its record is asked of, by the commit
 * that sets it, and before that in one of 64 buckets, which may name too much and never too little. Whoever looks puts what
 * is due onto the log and then strikes it from its bucket; the record takes effect while its timer stands in the tag
 * (Deciding), so it may be asked any number of times, by anybody. Owns buckets and firing, not what is asked.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { TimerRecord } from "../../gen/noriter/space/v1/records.ts"
import { type Generation, Roster, watcherPrefix } from "../link/Roster.ts"
import { type AppendFailed, type NewRecord, TopicLog } from "../link/TopicLog.ts"
import { askedTopics, partitionFor } from "../link/Topics.ts"
import { monotonicMs } from "../Monotonic.ts"
import { timerLateSeconds, timerOverdueSeconds } from "../telemetry/Metrics.ts"
import { enduring, Workers } from "../Workers.ts"
import { older } from "./Enrolment.ts"
import { Self } from "./Self.ts"
import { type Change, commitOf, SharedSpace, type SpaceError, type Tag } from "./SharedSpace.ts"

type Space = SharedSpace["Service"]

/** A timer by its number: the place, in the streams of its tag, of the record that set it. */
export interface Timer {
  readonly number: number
  readonly record: TimerRecord
}

/** The key in its tag of the timer of this number. */
export const timerKey = (number: number): string => `${timerPrefix}${number}`

/** Never another number: what stands in a bucket is looked for there for as long as there are timers. */
const bucketCount = 64

const bucketNames: ReadonlyArray<Tag> = Array.from({ length: bucketCount }, (_, at) => `timers_${at}`)

export const bucketOf = (tag: Tag): Tag => bucketNames[partitionFor(tag, bucketCount)] ?? ""

/** Names timers in the bucket of their tag: to be done before the commit that sets them. */
export const arm = (space: Space, generation: Generation, tag: Tag, timers: ReadonlyArray<Timer>) =>
  timers.length === 0
    ? Effect.void
    : Effect.asVoid(
        space.commit(
          commitOf({
            tag: bucketOf(tag),
            generation,
            found: true,
            changes: timers.map(({ number, record }) => ({
              _tag: "Put",
              key: `${tag}/${number}`,
              value: TimerRecord.encode(record).finish(),
              dueMs: record.dueMs
            }))
          })
        )
      )

/**
 * Names in the bucket what stands in a tag: of a cluster, the node that holds the bucket may have lost what the tag's has
 * kept. Bounded: what was lost is of the last minute.
 */
export const rearm = Effect.fnUntraced(function* (space: Space, generation: Generation, tag: Tag) {
  const due = yield* space.due([tag], Number.MAX_SAFE_INTEGER, rearmMax)
  const keys = (due.get(tag) ?? []).filter((key) => key.startsWith(timerPrefix))
  if (keys.length === 0) return
  const { entries } = yield* space.read({ tag, keys })
  const timers = Array.from(entries, ([key, { value }]): Timer => {
    return { number: Number(key.slice(timerPrefix.length)), record: TimerRecord.decode(value) }
  })
  yield* arm(space, generation, tag, timers)
})

/** A runner fires those of its share of the buckets at once, and what others have left, a while later. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const self = yield* Self
    yield* fire((id) => id === self.incarnation.id)
  })
)

/** A watcher fires what the runners have left, whenever its log is to be had; without it, it watches all the same. */
export const layerOutside = <E>(log: Layer.Layer<TopicLog, E>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const workers = yield* Workers
      const firing = Effect.scoped(Effect.andThen(fire(nobody), Effect.never).pipe(Effect.provide(log)))
      const again = Effect.andThen(enduring("the log of a watcher's timers", firing), Effect.sleep(lookMs))
      yield* workers.run("timers' log", Effect.forever(again))
    })
  )

/** How many timers are so late that nobody seems to fire them. */
export const overdue = (space: Space) =>
  Effect.gen(function* () {
    const untilMs = (yield* Clock.currentTimeMillis) - overdueMs
    const dues = yield* space.due(bucketNames, untilMs, overdueMax)
    return [...dues.values()].reduce((sum, keys) => sum + keys.length, 0)
  })

// --- internal ---

const timerPrefix = "timer/"

/** How often a runner looks at its share: what is due is appended within 250 ms (rule T1), the way to the log included. */
const everyMs = 150
/** How often all buckets are looked at, and who has which. */
const lookMs = 1_000
/** What is due is left for so long to whoever has the bucket. */
const leftMs = 1_000
/** Timers of a bucket that are fired in a round, and how many are asked at once: of the thousand records that the log takes
 * at once most are left to guests. */
const firedMax = 32
const askedMax = 256
/** Timers of a newer release that are remembered, each to be passed over. */
const foreignMax = 10_000
/** Keys with a deadline that are looked at in one tag. */
const rearmMax = 1_000
/** So late that somebody should look, and how many of a bucket are counted then. */
const overdueMs = 5_000
const overdueMax = 10_000

const nobody = () => false

const fire = Effect.fnUntraced(function* (isSelf: (incarnation: string) => boolean) {
  const roster = yield* Roster
  const workers = yield* Workers
  const space = yield* SharedSpace
  const look = firing(space)
  const askAll = asking(space, yield* TopicLog)
  let mine: ReadonlyArray<Tag> = []
  let lookedMs = Number.NEGATIVE_INFINITY
  let isHeld = false
  let isLate = false

  /** Who has which bucket, as far as anybody can say: where two think it theirs, both fire. */
  const share = Effect.gen(function* () {
    const { living, burying } = yield* Effect.all({ living: roster.living, burying: older(space) })
    const runners = living.filter(({ runner }) => !runner.startsWith(watcherPrefix))
    const place = runners.findIndex(({ id }) => isSelf(id))
    // What a runner of the release before would bury is asked when that is gone.
    isHeld = runners.some(({ id }) => burying.includes(id))
    mine = isHeld ? [] : bucketNames.filter((_, at) => at % runners.length === place)
    // Where nobody can say, it is as it was.
  }).pipe(Effect.catchTag("RosterError", () => Effect.void))

  const round = Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    const own = yield* look(mine, nowMs, askAll)
    const passedMs = yield* monotonicMs
    if (passedMs - lookedMs < lookMs) return yield* own.failed
    lookedMs = passedMs
    yield* share
    const all = yield* look(bucketNames, nowMs - leftMs, isHeld ? askNone : askAll)
    const lateMs = Math.max(0, nowMs - all.dueMs)
    timerOverdueSeconds.value = lateMs / 1000
    if (lateMs > overdueMs && !isLate) yield* Effect.logWarning(`the oldest timer has been due for ${lateMs} ms`)
    isLate = lateMs > overdueMs
    yield* Effect.andThen(own.failed, all.failed)
  })
  const failed = (cause: unknown) =>
    Effect.andThen(Effect.logWarning("timers: not this time", cause), Effect.sleep(lookMs))
  const rounds = Effect.andThen(Effect.catch(round, failed), Effect.sleep(everyMs))
  yield* workers.run("timers", Effect.forever(rounds))
})

/** A timer as it was found in its bucket. */
interface Due {
  readonly bucket: Tag
  readonly generation: Generation
  readonly key: string
  readonly record: TimerRecord
}

type Ask = (topic: string, some: ReadonlyArray<Due>) => Effect.Effect<void, AppendFailed | SpaceError>

const askNone: Ask = () => Effect.void

/** Puts them onto the log, and then strikes them. */
const asking = (space: Space, log: TopicLog["Service"]): Ask => {
  /** Where the bucket is of another generation by now, it is another one. */
  const strike = (bucket: Tag, some: ReadonlyArray<Due>) =>
    Effect.forEach(some.slice(0, 1), ({ generation }) => {
      const changes = some.map(({ key }): Change => ({ _tag: "Delete", key }))
      return Effect.catchTag(
        space.commit(commitOf({ tag: bucket, generation, changes })),
        "CommitRefused",
        () => Effect.void
      )
    })

  return Effect.fnUntraced(function* (topic, some) {
    const positions = yield* log.append(
      topic,
      some.map(({ record }) => asked(record))
    )
    some.forEach(({ record }, at) => {
      timerLateSeconds.observe(Math.max(0, (positions[at]?.timeMs ?? 0) - record.dueMs) / 1000)
    })
    const ofBuckets = Map.groupBy(some, ({ bucket }) => bucket)
    yield* Effect.forEach(ofBuckets, ([bucket, ones]) => strike(bucket, ones), { concurrency: "unbounded" })
  })
}

const noneDue = { dueMs: Number.POSITIVE_INFINITY, failed: Effect.void }

/** Asks what is due by then; answers since when the first of it was due, and what failed: that keeps nothing else from it. */
const firing = (space: Space) => {
  /** What a newer release has set, and left when it went back: passed over, so that it takes nobody's turn. */
  const foreign = new Set<string>()

  const dueIn = Effect.fnUntraced(function* (bucket: Tag, due: ReadonlyArray<string>) {
    const keys = due.filter((key) => !foreign.has(key)).slice(0, firedMax)
    if (keys.length === 0) return []
    const { generation, entries } = yield* space.read({ tag: bucket, keys })
    if (generation === undefined) return []
    return Array.from(entries, ([key, { value }]): Due => {
      return { bucket, generation, key, record: TimerRecord.decode(value) }
    })
  })

  return Effect.fnUntraced(function* (buckets: ReadonlyArray<Tag>, untilMs: number, ask: Ask) {
    const due = yield* Effect.result(space.due(buckets, untilMs, firedMax + foreign.size))
    if (Result.isFailure(due)) return { dueMs: Number.POSITIVE_INFINITY, failed: Effect.fail(due.failure) }
    if (due.success.size === 0) return noneDue
    const looks = yield* Effect.forEach(due.success, ([bucket, keys]) => Effect.result(dueIn(bucket, keys)), {
      concurrency: "unbounded"
    })
    const dues = looks.filter(Result.isSuccess).flatMap(({ success }) => success)
    const asks: Array<ReturnType<Ask>> = []
    for (const [topic, all] of Map.groupBy(dues, ({ record }) => record.topic)) {
      // A topic of a newer release is that release's to write to.
      if (!askedTopics.includes(topic)) {
        for (const { key } of all) if (foreign.size < foreignMax) foreign.add(key)
        continue
      }
      for (let at = 0; at < all.length; at += askedMax) asks.push(ask(topic, all.slice(at, at + askedMax)))
    }
    const results = yield* Effect.forEach(asks, Effect.result)
    const failure = looks.find(Result.isFailure) ?? results.find(Result.isFailure)
    const dueMs = Math.min(...dues.map(({ record }) => record.dueMs))
    return { dueMs, failed: failure === undefined ? Effect.void : Effect.fail(failure.failure) }
  })
}

const asked = ({ key, tag, body, trace }: TimerRecord): NewRecord => ({
  key,
  partitionBy: tag,
  body,
  trace: trace === "" ? undefined : trace
})
