/** One partition without a broker: what is handed over, how much is held, and where it goes on after a seek. */
import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { AssignedPartition, fetchedMax, type Handle } from "../../../src/link/kafka/AssignedPartition.ts"
import type { Consumer } from "../../../src/link/kafka/KafkaClient.ts"
import { handleRecordsMax, type LogRecord } from "../../../src/link/TopicLog.ts"
import { until } from "../../contract/Eventually.ts"

const at = { topic: "noriter.t", partition: 3 }

const recordsOf = (first: number, count: number, bytes = 1): ReadonlyArray<LogRecord> =>
  Array.from({ length: count }, (_, index) => ({
    ...at,
    key: "k",
    partitionBy: "a",
    body: new Uint8Array(bytes),
    offset: first + index,
    timeMs: 1
  }))

const starting = Effect.fnUntraced(function* (handle: Handle = () => Effect.void, next = 0) {
  const did: Array<string> = []
  const consumer: Consumer = {
    start: () => assert.fail("already started"),
    seek: (_, offset) => void did.push(`seek ${offset}`),
    pause: () => void did.push("pause"),
    resume: () => void did.push("resume"),
    commit: () => assert.fail("not its own to commit"),
    close: () => assert.fail("not its own to close")
  }
  const partition = new AssignedPartition(consumer, at, next)
  const calls: Array<ReadonlyArray<number>> = []
  const recording: Handle = (records) => {
    calls.push(records.map(({ offset }) => offset))
    return handle(records)
  }
  yield* Effect.forkScoped(partition.run(recording))
  return { partition, did, calls }
})

it.live("hands over at most 100 records at a time, and says what is to be committed once", () =>
  Effect.gen(function* () {
    const { calls, partition } = yield* starting()
    partition.received(recordsOf(5, handleRecordsMax + 1))
    yield* until("all of them", () => calls.flat().length === handleRecordsMax + 1)
    assert.deepStrictEqual(
      calls.map((call) => call.length),
      [handleRecordsMax, 1]
    )
    yield* Effect.yieldNow
    assert.deepStrictEqual(partition.toCommit(), { ...at, offset: 5 + handleRecordsMax + 1, from: 5 })
    assert.isUndefined(partition.toCommit())
  })
)

it.live.each([
  { most: "records", first: fetchedMax.records - 1, bytes: 1 },
  { most: "bytes", first: 1, bytes: fetchedMax.bytes / 2 }
])("holds the most $most, then fetches no more until half of them are handled", ({ first, bytes }) =>
  Effect.gen(function* () {
    const go = yield* Deferred.make<void>()
    const { did, partition } = yield* starting(() => Deferred.await(go))
    partition.received(recordsOf(0, first, bytes))
    assert.deepStrictEqual(did, [])
    partition.received(recordsOf(first, 1, bytes))
    partition.received(recordsOf(first + 1, 1, bytes)) // what was on its way
    assert.deepStrictEqual(did, ["pause"])
    yield* Deferred.succeed(go, undefined)
    yield* until("more is fetched", () => did.length === 2)
    assert.deepStrictEqual(did, ["pause", "resume"])
  })
)

it.live("a seek drops what was fetched, and holds against the handler that is running", () =>
  Effect.gen(function* () {
    const [entered, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const waits = () => Effect.andThen(Deferred.succeed(entered, undefined), Deferred.await(go))
    const { calls, did, partition } = yield* starting(waits, 10)
    partition.received(recordsOf(10, 2))
    yield* Deferred.await(entered)
    partition.goBack(11) // after what is not yet handled: forwards never
    partition.seek(7)
    partition.received(recordsOf(7, 1))
    yield* Deferred.succeed(go, undefined)
    yield* until("the record sought", () => calls.length === 2)
    assert.deepStrictEqual(calls, [[10, 11], [7]])
    assert.deepStrictEqual(did, ["seek 7"])
    yield* Effect.yieldNow
    assert.strictEqual(partition.toCommit()?.offset, 8)
  })
)

it.live("says where it stood a minute before the last it handled, by the time of the records, or where it began", () =>
  Effect.gen(function* () {
    const { calls, partition } = yield* starting()
    const handle = Effect.fnUntraced(function* (offset: number, timeMs: number) {
      const handled = calls.length
      partition.received(recordsOf(offset, 1).map((record) => ({ ...record, timeMs })))
      yield* until("the record", () => calls.length > handled)
      yield* Effect.yieldNow
      return partition.toCommit()?.from
    })
    assert.strictEqual(yield* handle(10, 1_000_000), 10)
    assert.strictEqual(yield* handle(11, 1_000_999), 10)
    assert.strictEqual(yield* handle(12, 1_001_000), 10)
    assert.strictEqual(yield* handle(13, 1_060_999), 10)
    assert.strictEqual(yield* handle(14, 1_061_000), 12)
    partition.seek(13)
    assert.deepStrictEqual(partition.toCommit(), { ...at, offset: 13, from: 12 })
    assert.strictEqual(yield* handle(13, 1_060_999), 12)
    partition.seek(7)
    assert.deepStrictEqual(partition.toCommit(), { ...at, offset: 7, from: 7 })
    assert.strictEqual(yield* handle(7, 999_000), 7)
    assert.strictEqual(yield* handle(8, 4_600_000), 8)
  })
)

it.live("a handler that dies is given the same records again", () =>
  Effect.gen(function* () {
    let deaths = 0
    const dies = Effect.suspend(() => (deaths++ === 0 ? Effect.die("planted") : Effect.void))
    const { calls, partition } = yield* starting(() => dies)
    partition.received(recordsOf(1, 2))
    yield* until("the second time", () => calls.length === 2)
    assert.deepStrictEqual(calls, [
      [1, 2],
      [1, 2]
    ])
  })
)
