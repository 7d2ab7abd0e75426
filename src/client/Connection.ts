/**
 * One phone's socket as its session sees it: lines that come, an outbox, and an end. Owns reading no faster than the
 * session takes, and what is said and done at the end. Knows of no transport: whoever listens (TcpListener, Gateway)
 * tells it what happened to the socket; Deadlines watches over its times.
 */
import * as Effect from "effect/Effect"
import { DisconnectCode, disconnectCodeToJSON } from "../../gen/noriter/client/v1/session.ts"
import { serverLine } from "../../gen/registry.ts"
import { bytesIn, disconnects, outboxSlow } from "../telemetry/Metrics.ts"
import { type Line, Lines } from "../wire/Lines.ts"
import type { Ticket } from "./Admission.ts"
import { makeOutbox, type Outbox, type OutboxSocket, type SocketOutbox } from "./Outbox.ts"

/** What `next` gives when nothing more will come. */
export const closed: unique symbol = Symbol("noriter/connection closed")

/** Lines in the order they came, at least one; or the end. */
export type Arrival = ReadonlyArray<Line> | typeof closed

export interface DisconnectOptions {
  /** For a developer to read. */
  readonly message?: string
  /** Not before this long. */
  readonly afterMs?: number
}

export interface Connection {
  /** Where the phone is: behind a proxy we trust, what that proxy says. */
  readonly address: string
  readonly port: number
  readonly outbox: Outbox
  /**
   * What came since. The lines are valid until `next` is run again. While nobody runs it little is read, so a session
   * that takes its time is not flooded. To be run by one fiber at a time.
   */
  readonly next: Effect.Effect<Arrival>
  /** Reads no further: `next` gives nothing but the end. The phone's times stand still. */
  readonly pause: () => void
  readonly resume: () => void
  /** The session was begun or resumed: from here on the heartbeat counts, and no longer the hello timeout. */
  readonly helloDone: () => void
  /** Says why as the last line and closes; `next` ends. The first call counts. */
  readonly disconnect: (code: DisconnectCode, options?: DisconnectOptions) => void
  /** Closes without a word, after what waits is written. */
  readonly close: () => void
  /** Why it was disconnected from this side, if it was. */
  readonly disconnectedWith: DisconnectCode | undefined
  readonly isOpen: boolean
  /** When a line last came, by the clock of Deadlines. */
  readonly lastLineAt: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** What a connection does to its socket. A net.Socket and a tls.TLSSocket are one, and so is a WebSocketTransport. */
export interface Transport extends OutboxSocket {
  readonly pause: () => unknown
  readonly resume: () => unknown
  /** No more is written; what was, is still sent. */
  readonly end: () => unknown
  readonly destroy: () => unknown
}

export interface ConnectionLimits {
  readonly lineBytesMax: number
  readonly outboxBytesMax: number
  readonly outboxStallMs: number
}

export interface ConnectionOptions {
  readonly transport: Transport
  readonly address: string
  readonly port: number
  readonly limits: ConnectionLimits
  /** What comes is whole lines, as it does in frames: the end of a chunk ends a line. */
  readonly framed?: boolean
  readonly now: () => number
  readonly ticket: Ticket
}

/** What `next` hands over at once; the rest of a chunk stays bytes until then. */
export const batchLinesMax = 64

/** The last line of a connection, its end included. */
export const disconnectLine = (code: DisconnectCode, options: DisconnectOptions = {}): Buffer => {
  const value = {
    $type: "noriter.client.v1.Disconnect",
    code,
    message: options.message ?? "",
    comeBack: !staysAway.has(code),
    afterMs: options.afterMs ?? 0
  } as const
  const line = serverLine({
    $type: "noriter.client.v1.ServerMessage",
    re: 0,
    body: { $case: "disconnect", value }
  })
  return Buffer.from(`${line}\n`)
}

/** Those without `come_back` in the proto. */
const staysAway: ReadonlySet<DisconnectCode> = new Set([
  DisconnectCode.DISCONNECT_CODE_REPLACED,
  DisconnectCode.DISCONNECT_CODE_UPGRADE_REQUIRED,
  DisconnectCode.DISCONNECT_CODE_REMOVED
])

export class PhoneConnection implements Connection {
  readonly address: string
  readonly port: number
  readonly outbox: SocketOutbox
  readonly next: Effect.Effect<Arrival>
  readonly openedAt: number
  lastLineAt: number
  bytesIn = 0
  greeted = false
  endingSince: number | undefined = undefined
  disconnectedWith: DisconnectCode | undefined = undefined
  private readonly transport: Transport
  private readonly now: () => number
  private readonly lines: Lines
  private readonly ticket: Ticket
  private waiter: ((arrival: Effect.Effect<Arrival>) => void) | undefined = undefined
  private paused = false
  /** Not read because the session has not taken what was. */
  private held = false
  /** Nothing more will come. */
  private ended = false
  /** Since when bytes came that are no frame yet. */
  private partSince: number | undefined = undefined

