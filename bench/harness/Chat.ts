/**
 * The chat that systems are compared by: a thousand phones hear what ten of them say to all, a hundred bytes a line. Owns
 * one run on one system, and the check that Noriter counts what its phones were told.
 */

import { spread } from "../Measure.ts"
import type { Row } from "../Report.ts"
import { differing, linesCounted } from "./Figures.ts"
import { LoadClient } from "./LoadClient.ts"
import { type RampOptions, ramp, type Step, step } from "./Ramp.ts"
import type { Contender, System } from "./System.ts"

export interface Chat {
  readonly best: Step | undefined
  /** Lines answered, and how many records, effects and tells there are more or fewer. */
  readonly answered: number
  readonly differing: number
}

export const chatPhones = 1_000
const textBytes = 100
const checkSeconds = 2
/** Until what runs all the time is compiled, in all processes. */
const warmUpSeconds = 6
const warmUpRate = 30
const quietRate = 35
const quietSeconds = 5

export const chatRamp: RampOptions = {
  from: 20,
  growth: 1.6,
  rateMax: 100_000,
  halvings: 3,
  p99Max: 100,
  settleSeconds: 0.8,
  seconds: 2
}

export async function chat(
  contender: Contender,
  phones: number,
  options: RampOptions,
  at: (what: string) => void,
  warmUp = warmUpSeconds
): Promise<Chat> {
  at(`starting ${contender.name}`)
  await using system = await contender.start()
  const { protocol, ports } = system
  await using load = new LoadClient({ protocol, ports, phones, textBytes })
  const { ready } = await load.connect(phones)
  if (ready < phones) throw new Error(`only ${ready} of ${phones} phones were let in by ${contender.name}`)
  at(`${contender.name}: warming up`)
  await load.say(warmUpRate)
  await load.measure(warmUp)
  await load.say(0)
  await load.drain()
  const best = await ramp(system, load, "say", options, (what) => at(`${contender.name}: ${what}`))
  const checked = protocol === "noriter" ? await check(system, load, (best?.rate ?? 2) / 2) : nothing
  return { best, ...checked }
}

/** The quiet room: 35 lines a second. */
export async function quietOn(contender: Contender, phones: number, at: (what: string) => void): Promise<Step> {
  at(`starting ${contender.name}`)
  await using system = await contender.start()
  const { protocol, ports } = system
  await using load = new LoadClient({ protocol, ports, phones, textBytes })
  await load.connect(phones)
  at(`${contender.name}: ${quietRate}/s`)
  await load.say(quietRate)
  await load.measure(warmUpSeconds)
  return await step(system, load, "say", quietRate, { ...chatRamp, seconds: quietSeconds })
}

export const checkRows = (checks: ReadonlyArray<Chat>): ReadonlyArray<Row> => [
  { name: "lines answered, in the check", unit: "", ...spread(checks.map(({ answered }) => answered)) },
  {
    name: "records, effects, tells, deliveries beside them",
    unit: "too many or few",
    target: 0,
    ...spread(checks.map(({ differing }) => differing))
  }
]

const nothing = { answered: 0, differing: 0 }

/** Says for a while, waits for all answers, and compares: each line is one record, one effect, one tell to each runner. */
async function check(system: System, load: LoadClient, rate: number): Promise<typeof nothing> {
  const [before, toldBefore] = [await system.metrics(), await load.total()]
  await load.say(rate)
  await load.measure(checkSeconds)
  await load.say(0)
  await load.drain()
  const [after, toldAfter] = [await system.metrics(), await load.total()]
  const answered = toldAfter.answered - toldBefore.answered
  const sent = toldAfter.sent - toldBefore.sent
  const heardByEach = (toldAfter.delivered - toldBefore.delivered) / toldAfter.phones
  const counted = linesCounted(before, after, system.pids.length)
  return { answered, differing: differing(answered, [sent, heardByEach, ...Object.values(counted)]) }
}
