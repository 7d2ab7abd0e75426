/** The readers of single values, at their bounds and one past them. */
import { assert, describe, it } from "@effect/vitest"
import {
  cut,
  Issues,
  isPlainSlug,
  isPlainSpoken,
  issuesMax,
  readBool,
  readId,
  readText,
  readWhole,
  type TextRule,
  textRule
} from "../../src/wire/Strict.ts"

/** What a reader makes of a value, and the rule it breaks. */
function reading<A>(read: (issues: Issues) => A): readonly [A, string | undefined] {
  const issues = new Issues()
  const value = read(issues)
  return [value, issues.list()[0]?.rule]
}

const whole = (value: unknown, min = 0, max = 4294967295) =>
  reading((issues) => readWhole(value, min, max, "n", issues))

describe("whole numbers", () => {
  it.each([
    [0, 0],
    [4294967295, 4294967295],
    [1.0, 1],
    [1e2, 100],
    ["0", 0],
    ["4294967295", 4294967295],
    ["1e5", 100_000],
    ["1.0", 1],
    ["100000.000", 100_000],
    ["1.5e1", 15],
    ["10e-1", 1],
    [undefined, 0],
    [null, 0]
  ])("takes %o", (value, number) => assert.deepStrictEqual(whole(value), [number, undefined]))

  it("looks at each digit once, however many zeros stand before the last", () => {
    const began = performance.now()
    assert.deepStrictEqual(whole(`1${"0".repeat(60_000)}1`), [0, "RANGE"])
    assert.isBelow(performance.now() - began, 1_000)
  })

  it("makes 0 of -0, however written", () => {
    for (const value of [-0, "-0", "-0.0e3"]) assert.isTrue(Object.is(whole(value)[0], 0), `${value}`)
  })

  it.each([
    [4294967296, "RANGE"],
    [-1, "RANGE"],
    ["-1", "RANGE"],
    ["4294967296", "RANGE"],
    ["1e536870000", "RANGE"],
    [Number.POSITIVE_INFINITY, "RANGE"],
    [0.5, "TYPE"],
    ["0.5", "TYPE"],
    ["1e-1", "TYPE"],
    ["0.99999999999999999999", "TYPE"],
    ["1e-999999999999", "TYPE"],
    [true, "TYPE"],
    [[7], "TYPE"],
    [{}, "TYPE"],
    ["", "TYPE"],
    [" 1", "TYPE"],
    ["1 ", "TYPE"],
    ["+1", "TYPE"],
    ["01", "TYPE"],
    ["0x10", "TYPE"],
    ["12abc", "TYPE"],
    ["1_000", "TYPE"],
    ["NaN", "TYPE"],
    ["Infinity", "TYPE"],
    ["١", "TYPE"]
  ])("refuses %o: %s", (value, rule) => assert.deepStrictEqual(whole(value), [0, rule]))

  it("refuses what doubles cannot hold", () => {
    const uint64 = (value: unknown) => whole(value, 0, Number.MAX_SAFE_INTEGER)
    assert.deepStrictEqual(uint64("9007199254740991"), [Number.MAX_SAFE_INTEGER, undefined])
    for (const text of ["9007199254740992", "9007199254740993", "18446744073709551616"]) {
      assert.deepStrictEqual(uint64(text), [0, "RANGE"], text)
      assert.deepStrictEqual(uint64(JSON.parse(text)), [0, "RANGE"], text)
    }
    assert.deepStrictEqual(uint64("9007199254740990.9"), [0, "TYPE"])
  })

  it("holds to signed bounds", () => {
    const int32 = (value: unknown) => whole(value, -2147483648, 2147483647)
    assert.deepStrictEqual(int32(-2147483648), [-2147483648, undefined])
    assert.deepStrictEqual(int32("-2147483648"), [-2147483648, undefined])
    assert.deepStrictEqual(int32(-2147483649), [0, "RANGE"])
    assert.deepStrictEqual(int32(2147483648), [0, "RANGE"])
  })
})

