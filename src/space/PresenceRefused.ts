/** Why presence says no. Its own file because both Presence and the single writes under it say it. */
import * as Data from "effect/Data"

export class PresenceRefused extends Data.TaggedError("PresenceRefused")<{
  /**
   * Ended: there is no such session. Spent: the token is older than one the phone is known to hold. Stale: a claim with
   * a lower id than the last (rule P4). NotOwner: another claim came. Full: no room. Fenced: this incarnation may not.
   */
  readonly reason: "Ended" | "Spent" | "Stale" | "NotOwner" | "Full" | "Fenced"
}> {}
