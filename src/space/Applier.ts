/**
 * Reads asked records in the order of the log, has them decided, and commits what follows (rules L3 to L8). Any runner
 * may apply any record and comes to the same; what keeps a record from taking effect twice is the tag's applied mark,
 * not this file. It knows no message: deciders are registered on the bus.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { EventBus } from "../bus/EventBus.ts"
import { type Generation, generationText, isSameGeneration } from "../link/Roster.ts"
import { type LogRecord, type Reading, TopicLog } from "../link/TopicLog.ts"
import { askedTopics, deadTopicOf } from "../link/Topics.ts"
import { monotonicMsOf } from "../Monotonic.ts"
import { applied as appliedFigures, deadLetters, topicLagSeconds } from "../telemetry/Metrics.ts"
import { withSpan } from "../telemetry/Tracing.ts"
import { fromTraceparent } from "../wire/Trace.ts"
import { type Applied, type AskedRecord, decideInTurn, keysOf, outcomesOf } from "./Deciding.ts"
import { Founding, isOf, nothing, whole, wholeKey } from "./Founding.ts"
import { GoingBack } from "./GoingBack.ts"
import { Self } from "./Self.ts"
import {
  type Commit,
  type CommitRefused,
  type Fact,
  newToken,
  SharedSpace,
  type SpaceError,
  type TagState
} from "./SharedSpace.ts"
import { isChannel, isLasting, isTag, memberPrefix } from "./Tag.ts"
import { arm, rearm } from "./Timers.ts"

export class Applier extends Context.Service<Applier, { readonly reading: Reading }>()("noriter/space/Applier") {
  /** Joins the group and applies until the layer's scope closes; leaves the group first (rule L10). */
  static readonly layer = Layer.effect(
    Applier,
    Effect.suspend(() => make)
  )
}

/** All runners share the work of one group. */
const group = "noriter.applier"

/** How often a decision is made anew when a version changed under it, before it counts as a passing fault (rule L5). */
const attemptsMax = 8
const attemptsPause = "100 millis"
/** How often it is looked whether the generation is still the same. */
const lookEvery = "1 second"
/** What lasts is not decided before it is rebuilt: how often that is looked for (rule L13). */
const rebuiltPause = "250 millis"

/** Passing faults are retried in place for as long as they last (rule L8). */
const passing = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)

const make = Effect.gen(function* () {
  const log = yield* TopicLog
  const bus = yield* EventBus
  const space = yield* SharedSpace
  const self = yield* Self
  const founding = yield* Founding
  const clock = yield* Clock.Clock
  const now = () => monotonicMsOf(clock)
  const context = yield* Effect.context<never>()
  let reading: Reading | undefined
  const goingBack = new GoingBack(({ topic, partition }, offset) => {
    if (reading !== undefined) Effect.runSyncWith(context)(reading.seek(topic, partition, offset))
  }, now)
  let { generation } = self
  // What was applied in the last generation may be lost in this one.
  const passNow = (): number => {
    if (!isSameGeneration(self.generation, generation)) {
      generation = self.generation
      goingBack.begin()
    }
    return goingBack.pass
  }
  const apply = makeApply({ log, bus, space, self, founding, goingBack, passNow })
  const handle = Effect.fnUntraced(function* (records: ReadonlyArray<LogRecord>) {
    const pass = passNow()
    if (records[0] !== undefined) goingBack.reads(records[0])
    for (const run of runsOfOneTag(records)) if (!(yield* apply(run, pass))) return
  })
  reading = yield* log.consume({
    group,
    topics: askedTopics,
    handle,
    assigned: (topic, partition) => goingBack.assigned(topic, partition)
  })
  // Also where nothing comes that would be looked at.
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(lookEvery), Effect.sync(passNow))))
  const { goBack } = reading
  const fork = Effect.runForkWith(context)
  yield* space.onReady(() => {
    // A space that was away may have been rewound: what it has applied costs one read a run (rule L11). Here and now, so
    // that nothing is decided on what is read after this before what comes before it was read again.
    goingBack.begin()
    // And to what another has applied lately, whose partition is here now: by the clock of records.
    fork(goBack(clock.currentTimeMillisUnsafe() - goingBack.lostForMs))
  })
  return Applier.of({ reading })
})

