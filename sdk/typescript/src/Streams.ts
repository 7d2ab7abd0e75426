/**
 * Which lines were heard: of each stream the highest `seq`, and the `epoch` it counts in. A resume asks from there, and a
 * line that comes twice is known by it.
 */
import type { StreamPosition } from "./gen/protocol.ts"

export class Streams {
  private readonly positions = new Map<string, StreamPosition>()
  /** `park/1`, whose lines are `said` and `announced`; empty outside. */
  private channel = ""

  /** The guest stands in another channel, or in none: the lines of the old one mean nothing any more. */
  standIn(channel: string): void {
    if (channel === this.channel) return
    this.positions.delete(this.channel)
    this.channel = channel
  }

  clear(): void {
    this.positions.clear()
    this.channel = ""
  }

  /**
   * Takes over what the server says of its streams, where it is news: an unknown stream, or another history. What was heard
   * of this very history holds, because the server says where a stream stands before it sends what was missed; unless
   * something before that is missing, and it goes on from there.
   */
  follow(positions: ReadonlyArray<StreamPosition>, recovered: boolean): void {
    for (const position of positions) {
      const known = this.positions.get(position.name)
      const isNews = known?.epoch !== position.epoch || (!recovered && position.seq > known.seq)
      if (isNews) this.positions.set(position.name, position)
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
    return [...this.positions.values()].slice(-positionsMax)
  }
}

/** Every line that is not a channel's is in the guest's own stream. */
const mailbox = "mailbox"
/** A resume names no more than this. */
const positionsMax = 16
