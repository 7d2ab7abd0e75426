/**
 * A phone's TCP socket as near to the kernel as node:net lets us be: what comes is read into memory that all of them
 * share, where Node takes new memory for each read, and it can be sent to with many others in one call (SendBatch). Owns
 * who is accepted as such a socket and who, where there are many, as the kernel's alone (KernelSocket); and what is used
 * of Node beneath its documented interface, which is the handle of a server and of a socket. Where a Node has that
 * otherwise, sockets are those of node:net, and all is the same but slower.
 */
import * as Net from "node:net"
import { acceptMax, acceptWaiting, type KernelSocket, type SocketCount, type SocketOptions } from "./KernelSocket.ts"

/** One read takes as much at most, as one of Node's own does; the kernel has the rest for the next. */
const readBytesMax = 64 * 1024

/** Reads are handed on at once, one after another. */
const memory = Buffer.allocUnsafeSlow(readBytesMax)

type Take = (chunk: Buffer) => void

/** Who takes what is read; nobody yet: it comes as `data`. */
interface Reads {
  take: Take | undefined
}

export class BareSocket extends Net.Socket {
  /** The kernel's number of it; -1 once it is closed, when another socket may have that number. */
  descriptor: number
  private readonly reads: Reads
  private readonly among: Among

  constructor(handle: Handle, among: Among) {
    const reads: Reads = { take: undefined }
    const taken = (bytes: number): boolean => {
      const chunk = memory.subarray(0, bytes)
      if (reads.take === undefined) return this.push(Buffer.from(chunk))
      reads.take(chunk)
      return true
    }
    const given = { ...among.options, onread: { buffer: memory, callback: taken } }
    // Known to Node, and not to its types. It is read once somebody takes what it says, or listens.
    Reflect.set(given, "handle", handle)
    Reflect.set(given, "manualStart", true)
    super(given)
    this.reads = reads
    this.among = among
    this.descriptor = handle.fd ?? -1
    this.setNoDelay(true)
    among.count.open++
  }

  /** Node closes it here. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.descriptor = -1
    this.among.count.open--
    super._destroy(error, callback)
  }

  /** What comes from here on is given to `take`, which must be done with it, or have copied it, when it returns. */
  takenBy(take: Take): void {
    this.reads.take = take
  }

  /** As the kernel's alone, with what was read before; this one is closed then. Undefined: there are few, or it cannot be. */
  release(): { readonly socket: KernelSocket; readonly early: Buffer | undefined } | undefined {
    const { options, count, readAloneMax } = this.among
    if (count.open <= readAloneMax) return undefined
    const [socket] = acceptWaiting({ first: this.descriptor, listener: -1, most: 1, options, count })
    if (socket === undefined) return undefined
    const early: unknown = this.read()
    this.destroy()
    return { socket, early: early instanceof Buffer ? early : undefined }
  }
}

/** What sockets of one server share. */
interface Among {
  readonly options: SocketOptions
  readonly readAloneMax: number
  readonly count: SocketCount
}

/** What is accepted by a server that listens. */
interface Handle {
  readonly fd?: number
  readonly close: () => void
}

type OnConnection = (failed: number, handle: Handle | undefined) => void

/** What Node's handle of a server that listens is known to have. */
interface Listening {
  readonly fd?: number
  onconnection: OnConnection
}

const isListening = (handle: unknown): handle is Listening =>
  typeof handle === "object" && handle !== null && "onconnection" in handle && typeof handle.onconnection === "function"

export interface Accepting {
  readonly options: SocketOptions
  /** So many may be open at once; who comes then is closed without a word. 0: no bound. */
  readonly socketsMax: number
  /** So many are read one by one by Node, each as soon as it says something; those who come then are the kernel's. */
  readonly readAloneMax: number
  readonly opened: (socket: BareSocket) => void
  /** Undefined: what comes first is not for whoever reads many (a proxy's header), and all are bare. */
  readonly openedAsOneOfMany: ((socket: KernelSocket) => void) | undefined
}

/** From here on what this server accepts are bare sockets or the kernel's, and no event of its. False: this Node cannot. */
export function acceptBare(server: Net.Server, accepting: Accepting): boolean {
  const { options, socketsMax, readAloneMax, opened, openedAsOneOfMany } = accepting
  const listening: unknown = Reflect.get(server, "_handle")
  if (!isListening(listening)) return false
  const accept = listening.onconnection
  const count: SocketCount = { open: 0 }
  const among = { options, readAloneMax, count }
  const takeMany = (first: Handle, opened: (socket: KernelSocket) => void): boolean => {
    const most = socketsMax > 0 ? socketsMax - count.open : acceptMax
    const many = { first: first.fd ?? -1, listener: listening.fd ?? -1, most, options, count }
    const sockets = acceptWaiting(many)
    if (sockets.length === 0) return false
    first.close()
    for (const socket of sockets) opened(socket)
    return true
  }
  listening.onconnection = (failed, handle) => {
    if (failed !== 0 || handle === undefined) {
      accept.call(listening, failed, handle)
    } else if (socketsMax > 0 && count.open >= socketsMax) {
      handle.close()
    } else if (count.open < readAloneMax || openedAsOneOfMany === undefined || !takeMany(handle, openedAsOneOfMany)) {
      opened(new BareSocket(handle, among))
    }
  }
  return true
}