interface Services {
  readonly log: TopicLog["Service"]
  readonly bus: EventBus["Service"]
  readonly space: SharedSpace["Service"]
  readonly self: Self["Service"]
  readonly founding: Founding["Service"]
  readonly goingBack: GoingBack
  /** A new one in a new generation. */
  readonly passNow: () => number
}

/** What an attempt at a run came to. `later`: not before what was there is rebuilt, or put back. `lost`: read again. */
type Attempted = "done" | "later" | "lost" | CommitRefused

/** Cuts consecutive records of a partition into runs of one tag, which are read once and committed together. */
const runsOfOneTag = (records: ReadonlyArray<LogRecord>): ReadonlyArray<ReadonlyArray<LogRecord>> => {
  const runs: Array<Array<LogRecord>> = []
  for (const record of records) {
    const run = runs.at(-1)
    if (run !== undefined && run[0]?.partitionBy === record.partitionBy) run.push(record)
    else runs.push([record])
  }
  return runs
}

const makeApply = ({ log, bus, space, self, founding, goingBack, passNow }: Services) => {
  /** Puts facts on the log, and says so to the tag; what is sent twice is known by its source (rule L4). */
  const send = Effect.fnUntraced(function* (tag: string, offset: number, facts: ReadonlyArray<Fact>) {
    // What other tags are asked goes first, of the whole run: what happened is never on the log without what follows.
    const topicsOf = Map.groupBy(new Set(facts.map((fact) => fact.topic)), isHappened)
    for (const topic of [...(topicsOf.get(false) ?? []), ...(topicsOf.get(true) ?? [])]) {
      const records = facts.filter((fact) => fact.topic === topic).map((fact) => fact.record)
      yield* log.append(topic, records).pipe(Effect.retry(passing), Effect.orDie)
    }
    yield* space.factsSent(tag, offset).pipe(Effect.retry(passing), Effect.orDie)
  })

  const bury = Effect.fnUntraced(function* (record: LogRecord, cause: unknown) {
    deadLetters.count++
    yield* Effect.logError(`a record of ${record.key} cannot be decided; it lies in the dead letters`, cause)
    const { topic, partition, offset } = record
    const dead = { ...record, dead: { topic, partition, offset, reason: String(cause) } }
    yield* log.append(deadTopicOf(topic), [dead]).pipe(Effect.retry(passing), Effect.orDie)
  })

  const readTag = (tag: string, asked: ReadonlyArray<AskedRecord>) =>
    space
      .read({ tag, keys: [...keysOf(asked), wholeKey], outcomes: outcomesOf(asked) })
      .pipe(Effect.retry(passing), Effect.orDie)

  /** What cannot be decided is buried before it counts as applied, and once, however often the others are decided. */
  const buryOnce = Effect.fnUntraced(function* (poison: Applied["poison"], buried: Set<number>) {
    for (const { record, cause } of poison) {
      if (!buried.has(record.offset)) yield* bury(record, cause)
      buried.add(record.offset)
    }
  })

  const commitRun = Effect.fnUntraced(function* (
    tag: string,
    generation: Generation,
    state: TagState,
    applied: Applied
  ) {
    const isWhole = !isLasting(tag) || state.entries.has(wholeKey)
    const commit: Commit = {
      tag,
      token: newToken(),
      generation,
      // What lasts and is missing now has nothing on the log, or it would have been rebuilt (rule L12).
      found: isLasting(tag),
      guard: { _tag: "Applied", after: state.applied, records: applied.records },
      reads: applied.reads,
      changes: isWhole ? applied.changes : [...applied.changes, whole],
      tell: applied.tell
    }
    yield* untilAnswered(arm(space, generation, tag, applied.timers))
    yield* untilAnswered(space.commit(commit))
    return applied
  })

  const finish = Effect.fnUntraced(function* (tag: string, applied: Applied) {
    const facts = applied.records.flatMap((record) => record.facts)
    if (facts.length > 0) yield* send(tag, applied.upTo, facts)
    for (const { message, trace } of applied.tellAfterFacts) yield* Effect.ignore(bus.publish(message, trace))
  })

  /**
   * Which of these a channel applies: none where it is not there, nor what was asked before its generation (L13). Runners
   * hear of a generation one after the other, so each record says in which it was asked; records of 0.1.0 do not, and are
   * judged by their own time. "later": whoever stood there may yet be put back, and what they asked is theirs then.
   */
  const ofGeneration = Effect.fnUntraced(function* (tag: string, state: TagState, all: ReadonlyArray<AskedRecord>) {
    const known = state.generation
    const isMissing = known === undefined || isBefore(known, self.generation)
    if (!isChannel(tag)) return isMissing ? [] : all
    const text = generationText(isMissing ? self.generation : known)
    const ofThis = all.filter((one) => (askedIn(one) || text) === text)
    if (isMissing) return isAwaited(tag, ofThis) ? ("later" as const) : []
    // The channel is there, and its members are put back one by one.
    if (self.unsettledMs() > 0 && ofThis.some((one) => isUnknown(state, one))) return "later" as const
    if (state.applied >= 0) return ofThis
    const beganMs = (yield* founding.beganMs.pipe(Effect.retry(passing), Effect.orDie)) ?? 0
    return ofThis.filter((one) => askedIn(one) !== "" || one.record.timeMs >= beganMs)
  })

  /** Channels that were waited for though nothing had gone back yet, as far as this runner knew; and for which record. */
  const awaited = new Map<string, number>()
  /** Whether members of a missing channel may yet be put back. One asked in this generation says that it was there. */
  const isAwaited = (tag: string, asked: ReadonlyArray<AskedRecord>): boolean => {
    const last = asked.findLast((one) => askedIn(one) !== "")
    if (self.unsettledMs() > 0) return asked.length > 0
    if (last === undefined || last.record.offset <= (awaited.get(tag) ?? -1)) return false
    awaited.set(tag, last.record.offset)
    self.look("it has gone back")
    return true
  }

  /** Decides and commits what is left of a run. */
  const attempt = Effect.fnUntraced(function* (
    tag: string,
    all: ReadonlyArray<AskedRecord>,
    buried: Set<number>,
    pass: number
  ): Effect.fn.Return<Attempted, CommitRefused> {
    const found = yield* readTag(tag, all)
    const first = all[0]?.record
    if (passNow() !== pass || first === undefined) return "lost"
    for (const waiting of found.factsWaiting) yield* send(tag, waiting.offset, waiting.facts)
    const counts = isLasting(tag) ? yield* founding.counts(found).pipe(Effect.retry(passing), Effect.orDie) : true
    // One generation from here to the commit: what counts in this one says nothing of the next.
    const { generation } = self
    if (passNow() !== pass) return "lost"
    if (!counts) return "later"
    const state = isLasting(tag) && !isOf(found, generation) ? nothing : found
    if (!goingBack.saw(tag, state.applied, first)) return "lost"
    const asked = isLasting(tag) ? all : yield* ofGeneration(tag, state, all)
    if (asked === "later") return "later"
    if (asked.length < all.length) {
      yield* buryOnce(poisonOf(all.filter((one) => !asked.includes(one))), buried)
      // What was read is of all of them, in their order.
      return asked.length === 0 ? "done" : yield* attempt(tag, asked, buried, pass)
    }
    const isApplied = ({ record }: AskedRecord) => record.offset <= state.applied
    // Read again, because something may be lost: where its timers are named, too.
    if (asked.some(isApplied)) yield* untilAnswered(rearm(space, generation, tag))
    if (asked.every(isApplied)) return "done"
    const applied = decideInTurn(state, asked)
    yield* buryOnce(applied.poison, buried)
    yield* commitRun(tag, generation, state, applied)
    goingBack.saw(tag, applied.upTo, first)
    const news = asked.filter((one) => !isApplied(one))
    for (const { record } of news) appliedFigures.of(record.key).count++
    yield* lag(news)
    yield* finish(tag, applied)
    return "done"
  })

  /** False: what follows it is read again, too. */
  const run = Effect.fnUntraced(function* (records: ReadonlyArray<LogRecord>, pass: number) {
    const tag = records[0]?.partitionBy ?? ""
    const all = records.map((record) => decoded(bus, record))
    const buried = new Set<number>()
    // Nothing can be read or written under such a name, and the partition goes on (rule L8).
    if (!isTag(tag)) {
      yield* buryOnce(
        all.map(({ record }) => ({ record, cause: noTag })),
        buried
      )
      return true
    }
    const until = Effect.fnUntraced(function* (some: ReadonlyArray<AskedRecord>): Effect.fn.Return<boolean> {
      for (let attempts = 1; ; attempts++) {
        const came = yield* attempt(tag, some, buried, pass).pipe(
          Effect.catchTag("CommitRefused", (refused) => Effect.succeed(refused))
        )
        if (came === "done" || came === "lost") return came === "done"
        if (came === "later") {
          yield* Effect.sleep(rebuiltPause)
        } else if (isPassing(came)) {
          if (attempts % attemptsMax === 0) yield* Effect.sleep(attemptsPause)
        } else if (some.length > 1) {
          // One of them decides what no tag can take: alone, each shows whether it is the one.
          for (const one of some) if (!(yield* until([one]))) return false
          return true
        } else some = some.map(({ record }) => ({ record, by: undefined, cause: came }))
      }
    })
    return yield* until(all)
  })

  return (records: ReadonlyArray<LogRecord>, pass: number) => traced(records, run(records, pass))
}

