/**
 * What only a real broker can do to the log: fall silent, be away, hold other topics than ours; and a group lose a reader
 * that says nothing.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as KafkaTopicLog from "../../src/link/KafkaTopicLog.ts"
import { type AppendFailed, batchRecordsMax, type LogRecord, TopicLog } from "../../src/link/TopicLog.ts"
import { unique, until } from "../contract/Eventually.ts"
import { ownServices, withServices } from "../services/Services.ts"

const topic = { name: "noriter.test", partitions: 4, retentionHours: 1 }

const logOf = (brokers: string, prefix: string, topics = [topic]) =>
  Effect.map(Layer.build(KafkaTopicLog.layer({ brokers: [brokers], prefix, topics })), Context.get(TopicLog))

/** One key for each partition. */
const keysOf = (log: TopicLog["Service"]): ReadonlyArray<string> => {
  const keys = new Map<number, string>()
  for (let n = 0; keys.size < topic.partitions; n++) keys.set(log.partitionOf(topic.name, `k/${n}`), `k/${n}`)
  return [...keys.values()]
}

const record = (partitionBy: string) => ({ key: "test.v1.Any", partitionBy, body: new Uint8Array(200) })

const reading = Effect.fnUntraced(function* (
  log: TopicLog["Service"],
  group: string,
  handle: (records: ReadonlyArray<LogRecord>) => Effect.Effect<void> = () => Effect.void
) {
  const handled: Array<LogRecord> = []
  const scope = yield* Scope.fork(yield* Effect.scope)
  const reader = yield* log
    .consume({
      group,
      topics: [topic.name],
      handle: (records) =>
        Effect.andThen(
          handle(records),
          Effect.sync(() => void handled.push(...records))
        )
    })
    .pipe(Scope.provide(scope))
  return { ...reader, handled, leave: Scope.close(scope, Exit.void) }
})

/** Appends to every partition, now and then, until it is so. */
const appendingUntil = Effect.fnUntraced(function* (log: TopicLog["Service"], isSo: () => boolean) {
  for (const keys = keysOf(log); !isSo(); ) {
    for (const key of keys) yield* Effect.ignore(log.append(topic.name, [record(key)]))
    yield* Effect.sleep("20 millis")
  }
})

const readerProcess = (brokers: string, prefix: string, group: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const program = new URL("kafka/ReaderProcess.ts", import.meta.url).pathname
      const given = [brokers, prefix, topic.name, `${topic.partitions}`, group]
      const child: ChildProcess = spawn(process.execPath, [program, ...given], { stdio: ["ignore", "pipe", "inherit"] })
      const handled = new Set<string>()
      child.stdout?.on("data", (lines: Buffer) => {
        for (const line of lines.toString().split("\n")) if (/^\d$/.test(line)) handled.add(line)
      })
      return { child, handled }
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  )

