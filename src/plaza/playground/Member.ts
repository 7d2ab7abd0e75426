/**
 * Who stands where, as this runner knows it: a member, and the cell it stands in. They hold what the grid, the audiences
 * and the view each keep of them, so that a tick finds everything by one reference and makes nothing; the rules are
 * theirs.
 */
import { GoneReason } from "../../../gen/noriter/client/v1/playground.ts"

/** A square of the playground (design 7). */
export class Cell {
  /** Row times the cells in a row, plus column: its name on the wire. */
  readonly index: number
  readonly row: number
  readonly column: number
  /** Counts the cells that were made: audiences keep lists by it. */
  readonly serial: number
  /** Itself and those around it; the grid fills it in. */
  near: ReadonlyArray<Cell> = []
  /** Who stands here, those there longest first. */
  first: Member | undefined
  last: Member | undefined
  /** The last of those that are shown. */
  lastShown: Member | undefined
  count = 0

  constructor(index: number, row: number, column: number, serial: number) {
    this.index = index
    this.row = row
    this.column = column
    this.serial = serial
  }
}

/** Whether a phone in one of them sees the other. */
export const isNear = (one: Cell | undefined, other: Cell | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  Math.abs(one.row - other.row) <= 1 &&
  Math.abs(one.column - other.column) <= 1

/** What an audience was last told of a member. */
export class Sight {
  /** The cell it was shown in. */
  cell: Cell | undefined
  /** It has moved, come or gone since. */
  dirty = false
  /** It has moved since. */
  moved = false
}

export class Member {
  readonly number: number
  /** The version of its record, 0 when none is known yet. */
  version = 0
  /** Who it is; empty while no record is known. No phone learns it. */
  guest = ""
  /** When it was last heard of, in the roll's count. */
  heard = 0
  /** A phone of this runner stands there. */
  held = false
  /** There is a record of it in the shared space. */
  recorded = false
  /** Present or lost: it stands in the grid. */
  standing = false
  /** Why it stands there no longer. */
  reason: GoneReason = GoneReason.GONE_REASON_UNSPECIFIED
  /** Its place is known, from a record or from a move. */
  placed = false
  xCm = 0
  yCm = 0
  cell: Cell
  /** The cell it is shown in: its own, or none where that is crowded. */
  shown: Cell | undefined
  before: Member | undefined
  after: Member | undefined
  /** `{"member":7,"nickname":"…","avatar":"…","xCm":` */
  described: Uint8Array = new Uint8Array(0)
  /** This runner's word on where it stands holds. */
  own = false
  /** Has moved since the last MovesTold. */
  untold = false
  /** Has moved since its place was last written (rule P10). */
  unwritten = false
  readonly fast = new Sight()
  readonly slow = new Sight()

  constructor(number: number, cell: Cell) {
    this.number = number
    this.cell = cell
  }
}
