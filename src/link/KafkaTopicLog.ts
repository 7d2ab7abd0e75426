/**
 * TopicLog on Kafka: what several runners share. Holds together the senders, one for each topic (kafka/Sender), and the
 * readers (kafka/Reader); topics are there as the proto wants them before anything else begins (kafka/TopicSetup). The
 * client library is behind a port (kafka/KafkaClient).
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Topic } from "../../gen/registry.ts"
import type { KafkaClient } from "./kafka/KafkaClient.ts"
import * as KafkaJs from "./kafka/KafkaJs.ts"
import { Reader } from "./kafka/Reader.ts"
import { outgoing } from "./kafka/RecordHeaders.ts"
import { type Entry, Sender } from "./kafka/Sender.ts"
import { setUp, shapeOf } from "./kafka/TopicSetup.ts"
import { readAll } from "./kafka/WholeTopic.ts"
import { AppendFailed, type ConsumeOptions, LogError, type NewRecord, type Position, TopicLog } from "./TopicLog.ts"
import { allTopics, partitionFor } from "./Topics.ts"

export interface KafkaTopicLogOptions extends KafkaJs.KafkaOptions {
  /** NORITER_PREFIX: begins the names of topics and groups, so that several worlds share a Kafka. */
  readonly prefix: string
  readonly topics?: ReadonlyArray<Topic>
}

export const layer = (options: KafkaTopicLogOptions): Layer.Layer<TopicLog, LogError> =>
  Layer.effect(
    TopicLog,
    Effect.flatMap(Effect.context<never>(), (context) => make(options, KafkaJs.make(options, context)))
  )

// --- internal ---

const make = Effect.fnUntraced(function* ({ prefix, topics = allTopics }: KafkaTopicLogOptions, client: KafkaClient) {
  if (!/^[A-Za-z0-9._-]*$/.test(prefix)) {
    const cause = new Error(`${JSON.stringify(prefix)} cannot begin the name of a topic: letters, digits and ._- only`)
    return yield* new LogError({ operation: "topics", cause })
  }
  const shapes = topics.map((topic) => shapeOf(topic, prefix + topic.name))
  yield* setUp(client, shapes)
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const partitionsOf = new Map(topics.map(({ name, partitions }) => [name, partitions]))
  const senders = new Map<string, Sender>()
  for (const { name } of topics) senders.set(name, yield* sending(new Sender(client, name, prefix + name)))

  const partitionOf = (topic: string, partitionBy: string): number => {
    const partitions = partitionsOf.get(topic)
    if (partitions === undefined) throw new Error(`there is no topic ${topic}`)
    return partitionFor(partitionBy, partitions)
  }
  /** Hands records to the sender; answers why not, and then none is settled. */
  const hand = (
    topic: string,
    records: ReadonlyArray<NewRecord>,
    settled: Entry["settled"]
  ): AppendFailed | undefined => {
    const sender = senders.get(topic)
    if (sender === undefined) {
      return new AppendFailed({ topic, certain: true, cause: new Error("there is no such topic") })
    }
    // Asked before anything is made of the records: when much is refused, refusing must be cheap.
    const bytes = records.reduce((sum, { body }) => sum + body.length, 0)
    const refused = sender.refusal(records.length, bytes)
    if (refused !== undefined) return refused
    sender.offer(records.map((each) => ({ record: outgoing(each, partitionOf(topic, each.partitionBy)), settled })))
    return undefined
  }

  return TopicLog.of({
    partitionOf,
    append: (topic, records) =>
      Effect.callback((resume) => {
        if (records.length === 0) return resume(Effect.succeed([]))
        const positions: Array<Position> = []
        // They travel together: the last is on the log only if all are.
        const refused = hand(topic, records, (result) => {
          if (result instanceof AppendFailed) return resume(Effect.fail(result))
          positions.push(result)
          if (positions.length === records.length) resume(Effect.succeed(positions))
        })
        if (refused !== undefined) resume(Effect.fail(refused))
      }),
    offer: (topic, record, settled) => {
      const once = (failed: AppendFailed | undefined) => {
        try {
          settled(failed)
        } catch (cause) {
          log(Effect.logError("whoever offered a record threw at the word of it", cause))
        }
      }
      const refused = hand(topic, [record], (result) => once(result instanceof AppendFailed ? result : undefined))
      if (refused !== undefined) queueMicrotask(() => once(refused))
    },
    consume: (options) => {
      const unknown = options.topics.find((name) => !partitionsOf.has(name))
      return unknown === undefined
        ? consume(client, prefix, options)
        : Effect.fail(new LogError({ operation: "topics", cause: new Error(`there is no topic ${unknown}`) }))
    },
    readAll: (topic, handle) => {
      const brokerTopic = prefix + topic
      return readAll({ client, topic, brokerTopic, group: `${brokerTopic}.whole-${crypto.randomUUID()}` }, handle)
    }
  })
})

/** Reads from now on; joining the group, and being away from it, is the reader's own affair. */
const consume = Effect.fnUntraced(function* (
  client: KafkaClient,
  prefix: string,
  { group, topics, handle, assigned }: ConsumeOptions
) {
  const names = topics.map((name) => prefix + name)
  const ownName = (name: string) => name.slice(prefix.length)
  const options = { client, group: prefix + group, topics: names, ownName, handle, assigned }
  const reader = new Reader(options, yield* Effect.context<never>())
  yield* Effect.forkScoped(reader.run)
  return {
    goBack: (ms: number) => reader.goBack(ms),
    seek: (topic: string, partition: number, offset: number) =>
      Effect.sync(() => reader.seek(prefix + topic, partition, offset))
  }
})

/** It closes when it has stopped sending. */
const sending = (sender: Sender) =>
  Effect.addFinalizer(() => Effect.sync(() => sender.close())).pipe(
    Effect.andThen(Effect.forkScoped(sender.run)),
    Effect.as(sender)
  )
