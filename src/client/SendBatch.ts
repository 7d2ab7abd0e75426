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
type Send = (descriptors: Int32Array, chunks: ReadonlyArray<Uint8Array>, sent: Int32Array, count: number) => void

/** Whose chunk it is. */
export interface Sender {
  /** The kernel took so many bytes of the chunk: the rest is still to be written. */
  readonly sent: (chunk: Uint8Array, bytes: number) => void
}

/** So many are sent to at once; one more, and those are sent to first. */
export const batchMax = 256

export class SendBatch {
  private readonly send: Send | undefined
  private readonly descriptors = new Int32Array(batchMax)
  private readonly taken = new Int32Array(batchMax)
  private readonly chunks: Array<Uint8Array> = []
  private readonly senders: Array<Sender> = []

  constructor(send: Send | undefined) {
    this.send = send
  }

  /** False: the addon was not built, and everybody writes for themselves. */
  get isThere(): boolean {
    return this.send !== undefined
  }

  /** To be sent at the `end`, or sooner. */
  add(descriptor: number, chunk: Uint8Array, sender: Sender): void {
    const { length } = this.chunks
    this.descriptors[length] = descriptor
    this.chunks.push(chunk)
    this.senders.push(sender)
    if (length + 1 === batchMax) this.end()
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
    const { taken } = this
    if (this.chunks.length === 0 || this.send === undefined) return
    // Taken out first: whatever fails, nothing is sent twice.
    const chunks = this.chunks.splice(0)
    const senders = this.senders.splice(0)
    const { length } = chunks
    this.send(this.descriptors, chunks, taken, length)
    batchedWrites.count += length
    for (let index = 0; index < length; index++) {
      const chunk = chunks[index]
      if (chunk !== undefined) senders[index]?.sent(chunk, taken[index] ?? 0)
    }
  }
}

const isSend = (value: unknown): value is Send => typeof value === "function"

const send = addon("send")

/** The sockets are the process's, and so is this. */
export const sendBatch = new SendBatch(isSend(send) ? send : undefined)
