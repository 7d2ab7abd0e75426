/** Three thousand phones within 30 m, all walking: what each of them is told, and how late. */
import { contest, rowsOf } from "./harness/Contest.ts"
import { rowOf } from "./harness/Ramp.ts"
import { noriterFor, type Walk, walkOn } from "./harness/Walk.ts"
import type { Bench } from "./Report.ts"

const sideCells = 3
const cellsInView = 9
const p99Max = 500
const bytesPerSecondMax = 20_000

export const crowd: Bench = {
  name: "crowd",
  about: "3,000 phones within 30 m walk about",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    const count = phones || 3_000
    const inView = (count * cellsInView) / sideCells ** 2
    const walk: Walk = { phones: count, inView, movesPerSecond: 2, goesFar: true, p99Max }
    const ours = noriterFor(walk, profileTo)
    const walked = await contest([ours], repetitions, async (contender) => (await walkOn(contender, walk, at)).step)
    const steps = walked.get(ours.name) ?? []
    return [
      ...rowsOf(walked).map((row) => (row.name === "Noriter: p99" ? { ...row, target: p99Max } : row)),
      rowOf("to a phone", "B/s", steps, ({ bytes, seconds, phones }) => bytes / seconds / phones, {
        target: bytesPerSecondMax
      }),
      rowOf("disconnected", "phones", steps, ({ closed }) => closed, { target: 0 })
    ]
  }
}
