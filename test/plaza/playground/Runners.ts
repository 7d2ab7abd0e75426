/**
 * A script of what may happen to a channel that several runners look at: guests come, walk, lose their sockets, come back
 * on another runner and go, while runners hear late or nothing, cannot say anything, read what was so a while ago, and go on
 * speaking for those who have gone to another. When all links work again and nobody walks, each phone must believe what is
 * true.
 */
import { assert } from "@effect/vitest"
import { GoneReason, Pace } from "../../../gen/noriter/client/v1/playground.ts"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import type { Known } from "../../../src/plaza/playground/Roll.ts"
import { View } from "../../../src/plaza/playground/View.ts"
import type { Snapshot } from "../../../src/space/SharedSpace.ts"
import { at, bounded, cellCm, cellOf, isNear, sizeCm } from "./Ground.ts"
import { snapshotOf } from "./Kept.ts"
import { Listener, type Place } from "./Listener.ts"
import type { Step } from "./Play.ts"

const runnersMax = 3
const membersMax = 16
const cellShownMax = 3
const paces = [Pace.PACE_FULL, Pace.PACE_CALM, Pace.PACE_LINES] as const

interface Runner {
  readonly name: string
  readonly view: View
  /** On their way to it. */
  readonly frames: Array<() => void>
  /** Who has gone to another, as it finds at the latest when its link works again. */
  readonly claims: Array<() => void>
  /** What it has asked of the shared space, and is not answered yet. */
  readonly reading: Array<{ readonly snapshot: Snapshot; readonly before: Known; readonly isReload: boolean }>
  isDeaf: boolean
  isMute: boolean
  /** It does not hear of the next member that changes. */
  misses: boolean
  allPlaces: boolean
  wasBehind: boolean
}

interface Guest {
  readonly member: number
  /** Where its phone says it stands. */
  place: Place
  runner: Runner
  phone: Listener | undefined
  pace: Pace
  hidden: ReadonlySet<string> | undefined
  version: number
  state: PresenceState
  /** Where it came in. */
  readonly entered: Place
  /** As the shared space has it. */
  written: Place
}

export interface Hardship {
  /** Links are cut, and everything is read anew when they work again: that makes good whatever was amiss. */
  readonly isCut?: boolean
  readonly bytesPerSecond?: number
}

const guestOf = (member: number): string => `g_${member}`
const isShown = ({ state }: Guest): boolean =>
  state === PresenceState.PRESENCE_STATE_PRESENT || state === PresenceState.PRESENCE_STATE_LOST

export class Runners {
  private readonly runners: ReadonlyArray<Runner>
  private readonly isCut: boolean
  private readonly guests = new Map<number, Guest>()
  private lastNumber = 0
  private lastVersion = 0
  private nowMs = 0

  constructor({ isCut = false, bytesPerSecond = 0 }: Hardship = {}) {
    this.isCut = isCut
    this.runners = Array.from({ length: runnersMax }, (_, index) => ({
      name: `r${index}`,
      view: new View({
        tag: "park/1",
        incarnation: `r${index}-0000000001`,
        epoch: "1.1",
        widthCm: sizeCm,
        heightCm: sizeCm,
        cellCm,
        cellShownMax,
        movesBytesPerSecond: bytesPerSecond
      }),
      frames: [],
      claims: [],
      reading: [],
      isDeaf: false,
      isMute: false,
      misses: false,
      allPlaces: false,
      wasBehind: false
    }))
  }

  play(script: Iterable<Step>): void {
    for (const [what, who, a, b] of script) this.steps[what % this.steps.length]?.(who, a, b)
    this.rest()
    for (const guest of this.guests.values()) this.check(guest)
  }

  /** All links work, all phones are fast, and for some seconds nobody walks. */
  private rest(): void {
    for (const { phone } of this.guests.values()) if (phone !== undefined) phone.slow = false
    for (const runner of this.runners) {
      if (runner.isMute) this.mute(runner)
      if (runner.isDeaf) this.deafen(runner)
    }
    for (let tick = 0; tick < 60; tick++) {
      for (const runner of this.runners) {
        this.deliver(runner, runner.frames.length)
        while (runner.reading.length > 0) this.read(runner)
      }
      for (const runner of this.runners) {
        this.tell(runner)
        if (tick % 10 === 0) this.look(runner)
      }
    }
  }

  private readonly enter = (who: number, a: number, b: number): void => {
    if (this.guests.size >= membersMax) return
    const runner = this.runner(who)
    const place = at(a, b)
    const guest: Guest = {
      member: ++this.lastNumber,
      place,
      runner,
      phone: undefined,
      pace: paces[a % paces.length] ?? Pace.PACE_FULL,
      hidden: undefined,
      version: 0,
      state: PresenceState.PRESENCE_STATE_PRESENT,
      entered: place,
      written: place
    }
    this.guests.set(guest.member, guest)
    this.write(guest, PresenceState.PRESENCE_STATE_PRESENT)
    runner.view.memberWritten(guest.member, guest.version, recordOf(guest))
    runner.view.join(this.phoneOf(guest), { history: 0 })
  }

