import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { faultOf, LineFault, Lines, parseLine, textOf, tooLong } from "../../src/wire/Lines.ts"

const lineBytesMax = 16

/** What a splitter should make of bytes, said as simply as it can be. */
function expected(bytes: Buffer): ReadonlyArray<string> {
  const whole = bytes.toString("latin1").split("\n")
  const unfinished = whole.pop() ?? ""
  const verdicts = whole.map((line) => line.replace(/\r$/, "")).filter((line) => line !== "")
  if (unfinished.replace(/\r$/, "").length > lineBytesMax) verdicts.push(unfinished)
  return verdicts.map((line) => (line.length > lineBytesMax ? "TOO LONG" : shown(textOf(Buffer.from(line, "latin1")))))
}

const shown = (line: string | LineFault): string => (line instanceof LineFault ? line.rule : line)

/** Feeds the pieces, each from memory that is overwritten as soon as it was taken. */
function split(pieces: Iterable<Buffer>, lines = new Lines(lineBytesMax)): Array<string> {
  const verdicts: Array<string> = []
  for (const piece of pieces) {
    const memory = Buffer.from(piece)
    lines.feed(memory, 0)
    for (let line = lines.next(); line !== undefined; line = lines.next()) {
      verdicts.push(line === tooLong ? "TOO LONG" : shown(line))
    }
    memory.fill("\n")
  }
  return verdicts
}

const conversation = Buffer.from(
  `{"a":1}\n\n\r\n{"b":2}\r\n\r\r\n${"x".repeat(16)}\n${"y".repeat(17)}\n${"z".repeat(16)}\r\n${"w".repeat(17)}\r\n바람\n${"v".repeat(40)}\n{"c":3}\n{"unfin`
)

describe("Lines", () => {
  it("gives the lines of one chunk", () => {
    assert.deepStrictEqual(split([conversation]), [
      '{"a":1}',
      '{"b":2}',
      "\r",
      "x".repeat(16),
      "TOO LONG",
      "z".repeat(16),
      "TOO LONG",
      "바람",
      "TOO LONG",
      '{"c":3}'
    ])
  })

  it("gives the same, split in two at every place", () => {
    for (let at = 0; at <= conversation.length; at++) {
      const pieces = [conversation.subarray(0, at), conversation.subarray(at)]
      assert.deepStrictEqual(split(pieces), expected(conversation), `split at ${at}`)
    }
  })

  it("gives the same of messages cut at line ends, whether or not they end with one", () => {
    const whole = Buffer.from(conversation.toString().replace(/\n[^\n]*$/, "\n"))
    const ends = [...whole.keys()].filter((at) => whole[at] === 0x0a)
    for (const at of ends) {
      for (const bare of [0, 1]) {
        const messages = [whole.subarray(0, at + 1 - bare), whole.subarray(at + 1, whole.length - bare)]
        const verdicts = split(messages, new Lines(lineBytesMax, true))
        assert.deepStrictEqual(verdicts, expected(whole), `${messages}`)
      }
    }
  })

  it("gives the same of messages that are not taken before the next one comes", () => {
    const lines = new Lines(lineBytesMax, true)
    for (const message of ["one\ntwo", "three", "", "\n", "four\n", "x".repeat(17), "five"]) {
      lines.feed(Buffer.from(message), 0)
    }
    const verdicts: Array<unknown> = []
    for (let line = lines.next(); line !== undefined; line = lines.next()) verdicts.push(line)
    assert.deepStrictEqual(verdicts, ["one", "two", "three", "four", tooLong, "five"])
    assert.isUndefined(lines.unfinishedSince)
  })

  it("gives the same, split in three around every place", () => {
    for (let at = 0; at < conversation.length; at++) {
      const pieces = [conversation.subarray(0, at), conversation.subarray(at, at + 1), conversation.subarray(at + 1)]
      assert.deepStrictEqual(split(pieces), expected(conversation), `around ${at}`)
    }
  })

  it("gives the same byte by byte", () => {
    const pieces = Array.from(conversation, (byte) => Buffer.from([byte]))
    assert.deepStrictEqual(split(pieces), expected(conversation))
  })

  const text = Schema.Array(Schema.Literals(["a", "bc", "{", "\r", "\n", "\r\n", "x".repeat(15), "y".repeat(17), "é"]))
  const sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })))
  it.prop("gives the same however it is split", { text, sizes }, ({ text, sizes }) => {
    const bytes = Buffer.from(text.join(""))
    const pieces: Array<Buffer> = []
    let at = 0
    for (const size of [...sizes, bytes.length]) {
      pieces.push(bytes.subarray(at, at + size))
      at += size
    }
    assert.deepStrictEqual(split(pieces), expected(bytes))
  })

  it("keeps what crosses the end of a chunk whose memory is used again", () => {
    const lines = new Lines(lineBytesMax)
    const chunk = Buffer.from("one\ntwo\nthr")
    lines.feed(chunk, 0)
    assert.deepStrictEqual([lines.next(), lines.next(), lines.next()], ["one", "two", undefined])
    chunk.fill("!")
    lines.feed(Buffer.from("ee\n"), 0)
    assert.strictEqual(lines.next()?.toString(), "three")
  })

  it("may be fed before its chunk was taken", () => {
    const lines = new Lines(lineBytesMax)
    lines.feed(Buffer.from("one\ntw"), 0)
    assert.strictEqual(lines.next()?.toString(), "one")
    assert.isTrue(lines.hasMore)
    assert.deepStrictEqual(split([Buffer.from("o\nthree\n")], lines), ["two", "three"])
    assert.isFalse(lines.hasMore)
  })

  it("says that a line is too long as soon as it is, and once", () => {
    const lines = new Lines(lineBytesMax)
    assert.deepStrictEqual(split([Buffer.from("x".repeat(lineBytesMax)), Buffer.from("\r")], lines), [])
    assert.deepStrictEqual(split([Buffer.from("x")], lines), ["TOO LONG"])
    assert.deepStrictEqual(split([Buffer.from("x".repeat(1000)), Buffer.from("x".repeat(1000))], lines), [])
    assert.deepStrictEqual(split([Buffer.from("\nnext\n")], lines), ["next"])
  })

  it("keeps no more of an endless line than a line", () => {
    const lines = new Lines(8192)
    const chunk = Buffer.alloc(65_536, "x")
    const before = process.memoryUsage().arrayBuffers
    for (let round = 0; round < 2000; round++) {
      lines.feed(chunk, 0)
      while (lines.next() !== undefined);
    }
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 1_000_000)
  })

  it("knows since when a line is unfinished", () => {
    const lines = new Lines(lineBytesMax)
    const feed = (text: string, now: number) => {
      lines.feed(Buffer.from(text), now)
      while (lines.next() !== undefined);
      return lines.unfinishedSince
    }
    assert.isUndefined(feed("one\n", 1))
    assert.strictEqual(feed("tw", 2), 2)
    assert.strictEqual(feed("o", 3), 2)
    assert.strictEqual(feed("\nthr", 4), 4)
    lines.forgive(5)
    assert.strictEqual(lines.unfinishedSince, 5)
    assert.isUndefined(feed("ee\n", 6))
    assert.strictEqual(feed("x".repeat(17), 7), 7)
    assert.strictEqual(feed("x".repeat(17), 8), 7)
    assert.isUndefined(feed("\n", 9))
    lines.forgive(10)
    assert.isUndefined(lines.unfinishedSince)
  })
})

