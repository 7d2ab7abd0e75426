/**
 * What a phone has heard of its streams, and whether that is what it must have heard: all that was ever said there since
 * it began to listen, in order, each once; and what it was told to have missed, not at all (design 6).
 */
import { historyOf, type Line, type Truth } from "./Truth.ts"

export interface Position {
  readonly name: string
  readonly epoch: string
  readonly seq: number
}

/** Without a gap. */
interface Stretch {
  readonly history: string
  readonly name: string
  readonly epoch: string
  readonly after: number
  readonly heard: Array<Line>
  /** It listens still. */
  isOpen: boolean
}

export class Heard {
  readonly wrongs: Array<string> = []
  readonly #stretches: Array<Stretch> = []
  readonly #tagOf: (stream: string) => string

  /** `tagOf`: where a stream is kept; a mailbox is its guest's. */
  constructor(tagOf: (stream: string) => string) {
    this.#tagOf = tagOf
  }

  /** To say where one stands, when coming back. */
  get positions(): ReadonlyArray<Position> {
    return this.#open.map(({ name, epoch, after, heard }) => ({ name, epoch, seq: heard.at(-1)?.seq ?? after }))
  }

  get #open(): ReadonlyArray<Stretch> {
    return this.#stretches.filter(({ isOpen }) => isOpen)
  }

  /** Listens from here on; what lies before is missing, or of no interest. */
  begin(positions: ReadonlyArray<Position>): void {
    for (const { name, epoch, seq } of positions) {
      this.end(name)
      const history = historyOf(epoch, this.#tagOf(name))
      this.#stretches.push({ history, name, epoch, after: seq, heard: [], isOpen: true })
    }
  }

  end(name: string): void {
    for (const stretch of this.#open) if (stretch.name === name) stretch.isOpen = false
  }

  endAll(): void {
    for (const stretch of this.#open) stretch.isOpen = false
  }

  /** A line came. */
  hear(name: string, line: Line): void {
    const stretch = this.#open.find((one) => one.name === name)
    // A mailbox is brought from hello on: what came before it was told where that stands lies before that.
    if (stretch === undefined && name === "mailbox") return
    if (stretch === undefined) {
      this.wrongs.push(`heard "${line.text}" of ${name}, and does not listen`)
      return
    }
    const last = stretch.heard.at(-1)?.seq ?? stretch.after
    if (line.seq <= last) this.wrongs.push(`heard ${name} ${line.seq} after ${last}`)
    else stretch.heard.push(line)
  }

  /** What is missing or too much, but for what need not be heard; with `isOver`, everything must have been heard by now. */
  compare(truth: Truth, isOver: boolean, isNeeded: (line: Line) => boolean): ReadonlyArray<string> {
    return this.#stretches.flatMap(({ history, after, heard, isOpen }) => {
      // What came of the next history before its runner could say that there is one, is of that.
      const own = heard.filter((line) => !truth.isOfAnother(history, line) && !truth.isUndone(history, line.seq))
      const upTo = isOpen && isOver ? Number.POSITIVE_INFINITY : (own.at(-1)?.seq ?? after)
      const said = truth.between(history, after, upTo)
      const [is, must] = [own, said].map((lines) => lines.filter(isNeeded).map(textOf).join(" | "))
      return is === must ? [] : [`heard [${is}] of ${history} after ${after}, and not [${must}]`]
    })
  }
}

const textOf = ({ seq, text }: Line): string => `${seq} ${text}`
