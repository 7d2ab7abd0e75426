/**
 * The times of all connections, looked at together a few times a second: no phone has a timer of its own. Owns the
 * clock they are measured with, when each is looked at, and what is done when a time is over; the times themselves are
 * their owners'.
 *
 * **Details**: the clock is coarse, and stands still while this process does: a phone is not to blame for a runner that
 * was frozen, and its lines may well be waiting in the kernel.
 */
import { performance } from "node:perf_hooks"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { serverLine } from "../../gen/registry.ts"
import { outboxBytes } from "../telemetry/Metrics.ts"

/** 0 is off, for each. */
export interface DeadlineLimits {
  readonly helloTimeoutMs: number
  readonly lineTimeoutMs: number
  readonly heartbeatMs: number
  readonly outboxStallMs: number
}

/** What is looked at of a connection. */
export interface Watched {
  /** Where Deadlines has it. */
  slot: number
  readonly openedAt: number
  readonly lastLineAt: number
  /** When the line began that is not yet finished. */
  readonly unfinishedSince: number | undefined
  /** Whether the session was begun or resumed. */
  readonly greeted: boolean
  /** False while we do not read: the phone cannot be heard then. */
  readonly isReading: boolean
  /** Since when it is only waited for the socket to close. */
  readonly endingSince: number | undefined
  readonly outbox: {
    readonly wroteAt: number
    readonly answer: (chunk: Uint8Array) => void
    /** Looks for a stall, and returns the bytes that wait. */
    readonly check: (now: number) => number
  }
  readonly disconnect: (code: DisconnectCode, options: { readonly message: string }) => void
  readonly destroy: () => void
}

/** A limit is kept to an eighth of it or so, and none to more than this. A sweep of 10,000 that talk takes milliseconds. */
const sweepMsMax = 500
const sweepMsMin = 10

/** How long a socket may take to send our last line and to close. */
export const endingMs = 2000

/** How often a phone hears something, also where its own silence is no reason to close its socket: it takes ours for one. */
export const heartbeatOf = ({ heartbeatMs }: Pick<DeadlineLimits, "heartbeatMs">): number => heartbeatMs || 15_000
/** How many silences make a loss. */
const heartbeatsMissed = 3

const beat = Buffer.from(
  `${serverLine({ $type: "noriter.client.v1.ServerMessage", re: 0, body: { $case: "beat", value: { $type: "noriter.client.v1.Beat" } } })}\n`
)

export class Deadlines {
  readonly sweepMs: number
  private readonly limits: DeadlineLimits
  private readonly watched: Array<Watched> = []
  /** Of each: nothing can be due before. Most phones say and hear nothing most of the time, and are not even touched. */
  private readonly quietUntil: Array<number> = []
  private readonly swept: Array<(now: number) => void> = []
  private clockMs = 0

  constructor(limits: DeadlineLimits) {
    this.limits = limits
    const { helloTimeoutMs, lineTimeoutMs, heartbeatMs, outboxStallMs } = limits
    const shortest = Math.min(
      ...[helloTimeoutMs, lineTimeoutMs, heartbeatMs, outboxStallMs].filter((limit) => limit > 0)
    )
    this.sweepMs = Math.max(sweepMsMin, Math.min(sweepMsMax, shortest / 8))
  }

  /** The clock: milliseconds that this process was awake, as of the last sweep. */
  readonly now = (): number => this.clockMs

  get size(): number {
    return this.watched.length
  }

  watch(connection: Watched): void {
    connection.slot = this.watched.push(connection) - 1
    this.quietUntil.push(0)
  }

  forget(connection: Watched): void {
    const { slot } = connection
    if (this.watched[slot] !== connection) return
    const last = this.watched.pop()
    this.quietUntil.pop()
    if (last === undefined || last === connection) return
    last.slot = slot
    this.watched[slot] = last
    this.quietUntil[slot] = 0
  }

  /** Has it looked at in the next sweep: a time began, or its outbox stirred. That a time was put off shows by itself. */
  readonly stir = (connection: Watched): void => {
    const { slot } = connection
    if (this.watched[slot] === connection) this.quietUntil[slot] = 0
  }

  /** Called after each sweep: for what else must be looked after at times. */
  onSweep(call: (now: number) => void): void {
    this.swept.push(call)
  }

