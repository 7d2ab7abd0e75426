import { assert, describe, it } from "@effect/vitest"
import { readers } from "../../sdk/typescript/src/gen/protocol.ts"
import { keys } from "../../src/command/Keys.ts"
import { colourful, cursorColumn, plain, render } from "../../src/command/Screen.ts"
import { Visit } from "../../src/command/Visit.ts"
import { width } from "../../src/command/Width.ts"

const colour = new RegExp(`${"\\u001b"}\\[[0-9;]*m`, "g")
const size = { columns: 80, rows: 24 }

const visited = (): Visit => {
  const visit = new Visit("바람")
  visit.status = "open"
  visit.ground({ name: "공원", widthCm: 20_000, heightCm: 20_000 })
  visit.stand({ playground: "park", channel: 1, member: 12, xCm: 10_000, yCm: 10_000, cellCm: 1000, tickMs: 100 })
  const members = [
    { member: 7, nickname: "구름", xCm: 10_300, yCm: 10_000 },
    { member: 9, nickname: "Fox", xCm: 9700, yCm: 9700 },
    { member: 12, nickname: "바람", xCm: 1, yCm: 1 }
  ]
  visit.appeared(readers.appeared({ members }))
  visit.said(readers.said({ member: 7, nickname: "구름", text: "안녕하세요, 저쪽 나무 아래 시원해요" }))
  visit.emoted({ member: 9, kind: "wave" })
  return visit
}

describe("Screen", () => {
  it("is 80 × 24, with the map, the chat and the names", () => {
    const rows = render(visited(), size, plain)
    assert.deepStrictEqual(
      rows.map((row) => row.trimEnd()),
      [
        " noriter · 공원 1채널 · 2 in view · 바람 · open",
        "  .      .      .     .      .      .     .   │",
        "                                              │",
        "                                              │",
        "                                              │",
        "  .      .      .     .      .      .     .   │",
        "                                              │",
        "                                              │",
        "  .      .      .     .      .      .     .   │",
        "                  F                           │",
        "                                              │",
        "  .      .      .     @   구 .      .     .   │",
        "                                              │",
        "                                              │",
        "                                              │",
        "  .      .      .     .      .      .     .   │",
        "                                              │",
        "                                              │",
        "  .      .      .     .      .      .     .   │ 구름#7: 안녕하세요, 저쪽 나무",
        "                                              │ 아래 시원해요",
        "                                              │ Fox#9 · wave",
        "구름#7 3m  Fox#9 4m",
        "arrows or WASD walk · Enter types · / commands · q leaves",
        ""
      ]
    )
  })

  it.each([
    [80, 24],
    [81, 25],
    [200, 60],
    [40, 10],
    [39, 24],
    [20, 5],
    [1, 1]
  ])("fills %i × %i exactly", (columns, rows) => {
    const visit = visited()
    visit.typing = true
    visit.input = "여기서 만나요 ".repeat(20)
    const shown = render(visit, { columns, rows }, plain)
    assert.strictEqual(shown.length, rows)
    for (const row of shown) assert.strictEqual(width(row), columns, JSON.stringify(row))
  })

  it("has no escapes without colour, and the same text with it", () => {
    const visit = visited()
    const bare = render(visit, size, plain)
    const coloured = render(visit, size, colourful)
    assert.isFalse(bare.join("").includes("\u001b"))
    assert.isTrue(coloured.join("").includes("\u001b[1;33m@"))
    assert.deepStrictEqual(
      coloured.map((row) => row.replace(colour, "")),
      bare
    )
  })

  it("draws members over each other without breaking a row", () => {
    const visit = visited()
    const members = Array.from({ length: 200 }, (_, i) => ({
      member: 100 + i,
      nickname: i % 3 === 0 ? "x" : "구름",
      xCm: 9000 + ((i * 37) % 2000),
      yCm: 9900 + ((i * 11) % 300)
    }))
    visit.appeared(readers.appeared({ members }))
    for (const row of render(visit, size, plain)) assert.strictEqual(width(row), 80)
  })

  it("shows the end of a long input, and the cursor after it", () => {
    const visit = visited()
    visit.typing = true
    visit.input = "안녕"
    assert.strictEqual(render(visit, size, plain)[23]?.trimEnd(), "> 안녕")
    assert.strictEqual(cursorColumn(visit, 80), 7)
    visit.input = `${"가".repeat(100)}나`
    assert.match(render(visit, size, plain)[23] ?? "", /나 *$/)
    assert.isAtMost(cursorColumn(visit, 80), 80)
  })

  it("keeps up with who comes, walks and goes", () => {
    const visit = visited()
    visit.moved({ member: [9, 12, 400], xCm: [9750, 5, 5], yCm: [9700, 5, 5] })
    assert.strictEqual(visit.members.get(9)?.xCm, 9750)
    assert.strictEqual(visit.me?.xCm, 10_000)
    visit.crowd({ cell: 3, count: 40 })
    assert.include(render(visit, size, plain)[0] ?? "", "42 in view")
    visit.disappeared({ member: [7], reason: "GONE_REASON_LEFT" })
    visit.crowd(readers.crowded({ cell: 3 }))
    assert.include(render(visit, size, plain)[0] ?? "", "1 in view")
    visit.corrected({ xCm: 1, yCm: 2 })
    assert.deepInclude(visit.me, { xCm: 1, yCm: 2 })
  })

  it("prints what others say as text", () => {
    const visit = visited()
    visit.said(readers.said({ member: 7, nickname: "\u001b[31m", text: "\u001b]0;x\u0007" }))
    assert.isFalse(render(visit, size, plain).join("").includes("\u001b"))
  })
})

describe("Keys", () => {
  it.each([
    ["\u001b[A\u001bOB", ["up", "down"]],
    ["안녕", ["안녕"]],
    ["hi\r", ["hi", "enter"]],
    ["\u001b", ["escape"]],
    ["a\u007f", ["a", "backspace"]],
    ["\u0003", ["quit"]],
    ["\u001b[5~x", ["x"]],
    ["\u0001\u0002", []],
    ["\u001b[1;5C", []]
  ])("%j", (chunk, expected) => {
    assert.deepStrictEqual(
      keys(chunk).map((key) => (key.kind === "text" ? key.text : key.kind)),
      expected
    )
  })
})
