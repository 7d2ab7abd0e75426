/** Rule L8: each dead letter is appended anew once, also where there are more than go in one go. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as MemoryTopicLog from "../../src/link/MemoryTopicLog.ts"
import { batchRecordsMax, type LogRecord, type NewRecord, TopicLog } from "../../src/link/TopicLog.ts"
import { deadTopicOf } from "../../src/link/Topics.ts"
import { redrive } from "../../src/space/Redrive.ts"

const topic = "noriter.guest.asked"

/** The letter of a record that lay at this offset. */
const letter = (offset: number): NewRecord => ({
  key: "test.v1.Asked",
  partitionBy: "someone",
  body: new Uint8Array(0),
  dead: { topic, partition: 0, offset, reason: "unreadable" }
})

const bury = Effect.fnUntraced(function* (letters: ReadonlyArray<NewRecord>) {
  const log = yield* TopicLog
  for (let at = 0; at < letters.length; at += batchRecordsMax) {
    yield* log.append(deadTopicOf(topic), letters.slice(at, at + batchRecordsMax))
  }
})

const redriven = Effect.gen(function* () {
  let count = 0
  const left = yield* redrive(topic, () => void count++)
  return { count, left }
})

/** Where in the dead letters each record of the topic came from. */
const sources = Effect.gen(function* () {
  const log = yield* TopicLog
  const all: Array<LogRecord> = []
  yield* log.readAll(topic, (records) => Effect.sync(() => void all.push(...records)))
  return all.map(({ source }) => source?.offset)
})

describe("redrive", () => {
  it.effect("appends each letter once, as often as it is done", () =>
    Effect.gen(function* () {
      yield* bury([letter(5), letter(6)])
      assert.deepStrictEqual(yield* redriven, { count: 2, left: 0 })
      assert.deepStrictEqual(yield* redriven, { count: 0, left: 0 })
      yield* bury([letter(7)])
      assert.deepStrictEqual(yield* redriven, { count: 1, left: 0 })
      assert.deepStrictEqual(yield* sources, [0, 1, 3], "the note of the first time lies between")
    }).pipe(Effect.provide(MemoryTopicLog.layer))
  )

  it.effect("takes a record that was buried twice for one letter", () =>
    Effect.gen(function* () {
      yield* bury([letter(5), letter(5), letter(6)])
      assert.deepStrictEqual(yield* redriven, { count: 2, left: 0 })
      assert.deepStrictEqual(yield* sources, [0, 2])
    }).pipe(Effect.provide(MemoryTopicLog.layer))
  )

  it.effect("takes a record that is buried again after it was appended anew for the letter that was", () =>
    Effect.gen(function* () {
      yield* bury([letter(5)])
      assert.deepStrictEqual(yield* redriven, { count: 1, left: 0 })
      // Read again before it was known to be applied, while its first burial has come back already.
      yield* bury([letter(5), letter(6)])
      assert.deepStrictEqual(yield* redriven, { count: 1, left: 0 })
      assert.deepStrictEqual(yield* redriven, { count: 0, left: 0 })
      assert.deepStrictEqual(yield* sources, [0, 3])
    }).pipe(Effect.provide(MemoryTopicLog.layer))
  )

  it.effect("leaves what is too much for the next time, which goes on where it stopped", () =>
    Effect.gen(function* () {
      yield* bury(Array.from({ length: 10_007 }, (_, at) => letter(at)))
      assert.deepStrictEqual(yield* redriven, { count: 10_000, left: 7 })
      assert.deepStrictEqual(yield* redriven, { count: 7, left: 0 })
      assert.deepStrictEqual(yield* redriven, { count: 0, left: 0 })
      assert.deepStrictEqual(
        yield* sources,
        Array.from({ length: 10_007 }, (_, at) => at)
      )
    }).pipe(Effect.provide(MemoryTopicLog.layer))
  )
})
