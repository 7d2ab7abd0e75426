/**
 * Phones that come by WebSocket, at /ws of the HTTP port. Owns who may become one (path, the page's origin, room for the
 * address) and that compression is never spoken; what comes of a socket then is Connections', as with TCP.
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import { type WebSocket, WebSocketServer } from "ws"
import type { Values } from "../Settings.ts"
import { socketsAccepted } from "../telemetry/Metrics.ts"
import { type Admission, isRefused, type SocketRefused } from "./Admission.ts"
import { countDisconnect, disconnectLine } from "./Connection.ts"
import type { Connections } from "./Connections.ts"
import { endingMs } from "./Deadlines.ts"
import type { HttpServer, Upgrade } from "./HttpServer.ts"
import { closeCodeOf, WebSocketTransport } from "./WebSocketTransport.ts"

const gatewayPath = "/ws"

export interface GatewayOptions {
  readonly settings: Pick<Values, "messageBytesMax" | "origins">
  readonly http: HttpServer["Service"]
  readonly admission: Admission
  readonly connections: Connections
}

export interface Gateway {
  /** Refuses whoever comes; those who are here stay. */
  readonly stopAccepting: Effect.Effect<void>
}

/** Pieces of one message, as its sender cut it, and as the network did. Each piece costs more than its bytes. */
export const fragmentsMax = 64
const chunksMax = 1024

/** Takes phones until the scope closes. */
export const open = Effect.fnUntraced(function* (options: GatewayOptions) {
  const desk = new Desk(options)
  yield* options.http.mount({ upgrade: (upgrade) => desk.take(upgrade) })
  const gateway: Gateway = {
    stopAccepting: Effect.sync(() => {
      desk.leaving = true
    })
  }
  return gateway
})

/**
 * Whether a page may speak to us from its browser. Who sends no origin is no browser, and no page can speak for it. A
 * page that is shown by a server of the same name is ours, also where something before us ends TLS; and so is one on the
 * machine of whoever builds it.
 */
export function isAllowed(
  origin: string | undefined,
  host: string | undefined,
  origins: ReadonlyArray<string>
): boolean {
  if (origin === undefined) return true
  if (origins.length > 0) return origins.includes(origin) || origins.includes("*")
  if (!URL.canParse(origin)) return false
  const page = new URL(origin)
  return page.host === host?.toLowerCase() || isLoopback(page.hostname)
}

const isLoopback = (name: string): boolean => name === "localhost" || name === "[::1]" || /^127(\.\d+){3}$/.test(name)

class Desk {
  leaving = false
  private readonly options: GatewayOptions
  private readonly server: WebSocketServer
  private readonly accepted = socketsAccepted.of("websocket")

  constructor(options: GatewayOptions) {
    this.options = options
    const serverOptions = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.settings.messageBytesMax,
      maxFragments: fragmentsMax,
      maxBufferedChunks: chunksMax,
      // Not in its types, and of its documentation: how long a phone may take to answer that we close.
      closeTimeout: endingMs
    }
    this.server = new WebSocketServer(serverOptions)
    // ws itself would wait for ever for who does not read what came before this.
    this.server.on("wsClientError", ({ message }, socket) => {
      if (socket instanceof Net.Socket) options.http.refuse(socket, 400, message)
      else socket.destroy()
    })
  }

  take(upgrade: Upgrade): boolean {
    const { request, socket, head, path } = upgrade
    if (path !== gatewayPath) return false
    this.accepted.count++
    const why = this.refusal(request.headers)
    if (why !== undefined) this.options.http.refuse(socket, ...why)
    else this.server.handleUpgrade(request, socket, head, (webSocket) => this.begin(upgrade, webSocket))
    return true
  }

  private refusal({ origin, host }: Upgrade["request"]["headers"]): readonly [number, string] | undefined {
    if (this.leaving) return [503, "this runner is leaving"]
    if (isAllowed(origin, host, this.options.settings.origins)) return undefined
    return [403, "pages of this origin are not allowed here (NORITER_ORIGINS)"]
  }

  private begin({ peer, socket }: Upgrade, webSocket: WebSocket): void {
    const { admission, connections, http } = this.options
    const transport = new WebSocketTransport(webSocket, socket)
    const ticket = admission.admit(peer.address)
    if (isRefused(ticket)) {
      countDisconnect(ticket.code)
      http.sendOff(socket, () => sendAway(webSocket, ticket))
      return
    }
    const connection = connections.begin({ transport, peer, ticket, kind: "websocket" })
    transport.carry(connection)
  }
}

/** A browser does not tell a page how an upgrade was refused, so this is said on a socket of its own. */
function sendAway(webSocket: WebSocket, refused: SocketRefused): void {
  const { code } = refused
  webSocket.send(disconnectLine(code, refused), { binary: false })
  webSocket.close(closeCodeOf(code))
}
