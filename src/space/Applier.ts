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
import { topics } from "../../gen/registry.ts"
import { EventBus } from "../bus/EventBus.ts"
import type { Generation } from "../link/Roster.ts"
import { type LogRecord, type Reading, TopicLog } from "../link/TopicLog.ts"
import { deadTopicOf } from "../link/Topics.ts"
import { applied as appliedFigures, deadLetters, topicLagSeconds } from "../telemetry/Metrics.ts"
import { withSpan } from "../telemetry/Tracing.ts"
import { fromTraceparent } from "../wire/Trace.ts"
import { type Applied, type AskedRecord, decideInTurn, keysOf, outcomesOf } from "./Deciding.ts"
import { Self } from "./Self.ts"
import { type Commit, type CommitRefused, type Fact, newToken, SharedSpace } from "./SharedSpace.ts"
import { isTag } from "./Tag.ts"

export class Applier extends Context.Service<Applier, { readonly reading: Reading }>()("noriter/space/Applier") {
  /** Joins the group and applies until the layer's scope closes; leaves the group first (rule L10). */
  static readonly layer = Layer.effect(
    Applier,
    Effect.suspend(() => make)
  )
}

/** All runners share the work of one group. */
const group = "noriter.applier"

/** How far back reading begins after the space was away (rule L11). */
const goBackMs = 60_000

/** How often a decision is made anew when a version changed under it, before it counts as a passing fault (rule L5). */
const attemptsMax = 8

/** Passing faults are retried in place for as long as they last (rule L8). */
const passing = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)

const make = Effect.gen(function* () {
  const log = yield* TopicLog
  const bus = yield* EventBus
  const space = yield* SharedSpace
  const self = yield* Self
  const apply = makeApply({ log, bus, space, self })
  const reading = yield* log.consume({
    group,
    topics: topics.map((topic) => topic.name).filter((name) => name.endsWith(".asked")),
    handle: (records) => Effect.forEach(runsOfOneTag(records), apply, { discard: true })
  })
  // A space that was away may have been rewound: what it has applied costs one read a run (rule L11).
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const goBack = Effect.flatMap(Clock.currentTimeMillis, (nowMs) => reading.goBack(nowMs - goBackMs))
  yield* space.onReady(() => void fork(goBack))
  return Applier.of({ reading })
})

interface Services {
  readonly log: TopicLog["Service"]
  readonly bus: EventBus["Service"]
  readonly space: SharedSpace["Service"]
  readonly self: Self["Service"]
}

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

const makeApply = ({ log, bus, space, self }: Services) => {
  /** Puts facts on the log, and says so to the tag; what is sent twice is known by its source (rule L4). */
  const send = Effect.fnUntraced(function* (tag: string, offset: number, facts: ReadonlyArray<Fact>) {
    for (const topic of new Set(facts.map((fact) => fact.topic))) {
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
    space.read({ tag, keys: keysOf(asked), outcomes: outcomesOf(asked) }).pipe(Effect.retry(passing), Effect.orDie)

  /** What cannot be decided is buried before it counts as applied, and once, however often the others are decided. */
  const buryOnce = Effect.fnUntraced(function* (poison: Applied["poison"], buried: Set<number>) {
    for (const { record, cause } of poison) {
      if (!buried.has(record.offset)) yield* bury(record, cause)
      buried.add(record.offset)
    }
  })

  const commitRun = Effect.fnUntraced(function* (tag: string, applied: Applied) {
    const commit: Commit = {
      tag,
      token: newToken(),
      generation: self.generation,
      found: false,
      guard: { _tag: "Applied", records: applied.records },
      reads: applied.reads,
      changes: applied.changes,
      tell: applied.tell
    }
    yield* space
      .commit(commit)
      .pipe(
        Effect.retry({ schedule: passing, while: (error) => error._tag === "SpaceError" }),
        Effect.catchTag("SpaceError", Effect.die)
      )
    return applied
  })

  const finish = Effect.fnUntraced(function* (tag: string, applied: Applied) {
    const facts = applied.records.flatMap((record) => record.facts)
    if (facts.length > 0) yield* send(tag, applied.upTo, facts)
    for (const { message, trace } of applied.tellAfterFacts) yield* Effect.ignore(bus.publish(message, trace))
  })

  /** Decides and commits what is left of a run. */
  const attempt = Effect.fnUntraced(function* (tag: string, all: ReadonlyArray<AskedRecord>, buried: Set<number>) {
    const state = yield* readTag(tag, all)
    for (const waiting of state.factsWaiting) yield* send(tag, waiting.offset, waiting.facts)
    // Records from before the tag's generation are not applied there (rule L13).
    if (state.generation === undefined || isBefore(state.generation, self.generation)) {
      yield* buryOnce(poisonOf(all), buried)
      return
    }
    if (all.every(({ record }) => record.offset <= state.applied)) return
    const applied = decideInTurn(state, all)
    yield* buryOnce(applied.poison, buried)
    yield* commitRun(tag, applied)
    for (const { record } of all) if (record.offset > state.applied) appliedFigures.of(record.key).count++
    yield* finish(tag, applied)
  })

  const run = Effect.fnUntraced(function* (records: ReadonlyArray<LogRecord>) {
    const tag = records[0]?.partitionBy ?? ""
    const all = records.map((record) => decoded(bus, record))
    const buried = new Set<number>()
    // Nothing can be read or written under such a name, and the partition goes on (rule L8).
    if (!isTag(tag))
      return yield* buryOnce(
        all.map(({ record }) => ({ record, cause: noTag })),
        buried
      )
    const until = Effect.fnUntraced(function* (some: ReadonlyArray<AskedRecord>): Effect.fn.Return<void> {
      for (let attempts = 1; ; attempts++) {
        const refused = yield* attempt(tag, some, buried).pipe(
          Effect.catchTag("CommitRefused", (refused) => Effect.succeed(refused))
        )
        if (refused === undefined) return
        if (isPassing(refused)) {
          if (attempts % attemptsMax === 0) yield* Effect.sleep("100 millis")
        } else if (some.length > 1) {
          // One of them decides what no tag can take: alone, each shows whether it is the one.
          for (const one of some) yield* until([one])
          return
        } else some = some.map(({ record }) => ({ record, by: undefined, cause: refused }))
      }
    })
    yield* until(all)
  })

  return (records: ReadonlyArray<LogRecord>) => Effect.andThen(traced(records, run(records)), lag(records))
}

/** How long these had lain on the log. */
const lag = (records: ReadonlyArray<LogRecord>) =>
  Effect.map(Clock.currentTimeMillis, (nowMs) => {
    const last = records.at(-1)
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

const poisonOf = (asked: ReadonlyArray<AskedRecord>): Applied["poison"] =>
  asked.flatMap(({ record, by, cause }) => (by === undefined ? [{ record, cause }] : []))

const isBefore = (a: Generation, b: Generation): boolean => a.era < b.era || (a.era === b.era && a.n < b.n)

/** The state has changed under the decision: read and decide again, after a while when it happens too often (rule L5). */
const isPassing = ({ reason }: CommitRefused): boolean =>
  reason === "Applied" || reason === "Source" || reason === "Missing" || reason === "Conflict"

/** Records of one run are applied together, and each of them in its own trace. */
const traced = (records: ReadonlyArray<LogRecord>, run: Effect.Effect<void>): Effect.Effect<void> =>
  records.reduce((applied, record) => withSpan(`apply ${record.key}`, traceOf(record), applied), run)

const traceOf = ({ trace }: LogRecord) => (trace === undefined ? undefined : fromTraceparent(trace))
