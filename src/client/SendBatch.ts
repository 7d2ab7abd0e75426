/**
 * Writes to many sockets in one call. What fan-out costs is the number of writes, and a sixth of each is its way through
 * Node's streams (docs/performance.md); here that is paid once for all. Owns the addon (native/send.c) and who is in a
 * batch; what the kernel does not take at once is given back, and waits in the socket as it always does.
 *
 * A batch is filled and sent within one turn of the event loop, whatever fails meanwhile: a socket that closed in between
 * would have given its number to another.
 */
import { batchedWrites } from "../telemetry/Metrics.ts"
import { addon } from "./Addon.ts"

/** As native/send.c says. */
type Send = (
  descriptors: Int32Array,
  bytes: Uint8Array,
  starts: Int32Array,
  ends: Int32Array,
  sent: Int32Array,
  count: number
) => void

/** Whose chunks they are. */
export interface Sender {
  /** The kernel took all of them but the rest, which is still to be written; undefined: all. */
  readonly sent: (rest: Uint8Array | undefined) => void
}

/** So many are sent to at once; one more, and those are sent to first. */
export const batchMax = 256
/** So many bytes are sent at once: what 256 phones are told at a tick. One more, and those before are sent first. */
export const batchBytesMax = 256 * 1024

/** For who writes alone. */
const one = { of: new Int32Array(1), start: new Int32Array(1), end: new Int32Array(1), sent: new Int32Array(1) }

export class SendBatch {
  private readonly send: Send | undefined
  private readonly descriptors = new Int32Array(batchMax)
  private readonly starts = new Int32Array(batchMax)
  private readonly ends = new Int32Array(batchMax)
  private readonly taken = new Int32Array(batchMax)
  /** Copies: for the addon to find where each chunk is takes longer, and to join chunks would make garbage. */
  private readonly bytes = Buffer.allocUnsafeSlow(batchBytesMax)
  private used = 0
  /** What was copied last, for many are told the same, one after another. */
  private last: Uint8Array | undefined = undefined
  private readonly senders: Array<Sender> = []

  constructor(send: Send | undefined) {
    this.send = send
  }

  /** False: the addon was not built, and everybody writes for themselves. */
  get isThere(): boolean {
    return this.send !== undefined
  }

  /** One write, to be sent at the `end` or sooner; `length`: of all chunks together, at most `batchBytesMax`. */
  add(descriptor: number, chunks: ReadonlyArray<Uint8Array>, length: number, sender: Sender): void {
    const only = chunks.length === 1 ? chunks[0] : undefined
    const isSame = only !== undefined && only === this.last
    if (!isSame) {
      if (this.used + length > batchBytesMax) this.end()
      this.copy(chunks)
      this.last = only
    }
    const index = this.senders.push(sender) - 1
    this.descriptors[index] = descriptor
    this.starts[index] = this.used - length
    this.ends[index] = this.used
    if (index + 1 === batchMax) this.end()
  }

  /** One write by itself, at once; gives what the kernel did not take, nothing of which is copied. */
  alone(descriptor: number, chunk: Uint8Array): Uint8Array | undefined {
    if (this.send === undefined) return chunk
    const { of, start, end, sent } = one
    of[0] = descriptor
    end[0] = chunk.length
    this.send(of, chunk, start, end, sent, 1)
    return sent[0] === chunk.length ? undefined : chunk.subarray(sent[0])
  }

  /** Sends what is added meanwhile, whatever fails. */
  during(fill: () => void): void {
    try {
      fill()
    } finally {
      this.end()
    }
  }

  /** Sends what was added. */
  end(): void {
    if (this.senders.length === 0 || this.send === undefined) return
    // Taken out first: whatever fails, nothing is sent twice.
    const senders = this.senders.splice(0)
    const { length } = senders
    this.used = 0
    this.last = undefined
    this.send(this.descriptors, this.bytes, this.starts, this.ends, this.taken, length)
    batchedWrites.count += length
    // Before anybody hears of it, who may add to the next.
    const rests = this.rests(length)
    for (let index = 0; index < length; index++) senders[index]?.sent(rests?.get(index))
  }

  private copy(chunks: ReadonlyArray<Uint8Array>): void {
    for (const chunk of chunks) {
      this.bytes.set(chunk, this.used)
      this.used += chunk.length
    }
  }

  /** By the places of their senders; undefined: nearly always there are none. */
  private rests(count: number): ReadonlyMap<number, Uint8Array> | undefined {
    let rests: Map<number, Uint8Array> | undefined
    for (let index = 0; index < count; index++) {
      const start = (this.starts[index] ?? 0) + (this.taken[index] ?? 0)
      const end = this.ends[index] ?? 0
      if (start === end) continue
      rests ??= new Map()
      rests.set(index, Buffer.from(this.bytes.subarray(start, end)))
    }
    return rests
  }
}

const isSend = (value: unknown): value is Send => typeof value === "function"

const send = addon("send")

/** The sockets are the process's, and so is this. */
export const sendBatch = new SendBatch(isSend(send) ? send : undefined)
