/** Refusals that more than one consumer gives: one text for each. What is one consumer's alone stands with it. */
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import type { Answer } from "../../gen/noriter/space/v1/records.ts"
import { Refused } from "./Caller.ts"

export const refusedAs = (code: ErrorCode, message: string, retryAfterMs = 0): Refused =>
  new Refused({ code, message, retryAfterMs })

/** What it needs is away for a moment, and nothing has happened. */
export const away = (message: string): Refused => refusedAs(ErrorCode.ERROR_CODE_UNAVAILABLE, message, awayMs)
const awayMs = 1_000

/** It refuses this sending only: one before it, under the same id, may have taken effect. */
export const inDoubt = ({ message, retryAfterMs }: Refused): Refused =>
  refusedAs(ErrorCode.ERROR_CODE_UNCERTAIN, message, retryAfterMs)

/** The session was another's meanwhile, who may have been asked for the same. */
export const askAgain = away("the session was elsewhere meanwhile; ask again")

/** What an outcome means that is none of the answers its asker knows: refused, or said by a newer release. */
export const refusedBy = ({ body }: Answer): Refused =>
  body?.$case === "refusal" && codes.has(body.value.code)
    ? new Refused(body.value)
    : refusedAs(ErrorCode.ERROR_CODE_INTERNAL, "an outcome this runner does not know")
/** Those of this release: no other has a name to be told by. */
const codes: ReadonlySet<number> = new Set(Object.values(ErrorCode))

export const helloFirst = refusedAs(ErrorCode.ERROR_CODE_HELLO_FIRST, "say hello or resume first")
export const outside = refusedAs(ErrorCode.ERROR_CODE_OUTSIDE, "enter a playground first")
export const staleId = refusedAs(ErrorCode.ERROR_CODE_STALE_ID, "this id is older than what is remembered")
export const idReused = refusedAs(ErrorCode.ERROR_CODE_ID_REUSED, "another request was sent under this id")
export const internal = refusedAs(ErrorCode.ERROR_CODE_INTERNAL, "the server failed on this request")
