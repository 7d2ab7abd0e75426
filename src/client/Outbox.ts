/**
 * What waits to be written to one phone: the interface that views and sessions write to, and the one over a socket.
 * Owns how chunks become writes and when a phone is too slow; what is in a chunk is its writer's, one or more whole
 * lines. Chunks are shared between phones: nobody may change one that was given here.
 */
import { bytesOut, latestSkipped, writes } from "../telemetry/Metrics.ts"
import { type SendBatch, type Sender, sendBatch } from "./SendBatch.ts"
import { turn } from "./Turn.ts"

export interface Outbox {
  /** An answer or a notice for this phone alone: written at the end of this event-loop turn, with all that waits. */
  readonly answer: (chunk: Uint8Array) => void
  /** What must not be skipped (ORDERED, DURABLE): joins the next write. Past its bounds the phone is disconnected SLOW. */
  readonly push: (chunk: Uint8Array) => void
  /** What the next one replaces (LATEST): joins the next write; false when it was skipped because the phone is slow. */
  readonly latest: (chunk: Uint8Array) => boolean
  /** Writes what waits now, in one write; with a batch, where the socket can, when its caller ends that. */
  readonly flush: (batch?: SendBatch) => void
  /** Writes what waits at the end of this event-loop turn: for what was pushed where no tick is coming. */
  readonly schedule: () => void
}

/** Whose outbox it is. */
export interface OutboxOwner {
  /** The phone is too slow. Called once. */
  readonly slow: () => void
  /** At the last look nothing was to be seen of it (`check` returned 0), and now something has come. */
  readonly stirred: () => void
}

/** What an outbox writes to: a net.Socket, a tls.TLSSocket, or something that looks like one. */
export interface OutboxSocket {
  /** False: enough; what comes before `drained` is called waits in the outbox. */
  readonly write: (chunk: Uint8Array) => boolean
  readonly writableLength: number
  /** All that was ever given to it, by whomever, and what it added: frames, their answers to a ping. */
  readonly bytesWritten: number
  readonly writableNeedDrain: boolean
  /** Where what is written goes to the kernel as it is, its number there (SendBatch); -1 once closed. */
  readonly descriptor?: number
}

export interface OutboxOptions {
  readonly socket: OutboxSocket
  /** 0: no bound. */
  readonly outboxBytesMax: number
  /** 0: no bound. */
  readonly outboxStallMs: number
  /** Monotonic; may be coarse. */
  readonly now: () => number
  readonly owner: OutboxOwner
}

/** A write is cut here, between chunks: a socket says only of whole writes that they were taken, and so shows progress. */
export const writeBytesMax = 32 * 1024

/** What waited at so many looks is written at the next, by half a second at most from one to another. */
const looksMax = 2

/** LATEST lines are skipped when this part of the bound is in use. */
const latestPart = 1 / 4

const none: Array<Uint8Array> = []

export const makeOutbox = (options: OutboxOptions): SocketOutbox => new SocketOutbox(options)

export class SocketOutbox implements Outbox, Sender {
  /** All bytes given to the socket. */
  written = 0
  /** When something was last written. */
  wroteAt: number
  private readonly socket: OutboxSocket
  private readonly options: OutboxOptions
  private readonly bytesMax: number
  private waiting: Array<Uint8Array> = none
  private waitingBytes = 0
  private taken = 0
  /** The batch that has bytes of ours and was not sent: it goes before anything else is written. */
  private joined: SendBatch | undefined = undefined
  private joinedBytes = 0
  /** Bytes that the kernel took in a batch: the socket knows nothing of them. */
  private batched = 0
  /** The kernel took all of the last write: the socket need not be asked, which is never at hand when thousands are told. */
  private clear = true
  /** Nothing waits, as of the last look, and nothing came since. */
  private settled = true
  /** When it was last seen that something was taken, while something waits. */
  private takenAt: number | undefined = undefined
  private scheduled = false
  /** At so many looks something waited, and nothing was flushed since. */
  private looks = 0
  private closed = false
  private finished = false

  constructor(options: OutboxOptions) {
    this.options = options
    this.socket = options.socket
    this.bytesMax = options.outboxBytesMax
    this.wroteAt = options.now()
  }

  /** Bytes in this process that the phone's kernel buffer has not taken. */
  get bytes(): number {
    return this.untaken + this.waitingBytes
  }

  private get untaken(): number {
    if (this.clear) return 0
    const bytes = this.socket.writableLength
    this.clear = bytes === 0
    return bytes
  }

  answer(chunk: Uint8Array): void {
    this.push(chunk)
    this.schedule()
  }

  push(chunk: Uint8Array): void {
    if (this.closed) return
    this.add(chunk)
    if (this.isOver(1)) this.relieve()
  }

  latest(chunk: Uint8Array): boolean {
    if (this.closed) return false
    if (this.isOver(latestPart)) {
      latestSkipped.count++
      return false
    }
    this.add(chunk)
    // A quarter was free: only a chunk of most of the rest can be too much.
    if (chunk.length > this.bytesMax / 2 && this.isOver(1)) this.relieve()
    return true
  }

  schedule(): void {
    if (this.scheduled || this.closed) return
    this.scheduled = true
    turn.schedule(this)
  }

