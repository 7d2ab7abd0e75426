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
import { writeAppeared, writeCrowded, writeDisappeared, writeMoved } from "./Describe.ts"
import type { Grid } from "./Grid.ts"
import { type Cell, isNear, type Member, type Sight } from "./Member.ts"
import { type Chunk, empty, latestOf, nothing, orderedOf, Patch } from "./Patch.ts"
import type { Viewer } from "./Viewer.ts"

/** Emotes and the like that wait for a tick; what is more is skipped, as LATEST may be. */
const signalsMax = 1_000

export class Audience {
  private readonly viewers = new Set<Viewer>()
  /** A phone has come, was not told of some move, or waits for a write: the next tick is one although nothing changed. */
  owes = false
  private readonly kind: "fast" | "slow"
  private readonly grid: Grid
  private readonly bytesPerSecond: number
  private readonly patches: Array<Patch> = []
  private dirty: Array<Member> = []
  private crowds: Array<Cell> = []
  private signals: Array<{ readonly member: Member; readonly line: Uint8Array }> = []
  private touched: Array<Patch> = []
  private ticks = 0
  private nowMs = 0
  private readonly frames = new Bytes()
  private readonly out = new Bytes()
  private readonly came: Array<Member> = []
  private readonly gone: ReadonlyArray<Array<Member>> = reasons.map(() => [])

  /** `bytesPerSecond`: what a phone may be told of moves; 0: all. */
  constructor(kind: "fast" | "slow", grid: Grid, bytesPerSecond: number) {
    this.kind = kind
    this.grid = grid
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

  /** A member has moved, come or gone. */
  changed(member: Member, moved: boolean): void {
    const sight = this.sightOf(member)
    if (moved) sight.moved = true
    if (sight.dirty) return
    sight.dirty = true
    this.dirty.push(member)
  }

  /** A cell holds more or fewer members. */
  crowdChanged(cell: Cell): void {
    const patch = this.patchOf(cell)
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
    const { came, out } = this
    out.clear()
    came.length = 0
    for (const near of cell.near) {
      for (let member = near.first; member?.shown !== undefined; member = member.after) {
        if (member.number !== viewer.member.number && isNear(this.sightOf(member).cell, cell)) came.push(member)
      }
    }
    for (const member of this.dirty) {
      const isListed = isNear(member.shown, cell)
      if (member.number !== viewer.member.number && !isListed && isNear(this.sightOf(member).cell, cell))
        came.push(member)
    }
    writeAppeared(out, came)
    for (const near of cell.near) {
      const { crowded } = this.patchOf(near)
      if (crowded > 0) writeCrowded(out, near.index, crowded)
    }
    viewer.cell = cell
    viewer.fresh = true
    appearedFigure.count += came.length
    if (out.length > 0) viewer.outbox.push(out.take())
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
      const told = this.sightOf(member).cell
      const { shown } = member
      // Where a member appears is told with it, and need not be told as a move.
      if (told !== undefined && shown !== undefined) this.touch(shown).movers.push(member)
      if (told === shown) continue
      if (told !== undefined) this.touch(told, true).departures.push(member)
      if (shown !== undefined) this.touch(shown, true).arrivals.push(member)
    }
    for (const { member, line } of this.signals) {
      if (member.shown !== undefined) this.touch(member.shown).signals.push(line)
    }
  }

  /** Now is what was told. */
  private settle(): void {
    for (const member of this.dirty) {
      const sight = this.sightOf(member)
      sight.cell = member.shown
      sight.dirty = false
      sight.moved = false
    }
    for (const cell of this.crowds) {
      const patch = this.patchOf(cell)
      patch.crowded = this.grid.crowded(cell)
      patch.crowdedDirty = false
      patch.differs = false
    }
    for (const patch of this.touched) {
      patch.touched = false
      patch.differs = false
      clear(patch.arrivals)
      clear(patch.departures)
      clear(patch.movers)
      if (patch.signals.length > 0) patch.signals = []
    }
    this.dirty = []
    this.crowds = []
    this.signals = []
    this.touched = []
  }

