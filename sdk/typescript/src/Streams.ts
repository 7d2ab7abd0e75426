/**
 * Which lines were heard: of each stream the highest `seq`, and the `epoch` it counts in. A resume asks from there, and a
 * line that comes twice is known by it.
 */
import type { StreamPosition } from "./gen/protocol.ts"

interface Followed {
  /** The last line heard. */
  readonly position: StreamPosition
  /** From where it goes on if lines before that are lost: it is asked for from there, not for what will not come. */
  readonly goesOn: number
}

export class Streams {
  private readonly followed = new Map<string, Followed>()
  /** `park/1`, whose lines are `said` and `announced`; empty outside. */
  private channel = ""

  /** The guest stands in another channel, or in none: the lines of the old one mean nothing any more. */
  standIn(channel: string): void {
    if (channel === this.channel) return
    this.followed.delete(this.channel)
    this.channel = channel
  }

  clear(): void {
    this.followed.clear()
    this.channel = ""
  }

  /**
   * Takes over what the server says of its streams, where it is news: an unknown stream, or another history. What was heard
   * of this very history holds, because the server says where a stream stands before it sends what was missed.
   */
  follow(positions: ReadonlyArray<StreamPosition>, recovered: boolean): void {
    for (const position of positions) {
      const known = this.followed.get(position.name)?.position
      if (known?.epoch !== position.epoch) this.followed.set(position.name, { position, goesOn: 0 })
      else if (!recovered) this.followed.set(position.name, { position: known, goesOn: position.seq })
    }
  }

  /** Marks a line as heard. False: it was heard already. */
  hear(key: string, seq: number): boolean {
    const name = key === "said" || key === "announced" ? this.channel : mailbox
    const followed = this.followed.get(name)
    if (followed === undefined) return true
    if (seq <= followed.position.seq) return false
    this.followed.set(name, { ...followed, position: { ...followed.position, seq } })
    return true
  }

  /** For a resume. */
  list(): ReadonlyArray<StreamPosition> {
    const all = Array.from(this.followed.values(), ({ position, goesOn }) => ({
      ...position,
      seq: Math.max(position.seq, goesOn)
    }))
    return all.slice(-positionsMax)
  }
}

/** Every line that is not a channel's is in the guest's own stream. */
const mailbox = "mailbox"
/** A resume names no more than this. */
const positionsMax = 16
