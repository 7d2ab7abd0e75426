/**
 * A real browser with people at it. Owns Chromium, where it is found and how a page is opened as somebody's phone or
 * desktop; what they do there is the tests'.
 */
import { existsSync } from "node:fs"
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core"

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync)

/** Where there is none tests are skipped, but never where all of them are to be run. */
export const isMissing = executablePath === undefined && process.env.CI !== "true"

/** How long anything may take that a page does in its own time: pages are drawn by the processor here, and it is shared. */
export const patienceMs = 60_000

export interface Device {
  readonly width: number
  readonly height: number
  readonly locale?: "ko-KR" | "en-US"
  /** The part of the day: it is the device's time zone that makes it day or night. */
  readonly hour?: number
  readonly isPhone?: boolean
  /** What the device keeps of earlier visits. */
  readonly kept?: Readonly<Record<string, unknown>>
}

const small: Device = { width: 320, height: 480, kept: { lessMotion: true } }

/**
 * Ten frames a second: without a graphics card each takes the processor a while, which is wanted for what is looked at.
 * How fast the page can be is a bench's to say (`npm run bench -- screen`).
 */
const drawnSlowly = `{
  const draw = requestAnimationFrame.bind(window)
  window.requestAnimationFrame = (call) => setTimeout(() => draw(call), 100)
}`

export class Window implements AsyncDisposable {
  readonly page: Page
  private readonly context: BrowserContext
  /** What the browser complained of: errors of scripts, and of the page's policy. */
  readonly complaints: Array<string> = []

  private constructor(context: BrowserContext, page: Page) {
    this.context = context
    this.page = page
    page.on("pageerror", (error) => this.complaints.push(`${error.stack}`))
    page.on("console", (message) => {
      // A socket that cannot be opened is told by the browser itself, and is what some tests are about.
      if (message.type() === "error" && !/WebSocket connection/.test(message.text()))
        this.complaints.push(message.text())
    })
  }

  static async open(browser: Browser, url: string, device: Device = small): Promise<Window> {
    const { width, height, locale = "ko-KR", hour = 13, isPhone = false, kept = {} } = device
    const context = await browser.newContext({
      viewport: { width, height },
      locale,
      timezoneId: zoneWhereItIs(hour),
      hasTouch: isPhone
    })
    context.setDefaultTimeout(patienceMs)
    // What is kept is there before the page is, and what the page keeps then is not overwritten when it is opened again.
    await context.addInitScript(
      `localStorage.getItem("noriter") ?? localStorage.setItem("noriter", ${JSON.stringify(JSON.stringify(kept))})`
    )
    await context.addInitScript(drawnSlowly)
    const window = new Window(context, await context.newPage())
    await window.page.goto(url)
    return window
  }

  /** Comes in under a name, by keyboard. */
  async comeIn(name: string): Promise<void> {
    await this.page.locator("#nickname").fill(name)
    await this.page.keyboard.press("Enter")
    await this.page.locator(".bar").waitFor()
  }

  async say(text: string, reach?: string): Promise<void> {
    if (reach !== undefined) await this.page.locator(".say select").selectOption(reach)
    await this.page.locator(".say input").fill(text)
    await this.page.locator(".say input").press("Enter")
  }

  /** Opens a sheet anew, by its key. */
  async open(key: "c" | "p" | "m"): Promise<void> {
    await this.page.locator(".stage").focus()
    await this.page.keyboard.press("Escape")
    await this.page.keyboard.press(key)
    await this.page.locator(".sheet").waitFor()
  }

  /** What was done is drawn: the page rests a quarter of a second after a frame at most, and its turn comes before ours. */
  async drawn(): Promise<void> {
    await this.page.evaluate(
      "new Promise((drawn) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(drawn)), 300))"
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close()
  }
}

/**
 * What a browser does besides, and pages need not: for each new window it loads the list that would drop from its address
 * bar, which takes longer than our page does, and it keeps a process for a page that may come. This list takes the place of
 * Playwright's own; the second line is what of that matters here.
 */
const featuresOff = [
  ...["WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess"],
  ...["PaintHolding", "HttpsUpgrades", "OptimizationHints", "NetworkTimeServiceQuerying", "PreconnectToSearch"]
]

export const launch = (): Promise<Browser> =>
  chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [
      `--disable-features=${featuresOff.join(",")}`,
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync"
    ]
  })

// --- internal ---

/** A zone in which it is about this hour now; zones named so count the other way round. */
function zoneWhereItIs(hour: number): string {
  const ahead = (hour - new Date().getUTCHours() + 24) % 24
  const offset = ahead > 12 ? ahead - 24 : ahead
  return offset === 0 ? "Etc/GMT" : `Etc/GMT${offset > 0 ? "-" : "+"}${Math.abs(offset)}`
}
