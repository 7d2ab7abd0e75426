/**
 * What an operator asks over HTTP: /healthz (does the process live), /readyz (may phones be sent here) and /metrics.
 * Nothing a client sends is used but the path, and nothing is logged per request.
 *
 * On node:http rather than effect/http: three fixed answers need no router, body or middleware.
 */
import * as NodeHttp from "node:http"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Result from "effect/Result"
import { meter } from "./Metrics.ts"
import { Process } from "./Process.ts"

/** The address cannot be had. */
export class HttpFailed extends Data.TaggedError("HttpFailed")<{
  readonly host: string
  readonly port: number
  readonly cause: NodeJS.ErrnoException
}> {
  override get message(): string {
    const why = this.cause.code === "EADDRINUSE" ? "the port is in use" : this.cause.message
    return `cannot listen for HTTP on ${this.host}:${this.port}: ${why} (NORITER_HTTP_PORT)`
  }
}

export interface Options {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
  /** Fails with the reasons why phones should go elsewhere. */
  readonly ready: Effect.Effect<void, ReadonlyArray<string>>
}

export class Http extends Context.Service<Http, { readonly host: string; readonly port: number }>()(
  "noriter/telemetry/Http"
) {
  static readonly layer = (options: Options): Layer.Layer<Http, HttpFailed, Process> =>
    Layer.effect(Http, make(options))
}

const make = Effect.fnUntraced(function* (options: Options) {
  const context = yield* Effect.context<Process>()
  const answer = (path: string) => Effect.runPromiseWith(context)(answerOf(path, options.ready))
  const server = NodeHttp.createServer({ requestTimeout: 5000, headersTimeout: 5000 }, (request, response) => {
    request.resume() // a body is of no use to us; it is read away
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end()
      return
    }
    answer((request.url ?? "/").split("?", 1)[0] ?? "/").then(
      ({ status, type, body }) =>
        response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body),
      () => response.writeHead(500).end()
    )
  })
  server.maxConnections = 128
  yield* Effect.acquireRelease(listen(server, options), () => close(server))
  const address = server.address()
  return Http.of({
    host: options.host,
    port: typeof address === "object" && address !== null ? address.port : options.port
  })
})

// --- internal ---

/** More than half of the timers later than this: the process answers, but serves nobody. */
const lagBoundSeconds = 1

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const text = (status: number, body: string): Answer => ({
  status,
  type: "text/plain; charset=utf-8",
  body: `${body}\n`
})

const answerOf = Effect.fnUntraced(function* (path: string, ready: Options["ready"]) {
  switch (path) {
    case "/healthz": {
      const lag = (yield* Process).medianLagSeconds()
      return lag < lagBoundSeconds ? text(200, "ok") : text(503, `the event loop is ${lag.toFixed(1)} s late`)
    }
    case "/readyz": {
      const result = yield* Effect.result(ready)
      return Result.isSuccess(result) ? text(200, "ready") : text(503, result.failure.join("\n"))
    }
    case "/metrics": {
      const libraries = yield* PrometheusMetrics.format()
      return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: meter.print() + libraries }
    }
    default:
      return text(404, "there are /healthz, /readyz and /metrics")
  }
})

const listen = (server: NodeHttp.Server, { host, port }: Options) =>
  Effect.callback<void, HttpFailed>((resume) => {
    const failed = (cause: NodeJS.ErrnoException) => resume(Effect.fail(new HttpFailed({ host, port, cause })))
    server.once("error", failed)
    server.listen({ host, port }, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })

const close = (server: NodeHttp.Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
