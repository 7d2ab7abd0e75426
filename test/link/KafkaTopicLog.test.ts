/**
 * What only a real broker can do to the log: hold other topics than ours, and move partitions between readers that come,
 * are busy, or say nothing any more. For brokers that say nothing see test/long/KafkaSilence.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import kafkajs from "kafkajs"
import * as KafkaJs from "../../src/link/kafka/KafkaJs.ts"
import { unique, until } from "../contract/Eventually.ts"
import { withServices } from "../services/Services.ts"
import { appendingUntil, keysOf, logOf, reading, record, topic } from "./kafka/TestLog.ts"

const { ConfigResourceTypes, Kafka, logLevel } = kafkajs

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

/** Records in one partition that were appended so many milliseconds ago, each in a batch of its own. */
const lyingSince = (brokers: string, topicName: string, agesMs: ReadonlyArray<number>) =>
  Effect.promise(async () => {
    const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING })
    const [admin, producer] = [kafka.admin(), kafka.producer()]
    await Promise.all([admin.connect(), producer.connect()])
    const configEntries = [{ name: "message.timestamp.type", value: "CreateTime" }]
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topicName, configEntries }]
    await admin.alterConfigs({ validateOnly: false, resources })
    for (const ageMs of agesMs) {
      const messages = [{ partition: 0, key: "k", value: "", timestamp: `${Date.now() - ageMs}` }]
      await producer.send({ topic: topicName, messages })
    }
    await Promise.all([admin.disconnect(), producer.disconnect()])
  })

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

  it.live(
    "a handler is interrupted when its partition is taken away; its records come again at the new reader",
    () =>
      Effect.gen(function* () {
        const log = yield* logOf(kafka, `${unique("taken")}.`)
        const keys = keysOf(log)
        let interrupted = 0
        const first = yield* reading(log, "g", () =>
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
        )
        for (const key of keys) yield* log.append(topic.name, [record(key)])
        const second = yield* reading(log, "g")
        yield* until("all handlers to be interrupted", () => interrupted >= topic.partitions)
        yield* until("a record at the new reader", () => second.handled.length > 0)
        assert.strictEqual(first.handled.length, 0)
        yield* first.leave
        const taken = () => new Set(second.handled.map(({ partitionBy }) => partitionBy)).size
        yield* until("the records of all partitions", () => taken() === topic.partitions)
      }),
    40_000
  )

  it.live("a reader goes back 60 s over what its group has committed", () =>
    Effect.gen(function* () {
      const prefix = `${unique("back")}.`
      const log = yield* logOf(kafka, prefix)
      const [position] = yield* log.append(topic.name, [record("a")])
      const first = yield* reading(log, "g")
      yield* until("the record", () => first.handled.length === 1)
      yield* first.leave
      const client = KafkaJs.make({ brokers: [kafka] }, yield* Effect.context<never>())
      const committed = yield* Effect.promise(async () => {
        const admin = await client.admin()
        return admin.committed(`${prefix}g`, `${prefix}${topic.name}`).finally(() => admin.close())
      })
      assert.deepStrictEqual([...committed], [[position?.partition, { offset: 1, from: 0 }]])
      const second = yield* reading(log, "g")
      yield* until("the record again", () => second.handled.length === 1)
    })
  )

  it.live("a group that was away for long begins a minute before what it read last", () =>
    Effect.gen(function* () {
      const prefix = `${unique("away")}.`
      const log = yield* logOf(kafka, prefix)
      yield* lyingSince(kafka, prefix + topic.name, [671_000, 630_000, 600_000])
      const first = yield* reading(log, "g")
      yield* until("the records", () => first.handled.length === 3)
      yield* first.leave
      const second = yield* reading(log, "g")
      yield* until("the last two again", () => second.handled.length === 2)
      assert.deepStrictEqual(
        second.handled.map(({ offset }) => offset),
        [1, 2]
      )
    })
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

  it.live("several runners start at once where nothing is there, and each appends to all partitions at once", () =>
    Effect.gen(function* () {
      const prefix = `${unique("once")}.`
      const started = Effect.flatMap(logOf(kafka, prefix), (log) =>
        Effect.forEach(keysOf(log), (key) => log.append(topic.name, [record(key)]), { concurrency: "unbounded" })
      )
      yield* Effect.all([started, started, started], { concurrency: "unbounded" })
    })
  )
})
