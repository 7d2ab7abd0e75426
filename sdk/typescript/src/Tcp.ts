/** JSON lines over TCP or TLS, for Node. Owns the cutting of bytes into lines; what lines say is the conversation's. */
import * as Net from "node:net"
import * as Tls from "node:tls"
import { lineCharsMax, type Transport } from "./Transport.ts"

export interface TcpOptions {
  readonly host: string
  readonly port: number
  /** Speaks TLS, and to whom. */
  readonly tls?: Tls.ConnectionOptions
}

/** `tcp({ host: "127.0.0.1", port: 4700 })` */
export const tcp =
  ({ host, port, tls }: TcpOptions): Transport =>
  (events) => {
    const socket = tls === undefined ? Net.connect({ host, port, noDelay: true }) : Tls.connect({ ...tls, host, port })
    let isOver = false
    let why = "the server hung up"
    const over = (reason: string): void => {
      if (isOver) return
      isOver = true
      socket.destroy()
      events.lost(reason)
    }
    const lines = new LineReader((line) => {
      if (!isOver) events.heard(line)
    })
    socket.setEncoding("utf8")
    socket.setNoDelay(true)
    let bytesBefore = 0
    socket.on(tls === undefined ? "connect" : "secureConnect", () => {
      if (!isOver) events.opened()
    })
    socket.on("data", (text: string) => {
      if (isOver) return
      events.received(socket.bytesRead - bytesBefore)
      bytesBefore = socket.bytesRead
      if (!lines.feed(text)) over("the server said a line without end")
    })
    socket.on("error", (error) => {
      why = error.message
    })
    socket.on("close", () => over(why))
    return {
      write: (line) => void socket.write(line),
      unsentBytes: () => socket.writableLength,
      close: () => {
        isOver = true
        socket.end()
        // A server that does not hang up in turn would hold this process.
        socket.unref()
      },
      drop: () => {
        isOver = true
        socket.destroy()
      }
    }
  }

/** Puts lines together again, however they were cut on the way. */
export class LineReader {
  private rest = ""
  private readonly take: (line: string) => void

  constructor(take: (line: string) => void) {
    this.take = take
  }

  /** False: a line grows without end. */
  feed(text: string): boolean {
    let start = 0
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      const line = this.rest + text.slice(start, end)
      this.rest = ""
      start = end + 1
      if (line !== "") this.take(line)
    }
    this.rest += text.slice(start)
    return this.rest.length <= lineCharsMax
  }
}
