/**
 * TopicLog within one process: the embedded default, and what several runners of a simulation share. The broker is the
 * shared part; a layer is one runner's connection to it. Owns the way in, its bounds and the waking of readers.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MemoryGroup, type Reader } from "./MemoryGroup.ts"
import { MemoryPartition, type Retention } from "./MemoryPartition.ts"
import {
  AppendFailed,
  batchBytesMax,
  batchRecordsMax,
  type ConsumeOptions,
  handleRecordsMax,
  LogError,
  type LogRecord,
  type NewRecord,
  type Position,
  TopicLog
} from "./TopicLog.ts"
import { allTopics, partitionFor } from "./Topics.ts"

export interface BrokerOptions extends Retention {
  readonly topics: ReadonlyArray<{ readonly name: string; readonly partitions: number }>
  /** How many offsets are left out before a record; a troublesome log leaves some out. */
  readonly hole: () => number
}

/** Twice what consumers go back is kept; a partition of lines of 200 bytes stays below 30 MB. */
const defaults: BrokerOptions = { topics: allTopics, recordsMax: 65_536, ageMsMax: 120_000, hole: () => 0 }

type Settled = (failed: AppendFailed | undefined) => void

/** What a topic holds back until the end of the turn. */
interface Waiting {
  bytes: number
  readonly offered: Array<{ readonly record: NewRecord; readonly nowMs: number; readonly settled: Settled }>
}

/** What a Kafka cluster is to real runners. */
export class Broker {
  private readonly options: BrokerOptions
  private readonly topics: ReadonlyMap<string, ReadonlyArray<MemoryPartition>>
  private readonly groups = new Map<string, MemoryGroup>()
  private readonly waiting = new Map<string, Waiting>()
  private readonly grown = new Set<MemoryPartition>()
  private readonly evicted: Array<{ readonly group: MemoryGroup; readonly reader: Reader }> = []
  private turnEnds = false

  constructor(options: Partial<BrokerOptions> = {}) {
    this.options = { ...defaults, ...options }
    this.topics = new Map(
      this.options.topics.map(({ name, partitions }) => [
        name,
        Array.from({ length: partitions }, (_, at) => new MemoryPartition(name, at, this.options))
      ])
    )
  }

  partitionOf(topic: string, partitionBy: string): number {
    const partitions = this.topics.get(topic)
    if (partitions === undefined) throw new Error(`there is no topic ${topic}`)
    return partitionFor(partitionBy, partitions.length)
  }

  has(topic: string): boolean {
    return this.topics.has(topic)
  }

  // --- Appending ---

  /** All or none, after what was offered before. */
  append(topic: string, records: ReadonlyArray<NewRecord>, nowMs: number): ReadonlyArray<Position> | AppendFailed {
    this.takeOffered(topic)
    if (!this.topics.has(topic)) return refused(topic, "there is no such topic")
    if (records.length > batchRecordsMax) return refused(topic, "too many records at once")
    if (records.reduce((bytes, { body }) => bytes + body.length, 0) > batchBytesMax) {
      return refused(topic, "too many bytes at once")
    }
    const counts = new Map<MemoryPartition, number>()
    for (const { partitionBy } of records) {
      const partition = this.lies(topic, partitionBy)
      counts.set(partition, (counts.get(partition) ?? 0) + 1)
    }
    for (const [partition, count] of counts) {
      if (!this.hasRoom(partition, count, nowMs)) return refused(topic, "its readers are too far behind")
    }
    return records.map((record) => this.put(this.lies(topic, record.partitionBy), copied(record), nowMs))
  }

  offer(topic: string, record: NewRecord, nowMs: number, settled: Settled): void {
    const waiting = this.waiting.get(topic) ?? { bytes: 0, offered: [] }
    this.waiting.set(topic, waiting)
    const bytes = waiting.bytes + record.body.length
    if (!this.topics.has(topic) || waiting.offered.length >= batchRecordsMax || bytes > batchBytesMax) {
      const why = this.topics.has(topic) ? "too much is waiting" : "there is no such topic"
      queueMicrotask(() => settled(refused(topic, why)))
      return
    }
    waiting.bytes = bytes
    waiting.offered.push({ record: copied(record), nowMs, settled })
    this.atEndOfTurn()
  }

  private takeOffered(topic: string): void {
    const waiting = this.waiting.get(topic)
    if (waiting === undefined || waiting.offered.length === 0) return
    waiting.bytes = 0
    for (const { record, nowMs, settled } of waiting.offered.splice(0)) {
      const partition = this.lies(topic, record.partitionBy)
      const hasRoom = this.hasRoom(partition, 1, nowMs)
      if (hasRoom) this.put(partition, record, nowMs)
      settled(hasRoom ? undefined : refused(topic, "its readers are too far behind"))
    }
  }

  private lies(topic: string, partitionBy: string): MemoryPartition {
    const partition = this.topics.get(topic)?.[this.partitionOf(topic, partitionBy)]
    if (partition === undefined) throw new Error(`${topic} has no partition for ${partitionBy}`)
    return partition
  }

