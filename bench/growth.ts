/**
 * More and more phones in one channel at the same density, each walking twice a second with some 30 in view: what one
 * costs must not grow with all the others. Ten thousand at the end. Draws bench/plots/growth.svg.
 */
import { repeated, rowsOf } from "./harness/Contest.ts"
import type { Figures } from "./harness/Figures.ts"
import { writePlot } from "./harness/Plot.ts"
import type { Step } from "./harness/Ramp.ts"
import { noriterFor, type Walk, walkOn } from "./harness/Walk.ts"
import { spread } from "./Measure.ts"
import { type Bench, machine } from "./Report.ts"

const crowds = [500, 1_000, 2_000, 4_000, 8_000, 10_000]
const p99Max = 300
const growthMax = 1.3
/** Every tick: nobody waits for a turn, and no tick is longer than it is set. */
const toldMsMax = 100
/** While thousands come all at once there is too much to do, and back from there it goes in steps of three seconds. */
const settleSeconds = 10

interface Grown extends Step {
  /** How often a phone was told of moves at the end. */
  readonly toldMs: number
}

type All = ReadonlyMap<number, ReadonlyArray<Grown>>

const toldMsOf = (metrics: Figures): number => (metrics.get("noriter_tick_interval_seconds") ?? 0) * 1000

const busyEach = ({ serverCpu, phones }: Step): number => (serverCpu * 1e6) / phones

export const growth: Bench = {
  name: "growth",
  about: "500 to 10,000 phones in one channel walk twice a second, 30 in view",
  isLong: true,
  run: async (_seconds, at, { repetitions, minutes, isApart, profileTo }) => {
    const all = new Map<number, Array<Grown>>(crowds.map((phones) => [phones, []]))
    await repeated(repetitions, minutes, async () => {
      for (const phones of crowds) {
        const walk: Walk = { phones, inView: 30, movesPerSecond: 2, goesFar: true, p99Max, settleSeconds }
        const { step, metrics } = await walkOn(noriterFor(walk, profileTo), walk, (what) =>
          at(`${phones} phones: ${what}`)
        )
        all.get(phones)?.push({ ...step, toldMs: toldMsOf(metrics) })
      }
    })
    at(`drawn: ${draw(all, isApart)}`)
    const [least = [], most = []] = [500, 8_000].map((phones) => all.get(phones))
    const ratios = most.map((step, time) => busyEach(step) / busyEach(least[time] ?? step))
    return [
      ...rowsOf(new Map([...all].map(([phones, steps]) => [`${phones} phones`, steps]))).map((row) =>
        row.name === "10000 phones: p99" ? { ...row, target: p99Max } : row
      ),
      ...[...all].map(([phones, steps]) => ({
        name: `${phones} phones: told every`,
        unit: "ms",
        target: toldMsMax,
        ...spread(steps.map(({ toldMs }) => toldMs))
      })),
      ...[...all].map(([phones, steps]) => ({
        name: `${phones} phones: busy for each`,
        unit: "µs/s",
        ...spread(steps.map(busyEach))
      })),
      { name: "8,000 phones / 500 phones: busy for each", unit: "×", target: growthMax, ...spread(ratios) }
    ]
  }
}

function draw(all: All, isApart: boolean): string {
  const { cpu, node, date } = machine()
  const median = (of: (step: Step) => number) =>
    [...all].map(([phones, steps]) => [phones, spread(steps.map(of)).median] as const)
  return writePlot(isApart ? "growth-apart" : "growth", {
    title: `One channel on one core: each phone walks twice a second, 30 in view${isApart ? "; received apart" : ""}`,
    against: "phones",
    note: `${cpu}, Node ${node}, ${date.slice(0, 10)}; others had ${median(({ othersCpu }) => othersCpu * 100)
      .map(([, percent]) => percent.toFixed(0))
      .join(", ")} % of a core`,
    panels: [
      { title: "busy, % of a core", series: [{ name: "Noriter", points: median(({ serverCpu }) => serverCpu * 100) }] },
      {
        title: "from move to sight: p99, ms",
        series: [{ name: "Noriter", points: median(({ p99 }) => p99) }],
        bound: p99Max
      }
    ]
  })
}
