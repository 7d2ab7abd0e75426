/**
 * How long a piece of code takes, in a way that can be compared: warmed up, in batches long enough for the clock, the
 * median and the range that most batches fell in. Two pieces are measured by turns, so that a machine that slows down
 * meanwhile slows both, and their ratio stays.
 */

/** Runs the piece so many times; what it returns is kept, so that the compiler cannot leave the piece out. */
export type Piece = (times: number) => unknown

/** The middle and the range between the 10th and the 90th of a hundred. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export interface Comparison {
  /** Nanoseconds a run. */
  readonly piece: Spread
  readonly baseline: Spread
  /** Of neighbouring batches. */
  readonly ratio: Spread
}

/** Shorter than the turn that a busy machine gives a process, so that most batches run in one piece. */
const batchMs = 0.5
const warmUpMs = 300
const pairsMin = 20

let kept: unknown

/** Nanoseconds a run. */
export function measure(piece: Piece, seconds: number): Spread {
  return compare(piece, piece, seconds).piece
}

/** Measures the piece and the baseline by turns for so many seconds. */
export function compare(piece: Piece, baseline: Piece, seconds: number): Comparison {
  const times = { piece: warmUp(piece), baseline: warmUp(baseline) }
  const taken = { piece: [] as number[], baseline: [] as number[], ratio: [] as number[] }
  const until = performance.now() + seconds * 1000
  for (let pair = 0; pair < pairsMin || performance.now() < until; pair++) {
    // Who goes first changes, so that neither always runs in the wake of the other's garbage.
    const first = pair % 2 === 0 ? batch(piece, times.piece) : undefined
    const second = batch(baseline, times.baseline)
    const own = first ?? batch(piece, times.piece)
    taken.piece.push(own)
    taken.baseline.push(second)
    taken.ratio.push(own / second)
  }
  return { piece: spread(taken.piece), baseline: spread(taken.baseline), ratio: spread(taken.ratio) }
}

/** The middle and the range of some figures. */
export function spread(figures: ReadonlyArray<number>): Spread {
  return { median: quantile(figures, 0.5), low: quantile(figures, 0.1), high: quantile(figures, 0.9) }
}

export function quantile(figures: ReadonlyArray<number>, share: number): number {
  const sorted = [...figures].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** How steep it is between each two points; the middle of them is a slope that one odd point does not change. */
export function slopes(points: ReadonlyArray<readonly [x: number, y: number]>): ReadonlyArray<number> {
  return points.flatMap(([fromX, fromY], index) =>
    points.slice(index + 1).map(([toX, toY]) => (toY - fromY) / (toX - fromX))
  )
}

/** Runs the piece until it is compiled; how many runs fill a batch. */
function warmUp(piece: Piece): number {
  let times = 1
  const until = performance.now() + warmUpMs
  while (performance.now() < until) {
    const nanoseconds = batch(piece, times)
    times = Math.max(1, Math.round((batchMs * 1e6) / nanoseconds))
  }
  return times
}

function batch(piece: Piece, times: number): number {
  const begun = process.hrtime.bigint()
  kept = piece(times)
  const taken = Number(process.hrtime.bigint() - begun)
  if (kept === batch) throw new Error("never: this only keeps the result alive")
  return Math.max(1, taken) / times
}
