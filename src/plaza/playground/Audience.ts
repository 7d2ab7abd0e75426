/**
 * The phones that are told of a channel at one pace, and what they were told: an audience remembers of every member the
 * cell it was last told to be shown in, so what a phone knows is, by definition, who was told to be in the nine cells
 * around it; no list is kept per phone (rule P11). A tick tells the difference to now: one chunk for all phones of a cell
 * that stood still, and one of their own for those that came, or went to another cell. Where members stand is the grid's.
 *
 * A phone is never told of the appearing and disappearing of its own member: enter has told it where it stands, and it
 * hears its own moves whether it is shown to others or not (wire.md).
 */
import { GoneReason, Pace } from "../../../gen/noriter/client/v1/playground.ts"
import { appeared as appearedFigure } from "../../telemetry/Metrics.ts"
import { Bytes } from "./Bytes.ts"
import { type Chunk, empty, latestOf, nothing, orderedOf } from "./Chunk.ts"
import { writeAppeared, writeCrowded, writeDisappeared, writeMoved } from "./Describe.ts"
import { Difference, isFor } from "./Difference.ts"
import type { Grid } from "./Grid.ts"
import type { Hides } from "./Hides.ts"
import { type Cell, isNear, type Member, nobody, type Patch, type Sight, type Signal, withMember } from "./Member.ts"
import { Sights } from "./Sights.ts"
import type { Viewer } from "./Viewer.ts"

/** Emotes and the like that wait for a tick; what is more is skipped, as LATEST may be. */
const signalsMax = 1_000
/** After so long all places are told, whatever it takes: a second, less the jitter of a tick (design 7). */
const wholeMsMax = 950

export class Audience {
  private readonly viewers = new Set<Viewer>()
  /** A phone has come, was not told of some move, or waits for a write: the next tick is one although nothing changed. */
  owes = false
  private readonly sights: Sights
  private readonly grid: Grid
  private readonly bytesPerSecond: number
  private dirty: Array<Member> = []
  private crowds: Array<Cell> = []
  private signals: Array<Signal> = []
  private touched: Array<Patch> = []
  /** Patches in which a phone was told something at this tick. */
  private told: Array<Patch> = []
  private ticks = 0
  private nowMs = 0
  private readonly frames = new Bytes()
  private readonly out = new Bytes()
  private readonly difference: Difference

  /** `bytesPerSecond`: what a phone may be told of moves; 0: all. */
  constructor(kind: "fast" | "slow", grid: Grid, bytesPerSecond: number) {
    this.sights = new Sights(kind)
    this.grid = grid
    this.difference = new Difference(this.sights, grid, this.out)
    this.bytesPerSecond = bytesPerSecond
  }

  add(viewer: Viewer): void {
    this.viewers.add(viewer)
    this.owes = true
  }

  remove(viewer: Viewer): void {
    this.viewers.delete(viewer)
  }

  /** Something is there to be told at the next tick. */
  get hasNews(): boolean {
    return this.viewers.size > 0 && (this.dirty.length > 0 || this.signals.length > 0)
  }

  /** Who has gone from the channel, and was not told to have. */
  get leaving(): ReadonlyArray<Member> {
    return this.dirty.filter((member) => !member.recorded && this.sights.of(member).cell !== undefined)
  }

  /** Notes the cells that its phones look at, and those that somebody was told to be in who is not. */
  need(cells: Set<Cell>): void {
    for (const { cell } of this.viewers) if (cell !== undefined) cells.add(cell)
    for (const member of this.dirty) {
      const { cell } = this.sights.of(member)
      if (cell !== undefined) cells.add(cell)
    }
  }

  /** A member has moved, come or gone. */
  changed(member: Member, moved: boolean): void {
    const sight = this.sights.of(member)
    if (moved) sight.moved = true
    if (sight.dirty) return
    sight.dirty = true
    this.dirty.push(member)
  }

