/** Ten thousand phones that said hello and stay: how fast they come, what each takes in memory, what all of them cost. */
import { contest } from "./harness/Contest.ts"
import { LoadClient } from "./harness/LoadClient.ts"
import { cpuSeconds, residentBytes } from "./harness/Program.ts"
import { type Contender, noriter } from "./harness/System.ts"
import { spread } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

const kilobytesMax = 10
const hellosPerSecondMin = 8_000
const busyPercentMax = 5
const settleSeconds = 5
const idleSeconds = 15
/** Whoever comes first finds code that is not compiled yet and memory that is not there yet. */
const warmUpPhones = 200

interface Idle {
  readonly hellosPerSecond: number
  readonly kilobytesEach: number
  readonly busyPercent: number
  readonly closed: number
}

async function idleOn(contender: Contender, phones: number, at: (what: string) => void): Promise<Idle> {
  at(`starting ${contender.name}`)
  await using system = await contender.start()
  const { protocol, ports, pids } = system
  await using load = new LoadClient({ protocol, ports, phones: phones + warmUpPhones, idle: true })
  await load.connect(warmUpPhones)
  await load.measure(1)
  const before = residentBytes(pids)
  at(`${phones} phones say hello`)
  const { opened, seconds } = await load.connect(phones + warmUpPhones)
  await load.measure(settleSeconds)
  const kilobytesEach = (residentBytes(pids) - before) / 1000 / opened
  at("nothing happens")
  const busyBefore = cpuSeconds(pids)
  const { closed } = await load.measure(idleSeconds)
  const busyPercent = ((cpuSeconds(pids) - busyBefore) / idleSeconds) * 100
  return { hellosPerSecond: opened / seconds, kilobytesEach, busyPercent, closed }
}

export const idle: Bench = {
  name: "idle",
  about: "10,000 phones say hello and stay",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    const ours = noriter({}, profileTo)
    const outcomes = await contest([ours], repetitions, (contender) => idleOn(contender, phones || 10_000, at))
    const all = outcomes.get(ours.name) ?? []
    const row = (
      name: string,
      unit: string,
      of: (idle: Idle) => number,
      goal: Pick<Row, "target" | "atLeast">
    ): Row => ({
      name,
      unit,
      ...spread(all.map(of)),
      ...goal
    })
    return [
      row("hellos", "/s", ({ hellosPerSecond }) => hellosPerSecond, { atLeast: hellosPerSecondMin }),
      row("resident, each", "kB", ({ kilobytesEach }) => kilobytesEach, { target: kilobytesMax }),
      row("busy", "% of a core", ({ busyPercent }) => busyPercent, { target: busyPercentMax }),
      row("disconnected", "phones", ({ closed }) => closed, { target: 0 })
    ]
  }
}
