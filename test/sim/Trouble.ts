/**
 * What a service suffers in a simulation: each call of an actor waits its turn before it begins and after it has ended,
 * and may fail, be delayed or be cut off there. All chance comes from one seed. The layers that put a service through it
 * stand in TroubledLinks and TroubledSpace; the twins know nothing of it, so a server pays nothing for it.
 *
 * An actor is one process: it may be stopped (SIGSTOP), resumed, killed (SIGKILL), and cut from a service, between any
 * two of its calls. So nothing that reads, decides and commits is atomic by accident.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** How likely, 0 to 1, each of these is at a call, a frame or a batch of records. */
export interface Troubles {
  /** The call fails and has not happened. */
  readonly failBefore: number
  /** The call has happened and fails nevertheless: its caller cannot know. */
  readonly failAfter: number
  /** The call begins up to `delayMsMax` late. */
  readonly delay: number
  readonly delayMsMax: number
  /** Of a frame: never heard, heard twice, heard after the next one. */
  readonly drop: number
  readonly duplicate: number
  readonly reorder: number
  /** Of handled records: handed over again, from any of them on. */
  readonly redeliver: number
}

/** Only the turns: everything works, in some order. */
const calm: Troubles = {
  failBefore: 0,
  failAfter: 0,
  delay: 0,
  delayMsMax: 0,
  drop: 0,
  duplicate: 0,
  reorder: 0,
  redeliver: 0
}

/** A service an actor may be cut from. */
export type ServiceName = "link" | "log" | "roster" | "space"

export class Trouble {
  readonly seed: number
  troubles: Troubles
  private state: number
  private readonly waiting: Array<Turn> = []
  private scheduled = false

  constructor(seed: number, troubles: Partial<Troubles> = {}) {
    this.seed = seed
    this.state = seed >>> 0
    this.troubles = { ...calm, ...troubles }
  }

  /** For messages of tests: with it the same schedule comes again. */
  toString(): string {
    return `seed ${this.seed}`
  }

  /** From here on everything works: what is not well by now must become so. */
  calmDown(): void {
    this.troubles = calm
  }

  actor(name: string): Actor {
    return new Actor(name, this)
  }

  /** 0 … 1, one below (mulberry32). */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  chance(probability: number): boolean {
    return probability > 0 && this.random() < probability
  }

  below(count: number): number {
    return Math.floor(this.random() * count)
  }

  /** Ends when the seed picks it among all that wait; a stopped actor's is not picked. */
  turn(actor: Actor): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const turn: Turn = { actor, resume }
      this.waiting.push(turn)
      this.schedule()
      return Effect.sync(() => this.takeBack(turn))
    })
  }

  /** Whoever was held back may be picked again. */
  schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      const able = this.waiting.filter(({ actor }) => !actor.isStopped)
      const turn = able[this.below(able.length)]
      if (turn === undefined) return
      this.takeBack(turn)
      if (able.length > 1) this.schedule()
      turn.resume(turn.actor.isKilled ? Effect.interrupt : Effect.void)
    })
  }

  private takeBack(turn: Turn): void {
    const at = this.waiting.indexOf(turn)
    if (at >= 0) this.waiting.splice(at, 1)
  }
}

interface Turn {
  readonly actor: Actor
  readonly resume: (effect: Effect.Effect<void>) => void
}

/** One process of a simulation. */
export class Actor {
  readonly name: string
  readonly trouble: Trouble
  private state: "running" | "stopped" | "killed" = "running"
  private readonly cuts = new Set<ServiceName>()
  private readonly healed: Array<{ readonly service: ServiceName; readonly call: () => void }> = []
  private readonly expiring = new Set<() => void>()
  private inbox: Array<() => void> = []
  private readonly death = Deferred.makeUnsafe<never>()

  constructor(name: string, trouble: Trouble) {
    this.name = name
    this.trouble = trouble
  }

  get isStopped(): boolean {
    return this.state === "stopped"
  }

  get isKilled(): boolean {
    return this.state === "killed"
  }

  isCutFrom(service: ServiceName): boolean {
    return this.cuts.has(service)
  }

  // --- What is done to it ---

  /** Begins no call, ends none and hears nothing, until it is resumed. */
  stop(): void {
    if (this.state === "running") this.state = "stopped"
  }

  resume(): void {
    if (this.state !== "stopped") return
    this.state = "running"
    const inbox = this.inbox
    this.inbox = []
    for (const job of inbox) this.deliver(job)
    this.trouble.schedule()
  }

  /** Ends its life; what it was calling may have happened. Finalizers run, but reach nothing. */
  kill(): void {
    this.state = "killed"
    this.inbox = []
    Deferred.doneUnsafe(this.death, Exit.interrupt())
    this.trouble.schedule()
  }

  cut(service: ServiceName): void {
    this.cuts.add(service)
  }

  /** Undoes a cut: the service's `onReady` is called. */
  heal(service: ServiceName): void {
    if (!this.cuts.delete(service)) return
    for (const each of this.healed) if (each.service === service) this.deliver(each.call)
  }

  /** Its memberships of the roster end; whether it learns so is up to cuts and stops. */
  expire(): void {
    for (const end of [...this.expiring]) end()
  }

  // --- What its services ask ---

  /** The life of the process: ends, interrupted, when it is killed. */
  live<A, E, R>(life: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.raceFirst(life, Deferred.await(this.death))
  }

  /** A call of a service. `failed` makes its error, of a call that is certain not to have happened or not. */
  readonly call = <A, E, R>(
    service: ServiceName,
    call: Effect.Effect<A, E, R>,
    failed: (certain: boolean, cause: Error) => E
  ): Effect.Effect<A, E, R> => {
    const { trouble } = this
    return Effect.gen({ self: this }, function* () {
      yield* trouble.turn(this)
      if (this.cuts.has(service)) return yield* Effect.fail(failed(false, this.errorOf("cut off", service)))
      if (trouble.chance(trouble.troubles.failBefore)) {
        return yield* Effect.fail(failed(true, this.errorOf("failed before", service)))
      }
      if (trouble.chance(trouble.troubles.delay)) yield* Effect.sleep(trouble.below(trouble.troubles.delayMsMax + 1))
      const exit = yield* Effect.exit(call)
      yield* trouble.turn(this)
      if (this.cuts.has(service) || trouble.chance(trouble.troubles.failAfter)) {
        return yield* Effect.fail(failed(false, this.errorOf("failed after", service)))
      }
      return yield* exit
    })
  }

  private errorOf(what: string, service: ServiceName): Error {
    return new Error(`${this.name} was ${what} a call of ${service} (${this.trouble})`)
  }

  /** A callback into the process: waits while it is stopped, is lost when it is dead. */
  deliver(job: () => void): void {
    if (this.state === "killed") return
    if (this.state === "stopped") this.inbox.push(job)
    else job()
  }

  onHealed(service: ServiceName, call: () => void): () => void {
    const each = { service, call }
    this.healed.push(each)
    return () => void this.healed.splice(this.healed.indexOf(each), 1)
  }

  onExpire(end: () => void): () => void {
    this.expiring.add(end)
    return () => void this.expiring.delete(end)
  }
}
