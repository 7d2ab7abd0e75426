/**
 * The HTTP port of a runner: operators' probes, the page's files, and phones that come by WebSocket. Owns the listening
 * socket and what sockets may cost that are not phones yet; what is found at a path is for those who mount it. It is up
 * before the runner is and goes after it, so that a probe hears why phones cannot come.
 *
 * On node:http rather than effect/http: its answers need no router, body or middleware, and an upgrade is a bare socket.
 */
import * as NodeHttp from "node:http"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Settings } from "../Settings.ts"
import { fileDescriptorShares } from "../telemetry/FileDescriptors.ts"
import * as Probes from "../telemetry/Probes.ts"
import type { Process } from "../telemetry/Process.ts"
import { Admission, isRefused, type SocketLimits, withoutPrefix } from "./Admission.ts"
import * as Door from "./Door.ts"

/** The address cannot be had. */
export class HttpFailed extends Data.TaggedError("HttpFailed")<{
  readonly host: string
  readonly port: number
  readonly cause: NodeJS.ErrnoException
}> {
  override get message(): string {
    const why = this.cause.code === "EADDRINUSE" ? "the port is in use" : this.cause.message
    return `cannot listen for HTTP on ${this.host}:${this.port}: ${why} (NORITER_HTTP_PORT)`
  }
}

export interface Visit {
  readonly request: NodeHttp.IncomingMessage
  readonly response: NodeHttp.ServerResponse
  /** Without what is asked for after `?`; as it was sent, not decoded. */
  readonly path: string
}

/** A socket that wants to be a WebSocket. */
export interface Upgrade {
  readonly request: NodeHttp.IncomingMessage
  readonly socket: Net.Socket
  /** What came after the request already. */
  readonly head: Buffer
  readonly path: string
  readonly peer: Door.Peer
}

/** What somebody has at some paths of this port. */
export interface Mounted {
  /** False: the path is not theirs. */
  readonly visit?: (visit: Visit) => boolean
  readonly upgrade?: (upgrade: Upgrade) => boolean
}

export class HttpServer extends Context.Service<
  HttpServer,
  {
    readonly host: string
    readonly port: number
    readonly scheme: "http" | "https"
    /** Until the scope closes. Who was first is asked first. */
    readonly mount: (mounted: Mounted) => Effect.Effect<void, never, Scope.Scope>
    /** Says no to an upgrade, as plain HTTP does. */
    readonly refuse: (socket: Net.Socket, status: number, why: string) => void
    /** Has the last be said on a socket that is refused; where many are, it is closed without a word. */
    readonly sendOff: (socket: Net.Socket, say: () => void) => void
  }
>()("noriter/client/HttpServer") {
  static readonly layer = (
    ready: Probes.Ready
  ): Layer.Layer<HttpServer, HttpFailed | Door.ListenFailed, Process | Settings> =>
    Layer.effect(HttpServer, make(ready))
}

/** Of the sockets that are no phones one address may have this part, which may be a school. */
const addressPart = 1 / 4
/** A whole request comes within. */
const requestMs = 5000
/** Nothing was read or written for so long. */
const idleMs = 30_000
const headerBytesMax = 8192
/** So many requests of a socket may wait for their answers: browsers send none before they have the last. */
const askedMax = 16

const make = Effect.fnUntraced(function* (ready: Probes.Ready) {
  const context = yield* Effect.context<Process>()
  const { host, httpPort: port, ...settings } = yield* Settings
  const door = yield* Door.make(settings)
  const mounts = new Set<Mounted>([
    { visit: (visit) => probe(visit, (answer) => Effect.runPromiseWith(context)(answer), ready) }
  ])
  const front = new Front(door, mounts, settings)
  yield* Effect.acquireRelease(listen(front.server, { host, port }), () => close(front))
  const address = front.server.address()
  return HttpServer.of({
    host,
    port: typeof address === "object" && address !== null ? address.port : port,
    scheme: door.hasTls ? "https" : "http",
    mount: (mounted) =>
      Effect.acquireRelease(
        Effect.sync(() => void mounts.add(mounted)),
        () => Effect.sync(() => void mounts.delete(mounted))
      ),
    refuse: (socket, status, why) => front.refuse(socket, status, why),
    sendOff: (socket, say) => door.sendOff(socket, say)
  })
})

// --- internal ---

type HandshakeRate = Pick<SocketLimits, "addressNewPerSecond" | "addressNewBurst">

class Front {
  readonly server: NodeHttp.Server
  private readonly door: Door.Door
  private readonly mounts: ReadonlySet<Mounted>
  private readonly peers = new WeakMap<Duplex, Door.Peer>()
  private readonly admission: Admission
  /** Those that are no phones, each with what is to be done when it is gone or has become one. */
  private readonly sockets = new Map<Duplex, () => void>()
  private readonly asked = new WeakMap<Duplex, number>()

  /** New sockets of an address have their rate where each is a handshake; without TLS one costs no more than to refuse it. */
  constructor(door: Door.Door, mounts: ReadonlySet<Mounted>, handshakes: HandshakeRate) {
    this.door = door
    this.mounts = mounts
    const addressNewPerSecond = door.hasTls ? handshakes.addressNewPerSecond : 0
    const { addressNewBurst } = handshakes
    const { http: socketsMax } = fileDescriptorShares()
    const addressMax = Math.ceil(socketsMax * addressPart)
    const limits = { socketsMax, addressPendingMax: 0, addressNewPerSecond, addressNewBurst, addressMax }
    this.admission = new Admission(limits, () => performance.now())
    this.server = NodeHttp.createServer({
      ...Door.serverOptions,
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: headerBytesMax,
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket"
    })
    this.server.setTimeout(idleMs)
    this.server.on("request", (request, response) => this.visited(request, response))
    this.server.on("upgrade", (request, socket, head) => this.upgraded(request, socket, head))
    // What node:http does with a socket comes after what a proxy says of it, and TLS.
    const served = this.server.rawListeners("connection")
    this.server.removeAllListeners("connection")
    this.server.on("connection", (socket) =>
      door.arrive(socket, "perhaps", (peer) =>
        this.admit(socket, peer, (secure) => {
          for (const serve of served) serve.call(this.server, secure)
          secure.resume()
        })
      )
    )
  }

