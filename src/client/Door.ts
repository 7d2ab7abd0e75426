/**
 * The way of a socket before anybody is heard on it: what a proxy says of where it comes from, TLS, and an end for what
 * is not open in time. Owns sockets until they are handed on; who is let in, and what a socket is then, is its
 * listener's (TcpListener, HttpServer).
 */
import { constants } from "node:crypto"
import { readFile } from "node:fs/promises"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Values } from "../Settings.ts"
import { withoutPrefix } from "./Admission.ts"
import { parseProxyHeader } from "./ProxyProtocol.ts"

export class ListenFailed extends Data.TaggedError("ListenFailed")<{
  readonly operation: "listen" | "read certificate"
  readonly cause: unknown
}> {
  /** Begins with the settings that it is about: a system's own words name neither them nor, of a wrong file, the file. */
  override get message(): string {
    const settings = this.operation === "listen" ? "NORITER_TCP_PORT" : "NORITER_TLS_CERT and NORITER_TLS_KEY"
    return `${settings}: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

export type DoorSettings = Pick<Values, "tlsCert" | "tlsKey" | "proxies" | "helloTimeoutMs">

/** Where a phone is, by its proxy or by its socket. */
export interface Peer {
  readonly address: string
  readonly port: number
}

/** What a proxy we know sends first: always a header, or (over HTTP, which has a header of its own) perhaps. */
export type Heading = "always" | "perhaps"

/** Before this much waits in a socket its outbox does not see that a phone is slow; default is four times as much. */
const highWaterMark = 16 * 1024

/** How a listening socket is made. A phone may end its side and still hear. */
export const serverOptions = { allowHalfOpen: true, highWaterMark, noDelay: true } as const

/** The same for a socket that we make ourselves. */
export const bareOptions = {
  allowHalfOpen: true,
  readableHighWaterMark: highWaterMark,
  writableHighWaterMark: highWaterMark
} as const

/** For what comes before a line could: a proxy's header, a TLS handshake. The hello timeout, where that is off. */
const openingMsDefault = 5000

/** So many that are refused are told why at once; past these, whoever is refused is closed without a word. */
export const refusedMax = 128

/** All proxy headers begin with it, and nothing else that is taken here: neither HTTP nor TLS. */
const headerFirstByte = 0x0d

export const make = Effect.fnUntraced(function* (settings: DoorSettings) {
  const certificate = yield* readCertificate(settings)
  return new Door(certificate, proxyList(settings), settings.helloTimeoutMs || openingMsDefault)
})

export class Door {
  private readonly certificate: Tls.SecureContext | undefined
  private readonly proxies: Net.BlockList
  /** Whether somebody may send a header before all else. */
  readonly hasProxies: boolean
  private readonly openingMs: number
  /** Not yet handed on. */
  private readonly opening = new Set<Net.Socket>()
  private readonly refused = new Set<Net.Socket>()

  constructor(certificate: Tls.SecureContext | undefined, proxies: Net.BlockList, openingMs: number) {
    this.certificate = certificate
    this.proxies = proxies
    this.hasProxies = proxies.rules.length > 0
    this.openingMs = openingMs
  }

  get hasTls(): boolean {
    return this.certificate !== undefined
  }

  /** Whether what this address says of where somebody comes from is believed. */
  isProxy(address: string): boolean {
    // The list is slow to find that there is nothing in it.
    return this.hasProxies && this.proxies.check(address, family(address))
  }

  /** Hands on, paused or untouched, with where it comes from. */
  arrive(socket: Net.Socket, heading: Heading, next: (peer: Peer) => void): void {
    socket.on("error", ignore)
    const { remoteAddress: address, remotePort: port } = socket
    if (address === undefined || port === undefined) {
      socket.destroy()
      return
    }
    const peer = { address: withoutPrefix(address), port }
    if (this.isProxy(peer.address)) this.readHeader(socket, heading, peer, next)
    else next(peer)
  }

  /** Hands on as it is read and written from here on: with TLS, where there is a certificate. */
  secure(socket: Net.Socket, next: (socket: Net.Socket) => void, failed: () => void): void {
    if (this.certificate === undefined) {
      next(socket)
      return
    }
    const secure = new Tls.TLSSocket(socket, { isServer: true, secureContext: this.certificate })
    const opened = this.mustOpen(secure)
    secure.on("error", ignore)
    secure.once("close", failed)
    secure.once("secure", () => {
      opened()
      secure.off("close", failed)
      next(secure)
    })
  }

  /** Has the last be said on a socket that is refused, and nothing heard; it is closed where it does not go in time. */
  sendOff(socket: Net.Socket, say: () => void): void {
    if (this.refused.size >= refusedMax) {
      socket.destroy()
      return
    }
    this.refused.add(socket)
    socket.once("close", () => this.refused.delete(socket))
    this.mustOpen(socket)
    say()
    // Unread, what it says would make the kernel take back our last.
    socket.resume()
  }

  /** Destroys a socket that hangs up or is not open in time, however much it sends. Call what it returns when it is. */
  mustOpen(socket: Net.Socket): () => void {
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

  destroyAll(): void {
    for (const socket of this.opening) socket.destroy()
  }

  private readHeader(socket: Net.Socket, heading: Heading, proxy: Peer, next: (peer: Peer) => void): void {
    const opened = this.mustOpen(socket)
    let bytes = Buffer.alloc(0)
    const handOn = (length: number, peer: Peer) => {
      socket.pause()
      socket.off("data", read)
      if (length < bytes.length) socket.unshift(bytes.subarray(length))
      opened()
      next(peer)
    }
    const read = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      if (heading === "perhaps" && bytes[0] !== headerFirstByte) {
        handOn(0, proxy)
        return
      }
      const header = parseProxyHeader(bytes)
      if (header === "MORE") return
      if (header === "REFUSED") socket.destroy()
      else handOn(header.length, header.source ?? proxy)
    }
    socket.on("data", read)
  }
}

/** Without renegotiation: each is a handshake, of which one socket could ask for as many as it likes. */
const readCertificate = Effect.fnUntraced(function* (settings: DoorSettings) {
  if (Option.isNone(settings.tlsCert) || Option.isNone(settings.tlsKey)) return undefined
  const [certFile, keyFile] = [settings.tlsCert.value, settings.tlsKey.value]
  return yield* Effect.tryPromise({
    try: async () => {
      const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)])
      return Tls.createSecureContext({ cert, key, secureOptions: constants.SSL_OP_NO_RENEGOTIATION })
    },
    catch: (cause) => new ListenFailed({ operation: "read certificate", cause })
  })
})

/** Addresses and networks: `10.0.0.0/8`. */
const proxyList = ({ proxies }: DoorSettings): Net.BlockList => {
  const list = new Net.BlockList()
  for (const address of proxies) {
    const [network = "", prefix] = address.split("/")
    if (prefix === undefined) list.addAddress(network, family(network))
    else list.addSubnet(network, Number(prefix), family(network))
  }
  return list
}

const ignore = (): void => {}

const family = (address: string): "ipv4" | "ipv6" => (Net.isIPv6(address) ? "ipv6" : "ipv4")
