/**
 * The lines of a channel as this runner has heard them: in order, each naming the one before it (rule C3), and kept as
 * long as the channel keeps them (rule C4), so that newcomers get a history and those who come back what they missed.
 * Whom a line is told is LineBatch's.
 */
import { Reach } from "../../../gen/noriter/client/v1/chat.ts"
import type { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { lineOf } from "./Describe.ts"
import { lineAgeMsMax, nearbyLinesMax, playgroundLinesMax } from "./LineStream.ts"

export interface LineBounds {
  readonly ageMsMax: number
  readonly playgroundMax: number
  readonly nearbyMax: number
}

/** Those of every channel. */
export const channelBounds: LineBounds = {
  ageMsMax: lineAgeMsMax,
  playgroundMax: playgroundLinesMax,
  nearbyMax: nearbyLinesMax
}

/** A line, encoded when it is first told, and once. */
export class HeardLine {
  readonly told: LineTold
  readonly everywhere: boolean
  private forOthers: Uint8Array | undefined

  constructor(told: LineTold) {
    this.told = told
    this.everywhere = told.reach === Reach.REACH_PLAYGROUND
  }

  /** As a member hears it: its speaker with the request's id. */
  chunkFor(member: number): Uint8Array {
    const { id } = this.told
    if (id !== 0 && member === this.told.member) return said(this.told, id, false)
    // Of its own memory: a slice of Node's pool would hold on to 8 KiB for as long as this line is kept.
    this.forOthers ??= new Uint8Array(said(this.told, 0, false))
    return this.forOthers
  }

  /** As somebody hears it who was not there. */
  asHistory(): Uint8Array {
    return said(this.told, 0, true)
  }
}

const said = (told: LineTold, id: number, history: boolean): Uint8Array => {
  const { seq, member, nickname, text, reach, atMs } = told
  return told.announced
    ? lineOf({ $case: "announced", value: { $type: "noriter.client.v1.Announced", seq, text, atMs, history } })
    : lineOf({
        $case: "said",
        value: {
          $type: "noriter.client.v1.Said",
          seq,
          member,
          id,
          nickname,
          text,
          reach: reachOf(reach),
          atMs,
          history
        }
      })
}

const reachOf = (reach: number): Reach =>
  reach === Reach.REACH_PLAYGROUND ? Reach.REACH_PLAYGROUND : Reach.REACH_NEARBY

export class Lines {
  /** The last line heard. */
  head = 0
  /** Some line up to here is not kept. */
  trimmedTo = 0
  private readonly bounds: LineBounds
  private playground: Array<HeardLine> = []
  private nearby: Array<HeardLine> = []

  constructor(bounds: LineBounds) {
    this.bounds = bounds
  }

  /** Forgets all, and begins with what the channel keeps. */
  begin(head: number, trimmedTo: number, lines: ReadonlyArray<LineTold>): void {
    this.playground = []
    this.nearby = []
    this.trimmedTo = trimmedTo
    this.head = head
    for (const line of lines) if (line.seq <= head) this.keep(new HeardLine(line))
  }

  /** Takes a line in, if it is the next one. */
  hear(told: LineTold): HeardLine | "duplicate" | "gap" {
    if (told.seq <= this.head) return "duplicate"
    // Before it lies less than was heard: what lies between is not in the stream any more, which has gone back (rule L11).
    if (told.prev > this.head) return "gap"
    const line = new HeardLine(told)
    this.head = told.seq
    this.keep(line)
    return line
  }

  /** What lies before is not coming. */
  skipTo(seq: number): void {
    this.begin(seq, seq, [])
  }

  /** Whether all lines after this one are here: it was heard, and none is cut. */
  recovers(afterSeq: number): boolean {
    return afterSeq >= this.trimmedTo && afterSeq <= this.head
  }

  /** The last lines that all heard. */
  last(count: number): ReadonlyArray<HeardLine> {
    return count > 0 ? this.playground.slice(-count) : []
  }

  /** All lines after this one, in order. */
  after(seq: number): ReadonlyArray<HeardLine> {
    const isAfter = (line: HeardLine): boolean => line.told.seq > seq
    return [...this.playground.filter(isAfter), ...this.nearby.filter(isAfter)].sort((a, b) => a.told.seq - b.told.seq)
  }

  private keep(line: HeardLine): void {
    const kept = line.everywhere ? this.playground : this.nearby
    const countMax = line.everywhere ? this.bounds.playgroundMax : this.bounds.nearbyMax
    kept.push(line)
    const oldestMs = line.told.atMs - this.bounds.ageMsMax
    for (let first = kept[0]; first !== undefined; first = kept[0]) {
      if (kept.length <= countMax && first.told.atMs >= oldestMs) return
      kept.shift()
      this.trimmedTo = Math.max(this.trimmedTo, first.told.seq)
    }
  }
}