  refuse(socket: Net.Socket, status: number, why: string): void {
    const head = `HTTP/1.1 ${status} ${NodeHttp.STATUS_CODES[status]}\r\nconnection: close\r\nretry-after: 1\r\n`
    const type = "content-type: text/plain; charset=utf-8\r\n"
    const length = `content-length: ${Buffer.byteLength(why) + 1}\r\n\r\n`
    this.door.sendOff(socket, () => socket.end(`${head}${type}${length}${why}\n`))
  }

  destroyAll(): void {
    this.door.destroyAll()
    for (const socket of this.sockets.keys()) socket.destroy()
  }

  private admit(socket: Net.Socket, peer: Door.Peer, next: (secure: Net.Socket) => void): void {
    const ticket = this.admission.admit(peer.address, this.door.isProxy(peer.address))
    if (isRefused(ticket)) {
      socket.destroy()
      return
    }
    const left = () => {
      ticket.left()
      this.admission.sweep()
    }
    const serve = (secure: Net.Socket) => {
      this.peers.set(secure, peer)
      this.sockets.set(secure, left)
      secure.once("close", () => this.leave(secure))
      next(secure)
    }
    this.door.secure(socket, serve, left)
  }

  /** It is closed, or it is a phone from here on. */
  private leave(socket: Duplex): void {
    const left = this.sockets.get(socket)
    if (left === undefined) return
    this.sockets.delete(socket)
    left()
  }

  private visited(request: NodeHttp.IncomingMessage, response: NodeHttp.ServerResponse): void {
    if (!this.mayAsk(request, response)) return
    const visit = { request, response, path: pathOf(request) }
    for (const mounted of this.mounts) if (mounted.visit?.(visit) === true) return
    request.resume() // a body is of no use to us; it is read away
    const reads = request.method === "GET" || request.method === "HEAD"
    response.writeHead(reads ? 404 : 405, { "content-type": plain, ...(reads ? {} : { allow: "GET, HEAD" }) })
    response.end(reads ? "nothing is here\n" : "")
  }

  /** What came with one request too many is read all the same, and not answered. */
  private mayAsk({ socket }: NodeHttp.IncomingMessage, response: NodeHttp.ServerResponse): boolean {
    if (socket.destroyed) return false
    const asked = this.asked.get(socket) ?? 0
    if (asked === askedMax) {
      socket.destroy()
      return false
    }
    this.asked.set(socket, asked + 1)
    response.once("close", () => this.asked.set(socket, (this.asked.get(socket) ?? 1) - 1))
    return true
  }

  private upgraded(request: NodeHttp.IncomingMessage, socket: Duplex, head: Buffer): void {
    const peer = this.peers.get(socket)
    if (peer === undefined || !(socket instanceof Net.Socket)) {
      socket.destroy()
      return
    }
    this.leave(socket)
    const upgrade = { request, socket, head, path: pathOf(request), peer: this.behind(peer, request) }
    let isThere = false
    for (const mounted of this.mounts) {
      if (mounted.upgrade?.(upgrade) === true) return
      isThere ||= mounted.upgrade !== undefined
    }
    if (isThere) this.refuse(socket, 404, "no WebSocket is spoken here")
    else this.refuse(socket, 503, "this runner is not ready")
  }

  /** Whom a proxy that we know speaks for: the last address in its list that is no proxy of ours. */
  private behind(peer: Door.Peer, { headers }: NodeHttp.IncomingMessage): Door.Peer {
    const forwarded = headers["x-forwarded-for"]
    const addresses = (Array.isArray(forwarded) ? forwarded.join() : (forwarded ?? "")).split(",").reverse()
    let known = peer
    for (const text of addresses) {
      const address = withoutPrefix(text.trim())
      if (!this.door.isProxy(known.address) || Net.isIP(address) === 0) break
      known = { address, port: 0 }
    }
    return known
  }
}

const plain = "text/plain; charset=utf-8"

const pathOf = ({ url = "/" }: NodeHttp.IncomingMessage): string => url.split("?", 1)[0] ?? "/"

/** Nothing a client sends is used but the path, and nothing is logged per request. */
const probe = (
  { request, response, path }: Visit,
  run: (answer: Effect.Effect<Probes.Answer, never, Process>) => Promise<Probes.Answer>,
  ready: Probes.Ready
): boolean => {
  const answer = request.method === "GET" || request.method === "HEAD" ? Probes.answerOf(path, ready) : undefined
  if (answer === undefined) return false
  request.resume()
  run(answer).then(
    ({ status, type, body }) =>
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body),
    () => response.writeHead(500).end()
  )
  return true
}

const listen = (server: NodeHttp.Server, { host, port }: { readonly host: string; readonly port: number }) =>
  Effect.callback<void, HttpFailed>((resume) => {
    const failed = (cause: NodeJS.ErrnoException) => resume(Effect.fail(new HttpFailed({ host, port, cause })))
    server.once("error", failed)
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })

const close = (front: Front) =>
  Effect.callback<void>((resume) => {
    front.server.close(() => resume(Effect.void))
    front.destroyAll()
  })
