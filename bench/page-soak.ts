/**
 * The page with many bots around it for minutes: whether its heap stays as it is, when all garbage is collected, and its
 * document, too. It draws five times a second only, so that an hour of it leaves the machine to others: what is kept is
 * kept by what is heard and drawn, not by how often it is drawn.
 *
 *     nice -n 19 npm run bench -- page-soak --bots 150 --minutes 60
 */
import { CrowdedPage } from "./harness/CrowdedPage.ts"
import { quantile, slopes, spread } from "./Measure.ts"
import type { Bench, Given, Row } from "./Report.ts"

/** An hour may bring less than 2 MB. */
const heapSlopeMax = 0.03
/** Rooms of the chat fill up, and what is used for the first time is compiled. */
const settledShare = 0.25
const megabyte = 1_000_000

interface Sample {
  readonly atMs: number
  readonly heapMb: number
  readonly nodes: number
  readonly listeners: number
}

const drawSeldom = `
  const ask = window.requestAnimationFrame.bind(window)
  window.requestAnimationFrame = (draw) => setTimeout(() => ask(draw), 200)`

export const pageSoak: Bench = {
  name: "page-soak",
  about: "the page in Chromium with bots around it for minutes: its heap (--bots 150 --minutes 60)",
  isLong: true,
  run: async (_seconds, at, { bots, minutes }: Given) => {
    at("starting a server, bots and Chromium")
    await using crowd = await CrowdedPage.open(bots, { width: 390, height: 844 })
    await crowd.window.page.addInitScript(drawSeldom)
    await crowd.enter()
    await crowd.tools.send("HeapProfiler.enable")
    const sampleEveryMs = Math.min(60_000, (minutes * 60_000) / 12)
    const beganAt = performance.now()
    const samples: Array<Sample> = []
    while (performance.now() - beganAt < minutes * 60_000) {
      await new Promise((resolve) => setTimeout(resolve, sampleEveryMs))
      const now = await sample(crowd, beganAt)
      samples.push(now)
      at(`${minutesOf(now)} min: ${now.heapMb.toFixed(2)} MB, ${now.nodes} nodes, ${now.listeners} listeners`)
    }
    const seen = await crowd.untilSeen(1)
    const settled = samples.slice(Math.floor(samples.length * settledShare))
    return rowsOf(settled, seen, crowd.window.complaints)
  }
}

// --- internal ---

const minutesOf = ({ atMs }: Sample): string => (atMs / 60_000).toFixed(0)

async function sample({ tools }: CrowdedPage, beganAt: number): Promise<Sample> {
  // Twice, because what finalizers let go is only collected the next time.
  await tools.send("HeapProfiler.collectGarbage")
  await tools.send("HeapProfiler.collectGarbage")
  const { usedSize } = await tools.send("Runtime.getHeapUsage")
  const { nodes, jsEventListeners } = await tools.send("Memory.getDOMCounters")
  return { atMs: performance.now() - beganAt, heapMb: usedSize / megabyte, nodes, listeners: jsEventListeners }
}

function rowsOf(settled: ReadonlyArray<Sample>, seen: number, complaints: ReadonlyArray<string>): ReadonlyArray<Row> {
  for (const complaint of complaints) process.stderr.write(`${complaint}\n`)
  const of = (read: (sample: Sample) => number) => settled.map(read)
  const slope = slopes(settled.map(({ atMs, heapMb }) => [atMs / 60_000, heapMb]))
  const one = (name: string, figure: number) => ({ name, unit: "", median: figure, low: figure, high: figure })
  return [
    { name: `heap slope over ${settled.length} samples`, unit: "MB/min", target: heapSlopeMax, ...spread(slope) },
    { name: "heap after collection", unit: "MB", ...spread(of(({ heapMb }) => heapMb)) },
    { name: "nodes of the document", unit: "", ...spread(of(({ nodes }) => nodes)) },
    { name: "listeners", unit: "", ...spread(of(({ listeners }) => listeners)) },
    one("heap at the end, MB", settled.at(-1)?.heapMb ?? 0),
    one("heap halfway, MB", quantile(of(({ heapMb }) => heapMb).slice(0, settled.length / 2), 0.5)),
    one("in view at the end", seen),
    { ...one("complaints of the browser", complaints.length), target: 0 }
  ]
}
