/**
 * Why presence says no, and what a commit that is refused means for it: decided anew, left as it is, or told. Its own file
 * because Presence and the writes under it both say it.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { type CommitRefused, SpaceError } from "./SharedSpace.ts"

export class PresenceRefused extends Data.TaggedError("PresenceRefused")<{
  /**
   * Ended: there is no such session. Spent: the token is older than one the phone is known to hold. Stale: a claim with
   * a lower id than the last (rule P4). NotOwner: another claim came. Full: no room. Fenced: this incarnation may not.
   */
  readonly reason: "Ended" | "Spent" | "Stale" | "NotOwner" | "Full" | "Fenced"
}> {}

/** A write of presence: what it came to, or why not. */
export type Write<A> = Effect.Effect<A, PresenceRefused | SpaceError>

/** How often a write is decided anew when a version changed under it, as for records (rule L5). */
const attemptsMax = 8

/** Runs a write again while versions change under it (rule L5). */
export const decidedAnew = <A>(
  once: Effect.Effect<A, PresenceRefused | CommitRefused | SpaceError>,
  between: Effect.Effect<void, SpaceError> = Effect.void
): Write<A> => {
  const attempt = (left: number): Write<A> =>
    Effect.catchTag(once, "CommitRefused", (refused) =>
      refused.reason === "Conflict" && left > 0 ? Effect.flatMap(between, () => attempt(left - 1)) : refuse(refused)
    )
  return attempt(attemptsMax - 1)
}

/** Gives up where a version changed under a write: false. */
export const unlessChanged = (write: Effect.Effect<unknown, CommitRefused | SpaceError>): Write<boolean> =>
  Effect.as(write, true).pipe(
    Effect.catchTag("CommitRefused", (refused) =>
      refused.reason === "Conflict" ? Effect.succeed(false) : refuse(refused)
    )
  )

/** Somebody else's by a newer claim, it is theirs to remove (rules P3, P4). */
export const unlessTaken = (write: Write<unknown>): Write<unknown> =>
  Effect.catchIf(
    write,
    (error) => error._tag === "PresenceRefused" && error.reason === "NotOwner",
    () => Effect.void
  )

/** What a refused commit means for presence. */
export const refuse = (refused: CommitRefused): Effect.Effect<never, PresenceRefused | SpaceError> => {
  switch (refused.reason) {
    case "NotOwner":
    case "Exists":
      return Effect.fail(new PresenceRefused({ reason: "NotOwner" }))
    case "Fenced":
    case "Full":
      return Effect.fail(new PresenceRefused({ reason: refused.reason }))
    case "Conflict":
    case "Missing":
      return Effect.fail(new SpaceError({ operation: "commit", cause: refused }))
    default:
      return Effect.die(refused)
  }
}
