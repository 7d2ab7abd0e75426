/**
 * Phones that come by TCP, with or without TLS, with or without a proxy before us. Owns the listening socket and the way
 * of an accepted one until it is a Connection with a fiber of its own; what is said on it is the session's.
 *
 * node:net and not Effect's SocketServer: docs/decisions/0001-tcp-listener.md.
 */
import { readFile } from "node:fs/promises"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import type { Values } from "../Settings.ts"
import { socketsAccepted, socketsOpen } from "../telemetry/Metrics.ts"
import { type AddressRefused, type Admission, isRefused, type Ticket, withoutPrefix } from "./Admission.ts"
import { type Connection, disconnectLine, PhoneConnection } from "./Connection.ts"
import type { Deadlines } from "./Deadlines.ts"
import { parseProxyHeader } from "./ProxyProtocol.ts"

export class ListenFailed extends Data.TaggedError("ListenFailed")<{
  readonly operation: "listen" | "read certificate" | "read proxies"
  readonly cause: unknown
}> {}

export type TcpSettings = Pick<
  Values,
  | "host"
  | "tcpPort"
  | "tlsCert"
  | "tlsKey"
  | "proxies"
  | "lineBytesMax"
  | "outboxBytesMax"
  | "outboxStallMs"
  | "helloTimeoutMs"
>

export interface TcpListenerOptions<R> {
  readonly settings: TcpSettings
  readonly deadlines: Deadlines
  readonly admission: Admission
  /** A connection's whole life, in a fiber of its own. When it ends the socket is closed. */
  readonly accept: (connection: Connection) => Effect.Effect<void, never, R>
}

export interface TcpListener {
  readonly host: string
  readonly port: number
  /** Connections whose fiber has not ended. */
  readonly connections: () => number
  /** Refuses whoever comes; those who are here stay. */
  readonly stopAccepting: Effect.Effect<void>
}

/** Before this much waits in a socket its outbox does not see that a phone is slow; default is four times as much. */
const highWaterMark = 16 * 1024

/** For what comes before a line could: a proxy's header, a TLS handshake. The hello timeout, where that is off. */
const openingMsDefault = 5000

/** How long connections may take to end when the listener's scope closes. */
const closingMs = 3000

/** Listens until the scope closes; then it closes all that is left. */
export const listen = Effect.fnUntraced(function* <R>(options: TcpListenerOptions<R>) {
  const context = yield* Effect.context<R>()
  const run = Effect.runForkWith(context)
  const { settings, deadlines, admission, accept } = options
  const acceptor = new Acceptor({
    settings,
    deadlines,
    admission,
    certificate: yield* readCertificate(settings),
    proxies: yield* readProxies(settings),
    start: (connection) => run(alive(connection, accept))
  })
  const server = Net.createServer({ allowHalfOpen: true, highWaterMark, noDelay: true }, (socket) =>
    acceptor.opened(socket)
  )
  yield* Effect.acquireRelease(bind(server, settings), () =>
    Effect.gen(function* () {
      server.close()
      yield* acceptor.closeAll
    })
  )
  // Accepting may fail for want of file descriptors: those who are here stay, and whoever comes is refused meanwhile.
  server.on("error", (cause) => void run(Effect.logError("accepting failed", cause)))
  const bound = server.address()
  const listener: TcpListener = {
    host: typeof bound === "object" && bound !== null ? bound.address : settings.host,
    port: typeof bound === "object" && bound !== null ? bound.port : settings.tcpPort,
    connections: () => acceptor.fibers.size,
    stopAccepting: Effect.sync(() => {
      server.close()
    })
  }
  return listener
})

/** A connection's fiber. One that fails closes its own socket and nobody else's. */
const alive = <R>(
  connection: PhoneConnection,
  accept: (connection: Connection) => Effect.Effect<void, never, R>
): Effect.Effect<void, never, R> =>
  Effect.suspend(() => accept(connection)).pipe(
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError("a session failed", cause)
    ),
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (Exit.isSuccess(exit)) connection.close()
        else connection.disconnect(DisconnectCode.DISCONNECT_CODE_INTERNAL, { message: "the server failed" })
      })
    )
  )

const bind = (server: Net.Server, settings: TcpSettings): Effect.Effect<void, ListenFailed> =>
  Effect.callback<void, ListenFailed>((resume) => {
    const failed = (cause: unknown) => resume(Effect.fail(new ListenFailed({ operation: "listen", cause })))
    server.once("error", failed)
    server.listen({ host: settings.host, port: settings.tcpPort, backlog: 4096 }, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })

const readCertificate = Effect.fnUntraced(function* (settings: TcpSettings) {
  if (Option.isNone(settings.tlsCert) || Option.isNone(settings.tlsKey)) return undefined
  const [certFile, keyFile] = [settings.tlsCert.value, settings.tlsKey.value]
  return yield* Effect.tryPromise({
    try: async () => {
      const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)])
      return Tls.createSecureContext({ cert, key })
    },
    catch: (cause) => new ListenFailed({ operation: "read certificate", cause })
  })
})

/** Addresses and networks: `10.0.0.0/8`. */
const readProxies = (settings: TcpSettings): Effect.Effect<Net.BlockList, ListenFailed> =>
  Effect.try({
    try: () => {
      const list = new Net.BlockList()
      for (const address of settings.proxies) {
        const [network = "", prefix] = address.split("/")
        if (prefix === undefined) list.addAddress(network, family(network))
        else list.addSubnet(network, Number(prefix), family(network))
      }
      return list
    },
    catch: (cause) => new ListenFailed({ operation: "read proxies", cause })
  })

