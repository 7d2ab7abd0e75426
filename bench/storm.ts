/**
 * Five thousand phones come at once and enter the same channel, as after an announcement: how fast they are let in, and
 * how late the event loop was for everybody else.
 */
import { contest } from "./harness/Contest.ts"
import { LoadClient } from "./harness/LoadClient.ts"
import { type Contender, noriter } from "./harness/System.ts"
import { spread } from "./Measure.ts"
import type { Bench } from "./Report.ts"

interface Storm {
  readonly entersPerSecond: number
  readonly turnedAway: number
  readonly lagMs: number
}

const lagOf = 'noriter_event_loop_lag_seconds{quantile="0.99"}'

async function stormOn(contender: Contender, phones: number, at: (what: string) => void): Promise<Storm> {
  at(`starting ${contender.name}`)
  await using system = await contender.start()
  const { protocol, ports } = system
  await using load = new LoadClient({ protocol, ports, phones })
  at(`${phones} phones enter`)
  const { opened, failed, seconds } = await load.connect(phones)
  const metrics = await system.metrics()
  return {
    entersPerSecond: opened / seconds,
    turnedAway: failed + phones - opened,
    lagMs: (metrics.get(lagOf) ?? Number.NaN) * 1000
  }
}

export const storm: Bench = {
  name: "storm",
  about: "5,000 phones enter one channel at once",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    const ours = noriter({}, profileTo)
    const outcomes = await contest([ours], repetitions, (contender) => stormOn(contender, phones || 5_000, at))
    const all = outcomes.get(ours.name) ?? []
    return [
      { name: "entered", unit: "/s", ...spread(all.map(({ entersPerSecond }) => entersPerSecond)) },
      { name: "turned away", unit: "phones", target: 0, ...spread(all.map(({ turnedAway }) => turnedAway)) },
      { name: "event loop late, p99", unit: "ms", ...spread(all.map(({ lagMs }) => lagMs)) }
    ]
  }
}