  constructor(options: ConnectionOptions) {
    const { transport, limits, now } = options
    this.address = options.address
    this.port = options.port
    this.transport = transport
    this.now = now
    this.ticket = options.ticket
    this.openedAt = now()
    this.lastLineAt = this.openedAt
    this.lines = new Lines(limits.lineBytesMax, options.framed)
    this.outbox = makeOutbox({
      socket: transport,
      outboxBytesMax: limits.outboxBytesMax,
      outboxStallMs: limits.outboxStallMs,
      now,
      onSlow: () => this.disconnect(DisconnectCode.DISCONNECT_CODE_SLOW, { message: "this phone reads too slowly" })
    })
    // Made once: what waits for the next line is most of what an idle phone is.
    const forget = Effect.sync(() => {
      this.waiter = undefined
    })
    this.next = Effect.callback<Arrival>((resume) => {
      const arrival = this.take()
      if (arrival !== undefined) return resume(Effect.succeed(arrival))
      this.waiter = resume
      return forget
    })
  }

  get isOpen(): boolean {
    return this.endingSince === undefined
  }

  get bytesOut(): number {
    return this.outbox.written
  }

  get isReading(): boolean {
    return !this.held && !this.paused
  }

  get unfinishedSince(): number | undefined {
    return this.partSince ?? this.lines.unfinishedSince
  }

  pause(): void {
    if (this.paused || !this.isOpen) return
    this.paused = true
    this.transport.pause()
  }

  resume(): void {
    if (!this.paused || !this.isOpen) return
    this.paused = false
    this.forgive()
    this.deliver()
    if (!this.held) this.transport.resume()
  }

  helloDone(): void {
    if (this.greeted) return
    this.greeted = true
    this.ticket.greeted()
  }

  disconnect(code: DisconnectCode, options?: DisconnectOptions): void {
    if (!this.isOpen) return
    this.disconnectedWith = code
    disconnects.of(disconnectCodeToJSON(code)).count++
    if (code === DisconnectCode.DISCONNECT_CODE_SLOW) outboxSlow.count++
    this.finish(disconnectLine(code, options))
  }

  close(): void {
    if (this.isOpen) this.finish(undefined)
  }

  destroy(): void {
    this.transport.destroy()
  }

  // --- What happens to the socket: for whoever listens ---

  received(chunk: Buffer): void {
    this.bytesIn += chunk.length
    bytesIn.count += chunk.length
    this.partSince = undefined
    // At the end what comes is read and dropped: unread, it would make the kernel take back our last line.
    if (!this.isOpen) return
    this.lines.feed(chunk, this.now())
    this.deliver()
    if (this.lines.hasMore && !this.held) {
      this.held = true
      this.transport.pause()
    }
  }

  /** Bytes that end no frame yet. */
  receivedPart(): void {
    this.partSince ??= this.now()
  }

  /** The phone will send no more. What it sent is still handled; the session closes when it sees the end. */
  receivedEnd(): void {
    this.ended = true
    this.deliver()
  }

  drained(): void {
    this.outbox.flush()
  }

  /** The socket is gone. */
  gone(): void {
    this.endingSince ??= this.now()
    this.outbox.close()
    this.ticket.left()
    this.ended = true
    this.deliver()
  }

  // --- internal ---

  private finish(last: Buffer | undefined): void {
    this.endingSince = this.now()
    this.outbox.finish(last)
    this.transport.end()
    this.transport.resume()
    this.ended = true
    this.deliver()
  }

  private deliver(): void {
    const resume = this.waiter
    if (resume === undefined) return
    const arrival = this.take()
    if (arrival === undefined) return
    this.waiter = undefined
    resume(Effect.succeed(arrival))
  }

  private take(): Arrival | undefined {
    if (!this.isOpen) return closed
    if (this.paused) return this.ended ? closed : undefined
    const lines: Array<Line> = []
    while (lines.length < batchLinesMax) {
      const line = this.lines.next()
      if (line === undefined) break
      lines.push(line)
    }
    if (!this.lines.hasMore && this.held) {
      this.held = false
      this.forgive()
      this.transport.resume()
    }
    if (lines.length > 0) {
      this.lastLineAt = this.now()
      return lines
    }
    return this.ended ? closed : undefined
  }

  /** While we did not read, the phone could not be heard. */
  private forgive(): void {
    this.lastLineAt = this.now()
    this.lines.forgive(this.lastLineAt)
    if (this.partSince !== undefined) this.partSince = this.lastLineAt
  }
}
