/** What a phone of a view gets, case by case: in how many chunks, shared with whom, at which pace. */
import { assert, describe, it } from "@effect/vitest"
import { Reach } from "../../../gen/noriter/client/v1/chat.ts"
import { GoneReason, Pace } from "../../../gen/noriter/client/v1/playground.ts"
import type { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { HeardLine } from "../../../src/plaza/playground/Lines.ts"
import { Listener } from "./Listener.ts"
import { enter, put, viewOf } from "./Standing.ts"

const line = (seq: number, prev: number, more: Partial<LineTold> = {}): LineTold => ({
  $type: "noriter.runner.v1.LineTold",
  channel: "park/1",
  seq,
  prev,
  member: 99,
  id: 0,
  nickname: "구름",
  text: "어서 와요",
  reach: Reach.REACH_PLAYGROUND,
  atMs: 1_000,
  announced: false,
  cell: 0,
  guest: "g_99",
  ...more
})

const textOf = (chunk: Uint8Array | undefined): string => Buffer.from(chunk ?? []).toString()

describe("a tick", () => {
  it("leaves lines that somebody gives out in a moment, but not where it tells of moves", () => {
    const view = viewOf()
    const one = enter(view, 1, 500, 500)
    view.tick(100)
    view.heard(line(1, 0))
    view.tick(200, undefined, true)
    assert.lengthOf(one.said, 0)
    view.moved(1, 510, 500)
    view.tick(300, undefined, true)
    assert.lengthOf(one.said, 1)
    view.heard(line(2, 1))
    view.tick(400)
    assert.lengthOf(one.said, 2)
  })
})

describe("moves", () => {
  it("are the same chunk for all phones of a cell", () => {
    const view = viewOf()
    const one = enter(view, 1, 500, 500)
    const two = enter(view, 2, 600, 500)
    view.tick(100)
    view.moved(1, 510, 500)
    view.tick(200)
    assert.strictEqual(one.chunks.at(-1), two.chunks.at(-1))
    assert.strictEqual(textOf(one.chunks.at(-1)), '{"moved":{"member":[1],"xCm":[510],"yCm":[500]}}\n')
    assert.deepStrictEqual(one.self, { xCm: 510, yCm: 500 })
  })

  it("and those who come and go are one chunk", () => {
    const view = viewOf()
    const one = enter(view, 1, 500, 500)
    view.tick(100)
    const before = one.chunks.length
    view.moved(1, 510, 500)
    put(view, 2, 600, 500)
    view.tick(200)
    assert.strictEqual(one.chunks.length, before + 1)
    assert.match(textOf(one.chunks.at(-1)), /^\{"appeared".*\n\{"moved".*\n$/)
  })

  it("that change nothing are not told", () => {
    const view = viewOf()
    const one = enter(view, 1, 500, 500)
    view.tick(100)
    const before = one.chunks.length
    view.moved(1, 500, 500)
    put(view, 1, 700, 700)
    view.tick(200)
    assert.strictEqual(one.chunks.length, before)
    assert.isUndefined(view.takeMoves())
  })

  it("are heard by the mover in a crowd, whom nobody sees", () => {
    const view = viewOf()
    for (let member = 1; member <= 32; member++) put(view, member, 500, 500)
    const hidden = enter(view, 33, 500, 500)
    const other = enter(view, 34, 1_500, 500)
    view.tick(100)
    view.moved(33, 501, 500)
    view.tick(200)
    assert.deepStrictEqual(hidden.self, { xCm: 501, yCm: 500 })
    assert.isFalse(other.known.has(33))
    assert.strictEqual(other.crowds.get(0), 1)
    assert.strictEqual(hidden.known.size, 33)
  })
})

describe("the bytes of a phone", () => {
  it("are kept to, with all of its own cell and of all places something each second", () => {
    const bytesPerSecond = 2_000
    const view = viewOf(bytesPerSecond)
    for (let member = 1; member <= 32; member++) put(view, member, 1_500, 500)
    const phone = enter(view, 33, 500, 500)
    view.tick(100)
    let bytes = 0
    const late: Array<number> = []
    let sinceTold = 0
    for (let tick = 1; tick <= 100; tick++) {
      for (let member = 1; member <= 33; member++) view.moved(member, member === 33 ? 500 : 1_500, 500 + (tick % 400))
      const before = phone.chunks.length
      view.tick(100 + tick * 100)
      assert.strictEqual(phone.self.yCm, 500 + tick, "its own moves come every tick")
      bytes += phone.chunks.slice(before).reduce((sum, { length }) => sum + length, 0)
      sinceTold = phone.known.get(1)?.yCm === 500 + tick ? 0 : sinceTold + 1
      late.push(sinceTold)
    }
    assert.isAtMost(bytes / 10, bytesPerSecond * 1.2)
    assert.isAtLeast(bytes / 10, bytesPerSecond * 0.5)
    assert.isAtMost(Math.max(...late), 10)
    assert.isAtLeast(Math.max(...late), 2)
  })

  it("leave something for all places each second, also where more come and go than there are bytes for", () => {
    const view = viewOf(2_000)
    const phone = enter(view, 1, 500, 500)
    put(view, 2, 1_500, 500)
    view.tick(100)
    let sinceTold = 0
    let member = 2
    for (let tick = 1; tick <= 100; tick++) {
      for (let come = 0; come < 10; come++) put(view, ++member, 500, 1_500)
      for (let go = 0; tick > 1 && go < 10; go++) {
        view.memberChanged(member - 10 - go, 10_000 + member, undefined, GoneReason.GONE_REASON_LEFT)
      }
      view.moved(2, 1_500, 500 + tick)
      view.tick(100 + tick * 100)
      sinceTold = phone.known.get(2)?.yCm === 500 + tick ? 0 : sinceTold + 1
      assert.isAtMost(sinceTold, 10)
    }
  })
})

describe("paces", () => {
  it("CALM hears twice a second, LINES no moves, and both who comes", () => {
    const view = viewOf()
    const calm = enter(view, 1, 500, 500, Pace.PACE_CALM)
    const lines = enter(view, 2, 600, 500, Pace.PACE_LINES)
    put(view, 3, 700, 500)
    for (let tick = 1; tick <= 20; tick++) {
      view.moved(1, 500 + tick, 500)
      view.tick(tick * 100)
    }
    // At 100, 600, 1100 and 1600 ms; the first time who is there and where itself stands are apart.
    assert.strictEqual(calm.chunks.length, 5)
    assert.strictEqual(lines.chunks.length, 1)
    assert.deepStrictEqual([...lines.known.keys()].sort(), [1, 3])
  })

  it("a phone that comes back from LINES is told where all stand", () => {
    const view = viewOf()
    const phone = enter(view, 1, 500, 500, Pace.PACE_LINES)
    put(view, 2, 600, 500)
    view.tick(100)
    view.moved(2, 650, 500)
    view.tick(200)
    view.setPace(1, Pace.PACE_FULL)
    for (let tick = 3; tick <= 8; tick++) view.tick(tick * 100)
    assert.deepStrictEqual(phone.known.get(2), { xCm: 650, yCm: 500 })
  })
})

describe("coming and going", () => {
  it("a newer phone of a member takes the place of the older one, whose goodbye comes late", () => {
    const view = viewOf()
    const older = enter(view, 1, 500, 500)
    const newer = new Listener(1, { xCm: 500, yCm: 500 })
    view.join(newer, { history: 0 })
    view.leave(1, older)
    put(view, 2, 600, 500)
    view.tick(100)
    assert.strictEqual(view.phoneCount, 1)
    assert.isTrue(newer.known.has(2))
    assert.isFalse(older.known.has(2))
    view.leave(1, newer)
    assert.strictEqual(view.phoneCount, 0)
  })

  it("a member that is gone stays gone, however late it is announced", () => {
    const view = viewOf()
    const phone = enter(view, 1, 500, 500)
    put(view, 2, 600, 500)
    view.memberChanged(2, 3, undefined, GoneReason.GONE_REASON_LEFT)
    put(view, 2, 600, 500)
    view.tick(100)
    assert.strictEqual(phone.known.size, 0)
    assert.strictEqual(view.recordCount, 1)
  })

  it("other runners' frames do not move whom a phone of this runner moves, nor the unknown", () => {
    const view = viewOf()
    enter(view, 1, 500, 500)
    put(view, 2, 600, 500)
    view.applyMoves({
      $type: "noriter.runner.v1.MovesTold",
      channel: "park/1",
      incarnation: "r2",
      number: 1,
      key: true,
      member: [1, 2, 3],
      xCm: [1, 2, 3],
      yCm: [1, 2, 3]
    })
    assert.deepStrictEqual(view.positionOf(1), { xCm: 500, yCm: 500 })
    assert.deepStrictEqual(view.positionOf(2), { xCm: 2, yCm: 2 })
    assert.isUndefined(view.positionOf(3))
    assert.strictEqual(view.memberCount, 2)
  })
})

describe("lines", () => {
  it("of a batch are one chunk, shared by all phones", () => {
    const view = viewOf()
    const [one, two] = [enter(view, 1, 500, 500), enter(view, 2, 9_500, 9_500)]
    view.heard(line(1, 0))
    view.heard(line(2, 1))
    view.flushLines()
    assert.strictEqual(one.chunks.length, 1)
    assert.strictEqual(one.chunks[0], two.chunks[0])
    assert.strictEqual(one.flushes, 1)
  })

  it("wait for the tick when somebody has walked, and are written with it", () => {
    const view = viewOf()
    const one = enter(view, 1, 500, 500)
    view.tick(100)
    assert.isFalse(view.hasMovement())
    view.moved(1, 510, 500)
    assert.isTrue(view.hasMovement())
    view.heard(line(1, 0))
    const flushes = one.flushes
    view.tick(200)
    assert.strictEqual(one.flushes, flushes + 1)
    assert.strictEqual(one.said.length, 1)
  })

  it("do not wait in number: a thousand go out at once", () => {
    const view = viewOf()
    const one = enter(view, 1, 500, 500)
    for (let seq = 1; seq <= 999; seq++) view.heard(line(seq, seq - 1))
    assert.strictEqual(one.said.length, 0)
    view.heard(line(1_000, 999))
    assert.strictEqual(one.said.length, 1_000)
  })

  it("come as history when a phone joins, written at the end of the turn", () => {
    const view = viewOf()
    for (let seq = 1; seq <= 51; seq++) view.heard(line(seq, seq - 1))
    const one = enter(view, 1, 500, 500)
    assert.deepStrictEqual(
      one.said.map(({ seq, history }) => [seq, history]),
      Array.from({ length: 50 }, (_, index) => [index + 2, true])
    )
    assert.isAbove(one.schedules, 0)
  })

  it.each([
    { reach: Reach.REACH_PLAYGROUND, max: 1_500 },
    { reach: Reach.REACH_NEARBY, max: 12_000 }
  ])("of reach $reach are kept up to $max (rule C4)", ({ reach, max }) => {
    const view = viewOf()
    for (let seq = 1; seq <= max; seq++) view.heard(line(seq, seq - 1, { reach }))
    assert.isTrue(view.recovers(0))
    view.heard(line(max + 1, max, { reach }))
    assert.isFalse(view.recovers(0))
    assert.isTrue(view.recovers(1))
  })

  it("are kept for a minute against the newest (rule C4)", () => {
    const view = viewOf()
    view.heard(line(1, 0, { atMs: 0 }))
    view.heard(line(2, 1, { atMs: 60_000 }))
    assert.isTrue(view.recovers(0))
    view.heard(line(3, 2, { atMs: 60_001 }))
    assert.isFalse(view.recovers(0))
  })

  it("of what was missed so many bytes are told at once, the newest, and from where they go on is said before", () => {
    const lineBytes = new HeardLine(line(1, 0)).chunkFor(1).length
    for (const [missedBytesMax, from] of [
      [4 * lineBytes, 0],
      [4 * lineBytes - 1, 1],
      [lineBytes, 3],
      [lineBytes - 1, 4]
    ] as const) {
      const bounded = viewOf(0, missedBytesMax)
      for (let seq = 1; seq <= 4; seq++) bounded.heard(line(seq, seq - 1))
      const back = new Listener(1, { xCm: 0, yCm: 0 })
      assert.strictEqual(bounded.missed(back, 0).from, from)
      bounded.rejoin(back, bounded.missed(back, 0).lines)
      assert.deepStrictEqual(
        back.said.map(({ seq }) => seq),
        [1, 2, 3, 4].slice(from)
      )
    }
  })
})

describe("emotes and typing", () => {
  it("are told at the tick to those who see the member", () => {
    const view = viewOf()
    const near = enter(view, 1, 500, 500)
    const far = enter(view, 2, 9_500, 9_500)
    put(view, 3, 1_500, 500)
    view.tick(100)
    view.emoted(3, "wave")
    view.typed(3)
    view.typed(77)
    view.tick(200)
    assert.deepStrictEqual(near.signals, ["3 wave", "3 types"])
    assert.deepStrictEqual(far.signals, [])
  })

  it("are skipped past a thousand a tick", () => {
    const view = viewOf()
    const near = enter(view, 1, 500, 500)
    for (let time = 0; time <= 1_000; time++) view.typed(1)
    view.tick(100)
    assert.strictEqual(near.signals.length, 1_000)
  })
})
