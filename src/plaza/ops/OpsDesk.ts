/**
 * The operators' board over HTTP, at /ops: a page, what it shows as a stream of events, and what operators may order, for
 * whoever has the token. Owns who is let in, how many look, and how much they may send; what is shown is the Board's, what
 * is ordered is Orders'. Without NORITER_OPS_TOKEN there is nothing of it.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { HttpServer, type Visit } from "../../client/HttpServer.ts"
import * as Page from "../../client/Page.ts"
import { Settings } from "../../Settings.ts"
import { opsRefused } from "../../telemetry/Metrics.ts"
import { Workers } from "../../Workers.ts"
import { faultOf, parseLine, textOf } from "../../wire/Lines.ts"
import type { Fields } from "../../wire/Strict.ts"
import * as Board from "./Board.ts"
import * as Orders from "./Orders.ts"

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const folder = at("web/ops")
/** Draws the page's charts: served as its makers ship it. */
const chartFolder = at("node_modules/uplot/dist")
const every = "1 second"
/** Operators who look at once. */
const watchingMax = 8
/** An order is a line, and its playground. */
const orderBytesMax = 4096

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { opsToken } = yield* Settings
    if (Option.isNone(opsToken)) return
    const http = yield* HttpServer
    const workers = yield* Workers
    const board = yield* Board.make
    const pages = [yield* Page.load(folder, "/ops"), yield* Page.load(chartFolder, "/ops/uplot")]
    // An order that is under way when this closes is interrupted, and answered so.
    const desk = new Desk(opsToken.value, yield* Orders.make, yield* FiberSet.makeRuntime())
    yield* http.mount({ visit: (visit) => desk.visit(visit) })
    for (const page of pages) yield* http.mount(page)
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
const json = { ...headers, "content-type": "application/json; charset=utf-8" } as const

type Ordered = Effect.Effect<unknown, Orders.OrderRefused>
type Run = (answer: Effect.Effect<void>) => void

class Desk {
  private readonly token: Buffer
  private readonly orders: Orders.Orders
  private readonly run: Run
  private readonly watching = new Set<ServerResponse>()

  constructor(token: Redacted.Redacted<string>, orders: Orders.Orders, run: Run) {
    this.token = digest(Redacted.value(token))
    this.orders = orders
    this.run = run
  }

  get isWatched(): boolean {
    return this.watching.size > 0
  }

  visit({ request, response, path }: Visit): boolean {
    const asked = `${request.method} ${path}`
    const { announce, remove, members } = this.orders
    if (asked === "GET /ops/live") this.letIn(request, response, () => this.watch(request, response))
    else if (asked === "POST /ops/announce")
      this.letIn(request, response, () => this.order(request, response, announce))
    else if (asked === "POST /ops/remove") this.letIn(request, response, () => this.order(request, response, remove))
    else if (asked === "GET /ops/members")
      this.letIn(request, response, () => this.answer(response, members(channelIn(request))))
    else return false
    return true
  }

  /** One who does not read misses some; what comes next says all. */
  show(json: string): void {
    for (const response of this.watching) if (!response.writableNeedDrain) response.write(`data: ${json}\n\n`)
  }

  close(): void {
    for (const response of this.watching) response.end()
  }

  /** Reads an order, JSON of a few fields, and says what became of it. */
  private order(request: IncomingMessage, response: ServerResponse, ordered: (order: Fields) => Ordered): void {
    const chunks: Array<Buffer> = []
    let bytes = 0
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= orderBytesMax) chunks.push(chunk)
    })
    request.on("end", () => {
      if (bytes > orderBytesMax) return response.writeHead(413, headers).end()
      const line = textOf(Buffer.concat(chunks))
      const fields = parseLine(line)
      if (fields !== undefined) return this.answer(response, ordered(fields))
      return response.writeHead(400, json).end(JSON.stringify({ message: faultOf(line).message }))
    })
  }

  private answer(response: ServerResponse, ordered: Ordered): void {
    this.run(answered(response, ordered))
  }

  private watch(request: IncomingMessage, response: ServerResponse): void {
    request.resume()
    if (this.watching.size >= watchingMax) {
      response.writeHead(503, headers).end(`${watchingMax} operators are looking already\n`)
      return
    }
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8" })
    response.flushHeaders()
    this.watching.add(response)
    response.once("close", () => this.watching.delete(response))
  }

  private letIn(request: IncomingMessage, response: ServerResponse, then: () => void): void {
    if (this.showsToken(request)) {
      then()
      return
    }
    request.resume()
    opsRefused.count++
    response.writeHead(401, { ...headers, "www-authenticate": "Bearer" }).end()
  }

  /** Digests are of one length, so that the time it takes says nothing of the token. */
  private showsToken({ headers }: IncomingMessage): boolean {
    const shown = /^Bearer (\S{1,512})$/.exec(headers.authorization ?? "")?.[1]
    return shown !== undefined && timingSafeEqual(digest(shown), this.token)
  }
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

const channelIn = ({ url = "" }: IncomingMessage): string =>
  new URLSearchParams(url.slice(url.indexOf("?") + 1)).get("channel") ?? ""

const answered = (response: ServerResponse, ordered: Ordered): Effect.Effect<void> =>
  Effect.map(Effect.result(ordered), (result) => {
    const [status, body] = Result.isSuccess(result)
      ? [200, result.success]
      : [result.failure.status, { message: result.failure.message }]
    response.writeHead(status, json).end(JSON.stringify(body))
  }).pipe(
    Effect.tapCause((cause) => Effect.logError("an operator's order failed", cause)),
    Effect.onError(() => Effect.sync(() => response.writeHead(500, headers).end()))
  )
