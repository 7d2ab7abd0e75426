/**
 * `npm run bench` says which benches there are; `npm run bench -- decode encode` runs some, `-- all` every one
 * that does not take minutes.
 *
 *     --seconds 1   how long each row is measured
 *     --bots 1000   how many there are, where there are bots
 *     --minutes 5   how long a soak takes, and after how long nothing is repeated any more (growth, peers)
 *     --phones 0    how many there are under load; 0: as many as the bench has by itself
 *     --runners 1   how many runners phones are on, where that can be chosen
 *     --times 3     how often what is measured beside others is repeated, by turns
 *     --apart       what arrives is taken in on the load client's core, as between machines (Linux, as root)
 *     --profile     writes a CPU profile of Noriter to bench/results
 *     --json        JSON lines on stdout, and the table on stderr; so it is, too, where stdout is no terminal
 *
 * Exits with 1 when a target was missed.
 */
import { join } from "node:path"
import { readArguments } from "../scripts/Arguments.ts"
import { blocks } from "./blocks.ts"
import { chat } from "./chat.ts"
import { cluster } from "./cluster.ts"
import { commits } from "./commits.ts"
import { crowd } from "./crowd.ts"
import { decode } from "./decode.ts"
import { dispatch } from "./dispatch.ts"
import { encode } from "./encode.ts"
import { fanout } from "./fanout.ts"
import { fuzz } from "./fuzz.ts"
import { growth } from "./growth.ts"
import { receiveApart } from "./harness/Apart.ts"
import { idle } from "./idle.ts"
import { latency } from "./latency.ts"
import { mixed } from "./mixed.ts"
import { move } from "./move.ts"
import { pageSoak } from "./page-soak.ts"
import { peers } from "./peers.ts"
import { type Bench, type Given, isMet, machine, toJsonLines, toTable } from "./Report.ts"
import { screen } from "./screen.ts"
import { soak } from "./soak.ts"
import { sockets } from "./sockets.ts"
import { storm } from "./storm.ts"

const benches: ReadonlyArray<Bench> = [
  ...[blocks, chat, cluster, commits, crowd, decode, dispatch, encode, fanout, fuzz, growth, idle, latency],
  ...[mixed, move, pageSoak, peers, screen, soak, sockets, storm]
]

const { values, positionals } = readArguments(import.meta.filename, {
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "1" },
    bots: { type: "string", default: "1000" },
    minutes: { type: "string", default: "5" },
    phones: { type: "string", default: "0" },
    runners: { type: "string", default: "1" },
    times: { type: "string", default: "3" },
    apart: { type: "boolean", default: false },
    profile: { type: "boolean", default: false }
  }
})
const inAll = benches.filter(({ isLong }) => isLong === undefined)
const names = positionals.includes("all") ? inAll.map(({ name }) => name) : positionals
const unknown = names.filter((name) => !benches.some((bench) => bench.name === name))
const seconds = Number(values.seconds)
const given: Given = {
  bots: Number(values.bots),
  minutes: Number(values.minutes),
  phones: Number(values.phones),
  runners: Number(values.runners),
  repetitions: Number(values.times),
  isApart: values.apart,
  profileTo: values.profile ? join(import.meta.dirname, "results") : undefined
}
const json = values.json || !process.stdout.isTTY
const progress = (text: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

async function run(bench: Bench): Promise<boolean> {
  // Who waits for minutes wants to see that it goes on, also in a log.
  const told = bench.isLong && !process.stderr.isTTY ? (text: string) => process.stderr.write(`${text}\n`) : progress
  const rows = await bench.run(seconds, (what) => told(`${bench.name}: ${what} …`), given)
  progress("")
  ;(json ? process.stderr : process.stdout).write(toTable(bench, rows))
  if (json) process.stdout.write(toJsonLines(bench, rows, where))
  return rows.every(isMet)
}

const where = { ...machine(), isApart: given.isApart }
if (
  unknown.length > 0 ||
  !(seconds > 0 && given.bots > 0 && given.minutes > 0 && given.runners > 0 && given.repetitions > 0)
) {
  const numbers = "--seconds, --bots, --minutes, --runners and --times take a number above 0"
  console.error(unknown.length > 0 ? `no such bench: ${unknown.join(", ")}` : numbers)
  process.exitCode = 2
} else if (names.length === 0) {
  console.log("npm run bench -- <name …|all> [--seconds 1] [--json]\n")
  for (const { name, about } of benches) console.log(`  ${name.padEnd(10)}${about}`)
} else {
  if (given.isApart) receiveApart()
  process.stderr.write(
    `${where.cpu}, ${where.cores} cores, ${where.memoryGiB} GiB, Node ${where.node}, ${where.date}${where.isApart ? ", received apart" : ""}\n\n`
  )
  for (const bench of benches) {
    if (names.includes(bench.name) && !(await run(bench))) process.exitCode = 1
  }
}
