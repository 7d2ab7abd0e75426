import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as KafkaTopicLog from "../../../src/link/KafkaTopicLog.ts"
import { type LogRecord, TopicLog } from "../../../src/link/TopicLog.ts"

export const topic = { name: "noriter.test", partitions: 4, retentionHours: 1 }

export const logOf = (brokers: string, prefix: string, topics = [topic]) =>
  Effect.map(Layer.build(KafkaTopicLog.layer({ brokers: [brokers], prefix, topics })), Context.get(TopicLog))

/** One key for each partition. */
export const keysOf = (log: TopicLog["Service"]): ReadonlyArray<string> => {
  const keys = new Map<number, string>()
  for (let n = 0; keys.size < topic.partitions; n++) keys.set(log.partitionOf(topic.name, `k/${n}`), `k/${n}`)
  return [...keys.values()]
}

export const record = (partitionBy: string) => ({ key: "test.v1.Any", partitionBy, body: new Uint8Array(200) })

export const reading = Effect.fnUntraced(function* (
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
export const appendingUntil = Effect.fnUntraced(function* (log: TopicLog["Service"], isSo: () => boolean) {
  for (const keys = keysOf(log); !isSo(); ) {
    for (const key of keys) yield* Effect.ignore(log.append(topic.name, [record(key)]))
    yield* Effect.sleep("20 millis")
  }
})