/** Repeated while the space is away: it is a passing fault (rule L8). */
const untilAnswered = <A>(asked: Effect.Effect<A, CommitRefused | SpaceError>): Effect.Effect<A, CommitRefused> =>
  asked.pipe(
    Effect.retry({ schedule: passing, while: (error) => error._tag === "SpaceError" }),
    Effect.catchTag("SpaceError", Effect.die)
  )

/** How long these had lain on the log. Not asked of what is only read again: that took effect in its time. */
const lag = (applied: ReadonlyArray<AskedRecord>) =>
  Effect.map(Clock.currentTimeMillis, (nowMs) => {
    const last = applied.at(-1)?.record
    if (last !== undefined) topicLagSeconds.of(last.topic).value = Math.max(0, nowMs - last.timeMs) / 1000
  })

/** Decodes what can be decoded; the others are dead letters, and applied without effect. */
const decoded = (bus: EventBus["Service"], record: LogRecord): AskedRecord => {
  try {
    const by = bus.decided(record)
    return by === undefined ? { record, by, cause: `nobody here decides ${record.key}` } : { record, by }
  } catch (cause) {
    return { record, by: undefined, cause }
  }
}

const noTag = "it names no tag"

const isHappened = (topic: string): boolean => topic.endsWith(".happened")

