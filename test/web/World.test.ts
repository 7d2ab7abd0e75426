/** What the page knows without a screen: the park, who walks in it, what was said, how finely it is drawn. */
import { assert, describe, it } from "@effect/vitest"
import { Crowd } from "../../web/src/crowd/Crowd.ts"
import { Steps } from "../../web/src/crowd/Steps.ts"
import { Walker } from "../../web/src/crowd/Walker.ts"
import { layOut } from "../../web/src/park/Park.ts"
import { lightAt } from "../../web/src/scene/Daylight.ts"
import { type Box, Readable } from "../../web/src/scene/Readable.ts"
import { Sharpness } from "../../web/src/scene/Sharpness.ts"
import { Chat, type Line } from "../../web/src/talk/Chat.ts"

describe("the park", () => {
  const park = layOut("park", 20_000, 20_000)

  it("is the same for everybody, and another one elsewhere", () => {
    assert.notDeepEqual(layOut("hill", 20_000, 20_000).props, park.props)
    assert.deepStrictEqual(layOut("park", 20_000, 20_000), park)
  })

  it("leaves the place free where everybody arrives", () => {
    const inTheWay = park.props.filter(({ x, y, girth }) => girth > 0 && Math.hypot(x - 10_000, y - 10_000) < 650)
    assert.deepStrictEqual(inTheWay, [])
  })

  it("stays within its bounds, small or large", () => {
    for (const [width, height] of [
      [1000, 1000],
      [20_000, 8000]
    ] as const) {
      const { props } = layOut("any", width, height)
      const trees = props.filter(({ kind }) => kind === "tree" || kind === "pine")
      assert.isTrue(trees.every(({ x, y }) => x >= 0 && y >= 0 && x < width + 300 && y < height + 300))
    }
  })
})

describe("a walker", () => {
  it("is on the way between two places told, without a stop or a leap", () => {
    const walker = new Walker(0, 0)
    let before = 0
    for (let tick = 1; tick <= 10; tick++) {
      walker.goTo(tick * 14, 0, tick * 100)
      for (const part of [25, 50, 75, 100]) {
        walker.advance(tick * 100 + part)
        assert.isAtLeast(walker.xCm, before)
        assert.isBelow(walker.xCm - before, 14)
        before = walker.xCm
      }
    }
    walker.advance(5000)
    assert.strictEqual(walker.xCm, 140)
    assert.strictEqual(walker.paceCmps, 0)
  })

  it("is at once where nobody walks to", () => {
    const walker = new Walker(0, 0)
    walker.goTo(901, 0, 0)
    assert.strictEqual(walker.xCm, 901)
  })
})

describe("own steps", () => {
  const park = layOut("park", 20_000, 20_000)
  const walk = (ms: number, begin: (steps: Steps) => void) => {
    const told: Array<number> = []
    const steps = new Steps((xCm) => void told.push(xCm))
    steps.enter(park, 10_000, 10_000)
    begin(steps)
    for (let at = 16; at <= ms; at += 16) steps.advance(at, 16)
    return { steps, told }
  }

  it("are slower than the server allows, and told at most ten times a second", () => {
    const { steps, told } = walk(2000, (steps) => steps.push(1, 0, true))
    assert.isBelow(steps.walker.xCm - 10_000, 800 * 2)
    assert.isAbove(steps.walker.xCm - 10_000, 500)
    assert.isAtMost(told.length, 20)
    assert.isAbove(told.length, 8)
  })

  it("end where one wanted to be", () => {
    const { steps } = walk(4000, (steps) => steps.goTo({ x: 10_300, y: 10_200 }))
    assert.closeTo(steps.walker.xCm, 10_300, 5)
    assert.closeTo(steps.walker.yCm, 10_200, 5)
    assert.strictEqual(steps.walker.paceCmps, 0)
  })

  it("do not leave the park", () => {
    const { steps } = walk(60_000, (steps) => steps.push(0, -1, true))
    assert.isAtLeast(steps.walker.yCm, 0)
  })
})

