/**
 * The page in a real Chromium with bots that walk and talk around it: a server, a flock and a browser that come and go
 * together. Owns these; what of the page is measured is the benches'.
 */
import type { Browser, CDPSession } from "playwright-core"
import { Flock } from "../../src/command/Flock.ts"
import { Server } from "../../test/e2e/Server.ts"
import { type Device, launch, patienceMs, Window } from "../../test/web/Browser.ts"

/** All of the crowd comes from one address, and arrives at once. */
const oneAddress = { NORITER_ADDRESS_PENDING_MAX: "0" }

export class CrowdedPage implements AsyncDisposable {
  readonly window: Window
  readonly browser: Browser
  /** The page's own, and the browser's, for what only the protocol of its tools tells. */
  readonly tools: CDPSession
  private readonly server: Server
  private readonly flock: Flock

  private constructor(window: Window, browser: Browser, tools: CDPSession, server: Server, flock: Flock) {
    this.window = window
    this.browser = browser
    this.tools = tools
    this.server = server
    this.flock = flock
  }

  /** Opens nothing yet but the icon, which has no script: `enter` goes to the plaza. */
  static async open(
    bots: number,
    device: Device,
    settings: Readonly<Record<string, string>> = {}
  ): Promise<CrowdedPage> {
    const server = await Server.start({ ...oneAddress, ...settings })
    const flock = new Flock({ count: bots, host: "127.0.0.1", port: server.tcpPort, playground: "park", seed: 5 })
    flock.begin()
    const browser = await launch()
    const window = await Window.open(browser, `http://127.0.0.1:${server.httpPort}/icon.svg`, device)
    const tools = await window.page.context().newCDPSession(window.page)
    return new CrowdedPage(window, browser, tools, server, flock)
  }

  async enter(): Promise<void> {
    // Beside a picture without a page the browser asks for an icon that nobody has.
    this.window.complaints.length = 0
    await this.window.page.goto(`http://127.0.0.1:${this.server.httpPort}/`)
    await this.window.comeIn("바람")
    await this.window.page.locator(".stage").focus()
  }

  /** Waits until the list of people has so many; those who never come are not waited for without end. */
  async untilSeen(people: number): Promise<number> {
    const until = performance.now() + patienceMs
    for (;;) {
      await this.window.open("p")
      const title = (await this.window.page.locator("#sheet-title").textContent()) ?? ""
      await this.window.page.keyboard.press("Escape")
      const seen = Number(title.replaceAll(/\D/g, ""))
      if (seen >= people || performance.now() > until) return seen
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.flock.end()
    await this.browser.close()
    await this.server.stop()
  }
}
