/**
 * What phones cost that are told frames of their own: two thousand that walk, of whom one in ten has blocked somebody around
 * it, beside as many of whom nobody has. The tick alone, without the sockets, is fanout's.
 */
import { busyOf, contest, ratioRow, rowsOf } from "./harness/Contest.ts"
import { noriterFor, type Walk, walkOn } from "./harness/Walk.ts"
import type { Bench } from "./Report.ts"

const p99Max = 160
const busyRatioMax = 1.1
const blocking = 10

export const blocks: Bench = {
  name: "blocks",
  about: "2,000 phones walk, 46 in view; one in ten has blocked somebody near, beside nobody",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    // They stay in their cells, so that whom they have blocked stays around them.
    const walk: Walk = { phones: phones || 2_000, inView: 46, movesPerSecond: 5, goesFar: false, p99Max }
    const without = { ...noriterFor(walk, profileTo), name: "nobody blocks" }
    const one = { ...noriterFor(walk, profileTo), name: "one in ten blocks" }
    const walked = await contest([one, without], repetitions, async (contender) => {
      const some = contender === one ? { ...walk, blocking } : walk
      return (await walkOn(contender, some, at)).step
    })
    const [own = [], beside = []] = [walked.get(one.name), walked.get(without.name)]
    return [
      ...rowsOf(walked).map((row) => (row.name.endsWith(": p99") ? { ...row, target: p99Max } : row)),
      ratioRow("one in ten blocks / nobody: busy", own, beside, busyOf, { target: busyRatioMax })
    ]
  }
}
