/** A broker that falls silent under load, and one that is not there. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type AppendFailed, batchRecordsMax } from "../../src/link/TopicLog.ts"
import { until } from "../contract/Eventually.ts"
import { appendingUntil, logOf, reading, record, topic } from "../link/kafka/TestLog.ts"
import { freezable, withServices } from "../services/Services.ts"

/** What is still held. */
const heapUsed = (): number => {
  setFlagsFromString("--expose-gc")
  runInNewContext("gc")()
  return process.memoryUsage().heapUsed
}

await withServices("a log that falls silent", ["kafka"], () => {
  it.live(
    "uncertain within 3 s, refused while it lasts, bounded; appends and reads within 5 s of its end",
    () =>
      Effect.gen(function* () {
        const { url, freeze, thaw } = yield* freezable("kafka")
        const log = yield* logOf(url, "")
        const { handled } = yield* reading(log, "g")
        yield* appendingUntil(log, () => new Set(handled.map(({ partition }) => partition)).size === topic.partitions)

        yield* freeze
        const beganMs = performance.now()
        // A signal takes its time, too: the first that fails is the first that the broker did not hear of.
        const { failed, tookMs } = yield* Effect.suspend(() => {
          const sentMs = performance.now()
          const flipped = Effect.flip(log.append(topic.name, [record("a")]))
          return Effect.map(flipped, (failed) => ({ failed, tookMs: performance.now() - sentMs }))
        }).pipe(Effect.retry({ times: 100 }))
        assert.isFalse(failed.certain)
        assert.isBelow(tookMs, 3_000)

        const said = { certain: 0, uncertain: 0, appended: 0 }
        let slowestMs = 0
        const offer = () => {
          const offeredMs = performance.now()
          log.offer(topic.name, record("a"), (refused: AppendFailed | undefined) => {
            slowestMs = Math.max(slowestMs, performance.now() - offeredMs)
            said[refused === undefined ? "appended" : refused.certain ? "certain" : "uncertain"]++
          })
        }
        const heapBefore = heapUsed()
        let offered = 0
        while (performance.now() - beganMs < 6_000) {
          for (let n = 0; n < batchRecordsMax; n++) offer()
          offered += batchRecordsMax
          yield* Effect.sleep("20 millis")
        }
        yield* until("word of all", () => said.certain + said.uncertain === offered)
        assert.strictEqual(said.appended, 0)
        assert.isBelow(slowestMs, 3_000)
        assert.isBelow(heapUsed() - heapBefore, 10_000_000)

        yield* thaw
        const thawedMs = performance.now()
        yield* log.append(topic.name, [record("b")]).pipe(Effect.retry({ while: () => true }))
        const appendsMs = performance.now() - thawedMs
        yield* appendingUntil(log, () => handled.some(({ partitionBy }) => partitionBy === "b"))
        const readsMs = performance.now() - thawedMs
        yield* Effect.logInfo(`appends ${Math.round(appendsMs)} ms, reads ${Math.round(readsMs)} ms after its end`)
        assert.isBelow(readsMs, 5_000)
      }),
    40_000
  )
})

it.live("a broker that is away refuses the start, in bounded time", () =>
  Effect.gen(function* () {
    const beganMs = performance.now()
    const refused = yield* Effect.flip(Effect.scoped(logOf("127.0.0.1:1", "")))
    assert.strictEqual(refused.operation, "connect")
    assert.isBelow(performance.now() - beganMs, 16_000)
  })
)
