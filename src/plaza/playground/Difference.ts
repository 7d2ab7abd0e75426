/**
 * Who came and who went, and which cells are crowded otherwise: from what an audience was told around one cell to what is
 * around another now, for all phones of a cell that stood still or for one. Nobody is told of its own member, nor of whom
 * it hides.
 */
import { GoneReason } from "../../../gen/noriter/client/v1/playground.ts"
import type { Bytes } from "./Bytes.ts"
import { writeAppeared, writeCrowded, writeDisappeared } from "./Describe.ts"
import type { Grid } from "./Grid.ts"
import { type Cell, isNear, type Member, nobody, withMember } from "./Member.ts"
import type { Sights } from "./Sights.ts"
import type { Viewer } from "./Viewer.ts"

export class Difference {
  private readonly sights: Sights
  private readonly grid: Grid
  private readonly out: Bytes
  private readonly gone: Array<Array<Member>> = reasons.map(() => nobody)

  /** What is written goes to `out`. */
  constructor(sights: Sights, grid: Grid, out: Bytes) {
    this.sights = sights
    this.grid = grid
    this.out = out
  }

  /** From what was told around one cell (undefined: nothing) to what is around another now; answers how many came. */
  write(from: Cell | undefined, to: Cell, viewer: Viewer | undefined): number {
    const { gone, out } = this
    if (from !== undefined) this.gatherGone(from, to, viewer)
    const came = this.come(from, to, viewer)
    // Gone first: a member that was removed and put back between two ticks is in both.
    for (const reason of reasons) {
      writeDisappeared(out, gone[reason] ?? nobody, reason)
      gone[reason] = nobody
    }
    writeAppeared(out, came)
    this.writeCrowds(from, to)
    return came.length
  }

  private come(from: Cell | undefined, to: Cell, viewer: Viewer | undefined): Array<Member> {
    const { sights } = this
    let came = nobody
    for (const cell of to.near) {
      for (const member of sights.patchOf(cell).arrivals) {
        if (isFor(viewer, member) && !isNear(sights.of(member).cell, from)) came = withMember(came, member)
      }
      if (!isNear(cell, from)) came = this.withStill(came, cell, viewer)
    }
    return came
  }

  private gatherGone(from: Cell, to: Cell, viewer: Viewer | undefined): void {
    for (const cell of from.near) {
      for (const member of this.sights.patchOf(cell).departures) {
        if (!isFor(viewer, member) || isNear(member.shown, to)) continue
        this.goes(member.standing ? outOfSight : member.reason, member)
      }
      if (!isNear(cell, to)) this.gone[outOfSight] = this.withStill(this.gone[outOfSight] ?? nobody, cell, viewer)
    }
  }

  private goes(reason: GoneReason, member: Member): void {
    this.gone[reason] = withMember(this.gone[reason] ?? nobody, member)
  }

  /** A list, and those shown in a cell since before this tick. */
  private withStill(list: Array<Member>, cell: Cell, viewer: Viewer | undefined): Array<Member> {
    let all = list
    for (let member = cell.first; member?.shown !== undefined; member = member.after) {
      if (isFor(viewer, member) && this.sights.of(member).cell === cell) all = withMember(all, member)
    }
    return all
  }

  private writeCrowds(from: Cell | undefined, to: Cell): void {
    for (const cell of to.near) {
      const told = isNear(cell, from) ? this.sights.patchOf(cell).crowded : 0
      const count = this.grid.crowded(cell)
      if (count !== told) writeCrowded(this.out, cell.index, count)
    }
    if (from === undefined || from === to) return
    // A cell out of sight is told to be no longer crowded, so that phones may keep counts without knowing the cells.
    for (const cell of from.near) {
      if (!isNear(cell, to) && this.sights.patchOf(cell).crowded > 0) writeCrowded(this.out, cell.index, 0)
    }
  }
}

/** Whether a phone is told of a member at all; undefined: all phones of a cell are. */
export const isFor = (viewer: Viewer | undefined, member: Member): boolean =>
  viewer === undefined || (member.number !== viewer.member.number && viewer.hides?.members.has(member) !== true)

const outOfSight = GoneReason.GONE_REASON_OUT_OF_SIGHT

/** One of a newer release is told as if none were given: whoever has gone has gone. */
export const reasonKnown = (reason: number): GoneReason => reasons[reason] ?? GoneReason.GONE_REASON_UNSPECIFIED

/** In the order of their numbers, so that a reason is its own place in the list. */
const reasons: ReadonlyArray<GoneReason> = [
  GoneReason.GONE_REASON_UNSPECIFIED,
  GoneReason.GONE_REASON_OUT_OF_SIGHT,
  GoneReason.GONE_REASON_LEFT,
  GoneReason.GONE_REASON_LOST,
  GoneReason.GONE_REASON_REMOVED
]
