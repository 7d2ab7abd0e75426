/**
 * How lines get to a server and back: what the conversation needs of a socket, whatever it is made of. A transport opens a
 * fresh socket each time; nothing of an older one is kept.
 */

/** Opens a socket, at once and without throwing: what goes wrong is told by `lost`. */
export type Transport = (events: SocketEvents) => Socket

/** What a socket tells. After `lost`, or after it was closed from here, it says nothing more. */
export interface SocketEvents {
  readonly opened: () => void
  /** One line, its end not included. */
  readonly heard: (line: string) => void
  /** So many bytes came; their lines follow, if they end any. */
  readonly received: (bytes: number) => void
  /** Gone, and why; told once. */
  readonly lost: (why: string) => void
}

export interface Socket {
  /** Takes a line with its end. */
  readonly write: (line: string) => void
  /** What was written and the network has not taken yet. */
  readonly unsentBytes: () => number
  /** Sends what is left, then hangs up. */
  readonly close: () => void
  /** Hangs up at once. */
  readonly drop: () => void
}

/** No server says a longer line; one that does is not spoken with further. */
export const lineCharsMax = 1_048_576
