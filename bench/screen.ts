/**
 * What the page costs the thread it runs on, with a crowd in view: a real Chromium, a real server, bots that walk. Counted
 * is what the thread worked, as the system's clock of that thread says: how long it waited for a processor, or for who
 * draws, says more of the machine than of us. Frames a second do, too: they are told with the renderer's name and have no
 * target.
 */
import { CrowdedPage } from "./harness/CrowdedPage.ts"
import { quantile, spread } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

const inView = 150
const slowDown = 4
/** All of them are shown and none is held back: the page is measured, not what the server spares it. */
const unlimited = { NORITER_CELL_SHOWN_MAX: "0", NORITER_MOVES_BYTES_PER_SECOND: "0" }
const secondsMin = 5

/** When the page first shows the plaza's bar. */
const watchBar = `
  new MutationObserver((_, observer) => {
    if (document.querySelector(".bar") === null) return
    performance.mark("standing")
    observer.disconnect()
  }).observe(document, { childList: true, subtree: true })`

export const screen: Bench = {
  name: "screen",
  about: `the page in Chromium with ${inView} walking in view: what its main thread works a frame`,
  isLong: true,
  run: async (seconds, at) => {
    at("starting a server, bots and Chromium")
    await using crowd = await CrowdedPage.open(inView, { width: 1280, height: 800 }, unlimited)
    const { page } = crowd.window
    await page.addInitScript(watchBar)
    await crowd.enter()
    const standing = Number(await page.evaluate(standingMs))
    at("waiting for the crowd")
    const seen = await crowd.untilSeen(inView * 0.9)
    const lastsMs = Math.max(seconds, secondsMin) * 1000
    at("frames")
    const plain = await frames(crowd, lastsMs)
    at(`frames, the processor ${slowDown} times slower`)
    await crowd.tools.send("Emulation.setCPUThrottlingRate", { rate: slowDown })
    const slowed = await frames(crowd, lastsMs)
    const renderer = String(await page.evaluate(rendererName))
    return [
      row(`main thread a frame, ${seen} in view`, plain, 6),
      row(`the same, processor ${slowDown} × slower`, slowed, 16),
      one(`frames a second, drawn by ${renderer}`, "/s", plain.length / (lastsMs / 1000)),
      { ...one("from first paint to standing there", "ms", standing), target: 2000 }
    ]
  }
}

// --- internal ---

interface TraceEvent {
  readonly name: string
  readonly ph: string
  /** Microseconds that the thread worked. */
  readonly tdur?: number
}

/** Milliseconds that the main thread worked in each frame. */
async function frames({ browser, window }: CrowdedPage, lastsMs: number): Promise<ReadonlyArray<number>> {
  await browser.startTracing(window.page, { categories: ["devtools.timeline"] })
  await window.page.waitForTimeout(lastsMs)
  const trace: { readonly traceEvents: ReadonlyArray<TraceEvent> } = JSON.parse(`${await browser.stopTracing()}`)
  return trace.traceEvents
    .filter(({ name, ph }) => name === "FireAnimationFrame" && ph === "X")
    .map(({ tdur = Number.NaN }) => tdur / 1000)
}

const row = (name: string, taken: ReadonlyArray<number>, target: number): Row => ({
  name: `${name}, p95 of ${taken.length}`,
  unit: "ms",
  ...spread(taken),
  median: quantile(taken, 0.95),
  target
})

const one = (name: string, unit: string, figure: number): Row => ({
  name,
  unit,
  median: figure,
  low: figure,
  high: figure
})

const standingMs = `
  performance.getEntriesByName("standing")[0].startTime - performance.getEntriesByName("first-paint")[0].startTime`

const rendererName = `(() => {
  const gl = document.createElement("canvas").getContext("webgl2")
  const names = gl.getExtension("WEBGL_debug_renderer_info")
  return gl.getParameter(names === null ? gl.RENDERER : names.UNMASKED_RENDERER_WEBGL)
})()`
