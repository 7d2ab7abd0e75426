/**
 * What two phones wait for on a quiet server, or each on a runner of its own over real Redis, Kafka and ZooKeeper: real
 * processes, real sockets, one thing at a time. Rates are off, so that the server and not its limits is measured; a move
 * waits for the tick, which is most of what it takes.
 *
 *     npm run bench -- latency --runners 2
 */
import { setTimeout as sleep } from "node:timers/promises"
import { Phone } from "../test/e2e/Phone.ts"
import { noriter, noriterCluster } from "./harness/System.ts"
import { quantile, spread } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

interface Goals {
  readonly p50?: number
  readonly p99?: number
}

/** Milliseconds between two idle runners; the tick is 100 ms. */
const goals = { say: { p50: 25, p99: 200 }, move: { p99: 150 } }
/** Runners are idle only where nothing is said just behind something else, which would share its way. */
const idleMs = 50
const warmUpTimes = 10
const timesMin = 20
const timesMax = 5_000

/** Milliseconds of each time, one after the other, with a pause before each. */
async function time(
  seconds: number,
  once: (time: number) => Promise<unknown>,
  pauseMs = 0
): Promise<ReadonlyArray<number>> {
  for (let time = 0; time < warmUpTimes; time++) await once(time)
  const taken: Array<number> = []
  const until = performance.now() + seconds * 1000
  while (taken.length < timesMin || (taken.length < timesMax && performance.now() < until)) {
    if (pauseMs > 0) await sleep(pauseMs)
    const begun = performance.now()
    await once(taken.length)
    taken.push(performance.now() - begun)
  }
  return taken
}

const toRows = (name: string, taken: ReadonlyArray<number>, { p50, p99: goal }: Goals = {}): ReadonlyArray<Row> => {
  const p99 = quantile(taken, 0.99)
  const targetOf = (target: number | undefined) => (target === undefined ? {} : { target })
  return [
    { name: `${name}, p50 of ${taken.length}`, unit: "ms", ...spread(taken), ...targetOf(p50) },
    { name: `${name}, p99`, unit: "ms", median: p99, low: p99, high: Math.max(...taken), ...targetOf(goal) }
  ]
}

export const latency: Bench = {
  name: "latency",
  about: "two phones over TCP, on one server or on --runners 2: from a request to what is heard of it",
  run: async (seconds, at, { runners, profileTo }) => {
    at("starting")
    await using system = await (runners > 1 ? noriterCluster(runners, profileTo) : noriter({}, profileTo)).start()
    const [first = 0, second = first] = system.ports
    await using speaker = await Phone.greet(first, "바람")
    await using listener = await Phone.greet(second, "구름")
    const entered = await speaker.ask({ enter: { playground: "park", avatar: "fox" } })
    await listener.ask({ enter: { playground: "park", avatar: "cat" } })
    const { xCm, yCm } = placeIn(entered)

    at("ping")
    const pings = await time(seconds, () => speaker.ask({ ping: {} }))
    at("say")
    const say = async (time: number) => {
      const line = `${time}번째 말`
      speaker.say({ say: { text: line, reach: "REACH_PLAYGROUND" } })
      await listener.next("said", ({ text }) => text === line)
    }
    const says = await time(seconds, say, runners > 1 ? idleMs : 0)
    at("move")
    const moves = await time(seconds, async (time) => {
      const x = xCm + (time % 2 === 0 ? 50 : 0)
      speaker.say({ move: { xCm: x, yCm } })
      await listener.next("moved", (moved) => Array.isArray(moved.xCm) && moved.xCm.includes(x))
    })
    const goal = runners > 1 ? goals : { say: {}, move: {} }
    return [
      ...toRows("ping → its answer", pings),
      ...toRows("say → said", says, goal.say),
      ...toRows("move → moved", moves, goal.move)
    ]
  }
}

function placeIn(answer: Readonly<Record<string, unknown>>): { readonly xCm: number; readonly yCm: number } {
  const body: object = typeof answer.enter === "object" && answer.enter !== null ? answer.enter : {}
  const [xCm, yCm] = [Reflect.get(body, "xCm"), Reflect.get(body, "yCm")]
  if (typeof xCm !== "number" || typeof yCm !== "number") throw new Error(`not let in: ${JSON.stringify(answer)}`)
  return { xCm, yCm }
}
