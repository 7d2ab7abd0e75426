/**
 * Ten thousand lines of nonsense from fifty sockets: the process lives and says nothing about it, its heap is what it
 * was, and a phone beside it is served throughout. How fast it is served is a measurement: bench/fuzz.ts.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type FuzzSummary, fuzz } from "./Fuzz.ts"
import { type Guest, populationOf, unlimited, until, visit } from "./Guest.ts"
import { Inspector, inspected } from "./Inspector.ts"
import { isRecord } from "./Phone.ts"
import { Server } from "./Server.ts"

const lines = 10_000
const connections = 50
/** Another one each time, and any of them again: FUZZ_SEED=…. */
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
/** What is said is kept for a minute or two (the history of a channel, the log): half a kB for one line in ten. */
const heapGrowthMax = 1_500_000

let server: Server
let inspector: Inspector
let bystander: Guest

beforeAll(async () => {
  server = await Server.start({
    ...unlimited,
    ...inspected,
    NORITER_LOST_SHOWN: "200 ms",
    NORITER_RESUME_GRACE: "500 ms",
    NORITER_SECRET: "the same guests in every run"
  })
  inspector = await Inspector.open(server)
  bystander = await visit(server.tcpPort, "구경꾼")
})
afterAll(async () => {
  inspector[Symbol.dispose]()
  await bystander.phone[Symbol.asyncDispose]()
  await server.stop()
})

/** Log lines that an operator should look at, without those of the start. */
const alarms = (): ReadonlyArray<string> =>
  server.output
    .slice(server.output.indexOf("noriter ready"))
    .split("\n")
    .filter((line) => /"level":"(WARN|ERROR|FATAL)"/.test(line))

const nobodyElse = () =>
  until(
    "only the bystander",
    () => populationOf(bystander.phone),
    ({ all }) => all === 1
  )

async function talk(seed: number): Promise<FuzzSummary> {
  // What the bystander hears is kept by it, and would be longer with each line.
  bystander.phone.lines.length = 0
  const summary = await fuzz({ port: server.tcpPort, seed, lines, connections })
  await nobodyElse()
  return summary
}

describe("nonsense", () => {
  it("harms nobody, and nothing of it stays", async () => {
    process.stdout.write(`fuzz: FUZZ_SEED=${seed}\n`)
    // Code is compiled, tables are as large as they get.
    await talk(seed + 1_000)
    await talk(seed + 2_000)
    const before = await inspector.heapBytes()
    let isOver = false
    const served = (async () => {
      let pings = 0
      for (; !isOver; pings++) assert.isTrue(isRecord((await bystander.phone.ask({ ping: {} })).ping))
      return pings
    })()
    const summary = await talk(seed)
    isOver = true
    assert.isAbove(await served, 0)
    const grown = (await inspector.heapBytes()) - before
    process.stdout.write(`fuzz: ${JSON.stringify(summary)}, heap ${(grown / 1000).toFixed(0)} kB more\n`)

    assert.isAbove(summary.heard.ERROR_CODE_INVALID ?? 0, 1_000)
    assert.isAbove(summary.heard.ERROR_CODE_MALFORMED ?? 0, 1_000)
    assert.isUndefined(summary.heard.ERROR_CODE_INTERNAL)
    assert.deepStrictEqual(alarms(), [])
    assert.isBelow(grown, heapGrowthMax)
    assert.isFalse(bystander.phone.lines.some((line) => "disconnect" in line || "error" in line))
    assert.strictEqual((await fetch(`http://127.0.0.1:${server.httpPort}/healthz`)).status, 200)
  }, 60_000)

  it("and guests come, talk and go as before", async () => {
    const guest = await visit(server.tcpPort, "바람")
    await guest.phone.ask({ say: { text: "조용해졌네요", reach: "REACH_PLAYGROUND" } })
    await bystander.phone.next("said", ({ text }) => text === "조용해졌네요")
    await guest.phone.ask({ leave: {} })
    await nobodyElse()
    await guest.phone[Symbol.asyncDispose]()
  })
})
