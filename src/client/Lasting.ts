/**
 * The order of one session's lasting requests (rule L7): one after another, except that what goes to the same partition
 * of the log need not wait for the outcome of the one before. Owns who waits and for how long; what a request does is
 * its consumer's. Fleeting requests never come here.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Refused } from "../bus/Caller.ts"
import { away } from "../bus/Refusals.ts"

/** The most lasting requests of a session that wait; then its socket is not read further (design 2). */
export const lastingMax = 32

/** Runs an effect at once, as far as it goes without waiting. */
export type RunFork = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

interface Waiting {
  readonly sinceMs: number
  readonly run: Effect.Effect<void>
  readonly refuse: (refused: Refused) => void
}

export interface LastingOptions {
  /** How long one may wait behind another before it is refused as UNAVAILABLE. */
  readonly topicTimeoutMs: number
  readonly now: () => number
  readonly fork: RunFork
}

export class Lasting {
  readonly #options: LastingOptions
  /** Most sessions ask for nothing lasting: they have neither. */
  #waiting: Array<Waiting> | undefined
  #wakers: Set<() => void> | undefined
  #running = false
  #ended = false
  #paused = false
  #outstanding = 0
  #partition = ""
  #runningSinceMs = 0

  constructor(options: LastingOptions) {
    this.#options = options
  }

  /** How many wait: not yet run, running, or asked and without an outcome. */
  get count(): number {
    return (this.#waiting?.length ?? 0) + this.#outstanding + (this.#running ? 1 : 0)
  }

  get isFull(): boolean {
    return this.count >= lastingMax
  }

  /** Nothing more is run, and whoever waits is woken: the session is another's, or over. */
  end(): void {
    this.#ended = true
    this.#waiting = undefined
    this.#outstanding = 0
    this.#changed()
  }

  /** Nothing begins until it may: where the session stands, or whose it is, is being looked at. */
  pause(): void {
    this.#paused = true
  }

  goOn(): void {
    this.#paused = false
    this.#pump()
  }

  /** What has not begun is not done: its phone is gone, and asks again where it comes back. */
  abandon(): void {
    this.#waiting = undefined
    this.#changed()
  }

  /** Runs the request after those before it. `refuse` is called instead when it waited too long. */
  submit(run: Effect.Effect<void>, refuse: (refused: Refused) => void): void {
    if (this.#ended) return
    this.#waiting ??= []
    this.#waiting.push({ sinceMs: this.#options.now(), run, refuse })
    this.#pump()
  }

  /** Ends when a record may be sent to this partition, and counts it as sent. */
  turnOf(partition: string): Effect.Effect<void, Refused> {
    return Effect.suspend(() => {
      if (this.#ended) return Effect.fail(waitedTooLong)
      if (this.#outstanding > 0 && this.#partition !== partition) {
        return Effect.flatMap(this.#change, () => this.turnOf(partition))
      }
      this.#outstanding++
      this.#partition = partition
      return Effect.void
    })
  }

  /** Ends when nothing is on its way. */
  get settled(): Effect.Effect<void, Refused> {
    return Effect.suspend(() =>
      this.#outstanding === 0 ? Effect.void : Effect.flatMap(this.#change, () => this.settled)
    )
  }

  /** Ends when nothing waits, runs or is on its way. */
  get idle(): Effect.Effect<void> {
    return Effect.suspend(() => (this.count === 0 ? Effect.void : Effect.flatMap(this.#wake, () => this.idle)))
  }

  /** Ends when there is room for one more: until then the socket is read no further. */
  get room(): Effect.Effect<void> {
    return Effect.suspend(() => (this.isFull ? Effect.flatMap(this.#wake, () => this.room) : Effect.void))
  }

  /** A record that was sent has its outcome, or is known to have none in time. */
  outcome(): void {
    this.#outstanding = Math.max(0, this.#outstanding - 1)
    this.#changed()
  }

  /** Refuses who has waited too long; to be called a few times a second. */
  sweep(): void {
    const { now, topicTimeoutMs } = this.#options
    const dueMs = now() - topicTimeoutMs
    for (let first = this.#waiting?.[0]; first !== undefined && first.sinceMs <= dueMs; first = this.#waiting?.[0]) {
      this.#waiting?.shift()
      first.refuse(waitedTooLong)
    }
    this.#changed()
  }

  #pump(): void {
    while (!this.#running && !this.#paused) {
      const first = this.#waiting?.shift()
      if (first === undefined) return
      this.#running = true
      this.#runningSinceMs = first.sinceMs
      const fiber = this.#options.fork(first.run)
      fiber.addObserver(() => {
        this.#running = false
        this.#changed()
        this.#pump()
      })
    }
  }

  /** Waits for an outcome; refused when the request that waits has waited too long. */
  get #change(): Effect.Effect<void, Refused> {
    const { now, topicTimeoutMs } = this.#options
    return Effect.flatMap(this.#wake, () =>
      now() - this.#runningSinceMs >= topicTimeoutMs ? Effect.fail(waitedTooLong) : Effect.void
    )
  }

  get #wake(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const waker = (): void => resume(Effect.void)
      this.#wakers ??= new Set()
      this.#wakers.add(waker)
      return Effect.sync(() => this.#wakers?.delete(waker))
    })
  }

  #changed(): void {
    const wakers = this.#wakers
    this.#wakers = undefined
    for (const wake of wakers ?? []) wake()
  }
}

const waitedTooLong = away("a request before this one is still under way")