  /** A cell holds more or fewer members. */
  crowdChanged(cell: Cell): void {
    const patch = this.sights.patchOf(cell)
    if (patch.crowdedDirty || (patch.crowded === 0 && this.grid.crowded(cell) === 0)) return
    patch.crowdedDirty = true
    patch.differs = true
    this.crowds.push(cell)
  }

  /** A line to all who see a member. */
  signal(member: Member, line: Uint8Array): void {
    if (this.viewers.size > 0 && this.signals.length < signalsMax) this.signals.push({ member, line })
  }

  /**
   * A phone that has just come is told at once of those around it, as the others of its cell were told at the last tick;
   * what has changed since, all of them are told at the next.
   */
  greet(viewer: Viewer): void {
    const { cell } = viewer.member
    const { out } = this
    const came: Array<Member> = []
    out.clear()
    for (const near of cell.near) {
      for (let member = near.first; member?.shown !== undefined; member = member.after) {
        if (isFor(viewer, member) && isNear(this.sights.of(member).cell, cell)) came.push(member)
      }
    }
    for (const member of this.dirty) {
      const isListed = isNear(member.shown, cell)
      if (isFor(viewer, member) && !isListed && isNear(this.sights.of(member).cell, cell)) came.push(member)
    }
    writeAppeared(out, came)
    for (const near of cell.near) {
      const { crowded } = this.sights.patchOf(near)
      if (crowded > 0) writeCrowded(out, near.index, crowded)
    }
    viewer.cell = cell
    viewer.fresh = true
    appearedFigure.count += came.length
    if (out.length > 0) viewer.outbox.push(out.take())
  }

  /** A phone is not shown a member any more: gone is who was told to be in its view. */
  hidden(viewer: Viewer, member: Member): void {
    this.tellAlone(viewer, member, (out) => writeDisappeared(out, [member], GoneReason.GONE_REASON_OUT_OF_SIGHT))
  }

  /** A phone is shown a member again, as the others of its cell were at the last tick. */
  unhidden(viewer: Viewer, member: Member): void {
    this.tellAlone(viewer, member, (out) => writeAppeared(out, [member]))
  }

  private tellAlone(viewer: Viewer, member: Member, write: (out: Bytes) => void): void {
    if (member.number === viewer.member.number || !isNear(this.sights.of(member).cell, viewer.cell)) return
    this.out.clear()
    write(this.out)
    viewer.outbox.push(this.out.take())
    viewer.outbox.schedule()
  }

  /** Pushes to every phone what has changed in its view since the last tick; writing it is the caller's. False: nothing. */
  tick(nowMs: number): boolean {
    if (!this.owes && this.dirty.length === 0 && this.signals.length === 0 && this.crowds.length === 0) return false
    this.owes = false
    this.ticks++
    this.nowMs = nowMs
    this.frames.clear()
    this.gather()
    for (const viewer of this.viewers) {
      this.tell(viewer)
      if (viewer.behind && viewer.pace !== Pace.PACE_LINES) this.owes = true
    }
    this.settle()
    return true
  }

  /** Sorts what has changed by the cells it is told in. */
  private gather(): void {
    for (const member of this.dirty) {
      const told = this.sights.of(member).cell
      const { shown } = member
      // Where a member appears is told with it, and need not be told as a move.
      if (told !== undefined && shown !== undefined) {
        const patch = this.touch(shown)
        patch.movers = withMember(patch.movers, member)
      }
      if (told === shown) continue
      if (told !== undefined) {
        const patch = this.touch(told, true)
        patch.departures = withMember(patch.departures, member)
      }
      if (shown !== undefined) {
        const patch = this.touch(shown, true)
        patch.arrivals = withMember(patch.arrivals, member)
      }
    }
    for (const signal of this.signals) {
      const { shown } = signal.member
      if (shown !== undefined) this.touch(shown).signals.push(signal)
    }
  }

