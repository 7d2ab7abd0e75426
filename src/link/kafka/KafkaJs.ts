/**
 * KafkaClient by kafkajs 2.2: its settings (rules L9, L10), its oddities, and its log in ours. Nothing else of noriter
 * knows of it.
 *
 * **Gotchas**: consumers of one group must not share a `Kafka`, which remembers offsets by group; a consumer that is
 * closed while it joins would come to life afterwards; its producer is never idempotent (rule L9).
 */
import { setTimeout as sleep } from "node:timers/promises"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import kafkajs, {
  type Admin as JsAdmin,
  type KafkaConfig,
  type KafkaMessage,
  type logCreator,
  type SASLOptions
} from "kafkajs"
import RequestQueue from "kafkajs/src/network/requestQueue/index.js"
import type {
  Admin,
  Committed,
  Consumer,
  ConsumerEvents,
  Incoming,
  KafkaClient,
  Producer,
  TopicPartition,
  TopicShape
} from "./KafkaClient.ts"

export interface KafkaOptions {
  /** `host:port`. */
  readonly brokers: ReadonlyArray<string>
  /** `true`: TLS, with the certificates that this system trusts; or those of a PEM text. */
  readonly tls?: boolean | { readonly ca: string } | undefined
  readonly sasl?: Sasl | undefined
}

export interface Sasl {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512"
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

const requestTimeoutMs = 2_000
const sessionTimeoutMs = 3_000
/** A member that waits for its share has it when the leader has answered, or counts as dead: never before a session is over. */
const memberRequestTimeoutMs = sessionTimeoutMs + 1_000
/** How long a fetch waits for records. Nothing comes later by it; resuming, leaving and heartbeats wait for its end. */
const fetchWaitMs = 250
/** From fetch to fetch, where records come all the time: one of a single record costs as much as one of hundreds. */
const fetchEveryMs = 15
/** All of a fetch, so that none of them waits for the rest of another. */
const partitionsAtOnce = 64
/** Of one partition: well below what is held of it, so that fetching need not stop. */
const fetchBytesMax = 262_144
/** Named in full, because kafkajs has other defaults where NODE_ENV is test. A producer tries once (rule L9). */
const retry = { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 }

/** Its log goes where the logs of this context go. */
export function make(options: KafkaOptions, context: Context.Context<never>): KafkaClient {
  const config = configOf(options, context)
  return {
    producer: () => producer(new kafkajs.Kafka({ ...config, retry: { ...retry, retries: 0 } })),
    consumer: (group, topics, events) =>
      consumer(new kafkajs.Kafka({ ...config, requestTimeout: memberRequestTimeoutMs }), group, topics, events),
    admin: async () => {
      const admin = new kafkajs.Kafka(config).admin()
      await admin.connect()
      return adminOf(admin)
    }
  }
}

// --- Producing ---

async function producer(kafka: kafkajs.Kafka): Promise<Producer> {
  const js = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0
  })
  await js.connect()
  return {
    send: async (topic, records) => {
      const messages = records.map(({ partition, key, value, headers }) => ({
        partition,
        key,
        value: bufferOf(value),
        headers
      }))
      const metadata = await js.send({ topic, messages, acks: -1, timeout: requestTimeoutMs })
      return metadata.map(({ partition, baseOffset, logAppendTime }) => ({
        partition,
        baseOffset: Number(baseOffset),
        timeMs: Number(logAppendTime)
      }))
    },
    close: () => void js.disconnect().catch(() => {})
  }
}

// --- Consuming ---

function consumer(
  kafka: kafkajs.Kafka,
  group: string,
  topics: ReadonlyArray<string>,
  events: ConsumerEvents
): Consumer {
  const js = kafka.consumer({
    groupId: group,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: 500,
    rebalanceTimeout: 5_000,
    maxWaitTimeInMs: fetchWaitMs,
    maxBytesPerPartition: fetchBytesMax,
    allowAutoTopicCreation: false,
    // Whoever made this consumer makes the next one.
    retry: { ...retry, restartOnFailure: async () => false }
  })
  const membership = new Membership()
  js.on(js.events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
    membership.joined()
    const assigned = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition }))
    )
    js.pause(byTopic(assigned))
    events.assigned(assigned)
  })
  js.on(js.events.REBALANCING, () => {
    membership.revoked()
    events.revoked()
  })
  js.on(js.events.HEARTBEAT, ({ payload }) => {
    if (!membership.holds(payload)) events.failed(new Error("the group has gone on without telling what is ours"))
  })
  js.on(js.events.CRASH, ({ payload: { error } }) => events.failed(error))
  let starting: Promise<void> = Promise.resolve()
  let fetchedAtMs = Number.NEGATIVE_INFINITY
  const start = async () => {
    await js.connect()
    await js.subscribe({ topics: [...topics], fromBeginning: true })
    await js.run({
      autoCommit: false,
      partitionsConsumedConcurrently: partitionsAtOnce,
      eachBatch: async ({ batch: { topic, partition, messages }, isRunning, isStale }) => {
        if (isRunning() && !isStale()) events.received({ topic, partition }, messages.map(incomingOf))
        // It fetches no more before this ends.
        await sleep(Math.max(0, fetchedAtMs + fetchEveryMs - performance.now()))
        fetchedAtMs = performance.now()
      }
    })
  }
  return {
    start: () => {
      starting = start()
      return starting
    },
    seek: ({ topic, partition }, offset) => ifItRuns(() => js.seek({ topic, partition, offset: `${offset}` })),
    pause: (at) => ifItRuns(() => js.pause(byTopic([at]))),
    resume: (partitions) => ifItRuns(() => js.resume(byTopic(partitions))),
    commit: (offsets) =>
      js.commitOffsets(
        offsets.map(({ topic, partition, offset, from }) => ({
          topic,
          partition,
          offset: `${offset}`,
          metadata: `from ${from}`
        }))
      ),
    close: () => starting.catch(() => {}).then(() => js.disconnect())
  }
}

