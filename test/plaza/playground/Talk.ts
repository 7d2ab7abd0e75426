/**
 * A script of what may happen to the lines of a channel: they are told in order, lost, repeated, found again in the log
 * or not, while phones come, go, walk and come back. Each phone must hear exactly what it should, in order.
 */
import { assert } from "@effect/vitest"
import { Reach } from "../../../gen/noriter/client/v1/chat.ts"
import type { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import { View } from "../../../src/plaza/playground/View.ts"
import { type Defect, Listener, sound } from "./Listener.ts"
import type { Step } from "./Play.ts"

const membersMax = 5
const columns = 4
const cellCm = 1_000
const bounds = { ageMsMax: 60_000, playgroundMax: 6, nearbyMax: 4 }
const historyMax = 3

interface Hearer {
  readonly listener: Listener
  /** What it must have heard: seq, with its own id and `h` for history. */
  readonly expected: Array<string>
  readonly gaps: Array<number>
  hidden: ReadonlySet<string> | undefined
}

const guestOf = (member: number): string => `g_${member % 3}`

export class Talk {
  readonly view = new View({
    tag: "park/1",
    incarnation: "r1",
    epoch: "1.1",
    widthCm: columns * cellCm,
    heightCm: columns * cellCm,
    cellCm,
    cellShownMax: 32,
    lines: bounds
  })
  private readonly log: Array<LineTold> = []
  /** Lines up to here are in the log no longer. */
  private trimmedTo = 0
  /** What the view has heard since it last forgot all. */
  private heard: Array<LineTold> = []
  private viewTrimmedTo = 0
  private readonly hearers = new Map<number, Hearer>()
  private readonly cells = new Map<number, number>()
  /** Guests that a member hides, wherever its phone is. */
  private readonly hidden = new Map<number, ReadonlySet<string>>()
  /** The last line a phone that left had heard. */
  private readonly left = new Map<number, number>()
  private readonly defect: Defect
  private seq = 0
  private timeMs = 1_000_000

  constructor(defect: Defect = sound) {
    this.defect = defect
    for (let member = 1; member <= membersMax; member++) {
      const record = MemberRecord.fromPartial({ nickname: "바람", state: PresenceState.PRESENCE_STATE_PRESENT })
      this.view.memberChanged(member, member, record, 0)
      this.cells.set(member, 0)
    }
  }

  play(script: Iterable<Step>): void {
    for (const [what, member, a, b] of script) {
      this.steps[what % this.steps.length]?.(1 + (member % membersMax), a, b)
    }
    this.flush()
  }

  /** A line is decided, and told to this view. */
  private readonly say = (member: number, a: number, b: number): void => {
    const line = this.decide(member, a, b)
    this.hear(line)
  }

  /** A line is decided, and the frame is lost. */
  private readonly lose = (member: number, a: number, b: number): void => {
    this.decide(member, a, b)
  }

  private readonly repeat = (_member: number, a: number): void => {
    const line = this.log[a % Math.max(1, this.log.length)]
    if (line !== undefined && line.seq <= this.view.head) assert.strictEqual(this.view.heard(line), "duplicate")
  }

  /** The lines that are not yet heard can be had no more. */
  private readonly forget = (): void => {
    this.trimmedTo = this.seq
  }

  /** As the lead does it: what lies between is fetched, or said to be gone. */
  private readonly fill = (): void => {
    if (this.trimmedTo > this.view.head) {
      this.view.gapUnfillable(this.trimmedTo)
      this.heard = []
      this.viewTrimmedTo = this.trimmedTo
      for (const { gaps } of this.hearers.values()) gaps.push(this.trimmedTo)
    }
    for (const line of this.log) if (line.seq > this.view.head) this.take(line)
  }

  private readonly join = (member: number): void => {
    const hearer = this.arrive(member)
    const history = kept(this.heard.filter(isEverywhere), bounds.playgroundMax).slice(-historyMax)
    const told = history.filter(({ guest }) => hearer.hidden?.has(guest) !== true)
    hearer.expected.push(...told.map(({ seq }) => `${seq}h`))
    this.view.join(hearer.listener, { history: historyMax })
  }

  private readonly leave = (member: number): void => {
    this.flush()
    if (this.hearers.delete(member)) this.left.set(member, this.view.head)
    this.view.leave(member)
  }

  /** Back after having heard what it heard here, or more of it on another runner. */
  private readonly rejoin = (member: number, a: number): void => {
    const left = this.left.get(member)
    if (left === undefined) return
    const elsewhere = this.log.filter(({ seq }) => seq > left)
    const afterSeq = elsewhere[a % (elsewhere.length + 1)]?.seq ?? left
    const hearer = this.arrive(member)
    const recovered = afterSeq >= this.viewTrimmed() && afterSeq <= this.view.head
    assert.strictEqual(this.view.recovers(afterSeq), recovered)
    // Also where some are gone, what is kept is told.
    for (const line of this.viewKept()) if (line.seq > afterSeq) this.expect(hearer, line)
    const { from, lines } = this.view.missed(hearer.listener, afterSeq)
    assert.strictEqual(from, Math.min(afterSeq, this.view.head))
    this.view.rejoin(hearer.listener, lines)
  }

  private readonly walk = (member: number, a: number): void => {
    this.flush()
    const cell = a % (columns * columns)
    this.cells.set(member, cell)
    this.view.moved(member, (cell % columns) * cellCm, Math.floor(cell / columns) * cellCm)
  }

  /** What was said before is told before. */
  private readonly hide = (member: number, a: number): void => {
    this.flush()
    const guests = new Set([guestOf(a)].filter((guest) => guest !== guestOf(member)))
    if (guests.size === 0) this.hidden.delete(member)
    else this.hidden.set(member, guests)
    const hearer = this.hearers.get(member)
    if (hearer !== undefined) hearer.hidden = this.hidden.get(member)
    this.view.hide(member, this.hidden.get(member))
  }

  private readonly flush = (): void => {
    this.view.flushLines()
    this.check()
  }

  private readonly tick = (): void => {
    this.view.tick(this.timeMs)
    this.check()
  }

  private readonly steps: ReadonlyArray<(member: number, a: number, b: number) => void> = [
    this.say,
    this.say,
    this.say,
    this.say,
    this.lose,
    this.fill,
    this.fill,
    this.repeat,
    this.forget,
    this.join,
    this.join,
    this.leave,
    this.rejoin,
    this.rejoin,
    this.walk,
    this.hide,
    this.flush,
    this.tick
  ]

  private decide(member: number, a: number, b: number): LineTold {
    const prev = this.seq
    this.seq += 1 + (a % 3)
    this.timeMs += (b % 7) * 1_000
    const line: LineTold = {
      $type: "noriter.runner.v1.LineTold",
      channel: "park/1",
      seq: this.seq,
      prev,
      member,
      id: b % 4 === 0 ? 0 : this.seq + 1_000,
      nickname: "바람",
      text: `안녕 ${this.seq}`,
      reach: a % 2 === 0 ? Reach.REACH_PLAYGROUND : Reach.REACH_NEARBY,
      atMs: this.timeMs,
      cell: this.cells.get(member) ?? 0,
      announced: false,
      guest: guestOf(member)
    }
    this.log.push(line)
    return line
  }

  private hear(line: LineTold): void {
    if (line.prev === this.view.head) this.take(line)
    else assert.strictEqual(this.view.heard(line), "gap")
  }

  private take(line: LineTold): void {
    assert.strictEqual(this.view.heard(line), "heard")
    this.heard.push(line)
    for (const hearer of this.hearers.values()) this.expect(hearer, line)
  }

  private expect({ listener: { member }, expected, hidden }: Hearer, line: LineTold): void {
    if (hidden?.has(line.guest) === true) return
    const cell = this.cells.get(member) ?? 0
    const far = (one: number, other: number): boolean => Math.abs(one - other) > 1
    const nearby =
      !far(cell % columns, line.cell % columns) && !far(Math.floor(cell / columns), Math.floor(line.cell / columns))
    if (!isEverywhere(line) && !nearby) return
    expected.push(line.member === member && line.id !== 0 ? `${line.seq}#${line.id}` : `${line.seq}`)
  }

  private arrive(member: number): Hearer {
    const hidden = this.hidden.get(member)
    const listener = new Listener(member, { xCm: 0, yCm: 0 }, { defect: this.defect, hidden })
    const hearer: Hearer = { listener, expected: [], gaps: [], hidden }
    // Whoever was here before hears the lines that wait; the newcomer hears them as history.
    this.hearers.set(member, hearer)
    return hearer
  }

  /** All that a view with these bounds keeps, in order. */
  private viewKept(): ReadonlyArray<LineTold> {
    const everywhere = kept(this.heard.filter(isEverywhere), bounds.playgroundMax)
    const nearby = kept(
      this.heard.filter((line) => !isEverywhere(line)),
      bounds.nearbyMax
    )
    return [...everywhere, ...nearby].sort((a, b) => a.seq - b.seq)
  }

  /** The last line that a view with these bounds must have cut. */
  private viewTrimmed(): number {
    const cut = (lines: ReadonlyArray<LineTold>, countMax: number): number =>
      lines.at(-kept(lines, countMax).length - 1)?.seq ?? 0
    return Math.max(
      this.viewTrimmedTo,
      cut(this.heard.filter(isEverywhere), bounds.playgroundMax),
      cut(
        this.heard.filter((line) => !isEverywhere(line)),
        bounds.nearbyMax
      )
    )
  }

  private check(): void {
    for (const { listener, expected, gaps } of this.hearers.values()) {
      const said = listener.said.map(({ seq, id, history }) => `${seq}${history ? "h" : ""}${id ? `#${id}` : ""}`)
      assert.deepStrictEqual(said, expected, `what ${listener.member} hears`)
      assert.deepStrictEqual(listener.gaps, gaps)
    }
  }
}

/** Of these what a view with these bounds keeps. */
const kept = (lines: ReadonlyArray<LineTold>, countMax: number): ReadonlyArray<LineTold> => {
  const newestMs = lines.at(-1)?.atMs ?? 0
  return lines.slice(-countMax).filter(({ atMs }) => atMs >= newestMs - bounds.ageMsMax)
}

const isEverywhere = ({ reach }: LineTold): boolean => reach === Reach.REACH_PLAYGROUND
