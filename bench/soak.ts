/**
 * A server with many bots in it for minutes, as it is by default: whether its heap stays as it is, its log has nothing
 * to say, and its event loop is in time. The heap is what is left when all garbage was collected.
 *
 *     npm run bench -- soak --bots 1000 --minutes 5
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Inspector, inspected } from "../test/e2e/Inspector.ts"
import { Server } from "../test/e2e/Server.ts"
import { slopes, spread } from "./Measure.ts"
import type { Bench, Given, Row } from "./Report.ts"

const main = join(import.meta.dirname, "../src/main.ts")
/** A collection stops the server for tens of milliseconds: so seldom that it is not in the 99th of a hundred. */
const sampleEveryMs = 20_000
/** Bots arrive at 80 a second; the log keeps two minutes, a channel's history one: until then the heap grows. */
const settledAfterMs = 140_000
const megabyte = 1_000_000

const heapSlopeMax = 1
const lagMsMax = 20

interface Sample {
  readonly atMs: number
  readonly heapMb: number
  readonly rssMb: number
  readonly lagP99Ms: number
  readonly busy: number
  /** Seconds so far that the process could have run and a processor was not to be had: whatever is late then is not its. */
  readonly waitedSeconds: number
  readonly sessions: number
}

const metric = (text: string, name: string): number => {
  const line = text.split("\n").find((line) => line.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? Number.NaN)
}

/** Linux keeps it as the second figure, in nanoseconds. */
const waitedSeconds = (pid: number): Promise<number> =>
  readFile(`/proc/${pid}/schedstat`, "utf8").then(
    (text) => Number(text.split(" ")[1]) / 1e9,
    () => Number.NaN
  )

async function sample({ httpPort, pid }: Server, inspector: Inspector, beganAt: number): Promise<Sample> {
  // Read before the collection, which is no part of what is measured.
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()
  return {
    atMs: performance.now() - beganAt,
    heapMb: (await inspector.heapBytes()) / megabyte,
    rssMb: metric(text, "noriter_resident_bytes") / megabyte,
    lagP99Ms: metric(text, 'noriter_event_loop_lag_seconds{quantile="0.99"}') * 1000,
    busy: metric(text, "noriter_event_loop_busy_ratio"),
    waitedSeconds: await waitedSeconds(pid),
    sessions: metric(text, 'noriter_sessions{state="present"}')
  }
}

/** Bots in a process of their own, and what they print at their end. */
function startBots(port: number, bots: number, seconds: number): { child: ChildProcess; summary: Promise<string> } {
  const child = spawn(process.execPath, [main, "bots", `${bots}`, "--port", `${port}`, "--seconds", `${seconds}`], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  let text = ""
  child.stdout.setEncoding("utf8").on("data", (some: string) => {
    text += some
  })
  return { child, summary: once(child, "close").then(() => text) }
}

/** Megabytes a minute. */
const slopeOf = (samples: ReadonlyArray<Sample>): ReadonlyArray<number> =>
  slopes(samples.map(({ atMs, heapMb }) => [atMs / 60_000, heapMb]))

/** Per cent of the time, from sample to sample. */
function waitsOf(samples: ReadonlyArray<Sample>): ReadonlyArray<number> {
  return samples.slice(1).map((to, index) => {
    const from = samples[index] ?? to
    return ((to.waitedSeconds - from.waitedSeconds) / (to.atMs - from.atMs)) * 100_000
  })
}

/** Log lines that an operator should look at, without those of the start. */
const alarmsIn = ({ output }: Server): ReadonlyArray<string> =>
  output
    .slice(output.indexOf("noriter ready"))
    .split("\n")
    .filter((line) => /"level":"(WARN|ERROR|FATAL)"/.test(line))

const one = (name: string, unit: string, figure: number, target?: number): Row => {
  const row = { name, unit, median: figure, low: figure, high: figure }
  return target === undefined ? row : { ...row, target }
}

function rowsOf(all: ReadonlyArray<Sample>, settled: ReadonlyArray<Sample>, alarms: number): ReadonlyArray<Row> {
  const range = (of: (sample: Sample) => number) => spread(settled.map(of))
  const lags = settled.map(({ lagP99Ms }) => lagP99Ms)
  return [
    { name: "heap slope, once settled", unit: "MB/min", target: heapSlopeMax, ...spread(slopeOf(settled)) },
    { name: "heap after collection", unit: "MB", ...range(({ heapMb }) => heapMb) },
    { name: "resident", unit: "MB", ...range(({ rssMb }) => rssMb) },
    { name: "event loop late, p99 of ten seconds", unit: "ms", target: lagMsMax, ...spread(lags) },
    one("event loop late, p99 of the worst ten seconds", "ms", Math.max(...lags)),
    { name: "event loop busy", unit: "%", ...range(({ busy }) => busy * 100) },
    { name: "waited for a processor", unit: "%", ...spread(waitsOf(settled)) },
    one("sessions at the end", "", all.at(-1)?.sessions ?? 0),
    one("warnings and errors in the log", "", alarms, 0)
  ]
}

export const soak: Bench = {
  name: "soak",
  about: "a server with bots for minutes: heap, event loop, log (--bots 1000 --minutes 5)",
  isLong: true,
  run: async (_seconds, at, { bots, minutes }: Given) => {
    const lastsMs = minutes * 60_000
    await using server = await Server.start(inspected)
    using inspector = await Inspector.open(server)
    const beganAt = performance.now()
    const { child, summary } = startBots(server.tcpPort, bots, Math.ceil(lastsMs / 1000))
    const samples: Array<Sample> = []
    try {
      while (performance.now() - beganAt + sampleEveryMs < lastsMs && child.exitCode === null) {
        await new Promise((resolve) => setTimeout(resolve, sampleEveryMs))
        const now = await sample(server, inspector, beganAt)
        samples.push(now)
        const { heapMb, rssMb, lagP99Ms, busy, sessions } = now
        const text = `${heapMb.toFixed(1)} MB heap, ${rssMb.toFixed(0)} MB, ${lagP99Ms.toFixed(1)} ms late, ${(busy * 100).toFixed(0)} % busy`
        at(text)
        process.stderr.write(`${Math.round(now.atMs / 1000)} s: ${sessions} here, ${text}\n`)
      }
      process.stderr.write(`bots: ${await summary}`)
    } finally {
      child.kill()
    }
    const alarms = alarmsIn(server)
    if (alarms.length > 0) process.stderr.write(`${alarms.slice(0, 20).join("\n")}\n`)
    const later = samples.filter(({ atMs }) => atMs >= Math.min(settledAfterMs, lastsMs / 2))
    return rowsOf(samples, later, alarms.length)
  }
}
