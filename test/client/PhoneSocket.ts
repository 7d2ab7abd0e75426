/** A phone's end of a real socket, for tests: says bytes, hears lines, waits for what happens instead of sleeping. */
import * as Net from "node:net"
import * as Tls from "node:tls"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export interface PhoneSocketOptions {
  readonly port: number
  readonly host?: string
  readonly localAddress?: string
  readonly tls?: boolean
  /** Reads nothing until it is told to. */
  readonly paused?: boolean
  /** Does not close when the other side does. */
  readonly stays?: boolean
}

export class PhoneSocket {
  /** All that was heard. */
  heard = ""
  /** Nothing more will be heard. */
  ended = false
  readonly socket: Net.Socket
  private readonly watching = new Set<() => void>()
  private patience: Duration.Input = "5 seconds"

  private constructor(socket: Net.Socket) {
    this.socket = socket
    const changed = () => {
      for (const look of this.watching) look()
    }
    socket.setEncoding("utf8")
    socket.on("data", (text: string) => {
      this.heard += text
      changed()
    })
    const ended = () => {
      this.ended = true
      changed()
    }
    socket.on("connect", changed)
    socket.on("end", ended)
    socket.on("close", ended)
    socket.on("error", ended)
  }

  /** A socket that the scope closes. It is given before it is connected, so that it may be refused, too. */
  static readonly open = (options: PhoneSocketOptions) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const { port, host = "127.0.0.1", localAddress, tls = false, paused = false, stays = false } = options
        const to = { port, host, allowHalfOpen: stays }
        const where = localAddress === undefined ? to : { ...to, localAddress }
        const socket = tls ? Tls.connect({ ...where, rejectUnauthorized: false }) : Net.connect(where)
        const phone = new PhoneSocket(socket)
        if (paused) socket.pause()
        return phone
      }),
      (phone) => Effect.sync(() => phone.socket.destroy())
    )

  /** TLS over a socket that something else was said on before. */
  static readonly over = (raw: Net.Socket) =>
    Effect.acquireRelease(
      Effect.sync(() => new PhoneSocket(Tls.connect({ socket: raw, rejectUnauthorized: false }))),
      (phone) => Effect.sync(() => phone.socket.destroy())
    )

  say(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Waits longer than others do. */
  within(patience: Duration.Input): this {
    this.patience = patience
    return this
  }

  /** What was heard, once it is so. */
  until(what: string, isSo: (phone: PhoneSocket) => boolean): Effect.Effect<string> {
    return Effect.callback<string>((resume) => {
      const look = () => {
        if (isSo(this)) resume(Effect.succeed(this.heard))
      }
      this.watching.add(look)
      look()
      return Effect.sync(() => this.watching.delete(look))
    }).pipe(
      Effect.timeoutOrElse({
        duration: this.patience,
        orElse: () => Effect.die(new Error(`waited in vain for ${what}; heard ${JSON.stringify(this.heard)}`))
      })
    )
  }

  /** What was heard, once some text is in it. */
  hears(text: string): Effect.Effect<string> {
    return this.until(text, ({ heard }) => heard.includes(text))
  }

  /** What was heard until the end. */
  get closes(): Effect.Effect<string> {
    return this.until("the end", ({ ended }) => ended)
  }
}
