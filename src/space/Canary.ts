/**
 * Whether what this runner sends is heard: every few seconds a frame goes out by the runner lane, and a record by the log,
 * which whoever reads the log answers with a frame. A runner that could be connected to everything and is heard by nobody
 * is not ready. Owns the verdict; what is done about it is the operator's, by /readyz.
 *
 * **Gotchas**: the record comes back by the runner lane, too. While that is silent nothing is known of the log, unless it
 * refused the record.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CanaryConsumer, RunnerAskedConsumer } from "../../gen/consumers.ts"
import { EventBus } from "../bus/EventBus.ts"
import { monotonicMsOf } from "../Monotonic.ts"
import { incarnationTag } from "./Lease.ts"
import { Self } from "./Self.ts"

/** How often both are sent. */
const everyMs = 1_000
/** What has not come back by then is taken for lost: above what a rebalance after a death takes (rule L10). */
const silenceMsMax = 8_000

export class Canary extends Context.Service<
  Canary,
  {
    /** Why phones should go elsewhere, lane by lane; empty: both were heard lately. */
    readonly reasons: () => ReadonlyArray<string>
  }
>()("noriter/space/Canary") {
  static readonly layer = Layer.effect(
    Canary,
    Effect.suspend(() => make)
  )
  /** One process hears itself. */
  static readonly layerEmbedded = Layer.succeed(Canary, { reasons: () => [] })
}

/** Any runner answers for the log. */
export const decidersLayer = Layer.effectDiscard(
  Effect.flatMap(EventBus, (bus) =>
    bus.register(RunnerAskedConsumer, {
      sing: {
        reads: () => [],
        decide: (_, { incarnation }) => ({
          tell: [{ $type: "noriter.runner.v1.CanaryTold", incarnation, applied: true }]
        }),
        asker: () => undefined
      }
    })
  )
)

/** One way of a canary. */
class Lane {
  readonly #name: string
  #heardMs = Number.NEGATIVE_INFINITY
  #trouble: string | undefined

  constructor(name: string) {
    this.#name = name
  }

  heard(nowMs: number): void {
    this.#heardMs = nowMs
  }

  /** What became of the last one sent; undefined: it is on its way. */
  sent(trouble: string | undefined): void {
    this.#trouble = trouble
  }

  get isRefused(): boolean {
    return this.#trouble !== undefined
  }

  /** Why it is not to be trusted; undefined: it was heard lately. */
  reason(nowMs: number): string | undefined {
    const silentMs = nowMs - this.#heardMs
    if (silentMs <= silenceMsMax) return undefined
    const since = Number.isFinite(silentMs) ? `for ${Math.floor(silentMs / 1000)} s` : "yet"
    return `${this.#name}: nothing came back ${since}${this.#trouble === undefined ? "" : `: ${this.#trouble}`}`
  }
}

/** What an operator is told of both. */
const reasonsOf = (frames: Lane, log: Lane, nowMs: number): ReadonlyArray<string> => {
  const ofFrames = frames.reason(nowMs)
  const ofLog = log.reason(nowMs)
  // Its answers are frames: where none comes back the log may be well.
  if (ofFrames !== undefined) return ofLog !== undefined && log.isRefused ? [ofFrames, ofLog] : [ofFrames]
  return ofLog === undefined ? [] : [ofLog]
}

const make = Effect.gen(function* () {
  const bus = yield* EventBus
  const self = yield* Self
  const clock = yield* Clock.Clock
  const frames = new Lane("redis, frames between runners")
  const log = new Lane("kafka, the log and whoever applies it")
  yield* bus.register(CanaryConsumer, {
    hear: ({ applied }) => Effect.sync(() => (applied ? log : frames).heard(monotonicMsOf(clock)))
  })
  const send = (lane: Lane, message: Parameters<EventBus["Service"]["publish"]>[0]) =>
    Effect.match(bus.publish(message), {
      onSuccess: () => lane.sent(undefined),
      onFailure: (error) => lane.sent(messageOf(error.cause))
    })
  const sing = Effect.suspend(() => {
    const { id: incarnation } = self.incarnation
    return Effect.all(
      [
        send(frames, { $type: "noriter.runner.v1.CanaryTold", incarnation, applied: false }),
        send(log, { $type: "noriter.topic.v1.CanaryAsked", tag: incarnationTag(incarnation), incarnation })
      ],
      { concurrency: "unbounded" }
    )
  })
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(sing, Effect.sleep(everyMs))))
  return Canary.of({ reasons: () => [...self.troubles(), ...reasonsOf(frames, log, monotonicMsOf(clock))] })
})

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
