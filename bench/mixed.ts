/** An evening in the park: two thousand phones walk twice a second while ten of them say 35 lines a second to all. */
import { contest, rowsOf } from "./harness/Contest.ts"
import { noriterFor, type Walk, walkOn } from "./harness/Walk.ts"
import type { Bench } from "./Report.ts"

const p99Max = 200

export const mixed: Bench = {
  name: "mixed",
  about: "2,000 phones walk twice a second, 46 in view, while ten say 35 lines a second to all",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    const count = phones || 2_000
    const walk: Walk = { phones: count, inView: 46, movesPerSecond: 2, linesPerSecond: 35, goesFar: true, p99Max }
    const ours = noriterFor(walk, profileTo)
    const walked = await contest([ours], repetitions, async (contender) => (await walkOn(contender, walk, at)).step)
    return rowsOf(walked).map((row) => (row.name === "Noriter: p99" ? { ...row, target: p99Max } : row))
  }
}