describe("truths", () => {
  it.each([
    [true, true, undefined],
    [false, false, undefined],
    [null, false, undefined],
    [0, false, "TYPE"],
    ["true", false, "TYPE"]
  ])("%o", (value, read, rule) =>
    assert.deepStrictEqual<unknown>(
      reading((issues) => readBool(value, "b", issues)),
      [read, rule]
    )
  )
})

const text = (
  value: unknown,
  { graphemesMin = 0, graphemesMax = 0, bytesMin = 0, bytesMax = 0, characters = "ANY" }: Partial<TextRule>
) =>
  reading((issues) =>
    readText(value, textRule(graphemesMin, graphemesMax, bytesMin, bytesMax, characters), "t", issues)
  )
const nickname: Partial<TextRule> = { graphemesMin: 1, graphemesMax: 12, bytesMax: 64, characters: "NAME" }
const family = "👨‍👩‍👧‍👦"

describe("plain texts", () => {
  const wrongOf = (value: string, characters: TextRule["characters"]) => text(value, { graphemesMin: 1, characters })[1]

  it("are never of units that the rule refuses, whichever unit it is", () => {
    for (let unit = 0; unit <= 0xffff; unit++) {
      const value = `a${String.fromCharCode(unit)}b`
      if (isPlainSpoken(value, 1, 3)) assert.isUndefined(wrongOf(value, "SPOKEN"), `U+${unit.toString(16)}`)
      assert.strictEqual(isPlainSlug(value, 1, 3), wrongOf(value, "SLUG") === undefined, `U+${unit.toString(16)}`)
    }
  })

  it.each([
    ["", false],
    ["가", true],
    ["가나다", true],
    ["가나다라", false],
    [7, false],
    [null, false],
    [undefined, false]
  ])("%o is one of 1 to 3 units: %s", (value, isPlain) => assert.strictEqual(isPlainSpoken(value, 1, 3), isPlain))
})

describe("text lengths", () => {
  it.each([
    ["가".repeat(12), { graphemesMax: 12 }, undefined],
    ["가".repeat(13), { graphemesMax: 12 }, "TOO_LONG"],
    [family.repeat(12), { graphemesMax: 12 }, undefined],
    [family.repeat(13), { graphemesMax: 12 }, "TOO_LONG"],
    ["가".normalize("NFD").repeat(12), { graphemesMax: 12 }, undefined],
    ["ab", { graphemesMin: 2 }, undefined],
    ["a", { graphemesMin: 2 }, "TOO_SHORT"],
    [family, { graphemesMin: 2 }, "TOO_SHORT"],
    ["", { graphemesMin: 1 }, "TOO_SHORT"],
    ["가".repeat(21), { bytesMax: 63 }, undefined],
    ["가".repeat(21), { bytesMax: 62 }, "TOO_LONG"],
    ["a".repeat(63), { bytesMax: 63 }, undefined],
    ["a".repeat(64), { bytesMax: 63 }, "TOO_LONG"],
    ["가가", { bytesMin: 6 }, undefined],
    ["가가", { bytesMin: 7 }, "TOO_SHORT"],
    ["é", { bytesMin: 3 }, "TOO_SHORT"]
  ] as const)("%s %o: %s", (value, rule, broken) => assert.strictEqual(text(value, rule)[1], broken))

  it("composes no more than may become a name, whatever stands around it", () => {
    const spaces = " ".repeat(60_000)
    assert.deepStrictEqual(text(`${spaces}${"바람".normalize("NFD")}${spaces}`, nickname), ["바람", undefined])
    const began = performance.now()
    assert.strictEqual(text(`a${"\u0345".repeat(30_000)}${"\u0334".repeat(30_000)}`, nickname)[1], "TOO_LONG")
    assert.isBelow(performance.now() - began, 1_000)
  })

  it("caps the bytes of a single grapheme", () => {
    assert.strictEqual(text(`a${"\u0300".repeat(40)}`, { ...nickname, characters: "SPOKEN" })[1], "TOO_LONG")
  })
})

