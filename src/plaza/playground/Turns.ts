/**
 * Who is written to at a tick: everybody, or, by turns, those whose turn it is, so that ticks stay as they are while each
 * phone is written to at every so many of them. Owns the turns of one channel; how many there are is the tempo's.
 */
import type { Viewer } from "./Viewer.ts"

export class Turns {
  private given = 0
  private now = 0
  /** At so many ticks more somebody is still to be written to. */
  private left = 0

  /** For a phone that has come: as many have each. */
  take(): number {
    return this.given++
  }

  /** The next tick, at which there are so many turns; undefined: all have had theirs since something was told. */
  due(viewers: ReadonlyMap<number, Viewer>, isTold: boolean, turns: number): Iterable<Viewer> | undefined {
    this.now = (this.now + 1) % turns
    if (isTold) this.left = turns
    if (this.left === 0) return undefined
    this.left--
    if (turns === 1) return viewers.values()
    const due: Array<Viewer> = []
    for (const viewer of viewers.values()) if (viewer.turn % turns === this.now) due.push(viewer)
    return due
  }
}
