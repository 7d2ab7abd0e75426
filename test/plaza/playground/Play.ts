/**
 * A script of what may happen around a view, played to the view and to the truth beside it: members of this and of other
 * runners come, walk and go, announcements are lost, repeated and late, phones come with good and bad networks. At every
 * tick each phone must believe what is true for it, or wait for its turn, which comes at one of the next ticks.
 */
import { assert } from "@effect/vitest"
import { GoneReason, goneReasonToJSON, Pace } from "../../../gen/noriter/client/v1/playground.ts"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import type { Known } from "../../../src/plaza/playground/Roll.ts"
import { View } from "../../../src/plaza/playground/View.ts"
import { at, bounded, cellCm, sizeCm } from "./Ground.ts"
import { snapshotOf } from "./Kept.ts"
import { type Defect, Listener, type Place, sound } from "./Listener.ts"
import { type TrueRecord, Truth } from "./Truth.ts"

/** Any four numbers are a step of a script, so that scripts can be made and shrunk freely. */
export type Step = readonly [what: number, member: number, a: number, b: number]

const membersMax = 14
const guestsMax = 5
const options = { sizeCm, cellCm, cellShownMax: 2 }
const reasons = [GoneReason.GONE_REASON_LEFT, GoneReason.GONE_REASON_LOST, GoneReason.GONE_REASON_REMOVED] as const
const paces = [Pace.PACE_FULL, Pace.PACE_CALM, Pace.PACE_LINES] as const
const states = [
  PresenceState.PRESENCE_STATE_PRESENT,
  PresenceState.PRESENCE_STATE_LOST,
  PresenceState.PRESENCE_STATE_AWAY,
  PresenceState.PRESENCE_STATE_HIDDEN
] as const

interface Kept {
  readonly version: number
  readonly state: PresenceState
  readonly place: Place
}

interface Standing {
  readonly listener: Listener
  pace: Pace
  asked: Pace
  /** It may not know where members stand. */
  stale: boolean
  hidden: ReadonlySet<string> | undefined
  /** It has hidden others, or shown them again, since it was last looked at. */
  veiled: boolean
}

/** Some are there under more than one number. */
const guestOf = (member: number): string => `g_${member % guestsMax}`

export interface Pressure {
  /** 0: none. Else where members stand may be told late, and must be true in the end. */
  readonly bytesPerSecond?: number
}

export class Play {
  readonly view: View
  private readonly bytesPerSecond: number
  private readonly truth = new Truth(options)
  /** The shared space: what is so, whether the view has heard of it or not. */
  private readonly space = new Map<number, Kept>()
  /** All that was ever so. */
  private readonly history: Array<{
    readonly member: number
    readonly version: number
    readonly kept: Kept | undefined
  }> = []
  private readonly phones = new Map<number, Standing>()
  private captured: {
    readonly space: ReadonlyMap<number, Kept>
    readonly version: number
    readonly known: Known
    readonly trueHeard: number
  }
  private readonly defect: Defect
  private rested = false
  private version = 0
  private frame = 0
  private nowMs = 0
  private slowAtMs = Number.NEGATIVE_INFINITY

  constructor(defect: Defect = sound, { bytesPerSecond = 0 }: Pressure = {}) {
    this.defect = defect
    this.bytesPerSecond = bytesPerSecond
    this.view = new View({
      tag: "park/1",
      incarnation: "r1",
      epoch: "1.1",
      widthCm: sizeCm,
      heightCm: sizeCm,
      ...options,
      keepCellsMs: 300,
      movesBytesPerSecond: bytesPerSecond
    })
    this.captured = { space: new Map(), version: 0, known: this.view.known, trueHeard: 0 }
  }

  play(script: Iterable<Step>): void {
    for (const [what, member, a, b] of script) {
      this.steps[what % this.steps.length]?.(1 + (member % membersMax), a, b)
    }
    this.load()
    this.tick()
    if (this.bytesPerSecond > 0) this.rest()
    assert.strictEqual(this.view.recordCount, this.space.size, "a snapshot makes good what was lost")
  }

  /** Nobody moves, all networks are good, and what is owed is told. */
  private rest(): void {
    for (const { listener } of this.phones.values()) listener.slow = false
    for (let tick = 0; tick < 30; tick++) this.tick()
    this.rested = true
    for (const phone of this.phones.values()) this.check(phone)
  }

  private readonly enter = (member: number, a: number, b: number): void => {
    const phone = this.phones.get(member)
    if (!this.space.has(member)) this.change(member, PresenceState.PRESENCE_STATE_PRESENT, at(a, b))
    if (phone !== undefined && a % 2 === 0) return
    const pace = paces[b % paces.length] ?? Pace.PACE_FULL
    this.truth.joined(member)
    const hidden = hiddenBy(member, phone === undefined ? b : 0)
    const listener = new Listener(member, this.truth.member(member).place, { pace, defect: this.defect, hidden })
    const stale = pace === Pace.PACE_LINES
    this.phones.set(member, { listener, pace, asked: pace, stale, hidden, veiled: false })
    this.view.join(listener, { history: 50 })
  }

