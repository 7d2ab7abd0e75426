/**
 * A reader in a process of its own, for tests to kill: `node ReaderProcess.ts <brokers> <prefix> <topic> <partitions>
 * <group>` prints the partition of each record it has handled, a line each.
 */
import { writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KafkaTopicLog from "../../../src/link/KafkaTopicLog.ts"
import { TopicLog } from "../../../src/link/TopicLog.ts"

const [brokers = "", prefix = "", topic = "", partitions = "", group = ""] = process.argv.slice(2)

const reading = Effect.flatMap(TopicLog, (log) =>
  log.consume({
    group,
    topics: [topic],
    handle: ([first]) => Effect.sync(() => void writeSync(1, `${first?.partition}\n`))
  })
)
const topics = [{ name: topic, partitions: Number(partitions), retentionHours: 1 }]
const log = KafkaTopicLog.layer({ brokers: [brokers], prefix, topics })

Effect.runFork(Layer.launch(Layer.effectDiscard(reading).pipe(Layer.provide(log))))
