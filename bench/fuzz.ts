/**
 * What a bystander notices of fifty sockets that talk nonsense: how long its pings take on a quiet server, beside 1,000
 * such lines a second, and beside as many as the server answers. That they do no harm is a test: test/e2e/fuzz.test.ts.
 */
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { unlimited } from "../test/e2e/Guest.ts"
import { Phone } from "../test/e2e/Phone.ts"
import { Server } from "../test/e2e/Server.ts"
import type { FuzzingData } from "./fuzzing.ts"
import { quantile, spread } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

const connections = 50
const linesPerSecond = 1_000
const lines = 10_000
const quietSeconds = 3
const pingEveryMs = 2
/** Twice what it is on a quiet server, or this: less is the machine's jitter. */
const p99MsMin = 5

/** Milliseconds of pings, one after another, until the other thing is done. */
async function pingUntil(phone: Phone, done: Promise<unknown>): Promise<ReadonlyArray<number>> {
  const taken: Array<number> = []
  let isOver = false
  const over = done.then(() => {
    isOver = true
  })
  while (!isOver) {
    const begun = performance.now()
    await phone.ask({ ping: {} })
    taken.push(performance.now() - begun)
    phone.lines.length = 0
    await new Promise((resolve) => setTimeout(resolve, pingEveryMs))
  }
  await over
  return taken
}

/** In a thread of its own; ends when all lines were handled. */
async function talk(options: FuzzingData): Promise<void> {
  const worker = new Worker(new URL("./fuzzing.ts", import.meta.url), { workerData: options })
  try {
    await once(worker, "message")
  } finally {
    await worker.terminate()
  }
}

const toRows = (name: string, taken: ReadonlyArray<number>, target?: number): ReadonlyArray<Row> => {
  const p99 = quantile(taken, 0.99)
  const worst: Row = {
    name: `${name}, p99`,
    unit: "ms",
    median: p99,
    low: quantile(taken, 0.95),
    high: Math.max(...taken)
  }
  return [
    { name: `${name}, p50 of ${taken.length}`, unit: "ms", ...spread(taken) },
    target === undefined ? worst : { ...worst, target }
  ]
}

export const fuzz: Bench = {
  name: "fuzz",
  about: "a bystander's ping beside fifty sockets that talk nonsense",
  run: async (_seconds, at) => {
    at("starting a server")
    await using server = await Server.start(unlimited)
    await using phone = await Phone.greet(server.tcpPort, "구경꾼")
    const port = server.tcpPort
    at("warming up")
    await pingUntil(phone, talk({ port, seed: 1, lines, connections }))
    at("quiet")
    const quiet = await pingUntil(phone, new Promise((resolve) => setTimeout(resolve, quietSeconds * 1000)))
    const target = Math.max(p99MsMin, 2 * quantile(quiet, 0.99))
    at(`${linesPerSecond} lines a second`)
    const beside = await pingUntil(phone, talk({ port, seed: 2, lines, connections, linesPerSecond }))
    at("as many as are answered")
    const flood = await pingUntil(phone, talk({ port, seed: 3, lines: lines * 3, connections }))
    return [
      ...toRows("quiet", quiet),
      ...toRows(`beside ${linesPerSecond} lines a second`, beside, target),
      ...toRows("beside as many as are answered", flood)
    ]
  }
}
