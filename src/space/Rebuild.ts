/**
 * Lasting state from facts (rules L12, L13): what happened is read from the log, and each fact applied to its tag as it
 * once was when it was decided: what it says, by whoever registered for it on the bus, and the marks that it carries.
 * Nothing is decided anew, so it may be done again, by several at once, and while others write: a fact at or below a
 * tag's mark changes nothing. When all are applied, the generation is known as rebuilt (Founding).
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { EventBus } from "../bus/EventBus.ts"
import type { Generation } from "../link/Roster.ts"
import { type LogRecord, TopicLog } from "../link/TopicLog.ts"
import { enduring, Workers } from "../Workers.ts"
import { type AskedRecord, decideInTurn, keysOf } from "./Deciding.ts"
import {
  Founding,
  foundingCommit,
  foundingTag,
  isOf,
  nothing,
  rebuildingKey,
  rebuiltKey,
  wholeKey
} from "./Founding.ts"
import { Self } from "./Self.ts"
import { type AppliedRecord, type Change, type Commit, newToken, SharedSpace, type Tag } from "./SharedSpace.ts"
import { arm } from "./Timers.ts"

/** What could not be made of the facts. */
class RebuildFailed extends Data.TaggedError("RebuildFailed")<{
  readonly why: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `what lasts was not rebuilt: ${this.why}`
  }
}

/** How far a rebuild has come. */
export interface Progress {
  /** Facts read, of this topic so far. */
  readonly topic: string
  readonly facts: number
  /** Of these, facts that a tag did not have. */
  readonly applied: number
}

/** Tags of one batch that are written at once. */
const tagsAtOnce = 32
/** Somebody else writes the tag, too: by then one of both has it. */
const attemptsMax = 8
const passing = Schedule.max([Schedule.exponential("50 millis"), Schedule.recurs(7)]).pipe(Schedule.jittered)

/** Applies all facts there are, and marks the generation as rebuilt. `report` hears of each batch. */
export const rebuild = Effect.fnUntraced(function* (generation: Generation, report: (progress: Progress) => void) {
  const bus = yield* EventBus
  const space = yield* SharedSpace
  const witness = yield* witnessed(space, generation)
  for (const topic of bus.decidedTopics().filter((name) => name.endsWith(".happened"))) {
    yield* applyAll(topic, generation, report)
  }
  yield* witness
}, Effect.scoped)

const applyAll = Effect.fnUntraced(function* (
  topic: string,
  generation: Generation,
  report: (progress: Progress) => void
) {
  const log = yield* TopicLog
  const bus = yield* EventBus
  const restore = restoring(yield* SharedSpace, generation)
  let facts = 0
  let applied = 0
  report({ topic, facts, applied })
  yield* log.readAll(
    topic,
    Effect.fnUntraced(function* (records) {
      const ofTags = Map.groupBy(records, ({ partitionBy }) => partitionBy)
      const counts = yield* Effect.forEach(
        ofTags,
        ([tag, some]) =>
          Effect.flatMap(
            Effect.forEach(some, (record) => factOf(bus, record)),
            (all) => restore(tag, all)
          ),
        { concurrency: tagsAtOnce }
      )
      facts += records.length
      applied += counts.reduce((sum, count) => sum + count, 0)
      report({ topic, facts, applied })
    })
  )
})

/**
 * Sees to it that what is marked as rebuilt is the space that was rebuilt: one that was emptied meanwhile knows nothing of
 * the witness, and one that was rewound is noticed by its reconnect, or has lost the witness' last word. Answers what
 * marks the generation as rebuilt, when everything is applied.
 */
const witnessed = Effect.fnUntraced(function* (space: SharedSpace["Service"], generation: Generation) {
  const key = `witness/${newToken()}`
  let wasAway = false
  yield* space.onReady(() => {
    wasAway = true
  })
  const commit = (change: Change & { readonly key: string }, version: number, found: boolean) =>
    Effect.suspend(() => (wasAway ? Effect.fail(away) : Effect.void)).pipe(
      Effect.andThen(space.commit({ ...foundingCommit(generation, change, version), found })),
      Effect.catchTag("CommitRefused", () => Effect.fail(over))
    )
  const word = { _tag: "Put", key, value: new Uint8Array(0) } as const
  const first = (yield* commit(word, 0, true)).versions[0] ?? 0
  const gone = foundingCommit(generation, { _tag: "Delete", key }, first)
  // Whatever became of it meanwhile: nobody else ever takes it away.
  yield* Effect.addFinalizer(() => Effect.ignore(space.commit({ ...gone, found: false, reads: [] })))
  return Effect.gen(function* () {
    const last = (yield* commit(word, first, false)).versions[0] ?? 0
    if (wasAway) return yield* away
    const rebuilt: Change = { _tag: "Put", key: rebuiltKey, value: new Uint8Array(0) }
    const done = foundingCommit(generation, { _tag: "Delete", key }, last)
    yield* space
      .commit({ ...done, found: false, changes: [...done.changes, rebuilt] })
      .pipe(Effect.catchTag("CommitRefused", () => Effect.fail(over)))
  })
})

const away = new RebuildFailed({ why: "the shared space was away meanwhile, and may have lost some of it" })
const over = new RebuildFailed({ why: "the shared space has gone on to another generation, or was emptied" })