await withServices("a real log", ["kafka"], ({ kafka }) => {
  it.live(
    "a reader that joins waits for 4 s; one that is killed is taken over from within 5 s",
    () =>
      Effect.gen(function* () {
        const prefix = `${unique("kill")}.`
        const log = yield* logOf(kafka, prefix)
        const group = "g"
        const other = yield* readerProcess(kafka, prefix, group)
        yield* appendingUntil(log, () => other.handled.size === topic.partitions)
        const beganMs = performance.now()
        const own = yield* reading(log, group)
        yield* appendingUntil(log, () => own.handled.length > 0)
        assert.isAbove(performance.now() - beganMs, 4_000)
        const before = new Set(own.handled.map(({ partition }) => partition))
        assert.isBelow(before.size, topic.partitions)

        other.child.kill("SIGKILL")
        const killedMs = performance.now()
        const [last] = yield* log.append(topic.name, [record("k/0")])
        const since = Date.now()
        const taken = () =>
          new Set(own.handled.filter(({ timeMs }) => timeMs > since).map(({ partition }) => partition)).size
        yield* appendingUntil(log, () => taken() === topic.partitions)
        const tookMs = performance.now() - killedMs
        yield* Effect.logInfo(`taken over after ${Math.round(tookMs)} ms`)
        assert.isBelow(tookMs, 5_000)
        assert.isTrue(
          own.handled.some(({ partition, offset }) => partition === last?.partition && offset === last.offset)
        )
      }),
    40_000
  )

  it.live(
    "a handler that is busy for longer than the group is patient keeps its partition, and the others go on",
    () =>
      Effect.gen(function* () {
        const log = yield* logOf(kafka, `${unique("busy")}.`)
        const [busy = "", ...others] = keysOf(log)
        let calls = 0
        const { handled } = yield* reading(log, "g", (records) =>
          records.some(({ partitionBy }) => partitionBy === busy)
            ? Effect.andThen(
                Effect.sync(() => void calls++),
                Effect.sleep("5 seconds")
              )
            : Effect.void
        )
        yield* log.append(topic.name, [record(busy)])
        yield* until("the busy one to begin", () => calls === 1)
        const beganMs = performance.now()
        let latest = 0
        while (!handled.some(({ partitionBy }) => partitionBy === busy)) {
          const [key = ""] = others
          const count = handled.length
          const sentMs = performance.now()
          yield* log.append(topic.name, [record(key)])
          yield* until("the next of another partition", () => handled.length > count)
          latest = Math.max(latest, performance.now() - sentMs)
          yield* Effect.sleep("50 millis")
        }
        assert.isAbove(performance.now() - beganMs, 4_500)
        assert.isBelow(latest, 1_000)
        assert.strictEqual(calls, 1, "it was taken away meanwhile")
      }),
    20_000
  )

  it.live("topics that are there otherwise are refused, by name and by what differs", () =>
    Effect.gen(function* () {
      const prefix = `${unique("differs")}.`
      yield* Effect.scoped(logOf(kafka, prefix))
      yield* Effect.scoped(logOf(kafka, prefix)) // as they are: they are left alone
      for (const [wanted, difference] of [
        [{ ...topic, partitions: 8 }, "has 4 partitions, not 8"],
        [{ ...topic, retentionHours: 2 }, "has retention.ms=3600000, not 7200000"]
      ] as const) {
        const refused = yield* Effect.flip(Effect.scoped(logOf(kafka, prefix, [wanted])))
        assert.strictEqual(refused.operation, "topics")
        assert.include(String(refused.cause), `${prefix}noriter.test ${difference}`)
      }
      const name = yield* Effect.flip(Effect.scoped(logOf(kafka, "a/b")))
      assert.strictEqual(name.operation, "topics")
    })
  )

  it.live("several runners start at once where nothing is there", () =>
    Effect.gen(function* () {
      const prefix = `${unique("once")}.`
      yield* Effect.all(
        Array.from({ length: 3 }, () => logOf(kafka, prefix)),
        { concurrency: "unbounded" }
      )
    })
  )
})

await withServices("a log that falls silent", ["kafka"], () => {
  it.live(
    "uncertain within 3 s, refused while it lasts, bounded; appends and reads within 5 s of its end",
    () =>
      Effect.gen(function* () {
        const { urls, set } = yield* ownServices("kafka")
        const pid = yield* Effect.promise(() => set.pid("kafka"))
        if (pid === undefined) return yield* Effect.die("no process")
        const log = yield* logOf(urls.kafka, "")
        const { handled } = yield* reading(log, "g")
        yield* appendingUntil(log, () => new Set(handled.map(({ partition }) => partition)).size === topic.partitions)

        yield* Effect.addFinalizer(() => Effect.sync(() => void process.kill(pid, "SIGCONT")))
        process.kill(pid, "SIGSTOP")
        const beganMs = performance.now()
        const failed = yield* Effect.flip(log.append(topic.name, [record("a")]))
        assert.isFalse(failed.certain)
        assert.isBelow(performance.now() - beganMs, 3_000)

        const said = { certain: 0, uncertain: 0, appended: 0 }
        let slowestMs = 0
        const offer = () => {
          const offeredMs = performance.now()
          log.offer(topic.name, record("a"), (refused: AppendFailed | undefined) => {
            slowestMs = Math.max(slowestMs, performance.now() - offeredMs)
            said[refused === undefined ? "appended" : refused.certain ? "certain" : "uncertain"]++
          })
        }
        const heapBefore = process.memoryUsage().heapUsed
        let offered = 0
        while (performance.now() - beganMs < 6_000) {
          for (let n = 0; n < batchRecordsMax; n++) offer()
          offered += batchRecordsMax
          yield* Effect.sleep("20 millis")
        }
        yield* until("word of all", () => said.certain + said.uncertain === offered)
        assert.strictEqual(said.appended, 0)
        assert.isBelow(slowestMs, 3_000)
        assert.isBelow(process.memoryUsage().heapUsed - heapBefore, 50_000_000)

        process.kill(pid, "SIGCONT")
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
