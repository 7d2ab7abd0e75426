/**
 * How much a system bears: its load is raised step by step until it falls short, then the last step is halved. Owns what
 * counts as bearing it: nearly all delivered and in time, nearly all sent, and nobody disconnected.
 */
import { spread } from "../Measure.ts"
import type { Row } from "../Report.ts"
import type { LoadClient, Measured } from "./LoadClient.ts"
import { cpuSeconds, machineSeconds } from "./Program.ts"
import type { System } from "./System.ts"

/** A load, and how it was borne. */
export interface Step extends Measured {
  readonly rate: number
  readonly isBorne: boolean
  readonly perSecond: number
  /** Cores that the servers used, and those beneath them, and everybody else on this machine. */
  readonly serverCpu: number
  readonly serviceCpu: number
  readonly othersCpu: number
}

export interface StepOptions {
  readonly p99Max: number
  readonly settleSeconds: number
  readonly seconds: number
}

export interface RampOptions extends StepOptions {
  readonly from: number
  readonly growth: number
  readonly rateMax: number
  readonly halvings: number
}

const shareMin = 0.97

type Work = "say" | "walk"

/** One load, as it is given already: measured when it has settled. */
async function look(system: System, load: LoadClient, rate: number, options: StepOptions): Promise<Step> {
  await load.measure(options.settleSeconds)
  const before = usage(system)
  const measured = await load.measure(options.seconds)
  const after = usage(system)
  const { seconds, sent, expected, delivered, p99, missed, closed, cpu } = measured
  const [serverCpu, serviceCpu, allCpu] = [0, 1, 2].map((of) => ((after[of] ?? 0) - (before[of] ?? 0)) / seconds)
  const isBorne =
    delivered >= expected * shareMin &&
    sent >= rate * seconds * shareMin &&
    missed <= sent * (1 - shareMin) &&
    p99 <= options.p99Max &&
    closed === 0
  return {
    ...measured,
    rate,
    isBorne,
    perSecond: delivered / seconds,
    serverCpu: serverCpu ?? 0,
    serviceCpu: serviceCpu ?? 0,
    othersCpu: Math.max(0, (allCpu ?? 0) - (serverCpu ?? 0) - (serviceCpu ?? 0) - cpu)
  }
}

/** What falls short is taken once more, whoever it is: a pause of the machine is not the system's. */
export async function step(
  system: System,
  load: LoadClient,
  work: Work,
  rate: number,
  options: StepOptions
): Promise<Step> {
  await load[work](rate)
  const first = await look(system, load, rate, options)
  if (first.isBorne || first.closed > 0) return first
  await load[work](0)
  await load.drain()
  await load[work](rate)
  return look(system, load, rate, options)
}

/** The highest load that was borne; undefined: not even the first. Nothing is sent any more. */
export async function ramp(
  system: System,
  load: LoadClient,
  work: Work,
  options: RampOptions,
  at: (what: string) => void
): Promise<Step | undefined> {
  let best: Step | undefined
  const take = async (rate: number): Promise<boolean> => {
    const taken = await step(system, load, work, rate, options)
    at(`${rate.toFixed(0)}/s: ${(taken.perSecond / 1000).toFixed(0)} k/s heard, p99 ${taken.p99.toFixed(0)} ms`)
    if (taken.isBorne) best = taken
    return taken.isBorne
  }
  let [low, rate] = [0, options.from]
  while (await take(rate)) {
    low = rate
    if (rate >= options.rateMax) break
    rate = Math.min(options.rateMax, rate * options.growth)
  }
  for (let halving = 0; halving < options.halvings && low > 0 && rate > low; halving++) {
    await load[work](0)
    await load.drain()
    const middle = (low + rate) / 2
    if (await take(middle)) low = middle
    else rate = middle
  }
  await load[work](0)
  await load.drain()
  return best
}

/** The same figure of several repetitions, as a row. */
export const rowOf = (
  name: string,
  unit: string,
  steps: ReadonlyArray<Step | undefined>,
  of: (step: Step) => number,
  targets: Pick<Row, "target" | "atLeast"> = {}
): Row => ({ name, unit, ...spread(steps.map((each) => (each === undefined ? 0 : of(each)))), ...targets })

const usage = ({ pids, servicePids }: System): ReadonlyArray<number> => [
  cpuSeconds(pids),
  cpuSeconds(servicePids),
  machineSeconds()
]
