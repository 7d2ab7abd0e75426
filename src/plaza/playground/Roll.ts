/**
 * Who is in a channel and where, by the newest version of each record: older announcements change nothing (rule P11), also
 * of members that are gone. Owns members, their versions and their places in the grid; every change is handed to the
 * audiences once.
 */
import { GoneReason } from "../../../gen/noriter/client/v1/playground.ts"
import type { MovesTold } from "../../../gen/noriter/runner/v1/playground.ts"
import type { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import { runnerOf } from "../../link/Roster.ts"
import { isShown } from "../../space/PresenceState.ts"
import type { Audience } from "./Audience.ts"
import { describe } from "./Describe.ts"
import type { Grid } from "./Grid.ts"
import { type Cell, Member } from "./Member.ts"
import type { Peers } from "./Peers.ts"
import type { KnownMember } from "./ViewSnapshot.ts"

/** Members that are gone and whose late announcements must change nothing; the last ones. */
const goneMax = 4_096

/** The version at which somebody went, and when that was heard. */
type Going = Pick<Member, "version" | "heard">

/** How much was known at some moment. */
export interface Known {
  /** What was heard by then. */
  readonly heard: number
  /** The newest version of any record. */
  readonly version: number
}

/** What a snapshot does not change. */
export interface Keeping {
  /** Members that it does not know: they may yet be put back. */
  readonly missing?: boolean
  /** Where known members stand: it is written a second late, and where nobody is asked who has stopped is not told again. */
  readonly places?: boolean
}

export class Roll {
  readonly members = new Map<number, Member>()
  /** Members with a record. */
  recorded = 0
  /** Members that others see. */
  standing = 0
  /** Counts what was heard, so that a snapshot can be told from what came after it was asked for. */
  heard = 0
  /** The newest version known of any record. */
  newest = 0
  private readonly grid: Grid
  private readonly audiences: ReadonlyArray<Audience>
  private readonly peers: Peers
  private readonly met: (member: Member) => void
  /** Those who went. */
  private readonly gone = new Map<number, Going>()
  /** Whom the last snapshot did not know, and who is not newer than this, was gone before it. */
  private floor: Going = { version: 0, heard: 0 }
  /** A runner has said where somebody stands who was not known to be its own: what it said was not taken. */
  private untaken = false

  /** `met` hears which guest a member is, whenever that is news. */
  constructor(grid: Grid, audiences: ReadonlyArray<Audience>, peers: Peers, met: (member: Member) => void) {
    this.grid = grid
    this.audiences = audiences
    this.peers = peers
    this.met = met
  }

  /** Lets go of cells where nobody stands or was told to stand, and that nobody looks at. */
  letGo(nowMs: number): void {
    const needed = new Set<Cell>()
    for (const { cell } of this.members.values()) needed.add(cell)
    for (const audience of this.audiences) audience.need(needed)
    this.grid.keep(needed, nowMs)
  }

  /** A member of this number, whether its record is known or not. */
  meet(number: number): Member {
    const known = this.members.get(number)
    if (known !== undefined) return known
    const member = new Member(number, this.grid.cellAt(0, 0))
    this.members.set(number, member)
    return member
  }

  /** By a commit of this runner: whoever had the number before has it no more, whatever the versions. */
  write(number: number, version: number, record: MemberRecord, runner: string): void {
    this.isAnothers(number, record)
    this.change(number, version, record, GoneReason.GONE_REASON_UNSPECIFIED, runner)
  }

  change(number: number, version: number, record: MemberRecord | undefined, reason: GoneReason, runner: string): void {
    if (version <= this.versionOf(number)) return
    if (record !== undefined && this.isAnothers(number, record)) return
    this.heard++
    const member = this.meet(number)
    member.version = version
    member.heard = this.heard
    // A going that a runner of 0.1.0 told gave out no version: it is told with the one that would come next.
    if (record !== undefined) this.newest = Math.max(this.newest, version)
    if (record === undefined) this.remove(member, reason)
    else this.put(member, record, runner, reason)
  }

  /**
   * Whoever had the number before is gone, where it was given to another in a new generation; true: a phone of this runner
   * stands there still, and the other is met when it has gone.
   */
  private isAnothers(number: number, record: MemberRecord): boolean {
    const known = this.members.get(number)
    if (known === undefined || !this.isOfAnother(number, record)) return false
    known.isGivenAway = known.held
    if (known.held) return true
    this.remove(known, GoneReason.GONE_REASON_LEFT)
    this.gone.delete(number)
    return false
  }

  /** Whether this number is known as that of another session. */
  isOfAnother(number: number, { session }: MemberRecord): boolean {
    const known = this.members.get(number)
    return known?.recorded === true && known.session !== session
  }

  /** Puts a member where it stands now; false: it stands there already. */
  place(member: Member, xCm: number, yCm: number, walked = true): boolean {
    if (member.placed && member.xCm === xCm && member.yCm === yCm) return false
    const cell = this.grid.cellAt(xCm, yCm, member.cell)
    const crosses = member.standing && cell !== member.cell
    if (crosses) this.stepOut(member)
    member.placed = true
    member.xCm = xCm
    member.yCm = yCm
    member.cell = cell
    if (crosses) this.stepIn(member)
    this.changed(member, walked)
    return true
  }

  /** Puts members where another runner says that they stand. */
  placeOthers({ incarnation, member: numbers, xCm: across, yCm: down }: MovesTold): void {
    const runner = runnerOf(incarnation)
    for (let index = 0; index < numbers.length; index++) {
      const number = numbers[index] ?? 0
      const member = this.members.get(number)
      const xCm = across[index]
      const yCm = down[index]
      if (xCm === undefined || yCm === undefined) continue
      if (member === undefined) this.untaken ||= !this.gone.has(number)
      // Whoever was out of touch goes on speaking for it; or it is theirs now, and this runner has not heard so yet.
      else if (member.runner !== runner && member.runner !== "") this.untaken = true
      // Where a phone of this runner stands, this runner knows best: the frame is from before it came here.
      else if (!member.held) {
        member.own = false
        this.place(member, xCm, yCm)
      }
    }
  }

  /** No phone of this runner stands there any more. */
  release(member: Member): void {
    member.held = false
    if (member.recorded && member.isGivenAway) this.remove(member, GoneReason.GONE_REASON_LEFT)
    else if (!member.recorded) this.forget(member)
    else if (!member.standing) member.own = false
  }

  /** Where it stands is another runner's to say, who is asked. */
  giveAway(number: number): void {
    const member = this.members.get(number)
    if (member === undefined || member.held) return
    member.own = false
    this.peers.doubt()
  }

  /** Whether the shared space says less than was known before it was asked: it has gone back (rule L11). */
  isBehind(all: ReadonlyArray<KnownMember>, version: number, before: Known): boolean {
    if (version < before.version) return true
    return all.some(({ member: number, version }) => {
      const known = this.members.get(number)
      if (known?.recorded === true) return known.heard <= before.heard && version < known.version
      // Whoever was gone, by what was heard of that last, is there and is no newer: that going has not happened.
      const told = known ?? this.gone.get(number) ?? this.floor
      const gone = told.heard > this.floor.heard ? told : this.floor
      return gone.heard <= before.heard && version <= gone.version
    })
  }

  /** Another generation, or one that has gone back: its versions cannot be compared with those known. */
  begin(): void {
    this.floor = { version: 0, heard: 0 }
    this.newest = 0
    this.gone.clear()
    for (const member of this.members.values()) member.version = 0
  }

  /**
   * All members as the shared space has them. Gone is whom it does not know and who was heard of before it was asked, or
   * has a version that it must know of; whoever came by a frame since then stays.
   */
  reconcile(
    all: ReadonlyArray<KnownMember>,
    positions: ReadonlyMap<number, { readonly xCm: number; readonly yCm: number }>,
    heardBefore: number,
    { missing = false, places = false }: Keeping
  ): void {
    const named = new Set<number>()
    let newest = 0
    let isToBeMet = false
    for (const { member: number, version, record, runner } of all) {
      named.add(number)
      newest = Math.max(newest, version)
      const known = this.members.get(number)
      const wasPlaced = known?.placed === true
      // The same version is the same record, unless the space has gone back since that was heard of (rule L11).
      const isHeld = known?.recorded === true && known.version === version && known.heard <= heardBefore
      if (isHeld) this.put(known, record, runner, GoneReason.GONE_REASON_UNSPECIFIED)
      else this.change(number, version, record, GoneReason.GONE_REASON_UNSPECIFIED, runner)
      const member = this.members.get(number)
      isToBeMet ||= member?.isGivenAway === true
      const place = positions.get(number)
      const isPlaced = places && wasPlaced && member === known
      if (member?.recorded !== true || member.own || isPlaced || place === undefined) continue
      this.place(member, place.xCm, place.yCm)
    }
    if (missing) return
    for (const member of [...this.members.values()]) {
      if (!member.recorded || named.has(member.number)) continue
      if (member.version <= newest || member.heard <= heardBefore) this.remove(member, GoneReason.GONE_REASON_LEFT)
    }
    // Only now: it says that whoever is not named was gone, and these were named. One of them is not met before its number
    // is free, and is no newer then.
    if (!isToBeMet) this.floor = { version: Math.max(this.floor.version, newest), heard: ++this.heard }
  }

  /** The version that announcements must be above to say something new. */
  versionOf(number: number): number {
    const member = this.members.get(number)
    if (member?.recorded === true) return member.version
    return Math.max(member?.version ?? 0, this.gone.get(number)?.version ?? 0, this.floor.version)
  }

  private put(member: Member, record: MemberRecord, runner: string, reason: GoneReason): void {
    if (!member.recorded || member.runner !== runner) this.give(member, runner)
    if (!member.recorded) this.recorded++
    member.recorded = true
    member.session = record.session
    member.isGivenAway = false
    if (member.guest !== record.guest) {
      member.guest = record.guest
      this.met(member)
    }
    // Later its place is what its runner says, not where it was put.
    if (!member.placed) this.place(member, record.xCm, record.yCm, member.held)
    member.described = describe(member.number, record.nickname, record.avatar)
    const shown = isShown(record.state)
    if (shown && !member.standing) this.show(member)
    if (!shown && member.standing) this.hide(member, reason || GoneReason.GONE_REASON_LOST)
    if (!shown && !member.held) member.own = false
  }

  /** It is a runner's from here on, as far as is known: what that one may have said before is asked for. */
  private give(member: Member, runner: string): void {
    if (this.untaken) this.peers.doubt()
    this.untaken = false
    member.runner = runner
    if (!member.held) member.own = false
  }

  private remove(member: Member, reason: GoneReason): void {
    if (member.standing) this.hide(member, reason || GoneReason.GONE_REASON_LEFT)
    if (member.recorded) this.recorded--
    member.recorded = false
    if (!member.held) this.forget(member)
  }

  private forget(member: Member): void {
    this.members.delete(member.number)
    this.gone.delete(member.number)
    this.gone.set(member.number, { version: member.version, heard: member.heard })
    if (this.gone.size <= goneMax) return
    const [oldest = 0] = this.gone.keys()
    this.gone.delete(oldest)
  }

  private show(member: Member): void {
    member.standing = true
    this.standing++
    this.stepIn(member)
    this.changed(member)
  }

  private hide(member: Member, reason: GoneReason): void {
    member.standing = false
    member.reason = reason
    this.standing--
    this.stepOut(member)
    this.changed(member)
  }

  private stepIn(member: Member): void {
    this.grid.enter(member)
    for (const audience of this.audiences) audience.crowdChanged(member.cell)
  }

  private stepOut(member: Member): void {
    const instead = this.grid.leave(member)
    if (instead !== undefined) this.changed(instead)
    for (const audience of this.audiences) audience.crowdChanged(member.cell)
  }

  private changed(member: Member, moved = false): void {
    for (const audience of this.audiences) audience.changed(member, moved)
  }
}
