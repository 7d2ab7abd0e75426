/**
 * The cells of a channel, and who is shown in them: those there longest, up to a number (design 7). Cells are made when
 * somebody first comes near them. Owns the order within a cell; whom it is told is the audiences'.
 */
import { Cell, type Member } from "./Member.ts"

export interface GridOptions {
  readonly widthCm: number
  readonly heightCm: number
  readonly cellCm: number
  /** 0: all. */
  readonly cellShownMax: number
}

export class Grid {
  readonly columns: number
  readonly rows: number
  private readonly cellCm: number
  private readonly shownMax: number
  private readonly cells = new Map<number, Cell>()

  constructor({ widthCm, heightCm, cellCm, cellShownMax }: GridOptions) {
    this.columns = Math.max(1, Math.ceil(widthCm / cellCm))
    this.rows = Math.max(1, Math.ceil(heightCm / cellCm))
    this.cellCm = cellCm
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
    const cell = new Cell(index, (index - column) / this.columns, column, this.cells.size)
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
