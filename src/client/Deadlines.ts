/**
 * The times of all connections, looked at together a few times a second: no phone has a timer of its own. Owns the
 * clock they are measured with, and what is done when a time is over; the times themselves are their owners'.
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

/** A limit is kept to an eighth of it or so, and none to more than this. A sweep of 10,000 takes some milliseconds. */
const sweepMsMax = 500
const sweepMsMin = 10

/** How long a socket may take to send our last line and to close. */
export const endingMs = 2000

/** How many silences make a loss. */
const heartbeatsMissed = 3

const beat = Buffer.from(
  `${serverLine({ $type: "noriter.client.v1.ServerMessage", re: 0, body: { $case: "beat", value: { $type: "noriter.client.v1.Beat" } } })}\n`
)

export class Deadlines {
  readonly sweepMs: number
  private readonly limits: DeadlineLimits
  private readonly watched = new Set<Watched>()
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
    return this.watched.size
  }

  watch(connection: Watched): void {
    this.watched.add(connection)
  }

  forget(connection: Watched): void {
    this.watched.delete(connection)
  }

  /** Called after each sweep: for what else must be looked after at times. */
  onSweep(call: (now: number) => void): void {
    this.swept.push(call)
  }

  /** Puts the clock on and looks at everybody. */
  sweep(elapsedMs: number): void {
    this.clockMs += Math.round(Math.min(elapsedMs, 2 * this.sweepMs))
    let bytes = 0
    let index = 0
    for (const connection of this.watched) bytes += this.check(connection, index++)
    outboxBytes.value = bytes
    for (const call of this.swept) call(this.clockMs)
  }

  /** Returns the bytes that wait for it. */
  private check(connection: Watched, index: number): number {
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
    // What is not written in this sweep waits for the next.
    const silentMs = now - connection.outbox.wroteAt + this.sweepMs
    const { heartbeatMs } = this.limits
    if (connection.greeted && heartbeatMs > 0 && silentMs >= beatAfterMs(heartbeatMs, index)) {
      connection.outbox.answer(beat)
    }
    return connection.outbox.check(now)
  }

  private lateness(connection: Watched): Late | undefined {
    const { helloTimeoutMs, lineTimeoutMs, heartbeatMs } = this.limits
    if (!connection.greeted && this.isOver(connection.openedAt, helloTimeoutMs)) {
      const message = `hello or resume must be accepted within ${helloTimeoutMs} ms`
      return { code: DisconnectCode.DISCONNECT_CODE_HELLO_TIMEOUT, message }
    }
    if (!connection.isReading) return undefined
    if (connection.unfinishedSince !== undefined && this.isOver(connection.unfinishedSince, lineTimeoutMs)) {
      const message = `a line must be finished within ${lineTimeoutMs} ms`
      return { code: DisconnectCode.DISCONNECT_CODE_LINE_TIMEOUT, message }
    }
    const silenceMs = heartbeatMs * heartbeatsMissed
    if (connection.greeted && this.isOver(connection.lastLineAt, silenceMs)) {
      return { code: DisconnectCode.DISCONNECT_CODE_HEARTBEAT, message: `no line came for ${silenceMs} ms` }
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
const beatAfterMs = (heartbeatMs: number, index: number): number => (heartbeatMs * (26 + (index % 5))) / 32
