/**
 * A phone's TCP socket as near to the kernel as node:net lets us be: what comes is read into memory that all of them
 * share, where Node takes new memory for each read; it can be sent to with many others in one call (SendBatch), and where
 * there are many it is read with many others, too (ReceiveRounds). Owns what is used of Node beneath its documented
 * interface, which is the handle of a server and of a socket. Where a Node has that otherwise, sockets are those of
 * node:net, and all is the same but slower.
 */
import * as Net from "node:net"
import { type Receiver, receiveRounds } from "./ReceiveRounds.ts"

/** One read takes as much at most, as one of Node's own does; the kernel has the rest for the next. */
const readBytesMax = 64 * 1024

/** Reads are handed on at once, one after another. */
const memory = Buffer.allocUnsafeSlow(readBytesMax)

type Take = (chunk: Buffer) => void

/** Who takes what is read; nobody yet: it comes as `data`. */
interface Reads {
  take: Take | undefined
}

export class BareSocket extends Net.Socket implements Receiver {
  /** The kernel's number of it; -1 once it is closed, when another socket may have that number. */
  descriptor: number
  private readonly reads: Reads
  private readonly handle: Handle
  private readonly isAlone: boolean

  /** `isAlone`: it is not read in rounds, but by Node, as soon as something comes. */
  constructor(handle: Handle, options: SocketOptions, isAlone: boolean) {
    const reads: Reads = { take: undefined }
    const taken = (bytes: number): boolean => {
      const chunk = memory.subarray(0, bytes)
      if (reads.take === undefined) return this.push(Buffer.from(chunk))
      reads.take(chunk)
      return true
    }
    const given = { ...options, onread: { buffer: memory, callback: taken } }
    // Known to Node, and not to its types. It is read once somebody takes what it says, or listens.
    Reflect.set(given, "handle", handle)
    Reflect.set(given, "manualStart", true)
    super(given)
    this.reads = reads
    this.handle = handle
    this.isAlone = isAlone
    this.descriptor = handle.fd ?? -1
    this.setNoDelay(true)
  }

  /** Node closes it here. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    receiveRounds.forget(this.descriptor)
    this.descriptor = -1
    super._destroy(error, callback)
  }

  /** What comes from here on is given to `take`, which must be done with it, or have copied it, when it returns. */
  takenBy(take: Take): void {
    this.reads.take = take
    if (!this.isAlone && receiveRounds.isThere) this.joinRounds()
  }

  received(bytes: Buffer): void {
    this.reads.take?.(bytes)
  }

  /** How it ended Node finds out by itself. */
  left(): void {
    // Node's own is beneath.
    Reflect.deleteProperty(this.handle, "readStart")
    if (this.handle.readStart() !== 0) this.destroy()
  }

  /** Node begins and stops reading when it is resumed and paused, as ever, and that is in rounds from here on. */
  private joinRounds(): void {
    const { handle } = this
    const { readStart, readStop } = handle
    handle.readStart = () => (receiveRounds.watch(this.descriptor, this) ? 0 : readStart.call(handle))
    handle.readStop = () => {
      receiveRounds.forget(this.descriptor)
      return readStop.call(handle)
    }
  }
}

export interface SocketOptions {
  readonly allowHalfOpen: boolean
  readonly readableHighWaterMark: number
  readonly writableHighWaterMark: number
}

/** What is accepted by a server that listens. */
interface Handle {
  readonly fd?: number
  readonly close: () => void
  /** 0: it does. */
  readStart: () => number
  readStop: () => number
}

type OnConnection = (failed: number, handle: Handle | undefined) => void

/** What Node's handle of a server that listens is known to have. */
interface Listening {
  onconnection: OnConnection
}

const isListening = (handle: unknown): handle is Listening =>
  typeof handle === "object" && handle !== null && "onconnection" in handle && typeof handle.onconnection === "function"

export interface Accepting {
  readonly options: SocketOptions
  /** So many may be open at once; who comes then is closed without a word. 0: no bound. */
  readonly socketsMax: number
  /** So many are read one by one, each as soon as it says something; those who come then, in rounds. */
  readonly readAloneMax: number
  readonly opened: (socket: BareSocket) => void
}

/** From here on what this server accepts are bare sockets, and no event of its. False: this Node cannot. */
export function acceptBare(server: Net.Server, { options, socketsMax, readAloneMax, opened }: Accepting): boolean {
  const listening: unknown = Reflect.get(server, "_handle")
  if (!isListening(listening)) return false
  const accept = listening.onconnection
  let open = 0
  listening.onconnection = (failed, handle) => {
    if (failed !== 0 || handle === undefined) {
      accept.call(listening, failed, handle)
    } else if (socketsMax > 0 && open >= socketsMax) {
      handle.close()
    } else {
      open++
      const socket = new BareSocket(handle, options, open <= readAloneMax)
      socket.once("close", () => open--)
      opened(socket)
    }
  }
  return true
}
