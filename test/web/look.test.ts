/**
 * How the page looks and feels for everyone: by keyboard alone, to screen readers, on the smallest phone. With
 * NORITER_SHOTS=coarse it writes what that looks like to web/shots, for people to judge; with NORITER_SHOTS=sharp as finely
 * as can be drawn, which takes long.
 */
import { readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import type { Plaza } from "../../sdk/typescript/src/Plaza.ts"
import { Flock } from "../../src/command/Flock.ts"
import { Server } from "../e2e/Server.ts"
import { type Device, isMissing, launch, patienceMs, Window } from "./Browser.ts"
import { phoneAt } from "./Company.ts"

const require = createRequire(import.meta.url)
const web = join(import.meta.dirname, "../../web")
const shots = join(web, "shots")
const scriptKiBMax = 350
const shotsWanted = process.env.NORITER_SHOTS
const sharp = shotsWanted === "sharp"
/** Half as long as the one with comments, for a browser that reads it on every page. */
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8")
const opsToken = "0b1d6c1c3f7a4f0e9a55d1c3"
/** More than there are on any screen of ours. */
const tabsMax = 40

it("is a script of at most 350 kB, as it goes over the network", () => {
  const assets = join(web, "dist/assets")
  const sizes = readdirSync(assets)
    .filter((name) => name.endsWith(".js"))
    .map((name) => gzipSync(readFileSync(join(assets, name)), { level: 9 }).length)
  const kibibytes = sizes.reduce((sum, size) => sum + size, 0) / 1024
  assert.isAbove(kibibytes, 50, "there is a page at all")
  assert.isBelow(kibibytes, scriptKiBMax)
})

describe.skipIf(isMissing)("the page", () => {
  let browser: Browser
  let server: Server
  let flock: Flock
  let speaker: Plaza
  const url = () => `http://127.0.0.1:${server.httpPort}/`

  beforeAll(async () => {
    browser = await launch()
    server = await Server.start({ NORITER_OPS_TOKEN: opsToken })
    flock = new Flock({ count: 12, host: "127.0.0.1", port: server.tcpPort, playground: "park", seed: 7 })
    flock.begin()
    speaker = phoneAt(server, "전화기")
    await speaker.enter({ playground: "park", avatar: "cat" })
  }, patienceMs)
  afterAll(async () => {
    flock.end()
    speaker.close()
    await browser.close()
    await server.stop()
  })

  it("is walked, talked in and left by keyboard alone", { timeout: patienceMs * 3 }, async () => {
    await using window = await Window.open(browser, url())
    const { keyboard } = window.page
    const isFocused = (selector: string) => window.page.locator(`${selector}:focus`).waitFor()
    await isFocused("#nickname")
    await keyboard.type("Keys")
    await keyboard.press("Enter")
    await isFocused(".stage")
    await keyboard.press("Enter")
    await isFocused(".say input")
    await keyboard.type("hands off the mouse")
    await keyboard.press("Enter")
    await keyboard.press("Escape")
    await isFocused(".stage")
    await keyboard.press("c")
    await isFocused("[role=tab][aria-selected=true]")
    await window.page.locator(".line.own", { hasText: "hands off the mouse" }).waitFor()
    await keyboard.press("ArrowRight")
    await isFocused("[role=tab]:nth-child(2)")
    await keyboard.press("Escape")
    await keyboard.press("e")
    await isFocused(".wheel-button")
    await keyboard.press("ArrowRight")
    await keyboard.press("Enter")
    await isFocused(".stage")
    await keyboard.press("p")
    await isFocused(".sheet")
    await keyboard.press("Tab")
    await keyboard.press("Tab")
    await isFocused(".person-row")
    await keyboard.press("Enter")
    await isFocused(".card .button")
    await keyboard.press("Escape")
    await keyboard.press("m")
    await window.page.locator(".place-row[aria-current]").waitFor()
    await keyboard.press("Escape")
    await isFocused(".stage")
    await tabTo(window, "button[aria-label='설정']")
    await keyboard.press("Enter")
    await isFocused(".sheet")
    await tabTo(window, ".choice-text-size input")
    await keyboard.press("ArrowRight")
    await window.page.locator("html[data-text-size='1']").waitFor()
    await tabTo(window, ".settings > .button")
    await keyboard.press("Enter")
    await isFocused("#nickname")
    assert.deepStrictEqual(window.complaints, [])
  })

  it("tells screen readers what is said, and who comes", { timeout: patienceMs * 2 }, async () => {
    await using window = await Window.open(browser, url(), { width: 320, height: 480, locale: "en-US" })
    await window.comeIn("Ear")
    await window.page.locator(".for-readers [aria-live=polite]", { hasText: /in sight/ }).waitFor({ state: "attached" })
  })

  it("shows operators what is going on, in charts and tables", { timeout: patienceMs * 3 }, async () => {
    await using window = await Window.open(browser, `${url()}ops`, { width: 1280, height: 1400, locale: "en-US" })
    const { page } = window
    await page.locator("#token").fill(opsToken)
    await page.keyboard.press("Enter")
    await page.locator("#places td", { hasText: "(park)" }).first().waitFor()
    // A line begins with its second point.
    await page.locator("#charts figure canvas").first().waitFor()
    await page
      .locator("figure", { hasText: "People" })
      .locator("b", { hasText: /^[1-9]/ })
      .waitFor()
    await page.evaluate(axe)
    assert.deepStrictEqual(await page.evaluate(faults), [])
    await shoot(window, "ops")
    assert.deepStrictEqual(window.complaints, [])
  })

  const devices: Readonly<Record<string, Device>> = {
    "a desktop by day": { width: 1280, height: 800, hour: 13, kept: { sharp } },
    "a phone by night": { width: 390, height: 844, hour: 22, isPhone: true, kept: { sharp } },
    "the smallest phone, letters very large": { width: 320, height: 568, kept: { textSize: 2 }, locale: "en-US" },
    "a phone on its side": { width: 740, height: 360, hour: 18, isPhone: true }
  }
  /** What is worth a picture. */
  const shown = new Set(["join", "plaza", "chat", "card", "emotes"])
  for (const [name, device] of Object.entries(devices)) {
    it(`has no serious fault on ${name}`, { timeout: patienceMs * 4 }, async () => {
      // What is still fading in has too little contrast for a moment, so nothing fades.
      await using window = await Window.open(browser, url(), { ...device, kept: { ...device.kept, lessMotion: true } })
      const { page } = window
      await page.locator("#nickname").waitFor()
      await page.evaluate(axe)
      const look = async (state: string) => {
        if (shown.has(state)) await shoot(window, `${name} ${state}`)
        assert.deepStrictEqual(await page.evaluate(faults), [], state)
        assert.deepStrictEqual(await page.evaluate(outside), [], `${state}: beyond the screen`)
      }
      await look("join")
      await window.comeIn("바람")
      await speaker.say({ text: "누가 왔네요", reach: "REACH_PLAYGROUND" })
      await page.locator(".bar .badge").waitFor()
      await look("plaza")
      await window.open("c")
      await look("chat")
      await window.open("p")
      await page.locator(".person-row").first().waitFor()
      await look("people")
      await page.locator(".person-row").first().click()
      await page.locator(".card").waitFor()
      await look("card")
      await window.open("m")
      await look("places")
      await page.locator(".buttons .round").last().click()
      await page.locator(".settings").waitFor()
      await look("settings")
      await page.keyboard.press("Escape")
      await page.locator(".bar > .round").last().click()
      await look("emotes")
      assert.deepStrictEqual(window.complaints, [])
    })
  }
})

async function shoot(window: Window, name: string): Promise<void> {
  if (shotsWanted === undefined) return
  await window.drawn()
  await window.page.screenshot({ path: join(shots, `${name.replaceAll(/[ ,]+/g, "-")}.png`) })
}

/** From one to the next, as a person does who has no mouse. */
async function tabTo({ page }: Window, selector: string): Promise<void> {
  for (let step = 0; step < tabsMax; step++) {
    await page.keyboard.press("Tab")
    if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return
  }
  assert.fail(`${selector} is not among ${tabsMax} to tab through`)
}

/** What axe finds that keeps people out, as text: rule and element. */
const faults = `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + " " + html.slice(0, 120))))`

/** Buttons and fields that stand beyond the edge of the screen, unless what holds them scrolls. */
const outside = `[...document.querySelectorAll("button, input, select")]
  .filter((element) => element.closest(".sheet > div, .join-card") === null && element.checkVisibility())
  .map((element) => ({ element, box: element.getBoundingClientRect() }))
  .filter(({ box }) => box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1)
  .map(({ element }) => element.outerHTML.slice(0, 120))`
