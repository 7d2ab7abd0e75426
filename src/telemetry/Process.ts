/**
 * Figures of the process itself: how late the event loop is, pauses of the garbage collector, memory, processor time.
 * Owns measuring them; the handles are in Metrics.ts.
 */
import { type EventLoopUtilization, monitorEventLoopDelay, PerformanceObserver, performance } from "node:perf_hooks"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  buildInfo,
  cpuSeconds,
  eventLoopBusy,
  eventLoopLag,
  gcPauses,
  heapBytes,
  meter,
  residentBytes
} from "./Metrics.ts"

export class Process extends Context.Service<
  Process,
  {
    /** How late half of the timers were, of the last 10 to 20 seconds. One long pause does not show here. */
    readonly medianLagSeconds: () => number
  }
>()("noriter/telemetry/Process") {
  static readonly layer = (build: { readonly version: string; readonly protocol: number }): Layer.Layer<Process> =>
    Layer.effect(
      Process,
      Effect.suspend(() => make(build))
    )
}

const make = Effect.fnUntraced(function* (build: { readonly version: string; readonly protocol: number }) {
  buildInfo.of(build.version, `${build.protocol}`, process.versions.node).value = 1
  yield* watchCollector
  const lag = yield* watchLag
  let busy = performance.eventLoopUtilization()
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      meter.onPrint(() => {
        for (const quantile of quantiles) eventLoopLag.of(`${quantile}`).value = lag(quantile)
        busy = printProcess(busy)
      })
    ),
    (forget) => Effect.sync(forget)
  )
  return Process.of({ medianLagSeconds: () => lag(0.5) })
})

// --- internal ---

/** Whoever looks more often wakes for it: at 20 ms an idle process did little else. */
const resolutionMs = 50
const windowMs = 10_000
const quantiles = [0.5, 0.99, 1] as const
type Quantile = (typeof quantiles)[number]

/** The monitor measures from timer to timer, so its own resolution is taken off. */
const watchLag = Effect.acquireRelease(
  Effect.sync(() => {
    const monitor = monitorEventLoopDelay({ resolution: resolutionMs })
    monitor.enable()
    const now = (quantile: Quantile): number =>
      monitor.count === 0 ? 0 : Math.max(0, monitor.percentile(quantile * 100) / 1e9 - resolutionMs / 1000)
    let before = new Map<Quantile, number>()
    const rotate = setInterval(() => {
      before = new Map(quantiles.map((quantile) => [quantile, now(quantile)]))
      monitor.reset()
    }, windowMs)
    rotate.unref()
    const stop = () => {
      clearInterval(rotate)
      monitor.disable()
    }
    return { stop, read: (quantile: Quantile) => Math.max(now(quantile), before.get(quantile) ?? 0) }
  }),
  ({ stop }) => Effect.sync(stop)
).pipe(Effect.map(({ read }) => read))

const collectorKinds: Record<number, string> = { 1: "minor", 2: "minor", 4: "major", 8: "incremental", 16: "weak" }

const watchCollector = Effect.acquireRelease(
  Effect.sync(() => {
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const detail: unknown = "detail" in entry ? entry.detail : undefined
        const kind = typeof detail === "object" && detail !== null && "kind" in detail ? Number(detail.kind) : 0
        gcPauses.of(collectorKinds[kind] ?? "else").observe(entry.duration / 1000)
      }
    })
    observer.observe({ entryTypes: ["gc"] })
    return observer
  }),
  (observer) => Effect.sync(() => observer.disconnect())
)

function printProcess(before: EventLoopUtilization): EventLoopUtilization {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  residentBytes.value = rss
  heapBytes.value = heapUsed
  cpuSeconds.count = (user + system) / 1e6
  const now = performance.eventLoopUtilization()
  eventLoopBusy.value = performance.eventLoopUtilization(now, before).utilization
  return now
}
