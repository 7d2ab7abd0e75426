/**
 * One phone's WebSocket as its connection sees it: what waits is one text frame a write, what comes is whole lines. Owns
 * what is of frames and not of lines: text only, the close codes, and when a frame is not finished. The framing itself is
 * `ws`.
 */
import type { Socket } from "node:net"
import { type RawData, WebSocket } from "ws"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { websocketsFailed } from "../telemetry/Metrics.ts"
import type { PhoneConnection, Transport } from "./Connection.ts"

/** Of RFC 6455 and its registry. `ws` itself closes with 1002, 1007, 1008 and 1009 for what is wrong with a frame. */
const closeCodes = { normal: 1000, goingAway: 1001, notText: 1003, internal: 1011, tryAgainLater: 1013 } as const

/** A reason without a code in the registry closes with this and its number in the proto. */
const privateCodes = 4000

/** What a socket closes with after its last line. The table for client teams is in docs/protocol.md. */
export function closeCodeOf(code: DisconnectCode | undefined): number {
  switch (code) {
    case undefined:
      return closeCodes.normal
    case DisconnectCode.DISCONNECT_CODE_DRAINING:
      return closeCodes.goingAway
    case DisconnectCode.DISCONNECT_CODE_INTERNAL:
      return closeCodes.internal
    case DisconnectCode.DISCONNECT_CODE_ADDRESS_LIMIT:
    case DisconnectCode.DISCONNECT_CODE_FULL:
      return closeCodes.tryAgainLater
    default:
      return privateCodes + code
  }
}

const asText = { binary: false, compress: false } as const
const lineEnd = Buffer.from("\n")

export class WebSocketTransport implements Transport {
  private readonly webSocket: WebSocket
  private readonly socket: Socket
  /** What ended in the bytes that were read just now. */
  private messages: Array<Buffer> = []
  private pinged = false
  private connection: PhoneConnection | undefined = undefined

  constructor(webSocket: WebSocket, socket: Socket) {
    this.webSocket = webSocket
    this.socket = socket
    // Without a listener an error would end the process. What follows is "close".
    webSocket.on("error", (error) => this.failed("code" in error ? String(error.code) : error.name))
  }

  /** From here on what comes is the connection's. */
  carry(connection: PhoneConnection): void {
    this.connection = connection
    const { webSocket, socket } = this
    webSocket.on("message", (data, isBinary) => this.received(data, isBinary))
    webSocket.on("ping", () => this.control())
    webSocket.on("pong", () => this.control())
    webSocket.on("close", () => {
      this.chunkRead()
      connection.gone()
    })
    // After that of ws, which hands over all that ends in a chunk before it returns.
    socket.on("data", () => this.chunkRead())
    socket.on("drain", () => connection.drained())
  }

  get writableLength(): number {
    return this.socket.writableLength
  }

  get writableNeedDrain(): boolean {
    return this.socket.writableNeedDrain
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten
  }

  write(chunk: Uint8Array): boolean {
    this.webSocket.send(chunk, asText)
    return !this.socket.writableNeedDrain
  }

  pause(): void {
    this.webSocket.pause()
  }

  resume(): void {
    this.webSocket.resume()
  }

  end(): void {
    this.webSocket.close(closeCodeOf(this.connection?.disconnectedWith))
  }

  destroy(): void {
    this.webSocket.terminate()
  }

  // --- internal ---

  private received(data: RawData, isBinary: boolean): void {
    if (this.webSocket.readyState !== WebSocket.OPEN) return
    if (!isBinary && Buffer.isBuffer(data)) {
      this.messages.push(data)
      return
    }
    this.webSocket.close(closeCodes.notText, "lines are text")
    this.failed("BINARY")
  }

  /** A ping is answered by ws, and is no line: it does not keep a phone. */
  private control(): void {
    this.pinged = true
  }

  /**
   * All messages of one read at once, as lines come by TCP. A frame that begins in bytes which ended another is not seen
   * to be unfinished before more of it comes; until then the heartbeat watches.
   */
  private chunkRead(): void {
    const { messages, connection } = this
    const [only] = messages
    if (only === undefined) {
      if (!this.pinged) connection?.receivedPart()
    } else {
      this.messages = []
      connection?.received(messages.length === 1 ? only : joined(messages))
    }
    this.pinged = false
  }

  /** Its close code is on its way; what it said before is still handled. */
  private failed(reason: string): void {
    websocketsFailed.of(reason.replace(/^WS_ERR_/, "")).count++
    this.chunkRead()
    this.connection?.receivedEnd()
  }
}

const joined = (messages: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat(messages.flatMap((message) => [message, lineEnd]))
