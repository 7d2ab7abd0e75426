/**
 * The way of records to one topic (rule L9): one loop, one `send` in flight, what arrives meanwhile is the next batch.
 * Says of each record once whether it is on the log, is not, or that nobody knows. Owns the queue, its bounds and the
 * producer's connection; which partition a record belongs in was decided before.
 */
import * as Effect from "effect/Effect"
import { AppendFailed, batchBytesMax, batchRecordsMax, type Position } from "../TopicLog.ts"
import { type Appended, type KafkaClient, type Outgoing, type Producer, within } from "./KafkaClient.ts"

/** With the 2 s of a send: a record that came just behind a send that fails has its word within 3 s. */
const connectTimeoutMs = 700
/** The client itself gives up after 2 s (rule L9); this one also ends what it does before and after the request. */
const sendTimeoutMs = 2_200
const reconnectPause = "200 millis"
/**
 * From the beginning of a send to that of the next. A batch of one record costs as much as one of hundreds, here, at the
 * broker and at whoever reads it: milliseconds. What comes after a while of silence does not wait.
 */
const sendEveryMs = 10

/** A record, and who waits for word of it. `settled` must not throw. */
export interface Entry {
  readonly record: Outgoing
  readonly settled: (result: Position | AppendFailed) => void
}

export class Sender {
  private readonly topic: string
  private readonly brokerTopic: string
  private readonly client: KafkaClient
  private waiting: Array<Entry> = []
  private waitingBytes = 0
  private wake: (() => void) | undefined
  private producer: Producer | undefined
  private closed = false
  private sentAtMs = Number.NEGATIVE_INFINITY
  /** The log says once that the broker is away, and once that it is back. */
  private isAway = false

  /** `brokerTopic` is the topic's name at the broker; failures name it by its own. */
  constructor(client: KafkaClient, topic: string, brokerTopic: string) {
    this.client = client
    this.topic = topic
    this.brokerTopic = brokerTopic
  }

  /** Why so much more cannot wait, if it cannot. */
  refusal(records: number, bytes: number): AppendFailed | undefined {
    if (this.closed) return this.failed(true, new Error("the log is closed"))
    const isTooMuch = this.waiting.length + records > batchRecordsMax || this.waitingBytes + bytes > batchBytesMax
    return isTooMuch ? this.failed(true, new Error("too much is waiting")) : undefined
  }

  /** Where there is no refusal. */
  offer(entries: ReadonlyArray<Entry>): void {
    this.waiting.push(...entries)
    this.waitingBytes += entries.reduce((sum, { record }) => sum + record.value.length, 0)
    this.wake?.()
  }

  /** Sends until it is interrupted. A send that is under way then is waited for: it ends within its time. */
  readonly run: Effect.Effect<never> = Effect.forever(Effect.suspend(() => this.step()))

  /** After `run` has ended: nothing waits for word any longer. */
  close(): void {
    this.closed = true
    this.failWaiting(new Error("the log is closed"))
    this.producer?.close()
  }

  private step(): Effect.Effect<void> {
    const producer = this.producer
    if (producer === undefined) return this.connect()
    return Effect.andThen(
      Effect.andThen(this.somethingWaits, this.rest),
      Effect.uninterruptible(Effect.promise(() => this.send(producer, this.takeWaiting())))
    )
  }

  /** Connects before there is anything to send. Who came meanwhile, in vain, can be told for certain. */
  private connect(): Effect.Effect<void> {
    return Effect.tryPromise(() => this.connected()).pipe(
      Effect.matchEffect({
        onSuccess: (producer) => {
          this.producer = producer
          return this.away(false, Effect.logInfo(`records go to ${this.brokerTopic} again`))
        },
        onFailure: ({ cause }) => {
          this.failWaiting(cause)
          const said = this.away(true, Effect.logWarning(`no records go to ${this.brokerTopic}`, cause))
          return Effect.andThen(said, Effect.sleep(reconnectPause))
        }
      })
    )
  }

  private away(isAway: boolean, say: Effect.Effect<void>): Effect.Effect<void> {
    if (this.isAway === isAway) return Effect.void
    this.isAway = isAway
    return say
  }

  private async connected(): Promise<Producer> {
    const connecting = this.client.producer()
    try {
      const producer = await within(connectTimeoutMs, "connecting", connecting)
      if (this.closed) producer.close()
      return producer
    } catch (cause) {
      // One that comes late all the same is nobody's.
      connecting.then(
        (producer) => producer.close(),
        () => {}
      )
      throw cause
    }
  }

  /** Ends at the end of the turn of the event loop in which something came: what came in that turn goes together. */
  private readonly somethingWaits: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.waiting.length > 0) return resume(Effect.void)
    this.wake = () => {
      this.wake = undefined
      setImmediate(() => resume(Effect.void))
    }
    return Effect.sync(() => {
      this.wake = undefined
    })
  })

  private readonly rest: Effect.Effect<void> = Effect.suspend(() => {
    const restMs = this.sentAtMs + sendEveryMs - performance.now()
    return restMs > 0 ? Effect.sleep(restMs) : Effect.void
  })

  /** The bounds of the queue are those of a batch. */
  private takeWaiting(): ReadonlyArray<Entry> {
    const batch = this.waiting
    this.waiting = []
    this.waitingBytes = 0
    return batch
  }

  /** A failed send goes on with a new connection, so that nothing of it stands before what is sent next (rule L9). */
  private async send(producer: Producer, batch: ReadonlyArray<Entry>): Promise<void> {
    this.sentAtMs = performance.now()
    try {
      const sending = producer.send(
        this.brokerTopic,
        batch.map(({ record }) => record)
      )
      settle(batch, await within(sendTimeoutMs, "sending", sending))
    } catch (cause) {
      this.producer = undefined
      producer.close()
      for (const { settled } of batch) settled(this.failed(false, cause))
    }
  }

  private failWaiting(cause: unknown): void {
    for (const { settled } of this.takeWaiting()) settled(this.failed(true, cause))
  }

  private failed(certain: boolean, cause: unknown): AppendFailed {
    return new AppendFailed({ topic: this.topic, certain, cause })
  }
}

// --- internal ---

/** The records of one partition lie one behind the other. */
function settle(batch: ReadonlyArray<Entry>, appended: ReadonlyArray<Appended>): void {
  const next = new Map(appended.map(({ partition, baseOffset, timeMs }) => [partition, { offset: baseOffset, timeMs }]))
  const positions = batch.map(({ record: { partition } }): Position => {
    const at = next.get(partition)
    if (at === undefined) throw new Error(`no word of partition ${partition}`)
    return { partition, offset: at.offset++, timeMs: at.timeMs }
  })
  batch.forEach(({ settled }, index) => {
    const position = positions[index]
    if (position !== undefined) settled(position)
  })
}
