/**
 * The operators' board over HTTP, at /ops: a page, and what it shows as a stream of events, for whoever has the token.
 * Owns who is let in and how many; what is shown is the Board's. Without NORITER_OPS_TOKEN there is nothing of it.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { HttpServer, type Visit } from "../../client/HttpServer.ts"
import * as Page from "../../client/Page.ts"
import { Settings } from "../../Settings.ts"
import { opsRefused } from "../../telemetry/Metrics.ts"
import { Workers } from "../../Workers.ts"
import * as Board from "./Board.ts"

const folder = fileURLToPath(new URL("../../../web/ops", import.meta.url))
const every = "1 second"
/** Operators who look at once. */
const watchingMax = 8

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { opsToken } = yield* Settings
    if (Option.isNone(opsToken)) return
    const http = yield* HttpServer
    const workers = yield* Workers
    const board = yield* Board.make
    const page = yield* Page.load(folder, "/ops")
    const desk = new Desk(opsToken.value)
    yield* http.mount({ visit: (visit) => desk.visit(visit) })
    yield* http.mount(page)
    // Nothing is read while nobody looks.
    const show = Effect.suspend(() =>
      desk.isWatched ? Effect.map(board.now, (shown) => desk.show(JSON.stringify(shown))) : Effect.void
    )
    yield* workers.run("board", Effect.repeat(show, Schedule.spaced(every)))
    yield* Effect.addFinalizer(() => Effect.sync(() => desk.close()))
  })
)

// --- internal ---

const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const

class Desk {
  private readonly token: Buffer
  private readonly watching = new Set<ServerResponse>()

  constructor(token: Redacted.Redacted<string>) {
    this.token = digest(Redacted.value(token))
  }

  get isWatched(): boolean {
    return this.watching.size > 0
  }

  visit({ request, response, path }: Visit): boolean {
    if (path !== "/ops/live" || request.method !== "GET") return false
    request.resume()
    if (!this.isLetIn(request)) {
      opsRefused.count++
      response.writeHead(401, { ...headers, "www-authenticate": "Bearer" }).end()
    } else if (this.watching.size >= watchingMax) {
      response.writeHead(503, headers).end(`${watchingMax} operators are looking already\n`)
    } else {
      this.watch(response)
    }
    return true
  }

  /** One who does not read misses some; what comes next says all. */
  show(json: string): void {
    for (const response of this.watching) if (!response.writableNeedDrain) response.write(`data: ${json}\n\n`)
  }

  close(): void {
    for (const response of this.watching) response.end()
  }

  private watch(response: ServerResponse): void {
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8" })
    response.flushHeaders()
    this.watching.add(response)
    response.once("close", () => this.watching.delete(response))
  }

  /** Digests are of one length, so that the time it takes says nothing of the token. */
  private isLetIn({ headers }: IncomingMessage): boolean {
    const shown = /^Bearer (\S{1,512})$/.exec(headers.authorization ?? "")?.[1]
    return shown !== undefined && timingSafeEqual(digest(shown), this.token)
  }
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()