const poisonOf = (asked: ReadonlyArray<AskedRecord>): Applied["poison"] =>
  asked.flatMap(({ record, by, cause }) => (by === undefined ? [{ record, cause }] : []))

/** The generation that its asker knew; empty in records of 0.1.0, and where nobody asked. */
const askedIn = ({ by }: AskedRecord): string => by?.decider.asker(by.message)?.generation ?? ""

/** Not decided yet, and about a member that the channel does not have. */
const isUnknown = ({ entries, applied }: TagState, { by, record }: AskedRecord): boolean =>
  record.offset > applied &&
  by?.decider.reads(by.message).some((key) => key.startsWith(memberPrefix) && !entries.has(key)) === true

const isBefore = (a: Generation, b: Generation): boolean => a.era < b.era || (a.era === b.era && a.n < b.n)

/** The state has changed under the decision: read and decide again, after a while when it happens too often (rule L5). */
const isPassing = ({ reason }: CommitRefused): boolean =>
  reason === "Applied" || reason === "Source" || reason === "Missing" || reason === "Conflict"

/** Records of one run are applied together, and each of them in its own trace. */
const traced = <A>(records: ReadonlyArray<LogRecord>, run: Effect.Effect<A>): Effect.Effect<A> =>
  records.reduce((applied, record) => withSpan(`apply ${record.key}`, traceOf(record), applied), run)

const traceOf = ({ trace }: LogRecord) => (trace === undefined ? undefined : fromTraceparent(trace))