  /** Now is what was told. */
  private settle(): void {
    for (const member of this.dirty) {
      const sight = this.sights.of(member)
      sight.cell = member.shown
      sight.dirty = false
      sight.moved = false
    }
    for (const cell of this.crowds) {
      const patch = this.sights.patchOf(cell)
      patch.crowded = this.grid.crowded(cell)
      patch.crowdedDirty = false
      patch.differs = false
    }
    for (const patch of this.touched) {
      patch.touched = false
      patch.differs = false
      patch.arrivals = nobody
      patch.departures = nobody
      patch.movers = nobody
      if (patch.signals.length > 0) patch.signals = []
    }
    for (const patch of this.told) {
      patch.chunk = undefined
      patch.places = undefined
    }
    this.dirty = []
    this.crowds = []
    this.signals = []
    this.touched = []
    this.told = []
  }

  private tell(viewer: Viewer): void {
    const { member, outbox } = viewer
    const { cell } = member
    const sight = this.sights.of(member)
    const chunk = this.chunkOf(cell)
    const isAlone = viewer.fresh || viewer.cell !== cell || sight.cell !== member.shown
    // Who hides nobody around it is told what all of its cell are.
    const hides = viewer.hides?.isNear(cell, this.sights) === true ? viewer.hides : undefined
    if (hides !== undefined) {
      if (isAlone || chunk.orderedBytes > 0) this.tellDifference(viewer)
      this.tellMoves(viewer, sight, chunk, this.movesBut(hides, viewer, chunk), hides)
    } else if (isAlone) {
      this.tellDifference(viewer)
      this.tellMoves(viewer, sight, chunk, latestOf(chunk))
    } else if (chunk.orderedBytes > 0) {
      appearedFigure.count += chunk.came
      const apart = viewer.behind || viewer.pace === Pace.PACE_LINES || !outbox.latest(chunk.all)
      if (apart) {
        outbox.push(orderedOf(chunk))
        viewer.behind = true
      }
      this.tellMoves(viewer, sight, chunk, apart ? latestOf(chunk) : empty)
    } else {
      this.tellMoves(viewer, sight, chunk, chunk.all)
    }
  }

  /**
   * What this phone alone is told of who came and went: it stands in another cell, its own member came or went, or it
   * hides somebody.
   */
  private tellDifference(viewer: Viewer): void {
    const { cell } = viewer.member
    viewer.fresh = false
    this.out.clear()
    appearedFigure.count += this.difference.write(viewer.cell, cell, viewer)
    viewer.cell = cell
    if (this.out.length > 0) viewer.outbox.push(this.out.take())
  }

  /** LATEST. A phone that was too slow for some, or is owed some, is told all places once it can be. */
  private tellMoves(viewer: Viewer, sight: Sight, { whole }: Chunk, moves: Uint8Array, hides?: Hides): void {
    if (viewer.pace === Pace.PACE_LINES) return
    const { member, outbox, behind } = viewer
    const due = behind && whole ? this.placesOf(member.cell, hides) : moves
    viewer.behind = !((due.length === 0 || outbox.latest(due)) && whole)
    // Movers see their own moves, also those that no frame has, because nobody was shown them or knew them before.
    const apart = member.shown === undefined || sight.cell === undefined
    if (apart && (sight.moved || (behind && member.shown === undefined))) {
      this.out.clear()
      writeMoved(this.out, [member])
      if (!outbox.latest(this.out.take())) viewer.behind = true
    }
  }

