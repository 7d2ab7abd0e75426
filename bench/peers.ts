/**
 * Noriter and its peers side by side in one run: what ten of a thousand phones say to all, and more and more phones that
 * walk among their neighbours. Peers come from npm (bench/peers) and are installed when first measured; Centrifugo and
 * Nakama are measured where they are on PATH. Draws bench/plots/peers.svg.
 */
import { chat, chatPhones, chatRamp } from "./harness/Chat.ts"
import { contest, repeated, rowsOf } from "./harness/Contest.ts"
import { installed, installedWalkers } from "./harness/Installed.ts"
import { type Series, writePlot } from "./harness/Plot.ts"
import type { Step } from "./harness/Ramp.ts"
import { type Contender, colyseus, net, noriter, socketio, ws } from "./harness/System.ts"
import { noriterFor, type Walk, walkOn } from "./harness/Walk.ts"
import { spread } from "./Measure.ts"
import { type Bench, machine } from "./Report.ts"

const tickMs = 100
const p99Max = 200
const crowds = [200, 500, 1_000, 2_000]
/** Coarser than where two are compared: this is who is where. */
const ramp = { ...chatRamp, growth: 2, halvings: 2 }

type Walked = Map<string, Array<Step>>

export const peers: Bench = {
  name: "peers",
  about: "Noriter, Socket.IO, Colyseus, ws, bare net, and what else is installed, under the same loads",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, minutes, profileTo }) => {
    const speaking = [noriter({}, profileTo), socketio, colyseus(), ...installed, ws, net()]
    const said = await contest(
      speaking,
      repetitions,
      async (contender) => (await chat(contender, phones || chatPhones, ramp, at)).best,
      minutes / 2
    )
    const walked: Walked = new Map()
    await repeated(repetitions, minutes / 2, () => walkAll(walked, profileTo, at))
    at(`drawn: ${draw(walked)}`)
    const named = <A>(what: string, outcomes: ReadonlyMap<string, A>) =>
      new Map([...outcomes].map(([name, all]) => [`${what}, ${name}`, all]))
    const byCrowd = new Map(
      [...walked].flatMap(([name, steps]) =>
        crowds.map((crowd) => [`${crowd} phones, ${name}`, steps.filter((step) => step.phones === crowd)] as const)
      )
    )
    return [
      ...rowsOf(named("chat", said)),
      ...rowsOf(named("moves", new Map([...byCrowd].filter(([, steps]) => steps.length > 0))))
    ]
  }
}

/** Each with more and more phones, until it does not bear them. */
async function walkAll(walked: Walked, profileTo: string | undefined, at: (what: string) => void): Promise<void> {
  // Colyseus tells everybody of everybody: the load client would wait for what it is not asked to tell.
  const others: ReadonlyArray<Contender> = [socketio, ...installedWalkers, ws, net(tickMs)]
  for (const { name } of [noriter(), ...others]) {
    for (const phones of crowds) {
      const walk: Walk = { phones, inView: 46, movesPerSecond: 5, goesFar: false, p99Max }
      const contender = others.find((other) => other.name === name) ?? noriterFor(walk, profileTo)
      const { step } = await walkOn(contender, walk, (what) => at(`${phones} phones: ${what}`))
      walked.set(name, [...(walked.get(name) ?? []), step])
      if (!step.isBorne) break
    }
  }
}

function draw(walked: Walked): string {
  const { cpu, node, date } = machine()
  const series = (of: (step: Step) => number): ReadonlyArray<Series> =>
    [...walked].map(([name, steps]) => ({
      name,
      points: crowds
        .map((crowd) => [crowd, steps.filter(({ phones }) => phones === crowd)] as const)
        .filter(([, some]) => some.length > 0)
        .map(([crowd, some]) => [crowd, spread(some.map(of)).median] as const)
    }))
  return writePlot("peers", {
    title: "Phones that move 5 times a second, 46 in view, on one core",
    against: "phones",
    note: `${cpu}, Node ${node}, ${date.slice(0, 10)}; a line ends where p99 is above ${p99Max} ms or less than 97 % is seen`,
    panels: [
      { title: "busy, % of a core", series: series(({ serverCpu }) => serverCpu * 100) },
      {
        title: "from move to sight: p99, ms (at most 400 shown)",
        series: series(({ p99 }) => Math.min(p99, 2 * p99Max)),
        bound: p99Max
      }
    ]
  })
}
