/** Who has a conversation: what it has its owner do, and what it tells. */
import type { DisconnectCode, ErrorCode, HelloResponse, ResumeResponse, StreamPosition } from "./gen/protocol.ts"
import type { Place } from "./Place.ts"
import type { PlazaError } from "./PlazaError.ts"

/**
 * `idle`: not begun. `connecting`: a fresh socket opens. `greeting`: hello or resume is said. `open`: there is a session.
 * `waiting`: the next try is due later. `closed`: for good, by the owner or because the server said not to come back.
 */
export type State = "idle" | "connecting" | "greeting" | "open" | "waiting" | "closed"

export interface StateChange {
  readonly state: State
  /** Why it waits or is closed; for a developer to read. */
  readonly why: string
  /** How long it waits before the next try. */
  readonly waitMs: number
}

/** A session is there: a new one, or the one there was. */
export type Session = ({ readonly resumed: false } & HelloResponse) | ({ readonly resumed: true } & ResumeResponse)

/** Why it is over. `CLOSED`: the owner closed it. */
export interface Ending {
  readonly code: "CLOSED" | DisconnectCode | ErrorCode
  /** For a developer to read. */
  readonly message: string
}

/** Who says hello. */
export interface Guest {
  readonly deviceSecret: string
  readonly nickname: string
  readonly sdk: string
}

/** What the conversation has done to it, and what it tells. */
export interface Owner {
  /** Opens a fresh socket; the one before, if there is one, is dropped. */
  readonly open: () => void
  readonly write: (line: string) => void
  /** Bytes that the network has not taken yet. */
  readonly unsentBytes: () => number
  readonly drop: () => void
  /** Sends what is left, then hangs up. */
  readonly hangUp: () => void

  readonly changed: (change: StateChange) => void
  readonly stands: (place: Place | undefined) => void
  readonly began: (session: Session) => void
  readonly heard: (key: string, body: unknown) => void
  /** Lines of these streams are lost: they go on from here. */
  readonly missed: (streams: ReadonlyArray<StreamPosition>) => void
  /** What was sent without an id was refused. */
  readonly refused: (error: PlazaError) => void
  readonly ended: (ending: Ending) => void
}
