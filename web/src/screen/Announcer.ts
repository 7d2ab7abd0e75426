/**
 * What a screen reader says: lines and arrivals, a few at a time. Owns two live regions; it never floods them, what comes
 * too fast is said in sum.
 */
import type { Words } from "../Words.ts"
import { make } from "./Dom.ts"

const everyMs = 1600
const linesAtOnceMax = 3

export class Announcer {
  readonly root: HTMLElement
  private readonly polite = make("p", { aria: { "aria-live": "polite" } })
  private readonly urgent = make("p", { aria: { "aria-live": "assertive" } })
  private readonly words: () => Words
  private lines: Array<string> = []
  private arrivals: Array<string> = []
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(words: () => Words) {
    this.words = words
    this.root = make("div", { class: "for-readers" }, this.polite, this.urgent)
  }

  line(text: string): void {
    this.lines.push(text)
    this.soon()
  }

  arrived(name: string): void {
    this.arrivals.push(name)
    this.soon()
  }

  /** Said at once: that the connection is gone, say. */
  now(text: string): void {
    this.urgent.textContent = text
  }

  // --- internal ---

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.say()
    }, everyMs)
  }

  private say(): void {
    const words = this.words()
    const said = this.lines.slice(0, linesAtOnceMax)
    if (this.lines.length > said.length) said.push(words.moreLines(this.lines.length - said.length))
    const [first] = this.arrivals
    if (first !== undefined) {
      said.push(this.arrivals.length === 1 ? words.cameOne(first) : words.cameMany(first, this.arrivals.length - 1))
    }
    this.lines = []
    this.arrivals = []
    this.polite.textContent = said.join(". ")
  }
}
