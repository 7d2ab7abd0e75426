/**
 * One phone's socket as its session sees it: lines that come, an outbox, and an end. Owns reading no faster than the
 * session takes, and what is said and done at the end. Knows of no transport: whoever listens (TcpListener, Gateway)
 * tells it what happened to the socket; Deadlines watches over its times.
 */
import { DisconnectCode, disconnectCodeToJSON } from "../../gen/noriter/client/v1/session.ts"
import { serverLine } from "../../gen/registry.ts"
import { bytesIn, disconnects, outboxSlow } from "../telemetry/Metrics.ts"
import { Lines } from "../wire/Lines.ts"
import type { Ticket } from "./Admission.ts"
import type { Carrier } from "./KernelSocket.ts"
import { makeOutbox, type Outbox, type OutboxOwner, type OutboxSocket, type SocketOutbox } from "./Outbox.ts"
import { type Arrival, closed, type Reader, Reading, type Run, type Source } from "./Reading.ts"

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
  /** The session was begun or resumed: from here on the heartbeat counts, and no longer the hello timeout. */
  readonly helloDone: () => void
  /** Says why as the last line and closes; no line is taken any more. The first call counts. */
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
  /** Something began of which a time may be over sooner than it was thought to be at the last look (Deadlines). */
  readonly onStirred: (connection: PhoneConnection) => void
  readonly ticket: Ticket
  readonly run: Run
  /** Its socket is closed. */
  readonly onGone: (connection: PhoneConnection) => void
  /** All that came is taken, and the socket is closed or closes. */
  readonly onDone: (connection: PhoneConnection) => void
}

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

/** For who is told so, and for who is closed without a word. */
export const countDisconnect = (code: DisconnectCode): void => {
  disconnects.of(disconnectCodeToJSON(code)).count++
}

/** Those without `come_back` in the proto. */
const staysAway: ReadonlySet<DisconnectCode> = new Set([
  DisconnectCode.DISCONNECT_CODE_REPLACED,
  DisconnectCode.DISCONNECT_CODE_UPGRADE_REQUIRED,
  DisconnectCode.DISCONNECT_CODE_REMOVED
])

export class PhoneConnection implements Connection, Source, OutboxOwner, Carrier {
  readonly address: string
  readonly port: number
  readonly outbox: SocketOutbox
  readonly openedAt: number
  lastLineAt: number
  bytesIn = 0
  greeted = false
  slot = -1
  endingSince: number | undefined = undefined
  disconnectedWith: DisconnectCode | undefined = undefined
  private readonly transport: Transport
  private readonly now: () => number
  private readonly lines: Lines
  private readonly ticket: Ticket
  private readonly run: Run
  private readonly onStirred: (connection: PhoneConnection) => void
  private readonly onGone: (connection: PhoneConnection) => void
  private readonly onDone: (connection: PhoneConnection) => void
  private reading: Reading | undefined = undefined
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
      owner: this
    })
    this.run = options.run
    this.onStirred = options.onStirred
    this.onGone = options.onGone
    this.onDone = options.onDone
  }

  get isOpen(): boolean {
    return this.endingSince === undefined
  }

  get bytesOut(): number {
    return this.outbox.written
  }

  get isReading(): boolean {
    return !this.held
  }

  get unfinishedSince(): number | undefined {
    return this.partSince ?? this.lines.unfinishedSince
  }

  /** From here on what comes is taken by this reader, and what came already. */
  begin(reader: Reader): void {
    this.reading = new Reading(this, reader, this.run)
    this.reading.advance()
  }

  /** Whatever is under way is no longer waited for. */
  interrupt(): void {
    this.reading?.interrupt()
  }

  helloDone(): void {
    if (this.greeted) return
    this.greeted = true
    this.ticket.greeted()
  }

  disconnect(code: DisconnectCode, options?: DisconnectOptions): void {
    if (!this.isOpen) return
    this.disconnectedWith = code
    countDisconnect(code)
    if (code === DisconnectCode.DISCONNECT_CODE_SLOW) outboxSlow.count++
    this.finish(disconnectLine(code, options))
  }

  close(): void {
    if (this.isOpen) this.finish(undefined)
  }

  destroy(): void {
    this.transport.destroy()
  }

  // --- For its outbox ---

  slow(): void {
    this.disconnect(DisconnectCode.DISCONNECT_CODE_SLOW, { message: "this phone reads too slowly" })
  }

  stirred(): void {
    this.onStirred(this)
  }

  // --- What happens to the socket: for whoever listens ---

  /** What is not taken of it at once is copied: whose memory it is may use that again. */
  received(chunk: Buffer): void {
    this.bytesIn += chunk.length
    bytesIn.count += chunk.length
    this.partSince = undefined
    // At the end what comes is read and dropped: unread, it would make the kernel take back our last line.
    if (!this.isOpen) return
    this.lines.feed(chunk, this.now())
    this.reading?.advance()
    this.lines.own()
    if (this.unfinishedSince !== undefined) this.stirred()
    if (!this.lines.hasMore || this.held) return
    this.held = true
    this.transport.pause()
  }

  /** Bytes that end no frame yet. */
  receivedPart(): void {
    this.partSince ??= this.now()
    this.stirred()
  }

  /** The phone will send no more. What it sent is still handled; the session closes when it sees the end. */
  receivedEnd(): void {
    this.ended = true
    this.reading?.advance()
  }

  drained(): void {
    this.outbox.flush()
  }

  /** The socket is gone. */
  gone(): void {
    this.onGone(this)
    this.endingSince ??= this.now()
    this.outbox.close()
    this.ticket.left()
    this.ended = true
    this.reading?.advance()
  }

  // --- For its reading ---

  arrival(): Arrival | undefined {
    if (!this.isOpen) return closed
    const line = this.lines.next()
    if (this.held && !this.lines.hasMore) {
      this.held = false
      this.forgive()
      this.transport.resume()
    }
    if (line === undefined) return this.ended ? closed : undefined
    this.lastLineAt = this.now()
    return line
  }

  fail(): void {
    this.disconnect(DisconnectCode.DISCONNECT_CODE_INTERNAL, { message: "the server failed" })
  }

  done(): void {
    this.close()
    this.onDone(this)
  }

  // --- internal ---

  private finish(last: Buffer | undefined): void {
    this.endingSince = this.now()
    this.stirred()
    this.outbox.finish(last)
    this.transport.end()
    this.transport.resume()
    this.ended = true
    this.reading?.advance()
  }

  /** While we did not read, the phone could not be heard. */
  private forgive(): void {
    this.lastLineAt = this.now()
    this.lines.forgive(this.lastLineAt)
    if (this.partSince !== undefined) this.partSince = this.lastLineAt
    // The rest of what came may be no whole line.
    this.stirred()
  }
}