  private chunkOf(cell: Cell): Chunk {
    const patch = this.sights.patchOf(cell)
    if (patch.chunk !== undefined) return patch.chunk
    this.told.push(patch)
    const elapsedMs = patch.chunkMs === 0 ? 1_000 : this.nowMs - patch.chunkMs
    patch.chunkMs = this.nowMs
    const owed = patch.owing ? this.placesOf(cell).length : 0
    const { out } = this
    out.clear()
    const came = this.differs(cell) ? this.difference.write(cell, cell, undefined) : 0
    const ordered = out.length
    for (const one of cell.near) {
      const near = this.sights.patchOf(one)
      if (near.touched) this.writeFrame(near)
    }
    const whole = this.isAffordable(patch, elapsedMs, ordered, Math.max(owed, out.length - ordered))
    if (!whole) {
      out.length = ordered
      this.writeFrame(patch)
      patch.allowance -= out.length - ordered
    }
    patch.owing = !whole
    patch.chunk = out.length === 0 && whole ? nothing : { all: out.take(), orderedBytes: ordered, whole, came }
    return patch.chunk
  }

  /** Whether phones in a cell are told of anybody who came or went. */
  private differs({ near }: Cell): boolean {
    for (const cell of near) if (this.sights.patchOf(cell).differs) return true
    return false
  }

  /**
   * Whether all moves around a cell may be told now: what is spent on a phone is kept within its bytes a second, by
   * telling the moves of its own cell every tick, and all places when there are bytes for them, or a second has passed.
   */
  private isAffordable(patch: Patch, elapsedMs: number, ordered: number, moves: number): boolean {
    const { bytesPerSecond } = this
    if (bytesPerSecond === 0) return true
    const saved = Math.max(-bytesPerSecond, patch.allowance) + (bytesPerSecond * elapsedMs) / 1_000
    const allowance = Math.min(bytesPerSecond, saved)
    const whole = moves <= allowance || this.nowMs - patch.wholeMs >= wholeMsMax
    if (whole) patch.wholeMs = this.nowMs
    // Who comes and goes, and the cell itself, is told whatever it takes, and paid for later.
    patch.allowance = allowance - ordered - (whole ? moves : 0)
    return whole
  }

  /** The moves that the others of its cell are told, but for those that a phone hides. */
  private movesBut(hides: Hides, { member, pace }: Viewer, { whole }: Chunk): Uint8Array {
    if (pace === Pace.PACE_LINES) return empty
    this.out.clear()
    for (const cell of whole ? member.cell.near : [member.cell]) {
      const patch = this.sights.patchOf(cell)
      if (hides.touches(patch, this.sights)) hides.writeFrame(this.out, patch)
      else if (patch.touched) this.writeFrame(patch)
    }
    return this.out.length === 0 ? empty : this.out.take()
  }

  private writeFrame(patch: Patch): void {
    const { frameStart, frameEnd } = this.framed(patch)
    if (frameEnd > frameStart) this.out.part(this.frames, frameStart, frameEnd)
  }

  /** A patch whose movers and signals of this tick are written in `frames`. */
  private framed(patch: Patch): Patch {
    if (patch.frameTick === this.ticks) return patch
    patch.frameTick = this.ticks
    patch.frameStart = this.frames.length
    writeMoved(this.frames, patch.movers)
    for (const { line } of patch.signals) this.frames.copy(line)
    patch.frameEnd = this.frames.length
    return patch
  }

  /** Where all stand that a phone in this cell sees, but for those that it hides. */
  private placesOf(cell: Cell, hides?: Hides): Uint8Array {
    const patch = this.sights.patchOf(cell)
    if (hides === undefined && patch.places !== undefined) return patch.places
    this.out.clear()
    const all: Array<Member> = []
    for (const near of cell.near) {
      for (let member = near.first; member?.shown !== undefined; member = member.after) {
        if (hides?.members.has(member) !== true) all.push(member)
      }
    }
    writeMoved(this.out, all)
    if (hides !== undefined) return this.out.take()
    patch.places = this.out.take()
    return patch.places
  }

  private touch(cell: Cell, differs = false): Patch {
    const patch = this.sights.patchOf(cell)
    if (differs) patch.differs = true
    if (!patch.touched) {
      patch.touched = true
      this.touched.push(patch)
    }
    return patch
  }
}
