/**
 * The two ways a phone reaches a server, alike for whoever speaks by them: bytes that are written, text that is heard, an
 * end. By WebSocket what is written ends a message where it ends a line, else it is a fragment of one.
 */
import { once } from "node:events"
import { connect } from "node:net"
import { WebSocket } from "ws"

export interface Way {
  readonly write: (bytes: string | Uint8Array) => void
  /** Not read any more, until it is resumed. */
  readonly pause: () => void
  readonly resume: () => void
  /** Without a word. */
  readonly destroy: () => void
  /** What a WebSocket was closed with. */
  readonly closeCode: number | undefined
  onText: (text: string) => void
  onClose: () => void
}

/** A port for TCP, or a WebSocket's URL. */
export type Address = number | string

export interface WayOptions {
  /** 10.0.0.x, as a proxy would say it. */
  readonly from?: number
}

export const open = (address: Address, options: WayOptions = {}): Promise<Way> =>
  typeof address === "number" ? openTcp(address, options) : openWebSocket(address, options)

async function openTcp(port: number, { from }: WayOptions): Promise<Way> {
  const socket = connect({ port, host: "127.0.0.1" })
  await once(socket, "connect")
  const way: Way = {
    write: (bytes) => void socket.write(bytes),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy: () => void socket.destroy(),
    closeCode: undefined,
    onText: () => {},
    onClose: () => {}
  }
  socket.setNoDelay(true).setEncoding("utf8")
  socket.on("data", (text: string) => way.onText(text))
  socket.on("error", () => {}) // what follows is "close"
  socket.on("close", () => way.onClose())
  if (from !== undefined) socket.write(proxied(from))
  return way
}

/** What a proxy says before the phone does: version 2, TCP over IPv4. */
const proxied = (lastByte: number): Buffer =>
  Buffer.from([
    ...Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"),
    ...[0x21, 0x11, 0, 12],
    ...[10, 0, 0, lastByte, 127, 0, 0, 1, 0x10, 0, 0x12, 0x5c]
  ])

async function openWebSocket(url: string, { from }: WayOptions): Promise<Way> {
  const headers = from === undefined ? {} : { "x-forwarded-for": `10.0.0.${from}` }
  const socket = new WebSocket(url, { headers })
  const way = {
    write: (bytes: string | Uint8Array) => socket.send(bytes, { binary: false, fin: endsLine(bytes) }),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    destroy: () => socket.terminate(),
    closeCode: undefined as number | undefined,
    onText: (_text: string) => {},
    onClose: () => {}
  }
  // What comes right after the handshake comes before whoever waits for it goes on.
  const early: Array<string> = []
  way.onText = (text) => void early.push(text)
  socket.on("message", (data) => way.onText(String(data)))
  socket.on("error", () => {})
  socket.on("close", (code) => {
    way.closeCode = code
    way.onClose()
  })
  await once(socket, "open")
  queueMicrotask(() => queueMicrotask(() => early.forEach((text) => way.onText(text))))
  return way
}

const endsLine = (bytes: string | Uint8Array): boolean => bytes.at(-1) === "\n" || bytes.at(-1) === 10
