/**
 * What a consumer is, lane by lane. A proto service is a consumer and its rpcs are the keys it consumes; the generated
 * stubs (gen/consumers.ts) name these types, so a missing handler does not compile. Only types and the two values that
 * handlers use to speak to the bus; registering and dispatching is the EventBus's.
 */
import type * as Effect from "effect/Effect"
import * as Data from "effect/Data"
import type { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import type { Trace } from "../wire/Trace.ts"
import type { Caller } from "./Caller.ts"
import type { Decider } from "./Decider.ts"

/** A request that is not granted: nothing happened, unless the code is not definite. Told to the phone as an `error`. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly code: ErrorCode
  readonly message: string
  readonly retryAfterMs?: number
}> {}

/** What a handler returns when the answer comes later: from the log, as the outcome of the record it asked. */
export const later: unique symbol = Symbol.for("noriter/later")
export type Later = typeof later

/** One request under way: who asks, under which id (0: no answer wanted), and in which trace, where one is kept. */
export interface Call {
  readonly id: number
  readonly trace: Trace | undefined
  readonly caller: Caller
}

/** CLIENT lane. Runs in the session's own fiber: what takes long must return `later`. `void` answers nothing. */
export type ClientHandler<Request, Response> = (
  request: Request,
  call: Call
) => Effect.Effect<Response | Later, Refused>

/** RUNNER lane. A frame may be lost, and may come twice; `trace` is that of what caused it. */
export type RunnerHandler<Message> = (message: Message, trace: Trace | undefined) => Effect.Effect<void>

/** TOPIC lane: a pure decision on the state of the record's tag. */
export type TopicHandler<Message> = Decider<Message>