  turnEnded(): void {
    this.scheduled = false
    this.flush(sendBatch)
  }

  flush(batch?: SendBatch): void {
    this.looks = 0
    this.joined?.end()
    if (batch !== undefined && this.joins(batch)) return
    // A socket that was given much asks to wait although the kernel has taken all of it: its length says so sooner.
    while (this.waiting !== none && (this.untaken === 0 || !this.socket.writableNeedDrain)) {
      this.write(join(this.take()))
    }
  }

  /** All that was given to a batch, but for the rest. */
  sent(rest: Uint8Array | undefined): void {
    this.joined = undefined
    this.batched += this.joinedBytes - (rest?.length ?? 0)
    if (rest !== undefined) this.give(rest)
    if (this.waiting !== none) this.flush()
  }

  /** Whatever waits and these as the last bytes, however slow the phone is; nothing after them. */
  finish(last: Uint8Array | undefined): void {
    if (this.finished) return
    this.joined?.end()
    const all = last === undefined ? this.waiting : [...this.waiting, last]
    this.close()
    this.finished = true
    if (all.length > 0) this.write(join(all))
  }

  /** From here on everything is a no-op, but for `finish`. What waits is dropped. */
  close(): void {
    this.closed = true
    this.waiting = none
    this.waitingBytes = 0
  }

  /** To be called now and then: sees what was taken since, and whether it is too long ago. Returns what waits. */
  check(now: number): number {
    // Most phones have taken all that was written, and their sockets need not be looked at.
    if (this.closed || this.settled) return 0
    // Nobody may come to flush what was pushed and not scheduled. What waits for a short time is on its way: were it
    // written here, thousands of phones would be written to at once (Spread), and that while there is too much to do.
    if (this.looks >= looksMax) this.flush()
    this.looks = this.waiting === none ? 0 : this.looks + 1
    const bytes = this.bytes
    if (bytes === 0) {
      this.settled = true
      this.takenAt = undefined
      return 0
    }
    // What waits only here waits for its tick, and not for the phone.
    if (this.untaken === 0) {
      this.takenAt = now
      return bytes
    }
    const taken = this.batched + this.socket.bytesWritten - this.socket.writableLength
    if (taken !== this.taken || this.takenAt === undefined) {
      this.taken = taken
      this.takenAt = now
    } else if (this.options.outboxStallMs > 0 && now - this.takenAt > this.options.outboxStallMs) {
      this.slow()
    }
    return bytes
  }

  /** Only a socket that has nothing waiting, and what is short enough for a batch: order is the kernel's then. */
  private joins(batch: SendBatch): boolean {
    if (this.waiting === none || !batch.isThere || this.untaken > 0) return false
    const descriptor = this.socket.descriptor ?? -1
    if (descriptor === -1 || (this.waiting[0]?.length ?? 0) > writeBytesMax) return false
    const before = this.waitingBytes
    const chunks = this.take()
    this.joinedBytes = before - this.waitingBytes
    this.count(this.joinedBytes)
    this.joined = batch
    batch.add(descriptor, chunks, this.joinedBytes, this)
    return true
  }

  private add(chunk: Uint8Array): void {
    if (this.waiting === none) this.waiting = [chunk]
    else this.waiting.push(chunk)
    this.waitingBytes += chunk.length
    if (!this.settled) return
    this.settled = false
    this.options.owner.stirred()
  }

  private isOver(part: number): boolean {
    return this.bytesMax > 0 && this.bytes > this.bytesMax * part
  }

  /** Much may have come within one turn; what the kernel takes of it is not the phone's slowness. */
  private relieve(): void {
    this.flush()
    if (this.isOver(1)) this.slow()
  }

  /** What waits is dropped: the phone gets it by resuming, and sooner hears why it must. */
  private slow(): void {
    this.close()
    this.options.owner.slow()
  }

  private write(chunk: Uint8Array): void {
    this.count(chunk.length)
    this.give(chunk)
  }

  private count(bytes: number): void {
    this.written += bytes
    this.wroteAt = this.options.now()
    writes.count++
    bytesOut.count += bytes
  }

  private give(chunk: Uint8Array): void {
    this.socket.write(chunk)
    this.clear = this.socket.writableLength === 0
  }

  /** The first of what waits: whole chunks, as many as fit in one write, and at least one. */
  private take(): ReadonlyArray<Uint8Array> {
    const all = this.waiting
    if (this.waitingBytes <= writeBytesMax) {
      this.waiting = none
      this.waitingBytes = 0
      return all
    }
    let count = 0
    let bytes = 0
    for (const { length } of all) {
      if (count > 0 && bytes + length > writeBytesMax) break
      bytes += length
      count++
    }
    this.waitingBytes -= bytes
    this.waiting = count === all.length ? none : all.slice(count)
    return all.slice(0, count)
  }
}

/**
 * Chunks as one write. Copied, not handed over as a list (cork and writev): measured for 10 to 300 chunks of 40 to 100
 * bytes, a list costs 1.4 to 4 times as much; from 2 kB a chunk they cost the same.
 */
function join(chunks: ReadonlyArray<Uint8Array>): Uint8Array {
  const [only] = chunks
  if (chunks.length === 1 && only !== undefined) return only
  const bytes = Buffer.allocUnsafe(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
