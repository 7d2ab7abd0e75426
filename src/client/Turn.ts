/**
 * The end of this turn of the event loop: what is scheduled here writes once, after everything that was read in the
 * turn has been handled, so that many lines to one phone become one write. One immediate for all phones. Where many are
 * heard in one turn, it ends for those who were (ReceiveRounds).
 */
import { sendBatch } from "./SendBatch.ts"

export interface Waiting {
  readonly turnEnded: () => void
}

class Turn {
  private waiting: Array<Waiting> = []

  /** The caller takes care to schedule itself once. */
  schedule(waiting: Waiting): void {
    if (this.waiting.length === 0) setImmediate(this.end)
    this.waiting.push(waiting)
  }

  /** Now, for whoever is scheduled. */
  readonly end = (): void => {
    if (this.waiting.length === 0) return
    // Whoever is scheduled meanwhile waits for the end of the next turn.
    const all = this.waiting
    this.waiting = []
    sendBatch.during(() => {
      for (const waiting of all) waiting.turnEnded()
    })
  }
}

/** The event loop is the process's, and so is this. */
export const turn = new Turn()