describe("the crowd", () => {
  it("knows who is near, and how many are unseen", () => {
    const crowd = new Crowd()
    crowd.join({ member: 1, nickname: "나", avatar: "fox", walker: new Walker(0, 0) })
    crowd.appeared({ member: 2, nickname: "far", avatar: "cat", xCm: 900, yCm: 0 })
    crowd.appeared({ member: 3, nickname: "near", avatar: "cat", xCm: 100, yCm: 0 })
    crowd.crowded(5, 12)
    assert.deepStrictEqual(
      crowd.around(1).map(([{ nickname }, farCm]) => [nickname, farCm]),
      [
        ["near", 100],
        ["far", 900]
      ]
    )
    assert.strictEqual(crowd.unseen.get(5), 12)
    crowd.crowded(5, 0)
    crowd.disappeared(3)
    assert.strictEqual(crowd.unseen.size, 0)
    assert.strictEqual(crowd.around(1).length, 1)
  })
})

describe("the chat", () => {
  const line = (text: string, more: Partial<Line> = {}): Line => ({
    ...{ room: "nearby", member: 2, nickname: "바람", text, atMs: 0, isOwn: false, isHistory: false },
    ...more
  })

  it("keeps 300 lines a room, and counts those nobody has seen", () => {
    const chat = new Chat(() => undefined)
    for (let count = 1; count <= 301; count++) chat.add(line(String(count)))
    assert.strictEqual(chat.lines.nearby.length, 300)
    assert.strictEqual(chat.lines.nearby[0]?.text, "2")
    assert.strictEqual(chat.unseenInAll, 301)
    chat.look("nearby")
    chat.add(line("seen"))
    chat.add(line("my own", { room: "all", isOwn: true }))
    chat.add(line("of before", { room: "all", isHistory: true }))
    assert.strictEqual(chat.unseenInAll, 0)
  })
})

describe("names above heads", () => {
  it("never cover each other, and the highest rank is among them", () => {
    const boxes: Array<Box> = Array.from({ length: 300 }, (_, index) => ({
      ...{ isShown: false, rank: index === 7 ? 100 : 0 },
      ...{ x: (index * 37) % 1200, y: (index * 91) % 700, width: 80, height: 20 }
    }))
    new Readable().choose(boxes, 1280, 800)
    const shown = boxes.filter(({ isShown }) => isShown)
    assert.deepInclude(shown[0], { rank: 100 })
    assert.isAtMost(shown.length, 40)
    for (const one of shown) {
      for (const other of shown) {
        const isClear = Math.abs(one.x - other.x) >= 80 || Math.abs(one.y - other.y) >= 20
        assert.isTrue(one === other || isClear)
      }
    }
  })
})

describe("what is drawn", () => {
  it("is coarser where frames come late, then rests, and stays fine when asked to", () => {
    const late = (sharpness: Sharpness, frames: number) => {
      for (let frame = 0; frame < frames; frame++) sharpness.watch(100 + sharpness.restMs)
    }
    const auto = new Sharpness(2, false)
    late(auto, 12)
    assert.strictEqual(auto.value, 1)
    late(auto, 36)
    assert.strictEqual(auto.value, 0.5)
    assert.strictEqual(auto.restMs, 100)
    const fixed = new Sharpness(3, false)
    fixed.fix(true)
    late(fixed, 100)
    assert.strictEqual(fixed.value, 2)
    const quick = new Sharpness(1, false)
    for (let frame = 0; frame < 100; frame++) quick.watch(16)
    assert.deepStrictEqual([quick.value, quick.restMs], [1, 0])
    const byProcessor = new Sharpness(2, true)
    assert.strictEqual(byProcessor.value, 0.5)
    byProcessor.fix(true)
    assert.strictEqual(byProcessor.value, 2)
  })

  it("is lit by day and by lamps at night", () => {
    assert.strictEqual(lightAt(12).lamps, 0)
    assert.strictEqual(lightAt(23.9).lamps, 1)
    for (let hour = 0; hour < 24; hour += 0.1) assert.isAtLeast(lightAt(hour).colour, 0x600000)
  })
})