describe("parseLine", () => {
  const parsed = (bytes: Buffer | string): unknown => {
    const line = textOf(Buffer.from(bytes))
    return parseLine(line) ?? faultOf(line).rule
  }

  it.each(["{}", ' {"a" : 1}\t', '{"a":{"b":[1,"바람"]}}', '{"a":1,"a":2}'])("takes %s", (line) => {
    assert.deepStrictEqual(parsed(line), JSON.parse(line))
  })

  it.each(["", " ", "{", '{"a":1}}', "{'a':1}", "nul", "GET / HTTP/1.1", '{"a":1}{"b":2}', '{"a":\u00001}'])(
    "refuses %j, which is no JSON",
    (line) => assert.strictEqual(parsed(line), "SYNTAX")
  )

  it.each(["null", "7", '"a"', "[]", "[{}]", "true"])("refuses %s, which is no object", (line) => {
    assert.strictEqual(parsed(line), "SYNTAX")
  })

  it("refuses a byte-order mark, and says so", () => {
    const line = textOf(Buffer.from("\ufeff{}"))
    assert.isUndefined(parseLine(line))
    const { rule, message } = faultOf(line)
    assert.isTrue(rule === "SYNTAX" && message.includes("byte-order"))
  })

  it.each([
    ["a lone byte", [0xff]],
    ["a sequence cut off", [0xec, 0x95]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["an overlong form", [0xc0, 0xaf]],
    ["past U+10FFFF", [0xf4, 0x90, 0x80, 0x80]]
  ])("refuses %s, which is not UTF-8", (_name, bytes) => {
    assert.strictEqual(parsed(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')])), "UTF8")
  })

  it("takes the deepest line there can be without falling over", () => {
    const depth = 4000
    assert.isObject(parsed(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`))
    assert.strictEqual(parsed('{"a":'.repeat(depth)), "SYNTAX")
  })

  it("leaves how errors are traced as it was", () => {
    const limit = Error.stackTraceLimit
    assert.strictEqual(parsed("{"), "SYNTAX")
    assert.strictEqual(Error.stackTraceLimit, limit)
  })
})
