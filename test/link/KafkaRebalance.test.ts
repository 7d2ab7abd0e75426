/** A rebalance that takes longer than a request may: whoever waits for its share must not take itself for a reader of nothing. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import kafkajs, { type PartitionAssigner } from "kafkajs"
import { unique } from "../contract/Eventually.ts"
import { withServices } from "../services/Services.ts"
import { appendingUntil, logOf, reading, topic } from "./kafka/TestLog.ts"

const { Kafka, logLevel, PartitionAssigners } = kafkajs
const group = "g"
/** Longer than a request may take (2 s), and not so long that the leader counts as dead (3 s). */
const slowMs = 2_500

/** Another member of the group, which reads and does nothing; `wait` is what it does before it shares out as a leader. */
const member = (brokers: string, prefix: string, wait: () => Promise<unknown>) => {
  const assigner: PartitionAssigner = (config) => {
    const usual = PartitionAssigners.roundRobin(config)
    return { ...usual, assign: (given) => wait().then(() => usual.assign(given)) }
  }
  const consumer = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).consumer({
    groupId: prefix + group,
    sessionTimeout: 3_000,
    heartbeatInterval: 500,
    rebalanceTimeout: 5_000,
    maxWaitTimeInMs: 100,
    partitionAssigners: [assigner]
  })
  const joined = Promise.withResolvers<void>()
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve())
  const start = async () => {
    await consumer.connect()
    await consumer.subscribe({ topics: [prefix + topic.name] })
    await consumer.run({ eachBatch: async () => {} })
    // Where the broker is yet to load the group it has ended, and joins later: then another would lead.
    await joined.promise
  }
  return Effect.acquireRelease(
    Effect.promise(() => start()),
    () => Effect.promise(() => consumer.disconnect())
  )
}

await withServices("a slow rebalance", ["kafka"], ({ kafka }) => {
  it.live(
    "a reader has its share, however long the leader takes to share out",
    () =>
      Effect.gen(function* () {
        const prefix = `${unique("slow")}.`
        const log = yield* logOf(kafka, prefix)
        let pauseMs = 0
        let slowly = 0
        yield* member(kafka, prefix, async () => {
          if (pauseMs > 0) slowly++
          await new Promise((resolve) => setTimeout(resolve, pauseMs))
        })
        const { handled } = yield* reading(log, group)
        yield* appendingUntil(log, () => handled.length > 0)

        pauseMs = slowMs
        yield* member(kafka, prefix, () => Promise.resolve())
        pauseMs = 0
        assert.isAbove(slowly, 0)
        handled.length = 0
        yield* appendingUntil(log, () => handled.length > 0)
      }),
    60_000
  )
})
