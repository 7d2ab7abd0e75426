/**
 * The log: records by topic, in order within a partition, at least once. What a record means is the bus's; that it is
 * applied once is the shared space's (rule L3). Topics, partitions and retention come from the proto.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** What is appended. */
export interface NewRecord {
  /** The key of the message type. */
  readonly key: string
  /** The tag that decides it: the same value lies in the same partition, for ever (rule L1). */
  readonly partitionBy: string
  /** The message, protobuf binary. */
  readonly body: Uint8Array
  /** W3C traceparent, where the record belongs to a trace. */
  readonly trace?: string | undefined
  /** Of a record that another record caused: by it a tag takes it in once (rule L4). */
  readonly source?: Source | undefined
  /** Of a dead letter: where it lay and why it lies here. */
  readonly dead?: DeadLetter | undefined
  /** Of a fact: what the record that caused it did to its tag besides what the fact says (rule L13). */
  readonly marks?: Marks | undefined
}

/** What applying a record left in the marks of its tag: a fact carries it, so that they can be rebuilt (rule L13). */
export interface Marks {
  /** "Now" when it was decided (rule L2). */
  readonly atMs: number
  /** What it took in from another tag (rule L4). */
  readonly takenIn?: Source | undefined
  /** What is remembered of the request it decided (rule L6). */
  readonly outcome?: Outcome | undefined
}

/** What a decided request came to, as it is remembered. */
export interface Outcome {
  readonly session: string
  readonly id: number
  readonly bodyHash: Uint8Array
  readonly answer: Uint8Array
}

/** The record that caused this one: rule L4. Marks are kept per `topic/partition`, and compare by offset, then index. */
export interface Source {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Counts the facts of one record. */
  readonly index: number
}

export interface DeadLetter {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly reason: string
}

/** A record as it is read. `timeMs` is the broker's append time; offsets rise, with holes. */
export interface LogRecord extends NewRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timeMs: number
}

/** Where an appended record lies. */
export interface Position {
  readonly partition: number
  readonly offset: number
  readonly timeMs: number
}

/**
 * An append that is not known to have happened. `certain`: it did not, and never will (queue full, log away before the
 * send). Not `certain`: it may yet be read, once.
 */
export class AppendFailed extends Data.TaggedError("AppendFailed")<{
  readonly topic: string
  readonly certain: boolean
  readonly cause: unknown
}> {}

/** The log cannot be read or asked. */
export class LogError extends Data.TaggedError("LogError")<{
  readonly operation: "consume" | "topics" | "connect"
  readonly cause: unknown
}> {
  override get message(): string {
    return `the log (${this.operation}): ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

/** A running consumption: two ways of going back (rule L11). */
export interface Reading {
  /** Every partition assigned to this reader goes back by timestamp. */
  readonly goBack: (ms: number) => Effect.Effect<void>
  /** One partition goes on from this offset. */
  readonly seek: (topic: string, partition: number, offset: number) => Effect.Effect<void>
}

export interface ConsumeOptions {
  /** Readers of one group share the partitions; one joining or leaving moves them. Begins at the earliest record. */
  readonly group: string
  readonly topics: ReadonlyArray<string>
  /**
   * Gets consecutive records of one partition, at most 100 and never empty; partitions run concurrently. The group goes
   * on when it has ended. It retries passing faults itself, with heartbeats going on; it may be interrupted when the
   * partition is taken away, and may be run again with the same records.
   */
  readonly handle: (records: ReadonlyArray<LogRecord>) => Effect.Effect<void>
  /** Hears of each partition that this reader is assigned, before any of its records: another may have had it till then. */
  readonly assigned?: (topic: string, partition: number) => void
}

/** Records a sender queue holds before it refuses (rule L9). */
export const batchRecordsMax = 1_000
/** Bytes of values a sender queue holds before it refuses (rule L9). */
export const batchBytesMax = 1_048_576
/** Records handed to a consumer at once (rule L5). */
export const handleRecordsMax = 100
/** How far back a reader begins that is assigned a partition (rule L11). */
export const assignedGoBackMs = 60_000

export class TopicLog extends Context.Service<
  TopicLog,
  {
    /** Which partition of the topic holds the records of this tag. */
    readonly partitionOf: (topic: string, partitionBy: string) => number
    /** Appends in this order, all to one topic; ends when all are on the log. */
    readonly append: (
      topic: string,
      records: ReadonlyArray<NewRecord>
    ) => Effect.Effect<ReadonlyArray<Position>, AppendFailed>
    /** Appends without a fiber, for the hot path: `settled` is called once, later, with the failure or nothing. */
    readonly offer: (topic: string, record: NewRecord, settled: (failed: AppendFailed | undefined) => void) => void
    /** Reads as a member of a group until the scope closes. */
    readonly consume: (options: ConsumeOptions) => Effect.Effect<Reading, LogError, Scope.Scope>
    /** Hands over all that lies on a topic now, as `consume` does but to nobody else's cost, and ends: at least once. */
    readonly readAll: <E>(
      topic: string,
      handle: (records: ReadonlyArray<LogRecord>) => Effect.Effect<void, E>
    ) => Effect.Effect<void, E | LogError>
  }
>()("noriter/link/TopicLog") {}
