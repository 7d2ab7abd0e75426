/**
 * Spans, and how they follow a message from process to process. Owns the exporter and the way from a span to the trace
 * in a frame or record, and back. Who begins a trace is not decided here.
 *
 * Off (no NORITER_OTLP_URL) nothing is begun, and a trace that came from elsewhere is handed on as it came. Where there
 * is no trace, `withSpan` gives back the very effect it was given: the hot path pays one comparison.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import * as Tracer from "effect/Tracer"
import type { Trace } from "../wire/Trace.ts"

export interface Options {
  /** Where spans go, without /v1/traces; none: tracing is off. */
  readonly url: Option.Option<string>
  readonly version: string
}

export const layer = ({ url, version }: Options): Layer.Layer<never> =>
  Option.isNone(url)
    ? Layer.empty
    : Layer.merge(
        OtlpTracer.layer({
          url: `${url.value.replace(/\/+$/, "")}/v1/traces`,
          resource: { serviceName: "noriter", serviceVersion: version },
          exportInterval: "2 seconds"
        }).pipe(Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer])),
        Layer.sync(Begun, () => new Allowance())
      )

/** The trace that this fiber works for. */
export const currentTrace: Effect.Effect<Trace | undefined> = Effect.map(
  Effect.serviceOption(Tracer.ParentSpan),
  (span) => (Option.isSome(span) ? { traceId: span.value.traceId, spanId: span.value.spanId } : undefined)
)

/** Runs an effect in a span below the one its message came with; as it is, when it came with none. */
export const withSpan = <A, E, R>(
  name: string,
  parent: Trace | undefined,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  if (parent === undefined) return effect
  const span = Tracer.externalSpan({ traceId: parent.traceId, spanId: parent.spanId, sampled: true })
  return Effect.flatMap(Begun, (begun) =>
    begun === undefined ? Effect.withParentSpan(effect, span) : Effect.withSpan(effect, name, { parent: span })
  )
}

/** Begins a trace. When tracing is off, or many were begun within this second, the effect runs without one. */
export const withNewTrace = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Begun, (begun) => (begun?.take() === true ? Effect.withSpan(effect, name, { root: true }) : effect))

/** Whether traces are begun here at all: whoever hands on thousands asks once. */
export const isOn: Effect.Effect<boolean> = Effect.suspend(() => Effect.map(Begun, (begun) => begun !== undefined))

// --- internal ---

const tracesPerSecondMax = 100

/** Bounds what tracing costs: all traces of a quiet server, some of a busy one. */
class Allowance {
  private second = 0
  private taken = 0

  take(): boolean {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.second) {
      this.second = second
      this.taken = 0
    }
    return this.taken++ < tracesPerSecondMax
  }
}

/** Undefined: tracing is off. */
const Begun = Context.Reference<Allowance | undefined>("noriter/telemetry/Tracing/Begun", {
  defaultValue: () => undefined
})
