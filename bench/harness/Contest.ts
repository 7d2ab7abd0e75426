/**
 * Several systems under the same load in the same run, by turns, so that a machine that slows down slows all of them.
 * Owns the turns and what is printed of each; what the load is, is the bench's.
 */
import { spread } from "../Measure.ts"
import type { Row } from "../Report.ts"
import { rowOf, type Step } from "./Ramp.ts"
import type { Contender } from "./System.ts"

/** By the name of the contender, one for each repetition; undefined: it bore nothing. */
export type Outcomes<A> = ReadonlyMap<string, ReadonlyArray<A>>

/** The first repetition is whole; others are left out that would not be done within so many minutes. */
export async function contest<A>(
  contenders: ReadonlyArray<Contender>,
  repetitions: number,
  once: (contender: Contender) => Promise<A>,
  minutes = Number.POSITIVE_INFINITY
): Promise<Outcomes<A>> {
  const outcomes = new Map<string, Array<A>>(contenders.map(({ name }) => [name, []]))
  await repeated(repetitions, minutes, async () => {
    for (const contender of contenders) outcomes.get(contender.name)?.push(await once(contender))
  })
  return outcomes
}

/** As often as was asked, or as fits into the time, judged by those before; at least once. */
export async function repeated(repetitions: number, minutes: number, once: () => Promise<void>): Promise<void> {
  const began = performance.now()
  for (let time = 0; time < repetitions; time++) {
    const each = (performance.now() - began) / Math.max(1, time)
    if (time > 0 && performance.now() - began + each > minutes * 60_000) return
    await once()
  }
}

type Steps = ReadonlyArray<Step | undefined>

/** Of each contender. */
export const rowsOf = (outcomes: Outcomes<Step | undefined>): ReadonlyArray<Row> =>
  [...outcomes].flatMap(([name, steps]) => [
    rowOf(`${name}: heard`, "k/s", steps, ({ perSecond }) => perSecond / 1000),
    rowOf(`${name}: said or walked`, "/s", steps, ({ sent, seconds }) => sent / seconds),
    rowOf(`${name}: p50`, "ms", steps, ({ p50 }) => p50),
    rowOf(`${name}: p99`, "ms", steps, ({ p99 }) => p99),
    busyRow(name, steps),
    ...(steps.some((step) => (step?.serviceCpu ?? 0) > 0)
      ? [rowOf(`${name}: busy beneath`, "% of a core", steps, ({ serviceCpu }) => serviceCpu * 100)]
      : []),
    rowOf(`${name}: others on this machine`, "% of a core", steps, ({ othersCpu }) => othersCpu * 100)
  ])

const busyRow = (name: string, steps: Steps): Row =>
  rowOf(`${name}: busy`, "% of a core", steps, ({ serverCpu }) => serverCpu * 100)

/** How a figure of Noriter's is to that of the same turn of another. */
export function ratioRow(
  name: string,
  own: Steps,
  other: Steps,
  of: (step: Step) => number,
  goal: Pick<Row, "target" | "atLeast"> = {}
): Row {
  const ratios = own.map((step, time) => {
    const beside = other[time]
    return step === undefined ? 0 : beside === undefined ? Number.POSITIVE_INFINITY : of(step) / of(beside)
  })
  return { name, unit: "×", ...spread(ratios), ...goal }
}

export const heardOf = ({ perSecond }: Step): number => perSecond
export const busyOf = ({ serverCpu }: Step): number => serverCpu