  private readonly walk = (who: number, a: number, b: number): void => {
    const guest = this.guest(who)
    if (guest?.phone === undefined) return
    const { xCm, yCm } = guest.place
    const far = a % 7 === 0
    guest.place = far ? at(a, b) : { xCm: bounded(xCm + (a % 900) - 450), yCm: bounded(yCm + (b % 900) - 450) }
    guest.runner.view.moved(guest.member, guest.place.xCm, guest.place.yCm)
  }

  private readonly lose = (who: number): void => {
    const guest = this.guest(who)
    if (guest?.phone === undefined) return
    guest.runner.view.leave(guest.member, guest.phone)
    guest.phone = undefined
    guest.written = guest.place
    this.write(guest, PresenceState.PRESENCE_STATE_LOST)
  }

  private readonly hideAway = (who: number): void => {
    const guest = this.guest(who)
    if (guest?.state === PresenceState.PRESENCE_STATE_LOST) this.write(guest, PresenceState.PRESENCE_STATE_AWAY)
  }

  /** Comes back, perhaps on another runner, also where the one before has not noticed that it went. */
  private readonly comeBack = (who: number, a: number, b: number): void => {
    const guest = this.guest(who)
    if (guest === undefined) return
    const former = guest.phone
    const before = guest.runner
    const runner = this.runner(a)
    // Whoever cannot say anything cannot claim anybody.
    if (runner.isMute) return
    guest.runner = runner
    this.write(guest, PresenceState.PRESENCE_STATE_PRESENT)
    const { view } = guest.runner
    view.memberWritten(guest.member, guest.version, recordOf(guest))
    // It stands where its runner sees it.
    guest.place = view.positionOf(guest.member) ?? guest.written
    view.rejoin(this.phoneOf(guest), [])
    const claimed = (): void => {
      if (former !== undefined) before.view.leave(guest.member, former)
      if (guest.runner !== before) before.view.givenAway(guest.member)
    }
    if (runner === before) claimed()
    else {
      // What a phone has said there before it came here is read only now.
      const late = at(b, b)
      if (former !== undefined && a % 2 === 0) before.view.moved(guest.member, late.xCm, late.yCm)
      before.claims.push(claimed)
      if (!before.isDeaf) before.frames.push(claimed)
    }
  }

  private readonly end = (who: number): void => {
    const guest = this.guest(who)
    if (guest === undefined) return
    if (guest.phone !== undefined) guest.runner.view.leave(guest.member, guest.phone)
    this.guests.delete(guest.member)
    const { member, version } = guest
    this.publish((view) => view.memberChanged(member, version + 1, undefined, GoneReason.GONE_REASON_LEFT))
  }

  private readonly setPace = (who: number, a: number): void => {
    const guest = this.guest(who)
    if (guest?.phone === undefined) return
    guest.pace = paces[a % paces.length] ?? Pace.PACE_FULL
    guest.runner.view.setPace(guest.member, guest.pace)
  }

  private readonly hide = (who: number, a: number): void => {
    const guest = this.guest(who)
    const other = this.guest(a)
    if (guest?.phone === undefined || other === undefined || other === guest) return
    guest.hidden = a % 3 === 0 ? undefined : new Set([guestOf(other.member)])
    guest.runner.view.hide(guest.member, guest.hidden)
  }

  private readonly slow = (who: number): void => {
    const phone = this.guest(who)?.phone
    if (phone !== undefined) phone.slow = !phone.slow
  }

  private readonly steps: ReadonlyArray<(who: number, a: number, b: number) => void> = [
    this.enter,
    this.enter,
    this.walk,
    this.walk,
    this.walk,
    this.walk,
    this.lose,
    this.hideAway,
    this.comeBack,
    this.comeBack,
    this.end,
    this.setPace,
    this.hide,
    this.slow,
    ...Array.from({ length: 6 }, () => (who: number, a: number) => this.deliver(this.runner(who), 1 + (a % 4))),
    ...Array.from({ length: 6 }, () => (who: number) => this.tell(this.runner(who))),
    (who) => {
      this.runner(who).misses = true
    },
    (who) => this.look(this.runner(who)),
    (who) => this.read(this.runner(who)),
    (who) => {
      if (this.isCut) this.deafen(this.runner(who))
    },
    (who) => {
      if (this.isCut) this.mute(this.runner(who))
    }
  ]

  // --- What a runner does with its view, as Channels and Upkeep do ---

  private tell(runner: Runner): void {
    this.nowMs += 40
    const { view } = runner
    const moves = view.takeMoves()
    if (moves !== undefined) {
      if (runner.isMute) view.keyFrameAsked()
      else this.publish((other) => other.applyMoves(moves))
    }
    if (view.isKeyFrameDue(this.nowMs)) this.askKeys(runner)
    view.tick(this.nowMs)
  }

  private askKeys(runner: Runner): void {
    if (runner.isMute) return
    this.publish((view) => {
      if (view !== runner.view) view.keyFrameAsked()
    })
  }