  private readonly come = (member: number, a: number, b: number): void => {
    if (!this.space.has(member)) this.change(member, PresenceState.PRESENCE_STATE_PRESENT, at(a, b))
  }

  private readonly walk = (member: number, a: number, b: number): void => {
    const { xCm, yCm } = this.truth.member(member).place
    this.go(member, { xCm: bounded(xCm + (a % 800) - 400), yCm: bounded(yCm + (b % 800) - 400) })
  }

  private readonly jump = (member: number, a: number, b: number): void => this.go(member, at(a, b))

  private readonly turn = (member: number, a: number): void => {
    const kept = this.space.get(member)
    if (kept !== undefined) this.change(member, states[a % states.length] ?? states[0], kept.place)
  }

  private readonly go = (member: number, place: Place): void => {
    if (this.phones.has(member)) {
      this.view.moved(member, place.xCm, place.yCm)
      this.truth.moved(member, place)
    } else {
      const { xCm, yCm } = place
      this.view.applyMoves({
        $type: "noriter.runner.v1.MovesTold",
        channel: "park/1",
        incarnation: "r2",
        number: ++this.frame,
        key: false,
        member: [member, 999],
        xCm: [xCm, 1],
        yCm: [yCm, 1]
      })
      this.truth.told(member, place)
    }
    const kept = this.space.get(member)
    if (kept !== undefined) this.space.set(member, { ...kept, place })
  }

  private readonly end = (member: number, a: number): void => {
    if (!this.space.delete(member)) return
    const reason = reasons[a % reasons.length] ?? GoneReason.GONE_REASON_LEFT
    const version = ++this.version
    this.history.push({ member, version, kept: undefined })
    this.announce(member, version, undefined, reason)
  }

  private readonly leave = (member: number): void => {
    if (!this.phones.delete(member)) return
    this.view.leave(member)
    this.truth.left(member)
  }

  private readonly pace = (member: number, a: number): void => {
    const phone = this.phones.get(member)
    if (phone === undefined) return
    phone.asked = paces[a % paces.length] ?? Pace.PACE_FULL
    this.view.setPace(member, phone.asked)
  }

  /** A phone hides others from now on, or shows them again. */
  private readonly hide = (member: number, a: number): void => {
    const phone = this.phones.get(member)
    if (phone === undefined) return
    phone.hidden = hiddenBy(member, a)
    phone.veiled = true
    this.view.hide(member, phone.hidden)
  }

  private readonly slow = (member: number): void => {
    const phone = this.phones.get(member)
    if (phone !== undefined) phone.listener.slow = !phone.listener.slow
  }

  /** The same version with other contents, and older ones: neither says anything new. */
  private readonly again = (member: number, a: number, b: number): void => {
    const { version } = this.truth.member(member)
    const state = states[a % states.length] ?? states[0]
    const record = b % 3 === 0 ? undefined : { version: Math.max(1, version - (b % 4)), state, place: at(a, b) }
    if (version > 0) this.announce(member, record?.version ?? version, record, GoneReason.GONE_REASON_LEFT)
  }

  /** An announcement of any age, also one that was lost before. */
  private readonly late = (_member: number, a: number): void => {
    const told = this.history.at(-1 - (a % 12))
    if (told !== undefined) this.announce(told.member, told.version, told.kept, GoneReason.GONE_REASON_LEFT)
  }

  /** Something happens, and nobody hears of it. */
  private readonly lose = (member: number, a: number, b: number): void => {
    const version = ++this.version
    const place = this.space.get(member)?.place ?? at(a, b)
    const kept = b % 3 === 0 ? undefined : { version, state: states[a % states.length] ?? states[0], place }
    if (kept === undefined) this.space.delete(member)
    else this.space.set(member, kept)
    this.history.push({ member, version, kept })
  }

  private readonly capture = (): void => {
    this.captured = {
      space: new Map(this.space),
      version: this.version,
      known: this.view.known,
      trueHeard: this.truth.heard
    }
  }

  /** A snapshot that was read a while ago. */
  private readonly loadLate = (): void => {
    const { space, version, known, trueHeard } = this.captured
    const kept = Array.from(space, ([member, one]) => ({ member, ...one, record: memberRecord(member, one) }))
    this.view.loadSnapshot(snapshotOf(kept, version), known)
    const records = new Map([...space].map(([member, kept]) => [member, recordOf(kept)] as const))
    this.truth.loaded(records, trueHeard)
  }

  private readonly load = (): void => {
    this.capture()
    this.loadLate()
  }

