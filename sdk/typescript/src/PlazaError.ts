/** What a request is rejected with: a refusal of the server's catalogue, or one of the few that are this side's own. */
import { definiteErrors, type ErrorCode, type Issue, readError } from "./gen/protocol.ts"

/**
 * `CLOSED`: the plaza is closed. `QUEUE_FULL`: too many requests wait for their answers. `SESSION_LOST`: the session ended
 * before the answer came, and a new one began.
 */
export type OwnCode = "CLOSED" | "QUEUE_FULL" | "SESSION_LOST"

export interface Refusal {
  readonly code: ErrorCode | OwnCode
  /** For a developer to read. */
  readonly message: string
  /** True: nothing happened, and nobody will hear of it. False: it may have happened, or may yet, once. */
  readonly definite: boolean
  /** When to try again; 0 where nobody knows. */
  readonly retryAfterMs: number
  /** What is wrong with which field. */
  readonly issues: ReadonlyArray<Issue>
}

export class PlazaError extends Error implements Refusal {
  override readonly name = "PlazaError"
  readonly code: ErrorCode | OwnCode
  readonly definite: boolean
  readonly retryAfterMs: number
  readonly issues: ReadonlyArray<Issue>

  constructor({ code, message, definite, retryAfterMs, issues }: Refusal) {
    super(message === "" ? code : `${code}: ${message}`)
    this.code = code
    this.definite = definite
    this.retryAfterMs = retryAfterMs
    this.issues = issues
  }
}

/** What the server refused. */
export const refusedByServer = (body: unknown): PlazaError => {
  const error = readError(body)
  return new PlazaError({ ...error, definite: definiteErrors.has(error.code) })
}

/** What this side refuses, or can no longer learn. */
export const refusedHere = (code: OwnCode | ErrorCode, message: string, definite: boolean): PlazaError =>
  new PlazaError({ code, message, definite, retryAfterMs: 0, issues: [] })
