/**
 * The Event Bus: consumers are registered by key, messages are published by the lane their proto names. It owns who
 * consumes which key, how a message becomes a frame or a record, and the figures per key. It does not own when records
 * are applied (space/Applier) nor who may speak (client/).
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Binding, ClientBinding, RunnerBinding, Service, TopicBinding } from "../../gen/consumers.ts"
import {
  type ClientRequest,
  type ClientResponse,
  decodeRunner,
  decodeTopic,
  encodeBody,
  type Key,
  partitionOf,
  type RunnerMessage,
  runnerRoutes,
  type TopicRecord,
  topicRoutes
} from "../../gen/registry.ts"
import { type LinkError, RunnerLink } from "../link/RunnerLink.ts"
import { type AppendFailed, type LogRecord, type NewRecord, type Source, TopicLog } from "../link/TopicLog.ts"
import { appended, dispatched, framesDropped, type KeyFigures, tellFrames } from "../telemetry/Metrics.ts"
import { withSpan } from "../telemetry/Tracing.ts"
import { decodeFrames, encodeFrame, type Frame } from "../wire/Frame.ts"
import { type Trace, toTraceparent } from "../wire/Trace.ts"
import type { Call, Later, Refused } from "./Caller.ts"
import type { Decider } from "./Decider.ts"

/** Two consumers of one key: a programmer's error, found at start. */
export class KeyTaken extends Data.TaggedError("KeyTaken")<{ readonly key: string }> {
  override get message(): string {
    return `${this.key} has a consumer already`
  }
}

/** A message nobody here consumes. */
export class NoConsumer extends Data.TaggedError("NoConsumer")<{ readonly key: string }> {
  override get message(): string {
    return `nobody consumes ${this.key}`
  }
}

/** A frame ready for a pub/sub channel. */
export interface AddressedFrame {
  readonly channel: string
  readonly bytes: Uint8Array
}

/** A record ready for its topic. */
export interface AddressedRecord {
  readonly topic: string
  readonly record: NewRecord
}

/** What a record of the log says, and who decides it. */
export interface DecidedBy {
  readonly message: TopicRecord
  readonly decider: Decider<TopicRecord>
}

export class EventBus extends Context.Service<
  EventBus,
  {
    /** Registers a consumer for all keys of its service, until the scope closes. */
    readonly register: <Handlers>(
      service: Service<Handlers>,
      handlers: Handlers
    ) => Effect.Effect<void, KeyTaken, Scope.Scope>
    /** Hands a phone's request to the consumer of its key. */
    readonly dispatch: (
      request: ClientRequest,
      call: Call
    ) => Effect.Effect<ClientResponse | Later | void, Refused | NoConsumer>
    /** Hands every frame of a pub/sub channel to the consumers of their keys, until the scope closes. */
    readonly listen: (channel: string) => Effect.Effect<void, LinkError, Scope.Scope>
    /** The decider of a record's key, with the record as it was asked. Throws on bytes that are no such message. */
    readonly decided: (record: LogRecord) => DecidedBy | undefined
    /** Topics of which somebody here decides a record. */
    readonly decidedTopics: () => ReadonlyArray<string>
    /** Sends a message by the lane that its proto names: a frame to a pub/sub channel, or a record onto the log. */
    readonly publish: (
      message: RunnerMessage | TopicRecord,
      trace?: Trace
    ) => Effect.Effect<void, LinkError | AppendFailed>
    /** Puts a record onto the log without waiting: `settled` is called once, with the failure or nothing. */
    readonly offer: (
      record: TopicRecord,
      trace: Trace | undefined,
      settled: (failed: AppendFailed | undefined) => void
    ) => void
  }
>()("noriter/bus/EventBus") {
  static readonly layer = Layer.effect(
    EventBus,
    Effect.suspend(() => make)
  )
}

/** The frame of a message, addressed by its proto. */
export const frameOf = (message: RunnerMessage, trace: Trace | undefined): AddressedFrame => ({
  channel: partitionOf(message),
  bytes: encodeFrame({ key: message.$type, trace, body: encodeBody(message) })
})

/** The record of a message, addressed by its proto. */
export const recordOf = (message: TopicRecord, trace: Trace | undefined, source?: Source): AddressedRecord => ({
  topic: topicRoutes[message.$type].topic,
  record: {
    key: message.$type,
    partitionBy: partitionOf(message),
    body: encodeBody(message),
    trace: trace === undefined ? undefined : toTraceparent(trace),
    source
  }
})

