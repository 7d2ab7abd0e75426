/**
 * All that lies on a topic, read once from its beginning to where it ended when it was asked: by a consumer that is the
 * only one of its group, commits nothing, and is gone afterwards. Owns the end; reading is the partitions'.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { LogError, type LogRecord } from "../TopicLog.ts"
import { AssignedPartition } from "./AssignedPartition.ts"
import { type KafkaClient, type TopicPartition, within } from "./KafkaClient.ts"
import { incoming } from "./RecordHeaders.ts"

const askTimeoutMs = 5_000
const closeTimeoutMs = 3_000
/** A broker from which nothing comes for so long is not waited for any longer. */
const silenceMax = "30 seconds"

export interface WholeTopic {
  readonly client: KafkaClient
  readonly topic: string
  /** As the broker has it. */
  readonly brokerTopic: string
  /** Nobody else's. */
  readonly group: string
}

export const readAll = Effect.fnUntraced(function* <E>(
  whole: WholeTopic,
  handle: (records: ReadonlyArray<LogRecord>) => Effect.Effect<void, E>
): Effect.fn.Return<void, E | LogError> {
  const { client, topic, brokerTopic, group } = whole
  const unread = yield* asked(() => extent(client, brokerTopic))
  if (unread.size === 0) return
  const done = Deferred.makeUnsafe<void, E | LogError>()
  const failed = (cause: unknown) =>
    Deferred.doneUnsafe(done, Effect.fail(new LogError({ operation: "consume", cause })))
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let reading: Reading = { partitions: [], fibers: [] }
  let handled = 0

  const take = (records: ReadonlyArray<LogRecord>): Effect.Effect<void> =>
    Effect.matchCauseEffect(handle(records), {
      onFailure: (cause) => Effect.andThen(Deferred.done(done, Exit.failCause(cause)), Effect.never),
      onSuccess: () =>
        Effect.sync(() => {
          handled += records.length
          const last = records.at(-1)
          if (last !== undefined && last.offset + 1 >= (unread.get(last.partition) ?? 0)) unread.delete(last.partition)
          if (unread.size === 0) Deferred.doneUnsafe(done, Exit.void)
        })
    })
  const stop = () => {
    for (const fiber of reading.fibers) fiber.interruptUnsafe()
    reading = { partitions: [], fibers: [] }
  }
  const consumer = client.consumer(group, [brokerTopic], {
    assigned: (all) => {
      stop()
      const partitions = all.map((at) => new AssignedPartition(consumer, at, 0))
      reading = { partitions, fibers: partitions.map((partition) => fork(partition.run(take))) }
      consumer.resume(all)
    },
    revoked: stop,
    received: ({ partition }, records) =>
      reading.partitions
        .find((each) => each.partition === partition)
        ?.received(records.map((record) => incoming(record, { topic, partition }))),
    failed
  })
  const silence = Effect.suspend(() => {
    const before = handled
    return Effect.sleep(silenceMax).pipe(
      Effect.andThen(Effect.sync(() => handled === before && failed(new Error(`nothing came for ${silenceMax}`))))
    )
  })
  yield* Effect.tryPromise({ try: () => consumer.start(), catch: (cause) => cause }).pipe(
    Effect.catch((cause) => Effect.sync(() => failed(cause))),
    Effect.andThen(Effect.raceFirst(Deferred.await(done), Effect.forever(silence))),
    Effect.ensuring(
      Effect.andThen(
        Effect.sync(stop),
        Effect.ignore(Effect.tryPromise(() => within(closeTimeoutMs, "leaving", consumer.close())))
      )
    )
  )
})

// --- internal ---

interface Reading {
  readonly partitions: ReadonlyArray<AssignedPartition & TopicPartition>
  readonly fibers: ReadonlyArray<Fiber.Fiber<never>>
}

const asked = <A>(question: () => Promise<A>): Effect.Effect<A, LogError> =>
  Effect.tryPromise({
    try: () => within(askTimeoutMs, "asking", question()),
    catch: (cause) => new LogError({ operation: "consume", cause })
  })

/** Where each partition that holds anything ends. */
async function extent(client: KafkaClient, topic: string): Promise<Map<number, number>> {
  const admin = await client.admin()
  try {
    const [first, end] = await Promise.all([admin.offsetsAt(topic, 0), admin.offsetsAt(topic, Number.MAX_SAFE_INTEGER)])
    return new Map([...end].filter(([partition, offset]) => offset > (first.get(partition) ?? 0)))
  } finally {
    void admin.close().catch(() => {})
  }
}
