import { assert, describe, it } from "@effect/vitest"
import { nickname, phrase } from "../../src/command/Phrases.ts"
import { chance } from "../../src/command/Stroll.ts"
import { clean, firstGrapheme, inColumns, width, withoutLast, wrap } from "../../src/command/Width.ts"

describe("Width", () => {
  it.each([
    ["abc", 3],
    ["안녕", 4],
    ["안 녕!", 6],
    ["한", 2], // one syllable in three parts (NFD)
    ["é", 1],
    ["漢字、ひらがな", 14],
    ["ｆｕｌｌ", 8],
    ["🦊", 2],
    ["👩‍👩‍👧", 2],
    ["❤️", 2],
    ["❤", 1],
    ["", 0]
  ])("%s takes %i columns", (text, columns) => {
    assert.strictEqual(width(text), columns)
  })

  it("fills and cuts to exactly so many columns, never through a wide letter", () => {
    assert.strictEqual(inColumns("ab", 4), "ab  ")
    assert.strictEqual(inColumns("안녕하세요", 4), "안녕")
    assert.strictEqual(inColumns("안녕하세요", 5), "안녕 ")
    for (let columns = 1; columns < 12; columns++) assert.strictEqual(width(inColumns("a안b녕c", columns)), columns)
  })

  it("wraps at spaces where there are any", () => {
    assert.deepStrictEqual(wrap("come to the fountain", 11), ["come to the", "fountain"])
    assert.deepStrictEqual(wrap("분수대에서만나요", 6), ["분수대", "에서만", "나요"])
    assert.deepStrictEqual(wrap("", 6), [""])
    assert.deepStrictEqual(wrap("abcdefgh", 3), ["abc", "def", "gh"])
  })

  it("keeps every letter when it wraps", () => {
    const text = "한 줄에 다 들어가지 않는 아주 긴 말 and some English with it"
    for (let columns = 2; columns < 40; columns++) {
      const lines = wrap(text, columns)
      assert.strictEqual(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""))
      for (const line of lines) assert.isAtMost(width(line), columns)
    }
  })

  it("takes away what could steer the terminal", () => {
    assert.strictEqual(clean("a\u001b[2J\u0007\u009b\u202eb\n"), "a·[2J···b·")
  })

  it("knows graphemes", () => {
    assert.strictEqual(withoutLast("ab👩‍👩‍👧"), "ab")
    assert.strictEqual(withoutLast(""), "")
    assert.strictEqual(firstGrapheme("구름"), "구")
    assert.strictEqual(firstGrapheme(""), "")
  })
})

describe("Phrases", () => {
  it("keeps to what the server takes for a nickname and a line", () => {
    const random = chance(1)
    const segmenter = new Intl.Segmenter()
    for (let i = 0; i < 300; i++) {
      const name = nickname(i % 2 === 0 ? "ko" : "en", random)
      assert.isAtMost([...segmenter.segment(name)].length, 12, name)
      assert.isAtMost(Buffer.byteLength(name), 64)
      assert.isNotEmpty(phrase(i % 2 === 0 ? "ko" : "en", "open", random))
    }
  })
})