/**
 * Whether what was assigned last is still so. Where joining anew breaks off half-way (a leader that takes longer to share
 * out than a request may last, a coordinator that moves), kafkajs goes on with heartbeats as if it had not tried: the
 * group counts it as a member and leaves partitions to it that it never hears of.
 */
export class Membership {
  #isRevoked = false
  #generation: number | undefined

  joined(): void {
    this.#isRevoked = false
    this.#generation = undefined
  }

  revoked(): void {
    this.#isRevoked = true
  }

  /** A heartbeat was answered: it is still of the generation in which something was assigned. */
  holds({ groupGenerationId }: { readonly groupGenerationId: number }): boolean {
    this.#generation ??= groupGenerationId
    return !this.#isRevoked && this.#generation === groupGenerationId
  }
}

/** It throws when it has stopped, which it may have a moment before it says so. Then nothing is its own any more. */
function ifItRuns(steer: () => void): void {
  try {
    steer()
  } catch {}
}

const byTopic = (partitions: ReadonlyArray<TopicPartition>): Array<{ topic: string; partitions: Array<number> }> =>
  Array.from(
    Map.groupBy(partitions, ({ topic }) => topic),
    ([topic, all]) => ({ topic, partitions: all.map(({ partition }) => partition) })
  )

const incomingOf = ({ offset, timestamp, key, value, headers }: KafkaMessage): Incoming => ({
  offset: Number(offset),
  timeMs: Number(timestamp),
  key: key?.toString() ?? "",
  value: value ?? new Uint8Array(),
  header: (name) => {
    const found = headers?.[name]
    return (Array.isArray(found) ? found[0] : found)?.toString()
  }
})

// --- Asking ---

const adminOf = (js: JsAdmin): Admin => ({
  create: async (topics) => {
    const there = new Set(await js.listTopics())
    const missing = topics.filter(({ name }) => !there.has(name))
    if (missing.length === 0) return
    // Another runner may be creating them too: those count as there.
    await js.createTopics({
      topics: missing.map(({ name, partitions, settings }) => ({
        topic: name,
        numPartitions: partitions,
        configEntries: Object.entries(settings).map(([setting, value]) => ({ name: setting, value }))
      }))
    })
  },
  describe: async (topics, settings) => describe(js, [...topics], [...settings]),
  hasMembers: async (group) => {
    const { groups } = await js.describeGroups([group])
    return groups.some(({ members }) => members.length > 0)
  },
  offsetsAt: async (topic, ms) => byPartition(await js.fetchTopicOffsetsByTimestamp(topic, Math.max(0, ms))),
  committed: async (groupId, topic) => {
    const fetched = await js.fetchOffsets({ groupId, topics: [topic] })
    const known = fetched.flatMap(({ partitions }) => partitions).filter(({ offset }) => Number(offset) >= 0)
    return new Map(known.map((each) => [each.partition, committedOf(each)]))
  },
  close: () => js.disconnect()
})

async function describe(js: JsAdmin, topics: Array<string>, settings: Array<string>): Promise<Array<TopicShape>> {
  const { topics: found } = await js.fetchTopicMetadata({ topics })
  const { resources } = await js.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: settings }))
  })
  return found.map(({ name, partitions }) => {
    const entries = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? []
    return {
      name,
      partitions: partitions.length,
      settings: Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]))
    }
  })
}

const byPartition = (offsets: ReadonlyArray<{ readonly partition: number; readonly offset: string }>) =>
  new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]))

/** What another than a reader has committed, an operator say, is begun just there. */
const committedOf = ({
  offset,
  metadata
}: {
  readonly offset: string
  readonly metadata: string | null
}): Committed => ({
  offset: Number(offset),
  from: Number(/^from (\d{1,16})$/.exec(metadata ?? "")?.[1] ?? offset)
})

// --- internal ---

/** `context`: where its log goes. */
export function configOf({ brokers, tls, sasl }: KafkaOptions, context: Context.Context<never>): KafkaConfig {
  return {
    clientId: "noriter",
    brokers: [...brokers].sort(() => Math.random() - 0.5), // so that a lost broker does not stop everybody
    requestTimeout: requestTimeoutMs,
    connectionTimeout: requestTimeoutMs,
    retry,
    ssl: tls === undefined || typeof tls === "boolean" ? tls === true : { ca: tls.ca },
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
    logLevel: kafkajs.logLevel.INFO,
    logCreator: logTo(context)
  }
}

/** A switch, because kafkajs has a type of its own for each. */
function saslOf({ mechanism, username, password }: Sasl): SASLOptions {
  const account = { username, password: Redacted.value(password) }
  switch (mechanism) {
    case "plain":
      return { mechanism, ...account }
    case "scram-sha-256":
      return { mechanism, ...account }
    case "scram-sha-512":
      return { mechanism, ...account }
  }
}

/** For whoever looks closely: what it calls an error it tries again, and what it gives up is ours to report. */
const logTo = (context: Context.Context<never>): logCreator => {
  const fork = Effect.runForkWith(context)
  return () =>
    ({ label, namespace, log: { message, error } }) =>
      void fork(Effect.logDebug(`kafkajs ${namespace} ${label}: ${message}`, ...(error === undefined ? [] : [error])))
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const { scheduleCheckPendingRequests } = RequestQueue.prototype

/**
 * A connection of kafkajs 2.2 looks every millisecond whether a request of its still waits, also where none does (its
 * issue 1704): an idle runner woke 860 times a second for that. Whatever waits calls this itself.
 */
RequestQueue.prototype.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this)
}
