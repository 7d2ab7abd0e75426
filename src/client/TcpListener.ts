/**
 * Phones that come by TCP, with or without TLS, with or without a proxy before us. Owns the listening socket, and who is
 * let in; what comes of a socket then is Connections'.
 *
 * node:net and not Effect's SocketServer: docs/decisions/0001-tcp-listener.md.
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type { Values } from "../Settings.ts"
import { socketsAccepted } from "../telemetry/Metrics.ts"
import { type Admission, isRefused, type SocketRefused, type Ticket, withoutPrefix } from "./Admission.ts"
import { acceptBare, BareSocket } from "./BareSocket.ts"
import { countDisconnect, disconnectLine } from "./Connection.ts"
import type { Connections } from "./Connections.ts"
import * as Door from "./Door.ts"
import type { KernelSocket } from "./KernelSocket.ts"
import { sendBatch } from "./SendBatch.ts"

export type TcpSettings = Door.DoorSettings &
  Pick<Values, "host" | "tcpPort" | "reusePort" | "socketsMax" | "readAloneMax">

export interface TcpListenerOptions {
  readonly settings: TcpSettings
  readonly admission: Admission
  readonly connections: Connections
}

export interface TcpListener {
  readonly host: string
  readonly port: number
  /** Refuses whoever comes; those who are here stay. */
  readonly stopAccepting: Effect.Effect<void>
}

/** Listens until the scope closes. */
export const listen = Effect.fnUntraced(function* ({ settings, admission, connections }: TcpListenerOptions) {
  const run = Effect.runForkWith(yield* Effect.context())
  const door = yield* Door.make(settings)
  const acceptor = new Acceptor(door, admission, connections)
  const opened = (socket: Net.Socket) => acceptor.opened(socket)
  const server = Net.createServer(Door.serverOptions, opened)
  // Besides those that are let in there are those that are refused, and are told why.
  const socketsMax = settings.socketsMax > 0 ? settings.socketsMax + Door.refusedMax : 0
  if (socketsMax > 0) server.maxConnections = socketsMax
  yield* Effect.acquireRelease(bind(server, settings), () =>
    Effect.sync(() => {
      server.close()
      door.destroyAll()
    })
  )
  const { readAloneMax } = settings
  // TLS reads and writes for itself.
  if (!door.hasTls) {
    // What a proxy says first is read by Node.
    const openedAsOneOfMany = door.hasProxies ? undefined : (socket: KernelSocket) => acceptor.openedAsOneOfMany(socket)
    acceptBare(server, { options: Door.bareOptions, socketsMax, readAloneMax, opened, openedAsOneOfMany })
  }
  if (!sendBatch.isThere) yield* Effect.logWarning("native is not built: each write takes more processor time")
  // Accepting may fail for want of file descriptors: those who are here stay, and whoever comes is refused meanwhile.
  server.on("error", (cause) => void run(Effect.logError("accepting failed", cause)))
  const bound = server.address()
  const listener: TcpListener = {
    host: typeof bound === "object" && bound !== null ? bound.address : settings.host,
    port: typeof bound === "object" && bound !== null ? bound.port : settings.tcpPort,
    stopAccepting: Effect.sync(() => {
      server.close()
    })
  }
  return listener
})

const bind = (server: Net.Server, settings: TcpSettings): Effect.Effect<void, Door.ListenFailed> =>
  Effect.callback<void, Door.ListenFailed>((resume) => {
    const failed = (cause: unknown) => resume(Effect.fail(new Door.ListenFailed({ operation: "listen", cause })))
    server.once("error", failed)
    const { host, tcpPort: port, reusePort } = settings
    server.listen({ host, port, reusePort, backlog: 4096 }, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })

/** The way of a socket: where it comes from, whether there is room for it, TLS, and then it is a connection. */
class Acceptor {
  private readonly door: Door.Door
  private readonly admission: Admission
  private readonly connections: Connections
  private readonly accepted = socketsAccepted.of("tcp")

  constructor(door: Door.Door, admission: Admission, connections: Connections) {
    this.door = door
    this.admission = admission
    this.connections = connections
  }

  opened(socket: Net.Socket): void {
    this.accepted.count++
    this.door.arrive(socket, "always", (peer) => this.admit(socket, peer))
  }

  openedAsOneOfMany(socket: KernelSocket): void {
    this.accepted.count++
    const peer = { address: withoutPrefix(socket.address), port: socket.port }
    const ticket = this.admission.admit(peer.address)
    if (!isRefused(ticket)) {
      this.carry(socket, peer, ticket)
      return
    }
    const released = socket.release()
    if (released !== undefined) this.refuse(released, ticket)
  }

  private admit(socket: Net.Socket, peer: Door.Peer): void {
    const ticket = this.admission.admit(peer.address)
    if (isRefused(ticket)) {
      this.refuse(socket, ticket)
      return
    }
    this.door.secure(
      socket,
      (secure) => this.begin(secure, peer, ticket),
      () => ticket.left()
    )
  }

  /** With TLS nothing is said: a handshake costs more than what is saved by refusing. */
  private refuse(socket: Net.Socket, refused: SocketRefused): void {
    countDisconnect(refused.code)
    if (this.door.hasTls) {
      socket.destroy()
      return
    }
    this.door.sendOff(socket, () => socket.end(disconnectLine(refused.code, refused)))
  }

  private begin(socket: Net.Socket, peer: Door.Peer, ticket: Ticket): void {
    const bare = socket instanceof BareSocket ? socket : undefined
    const released = bare?.release()
    if (released !== undefined) {
      this.carry(released.socket, peer, ticket, released.early)
      return
    }
    const connection = this.connections.begin({ transport: socket, peer, ticket, kind: "tcp" })
    const received = (chunk: Buffer) => connection.received(chunk)
    bare?.takenBy(received)
    // What was read before, too: what came with a proxy's header.
    socket.on("data", received)
    socket.on("end", () => connection.receivedEnd())
    socket.on("drain", () => connection.drained())
    socket.on("close", () => connection.gone())
    socket.resume()
  }

  private carry(socket: KernelSocket, peer: Door.Peer, ticket: Ticket, early?: Buffer): void {
    const connection = this.connections.begin({ transport: socket, peer, ticket, kind: "tcp" })
    socket.carriedBy(connection)
    socket.resume()
    // It may be more than is taken at once, and pause the socket.
    if (early !== undefined) connection.received(early)
  }
}
