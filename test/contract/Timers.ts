/** What timers keep over every SharedSpace (rule T1): asked at their time, not before, and struck only when that is known. */
import { assert, layer as over } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TimerRecord } from "../../gen/noriter/space/v1/records.ts"
import * as MemoryRoster from "../../src/link/MemoryRoster.ts"
import { Broker, layerOf as logOf } from "../../src/link/MemoryTopicLog.ts"
import { Roster } from "../../src/link/Roster.ts"
import type { RunnerLink } from "../../src/link/RunnerLink.ts"
import { TopicLog } from "../../src/link/TopicLog.ts"
import { type Change, SharedSpace, type Tag } from "../../src/space/SharedSpace.ts"
import { arm, bucketOf, layerOutside, overdue, rearm, timerKey } from "../../src/space/Timers.ts"
import { Workers } from "../../src/Workers.ts"
import { appendFailed, LogWatch } from "../space/Harness.ts"
import { withWallClock } from "../WallClock.ts"
import { unique, until } from "./Eventually.ts"
import { type Cases, commitOf, generation } from "./SharedSpaceCommits.ts"

export function suite<E>(name: string, layer: Layer.Layer<SharedSpace | RunnerLink, E>): void {
  over(layer, { timeout: 30_000, excludeTestServices: true })(`Timers over ${name}`, (it) => {
    for (const [title, test] of Object.entries(cases)) it.effect(title, () => Effect.scoped(test), 30_000)
  })
}

const topic = "noriter.guest.asked"

const timer = (tag: Tag, number: number, dueMs: number) => {
  const record: TimerRecord = {
    $type: "noriter.space.v1.TimerRecord",
    topic,
    key: "contract.v1.Due",
    tag,
    body: new Uint8Array([number]),
    trace: number === 1 ? "00-1-2-01" : "",
    dueMs
  }
  return { number, record }
}

const armed = (tag: Tag, ...timers: ReadonlyArray<ReturnType<typeof timer>>) =>
  Effect.flatMap(SharedSpace, (space) => arm(space, generation, tag, timers))

/** Who fires, onto a log of its own, and what was asked there so far. */
const firing = Effect.fnUntraced(function* (watch = new LogWatch(), roster: Layer.Layer<Roster> = MemoryRoster.layer) {
  const broker = new Broker()
  const log = Layer.effect(
    TopicLog,
    Effect.map(TopicLog, (log) => watch.around(log))
  ).pipe(Layer.provide(logOf(broker, "timers")))
  const asked: Array<string> = []
  const reader = yield* Effect.provide(TopicLog, logOf(broker, "reader"), { local: true })
  yield* reader.consume({
    group: "reader",
    topics: [topic],
    handle: (records) =>
      Effect.sync(() => {
        for (const { partitionBy, body, trace = "" } of records) asked.push(`${partitionBy} ${body[0]} ${trace}`.trim())
      })
  })
  const beside = Layer.merge(Workers.layer, roster)
  yield* Layer.build(Layer.provide(Layer.fresh(layerOutside(log)), Layer.fresh(beside)))
  return asked
})

const of = (asked: ReadonlyArray<string>, tag: Tag) => asked.filter((one) => one.startsWith(tag))

const isStruck = Effect.fnUntraced(function* (tag: Tag) {
  const space = yield* SharedSpace
  const keys = yield* space.due([bucketOf(tag)], Number.MAX_SAFE_INTEGER, 10_000)
  return [...keys.values()].flat().every((key) => !key.startsWith(tag))
})

const untilStruck = (tag: Tag) =>
  isStruck(tag).pipe(Effect.delay("20 millis"), Effect.repeat({ until: (isSo) => isSo }), Effect.timeout("20 seconds"))

