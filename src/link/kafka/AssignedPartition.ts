/**
 * One partition while it is this reader's: what has been fetched of it and not yet handled, and the fiber that hands it
 * on, at most 100 records at a time (rule L5). Fetching goes on meanwhile up to a bound, so that neither heartbeats nor
 * other partitions wait for a handler (rule L10). Owns neither the consumer nor where to begin.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { assignedGoBackMs, handleRecordsMax, type LogRecord } from "../TopicLog.ts"
import type { Committed, Consumer, TopicPartition } from "./KafkaClient.ts"

export type Handle = (records: ReadonlyArray<LogRecord>) => Effect.Effect<void>

/** How long a handler that has died is left alone before it is given the same records again. */
const deadHandlerPause = "1 second"
/** What is fetched ahead of the handler: several fetches, because one that is paused for goes on only after a while. */
export const fetchedMax = { records: 4_000, bytes: 1_048_576 }
/** What was handled is noted no more often than this, so that a minute of it is short. */
const stepMs = 1_000

export class AssignedPartition implements TopicPartition {
  readonly topic: string
  readonly partition: number
  private readonly consumer: Consumer
  /** The first offset not handled; what was never committed begins at nought. */
  private next: number
  private committed: number
  private fetched: Array<LogRecord> = []
  private fetchedBytes = 0
  private isPaused = false
  /** Where it stood, step by step, in the last minute of what it has handled, by the time of the records. */
  private readonly steps: Array<{ readonly offset: number; readonly timeMs: number }> = []
  /** Counts the seeks: a handler that was running over one has handled nothing. */
  private seeks = 0
  private wake: (() => void) | undefined

  constructor(consumer: Consumer, { topic, partition }: TopicPartition, next: number) {
    this.consumer = consumer
    this.topic = topic
    this.partition = partition
    this.next = next
    this.committed = next
  }

  received(records: ReadonlyArray<LogRecord>): void {
    this.fetched.push(...records)
    this.fetchedBytes += bytesOf(records)
    if (this.isFull(1) && !this.isPaused) {
      this.isPaused = true
      this.consumer.pause(this)
    }
    this.wake?.()
  }

  /** Goes on from this offset, also against the handler that is running. */
  seek(offset: number): void {
    this.seeks++
    this.next = offset
    while ((this.steps.at(-1)?.offset ?? 0) > offset) this.steps.pop()
    this.take(this.fetched.length)
    this.consumer.seek(this, offset)
  }

  /** Forwards never: what lies between would be lost. */
  goBack(offset: number): void {
    if (offset < this.next) this.seek(offset)
  }

  /** The group's offset, where it has changed since the last time. */
  toCommit(): (TopicPartition & Committed) | undefined {
    if (this.next === this.committed) return undefined
    this.committed = this.next
    const { topic, partition, next } = this
    return { topic, partition, offset: next, from: this.steps[0]?.offset ?? next }
  }

  /** Hands over what there is, again and again, until it is interrupted. */
  run(handle: Handle): Effect.Effect<never> {
    return Effect.forever(Effect.suspend(() => this.step(handle)))
  }

  private step(handle: Handle): Effect.Effect<void> {
    const records = this.fetched.slice(0, handleRecordsMax)
    const last = records.at(-1)
    if (last === undefined) return this.somethingFetched
    const seeks = this.seeks
    return Effect.matchCauseEffect(handle(records), {
      onSuccess: () => {
        if (this.seeks === seeks) {
          this.next = last.offset + 1
          for (const record of records) this.note(record)
          this.take(records.length)
        }
        return Effect.void
      },
      onFailure: (cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.andThen(
              Effect.logError("a handler died and is given the same records again", cause),
              Effect.sleep(deadHandlerPause)
            )
    })
  }

  private note({ offset, timeMs }: LogRecord): void {
    const notedMs = this.steps.at(-1)?.timeMs ?? Number.NEGATIVE_INFINITY
    if (timeMs >= notedMs + stepMs) this.steps.push({ offset, timeMs })
    while ((this.steps[0]?.timeMs ?? timeMs) + stepMs <= timeMs - assignedGoBackMs) this.steps.shift()
  }

  private readonly somethingFetched: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.fetched.length > 0) return resume(Effect.void)
    this.wake = () => {
      this.wake = undefined
      resume(Effect.void)
    }
    return Effect.sync(() => {
      this.wake = undefined
    })
  })

  private take(count: number): void {
    this.fetchedBytes -= bytesOf(this.fetched.splice(0, count))
    if (!this.isPaused || this.isFull(0.5)) return
    this.isPaused = false
    this.consumer.resume([this])
  }

  private isFull(share: number): boolean {
    return this.fetched.length >= fetchedMax.records * share || this.fetchedBytes >= fetchedMax.bytes * share
  }
}

// --- internal ---

const bytesOf = (records: ReadonlyArray<LogRecord>): number => records.reduce((sum, { body }) => sum + body.length, 0)
