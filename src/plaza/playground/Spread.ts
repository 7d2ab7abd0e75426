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
  private readonly waiting: Array<Iterator<Viewer>> = []
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
    this.waiting.push(viewers[Symbol.iterator]())
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
    while (this.waiting.length > 0) this.write()
    return this.writeMs - before
  }

  private schedule(): void {
    if (this.scheduled || this.waiting.length === 0) return
    this.scheduled = true
    setImmediate(this.slice)
  }

  private readonly slice = (): void => {
    this.scheduled = false
    if (this.waiting.length === 0) return
    this.write()
    this.schedule()
  }

  /** One slice. Who has left meanwhile is skipped, and who has come is written to once more: there is nothing to write. */
  private write(): void {
    const began = performance.now()
    sendBatch.during(this.fill)
    this.writeMs += performance.now() - began
    if (this.waiting.length === 0) this.finished(this.composeMs, this.writeMs)
  }

  private readonly fill = (): void => {
    for (let left = this.atOnce; left > 0 && this.waiting[0] !== undefined; ) {
      const next = this.waiting[0].next()
      if (next.done === true) this.waiting.shift()
      else {
        next.value.outbox.flush(sendBatch)
        left--
      }
    }
  }
}