  private tell(viewer: Viewer): void {
    const { member, outbox } = viewer
    const { cell } = member
    const sight = this.sightOf(member)
    const chunk = this.chunkOf(cell)
    if (viewer.fresh || viewer.cell !== cell || sight.cell !== member.shown) {
      viewer.fresh = false
      const ordered = this.differenceOf(viewer)
      viewer.cell = cell
      if (ordered.length > 0) outbox.push(ordered)
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

  /** LATEST. A phone that was too slow for some, or is owed some, is told all places once it can be. */
  private tellMoves(viewer: Viewer, sight: Sight, { whole }: Chunk, moves: Uint8Array): void {
    if (viewer.pace === Pace.PACE_LINES) return
    const { member, outbox, behind } = viewer
    const due = behind && whole ? this.placesOf(member.cell) : moves
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
    const patch = this.patchOf(cell)
    if (patch.chunkTick === this.ticks) return patch.chunk
    const elapsedMs = patch.chunkMs === 0 ? 1_000 : Math.abs(this.nowMs - patch.chunkMs)
    patch.chunkTick = this.ticks
    patch.chunkMs = this.nowMs
    const owed = patch.owing ? this.placesOf(cell).length : 0
    const { out } = this
    out.clear()
    if (patch.near.length === 0) patch.near = cell.near.map((near) => this.patchOf(near))
    const came = patch.near.some(({ differs }) => differs) ? this.writeDifference(cell, cell, undefined) : 0
    const ordered = out.length
    for (const near of patch.near) if (near.touched) this.writeFrame(near)
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

  /**
   * Whether all moves around a cell may be told now: what is spent on a phone is kept within its bytes a second, by
   * telling the moves of its own cell every tick, and all places when there are bytes for them: at least every 2 s.
   */
  private isAffordable(patch: Patch, elapsedMs: number, ordered: number, moves: number): boolean {
    const { bytesPerSecond } = this
    if (bytesPerSecond === 0) return true
    const saved = Math.max(-bytesPerSecond, patch.allowance) + (bytesPerSecond * elapsedMs) / 1_000
    const allowance = Math.min(bytesPerSecond, saved)
    const whole = Math.min(moves, bytesPerSecond) <= allowance
    // Who comes and goes, and the cell itself, is told whatever it takes, and paid for later.
    patch.allowance = allowance - ordered - (whole ? moves : 0)
    return whole
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
    for (const line of patch.signals) this.frames.copy(line)
    patch.frameEnd = this.frames.length
    return patch
  }

  /** Where all stand that a phone in this cell sees. */
  private placesOf(cell: Cell): Uint8Array {
    const patch = this.patchOf(cell)
    if (patch.placesTick === this.ticks) return patch.places
    patch.placesTick = this.ticks
    this.out.clear()
    const all: Array<Member> = []
    for (const near of cell.near) {
      for (let member = near.first; member?.shown !== undefined; member = member.after) all.push(member)
    }
    writeMoved(this.out, all)
    patch.places = this.out.take()
    return patch.places
  }

  /** What this phone alone is told of who came and went: it stands in another cell, or its own member came or went. */
  private differenceOf(viewer: Viewer): Uint8Array {
    this.out.clear()
    appearedFigure.count += this.writeDifference(viewer.cell, viewer.member.cell, viewer.member)
    return this.out.length === 0 ? empty : this.out.take()
  }

  /** From what was told around one cell (undefined: nothing) to what is around another now; answers how many came. */
  private writeDifference(from: Cell | undefined, to: Cell, self: Member | undefined): number {
    const { came, gone, out } = this
    clear(came)
    for (const list of gone) clear(list)
    if (from !== undefined) this.gatherGone(from, to, self)
    for (const cell of to.near) {
      for (const member of this.patchOf(cell).arrivals) {
        if (member.number !== self?.number && !isNear(this.sightOf(member).cell, from)) came.push(member)
      }
      if (!isNear(cell, from)) this.gatherStill(cell, self, came)
    }
    // Gone first: a member that was removed and put back between two ticks is in both.
    for (const reason of reasons) writeDisappeared(out, this.goneFor(reason), reason)
    writeAppeared(out, came)
    this.writeCrowds(from, to)
    return came.length
  }

  private gatherGone(from: Cell, to: Cell, self: Member | undefined): void {
    for (const cell of from.near) {
      for (const member of this.patchOf(cell).departures) {
        if (member.number === self?.number || isNear(member.shown, to)) continue
        this.goneFor(member.standing ? GoneReason.GONE_REASON_OUT_OF_SIGHT : member.reason).push(member)
      }
      if (!isNear(cell, to)) this.gatherStill(cell, self, this.goneFor(GoneReason.GONE_REASON_OUT_OF_SIGHT))
    }
  }

  /** Those shown in a cell since before this tick. */
  private gatherStill(cell: Cell, self: Member | undefined, into: Array<Member>): void {
    for (let member = cell.first; member?.shown !== undefined; member = member.after) {
      if (member.number !== self?.number && this.sightOf(member).cell === cell) into.push(member)
    }
  }

  private writeCrowds(from: Cell | undefined, to: Cell): void {
    for (const cell of to.near) {
      const told = isNear(cell, from) ? this.patchOf(cell).crowded : 0
      const count = this.grid.crowded(cell)
      if (count !== told) writeCrowded(this.out, cell.index, count)
    }
    if (from === undefined || from === to) return
    // A cell out of sight is told to be no longer crowded, so that phones may keep counts without knowing the cells.
    for (const cell of from.near) {
      if (!isNear(cell, to) && this.patchOf(cell).crowded > 0) writeCrowded(this.out, cell.index, 0)
    }
  }

  /** Not by name: what is looked up by one of two names takes as long as what may have any. */
  private sightOf(member: Member): Sight {
    return this.kind === "fast" ? member.fast : member.slow
  }

  private goneFor(reason: GoneReason): Array<Member> {
    return this.gone[reason] ?? []
  }

  private touch(cell: Cell, differs = false): Patch {
    const patch = this.patchOf(cell)
    if (differs) patch.differs = true
    if (!patch.touched) {
      patch.touched = true
      this.touched.push(patch)
    }
    return patch
  }

  private patchOf(cell: Cell): Patch {
    const known = this.patches[cell.serial]
    if (known !== undefined) return known
    // Cells are counted as they are made, and all of them get a patch in that order.
    while (this.patches.length <= cell.serial) this.patches.push(new Patch())
    return this.patches[cell.serial] ?? new Patch()
  }
}

/** Most lists are empty, and to empty one costs more than to look. */
const clear = (list: Array<Member>): void => {
  if (list.length > 0) list.length = 0
}

/** In the order of their numbers, so that a reason is its own place in the list. */
const reasons: ReadonlyArray<GoneReason> = [
  GoneReason.GONE_REASON_UNSPECIFIED,
  GoneReason.GONE_REASON_OUT_OF_SIGHT,
  GoneReason.GONE_REASON_LEFT,
  GoneReason.GONE_REASON_LOST,
  GoneReason.GONE_REASON_REMOVED
]
