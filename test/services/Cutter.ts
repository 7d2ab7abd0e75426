/**
 * A wire to a server, which can be cut: at the worst moment, after the server has carried out a request and before its
 * answer is heard; all at once; or silently, one way or both, so that nobody is told and sockets stay open. It can be slow,
 * too. Forwards everything else as it comes.
 */
import { connect, createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"

/** Which way bytes go: to the server, to the client. */
export type Direction = "up" | "down"

export interface Cutter {
  readonly url: string
  readonly port: number
  /** The next connection that sends these bytes is cut when the server answers it. Once. */
  readonly cutAnswerTo: (bytes: string) => void
  /** Cuts whatever is connected. */
  readonly cut: () => void
  /** How often it was cut. */
  readonly cuts: () => number
  /** From now on nothing comes through these ways, also of connections to come. What was sent stays where it is. */
  readonly silence: (...ways: ReadonlyArray<Direction>) => void
  /** All that was held up goes on, and whatever comes. */
  readonly heal: () => void
  /** Cuts what is connected; from now on it leads to another server. */
  readonly leadTo: (url: string) => void
  /** Each piece is so late from now on, each way. */
  readonly delay: (ms: number) => void
}

/** Open until the scope closes. */
export const cutter = (to: string) =>
  Effect.acquireRelease(
    Effect.promise(() => openCutter(new URL(to))),
    ({ close }) => Effect.sync(close)
  )

/** One way of one connection: holds back what may not pass now, and keeps the order of what is late. */
class Lane {
  private readonly to: Socket
  private readonly waiting: Array<Buffer> = []
  private readonly from: Socket
  private isSilent: boolean
  private lastMs = 0

  constructor(from: Socket, to: Socket, isSilent: boolean) {
    this.from = from
    this.to = to
    this.isSilent = isSilent
    if (isSilent) from.pause()
  }

  /** The sender's bytes stay in its socket, as they would on a dead network: it is not read. */
  set silent(isSilent: boolean) {
    this.isSilent = isSilent
    if (isSilent) this.from.pause()
    else {
      this.from.resume()
      for (const bytes of this.waiting.splice(0)) this.to.write(bytes)
    }
  }

  pass(bytes: Buffer, delayMs: number): void {
    const now = performance.now()
    const atMs = Math.max(this.lastMs, now + delayMs)
    if (delayMs === 0 && atMs <= now) return void this.deliver(bytes)
    this.lastMs = atMs
    setTimeout(() => this.deliver(bytes), atMs - now)
  }

  private deliver(bytes: Buffer): void {
    if (this.isSilent) this.waiting.push(bytes)
    else if (!this.to.destroyed) this.to.write(bytes)
  }
}

/** What holds for all connections of a wire. */
interface Weather {
  readonly silent: Set<Direction>
  doomed: string | undefined
  delayMs: number
  cuts: number
}

/** A client and its connection to the server. */
class Pair {
  private readonly sockets: ReadonlyArray<Socket>
  private readonly lanes: Readonly<Record<Direction, Lane>>
  private readonly weather: Weather
  private isDoomed = false
  private isBroken = false

  constructor(client: Socket, upstream: Socket, weather: Weather, ended: (pair: Pair) => void) {
    this.weather = weather
    this.sockets = [client, upstream]
    this.lanes = {
      up: new Lane(client, upstream, weather.silent.has("up")),
      down: new Lane(upstream, client, weather.silent.has("down"))
    }
    for (const socket of this.sockets) {
      socket.on("error", () => {}) // what follows is "close"
      socket.on("close", () => {
        this.isBroken = true
        // On a dead network nobody learns that the other is gone.
        if (weather.silent.size === 0) this.cut()
        if (this.sockets.every(({ destroyed }) => destroyed)) ended(this)
      })
    }
    client.on("data", (bytes: Buffer) => this.asked(bytes))
    upstream.on("data", (bytes: Buffer) => this.answered(bytes))
  }

  private asked(bytes: Buffer): void {
    const { weather } = this
    if (weather.doomed !== undefined && bytes.includes(weather.doomed)) {
      this.isDoomed = true
      weather.doomed = undefined
    }
    this.lanes.up.pass(bytes, weather.delayMs)
  }

  private answered(bytes: Buffer): void {
    if (!this.isDoomed) return void this.lanes.down.pass(bytes, this.weather.delayMs)
    this.weather.cuts++
    this.cut()
  }

  silence(ways: Iterable<Direction>): void {
    for (const way of ways) this.lanes[way].silent = true
  }

  heal(): void {
    for (const lane of Object.values(this.lanes)) lane.silent = false
    if (this.isBroken) this.cut()
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy()
  }
}

/** For whoever has no scope: to be closed by hand. */
export async function openCutter(to: URL): Promise<Cutter & { readonly close: () => void }> {
  const weather: Weather = { silent: new Set(), doomed: undefined, delayMs: 0, cuts: 0 }
  const pairs = new Set<Pair>()
  let target = to
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    pairs.add(new Pair(client, upstream, weather, (pair) => pairs.delete(pair)))
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const cutAll = () => pairs.forEach((pair) => void pair.cut())
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    cutAnswerTo: (bytes) => {
      weather.doomed = bytes
    },
    cut: () => {
      weather.cuts++
      cutAll()
    },
    cuts: () => weather.cuts,
    silence: (...ways) => {
      for (const way of ways) weather.silent.add(way)
      for (const pair of pairs) pair.silence(ways)
    },
    heal: () => {
      weather.silent.clear()
      weather.delayMs = 0
      for (const pair of pairs) pair.heal()
    },
    leadTo: (url) => {
      target = new URL(url)
      cutAll()
    },
    delay: (ms) => {
      weather.delayMs = ms
    },
    close: () => {
      server.close()
      cutAll()
    }
  }
}
