/**
 * Writes to many phones a few at a time. A write costs 7 to 12 µs, most of it the kernel's, so that a tick of thousands
 * of phones would hold up everything else for tens of milliseconds: what phones say, answers, other channels. Owns when
 * whose outbox is flushed; what is in it is the views', and stays in order however it is flushed.
 */
import { sendBatch } from "../../client/SendBatch.ts"
import type { Viewer } from "./Viewer.ts"

/** Phones written to before what else has come is looked at: less than a millisecond. */
const phonesAtOnce = 64

export class Spread {
  private waiting: Array<Viewer> = []
  /** So many of them were written to. */
  private done = 0
  private readonly finished: (composeMs: number, writeMs: number) => void
  private readonly atOnce: number
  private composeMs = 0
  private writeMs = 0
  /** A slice will come by itself. */
  private scheduled = false

  /** `finished` is told how long what came before all writes took, and they, without what came in between. */
  constructor(finished: (composeMs: number, writeMs: number) => void, atOnce = phonesAtOnce) {
    this.finished = finished
    this.atOnce = atOnce
  }

  /** To be written to once it goes on. */
  add(viewers: Iterable<Viewer>): void {
    for (const viewer of viewers) this.waiting.push(viewer)
  }

  /** Begins with those that were added; it took so long to put together what they are told. */
  begin(composeMs: number): void {
    this.composeMs = composeMs
    this.writeMs = 0
    this.write()
    this.schedule()
  }

  /** Writes to all that are left: the next tick must not find what is not yet written of this one. Answers how long it took. */
  finish(): number {
    const before = this.writeMs
    while (this.isWaiting) this.write()
    return this.writeMs - before
  }

  private get isWaiting(): boolean {
    return this.waiting.length > 0
  }

  private schedule(): void {
    if (this.scheduled || !this.isWaiting) return
    this.scheduled = true
    setImmediate(this.slice)
  }

  private readonly slice = (): void => {
    this.scheduled = false
    if (!this.isWaiting) return
    this.write()
    this.schedule()
  }

  /** One slice. Who has left meanwhile has nothing to be written. */
  private write(): void {
    const began = performance.now()
    sendBatch.during(this.fill)
    this.writeMs += performance.now() - began
    if (!this.isWaiting) this.finished(this.composeMs, this.writeMs)
  }

  private readonly fill = (): void => {
    const { waiting } = this
    const end = Math.min(waiting.length, this.done + this.atOnce)
    while (this.done < end) waiting[this.done++]?.outbox.flush(sendBatch)
    if (end < waiting.length) return
    this.waiting = []
    this.done = 0
  }
}
