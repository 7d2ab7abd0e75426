/**
 * Long-lived fibers, supervised. A forked fiber that fails is silent, and a server half of which has died looks well
 * from outside: so every worker is started again when it fails, each time is logged, and one that gives up ends the
 * process (`failed` is what main waits for). Owns no work of its own.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { monotonicMs } from "./Monotonic.ts"
import { workerRestarts } from "./telemetry/Metrics.ts"

/** A worker that failed too often in a row. */
export class WorkerGaveUp extends Data.TaggedError("WorkerGaveUp")<{
  readonly worker: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `the worker "${this.worker}" failed ${failuresMax} times in a row`
  }
}

export class Workers extends Context.Service<
  Workers,
  {
    /** Starts a worker and goes on. It lives until the scope closes, or until it ends by itself. */
    readonly run: <E, R>(
      worker: string,
      work: Effect.Effect<unknown, E, R>
    ) => Effect.Effect<void, never, R | Scope.Scope>
    /** Fails when a worker gives up; never succeeds. */
    readonly failed: Effect.Effect<never, WorkerGaveUp>
  }
>()("noriter/Workers") {
  static readonly layer: Layer.Layer<Workers> = Layer.effect(
    Workers,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const fibers = yield* FiberSet.make<unknown, WorkerGaveUp>()
  return Workers.of({
    run: (worker, work) =>
      // Interrupted with the scope of its starter, too: a worker must not outlive what it works with.
      Effect.acquireRelease(FiberSet.run(fibers, supervised(worker, work)), Fiber.interrupt).pipe(Effect.asVoid),
    failed: Effect.andThen(FiberSet.join(fibers), Effect.never)
  })
})

/** A round that fails because something else is away: it is said, and the next round tries again. */
export const enduring = <A, E, R>(what: string, round: Effect.Effect<A, E, R>): Effect.Effect<void, never, R> =>
  Effect.catch(Effect.asVoid(round), (cause) => Effect.logWarning(`${what}: not this time`, cause))

// --- internal ---

const failuresMax = 10
const delayMinMs = 100
const delayMaxMs = 5000
/** Failures further apart than this are not "in a row". */
const healthyMs = 60_000

/** Half of the delay is by chance, so that what failed together does not come back together. */
const delayAfter = (failures: number): Effect.Effect<Duration.Duration> =>
  Effect.map(Random.next, (chance) =>
    Duration.millis(Math.min(delayMaxMs, delayMinMs * 2 ** (failures - 1)) * (0.5 + chance / 2))
  )

const supervised = Effect.fnUntraced(function* <E, R>(worker: string, work: Effect.Effect<unknown, E, R>) {
  const restarts = workerRestarts.of(worker)
  for (let failures = 1; ; failures++) {
    const began = yield* monotonicMs
    const exit = yield* Effect.exit(work)
    if (Exit.isSuccess(exit)) return
    if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
    if ((yield* monotonicMs) - began >= healthyMs) failures = 1
    if (failures >= failuresMax) {
      yield* Effect.logFatal(`worker ${worker} gives up`, exit.cause)
      return yield* new WorkerGaveUp({ worker, cause: Cause.squash(exit.cause) })
    }
    const delay = yield* delayAfter(failures)
    restarts.count++
    yield* Effect.logWarning(
      `worker ${worker} failed (${failures} in a row), starts again in ${Math.round(Duration.toMillis(delay))} ms`,
      exit.cause
    )
    yield* Effect.sleep(delay)
  }
})
