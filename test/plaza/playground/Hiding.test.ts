/**
 * Phones that hide others: each hears exactly what one hears that hides nobody, but for everything of those; who hides
 * nobody near shares what is told in its cell; and what is hidden changes while all goes on.
 */
import { assert, describe, it } from "@effect/vitest"
import { Reach } from "../../../gen/noriter/client/v1/chat.ts"
import { Pace } from "../../../gen/noriter/client/v1/playground.ts"
import type { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import { Audience } from "../../../src/plaza/playground/Audience.ts"
import { Grid } from "../../../src/plaza/playground/Grid.ts"
import { Hiding } from "../../../src/plaza/playground/Hiding.ts"
import { Member } from "../../../src/plaza/playground/Member.ts"
import type { View } from "../../../src/plaza/playground/View.ts"
import { Viewer } from "../../../src/plaza/playground/Viewer.ts"
import { Listener } from "./Listener.ts"
import type { Step } from "./Play.ts"
import { scriptOf, scripts } from "./Scripts.ts"
import { viewOf } from "./Standing.ts"

const guestOf = (member: number): string => `g_${member}`

const put = (view: View, member: number, version: number, xCm: number, yCm: number, guest = guestOf(member)): void => {
  const state = PresenceState.PRESENCE_STATE_PRESENT
  view.memberChanged(member, version, MemberRecord.fromPartial({ guest, nickname: "바람", state, xCm, yCm }), 0)
}

interface Hearing {
  readonly hidden?: ReadonlyArray<number>
  readonly pace?: Pace
}

const enter = (view: View, member: number, xCm: number, yCm: number, { hidden = [], pace }: Hearing = {}): Listener => {
  put(view, member, member, xCm, yCm)
  const guests = hidden.length === 0 ? undefined : new Set(hidden.map(guestOf))
  const listener = new Listener(member, { xCm, yCm }, { pace: pace ?? Pace.PACE_FULL, hidden: guests })
  view.join(listener, { history: 50 })
  return listener
}

const lineBy = (member: number, seq: number, reach: Reach = Reach.REACH_PLAYGROUND, cell = 0): LineTold => ({
  $type: "noriter.runner.v1.LineTold",
  channel: "park/1",
  seq,
  prev: seq - 1,
  member,
  id: 0,
  nickname: "바람",
  text: "안녕",
  reach,
  atMs: 1_000,
  announced: false,
  cell,
  guest: guestOf(member)
})

const membersMax = 12
const phonesMax = 6
const fieldCm = 5_000
const paces = [Pace.PACE_FULL, Pace.PACE_CALM, Pace.PACE_LINES] as const
/** Each of the first phones hides some, and some hide one another. */
const hiddenBy = (member: number): ReadonlyArray<number> =>
  member > 3 ? [] : [member + 1, member + 6, member + 7].filter((other) => other <= membersMax)

/** The same happens to two views, in one of which some phones hide others. */
class Pair {
  private readonly views: ReadonlyArray<View>
  private readonly phones: ReadonlyArray<Map<number, Listener>> = [new Map(), new Map()]
  private version = 100
  private seq = 0
  private nowMs = 0

  constructor(movesBytesPerSecond = 0) {
    this.views = [viewOf(movesBytesPerSecond), viewOf(movesBytesPerSecond)]
  }

  play(script: Iterable<Step>): void {
    for (const [what, member, a, b] of script) {
      const step = this.steps[what % this.steps.length]
      const version = ++this.version
      this.views.forEach((view, at) => {
        step?.(view, 1 + (member % membersMax), a, b, { at, version })
      })
    }
  }

  /** What each phone heard in either: the one that hides nobody, but for those that the other hides. */
  heard(): ReadonlyArray<readonly [whole: ReadonlyArray<string>, hiding: ReadonlyArray<string>]> {
    const said = (things: Listener["things"]) => things.map(([member, what]) => `${member} ${what}`)
    const [whole = new Map<number, Listener>(), hiding = new Map<number, Listener>()] = this.phones
    return [...whole].map(([member, { things }]) => {
      const hidden = new Set(hiddenBy(member))
      return [said(things.filter(([of]) => !hidden.has(of))), said(hiding.get(member)?.things ?? [])]
    })
  }

  private readonly steps: ReadonlyArray<
    (view: View, member: number, a: number, b: number, of: { readonly at: number; readonly version: number }) => void
  > = [
    (view, member, a, b, { at, version }) => {
      put(view, member, version, a % fieldCm, b % fieldCm)
      if (member > phonesMax || this.phones[at]?.has(member) === true) return
      const hidden = at === 0 ? undefined : new Set(hiddenBy(member).map(guestOf))
      const listener = new Listener(member, { xCm: 0, yCm: 0 }, { pace: paces[a % 3] ?? Pace.PACE_FULL, hidden })
      this.phones[at]?.set(member, listener)
      if (b % 2 === 0) view.join(listener, { history: 50 })
      else view.rejoin(listener, view.missed(listener, Math.max(0, this.seq - (b % 5))).lines)
    },
    (view, member, a, b, { version }) => put(view, member, version, a % fieldCm, b % fieldCm),
    (view, member, a, _b, { version }) => view.memberChanged(member, version, undefined, 2 + (a % 3) === 2 ? 2 : 3),
    (view, member, a, b) => view.moved(member, a % fieldCm, b % fieldCm),
    (view, member, a, b) => view.moved(member, 1_000 + (a % 900), 1_000 + (b % 900)),
    (view, member) => view.emoted(member, "wave"),
    (view, member) => view.typed(member),
    (view, member, a, b, { at }) => {
      if (at === 0) this.seq++
      view.heard(lineBy(member, this.seq, 1 + (a % 2) === 1 ? 1 : 2, b % 100))
    },
    (view) => view.flushLines(),
    ...Array.from(
      { length: 5 },
      () =>
        (view: View, _m: number, _a: number, _b: number, { at }: { at: number }): void => {
          if (at === 0) this.nowMs += 100
          view.tick(this.nowMs)
        }
    )
  ]
}

describe("a phone that hides others", () => {
  const check = (pair: Pair): void => {
    for (const [whole, hiding] of pair.heard()) assert.deepStrictEqual(hiding, whole)
  }

  it.prop(
    "hears exactly what one hears that hides nobody, but for all of those",
    { script: scripts },
    ({ script }) => {
      const pair = new Pair()
      pair.play(script)
      check(pair)
    },
    { timeout: 60_000, arbitrary: { runs: 200, size: 300 } }
  )

  it.each([1, 2, 3, 4])("in a long script of seed %i, with few bytes for moves too", (seed) => {
    for (const bytesPerSecond of [0, 200, 1_000]) {
      const pair = new Pair(bytesPerSecond)
      pair.play(scriptOf(seed, 3_000))
      check(pair)
    }
  })

  it("is told a frame of its own where one of them is near, and else that of its cell", () => {
    const view = viewOf()
    const [near, other, far] = [
      enter(view, 1, 500, 500, { hidden: [3] }),
      enter(view, 2, 600, 500),
      enter(view, 4, 500, 500, { hidden: [5] })
    ]
    put(view, 3, 3, 700, 500)
    put(view, 5, 5, 9_500, 9_500)
    view.tick(100)
    view.moved(3, 710, 500)
    view.moved(2, 610, 500)
    view.moved(5, 9_400, 9_500)
    view.tick(200)
    const last = (phone: Listener) => phone.chunks.at(-1)
    assert.strictEqual(last(other), last(far), "shared")
    assert.notStrictEqual(last(other), last(near))
    assert.deepStrictEqual([...near.known.keys()].sort(), [2, 4])
    assert.deepStrictEqual(near.things.at(-1), [2, "at 610 500"])
  })

  it("shares the lines of others, also where somebody else says one that it hides", () => {
    const view = viewOf()
    const [one, other] = [enter(view, 1, 500, 500, { hidden: [3] }), enter(view, 2, 600, 500)]
    view.heard(lineBy(9, 1))
    view.flushLines()
    assert.strictEqual(one.chunks.at(-1), other.chunks.at(-1))
    for (const [seq, member] of [3, 9, 3].entries()) view.heard(lineBy(member, seq + 2))
    view.flushLines()
    assert.deepStrictEqual(
      [one, other].map(({ said }) => said.map(({ seq }) => seq)),
      [
        [1, 3],
        [1, 2, 3, 4]
      ]
    )
  })

  it("hears nothing of them in the history, nor of what it missed", () => {
    const view = viewOf()
    for (const [seq, member] of [3, 9, 3].entries()) view.heard(lineBy(member, seq + 1))
    const entering = enter(view, 1, 500, 500, { hidden: [3] })
    const back = new Listener(2, { xCm: 0, yCm: 0 }, { hidden: new Set([guestOf(3)]) })
    view.rejoin(back, view.missed(back, 0).lines)
    for (const { said } of [entering, back]) {
      assert.deepStrictEqual(
        said.map(({ seq }) => seq),
        [2]
      )
    }
  })
})

describe("what a phone hides changes", () => {
  it("who is in view disappears at once, and appears where it stands then when it is shown again", () => {
    const view = viewOf()
    const phone = enter(view, 1, 500, 500)
    put(view, 3, 3, 700, 500)
    put(view, 4, 4, 9_500, 9_500)
    view.tick(100)
    view.hide(1, new Set([3, 4].map(guestOf)))
    view.moved(3, 720, 500)
    view.emoted(3, "wave")
    view.tick(200)
    view.hide(1, undefined)
    view.moved(3, 730, 500)
    view.tick(300)
    assert.deepStrictEqual(
      phone.things.filter(([member]) => member !== 1),
      [
        [3, "appears at 700 500"],
        [3, "GONE_REASON_OUT_OF_SIGHT"],
        [3, "appears at 720 500"],
        [3, "at 730 500"]
      ]
    )
  })

  it("lines of a block that was taken back are told where the stream is told again: after what was heard, never before", () => {
    const view = viewOf()
    const phone = enter(view, 1, 500, 500, { hidden: [3] })
    for (const [seq, member] of [3, 9, 3].entries()) view.heard(lineBy(member, seq + 1))
    view.flushLines()
    view.hide(1, undefined)
    view.flushLines()
    const back = new Listener(1, { xCm: 500, yCm: 500 })
    view.rejoin(back, view.missed(back, 2).lines)
    assert.deepStrictEqual(
      [phone, back].map(({ said }) => said.map(({ seq }) => seq)),
      [[2], [3]]
    )
  })

  it("who goes while hidden, and is shown again before anybody was told, comes and goes", () => {
    const view = viewOf()
    const phone = enter(view, 1, 500, 500, { hidden: [3] })
    put(view, 3, 3, 700, 500)
    view.tick(100)
    view.memberChanged(3, 7, undefined, 2)
    view.hide(1, undefined)
    view.tick(200)
    assert.deepStrictEqual(
      phone.things.filter(([member]) => member !== 1),
      [
        [3, "appears at 700 500"],
        [3, "GONE_REASON_LEFT"]
      ]
    )
  })

  it("who has gone is hidden from one who comes, and goes from one who hides it, before everybody was told", () => {
    const view = viewOf()
    const phone = enter(view, 1, 500, 500)
    put(view, 3, 3, 700, 500)
    view.tick(100)
    view.memberChanged(3, 7, undefined, 2)
    const late = enter(view, 2, 500, 500, { hidden: [3] })
    view.hide(1, new Set([guestOf(3)]))
    view.tick(200)
    const ofThird = ({ things }: Listener) => things.filter(([member]) => member === 3).map(([, what]) => what)
    assert.deepStrictEqual(ofThird(phone), ["appears at 700 500", "GONE_REASON_OUT_OF_SIGHT"])
    assert.deepStrictEqual(ofThird(late), [])
  })

  it("a number that is another guest's, because the space has gone back, is shown, or hidden, as that guest is", () => {
    const view = viewOf()
    const [phone, other] = [enter(view, 1, 500, 500, { hidden: [3] }), enter(view, 2, 500, 500, { hidden: [8] })]
    put(view, 3, 3, 700, 500)
    view.tick(100)
    assert.deepStrictEqual([phone.known.has(3), other.known.has(3)], [false, true])
    put(view, 3, 9, 700, 500, guestOf(8))
    view.tick(200)
    assert.deepStrictEqual([phone.known.has(3), other.known.has(3)], [true, false])
  })

  it("one who comes back under another number, again and again, is hidden each time, and only the last is kept", () => {
    const grid = new Grid({ widthCm: fieldCm, heightCm: fieldCm, cellCm: 1_000, cellShownMax: 32 })
    const audience = new Audience("fast", grid, 0)
    const hiding = new Hiding(() => audience)
    const cell = grid.cellAt(500, 500)
    const viewer = new Viewer(new Listener(1, { xCm: 500, yCm: 500 }), new Member(1, cell))
    hiding.change(viewer, new Set([guestOf(3)]), [])
    for (let number = 10; number < 200; number++) {
      const member = new Member(number, cell)
      member.guest = guestOf(3)
      member.recorded = true
      hiding.met(member)
      assert.isTrue(viewer.hides?.members.has(member))
      assert.strictEqual(viewer.hides?.members.size, 1)
      member.recorded = false
    }
  })
})
