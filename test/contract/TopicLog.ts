/**
 * What every TopicLog keeps. Needs a layer and a topic of at least four partitions, which may hold records of earlier
 * runs: each test looks only at its own keys, and takes a record that comes again for what it is (at least once).
 */
import { assert, layer as over } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import {
  AppendFailed,
  batchBytesMax,
  batchRecordsMax,
  handleRecordsMax,
  type LogRecord,
  type NewRecord,
  TopicLog
} from "../../src/link/TopicLog.ts"
import { withWallClock } from "../WallClock.ts"
import { unique, until } from "./Eventually.ts"
import { type Cases, firsts, keysOf, numberOf, partitions, reader, record, topic } from "./TopicLogReader.ts"

export function suite<E>(name: string, layer: Layer.Layer<TopicLog, E>): void {
  over(layer, { timeout: 60_000, excludeTestServices: true })(`TopicLog over ${name}`, (it) => {
    for (const [title, test] of Object.entries({ ...appending, ...reading, ...moving }))
      it.effect(title, () => test, 60_000)
  })
}

// --- Appending ---

const recordSurvives = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("bytes")
  const sent: NewRecord = {
    key: "contract.v1.Whole",
    partitionBy: mine,
    body: Uint8Array.from({ length: 256 }, (_, byte) => byte),
    trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    source: { topic: "noriter.other", partition: 3, offset: 2 ** 40, index: 2 },
    dead: { topic: "noriter.other", partition: 1, offset: 7, reason: "읽을 수 없음" }
  }
  const [position] = yield* log.append(topic, [sent])
  const { handled } = yield* reader(unique("g"), mine)
  yield* until("the record", () => handled.length > 0)
  const [got] = handled
  assert.deepStrictEqual(
    { ...got, body: [...(got?.body ?? [])] },
    { ...sent, ...position, topic, body: [...sent.body] }
  )
  assert.strictEqual(got?.partition, log.partitionOf(topic, mine))
})

const orderWithinPartition = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("order")
  for (let from = 0; from < 300; from += 50) {
    yield* log.append(
      topic,
      Array.from({ length: 50 }, (_, at) => record(mine, from + at))
    )
  }
  const { handled } = yield* reader(unique("g"), mine)
  yield* until("all records", () => firsts(handled).length === 300)
  const got = firsts(handled)
  assert.deepStrictEqual(
    got.map(numberOf),
    Array.from({ length: 300 }, (_, at) => at)
  )
  got.reduce((before, after) => {
    assert.isBelow(before.offset, after.offset)
    assert.isAtMost(before.timeMs, after.timeMs)
    return after
  })
})

const offersInOrder = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("offer")
  const settled: Array<number> = []
  for (let n = 0; n < 500; n++) {
    log.offer(topic, record(mine, n), (failed) => {
      assert.isUndefined(failed)
      settled.push(n)
    })
    assert.strictEqual(settled.length, 0, "settled is called later")
  }
  const { handled } = yield* reader(unique("g"), mine)
  yield* until("all records", () => firsts(handled).length === 500 && settled.length === 500)
  const order = Array.from({ length: 500 }, (_, n) => n)
  assert.deepStrictEqual(firsts(handled).map(numberOf), order)
  assert.deepStrictEqual(settled, order)
})

const appendAfterOffers = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("after")
  for (let n = 0; n < 3; n++) log.offer(topic, record(mine, n), () => {})
  yield* log.append(topic, [record(mine, 3)])
  const { handled } = yield* reader(unique("g"), mine)
  yield* until("all records", () => firsts(handled).length === 4)
  assert.deepStrictEqual(firsts(handled).map(numberOf), [0, 1, 2, 3])
})

