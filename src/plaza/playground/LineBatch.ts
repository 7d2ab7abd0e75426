/**
 * Lines on their way to the phones of a channel: collected, so that one write carries many, and put together once for
 * all phones that hear the same. Order by seq holds for every phone. When they go out is the view's to say.
 */
import type { HeardLine } from "./Lines.ts"
import type { Cell } from "./Member.ts"
import type { Viewer } from "./Viewer.ts"

export class LineBatch {
  private readonly columns: number
  private lines: Array<HeardLine> = []

  /** Of a grid with so many cells in a row. */
  constructor(columns: number) {
    this.columns = columns
  }

  get size(): number {
    return this.lines.length
  }

  add(line: HeardLine): void {
    this.lines.push(line)
  }

  /** Pushes what was collected to each phone that hears some of it; false: it was nothing. */
  give(viewers: Iterable<Viewer>): boolean {
    const { lines } = this
    if (lines.length === 0) return false
    this.lines = []
    const everywhere = lines.filter((line) => line.everywhere)
    const toAll = joined(everywhere, 0)
    const someNearby = everywhere.length < lines.length
    const speakers = new Set(lines.map(({ told }) => (told.id === 0 ? 0 : told.member)))
    const byCell = new Map<Cell, Uint8Array>()
    for (const { member, outbox, hides } of viewers) {
      let chunk = toAll
      if (speakers.has(member.number) || hides?.isIn(lines) === true) {
        chunk = joined(this.heardIn(lines, member.cell, hides?.guests), member.number)
      } else if (someNearby) {
        chunk = byCell.get(member.cell) ?? this.joinedIn(member.cell, lines, everywhere.length, toAll)
        byCell.set(member.cell, chunk)
      }
      if (chunk.length > 0) outbox.push(chunk)
    }
    return true
  }

  /** Those of the lines that are heard in a cell, NEARBY ones in the speaker's and those around it; none of whom one hides. */
  heardIn(lines: ReadonlyArray<HeardLine>, cell: Cell, hidden?: ReadonlySet<string>): ReadonlyArray<HeardLine> {
    return lines.filter(
      ({ everywhere, told }) => (everywhere || this.isNearby(told.cell, cell)) && hidden?.has(told.guest) !== true
    )
  }

  private joinedIn(cell: Cell, lines: ReadonlyArray<HeardLine>, everywhere: number, toAll: Uint8Array): Uint8Array {
    const heard = this.heardIn(lines, cell)
    return heard.length === everywhere ? toAll : joined(heard, 0)
  }

  private isNearby(index: number, { row, column }: Cell): boolean {
    const atColumn = index % this.columns
    return Math.abs(atColumn - column) <= 1 && Math.abs((index - atColumn) / this.columns - row) <= 1
  }
}

/** What a phone is told of what it has missed, and the line behind which that goes on. */
export interface Missed {
  readonly from: number
  readonly lines: ReadonlyArray<HeardLine>
}

/** The last of these lines, no more than so many bytes of them. */
export const newest = (lines: ReadonlyArray<HeardLine>, member: number, bytesMax: number): ReadonlyArray<HeardLine> => {
  let bytes = 0
  const tooMuch = lines.findLastIndex((line) => {
    bytes += line.chunkFor(member).length
    return bytes > bytesMax
  })
  return lines.slice(tooMuch + 1)
}

/** Lines as one chunk, as this member hears them; 0: as nobody who spoke. */
export const joined = (lines: ReadonlyArray<HeardLine>, member: number): Uint8Array => {
  const [first] = lines
  if (lines.length === 1 && first !== undefined) return first.chunkFor(member)
  return Buffer.concat(lines.map((line) => line.chunkFor(member)))
}
