/**
 * What a consumer is, lane by lane. A proto service is a consumer and its rpcs are the keys it consumes; the generated
 * stubs (gen/consumers.ts) name these types, so a missing handler does not compile. Only types; registering and
 * dispatching is the EventBus's.
 */
import type * as Effect from "effect/Effect"
import type { Trace } from "../wire/Trace.ts"
import type { Call, Later, Refused } from "./Caller.ts"
import type { Decider } from "./Decider.ts"

/** CLIENT lane. Its phone's next lines wait until it has ended: what takes long must return `later`. `void` answers nothing. */
export type ClientHandler<Request, Response> = (
  request: Request,
  call: Call
) => Effect.Effect<Response | Later, Refused>

/** RUNNER lane. A frame may be lost, and may come twice; `trace` is that of what caused it. */
export type RunnerHandler<Message> = (message: Message, trace: Trace | undefined) => Effect.Effect<void>

/** TOPIC lane: a pure decision on the state of the record's tag. */
export type TopicHandler<Message> = Decider<Message>
