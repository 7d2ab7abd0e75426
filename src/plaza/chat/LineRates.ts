/**
 * How many lines a channel takes a second (design 8). Counted by the records' own time in the channel's tag, so that every
 * runner comes to the same, and a broker whose clock was ahead for a moment has nobody wait until then; the rates of one
 * session are client/'s.
 */
import { Reach } from "../../../gen/noriter/client/v1/chat.ts"
import { LineRates } from "../../../gen/noriter/space/v1/records.ts"

/** Lines a second; 0 is off. */
export interface LineLimits {
  readonly channelLinesPerSecond: number
  readonly cellLinesPerSecond: number
  readonly channelNearbyPerSecond: number
}

/** The counts after one more line; undefined: it is one too many. */
export const counted = (
  before: LineRates,
  line: { readonly reach: number; readonly cell: number; readonly appendedMs: number },
  limits: LineLimits
): LineRates | undefined => {
  const second = Math.floor(line.appendedMs / 1000)
  const rates = before.second === second ? before : { ...LineRates.create(), second }
  if (line.reach === Reach.REACH_PLAYGROUND) {
    if (over(rates.playground, limits.channelLinesPerSecond)) return undefined
    return { ...rates, playground: rates.playground + 1 }
  }
  const at = rates.cell.indexOf(line.cell)
  const inCell = rates.cellLines[at] ?? 0
  if (over(rates.nearby, limits.channelNearbyPerSecond) || over(inCell, limits.cellLinesPerSecond)) return undefined
  return {
    ...rates,
    nearby: rates.nearby + 1,
    cell: at < 0 ? [...rates.cell, line.cell] : rates.cell,
    cellLines: at < 0 ? [...rates.cellLines, 1] : rates.cellLines.with(at, inCell + 1)
  }
}

const over = (count: number, limit: number): boolean => limit > 0 && count >= limit