const recordsBound = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("bound")
  const most = Array.from({ length: batchRecordsMax }, (_, n) => record(mine, n))
  const failed = yield* Effect.flip(log.append(topic, [...most, record(mine, batchRecordsMax)]))
  assert.isTrue(failed instanceof AppendFailed && failed.certain)
  assert.strictEqual((yield* log.append(topic, most)).length, batchRecordsMax)
  const { handled } = yield* reader(unique("g"), mine)
  yield* until("exactly the most", () => firsts(handled).length >= batchRecordsMax)
  assert.strictEqual(firsts(handled).length, batchRecordsMax)
})

const bytesBound = Effect.gen(function* () {
  const log = yield* TopicLog
  const half: NewRecord = { ...record(unique("bytes"), 0), body: new Uint8Array(batchBytesMax / 2) }
  assert.strictEqual((yield* log.append(topic, [half, half])).length, 2)
  const failed = yield* Effect.flip(log.append(topic, [half, half, record(half.partitionBy, 1)]))
  assert.isTrue(failed.certain)
})

const offersBound = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("bound")
  const failures: Array<AppendFailed | undefined> = []
  for (let n = 0; n <= batchRecordsMax; n++) log.offer(topic, record(mine, n), (failed) => void failures.push(failed))
  yield* until("a word on each", () => failures.length === batchRecordsMax + 1)
  const refused = failures.filter((failed) => failed !== undefined)
  assert.deepStrictEqual(
    refused.map(({ certain }) => certain),
    [true]
  )
})

const unknownTopic = Effect.gen(function* () {
  const log = yield* TopicLog
  const failed = yield* Effect.flip(log.append("noriter.nowhere", [record("a", 1)]))
  assert.strictEqual(failed._tag, "AppendFailed")
  const refused = yield* Effect.flip(
    log.consume({ group: unique("g"), topics: ["noriter.nowhere"], handle: () => Effect.void })
  )
  assert.strictEqual(refused._tag, "LogError")
}).pipe(Effect.scoped)

const callersBufferIsFree = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("buffer")
  const body = Buffer.from([1, 2])
  yield* log.append(topic, [{ ...record(mine, 0), body }])
  body.fill(9)
  const scribbled = yield* reader(unique("g"), mine, (records) =>
    Effect.sync(() => {
      for (const each of records) each.body.fill(7)
    })
  )
  yield* until("the first reader", () => scribbled.handled.length > 0)
  const { handled } = yield* reader(unique("g"), mine)
  yield* until("the second reader", () => handled.length > 0)
  assert.deepStrictEqual([...(handled[0]?.body ?? [])], [1, 2])
})

const appending: Cases = {
  "a record survives whole, with bytes that are not text": recordSurvives,
  "keeps the order of a partition; offsets rise, times never run back": orderWithinPartition,
  "offers in order, and says so later, once": offersInOrder,
  "appends after what was offered before": appendAfterOffers,
  "takes the most records at once, and refuses one more, certainly": recordsBound,
  "takes the most bytes at once, and refuses one more, certainly": bytesBound,
  "holds the most offers, and refuses one more, certainly": offersBound,
  "knows no other topics": unknownTopic,
  "leaves the caller's buffer to the caller": callersBufferIsFree
}

// --- Reading ---

const partitionsAtOnce = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("atonce")
  const keys = keysOf(log, mine)
  const met = yield* Deferred.make<void>()
  const running = new Set<number>()
  // Each handler waits for the others: it ends only if all partitions are handled at once.
  const { handled } = yield* reader(unique("g"), mine, ([first]) => {
    running.add(first?.partition ?? -1)
    if (running.size === partitions) Deferred.doneUnsafe(met, Exit.void)
    return Deferred.await(met)
  })
  for (const key of keys) yield* log.append(topic, [record(key, 1)])
  yield* until("all partitions", () => firsts(handled).length === partitions)
})

const goesBack = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("back")
  const [position] = yield* log.append(topic, [record(mine, 1)])
  const { goBack, handled, seek } = yield* reader(unique("g"), mine)
  yield* until("the record", () => handled.length >= 1)
  const before = handled.length
  yield* goBack(position?.timeMs ?? 0)
  yield* until("the record again", () => handled.length > before)
  const again = handled.length
  yield* seek(topic, position?.partition ?? 0, position?.offset ?? 0)
  yield* until("the record a third time", () => handled.length > again)
  assert.strictEqual(firsts(handled).length, 1)
})

