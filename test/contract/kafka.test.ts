/** Kafka passes what the memory twin of the log passes; under a prefix, so that names are mapped both ways. */
import * as KafkaTopicLog from "../../src/link/KafkaTopicLog.ts"
import { withServices } from "../services/Services.ts"
import { unique } from "./Eventually.ts"
import * as TopicLog from "./TopicLog.ts"
import { partitions, topic } from "./TopicLogReader.ts"

await withServices("Kafka", ["kafka"], ({ kafka }) => {
  const contractTopic = { name: topic, partitions: partitions, retentionHours: 1 }
  TopicLog.suite(
    "Kafka",
    KafkaTopicLog.layer({ brokers: [kafka], prefix: `${unique("contract")}.`, topics: [contractTopic] })
  )
})