const make = Effect.gen(function* () {
  const link = yield* RunnerLink
  const log = yield* TopicLog
  const client = new Map<string, Bound<ClientBinding>>()
  const runner = new Map<string, Bound<RunnerBinding>>()
  const topic = new Map<string, Bound<TopicBinding>>()

  const bind = (binding: Binding): void => {
    if (binding.lane === "CLIENT") client.set(binding.key, { binding, figures: dispatched("CLIENT", binding.key) })
    else if (binding.lane === "RUNNER") runner.set(binding.key, { binding, figures: dispatched("RUNNER", binding.key) })
    else topic.set(binding.key, { binding, figures: dispatched("TOPIC", binding.key) })
  }
  const taken = (key: Key): boolean => client.has(key) || runner.has(key) || topic.has(key)

  const register = <Handlers>(service: Service<Handlers>, handlers: Handlers) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const bindings = service.bind(handlers)
        const twice = bindings.find((binding) => taken(binding.key))
        if (twice !== undefined) return Effect.fail(new KeyTaken({ key: twice.key }))
        bindings.forEach(bind)
        return Effect.succeed(bindings)
      }),
      (bindings) =>
        Effect.sync(() => {
          for (const { key } of bindings) {
            client.delete(key)
            runner.delete(key)
            topic.delete(key)
          }
        })
    ).pipe(Effect.asVoid)

  // A link hands over bytes in a callback; the handlers run there and then, so that frames of a channel keep their order.
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const hand = (frame: Frame): void => {
    const bound = runner.get(frame.key)
    if (bound === undefined) {
      unknown.count++ // A newer runner may say what this one does not know.
      return
    }
    const { key, trace, body } = frame
    framesIn.count++
    const handled = Effect.suspend(() => {
      const message = decodeRunner(key, body)
      return message === undefined ? Effect.void : timed(bound.figures, () => bound.binding.run(message, trace))
    })
    const taken = Effect.catchCause(handled, (cause) => {
      failed.count++
      return Effect.logError(`a frame of ${key} was not taken`, cause)
    })
    run(withSpan(key, trace, taken))
  }
  const receive = (bytes: Uint8Array): void => {
    const decoded = decodeFrames(bytes)
    if (Result.isSuccess(decoded)) decoded.success.forEach(hand)
    else {
      refused.count++
      run(Effect.logWarning("a message between runners was refused", decoded.failure))
    }
  }

  return EventBus.of({
    register,
    dispatch: (request, call) => {
      const bound = client.get(request.$type)
      if (bound === undefined) return Effect.fail(new NoConsumer({ key: request.$type }))
      return timed(bound.figures, () => bound.binding.run(request, call))
    },
    listen: (channel) => link.subscribe(channel, receive),
    decided: (record) => {
      const bound = topic.get(record.key)
      const message = bound === undefined ? undefined : decodeTopic(record.key, record.body)
      if (bound === undefined || message === undefined) return undefined
      bound.figures.count++
      return { message, decider: bound.binding.decider }
    },
    decidedTopics: () => [
      ...new Set(
        Object.values(topicRoutes)
          .filter(({ key }) => topic.has(key))
          .map((route) => route.topic)
      )
    ],
    publish: (message, trace) => {
      if (isFrame(message)) {
        const frame = frameOf(message, trace)
        framesOut.count++
        return link.publish(frame.channel, frame.bytes)
      }
      const { topic, record } = recordOf(message, trace)
      return Effect.map(log.append(topic, [record]), () => {
        appended.of(record.key).count++
      })
    },
    offer: (message, trace, settled) => {
      const { topic, record } = recordOf(message, trace)
      log.offer(topic, record, (failed) => {
        if (failed === undefined) appended.of(record.key).count++
        settled(failed)
      })
    }
  })
})

/** One message in so many is timed: the clock costs as much as handing a message on. */
const timedOneIn = 16

/** Counts a message and, of some, how long their consumer took. */
const timed = <A, E>(figures: KeyFigures, handle: () => Effect.Effect<A, E>): Effect.Effect<A, E> => {
  if (figures.count++ % timedOneIn !== 0) return handle()
  const began = performance.now()
  const observe = () => figures.duration.observe((performance.now() - began) / 1000)
  const handled = handle()
  if (!Exit.isExit(handled)) return Effect.onExit(handled, () => Effect.sync(observe))
  observe()
  return handled
}

const isFrame = (message: RunnerMessage | TopicRecord): message is RunnerMessage => message.$type in runnerRoutes

const framesIn = tellFrames.of("in")
const framesOut = tellFrames.of("out")
const unknown = framesDropped.of("unknown")
const failed = framesDropped.of("failed")
const refused = framesDropped.of("refused")

interface Bound<B> {
  readonly binding: B
  readonly figures: KeyFigures
}
