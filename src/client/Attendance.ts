/**
 * What the plaza does when a phone comes back or goes: client/ knows sockets and sessions, plaza/ knows what a phone
 * that stands somewhere must be told. Implemented by plaza/playground.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StreamPosition } from "../../gen/noriter/client/v1/session.ts"
import type { Place } from "../bus/Caller.ts"
import type { HeldMember, Position } from "../space/Held.ts"
import type { SpaceError } from "../space/SharedSpace.ts"
import type { Session } from "./Session.ts"

/** Where a phone that came back stands, and what it missed. */
export interface Rejoined {
  readonly place: Place | undefined
  readonly xCm: number
  readonly yCm: number
  readonly recovered: boolean
  readonly streams: ReadonlyArray<StreamPosition>
  /** Tells what was missed, in order, and then what is in view; to be run when the answer is written. */
  readonly replay: () => void
}

export class Attendance extends Context.Service<
  Attendance,
  {
    /**
     * A session was resumed on a new socket; `member` is where it stands, undefined outside. What it gives is to be run,
     * answered and replayed in one go, so that nothing can come between what is told to be missed and what is replayed.
     */
    readonly resumed: (
      session: Session,
      member: HeldMember | undefined,
      heard: ReadonlyArray<StreamPosition>
    ) => Effect.Effect<() => Rejoined, SpaceError>
    /** Where a new session's streams stand. */
    readonly began: (session: Session) => Effect.Effect<void, SpaceError>
    /** The session's socket is gone, or the session has ended: this phone is told nothing more. */
    readonly detached: (session: Session) => void
    /** Another has the session, and this phone is told nothing more: where it stands is the other's to say. */
    readonly replaced: (session: Session) => void
    /** Where the session's member stands, if this runner sees it. */
    readonly positionOf: (session: Session) => Position | undefined
    /** What these sessions hold is in the shared space again, or still: their phones are told what is different. */
    readonly regained: (sessions: Iterable<Session>) => Effect.Effect<void, SpaceError>
  }
>()("noriter/client/Attendance") {}