describe("characters", () => {
  it.each(["\ud83d", "\ude00", "a\ude00\ud83d", "\ud83d\ud83d\ude00"])("no half surrogate pairs: %j", (value) => {
    assert.strictEqual(text(value, {})[1], "CHARACTERS")
    assert.strictEqual(text(value, { characters: "SPOKEN" })[1], "CHARACTERS")
  })

  it.each([
    ["SPOKEN", "a b … 안녕 🙂 \u2028 \u202e", true],
    ["SPOKEN", "a\nb", false],
    ["SPOKEN", "\u0000", false],
    ["SPOKEN", "\u007f", false],
    ["SPOKEN", "\u0085", false],
    ["SPOKEN", "\u009f", false],
    ["SPOKEN", "\u00a0", true],
    ["NAME", "바람", true],
    ["NAME", "a\u0001", false],
    ["NAME", "\na", false],
    ["NAME", "a\u202eb", false],
    ["NAME", "a\u2066b\u2069", false],
    ["NAME", "a\u2028b", false],
    ["NAME", "\u200b\u2060", false],
    ["NAME", "\u3164", false],
    ["NAME", "\u2800", false],
    ["NAME", "\u{e0020}\u{e0061}", false],
    ["NAME", `a${"\u0323\u0316\u0317\u0318"}`, true],
    ["NAME", `a${"\u0323\u0316\u0317\u0318\u0319\u031c"}`, false],
    ["NAME", family, true],
    ["ASCII", "!~", true],
    ["ASCII", "a b", false],
    ["ASCII", "é", false],
    ["SLUG", "park-1_a", true],
    ["SLUG", "Park", false],
    ["SLUG", "a/b", false]
  ] as const)("%s %j: %s", (characters, value, lawful) => {
    assert.strictEqual(text(value, { characters })[1], lawful ? undefined : "CHARACTERS")
  })

  it("normalises and trims names, and keeps what is said", () => {
    const decomposed = ` ${"é가".normalize("NFD")} `
    assert.deepStrictEqual(text(decomposed, nickname), ["é가", undefined])
    assert.deepStrictEqual(text(decomposed, { characters: "SPOKEN" }), [decomposed, undefined])
    assert.strictEqual(text(" \u00a0\u3000", nickname)[1], "TOO_SHORT")
  })
})

describe("issues", () => {
  it("are at most 16, and all counted", () => {
    const issues = new Issues()
    for (let index = 0; index <= issuesMax; index++) issues.add(`f${index}`, "TYPE", "is wrong")
    assert.strictEqual(issues.count, 17)
    assert.strictEqual(issues.list().length, 16)
    issues.clear()
    assert.deepStrictEqual([issues.count, issues.list()], [0, []])
  })

  it("have paths of at most 64 characters that UTF-8 can carry", () => {
    assert.strictEqual(cut("a".repeat(64)), "a".repeat(64))
    assert.strictEqual(cut("a".repeat(65)), `${"a".repeat(63)}…`)
    assert.isTrue(cut(`${"a".repeat(62)}🙂🙂`).isWellFormed())
    const issues = new Issues()
    issues.add("b".repeat(60), "TYPE", "is wrong")
    issues.under(0, "say")
    assert.deepStrictEqual(issues.list()[0]?.path, `say.${"b".repeat(60)}`)
    issues.under(0, "x")
    assert.strictEqual(issues.list()[0]?.path.length, 64)
  })
})

describe("the id of a wrong line", () => {
  it.each([
    [{ id: 7, nonsense: 1 }, 7],
    [{ id: "7" }, 7],
    [{ id: 7.5 }, 0],
    [{ id: -1 }, 0],
    [{ id: 4294967296 }, 0],
    [{ id: [7] }, 0],
    [{}, 0],
    [[7], 0],
    [null, 0],
    ["7", 0]
  ])("%j: %i", (value, id) => assert.strictEqual(readId(value), id))
})
