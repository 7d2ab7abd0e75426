/**
 * When the lines of a channel go out where no tick is coming: at the end of the turn of the event loop they came in, and
 * again when the writing of those before them is paid for. One line to a thousand phones is a thousand writes, as are
 * ten lines that go out together; so the more it takes, the more lines share it (design 7). What goes out is the view's.
 */
import { turn } from "../../client/Turn.ts"
import { Spread } from "./Spread.ts"
import type { View } from "./View.ts"

/** For each millisecond of writing so many are left to everything else: lines take a seventh of a core. */
const restPart = 6
/** From one writing to the next at most; when there is so much to say that writing it takes that long, there is no rest. */
const everyMsMax = 40

/**
 * Phones written to before what else has come is looked at, ten milliseconds: more than for moves, since what comes
 * meanwhile are more lines, and each look would make those that are on their way later (a thousand phones and a thousand
 * lines a second: p99 60 ms instead of 230).
 */
const phonesAtOnce = 1_024

/** What it asks of a view. */
export type Flowing = Pick<View, "hasMovement" | "flushLines">

export class LineFlow {
  private readonly view: Flowing
  private readonly spread: Spread
  private wanted = false
  private writing = false
  private restUntilMs = 0

  constructor(view: Flowing) {
    this.view = view
    this.spread = new Spread((composeMs, writeMs) => this.written(composeMs + writeMs), phonesAtOnce)
  }

  /** It will give out what waits, at its time: a tick that has nothing else to tell need not. */
  get isComing(): boolean {
    return this.wanted
  }

  /** Lines have come. Where the next tick writes to phones anyway they join it. */
  news(): void {
    if (this.wanted || this.view.hasMovement()) return
    this.wanted = true
    if (!this.writing) this.schedule()
  }

  turnEnded(): void {
    this.wanted = false
    this.writing = true
    const began = performance.now()
    this.view.flushLines((viewers) => this.spread.add(viewers))
    this.spread.begin(performance.now() - began)
  }

  private schedule(): void {
    const restMs = this.restUntilMs - performance.now()
    if (restMs > 0) setTimeout(() => this.turnEnded(), restMs)
    else turn.schedule(this)
  }

  private written(busyMs: number): void {
    this.writing = false
    this.restUntilMs = performance.now() + Math.min(busyMs * restPart, everyMsMax - busyMs)
    if (this.wanted) this.schedule()
  }
}
