/**
 * Which lines were heard: of each stream the highest `seq`, and the `epoch` it counts in. A resume asks from there, and a
 * line that comes twice is known by it.
 */
import type { StreamPosition } from "./gen/protocol.ts"

export class Streams {
  private readonly positions = new Map<string, StreamPosition>()
  /** From where a stream goes on whose lines before that are lost: it is asked for from there, not for what will not come. */
  private readonly goesOn = new Map<string, number>()
  /** `park/1`, whose lines are `said` and `announced`; empty outside. */
  private channel = ""

  /** The guest stands in another channel, or in none: the lines of the old one mean nothing any more. */
  standIn(channel: string): void {
    if (channel === this.channel) return
    this.positions.delete(this.channel)
    this.goesOn.delete(this.channel)
    this.channel = channel
  }

  clear(): void {
    this.positions.clear()
    this.goesOn.clear()
    this.channel = ""
  }

  /**
   * Takes over what the server says of its streams, where it is news: an unknown stream, or another history. What was heard
   * of this very history holds, because the server says where a stream stands before it sends what was missed.
   */
  follow(positions: ReadonlyArray<StreamPosition>, recovered: boolean): void {
    for (const position of positions) {
      const { name, epoch, seq } = position
      const isAnother = this.positions.get(name)?.epoch !== epoch
      if (isAnother) this.positions.set(name, position)
      if (isAnother || !recovered) this.goesOn.set(name, recovered ? 0 : seq)
    }
  }

  /** Marks a line as heard. False: it was heard already. */
  hear(key: string, seq: number): boolean {
    const name = key === "said" || key === "announced" ? this.channel : mailbox
    const position = this.positions.get(name)
    if (position === undefined) return true
    if (seq <= position.seq) return false
    this.positions.set(name, { ...position, seq })
    return true
  }

  /** For a resume. */
  list(): ReadonlyArray<StreamPosition> {
    const all = Array.from(this.positions.values(), (position) => {
      const seq = Math.max(position.seq, this.goesOn.get(position.name) ?? 0)
      return { ...position, seq }
    })
    return all.slice(-positionsMax)
  }
}

/** Every line that is not a channel's is in the guest's own stream. */
const mailbox = "mailbox"
/** A resume names no more than this. */
const positionsMax = 16
