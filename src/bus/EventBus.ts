/**
 * The Event Bus: consumers are registered by key, messages are published by the lane their proto names. It owns who
 * consumes which key, how a message becomes a frame or a record, and the figures per key. It does not own when records
 * are applied (space/Applier) nor who may speak (client/).
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
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
  type TopicRecord,
  topicRoutes
} from "../../gen/registry.ts"
import { type LinkError, RunnerLink } from "../link/RunnerLink.ts"
import { type AppendFailed, type LogRecord, type NewRecord, type Source, TopicLog } from "../link/TopicLog.ts"
import { dispatched, type KeyFigures } from "../telemetry/Metrics.ts"
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
    /** Sends a message on the RUNNER lane. */
    readonly tell: (message: RunnerMessage, trace?: Trace) => Effect.Effect<void, LinkError>
    /** Puts messages of one topic on the log; ends when they are there. */
    readonly ask: (record: TopicRecord, trace?: Trace) => Effect.Effect<void, AppendFailed>
    /** Puts a message on the log without waiting: `settled` is called once, with the failure or nothing. */
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
  const topic = new Map<string, TopicBinding>()

  const bind = (binding: Binding): void => {
    if (binding.lane === "CLIENT") client.set(binding.key, { binding, figures: dispatched("CLIENT", binding.key) })
    else if (binding.lane === "RUNNER") runner.set(binding.key, { binding, figures: dispatched("RUNNER", binding.key) })
    else topic.set(binding.key, binding)
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
    if (bound === undefined) return // A newer runner may say what this one does not know.
    bound.figures.count++
    const handled = Effect.suspend(() => {
      const message = decodeRunner(frame.key, frame.body)
      return message === undefined ? Effect.void : bound.binding.run(message, frame.trace)
    })
    run(Effect.catchCause(handled, (cause) => Effect.logError(`a frame of ${frame.key} was not taken`, cause)))
  }
  const receive = (bytes: Uint8Array): void => {
    const decoded = decodeFrames(bytes)
    if (Result.isSuccess(decoded)) decoded.success.forEach(hand)
    else run(Effect.logWarning("a message between runners was refused", decoded.failure))
  }

  return EventBus.of({
    register,
    dispatch: (request, call) => {
      const bound = client.get(request.$type)
      if (bound === undefined) return Effect.fail(new NoConsumer({ key: request.$type }))
      bound.figures.count++
      return bound.binding.run(request, call)
    },
    listen: (channel) => link.subscribe(channel, receive),
    decided: (record) => {
      const binding = topic.get(record.key)
      const message = binding === undefined ? undefined : decodeTopic(record.key, record.body)
      return binding === undefined || message === undefined ? undefined : { message, decider: binding.decider }
    },
    tell: (message, trace) => {
      const frame = frameOf(message, trace)
      return link.publish(frame.channel, frame.bytes)
    },
    ask: (message, trace) => {
      const { topic, record } = recordOf(message, trace)
      return Effect.asVoid(log.append(topic, [record]))
    },
    offer: (message, trace, settled) => {
      const { topic, record } = recordOf(message, trace)
      log.offer(topic, record, settled)
    }
  })
})

interface Bound<B> {
  readonly binding: B
  readonly figures: KeyFigures
}
