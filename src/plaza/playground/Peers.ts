/**
 * The frames of the other runners in a channel: numbered by each incarnation, so that a lost one is noticed and a key
 * frame asked for (design 7, rule P10). What stands in a frame is the view's.
 */
import type { MovesTold } from "../../../gen/noriter/runner/v1/playground.ts"

interface Peer {
  /** The last frame. */
  number: number
  /** How often a key frame is still to be asked for; 0: nothing is missing, or nobody answers. */
  asks: number
}

/** Incarnations remembered; those heard last. */
const peersMax = 1_000
/** How often a lost frame is asked for: whoever does not answer is gone. */
const asksMax = 3
const askEveryMs = 1_000

export class Peers {
  private readonly peers = new Map<string, Peer>()
  private missing = false
  private doubted = false
  private askedMs = Number.NEGATIVE_INFINITY

  /** Takes note of a frame; false: it is not newer than the last one. */
  note({ incarnation, number, key }: MovesTold): boolean {
    const known = this.peers.get(incarnation)
    if (known !== undefined && number <= known.number) return false
    // The first frame that is heard of a runner may be its first, or not.
    const lost = !key && number !== (known?.number ?? 0) + 1
    const asks = key ? 0 : lost ? asksMax : (known?.asks ?? 0)
    this.missing ||= asks > 0
    this.peers.delete(incarnation)
    this.peers.set(incarnation, { number, asks })
    const [oldest] = this.peers.keys()
    if (this.peers.size > peersMax && oldest !== undefined) this.peers.delete(oldest)
    return true
  }

  /** What was said here may have been heard after what is so: it is asked for once. */
  doubt(): void {
    this.doubted = true
  }

  /** Whether key frames should be asked for now: a frame was lost, or is in doubt, and none asked for within the last second. */
  isKeyFrameDue(nowMs: number): boolean {
    if (!(this.missing || this.doubted) || nowMs - this.askedMs < askEveryMs) return false
    let due = this.doubted
    this.missing = this.doubted = false
    for (const peer of this.peers.values()) {
      if (peer.asks === 0) continue
      peer.asks--
      due = true
      if (peer.asks > 0) this.missing = true
    }
    if (due) this.askedMs = nowMs
    return due
  }
}