  /** Each second: places are written, and it is looked whether something was not heard. */
  private look(runner: Runner): void {
    if (runner.isMute) {
      runner.allPlaces = true
      return
    }
    const { view } = runner
    const { member, xCm, yCm } = view.takePositions(runner.allPlaces)
    runner.allPlaces = false
    member.forEach((number, index) => {
      const guest = this.guests.get(number)
      if (guest?.runner === runner) guest.written = { xCm: xCm[index] ?? 0, yCm: yCm[index] ?? 0 }
    })
    const isBehind = [...this.guests.values()].some((guest) => !view.knows(guest.member, guest.version))
    if (view.recordCount !== this.guests.size || (isBehind && runner.wasBehind)) this.ask(runner, false)
    runner.wasBehind = isBehind
  }

  private ask({ reading, view }: Runner, isReload: boolean): void {
    reading.push({ snapshot: this.snapshot(), before: view.known, isReload })
  }

  private read(runner: Runner): void {
    const first = runner.reading.shift()
    if (first === undefined) return
    const { snapshot, before, isReload } = first
    const wentBack = runner.view.loadSnapshot(snapshot, before, { places: !isReload })
    assert.isFalse(wentBack, "the space has not gone back")
    if (isReload) this.askKeys(runner)
  }

  private deliver({ frames }: Runner, count: number): void {
    for (const frame of frames.splice(0, count)) frame()
  }

  /** Its link is away; or it is there again, and everything is read anew. */
  private deafen(runner: Runner): void {
    runner.isDeaf = !runner.isDeaf
    if (runner.isDeaf) runner.frames.length = 0
    else {
      for (const claimed of runner.claims.splice(0)) claimed()
      this.ask(runner, true)
    }
  }

  private mute(runner: Runner): void {
    runner.isMute = !runner.isMute
    if (!runner.isMute) this.ask(runner, true)
  }

  // --- The shared space ---

  private write(guest: Guest, state: PresenceState): void {
    guest.version = (guest.version === 0 ? this.lastVersion : guest.version) + 1
    this.lastVersion = Math.max(this.lastVersion, guest.version)
    guest.state = state
    const { member, version } = guest
    const record = recordOf(guest)
    const reason = isShown(guest) ? GoneReason.GONE_REASON_UNSPECIFIED : GoneReason.GONE_REASON_LOST
    const { name } = guest.runner
    for (const one of this.runners) {
      const { view, frames } = one
      if (!one.isDeaf && !one.misses) frames.push(() => view.memberChanged(member, version, record, reason, name))
      one.misses = false
    }
  }

  private publish(frame: (view: View) => void): void {
    for (const { view, frames, isDeaf } of this.runners) if (!isDeaf) frames.push(() => frame(view))
  }

  private snapshot(): Snapshot {
    const kept = Array.from(this.guests.values(), (guest) => {
      const { member, version, written: place, runner } = guest
      return { member, version, record: recordOf(guest), place, runner: runner.name }
    })
    return snapshotOf(kept, this.lastVersion)
  }

  // --- What must be ---

  private check({ member, phone, place, pace, hidden }: Guest): void {
    if (phone === undefined) return
    const at = cellOf(place)
    const standing = [...this.guests.values()].filter((guest) => isShown(guest) && isNear(cellOf(guest.place), at))
    const isHidden = (other: Guest): boolean => other.member === member || hidden?.has(guestOf(other.member)) === true
    let known = 0
    for (const [cell, all] of Map.groupBy(standing, (guest) => cellOf(guest.place))) {
      const seen = all.filter((other) => phone.known.has(other.member))
      const isCrowd = all.length > cellShownMax
      assert.strictEqual(phone.crowds.get(cell) ?? 0, Math.max(0, all.length - cellShownMax), `crowd of ${cell}`)
      const must = isCrowd ? cellShownMax - all.filter(isHidden).length : all.filter((other) => !isHidden(other)).length
      assert.isAtLeast(seen.length, must, `${member} sees those in ${cell}`)
      assert.isAtMost(seen.length, cellShownMax)
      assert.isFalse(seen.some(isHidden), `${member} sees nobody whom it hides`)
      known += seen.length
      if (pace === Pace.PACE_LINES) continue
      for (const other of seen)
        assert.deepStrictEqual(phone.known.get(other.member), other.place, `${member} sees ${other.member}`)
    }
    assert.strictEqual(phone.known.size, known, `${member} sees nobody else`)
    if (pace !== Pace.PACE_LINES) assert.deepStrictEqual(phone.self, place)
  }

  private phoneOf(guest: Guest): Listener {
    const { member, place, pace, hidden } = guest
    guest.phone = new Listener(member, place, { pace, hidden })
    return guest.phone
  }

  private runner(who: number): Runner {
    return this.runners[who % runnersMax] ?? assert.fail()
  }

  private guest(who: number): Guest | undefined {
    return [...this.guests.values()][who % Math.max(1, this.guests.size)]
  }
}

const recordOf = ({ member, state, entered }: Guest): MemberRecord =>
  MemberRecord.fromPartial({ guest: guestOf(member), nickname: "바람", avatar: "fox", state, ...entered })
