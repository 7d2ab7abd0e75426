/**
 * What an operator's machines ask over HTTP: /healthz (does the process live), /readyz (may phones be sent here) and
 * /metrics. Owns the answers; the port they are given on is the runner's (client/HttpServer).
 */
import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Result from "effect/Result"
import { meter } from "./Metrics.ts"
import { Process } from "./Process.ts"

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Fails with the reasons why phones should go elsewhere. */
export type Ready = Effect.Effect<void, ReadonlyArray<string>>

/** Undefined: it is none of these that is asked. */
export const answerOf = (path: string, ready: Ready): Effect.Effect<Answer, never, Process> | undefined =>
  path === "/healthz" ? healthz : path === "/readyz" ? readyz(ready) : path === "/metrics" ? metrics : undefined

// --- internal ---

/** More than half of the timers later than this: the process answers, but serves nobody. */
const lagBoundSeconds = 1

const text = (status: number, body: string): Answer => ({
  status,
  type: "text/plain; charset=utf-8",
  body: `${body}\n`
})

const healthz = Process.use((process) =>
  Effect.sync(() => {
    const lag = process.medianLagSeconds()
    return lag < lagBoundSeconds ? text(200, "ok") : text(503, `the event loop is ${lag.toFixed(1)} s late`)
  })
)

const readyz = (ready: Ready) =>
  Effect.map(Effect.result(ready), (result) =>
    Result.isSuccess(result) ? text(200, "ready") : text(503, result.failure.join("\n"))
  )

/** Printing takes milliseconds of everybody's, and whoever reaches the port may ask: so often at most. */
const printEveryMs = 100
let printed = { atMs: Number.NEGATIVE_INFINITY, body: "" }

const metrics = Effect.suspend(() => {
  const isFresh = performance.now() - printed.atMs < printEveryMs
  return Effect.map(isFresh ? Effect.succeed(printed.body) : print, (body) => ({
    status: 200,
    type: "text/plain; version=0.0.4; charset=utf-8",
    body
  }))
})

const print = Effect.map(PrometheusMetrics.format(), (libraries) => {
  printed = { atMs: performance.now(), body: meter.print() + libraries }
  return printed.body
})
