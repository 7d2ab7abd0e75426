/**
 * How a record of the log is decided: a pure function of the state of its tag and the record (rule L5). A decider says
 * which keys it reads and then what follows; whoever runs it, on whichever runner, however often, comes to the same.
 */

import type { Answer } from "../../gen/noriter/space/v1/records.ts"
import type { RunnerMessage, TopicRecord } from "../../gen/registry.ts"

/** A value that a decision rests on or makes. Bytes: what they mean is the decider's. */
export type Read = (key: string) => Uint8Array | undefined

/** What a decider sees of the tag, besides the record. */
export interface DecisionState {
  readonly read: Read
  /** The last seq of a stream of this tag; 0: none. */
  readonly head: (stream: string) => number
  /** The incarnation that owns the value under a key, if there is one. */
  readonly ownerOf: (key: string) => string | undefined
  /** The record's time, never before that of the record before it (rule L2). */
  readonly nowMs: number
  /** When the broker appended the record, though that be before the one before it: for counting, which must not stand still. */
  readonly appendedMs: number
  /** The record's place in the streams of its tag: offset + 1 (rule L1). */
  readonly seq: number
}

/** What follows from a record. The order of the lists is the order in which things happen. */
export interface Decision {
  readonly puts?: ReadonlyArray<{ readonly key: string; readonly value: Uint8Array }>
  /** Asks the same tag something at a time (rule T1). The timer's number is this decision's `seq`. */
  readonly timer?: { readonly dueMs: number; readonly record: TopicRecord }
  readonly appends?: ReadonlyArray<StreamAppend>
  /** Published by the script that writes (rule C2). */
  readonly tell?: ReadonlyArray<RunnerMessage>
  /** What its asker is told, now and when it asks again; none where nobody asked. */
  readonly answer?: Answer
  /** Put on the log before the next record is decided. */
  readonly facts?: ReadonlyArray<TopicRecord>
  /** The answer is given when the facts are on the log, not before (rule L13). */
  readonly answerAfterFacts?: boolean
}

export interface StreamAppend {
  readonly stream: string
  /** Bounds are kept class by class (rule C4). */
  readonly class: string
  readonly value: Uint8Array
  readonly countMax: number
  readonly ageMsMax: number
}

/** The asking side of a record (noriter.topic.v1.Asker). */
export interface AskedBy {
  readonly session: string
  readonly id: number
  readonly incarnation: string
  readonly ask: number
  readonly bodyHash: Uint8Array
  readonly generation: string
}

export interface Decider<Message> {
  /** The keys the decision reads. */
  readonly reads: (record: Message) => ReadonlyArray<string>
  readonly decide: (state: DecisionState, record: Message) => Decision
  /** Who asked, where somebody did. */
  readonly asker: (record: Message) => AskedBy | undefined
  /** The number of the timer that asked: decided while that stands, which it does no more after (rule T1). */
  readonly timer?: (record: Message) => number | undefined
}
