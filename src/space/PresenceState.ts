/**
 * The one state machine of presence (rule P5, design 6): present, lost, away, ended, and hidden for a member that is put
 * and not yet shown. Pure: what happened and when goes in, the next state and its deadline come out. Who may write it
 * (ownership, fence) is Presence's and the shared space's.
 */
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"

/** What happened to a session or its member. */
export type PresenceEvent =
  /** The member's session still names its connection: it may be seen (rule P2). */
  | { readonly _tag: "Shown" }
  /** The socket is gone. */
  | { readonly _tag: "SocketLost"; readonly nowMs: number }
  /** The runner that held the socket is dead since `diedMs`, as a watcher found: others need not see the member longer. */
  | { readonly _tag: "RunnerDied"; readonly nowMs: number; readonly diedMs: number }
  /** A newer socket of the session was accepted. */
  | { readonly _tag: "Claimed" }
  /** The deadline that stands beside the state was looked at. */
  | { readonly _tag: "DeadlineSeen"; readonly nowMs: number }

/** A state with what belongs to it. `lostMs` is 0 while present; `dueMs` undefined where nothing is due. */
export interface PresenceOf {
  readonly state: PresenceState
  readonly lostMs: number
  readonly dueMs: number | undefined
}

/** How long after the loss others still see the member, and how long the session is kept (design 8). */
export interface Graces {
  readonly lostShownMs: number
  readonly resumeGraceMs: number
}

/** How long a member may stay hidden before whoever looks after deadlines takes it for abandoned. */
export const hiddenMs = 10_000

export const present: PresenceOf = { state: PresenceState.PRESENCE_STATE_PRESENT, lostMs: 0, dueMs: undefined }

export const hidden = (nowMs: number): PresenceOf => ({
  state: PresenceState.PRESENCE_STATE_HIDDEN,
  lostMs: 0,
  dueMs: nowMs + hiddenMs
})

/** The state after the event; "ended" when nothing of it may stay. */
export const next = (before: PresenceOf, event: PresenceEvent, graces: Graces): PresenceOf | "ended" => {
  switch (event._tag) {
    case "Shown":
      return before.state === PresenceState.PRESENCE_STATE_HIDDEN ? present : before
    case "Claimed":
      return present
    case "SocketLost":
      if (before.state !== PresenceState.PRESENCE_STATE_PRESENT) return before
      return since(PresenceState.PRESENCE_STATE_LOST, event.nowMs, graces)
    case "RunnerDied": {
      const isPresent = before.state === PresenceState.PRESENCE_STATE_PRESENT
      const left = isPresent ? since(PresenceState.PRESENCE_STATE_AWAY, event.diedMs, graces) : before
      return seen(left, event.nowMs, graces)
    }
    case "DeadlineSeen":
      return seen(before, event.nowMs, graces)
  }
}

/** When a state falls due that began with this loss; undefined: never by itself. */
export const dueOf = (
  { state, lostMs }: Pick<PresenceOf, "state" | "lostMs">,
  { lostShownMs, resumeGraceMs }: Graces
): number | undefined => {
  if (state === PresenceState.PRESENCE_STATE_LOST) return lostMs + Math.min(lostShownMs, resumeGraceMs)
  return state === PresenceState.PRESENCE_STATE_AWAY ? lostMs + resumeGraceMs : undefined
}

/** Whether others see a member in this state. */
export const isShown = (state: PresenceState): boolean =>
  state === PresenceState.PRESENCE_STATE_PRESENT || state === PresenceState.PRESENCE_STATE_LOST

/** A deadline looked at too early changes nothing, one looked at very late skips what lay between. */
const seen = (before: PresenceOf, nowMs: number, graces: Graces): PresenceOf | "ended" => {
  if (before.state === PresenceState.PRESENCE_STATE_HIDDEN) {
    return before.dueMs !== undefined && nowMs >= before.dueMs ? "ended" : before
  }
  if (before.state === PresenceState.PRESENCE_STATE_PRESENT) return before
  const endsMs = before.lostMs + graces.resumeGraceMs
  if (nowMs >= endsMs) return "ended"
  if (nowMs < before.lostMs + graces.lostShownMs) return before
  return since(PresenceState.PRESENCE_STATE_AWAY, before.lostMs, graces)
}

const since = (state: PresenceState, lostMs: number, graces: Graces): PresenceOf => ({
  state,
  lostMs,
  dueMs: dueOf({ state, lostMs }, graces)
})