const seekHoldsAgainstHandler = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("seek")
  const [position] = yield* log.append(topic, [record(mine, 1)])
  const [entered, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
  const { handled, seek } = yield* reader(unique("g"), mine, () =>
    Effect.andThen(Deferred.succeed(entered, undefined), Deferred.await(go))
  )
  yield* Deferred.await(entered)
  yield* seek(topic, position?.partition ?? 0, position?.offset ?? 0)
  yield* Deferred.succeed(go, undefined)
  yield* until("the record twice", () => handled.length >= 2)
  assert.strictEqual(firsts(handled).length, 1)
})

/** A runner whose clock is `offMs` from that of the log, which has yet to handle the second record when it goes back a minute. */
const goesBackByAnotherClock = (offMs: number) =>
  withWallClock((set) =>
    Effect.gen(function* () {
      const log = yield* TopicLog
      const mine = unique("clocks")
      yield* log.append(topic, [record(mine, 1)])
      set(offMs)
      const [entered, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const { goBack, handled } = yield* reader(unique("g"), mine, (records) =>
        records.some((each) => numberOf(each) === 2)
          ? Effect.andThen(Deferred.succeed(entered, undefined), Deferred.await(go))
          : Effect.void
      )
      yield* until("what was there before it", () => handled.length > 0)
      yield* log.append(topic, [record(mine, 2)])
      yield* Deferred.await(entered)
      yield* goBack((yield* Clock.currentTimeMillis) - 60_000)
      yield* Deferred.succeed(go, undefined)
      yield* log.append(topic, [record(mine, 3)])
      yield* until("the last", () => handled.some((each) => numberOf(each) === 3))
      assert.deepStrictEqual(firsts(handled).map(numberOf), [1, 2, 3])
      return handled.filter((each) => numberOf(each) === 1).length
    })
  )

const aheadOfLog = goesBackByAnotherClock(3_600_000)
const behindLog = Effect.map(goesBackByAnotherClock(-3_600_000), (times) => assert.isAbove(times, 1, "read again"))

const groupsApart = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("groups")
  const one = yield* reader(unique("g"), mine)
  yield* log.append(topic, [record(mine, 1)])
  const late = yield* reader(unique("g"), mine) // begins at the earliest record
  yield* until("the record at both", () => one.handled.length > 0 && late.handled.length > 0)
})

/** All of it by `readAll`, of the keys that begin with `mine`. */
const wholeOf = Effect.fnUntraced(function* (mine: string) {
  const log = yield* TopicLog
  const all: Array<LogRecord> = []
  yield* log.readAll(topic, (records) =>
    Effect.sync(() => {
      assert.isTrue(records.length > 0 && records.length <= handleRecordsMax, `${records.length} records at once`)
      assert.lengthOf(new Set(records.map(({ partition }) => partition)), 1)
      all.push(...records.filter(({ partitionBy }) => partitionBy.startsWith(mine)))
    })
  )
  return firsts(all)
})

const readsAll = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("whole")
  assert.deepStrictEqual(yield* wholeOf(mine), [], "what is not there is not waited for")
  const keys = keysOf(log, mine)
  const numbers = Array.from({ length: handleRecordsMax + 50 }, (_, at) => at)
  for (const key of keys) {
    yield* log.append(
      topic,
      numbers.map((n) => record(key, n))
    )
  }
  for (const all of [yield* wholeOf(mine), yield* wholeOf(mine)])
    for (const key of keys) {
      assert.deepStrictEqual(all.filter(({ partitionBy }) => partitionBy === key).map(numberOf), numbers)
    }
})