  /** Puts the clock on and looks at everybody of whom something may be due. */
  sweep(elapsedMs: number): void {
    this.clockMs += Math.round(Math.min(elapsedMs, 2 * this.sweepMs))
    let bytes = 0
    // From the end, so that whoever is forgotten meanwhile hides nobody.
    for (let slot = this.watched.length - 1; slot >= 0; slot--) {
      if (this.clockMs < (this.quietUntil[slot] ?? 0)) continue
      const connection = this.watched[slot]
      if (connection !== undefined) bytes += this.check(connection)
    }
    outboxBytes.value = bytes
    for (const call of this.swept) call(this.clockMs)
  }

  /** Returns the bytes that wait for it. */
  private check(connection: Watched): number {
    const now = this.clockMs
    if (connection.endingSince !== undefined) {
      if (now - connection.endingSince >= endingMs) connection.destroy()
      return 0
    }
    const late = this.lateness(connection)
    if (late !== undefined) {
      connection.disconnect(late.code, { message: late.message })
      return 0
    }
    const bytes = connection.outbox.check(now)
    if (bytes === 0) this.rest(connection)
    if (now >= this.beatAt(connection)) connection.outbox.answer(beat)
    return bytes
  }

  /** Nothing waits in its outbox: it is not looked at before something else may be due, unless it is stirred. */
  private rest(connection: Watched): void {
    const { slot, greeted, unfinishedSince, lastLineAt, endingSince } = connection
    if (!greeted || unfinishedSince !== undefined || endingSince !== undefined) return
    this.quietUntil[slot] = Math.min(this.beatAt(connection), lastLineAt + this.silenceMs + this.sweepMs)
  }

  /** When it is to be told a beat, if it is told nothing else; what is not written in one sweep waits for the next. */
  private beatAt({ greeted, outbox, slot }: Watched): number {
    if (!greeted) return Number.POSITIVE_INFINITY
    return outbox.wroteAt + beatAfterMs(heartbeatOf(this.limits), slot) - this.sweepMs
  }

  /** So long without a line, a phone is gone. */
  private get silenceMs(): number {
    return this.limits.heartbeatMs === 0 ? Number.POSITIVE_INFINITY : this.limits.heartbeatMs * heartbeatsMissed
  }

  private lateness(connection: Watched): Late | undefined {
    const { helloTimeoutMs, lineTimeoutMs } = this.limits
    if (!connection.greeted && this.isOver(connection.openedAt, helloTimeoutMs)) {
      const message = `hello or resume must be accepted within ${helloTimeoutMs} ms`
      return { code: DisconnectCode.DISCONNECT_CODE_HELLO_TIMEOUT, message }
    }
    if (!connection.isReading) return undefined
    if (connection.unfinishedSince !== undefined && this.isOver(connection.unfinishedSince, lineTimeoutMs)) {
      const message = `a line must be finished within ${lineTimeoutMs} ms`
      return { code: DisconnectCode.DISCONNECT_CODE_LINE_TIMEOUT, message }
    }
    if (connection.greeted && this.isOver(connection.lastLineAt, this.silenceMs)) {
      return { code: DisconnectCode.DISCONNECT_CODE_HEARTBEAT, message: `no line came for ${this.silenceMs} ms` }
    }
    return undefined
  }

  /** Never too early: what is stamped with a coarse clock happened up to a sweep later. */
  private isOver(since: number, limitMs: number): boolean {
    return limitMs > 0 && this.clockMs - since >= limitMs + this.sweepMs
  }
}

interface Late {
  readonly code: DisconnectCode
  readonly message: string
}

/** Looks at everybody until the scope closes. */
export const make = (limits: DeadlineLimits): Effect.Effect<Deadlines, never, Scope.Scope> =>
  Effect.gen(function* () {
    const deadlines = new Deadlines(limits)
    let last = performance.now()
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        setInterval(() => {
          const now = performance.now()
          deadlines.sweep(now - last)
          last = now
        }, deadlines.sweepMs)
      ),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
    return deadlines
  })

/**
 * After how much silence from us a beat is due: as late as may be, since most phones hear something else by then, with a
 * sixteenth left for a sweep that comes late; another time for each phone, so that a quiet plaza is not written to all at
 * once.
 */
const beatAfterMs = (heartbeatMs: number, slot: number): number => (heartbeatMs * (26 + (slot % 5))) / 32
