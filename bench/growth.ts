/**
 * More and more phones in one channel at the same density, each walking twice a second with some 30 in view: what one
 * costs must not grow with all the others. Ten thousand at the end.
 */
import { contest, rowsOf } from "./harness/Contest.ts"
import type { Step } from "./harness/Ramp.ts"
import { noriterFor, type Walk, walkOn } from "./harness/Walk.ts"
import { spread } from "./Measure.ts"
import type { Bench } from "./Report.ts"

const crowds = [500, 1_000, 2_000, 4_000, 8_000, 10_000]
const p99Max = 300
const growthMax = 1.3

const busyEach = ({ serverCpu, phones }: Step): number => (serverCpu * 1e6) / phones

export const growth: Bench = {
  name: "growth",
  about: "500 to 10,000 phones in one channel walk twice a second, 30 in view",
  isLong: true,
  run: async (_seconds, at, { repetitions, profileTo }) => {
    const all = new Map<number, ReadonlyArray<Step>>()
    for (const phones of crowds) {
      const walk: Walk = { phones, inView: 30, movesPerSecond: 2, goesFar: true, p99Max }
      const ours = noriterFor(walk, profileTo)
      const walked = await contest([ours], repetitions, async (contender) => (await walkOn(contender, walk, at)).step)
      all.set(phones, walked.get(ours.name) ?? [])
    }
    const [least = [], most = []] = [500, 8_000].map((phones) => all.get(phones))
    const ratios = most.map((step, time) => busyEach(step) / busyEach(least[time] ?? step))
    return [
      ...rowsOf(new Map([...all].map(([phones, steps]) => [`${phones} phones`, steps]))).map((row) =>
        row.name === "10000 phones: p99" ? { ...row, target: p99Max } : row
      ),
      ...[...all].map(([phones, steps]) => ({
        name: `${phones} phones: busy for each`,
        unit: "µs/s",
        ...spread(steps.map(busyEach))
      })),
      { name: "8,000 phones / 500 phones: busy for each", unit: "×", target: growthMax, ...spread(ratios) }
    ]
  }
}
