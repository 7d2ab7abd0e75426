/**
 * A channel as this runner knows it: all members, its own and other runners', where they stand, the lines they say, and
 * the phones of this runner among them. Phones are told by the difference of the view: a second announcement changes
 * nothing (rule P11). Owns what is known and its versions; no input or output but the phones' outboxes, and no clock.
 * Who reads, subscribes, ticks and writes is Channels'.
 *
 * **Gotchas**: everything is synchronous, so no phone can miss or hear twice what comes while it joins. Positions of own
 * members are taken as they are given: whether a step may be is checked before.
 */
import { type GoneReason, Pace } from "../../../gen/noriter/client/v1/playground.ts"
import type { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import type { MovesTold } from "../../../gen/noriter/runner/v1/playground.ts"
import type { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import { runnerOf } from "../../link/Roster.ts"
import type { Position } from "../../space/Held.ts"
import type { Head, Snapshot } from "../../space/SharedSpace.ts"
import { Audience } from "./Audience.ts"
import { gapAt, lineOf, ticking } from "./Describe.ts"
import { Grid, type GridOptions } from "./Grid.ts"
import { Hiding } from "./Hiding.ts"
import { joined, LineBatch, type Missed, newest } from "./LineBatch.ts"
import { channelBounds, type HeardLine, type LineBounds, Lines } from "./Lines.ts"
import { Movers, type Places } from "./Movers.ts"
import { Peers } from "./Peers.ts"
import { type Keeping, type Known, Roll } from "./Roll.ts"
import { type Phone, Viewer } from "./Viewer.ts"
import { readSnapshot } from "./ViewSnapshot.ts"

export interface ViewOptions extends GridOptions {
  /** The channel's tag, `park/1`. */
  readonly tag: string
  /** This runner's, under which its frames go out. */
  readonly incarnation: string
  /** Names the history of the channel's lines, until a snapshot names another. */
  readonly epoch: string
  readonly lines?: LineBounds
  /** Frames are numbered above it: what a former view of this channel sent was not newer. */
  readonly framesBefore?: number
  /** How long after the last time phones of PACE_CALM and PACE_LINES are told at the next tick. */
  readonly slowMs?: number
  /** What a phone is told of moves, about (design 7). 0, or absent: all. */
  readonly movesBytesPerSecond?: number
  /** What a phone that comes back is told of what it missed, at most. 0, or absent: all that is kept. */
  readonly missedBytesMax?: number
}

/** Twice a second, less the jitter of a tick. */
const slowMsDefault = 450
/** Lines that wait for a tick or the end of the turn; more go out at once. */
const batchMax = 1_000

export class View {
  readonly tag: string
  readonly grid: Grid
  /** This runner's, under which its frames go out. */
  incarnation: string
  private readonly slowMs: number
  private readonly missedBytesMax: number
  private readonly viewers = new Map<number, Viewer>()
  private readonly fast: Audience
  private readonly slow: Audience
  private slowAtMs = Number.NEGATIVE_INFINITY
  private readonly hiding: Hiding
  private readonly roll: Roll
  private readonly movers: Movers
  private readonly peers = new Peers()
  private readonly lines: Lines
  private readonly batch: LineBatch
  private historyEpoch: string
  private loaded = false

  constructor(options: ViewOptions) {
    this.tag = options.tag
    this.incarnation = options.incarnation
    this.historyEpoch = options.epoch
    this.slowMs = options.slowMs ?? slowMsDefault
    this.missedBytesMax = options.missedBytesMax || Number.POSITIVE_INFINITY
    this.grid = new Grid(options)
    const { movesBytesPerSecond = 0 } = options
    this.fast = new Audience("fast", this.grid, movesBytesPerSecond)
    this.slow = new Audience("slow", this.grid, movesBytesPerSecond)
    this.hiding = new Hiding((viewer) => this.audienceOf(viewer))
    this.roll = new Roll(this.grid, [this.fast, this.slow], this.peers, (member) => this.hiding.met(member))
    this.movers = new Movers(options.framesBefore)
    this.lines = new Lines(options.lines ?? channelBounds)
    this.batch = new LineBatch(this.grid.columns)
  }

  /** Names the history of the channel's lines: another generation begins another. */
  get epoch(): string {
    return this.historyEpoch
  }

  /** The last line heard. */
  get head(): number {
    return this.lines.head
  }

  /** Members that others see. */
  get memberCount(): number {
    return this.roll.standing
  }

  /** Members with a record, also those that nobody sees just now. */
  get recordCount(): number {
    return this.roll.recorded
  }

  /** Whether it has heard of a member in this version, or in a newer one. */
  knows(member: number, version: number): boolean {
    return this.roll.versionOf(member) >= version
  }

  /** The number of the last frame of moves. */
  get frameCount(): number {
    return this.movers.frames
  }

  get phoneCount(): number {
    return this.viewers.size
  }

  positionOf(member: number): Position | undefined {
    const known = this.roll.members.get(member)
    return known?.placed === true ? { xCm: known.xCm, yCm: known.yCm } : undefined
  }

  // --- Members ---

  /** What a member's record says since this version, and which runner owns it, if that is known. Older ones say nothing new. */
  memberChanged(member: number, version: number, record: MemberRecord | undefined, reason: GoneReason, runner = "") {
    this.roll.change(member, version, record, reason, runner)
  }

  /** The same by a commit of this runner, which owns it. */
  memberWritten(member: number, version: number, record: MemberRecord): void {
    // A phone of who had the number before is yet to hear that it must come back.
    if (this.roll.isOfAnother(member, record)) this.leave(member)
    this.roll.write(member, version, record, runnerOf(this.incarnation))
  }

  /** An own member has walked. */
  moved(member: number, xCm: number, yCm: number): void {
    const known = this.roll.members.get(member)
    if (known === undefined) return
    known.own = true
    if (this.roll.place(known, xCm, yCm)) this.movers.moved(known)
  }

  /** Another runner's frame. That one was left out shows in the number: see `isKeyFrameDue`. */
  applyMoves(told: MovesTold): void {
    if (told.incarnation === this.incarnation || !this.peers.note(told)) return
    this.roll.placeOthers(told)
  }

  /** Whether `KeyFrameAsked` should be sent now: a frame was lost, or a member given away. True at most once a second. */
  isKeyFrameDue(nowMs: number): boolean {
    return this.peers.isKeyFrameDue(nowMs)
  }

  /** Another runner asks for all own members: they are in the next frame. */
  keyFrameAsked(): void {
    this.movers.keyAsked = true
  }

  /** Own members that have moved since the last time, for the other runners; all of them when a key frame was asked. */
  takeMoves(): MovesTold | undefined {
    return this.movers.takeFrame(this.tag, this.incarnation, this.roll.members.values())
  }

  /** Own members that have moved since the last time, for the shared space (rule P10); all, after a write that failed. */
  takePositions(all = false): Places {
    return this.movers.takePlaces(all ? this.roll.members.values() : undefined)
  }

  /** To be read before a snapshot is asked for, and handed to `loadSnapshot` with it. */
  get known(): Known {
    return { heard: this.roll.heard, version: this.roll.newest }
  }

  /**
   * What the shared space says, at the start and whenever something may have been missed: phones are told the
   * difference. Members that came by a frame after `before` was read stay, although the snapshot may not know them. True:
   * the space has gone back behind what was known (rule L11), and all that are missing stay.
   */
  loadSnapshot(snapshot: Snapshot, before: Known = { heard: 0, version: 0 }, keeping: Keeping = {}): boolean {
    const { epoch = this.historyEpoch, members, lines } = readSnapshot(snapshot)
    const isAnew = epoch !== this.historyEpoch
    // A channel that is missing, and was not, has gone back behind its founding.
    const wentBack = !isAnew && this.roll.isBehind(members, snapshot.version, before)
    if (isAnew || wentBack) this.roll.begin()
    this.roll.reconcile(members, snapshot.positions, before.heard, { ...keeping, missing: keeping.missing || wentBack })
    this.loadLines(epoch, snapshot.head, lines)
    return wentBack
  }

  // --- Phones ---

  /** A phone whose member has just entered: the last lines as history, and from here on all. */
  join(phone: Phone, { history }: { readonly history: number }): void {
    const viewer = this.admit(phone)
    this.audienceOf(viewer).greet(viewer)
    const last = this.batch.heardIn(this.lines.last(history), viewer.member.cell, phone.hidden)
    const lines = last.map((line) => line.asHistory())
    if (lines.length > 0) phone.outbox.push(Buffer.concat(lines))
    phone.outbox.schedule()
  }

  /** Whether a phone that has heard this line would hear all it missed. */
  recovers(afterSeq: number): boolean {
    return this.lines.recovers(afterSeq)
  }

  /** What is kept of what a phone has missed that has heard this line, in order, as much as it may be told at once. */
  missed({ member, hidden }: Phone, afterSeq: number): Missed {
    const kept = this.batch.heardIn(this.lines.after(afterSeq), this.roll.meet(member).cell, hidden)
    const lines = newest(kept, member, this.missedBytesMax)
    const last = kept[kept.length - lines.length - 1]
    return { from: last?.told.seq ?? Math.min(afterSeq, this.head), lines }
  }

  /** A phone that comes back, on whichever runner: what it has missed, then all that comes. */
  rejoin(phone: Phone, missed: ReadonlyArray<HeardLine>): void {
    const { member } = this.admit(phone)
    // Other runners may have heard of a later step than this one has, from its former runner: here is where it stands.
    if (member.placed) this.movers.moved(member)
    if (missed.length > 0) phone.outbox.push(joined(missed, member.number))
    phone.outbox.schedule()
  }

  /** Its phone is told no more. With a phone: only if it is that one, and not a newer one of the same member. */
  leave(member: number, phone?: Phone): void {
    const viewer = this.viewers.get(member)
    if (viewer === undefined || (phone !== undefined && viewer.phone !== phone)) return
    this.dismiss(viewer)
    this.roll.release(viewer.member)
  }

  /** Another runner has its phone: what was said here last may have been heard after what that one says, which is asked. */
  givenAway(member: number): void {
    this.roll.giveAway(member)
  }

  /** Takes effect within half a second, when the phones of every pace have been told the same. */
  setPace(member: number, pace: Pace): void {
    this.viewers.get(member)?.ask(pace)
  }

  /** Guests that are hidden from a phone from here on, and no others. */
  hide(member: number, guests: ReadonlySet<string> | undefined): void {
    const viewer = this.viewers.get(member)
    if (viewer !== undefined) this.hiding.change(viewer, guests, this.roll.members.values())
  }

  // --- Lines ---

  /**
   * A line of the channel's stream. "duplicate": it was heard before; "gap": one before it is missing, and it was not
   * taken in: fetch what lies between and say it again (rule C3).
   */
  heard(told: LineTold): "heard" | "duplicate" | "gap" {
    const line = this.lines.hear(told)
    if (line === "duplicate" || line === "gap") return line
    if (this.viewers.size > 0) this.batch.add(line)
    if (this.batch.size >= batchMax) this.flushLines()
    return "heard"
  }

  /** What lies up to this line is no longer kept: phones are told so, and the stream goes on after it. */
  gapUnfillable(seq: number): void {
    if (seq <= this.head) return
    this.batch.give(this.viewers.values())
    this.lines.skipTo(seq)
    this.tellGap()
  }

  /** Gives out the lines that wait, where no tick is coming; `write` as in `tick`. */
  flushLines(write = writeAtOnce): void {
    if (this.batch.size === 0) return
    this.batch.give(this.viewers.values())
    write(this.viewers.values())
  }

  // --- The tick ---

  /** Whether the next tick writes to phones anyway, so that lines had better wait for it. */
  hasMovement(): boolean {
    return this.fast.hasNews
  }

  /**
   * Tells every phone what has changed in its view; `write` sees to it that it is written, at once where none is given.
   * `leavesLines`: somebody gives out lines in a moment, and here they go only with moves.
   */
  tick(nowMs: number, write = writeAtOnce, leavesLines = false): void {
    const isGiven = (!leavesLines || this.hasMovement()) && this.batch.give(this.viewers.values())
    let isTold = this.fast.tick(nowMs) || isGiven
    if (nowMs - this.slowAtMs >= this.slowMs) {
      this.slowAtMs = nowMs
      isTold = this.slow.tick(nowMs) || isTold
      this.changePaces()
    }
    if (this.grid.isKeepDue(nowMs)) this.roll.letGo(nowMs)
    if (isTold) write(this.viewers.values())
  }

  /** A member shows a feeling: told to those who see it. */
  emoted(member: number, kind: string): void {
    this.signal(member, lineOf({ $case: "emoted", value: { $type: "noriter.client.v1.Emoted", member, kind } }))
  }

  /** A member is typing. */
  typed(member: number): void {
    this.signal(member, lineOf({ $case: "typed", value: { $type: "noriter.client.v1.Typed", member } }))
  }

  /** A phone is told of moves so often from here on. */
  ticking(tickMs: number): void {
    const line = lineOf(ticking(tickMs))
    for (const { phone } of this.viewers.values()) phone.outbox.push(line)
    this.fast.owes = true
  }

  private signal(member: number, line: Uint8Array): void {
    const known = this.roll.members.get(member)
    if (known?.shown === undefined) return
    this.fast.signal(known, line)
    this.slow.signal(known, line)
  }

  // --- Inside ---

  private admit(phone: Phone): Viewer {
    // Whoever was here before this phone hears what has come before it.
    this.flushLines()
    const former = this.viewers.get(phone.member)
    if (former !== undefined) this.dismiss(former)
    const member = this.roll.meet(phone.member)
    member.held = true
    member.own = true
    const viewer = new Viewer(phone, member)
    this.viewers.set(phone.member, viewer)
    this.audienceOf(viewer).add(viewer)
    this.hide(phone.member, phone.hidden)
    return viewer
  }

  private dismiss(viewer: Viewer): void {
    this.viewers.delete(viewer.phone.member)
    this.hiding.left(viewer)
    this.audienceOf(viewer).remove(viewer)
  }

  private audienceOf({ pace }: Viewer): Audience {
    return pace === Pace.PACE_FULL ? this.fast : this.slow
  }

  /** Only now: after a slow tick both audiences were told the same, so a phone can go from one to the other. */
  private changePaces(): void {
    for (const viewer of this.viewers.values()) {
      if (viewer.pace === viewer.paceAsked) continue
      this.audienceOf(viewer).remove(viewer)
      // It was told of no moves: it needs all places.
      if (viewer.pace === Pace.PACE_LINES) viewer.behind = true
      viewer.pace = viewer.paceAsked
      this.audienceOf(viewer).add(viewer)
    }
  }

  private loadLines(epoch: string, { seq, trimmedTo }: Head, lines: ReadonlyArray<LineTold>): void {
    const anew = epoch !== this.historyEpoch
    if (anew || !this.loaded) {
      this.batch.give(this.viewers.values())
      this.lines.begin(seq, trimmedTo, lines)
      this.historyEpoch = epoch
      this.loaded = true
      if (anew) this.tellGap()
      return
    }
    this.gapUnfillable(Math.min(seq, trimmedTo))
    for (const line of lines) this.heard(line)
  }

  /** From here on; something before it is missing. */
  private tellGap(): void {
    const line = gapAt(this.tag, this.historyEpoch, this.head)
    for (const { phone } of this.viewers.values()) {
      phone.outbox.push(line)
      phone.outbox.schedule()
    }
  }
}

const writeAtOnce = (viewers: Iterable<Viewer>): void => {
  for (const { outbox } of viewers) outbox.flush()
}
