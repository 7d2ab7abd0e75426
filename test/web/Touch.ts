/** Fingers on the screen of a phone. Owns where they are and when, by a clock of its own: a tap is short on any machine. */
import type { CDPSession } from "playwright-core"
import type { Window } from "./Browser.ts"

type Spot = readonly [x: number, y: number]

export class Touch {
  private readonly tools: CDPSession
  private atMs = Date.now()

  private constructor(tools: CDPSession) {
    this.tools = tools
  }

  static async on({ page }: Window): Promise<Touch> {
    return new Touch(await page.context().newCDPSession(page))
  }

  put(...fingers: ReadonlyArray<Spot>): Promise<void> {
    return this.send("touchStart", fingers)
  }

  move(...fingers: ReadonlyArray<Spot>): Promise<void> {
    return this.send("touchMove", fingers)
  }

  lift(): Promise<void> {
    return this.send("touchEnd", [])
  }

  async tap(spot: Spot): Promise<void> {
    await this.put(spot)
    await this.lift()
  }

  private async send(type: "touchStart" | "touchMove" | "touchEnd", fingers: ReadonlyArray<Spot>): Promise<void> {
    this.atMs += 50
    const touchPoints = fingers.map(([x, y], id) => ({ x, y, id }))
    await this.tools.send("Input.dispatchTouchEvent", { type, touchPoints, timestamp: this.atMs / 1000 })
  }
}