const cases: Cases = {
  "what is due is asked as it was set, once, and struck; what is not due is not": Effect.gen(function* () {
    const [tag, later] = [unique("g"), unique("g")]
    const asked = yield* firing()
    yield* armed(tag, timer(tag, 1, Date.now() - 5_000), timer(tag, 2, Date.now() - 4_000))
    yield* armed(later, timer(later, 3, Date.now() + 3_600_000))
    yield* untilStruck(tag)
    yield* until("both are read", () => of(asked, tag).length >= 2)
    assert.deepStrictEqual(of(asked, tag), [`${tag} 1 00-1-2-01`, `${tag} 2`])
    assert.deepStrictEqual(of(asked, later), [])
    assert.isFalse(yield* isStruck(later))
  }),

  "what is due is asked though the clock is set back meanwhile": withWallClock((set) =>
    Effect.gen(function* () {
      const [tag, later] = [unique("g"), unique("g")]
      const asked = yield* firing()
      yield* armed(tag, timer(tag, 1, Date.now() - 5_000))
      yield* until("all buckets were looked at", () => of(asked, tag).length > 0)
      set(-3_600_000)
      yield* armed(later, timer(later, 1, Date.now() - 3_605_000))
      yield* until("it is read", () => of(asked, later).length > 0)
    })
  ),

  "what could not be asked is not struck, and is asked again": Effect.gen(function* () {
    const tag = unique("g")
    const watch = new LogWatch()
    let failures = 0
    watch.before = () => (failures++ < 2 ? Effect.fail(appendFailed(failures === 1)) : Effect.void)
    const space = yield* SharedSpace
    yield* armed(tag, timer(tag, 1, Date.now() - 60_000))
    assert.isAbove(yield* overdue(space), 0)
    const asked = yield* firing(watch)
    yield* untilStruck(tag)
    yield* until("it is read", () => of(asked, tag).length > 0)
    assert.deepStrictEqual(of(asked, tag), [`${tag} 1 00-1-2-01`])
    assert.isAtLeast(failures, 3)
  }),

  "what is due in topics of a newer release, however much, keeps nothing else of its bucket back": Effect.gen(
    function* () {
      const tag = unique("g")
      const foreign = Array.from({ length: 100 }, (_, at) => {
        const { number, record } = timer(tag, 2 + at, Date.now() - 60_000)
        return { number, record: { ...record, topic: "noriter.newer.asked" } }
      })
      yield* armed(tag, ...foreign, timer(tag, 1, Date.now() - 1_000))
      const asked = yield* firing()
      yield* until("it is read", () => of(asked, tag).length > 0)
      assert.deepStrictEqual(of(asked, tag), [`${tag} 1 00-1-2-01`])
      const space = yield* SharedSpace
      const { entries } = yield* space.read({
        tag: bucketOf(tag),
        keys: foreign.map(({ number }) => `${tag}/${number}`)
      })
      assert.strictEqual(entries.size, foreign.length, "the newer release finds them")
    }
  ),

  "what a runner of the release before would bury is asked when that is gone": Effect.gen(function* () {
    const tag = unique("g")
    const space = yield* SharedSpace
    const ensemble = new MemoryRoster.Ensemble(1)
    const { id } = ensemble.join(unique("r")).incarnation
    const enrolled: Change = { _tag: "Put", key: id, value: new Uint8Array(0) }
    yield* space.commit(commitOf("incarnations", { changes: [enrolled] }))
    let looks = 0
    const roster = Layer.effect(
      Roster,
      Effect.map(Roster, (roster) => {
        const living = Effect.tap(roster.living, () => Effect.sync(() => looks++))
        return Roster.of({ ...roster, living })
      })
    ).pipe(Layer.provide(MemoryRoster.layerOf(ensemble)))
    yield* armed(tag, timer(tag, 1, Date.now() - 60_000))
    const asked = yield* firing(new LogWatch(), roster)
    yield* until("it was looked several times", () => looks >= 2)
    assert.isFalse(yield* isStruck(tag))
    ensemble.expire(id)
    yield* untilStruck(tag)
    yield* until("it is read", () => of(asked, tag).length > 0)
    assert.deepStrictEqual(of(asked, tag), [`${tag} 1 00-1-2-01`])
  }),

  "what stands in a tag and was lost from its bucket is named there again": Effect.gen(function* () {
    const tag = unique("g")
    const space = yield* SharedSpace
    const { record } = timer(tag, 4, Date.now() + 3_600_000)
    const value = TimerRecord.encode(record).finish()
    yield* space.commit(
      commitOf(tag, {
        changes: [
          { _tag: "Put", key: timerKey(4), value, dueMs: record.dueMs },
          { _tag: "Put", key: "other", value: new Uint8Array(1), dueMs: 5 }
        ]
      })
    )
    assert.isTrue(yield* isStruck(tag))
    yield* rearm(space, generation, tag)
    const { entries } = yield* space.read({ tag: bucketOf(tag), keys: [`${tag}/4`, `${tag}/NaN`] })
    assert.deepStrictEqual(
      [...entries].map(([key, { dueMs }]) => [key, dueMs]),
      [[`${tag}/4`, record.dueMs]]
    )
  })
}