const readsAllBesideGroup = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("beside")
  const { handled } = yield* reader(unique("g"), mine)
  yield* log.append(topic, [record(mine, 1)])
  yield* until("the first", () => handled.length > 0)
  assert.lengthOf(yield* wholeOf(mine), 1)
  yield* log.append(topic, [record(mine, 2)])
  yield* until("the second", () => handled.some((each) => numberOf(each) === 2))
  assert.deepStrictEqual(firsts(handled).map(numberOf), [1, 2])
})

const readsAllUntilItFails = Effect.gen(function* () {
  const log = yield* TopicLog
  yield* log.append(topic, [record(unique("fails"), 1)])
  const failed = yield* Effect.flip(log.readAll(topic, () => Effect.fail("enough")))
  assert.strictEqual(failed, "enough")
})

const reading: Cases = {
  "handles all partitions at once": partitionsAtOnce,
  "goes back by time, and by offset": goesBack,
  "a seek holds against the handler that is running": seekHoldsAgainstHandler,
  "passes over nothing where its clock is an hour ahead of the log's": aheadOfLog,
  "reads more than a minute again where its clock is an hour behind the log's": behindLog,
  "groups read apart, each from the earliest record": groupsApart,
  "reads all there is, and ends": readsAll,
  "reads all there is at no group's cost": readsAllBesideGroup,
  "reads no further when the handler fails, and says why": readsAllUntilItFails
}

// --- Readers that come and go ---

const sharedAndMoved = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("shared")
  const group = unique("g")
  const keys = keysOf(log, mine)
  const first = yield* reader(group, mine)
  const second = yield* reader(group, mine)
  let n = 0
  // The group settles in its own time: until both read, there is always something to read.
  while (first.handled.length === 0 || second.handled.length === 0) {
    n++
    for (const key of keys) yield* log.append(topic, [record(key, n)])
    yield* Effect.sleep("20 millis")
  }
  yield* first.leave
  const before = first.handled.length
  n++
  for (const key of keys) yield* log.append(topic, [record(key, n)])
  yield* until("the last of each partition at the second", () =>
    keys.every((key) => second.handled.some((each) => each.partitionBy === key && numberOf(each) === n))
  )
  assert.strictEqual(first.handled.length, before)
  for (const key of keys) {
    const all = firsts([...first.handled, ...second.handled]).filter(({ partitionBy }) => partitionBy === key)
    const numbers = all.map(numberOf).sort((a, b) => a - b)
    assert.deepStrictEqual(
      numbers,
      Array.from({ length: n }, (_, at) => at + 1),
      "a gap"
    )
  }
})

const interruptedComesAgain = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("again")
  const group = unique("g")
  const entered = yield* Deferred.make<void>()
  const interrupted = yield* Deferred.make<void>()
  const first = yield* reader(group, mine, () =>
    Effect.andThen(Deferred.succeed(entered, undefined), Effect.never).pipe(
      Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
    )
  )
  yield* log.append(topic, [record(mine, 1)])
  yield* Deferred.await(entered)
  yield* first.leave
  yield* Deferred.await(interrupted)
  const second = yield* reader(group, mine)
  yield* until("the same record", () => second.handled.length > 0)
  assert.strictEqual(first.handled.length, 0)
})

const goesOn = Effect.gen(function* () {
  const log = yield* TopicLog
  const mine = unique("on")
  const group = unique("g")
  yield* log.append(topic, [record(mine, 1)])
  const first = yield* reader(group, mine)
  yield* until("the first", () => first.handled.length > 0)
  yield* first.leave
  yield* log.append(topic, [record(mine, 2)])
  const second = yield* reader(group, mine)
  yield* until("the second", () => second.handled.some((each) => numberOf(each) === 2))
})

const moving: Cases = {
  "readers of a group share its partitions, and take over from one that leaves": sharedAndMoved,
  "a handler is interrupted when its reader leaves; its records come again": interruptedComesAgain,
  "a group that was away goes on with what came meanwhile": goesOn
}
