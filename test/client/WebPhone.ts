/** A phone's end of a real WebSocket, for tests: sends messages, hears lines, waits for what happens. */
import * as Effect from "effect/Effect"
import { type ClientOptions, WebSocket } from "ws"

export interface WebPhoneOptions extends ClientOptions {
  readonly port: number
  readonly path?: string
  readonly secure?: boolean
}

export class WebPhone {
  /** All that was heard. */
  heard = ""
  /** Of each message. */
  readonly frames: Array<string> = []
  /** What it was closed with, and why it was not opened. */
  closeCode: number | undefined = undefined
  refusal: string | undefined = undefined
  pongs = 0
  readonly socket: WebSocket
  private readonly watching = new Set<() => void>()

  private constructor(socket: WebSocket) {
    this.socket = socket
    const changed = () => {
      for (const look of this.watching) look()
    }
    socket.on("message", (data) => {
      this.frames.push(String(data))
      this.heard += String(data)
      changed()
    })
    socket.on("pong", () => {
      this.pongs++
      changed()
    })
    socket.on("open", changed)
    socket.on("error", (error) => {
      this.refusal = error.message
    })
    socket.on("close", (code) => {
      this.closeCode = code
      changed()
    })
  }

  /** Open, or refused; the scope closes it. */
  static readonly open = (options: WebPhoneOptions) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const { port, path = "/ws", secure = false, ...rest } = options
        const url = `${secure ? "wss" : "ws"}://127.0.0.1:${port}${path}`
        return new WebPhone(new WebSocket(url, { rejectUnauthorized: false, ...rest }))
      }),
      (phone) => Effect.sync(() => phone.socket.terminate())
    ).pipe(Effect.tap((phone) => phone.until("it to open", ({ socket }) => socket.readyState !== WebSocket.CONNECTING)))

  say(message: string | Uint8Array, options: { readonly fin?: boolean; readonly mask?: boolean } = {}): void {
    this.socket.send(message, { binary: false, ...options })
  }

  /** What was heard, once it is so. */
  until(what: string, isSo: (phone: WebPhone) => boolean): Effect.Effect<string> {
    return Effect.callback<string>((resume) => {
      const look = () => {
        if (isSo(this)) resume(Effect.succeed(this.heard))
      }
      this.watching.add(look)
      look()
      return Effect.sync(() => this.watching.delete(look))
    }).pipe(
      Effect.timeoutOrElse({
        duration: "10 seconds",
        orElse: () => Effect.die(new Error(`waited in vain for ${what}; heard ${JSON.stringify(this.heard)}`))
      })
    )
  }

  hears(text: string): Effect.Effect<string> {
    return this.until(text, ({ heard }) => heard.includes(text))
  }

  /** What it was closed with, once it is. */
  get closes(): Effect.Effect<number | undefined> {
    return Effect.map(
      this.until("the end", ({ closeCode }) => closeCode !== undefined),
      () => this.closeCode
    )
  }
}
