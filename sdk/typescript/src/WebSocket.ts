/** JSON lines over a WebSocket, for browsers and whatever else knows the WHATWG one: a text frame holds one or more. */
import type { Transport } from "./Transport.ts"

/** `webSocket("wss://plaza.example/ws")` */
export const webSocket =
  (url: string | URL): Transport =>
  (events) => {
    const socket = new WebSocket(url)
    let isOver = false
    const over = (): void => {
      isOver = true
      socket.close()
    }
    socket.onopen = () => {
      if (!isOver) events.opened()
    }
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (isOver || typeof data !== "string") return
      events.received(data.length)
      for (const line of data.split("\n")) {
        if (line !== "" && !isOver) events.heard(line)
      }
    }
    // What went wrong is never told to a page; `close` follows.
    socket.onclose = ({ code, reason }) => {
      if (isOver) return
      isOver = true
      events.lost(reason === "" ? `the socket closed with ${code}` : reason)
    }
    return {
      write: (line) => {
        // A socket that is closing takes nothing, and says so by `close`.
        if (socket.readyState === WebSocket.OPEN) socket.send(line.trimEnd())
      },
      unsentBytes: () => socket.bufferedAmount,
      close: over,
      drop: over
    }
  }
