/**
 * Who is calling and how they are answered: what a consumer may know and do about the session whose line it handles. The
 * session itself is client/'s; consumers see only this.
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import type { StreamPosition } from "../../gen/noriter/client/v1/session.ts"
import type { Answer } from "../../gen/noriter/space/v1/records.ts"
import type { Asker } from "../../gen/noriter/topic/v1/chat.ts"
import type { ClientResponse, ServerBody, TopicRecord } from "../../gen/registry.ts"
import type { Trace } from "../wire/Trace.ts"

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

/** Where a session stands. */
export interface Place {
  readonly playground: string
  readonly channel: number
  /** The channel's tag, `park/1`. */
  readonly tag: string
  readonly member: number
}

/** A lasting request on its way to the log. */
export interface Ask {
  /** The record; the asker is filled in by the session. */
  readonly record: (asker: Asker) => TopicRecord
  /** The member number under which it is asked. */
  readonly member: number
  /** The request's canonical encoding: the same id with another body is not the same request (rule L6). */
  readonly body: Uint8Array
  /** What the phone is told of the outcome. */
  readonly answerOf: (answer: Answer) => ClientResponse | Refused
}

export interface Caller {
  /** Empty before hello. */
  readonly session: string
  readonly guest: string
  readonly nickname: string
  /** Undefined outside of every playground. */
  readonly place: Place | undefined
  /** The last entry of the mailbox that this phone was told. */
  mailboxSeq: number
  /** Mail has come that this phone was not told, because it did not follow its mailbox yet. */
  mailWaits: boolean
  /** The name of the mailbox's history. */
  readonly epoch: string
  /**
   * Where a request of this id is asked (rule L7): at the tag the session stood in when the id was first sent, so that a
   * request sent again is answered from the memory that has it. Refused when that is nowhere, or too long ago to say.
   */
  readonly placeOf: (id: number) => Effect.Effect<Place, Refused>
  /** Says something to this phone alone, at the end of this turn. Nothing when its socket is gone. */
  readonly tell: (body: ServerBody) => void
  /** Answers now; for a handler that has more to say after its answer, and then returns `later`. */
  readonly answer: (id: number, body: ServerBody) => void
  /** From here on; something before it is missing. */
  readonly tellGap: (streams: ReadonlyArray<StreamPosition>) => void
  /**
   * Asks the log, in the order of the session's lasting requests (rule L7); the answer is the record's outcome. Ends
   * when the record is on its way; refused as UNAVAILABLE when it waited too long behind another.
   */
  readonly ask: (call: Call, ask: Ask) => Effect.Effect<Later, Refused>
  /** Ends when everything asked before has its outcome: enter and leave wait for it (rule L7). */
  readonly settled: Effect.Effect<void, Refused>
}