  private readonly tick = (): void => {
    this.nowMs += 100
    this.checkFrame()
    const slowDue = this.nowMs - this.slowAtMs >= 450
    if (slowDue) this.slowAtMs = this.nowMs
    this.view.tick(this.nowMs)
    for (const phone of this.phones.values()) {
      assert.lengthOf(phone.listener.waiting, 0, "each phone is written to")
      if (phone.pace === Pace.PACE_FULL || slowDue) this.check(phone)
      if (slowDue) phone.pace = phone.asked
    }
    if (slowDue) this.truth.reasons.clear()
  }

  private readonly steps: ReadonlyArray<(member: number, a: number, b: number) => void> = [
    this.enter,
    this.enter,
    this.come,
    this.come,
    this.walk,
    this.walk,
    this.walk,
    this.jump,
    this.turn,
    this.end,
    this.leave,
    this.pace,
    this.hide,
    this.hide,
    this.slow,
    this.again,
    this.late,
    this.lose,
    this.capture,
    this.loadLate,
    this.load,
    this.tick,
    this.tick,
    this.tick
  ]

  /** What the other runners are told. */
  private checkFrame(): void {
    const expected = [...this.truth.untold].filter((number) => {
      const { own, recorded } = this.truth.member(number)
      return own && recorded
    })
    this.truth.untold.clear()
    const { member = [], xCm = [], yCm = [] } = this.view.takeMoves() ?? {}
    const told = new Map(member.map((number, index) => [number, { xCm: xCm[index], yCm: yCm[index] }]))
    assert.deepStrictEqual(
      byNumber(told),
      byNumber(expected.map((number) => [number, this.truth.member(number).place]))
    )
  }

  private check(phone: Standing): void {
    const { listener } = phone
    const { place } = this.truth.member(listener.member)
    const around = [...this.truth.shownAround(place, listener.member)]
    const shown = new Map(around.filter(([member]) => phone.hidden?.has(guestOf(member)) !== true))
    assert.deepStrictEqual(
      [...listener.known.keys()].sort(ascending),
      [...shown.keys()].sort(ascending),
      `who is in view of ${listener.member}`
    )
    assert.deepStrictEqual(byNumber(listener.crowds), byNumber(this.truth.crowdsAround(place)), "crowded cells")
    phone.stale = listener.skipped || phone.pace === Pace.PACE_LINES || (this.bytesPerSecond > 0 && !this.rested)
    listener.skipped = false
    if (!phone.stale) {
      assert.deepStrictEqual(byNumber(listener.known), byNumber(shown), `where they stand for ${listener.member}`)
      assert.deepStrictEqual(listener.self, place, `where ${listener.member} stands`)
    }
    for (const [member, reason] of listener.gone) {
      // Between two ticks it may have gone, come back and gone again.
      const reasons = this.truth.reasons.get(member) ?? []
      // It may have been hidden before it went.
      const seen = phone.veiled ? [...reasons, "GONE_REASON_OUT_OF_SIGHT"] : reasons
      if (!this.truth.member(member).standing) assert.include(seen, reason)
    }
    listener.gone = []
    phone.veiled = false
  }

  private change(member: number, state: PresenceState, place: Place): void {
    const kept = { version: ++this.version, state, place }
    this.space.set(member, kept)
    this.history.push({ member, version: kept.version, kept })
    this.announce(member, kept.version, kept, GoneReason.GONE_REASON_LOST)
  }

  private announce(member: number, version: number, kept: Kept | undefined, reason: GoneReason): void {
    this.view.memberChanged(member, version, kept === undefined ? undefined : memberRecord(member, kept), reason)
    const record = kept === undefined ? undefined : recordOf(kept)
    this.truth.changed(member, version, record, goneReasonToJSON(reason))
  }
}

/** Up to two others, of whom many a member is there under another number, too; often nobody. */
const hiddenBy = (member: number, a: number): ReadonlySet<string> | undefined => {
  const guests = [a, a >> 3].map(guestOf).filter((guest) => guest !== guestOf(member))
  return a % 3 === 0 || guests.length === 0 ? undefined : new Set(guests)
}

const ascending = (a: number, b: number): number => a - b

const byNumber = <A>(pairs: Iterable<readonly [number, A]>): ReadonlyArray<readonly [number, A]> =>
  [...pairs].sort(([a], [b]) => a - b)

const recordOf = ({ version, state, place }: Kept): TrueRecord => ({
  version,
  place,
  shown: state === PresenceState.PRESENCE_STATE_PRESENT || state === PresenceState.PRESENCE_STATE_LOST
})

const memberRecord = (member: number, { state, place }: Kept): MemberRecord =>
  MemberRecord.fromPartial({ guest: guestOf(member), nickname: `바람 ${member}`, avatar: "fox", state, ...place })
