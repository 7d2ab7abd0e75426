/**
 * What the page costs the thread it runs on, with a crowd in view: a real Chromium, a real server, bots that walk. Frames a
 * second say more of what draws them than of us, so they are told with its name and have no target.
 */
import type { Page } from "playwright-core"
import { Flock } from "../src/command/Flock.ts"
import { Server } from "../test/e2e/Server.ts"
import { launch, patienceMs, Window } from "../test/web/Browser.ts"
import { quantile, spread } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

const inView = 150
/** All of them are shown and none is held back: the page is measured, not what the server spares it. */
const unlimited = { NORITER_CELL_SHOWN_MAX: "0", NORITER_MOVES_BYTES_PER_SECOND: "0", NORITER_ADDRESS_PENDING_MAX: "0" }

/** Takes the time of all that is done in one frame; kept by the page until it is asked for. */
const watchFrames = `
  window.frameMs = []
  let last = 0
  const ask = window.requestAnimationFrame.bind(window)
  window.requestAnimationFrame = (draw) => ask((at) => {
    const begun = performance.now()
    draw(at)
    const taken = performance.now() - begun
    const { frameMs } = window
    if (at === last && frameMs.length > 0) frameMs[frameMs.length - 1] += taken
    else if (frameMs.length < 100000) frameMs.push(taken)
    last = at
  })`

export const screen: Bench = {
  name: "screen",
  about: `the page in Chromium with ${inView} walking in view: time of the main thread a frame`,
  isLong: true,
  run: async (seconds, at) => {
    at("starting a server and bots")
    await using server = await Server.start(unlimited)
    const flock = new Flock({ count: inView, host: "127.0.0.1", port: server.tcpPort, playground: "park", seed: 5 })
    flock.begin()
    const browser = await launch()
    try {
      const url = `http://127.0.0.1:${server.httpPort}/`
      await using window = await Window.open(browser, "about:blank", { width: 1280, height: 800 })
      const { page } = window
      await page.addInitScript(watchFrames)
      const begun = performance.now()
      await page.goto(url)
      await window.comeIn("바람")
      const standing = performance.now() - begun
      at("waiting for the crowd")
      await page.locator(".stage").focus()
      await untilSeen(window)
      const session = await page.context().newCDPSession(page)
      at("frames")
      const plain = await frames(page, seconds)
      at("frames, the processor four times slower")
      await session.send("Emulation.setCPUThrottlingRate", { rate: 4 })
      const slowed = await frames(page, seconds)
      const renderer = String(await page.evaluate(rendererName))
      return [
        row("main thread a frame", plain, 6),
        row("the same, processor 4 × slower", slowed, 16),
        rate(`frames a second, drawn by ${renderer}`, plain, seconds),
        {
          name: "from opening to standing there",
          unit: "ms",
          median: standing,
          low: standing,
          high: standing,
          target: 2000
        }
      ]
    } finally {
      flock.end()
      await browser.close()
    }
  }
}

// --- internal ---

/** The list of people says how many are in view. */
async function untilSeen(window: Window): Promise<void> {
  const until = performance.now() + patienceMs
  for (;;) {
    await window.open("p")
    const title = (await window.page.locator("#sheet-title").textContent()) ?? ""
    await window.page.keyboard.press("Escape")
    if (Number(title.replaceAll(/\D/g, "")) >= inView * 0.6 || performance.now() > until) return
  }
}

async function frames(page: Page, seconds: number): Promise<ReadonlyArray<number>> {
  await page.evaluate("window.frameMs.length = 0")
  await page.waitForTimeout(Math.max(seconds, 5) * 1000)
  const taken: unknown = await page.evaluate("window.frameMs")
  return Array.isArray(taken) ? taken.map(Number) : []
}

const row = (name: string, taken: ReadonlyArray<number>, target: number): Row => ({
  name: `${name}, p95 of ${taken.length}`,
  unit: "ms",
  ...spread(taken),
  median: quantile(taken, 0.95),
  target
})

const rate = (name: string, taken: ReadonlyArray<number>, seconds: number): Row => {
  const value = taken.length / Math.max(seconds, 5)
  return { name, unit: "/s", median: value, low: value, high: value }
}

const rendererName = `(() => {
  const gl = document.createElement("canvas").getContext("webgl2")
  const names = gl.getExtension("WEBGL_debug_renderer_info")
  return gl.getParameter(names === null ? gl.RENDERER : names.UNMASKED_RENDERER_WEBGL)
})()`