interface AcceptorOptions {
  readonly settings: TcpSettings
  readonly deadlines: Deadlines
  readonly admission: Admission
  /** Undefined: without TLS. */
  readonly certificate: Tls.SecureContext | undefined
  /** Whose PROXY headers are believed, and awaited. */
  readonly proxies: Net.BlockList
  /** Starts the connection's fiber. */
  readonly start: (connection: PhoneConnection) => Fiber.Fiber<void>
}

/** Where a phone is, by its proxy or by its socket. */
interface Origin {
  readonly address: string
  readonly port: number
}

/** The way of a socket: what a proxy says of it, whether there is room for it, TLS, and then it is a connection. */
class Acceptor {
  readonly fibers = new Map<PhoneConnection, Fiber.Fiber<void>>()
  private readonly options: AcceptorOptions
  private readonly openingMs: number
  /** Not yet connections. */
  private readonly opening = new Set<Net.Socket>()
  private readonly open = socketsOpen.of("tcp")
  private readonly accepted = socketsAccepted.of("tcp")

  constructor(options: AcceptorOptions) {
    this.options = options
    this.openingMs = options.settings.helloTimeoutMs || openingMsDefault
  }

  opened(socket: Net.Socket): void {
    this.accepted.count++
    socket.on("error", ignore)
    const { remoteAddress: address, remotePort: port } = socket
    if (address === undefined || port === undefined) {
      socket.destroy()
      return
    }
    const origin = { address: withoutPrefix(address), port }
    if (isListed(this.options.proxies, origin.address)) this.readHeader(socket, origin)
    else this.admit(socket, origin)
  }

  /** Ends all of them. A fiber that does not see the end of its connection in time is interrupted. */
  readonly closeAll: Effect.Effect<void> = Effect.suspend(() => {
    for (const socket of this.opening) socket.destroy()
    for (const connection of this.fibers.keys()) connection.destroy()
    const fibers = [...this.fibers.values()]
    return Effect.forEach(fibers, Fiber.await, { concurrency: "unbounded", discard: true }).pipe(
      Effect.timeoutOption(closingMs),
      Effect.andThen(() =>
        Effect.sync(() => {
          for (const fiber of fibers) fiber.interruptUnsafe()
        })
      )
    )
  })

  private readHeader(socket: Net.Socket, proxy: Origin): void {
    const opened = this.mustOpen(socket)
    let bytes = Buffer.alloc(0)
    const read = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      const header = parseProxyHeader(bytes)
      if (header === "MORE") return
      if (header === "REFUSED") {
        socket.destroy()
        return
      }
      socket.pause()
      socket.off("data", read)
      if (header.length < bytes.length) socket.unshift(bytes.subarray(header.length))
      opened()
      this.admit(socket, header.source ?? proxy)
    }
    socket.on("data", read)
  }

  private admit(socket: Net.Socket, origin: Origin): void {
    const ticket = this.options.admission.admit(origin.address)
    if (isRefused(ticket)) this.refuse(socket, ticket)
    else if (this.options.certificate === undefined) this.begin(socket, origin, ticket)
    else this.encrypt(socket, origin, ticket, this.options.certificate)
  }

  private encrypt(socket: Net.Socket, origin: Origin, ticket: Ticket, certificate: Tls.SecureContext): void {
    const secure = new Tls.TLSSocket(socket, { isServer: true, secureContext: certificate })
    const opened = this.mustOpen(secure)
    const left = () => ticket.left()
    secure.on("error", ignore)
    secure.once("close", left)
    secure.once("secure", () => {
      opened()
      secure.off("close", left)
      this.begin(secure, origin, ticket)
    })
  }

  /** With TLS nothing is said: a handshake costs more than what is saved by refusing. */
  private refuse(socket: Net.Socket, refused: AddressRefused): void {
    if (this.options.certificate !== undefined) {
      socket.destroy()
      return
    }
    this.mustOpen(socket)
    socket.end(disconnectLine(DisconnectCode.DISCONNECT_CODE_ADDRESS_LIMIT, refused))
    // What it says is not heard; unread, it would make the kernel take back our line.
    socket.resume()
  }

  private begin(socket: Net.Socket, origin: Origin, ticket: Ticket): void {
    const { settings, deadlines, start } = this.options
    const connection = new PhoneConnection({
      transport: socket,
      address: origin.address,
      port: origin.port,
      limits: settings,
      now: deadlines.now,
      ticket
    })
    this.open.value++
    deadlines.watch(connection)
    socket.on("data", (chunk: Buffer) => connection.received(chunk))
    socket.on("end", () => connection.receivedEnd())
    socket.on("drain", () => connection.drained())
    socket.on("close", () => {
      this.open.value--
      deadlines.forget(connection)
      connection.gone()
    })
    socket.resume()
    const fiber = start(connection)
    this.fibers.set(connection, fiber)
    fiber.addObserver(() => this.fibers.delete(connection))
  }

  /** Destroys a socket that hangs up or is not open in time, however much it sends. Call what it returns when it is. */
  private mustOpen(socket: Net.Socket): () => void {
    const destroy = () => socket.destroy()
    const late = setTimeout(destroy, this.openingMs)
    const opened = () => {
      clearTimeout(late)
      this.opening.delete(socket)
      socket.off("end", destroy)
      socket.off("close", opened)
    }
    this.opening.add(socket)
    socket.on("end", destroy)
    socket.on("close", opened)
    return opened
  }
}

const ignore = (): void => {}

const isListed = (list: Net.BlockList, address: string): boolean => list.check(address, family(address))
const family = (address: string): "ipv4" | "ipv6" => (Net.isIPv6(address) ? "ipv6" : "ipv4")
