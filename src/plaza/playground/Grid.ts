/**
 * The cells of a channel, and who is shown in them: those there longest, up to a number (design 7). Cells are made when
 * somebody comes near them, and let go of when nobody needs them. Owns the order within a cell; whom it is told is the
 * audiences'.
 */
import { Cell, type Member } from "./Member.ts"

export interface GridOptions {
  readonly widthCm: number
  readonly heightCm: number
  readonly cellCm: number
  /** 0: all. */
  readonly cellShownMax: number
  /** How long after the last time cells that nobody needs are let go of, at the latest. */
  readonly keepCellsMs?: number
}

/** So many cells may always be made before it is asked which of them are needed. */
const cellsAtFirst = 1_024
/** A crowd may have gone, and nobody makes new ones. */
const keepCellsMsDefault = 60_000

export class Grid {
  readonly columns: number
  readonly rows: number
  private readonly cellCm: number
  private readonly shownMax: number
  private readonly cells = new Map<number, Cell>()
  private readonly keepCellsMs: number
  /** When somebody last said which cells are needed, and twice as many as these were. */
  private keptAtMs = 0
  private cellsMax = cellsAtFirst

  constructor({ widthCm, heightCm, cellCm, cellShownMax, keepCellsMs = keepCellsMsDefault }: GridOptions) {
    this.columns = Math.max(1, Math.ceil(widthCm / cellCm))
    this.rows = Math.max(1, Math.ceil(heightCm / cellCm))
    this.cellCm = cellCm
    this.keepCellsMs = keepCellsMs
    this.shownMax = cellShownMax === 0 ? Number.POSITIVE_INFINITY : cellShownMax
  }

  /** The cell of a place; a place outside belongs to the cell at the edge. `before`: it most likely is this one. */
  cellAt(xCm: number, yCm: number, before?: Cell): Cell {
    const index = this.indexAt(xCm, yCm)
    if (before?.index === index) return before
    const cell = this.make(index)
    if (cell.near.length === 0) cell.near = this.around(cell)
    return cell
  }

  indexAt(xCm: number, yCm: number): number {
    const column = Math.min(this.columns - 1, Math.max(0, Math.floor(xCm / this.cellCm)))
    const row = Math.min(this.rows - 1, Math.max(0, Math.floor(yCm / this.cellCm)))
    return row * this.columns + column
  }

  /** How many stand in a cell and are not shown. */
  crowded(cell: Cell): number {
    return Math.max(0, cell.count - this.shownMax)
  }

  /** How many cells there are. */
  get size(): number {
    return this.cells.size
  }

  /**
   * Whether to say which cells are needed: it was long ago, or there are twice as many by now, so that looking at them
   * takes no longer than making them did.
   */
  isKeepDue(nowMs: number): boolean {
    return this.cells.size > this.cellsMax || nowMs - this.keptAtMs >= this.keepCellsMs
  }

  /** Lets go of all cells but these and those around them. */
  keep(needed: ReadonlySet<Cell>, nowMs: number): void {
    this.cells.clear()
    for (const { near } of needed) for (const cell of near) this.cells.set(cell.index, cell)
    // What lies around the others is found anew when somebody comes: a part of it is let go of.
    for (const cell of this.cells.values()) if (!needed.has(cell)) cell.near = []
    this.cellsMax = Math.max(cellsAtFirst, this.cells.size * 2)
    this.keptAtMs = nowMs
  }

  /** Puts a member at the end of the line in its cell. */
  enter(member: Member): void {
    const { cell } = member
    member.before = cell.last
    member.after = undefined
    if (cell.last === undefined) cell.first = member
    else cell.last.after = member
    cell.last = member
    cell.count++
    if (cell.count > this.shownMax) return
    cell.lastShown = member
    member.shown = cell
  }

  /** Takes a member out of its cell; answers who is shown instead. */
  leave(member: Member): Member | undefined {
    const { cell, before, after } = member
    const instead = member.shown === undefined ? undefined : cell.lastShown?.after
    if (instead !== undefined) {
      instead.shown = cell
      cell.lastShown = instead
    } else if (cell.lastShown === member) {
      cell.lastShown = before
    }
    if (before === undefined) cell.first = after
    else before.after = after
    if (after === undefined) cell.last = before
    else after.before = before
    cell.count--
    member.before = undefined
    member.after = undefined
    member.shown = undefined
    return instead
  }

  private make(index: number): Cell {
    const known = this.cells.get(index)
    if (known !== undefined) return known
    const column = index % this.columns
    const cell = new Cell(index, (index - column) / this.columns, column)
    this.cells.set(index, cell)
    return cell
  }

  private around({ row, column }: Cell): ReadonlyArray<Cell> {
    const near: Array<Cell> = []
    for (let r = Math.max(0, row - 1); r <= Math.min(this.rows - 1, row + 1); r++) {
      for (let c = Math.max(0, column - 1); c <= Math.min(this.columns - 1, column + 1); c++) {
        near.push(this.make(r * this.columns + c))
      }
    }
    return near
  }
}
