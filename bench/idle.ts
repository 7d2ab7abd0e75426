/**
 * Ten thousand phones that said hello and stay: how fast they come, what each takes in memory, what all of them cost. Beside
 * them what a connection takes where there is no more than that (bare net), and with the handshake of Socket.IO.
 */
import { contest } from "./harness/Contest.ts"
import { LoadClient } from "./harness/LoadClient.ts"
import { cpuSeconds, residentBytes } from "./harness/Program.ts"
import { type Contender, net, noriter, socketio } from "./harness/System.ts"
import { spread } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

const goals: ReadonlyMap<string, Pick<Row, "target" | "atLeast">> = new Map([
  ["Noriter: hellos", { atLeast: 8_000 }],
  ["Noriter: resident, each", { target: 10 }],
  ["Noriter: busy", { target: 5 }],
  ["Noriter: disconnected", { target: 0 }]
])
const settleSeconds = 5
/** Longer than the 24 s after which a phone asks for a sign of life: each is heard once, and told what it must be. */
const idleSeconds = 27
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
  about: "10,000 phones say hello and stay, beside bare net and Socket.IO",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    const ours = noriter({}, profileTo)
    const outcomes = await contest([ours, net(), socketio], repetitions, (contender) =>
      idleOn(contender, phones || 10_000, at)
    )
    const [own = [], beside = []] = [outcomes.get(ours.name), outcomes.get(socketio.name)]
    const ratios = own.map(({ hellosPerSecond }, time) => hellosPerSecond / (beside[time]?.hellosPerSecond ?? 0))
    return [
      ...[...outcomes].flatMap(([name, all]) => rowsOf(name, all)),
      { name: "Noriter / Socket.IO: hellos", unit: "×", ...spread(ratios) }
    ]
  }
}

const rowsOf = (contender: string, all: ReadonlyArray<Idle>): ReadonlyArray<Row> => {
  const row = (what: string, unit: string, of: (idle: Idle) => number): Row => {
    const name = `${contender}: ${what}`
    return { name, unit, ...spread(all.map(of)), ...goals.get(name) }
  }
  return [
    row("hellos", "/s", ({ hellosPerSecond }) => hellosPerSecond),
    row("resident, each", "kB", ({ kilobytesEach }) => kilobytesEach),
    row("busy", "% of a core", ({ busyPercent }) => busyPercent),
    row("disconnected", "phones", ({ closed }) => closed)
  ]
}
