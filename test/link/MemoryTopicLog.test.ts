/** What the memory twin of the log does beyond the contract: its bounds, its clock, and readers it no longer hears of. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { Broker, layerOf } from "../../src/link/MemoryTopicLog.ts"
import { assignedGoBackMs, type LogRecord, TopicLog } from "../../src/link/TopicLog.ts"
import { partitionFor } from "../../src/link/Topics.ts"
import { until } from "../contract/Eventually.ts"

const topic = "noriter.test"
const topics = [{ name: topic, partitions: 1 }]
const record = (byte = 0) => ({ key: "k", partitionBy: "park/1", body: new Uint8Array([byte]) })
const connect = (broker: Broker, name = "") => TopicLog.pipe(Effect.provide(layerOf(broker, name), { local: true }))

const consume = Effect.fnUntraced(function* (
  log: TopicLog["Service"],
  handle: (records: ReadonlyArray<LogRecord>) => Effect.Effect<void> = () => Effect.void
) {
  const handled: Array<number> = []
  yield* log.consume({
    group: "g",
    topics: [topic],
    handle: (records) =>
      Effect.andThen(
        handle(records),
        Effect.sync(() => void handled.push(...records.map(({ body: [byte = -1] }) => byte)))
      )
  })
  return handled
})

describe("retention", () => {
  it.live("keeps the most records; the oldest goes once it was read, and appends are refused until then", () =>
    Effect.gen(function* () {
      const broker = new Broker({ topics, recordsMax: 3 })
      const log = yield* connect(broker)
      const go = yield* Deferred.make<void>()
      const handled = yield* consume(log, () => Deferred.await(go))
      yield* log.append(topic, [record(1), record(2), record(3)])
      const refused = yield* Effect.flip(log.append(topic, [record(4)]))
      assert.isTrue(refused.certain)
      yield* Deferred.succeed(go, undefined)
      yield* until("all three", () => handled.length === 3)
      yield* log.append(topic, [record(4)])
      yield* until("the fourth", () => handled.length === 4)
      assert.deepStrictEqual(handled, [1, 2, 3, 4])
    })
  )

  it("what nobody reads goes by number and by age", () => {
    const broker = new Broker({ topics, recordsMax: 3, ageMsMax: 100 })
    for (let at = 0; at < 10; at++) assert.isTrue(Array.isArray(broker.append(topic, [record(at)], at)))
    assert.isTrue(Array.isArray(broker.append(topic, [record(99), record(99), record(99)], 1_000)))
    assert.isFalse(Array.isArray(broker.append(topic, [record(), record(), record(), record()], 1_000)))
  })
})

describe("readers", () => {
  it.effect("one that is given a partition begins a minute before what the group has read, and before now", () =>
    Effect.gen(function* () {
      const log = yield* connect(new Broker({ topics }))
      const append = (byte: number) => log.append(topic, [record(byte)])
      const read = Effect.gen(function* () {
        const handled = yield* consume(log)
        for (let turns = 0; turns < 20; turns++) yield* Effect.yieldNow
        return handled
      }).pipe(Effect.scoped)
      yield* append(1)
      yield* TestClock.adjust(1)
      yield* append(2)
      yield* TestClock.adjust(assignedGoBackMs)
      yield* append(3)
      assert.deepStrictEqual(yield* read, [1, 2, 3])
      assert.deepStrictEqual(yield* read, [2, 3])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* read, [2, 3], "the group was away, and what it read last may be lost")
    })
  )

  it.live("one that is no longer heard of loses its partitions, and what it handles goes on", () =>
    Effect.gen(function* () {
      const broker = new Broker({ topics })
      const [frozen, other] = [yield* connect(broker, "frozen"), yield* connect(broker, "other")]
      const [entered, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const zombie = yield* consume(frozen, () =>
        Effect.andThen(Deferred.succeed(entered, undefined), Deferred.await(go))
      )
      yield* frozen.append(topic, [record(1)])
      yield* Deferred.await(entered)
      broker.evict("frozen")
      const handled = yield* consume(other)
      yield* until("the same record at the other", () => handled.length === 1)
      yield* Deferred.succeed(go, undefined)
      yield* until("the end of the frozen handler", () => zombie.length === 1)
      yield* other.append(topic, [record(2)])
      yield* until("the next at the other only", () => handled.length === 2)
      assert.deepStrictEqual([zombie, handled], [[1], [1, 2]])
      broker.readmit("frozen")
      yield* other.append(topic, [record(3)])
      yield* until("it at whoever has the partition", () => [...zombie, ...handled].includes(3))
    })
  )

  it.effect("what one that is no longer heard of has read does not count for its group", () =>
    Effect.gen(function* () {
      const broker = new Broker({ topics })
      const [frozen, other] = [yield* connect(broker, "frozen"), yield* connect(broker)]
      const go = yield* Deferred.make<void>()
      const turns = Effect.repeat(Effect.yieldNow, { times: 20 })
      const zombie = yield* consume(frozen, () => Deferred.await(go))
      yield* other.append(topic, [record(1)])
      yield* turns
      broker.evict("frozen")
      const read = Effect.tap(consume(other), () => turns)
      yield* other.append(topic, [record(2)])
      assert.deepStrictEqual(yield* Effect.scoped(read), [1, 2])
      yield* Deferred.succeed(go, undefined)
      yield* turns
      assert.deepStrictEqual(zombie, [1])
      yield* TestClock.adjust(assignedGoBackMs + 1) // so that only the group's own mark says where to begin
      yield* other.append(topic, [record(3)])
      assert.deepStrictEqual(yield* Effect.scoped(read), [1, 2, 3])
      assert.deepStrictEqual(yield* Effect.scoped(read), [3])
    })
  )

  it.effect("a handler that dies gets the same records again", () =>
    Effect.gen(function* () {
      const log = yield* connect(new Broker({ topics }))
      let runs = 0
      const handled = yield* consume(log, () => (++runs === 1 ? Effect.die("planted") : Effect.void))
      yield* log.append(topic, [record(1)])
      for (let turns = 0; turns < 20; turns++) yield* Effect.yieldNow
      assert.deepStrictEqual([runs, handled], [1, []])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([runs, handled], [2, [1]])
    })
  )
})

describe("partitioning", () => {
  it("is as it has always been (rule L1)", () => {
    const names = ["park/1", "park/2", "park/10", "g_01J", "공원/1", ""]
    assert.deepStrictEqual(
      names.map((name) => partitionFor(name, 16)),
      [12, 10, 8, 9, 3, 11]
    )
  })

  it("spreads names that differ in a digit", () => {
    const counts = new Array<number>(16).fill(0)
    for (let n = 0; n < 1_600; n++)
      counts[partitionFor(`park/${n}`, 16)] = (counts[partitionFor(`park/${n}`, 16)] ?? 0) + 1
    assert.isAbove(Math.min(...counts), 50)
    assert.isBelow(Math.max(...counts), 150)
  })
})
