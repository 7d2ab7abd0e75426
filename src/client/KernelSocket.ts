/**
 * A phone's TCP socket of which Node knows nothing: a number of the kernel's, read with many others (ReceiveRounds) and
 * written to with many others (SendBatch). A phone that talks and listens needs no more. Whatever is more is a stream's:
 * bytes that the kernel has no room for, an end, a failure. Then it becomes a socket of node:net, and stays one. Owns how
 * such sockets are accepted, and what becomes of each; who is one, BareSocket says.
 *
 * What Node makes of a socket that it accepts, an object of C++ and a stream with two states, is a fifth of what it costs
 * that a phone comes, and a third of what stays in memory of it (docs/decisions/0019-most-sockets-are-the-kernels.md).
 */
import { closeSync } from "node:fs"
import * as Net from "node:net"
import { addon } from "./Addon.ts"
import { type Receiver, receiveRounds } from "./ReceiveRounds.ts"
import { sendBatch } from "./SendBatch.ts"

/** Whom a socket belongs to is told what happens to it. */
export interface Carrier {
  /** To be done with the bytes, or to have copied them, when it returns. */
  readonly received: (bytes: Buffer) => void
  /** The other end says no more, and may still listen. */
  readonly receivedEnd: () => void
  /** What waited was taken. */
  readonly drained: () => void
  /** It is closed. */
  readonly gone: () => void
}

/** As a stream, whoever makes it. */
export interface SocketOptions {
  readonly allowHalfOpen: boolean
  readonly readableHighWaterMark: number
  readonly writableHighWaterMark: number
}

/** How many sockets are open. */
export interface SocketCount {
  open: number
}

export class KernelSocket implements Receiver {
  /** The kernel's number of it; -1 once it is closed, when another socket may have that number. */
  descriptor: number
  readonly address: string
  readonly port: number
  private readonly options: SocketOptions
  private readonly count: SocketCount
  private carrier: Carrier | undefined = undefined
  /** What it has become. */
  private stream: Net.Socket | undefined = undefined
  private isReading = false
  /** Bytes that it wrote by itself. */
  private taken = 0

  constructor(descriptor: number, address: string, port: number, options: SocketOptions, count: SocketCount) {
    this.descriptor = descriptor
    this.address = address
    this.port = port
    this.options = options
    this.count = count
    count.open++
  }

  /** It is paused until it is resumed. */
  carriedBy(carrier: Carrier): void {
    this.carrier = carrier
  }

  get writableLength(): number {
    return this.stream?.writableLength ?? 0
  }

  get writableNeedDrain(): boolean {
    return this.stream?.writableNeedDrain ?? false
  }

  get bytesWritten(): number {
    return this.taken + (this.stream?.bytesWritten ?? 0)
  }

  /** What is written by no batch: what the kernel has no room for waits in a stream. */
  write(chunk: Uint8Array): boolean {
    if (this.stream !== undefined) return this.stream.write(chunk)
    if (this.descriptor === -1) return false
    const rest = sendBatch.alone(this.descriptor, chunk)
    this.taken += chunk.length - (rest?.length ?? 0)
    return rest === undefined || this.become()?.write(rest) === true
  }

  end(): void {
    this.become()?.end()
  }

  resume(): void {
    if (this.stream !== undefined) this.stream.resume()
    else if (!this.isReading && this.descriptor !== -1) {
      this.isReading = receiveRounds.watch(this.descriptor, this)
      if (!this.isReading) this.become()?.resume()
    }
  }

  pause(): void {
    if (this.stream !== undefined) this.stream.pause()
    else this.leaveRounds()
  }

  destroy(): void {
    if (this.stream !== undefined) this.stream.destroy()
    else if (this.descriptor !== -1) {
      const { descriptor } = this
      this.forget()
      closeSync(descriptor)
      // As of a stream: never while its carrier is in the middle of something.
      process.nextTick(() => this.closed())
    }
  }

  /** Node's from here on, and nobody listens to it yet; undefined: it is closed. */
  release(): Net.Socket | undefined {
    if (this.descriptor === -1) return undefined
    const stream = new Stream(this.descriptor, this.options, () => this.forget())
    this.stream = stream
    // What follows an error is "close".
    return stream.on("error", () => {}).on("close", () => this.closed())
  }

  // --- For ReceiveRounds ---

  received(bytes: Buffer): void {
    // What another said in the same round may have closed it.
    if (this.descriptor !== -1) this.carrier?.received(bytes)
  }

  /** How it ended, a stream finds out. */
  left(): void {
    this.isReading = false
    this.become()?.resume()
  }

  // --- internal ---

  private become(): Net.Socket | undefined {
    if (this.stream !== undefined) return this.stream
    const { isReading, carrier } = this
    this.leaveRounds()
    const stream = this.release()
    stream?.on("data", (bytes: Buffer) => carrier?.received(bytes))
    stream?.on("end", () => carrier?.receivedEnd())
    stream?.on("drain", () => carrier?.drained())
    return isReading ? stream : stream?.pause()
  }

  private leaveRounds(): void {
    if (!this.isReading) return
    this.isReading = false
    receiveRounds.forget(this.descriptor)
  }

  private forget(): void {
    this.leaveRounds()
    this.descriptor = -1
  }

  private closed(): void {
    this.count.open--
    this.carrier?.gone()
  }
}

/** Says that it is closed before its number may be another's. */
class Stream extends Net.Socket {
  private readonly forget: () => void

  constructor(fd: number, options: SocketOptions, forget: () => void) {
    super({ ...options, fd, readable: true, writable: true })
    this.forget = forget
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.forget()
    super._destroy(error, callback)
  }
}

/** As native/accept.c says. */
type Accept = (first: number, listener: number, descriptors: Int32Array, ports: Int32Array) => ReadonlyArray<string>

/** So many are accepted before anybody is heard again. */
export const acceptMax = 64

const descriptors = new Int32Array(acceptMax)
const ports = new Int32Array(acceptMax)

const isAccept = (value: unknown): value is Accept => typeof value === "function"

const native = addon("accept")

/** Undefined: something of what such sockets need was not built. */
const accept = isAccept(native) && receiveRounds.isThere && sendBatch.isThere ? native : undefined

export interface Waiting {
  /** A socket that Node has accepted; it may be closed there afterwards. */
  readonly first: number
  /** Of whom else there is to accept; -1: nobody. */
  readonly listener: number
  /** So many are accepted, with the first. */
  readonly most: number
  readonly options: SocketOptions
  readonly count: SocketCount
}

/** Accepts whoever waits; none: there are no such sockets here, or the first can be none. */
export function acceptWaiting({ first, listener, most, options, count }: Waiting): ReadonlyArray<KernelSocket> {
  if (accept === undefined) return []
  const room = descriptors.subarray(0, Math.min(most, acceptMax))
  return accept(first, listener, room, ports).map(
    (address, at) => new KernelSocket(descriptors[at] ?? -1, address, ports[at] ?? 0, options, count)
  )
}