/** A fact as the record it was decided from; its own topic says what it means. */
const factOf = (bus: EventBus["Service"], fact: LogRecord): Effect.Effect<Fact, RebuildFailed> =>
  Effect.try({
    try: () => {
      const by = bus.decided(fact)
      if (by === undefined) throw new Error("it is not known here: a newer release must rebuild")
      const { source, marks } = fact
      if (source === undefined) throw new Error("it names no source")
      const { topic, partition, offset } = source
      const timeMs = marks?.atMs ?? fact.timeMs
      return {
        record: { ...fact, topic, partition, offset, timeMs, source: marks?.takenIn },
        by,
        outcome: marks?.outcome
      }
    },
    catch: (cause) =>
      new RebuildFailed({ why: `a fact at ${fact.topic}/${fact.partition}/${fact.offset} cannot be used`, cause })
  })

interface Fact extends AskedRecord, Pick<AppliedRecord, "outcome"> {}

/** Applies facts of one tag, in their order; answers how many it did not have. */
const restoring = (space: SharedSpace["Service"], generation: Generation) =>
  Effect.fnUntraced(function* (tag: Tag, facts: ReadonlyArray<Fact>) {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const found = yield* space.read({ tag, keys: [...keysOf(facts), wholeKey] }).pipe(Effect.retry(passing))
      const state = isOf(found, generation) ? found : nothing
      // Written from the log since all was rebuilt: it has them all.
      if (state.entries.has(wholeKey)) return 0
      const fresh = firsts(facts).filter(({ record }) => record.offset > state.applied)
      if (fresh.length === 0) return 0
      const { records, poison, changes, timers, reads } = decideInTurn(state, fresh)
      if (poison[0] !== undefined) return yield* new RebuildFailed({ why: `of ${tag}`, cause: poison[0].cause })
      const outcomes = new Map(fresh.map(({ record, outcome }) => [record.offset, outcome]))
      const commit: Commit = {
        tag,
        token: newToken(),
        generation,
        found: true,
        guard: {
          _tag: "Applied",
          after: state.applied,
          records: records.map((record) => ({ ...record, outcome: outcomes.get(record.offset) }))
        },
        reads,
        changes,
        tell: []
      }
      const refused = yield* Effect.andThen(arm(space, generation, tag, timers), space.commit(commit)).pipe(
        Effect.retry({ schedule: passing, while: (error) => error._tag === "SpaceError" }),
        Effect.as(undefined),
        Effect.catchTag("CommitRefused", (refused) => Effect.succeed(refused))
      )
      if (refused === undefined) return fresh.length
      if (refused.reason === "Missing") return yield* over
    }
    return yield* new RebuildFailed({ why: `${tag} is written to by others all the time` })
  })

/** Each record's fact once: what was sent twice stands twice on the log, and what came late stands behind (rule L4). */
const firsts = (facts: ReadonlyArray<Fact>): ReadonlyArray<Fact> => {
  let last = -1
  return facts.filter(({ record: { offset } }) => {
    const isNew = offset > last
    last = Math.max(last, offset)
    return isNew
  })
}

// --- By itself ---

/** How often a runner looks whether its generation is rebuilt. */
const lookEvery = "1 second"
/** Whoever rebuilds says so again and again; one that has not for so long is gone, and another begins. */
const claimMs = 10_000
const claimEvery = "3 seconds"

/** Rebuilds a generation that is not: one of the runners, and only to spare the others the work. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const services = yield* Effect.context<TopicLog | EventBus | SharedSpace>()
    const space = yield* SharedSpace
    const self = yield* Self
    const founding = yield* Founding
    const workers = yield* Workers

    const claim = Effect.gen(function* () {
      const { generation, incarnation } = self
      const nowMs = yield* Clock.currentTimeMillis
      const state = yield* space.read({ tag: foundingTag, keys: [rebuildingKey] })
      const before = isOf(state, generation) ? state.entries.get(rebuildingKey) : undefined
      const isMine = before !== undefined && Buffer.from(before.value).toString() === incarnation.id
      if (before !== undefined && !isMine && (before.dueMs ?? 0) > nowMs) return false
      const value = Buffer.from(incarnation.id)
      const change = { _tag: "Put", key: rebuildingKey, value, dueMs: nowMs + claimMs } as const
      return yield* space.commit(foundingCommit(generation, change, before?.version ?? 0)).pipe(
        Effect.as(true),
        Effect.catchTag("CommitRefused", () => Effect.succeed(false))
      )
    })
    const claimed = Effect.forever(Effect.andThen(Effect.sleep(claimEvery), enduring("saying who rebuilds", claim)))
    const look = Effect.gen(function* () {
      // First, since channels begin with it.
      yield* founding.beganMs
      if (yield* founding.isRebuilt) return
      if (!(yield* claim)) return
      let last: Progress | undefined
      const rebuilding = rebuild(self.generation, (progress) => {
        last = progress
      })
      yield* Effect.raceFirst(Effect.provideContext(rebuilding, services), claimed)
      if (last !== undefined && last.facts > 0) yield* Effect.logInfo("what lasts was rebuilt from facts", last)
    })
    const round = enduring("rebuilding what lasts", look)
    yield* workers.run("rebuild", Effect.forever(Effect.andThen(round, Effect.sleep(lookEvery))))
  })
)
