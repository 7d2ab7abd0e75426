/**
 * Who stands where, as this runner knows it: a member, and the cell it stands in. They hold what the grid, the audiences
 * and the view each keep of them, so that a tick finds everything by one reference and makes nothing; the rules are
 * theirs.
 */
import { GoneReason } from "../../../gen/noriter/client/v1/playground.ts"
import type { Chunk } from "./Chunk.ts"

/** A square of the playground (design 7). */
export class Cell {
  /** Row times the cells in a row, plus column: its name on the wire. */
  readonly index: number
  readonly row: number
  readonly column: number
  /** Itself and those around it; the grid fills it in where somebody stands. */
  near: ReadonlyArray<Cell> = []
  /** What the audiences keep of it, once they have something to. */
  fast: Patch | undefined
  slow: Patch | undefined
  /** Who stands here, those there longest first. */
  first: Member | undefined
  last: Member | undefined
  /** The last of those that are shown. */
  lastShown: Member | undefined
  count = 0

  constructor(index: number, row: number, column: number) {
    this.index = index
    this.row = row
    this.column = column
  }
}

/** A line of a member to all who see it. */
export interface Signal {
  readonly member: Member
  readonly line: Uint8Array
}

/** What most lists are, most of the time: to empty one costs more than to begin another. Only `withMember` adds to lists. */
export const nobody: Array<Member> = []

/** A list with one more. */
export const withMember = (list: Array<Member>, member: Member): Array<Member> => {
  if (list === nobody) return [member]
  list.push(member)
  return list
}

/** What an audience keeps of a cell: what has changed in it since the last tick, and what was made of that for its phones. */
export class Patch {
  /** How many were told not to be shown. */
  crowded = 0
  crowdedDirty = false
  /** Somebody came or went, or it is crowded otherwise: what nearly no cell has at a tick. */
  differs = false
  /** Of this tick: who is shown here now and was not, who was and is not, and who has moved. */
  arrivals = nobody
  departures = nobody
  movers = nobody
  signals: Array<Signal> = []
  touched = false
  /** The tick that the frame is of. */
  frameTick = 0
  frameStart = 0
  frameEnd = 0
  /** Of this tick, once a phone here was told it, and then let go of: they are on pages with what thousands were told. */
  chunk: Chunk | undefined
  places: Uint8Array | undefined
  /** When a phone here was last told something. */
  chunkMs = 0
  /** When phones here were last told of all moves. */
  wholeMs = 0
  /** Bytes that may be told of moves to a phone here. */
  allowance = 0
  /** Phones here were not told of all moves of the last tick. */
  owing = false
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
  /** By which another is known that was given its number (rule E2). */
  session = ""
  /** It was, while a phone of this runner stood there: that one is told to come back. */
  isGivenAway = false
  /** When it was last heard of, in the roll's count. */
  heard = 0
  /** The runner that owns it: nobody else's word counts on where it stands. Empty: that is not known, and anybody's does. */
  runner = ""
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
