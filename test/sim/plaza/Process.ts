/**
 * A process of a simulation: an actor whose fibers run by the timeline and by a scheduler and clock of its own, so that one
 * that is stopped does nothing at all, and one that is killed leaves everything as it is, without a finalizer. What it
 * asks of a service is on its way to that for a while, and so is the answer; what was sent is done, whatever becomes of
 * the sender. Each way keeps the order, as a connection does.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scheduler from "effect/Scheduler"
import { Actor, type ServiceName, Trouble, type Troubles } from "../Trouble.ts"
import type { Timeline } from "./Timeline.ts"

/** A message is on its way for 1 to this many milliseconds. */
const wayMsMax = 4
/** Whoever is cut off learns so after a while. */
const cutMs = 50

/** Ways are kept in order by their names, each of which is one string. */
const wayBack: Record<ServiceName, string> = {
  link: "link back",
  log: "log back",
  roster: "roster back",
  space: "space back"
}

/** The chance of one process: what befalls another leaves it as it is. */
class Own extends Trouble {
  override turn(actor: Actor): Effect.Effect<void> {
    return actor instanceof Process ? actor.pass : super.turn(actor)
  }
}

export class Process extends Actor {
  readonly #timeline: Timeline
  #inbox: Array<() => void> = []
  /** When what was sent last on a way arrives. */
  readonly #ways = new Map<string, number>()
  readonly #context: Context.Context<never>

  constructor(
    name: string,
    timeline: Timeline,
    seed: number,
    troubles: Partial<Troubles>,
    logger: Logger.Logger<unknown, void>
  ) {
    super(name, new Own(seed, troubles))
    this.#timeline = timeline
    const scheduler = new Scheduler.MixedScheduler("async", (job) => this.#cancelable(job))
    this.#context = Context.empty().pipe(
      Context.add(Scheduler.Scheduler, scheduler),
      Context.add(Clock.Clock, this.#clock()),
      Context.add(Logger.CurrentLoggers, new Set([logger]))
    )
  }

  /** Runs in this process. */
  run<A, E>(effect: Effect.Effect<A, E>): void {
    this.enqueue(() => void Effect.runForkWith(this.#context)(effect))
  }

  /** Done by this process as soon as it can. */
  enqueue(job: () => void): void {
    if (!this.isKilled) this.#timeline.soon(() => this.#perform(job))
  }

  #perform(job: () => void): void {
    if (this.isKilled) return
    if (this.isStopped) this.#inbox.push(job)
    else job()
  }

  #cancelable(job: () => void): () => void {
    let isCancelled = false
    this.enqueue(() => {
      if (!isCancelled) job()
    })
    return () => {
      isCancelled = true
    }
  }

  #clock(): Clock.Clock {
    const timeline = this.#timeline
    const nanos = (): bigint => BigInt(Math.floor(timeline.nowMs)) * 1_000_000n
    return {
      currentTimeMillisUnsafe: () => timeline.nowMs,
      currentTimeMillis: Effect.sync(() => timeline.nowMs),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration) => this.#sleep(Duration.toMillis(duration))
    }
  }

  #sleep(ms: number): Effect.Effect<void> {
    if (ms <= 0) return Effect.yieldNow
    if (!Number.isFinite(ms)) return Effect.never
    return Effect.callback((resume) => {
      // Whole milliseconds, as timers and brokers tell them.
      const cancel = this.#timeline.after(Math.ceil(ms), () => this.enqueue(() => resume(Effect.void)))
      return Effect.sync(cancel)
    })
  }

  // --- What befalls it ---

  override resume(): void {
    if (!this.isStopped) return
    super.resume()
    const inbox = this.#inbox
    this.#inbox = []
    for (const job of inbox) this.enqueue(job)
  }

  // --- What is on its way ---

  /** How long something is on its way. */
  get wayMs(): number {
    const { trouble } = this
    const { delay, delayMsMax } = trouble.troubles
    return 1 + trouble.below(trouble.chance(delay) ? delayMsMax : wayMsMax)
  }

  /** Arrives after all that was sent before on the same way. */
  send(way: string, job: () => void, ms = this.wayMs): void {
    const { nowMs } = this.#timeline
    const atMs = Math.max(this.#ways.get(way) ?? 0, nowMs + ms)
    this.#ways.set(way, atMs)
    this.#timeline.after(atMs - nowMs, job)
  }

  /** What comes in by itself: frames, and word of what was offered. */
  override deliver(job: () => void): void {
    this.send("in", () => this.enqueue(job))
  }

  /** Ends a while later. */
  readonly pass: Effect.Effect<void> = Effect.callback((resume) => {
    this.#timeline.after(this.wayMs, () => this.enqueue(() => resume(Effect.void)))
  })

  override readonly call = <A, E, R>(
    service: ServiceName,
    call: Effect.Effect<A, E, R>,
    failed: (certain: boolean, cause: Error) => E
  ): Effect.Effect<A, E, R> =>
    Effect.contextWith((context: Context.Context<R>) =>
      Effect.callback<A, E>((resume) => {
        this.#ask(service, atOnce(call, context), failed, (answer) => this.enqueue(() => resume(answer)))
      })
    )

  #ask<A, E>(
    service: ServiceName,
    asked: () => Exit.Exit<A, E>,
    failed: (certain: boolean, cause: Error) => E,
    answer: (answer: Exit.Exit<A, E>) => void
  ): void {
    const { trouble } = this
    const back = (answered: Exit.Exit<A, E>, ms?: number) => this.send(wayBack[service], () => answer(answered), ms)
    const fail = (certain: boolean, what: string) =>
      Exit.fail(failed(certain, new Error(`${this.name} was ${what} ${service} (${trouble})`)))
    if (trouble.chance(trouble.troubles.failBefore)) {
      back(fail(true, "not heard by"), cutMs)
      return
    }
    this.send(service, () => {
      if (this.isCutFrom(service)) {
        back(fail(false, "cut off from"), cutMs)
        return
      }
      const exit = asked()
      const isLost = trouble.chance(trouble.troubles.failAfter)
      if (isLost) back(fail(false, "not answered by"), cutMs)
      else back(exit)
    })
  }
}

/** What a twin does takes no time; whoever asks lends it the context it has, which costs much less than one of its own. */
const atOnce =
  <A, E, R>(call: Effect.Effect<A, E, R>, context: Context.Context<R>) =>
  (): Exit.Exit<A, E> => {
    const exit = Effect.runForkWith(context)(call).pollUnsafe()
    if (exit === undefined) throw new Error("a twin takes its time")
    return exit
  }
