/**
 * Two thousand phones that move five times a second with some 46 in view, beside bare node:net with the same cells and
 * tick; and once more as people do, who walk from cell to cell.
 */
import { busyOf, contest, ratioRow, rowsOf } from "./harness/Contest.ts"
import { net } from "./harness/System.ts"
import { noriterFor, type Walk, walkOn } from "./harness/Walk.ts"
import type { Bench } from "./Report.ts"

const tickMs = 100
const busyRatioMax = 1.15
const p99Max = tickMs + 60

export const move: Bench = {
  name: "move",
  about: "2,000 phones move 5 times a second, 46 in view, beside bare net at the same tick",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    const walk: Walk = { phones: phones || 2_000, inView: 46, movesPerSecond: 5, goesFar: false, p99Max }
    const [ours, bare] = [noriterFor(walk, profileTo), net(tickMs)]
    const staying = await contest(
      [ours, bare],
      repetitions,
      async (contender) => (await walkOn(contender, walk, at)).step
    )
    const far = { ...walk, goesFar: true }
    const walking = await contest([ours], repetitions, async (contender) => (await walkOn(contender, far, at)).step)
    const [own = [], beside = []] = [staying.get(ours.name), staying.get(bare.name)]
    return [
      ...rowsOf(staying).map((row) => (row.name === "Noriter: p99" ? { ...row, target: p99Max } : row)),
      ratioRow("Noriter / bare net: busy", own, beside, busyOf, { target: busyRatioMax }),
      ...rowsOf(new Map([...walking].map(([name, steps]) => [`from cell to cell, ${name}`, steps])))
    ]
  }
}