  private hasRoom(partition: MemoryPartition, count: number, nowMs: number): boolean {
    return partition.makeRoom(count, nowMs, () => {
      const read = Array.from(this.groups.values(), (group) => group.readTo(partition) ?? Number.POSITIVE_INFINITY)
      return Math.min(...read, Number.POSITIVE_INFINITY)
    })
  }

  private put(partition: MemoryPartition, record: NewRecord, nowMs: number): Position {
    this.grown.add(partition)
    this.atEndOfTurn()
    return partition.append(record, nowMs, this.options.hole())
  }

  /** Readers are woken once a turn, from an empty stack: what arrived meanwhile is one batch. */
  private atEndOfTurn(): void {
    if (this.turnEnds) return
    this.turnEnds = true
    queueMicrotask(() => {
      this.turnEnds = false
      for (const topic of this.waiting.keys()) this.takeOffered(topic)
      const grown = [...this.grown]
      this.grown.clear()
      for (const partition of grown) for (const group of this.groups.values()) group.wake(partition)
    })
  }

  // --- Reading ---

  /** Of each partition of a topic what lies on it now, as it would be handed over. */
  all(topic: string): ReadonlyArray<ReadonlyArray<ReadonlyArray<LogRecord>>> {
    return (this.topics.get(topic) ?? []).map((partition) => {
      const records = partition.from(partition.earliest, Number.POSITIVE_INFINITY)
      return Array.from({ length: Math.ceil(records.length / handleRecordsMax) }, (_, at) =>
        records.slice(at * handleRecordsMax, (at + 1) * handleRecordsMax)
      )
    })
  }

  join(name: string, reader: Reader): MemoryGroup {
    const group = this.groups.get(name) ?? new MemoryGroup((topic) => this.topics.get(topic) ?? [])
    this.groups.set(name, group)
    group.join(reader)
    return group
  }

  /** Leaves also when it was evicted before. */
  leave(group: MemoryGroup, reader: Reader): Effect.Effect<void> {
    const at = this.evicted.findIndex((each) => each.reader === reader)
    if (at >= 0) this.evicted.splice(at, 1)
    return group.leave(reader)
  }

  /** The groups have not heard of this connection for too long; whatever its handlers are doing goes on. */
  evict(connection: string): void {
    for (const group of this.groups.values()) {
      for (const reader of group.evict(connection)) this.evicted.push({ group, reader })
    }
  }

  /** It is heard of again, and joins the groups it was in. */
  readmit(connection: string): void {
    const back = this.evicted.filter(({ reader }) => reader.name === connection)
    for (const each of back) {
      this.evicted.splice(this.evicted.indexOf(each), 1)
      each.group.join(each.reader)
    }
  }
}

/** One runner's connection to a broker that others may share; `connection` is the name to evict it by. */
export const layerOf = (broker: Broker, connection = ""): Layer.Layer<TopicLog> =>
  Layer.effect(TopicLog, make(broker, connection))

/** One process, a broker of its own. */
export const layer: Layer.Layer<TopicLog> = Layer.effect(
  TopicLog,
  Effect.suspend(() => make(new Broker(), ""))
)

// --- internal ---

const refused = (topic: string, why: string): AppendFailed =>
  new AppendFailed({ topic, certain: true, cause: new Error(why) })

const copied = (record: NewRecord): NewRecord => ({ ...record, body: new Uint8Array(record.body) })

const make = Effect.fnUntraced(function* (broker: Broker, connection: string) {
  const clock = yield* Clock.Clock
  const nowMs = () => clock.currentTimeMillisUnsafe()
  return TopicLog.of({
    partitionOf: (topic, partitionBy) => broker.partitionOf(topic, partitionBy),
    append: (topic, records) =>
      Effect.suspend(() => {
        const appended = broker.append(topic, records, nowMs())
        return appended instanceof AppendFailed ? Effect.fail(appended) : Effect.succeed(appended)
      }),
    offer: (topic, record, settled) => broker.offer(topic, record, nowMs(), settled),
    consume: (options) => consume(broker, connection, nowMs, options),
    readAll: (topic, handle) =>
      Effect.forEach(broker.all(topic), (partition) => Effect.forEach(partition, handle, { discard: true }), {
        discard: true,
        concurrency: "unbounded"
      })
  })
})

const consume = Effect.fnUntraced(function* (
  broker: Broker,
  connection: string,
  nowMs: () => number,
  { group: name, topics, handle, assigned }: ConsumeOptions
) {
  const unknown = topics.find((topic) => !broker.has(topic))
  if (unknown !== undefined) {
    return yield* new LogError({ operation: "topics", cause: new Error(`there is no topic ${unknown}`) })
  }
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const reader: Reader = { name: connection, topics, handle, assigned, fork, nowMs, pumps: [] }
  const group = yield* Effect.acquireRelease(
    Effect.sync(() => broker.join(name, reader)),
    (joined) => broker.leave(joined, reader)
  )
  return {
    goBack: (ms: number) => Effect.sync(() => group.goBack(reader, ms)),
    seek: (topic: string, partition: number, offset: number) =>
      Effect.sync(() => group.seek(reader, topic, partition, offset))
  }
})
