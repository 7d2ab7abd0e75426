/**
 * Public corpora against the way of a line: bytes, JSON, strict decoder. Every row is checked or has a reason, and the
 * counts are printed.
 */
import { assert, describe, it } from "@effect/vitest"
import { decodeClientMessage } from "../../gen/decoders.ts"
import type { ClientMessage } from "../../gen/noriter/client/v1/client.ts"
import { faultOf, parseLine, textOf } from "../../src/wire/Lines.ts"
import { countGraphemes, Issues, readBool, readText, textRule } from "../../src/wire/Strict.ts"
import { readCorpus, Tally } from "./Corpus.ts"
import { type Row as Proto3Row, retarget } from "./Proto3Json.ts"

/** The message, or the rules it breaks. */
function take(line: Buffer): ClientMessage | ReadonlyArray<string> {
  const text = textOf(line)
  const parsed = parseLine(text)
  if (parsed === undefined) return [faultOf(text).rule]
  const issues = new Issues()
  const message = decodeClientMessage(parsed, issues)
  assert.strictEqual(message === undefined, issues.count > 0)
  return message ?? issues.list().map((issue) => issue.rule)
}

const isTaken = (taken: ClientMessage | ReadonlyArray<string>): taken is ClientMessage => "$type" in taken

/** A field of the request, or of its first stream. */
function fieldOf(message: ClientMessage, name: string): unknown {
  const request = message.body?.value
  if (request === undefined) return undefined
  if (request.$type === "noriter.client.v1.ResumeRequest") return Reflect.get(request.streams[0] ?? {}, name)
  return Reflect.get(request, name)
}

describe("proto3 JSON conformance", () => {
  const rows = readCorpus<Proto3Row>("proto3-json")
  const tally = new Tally()
  it.each(rows.map((row) => [row.id, row] as const))("%s", (_id, row) => {
    if (row.kind === "Bool" && row.field_case) return checkBool(row, row.field_case.raw)
    const wanted = retarget(row)
    if ("notCounted" in wanted) return tally.passOver(row.kind, wanted.notCounted)
    const taken = take(Buffer.from(wanted.line))
    assert.strictEqual(isTaken(taken), wanted.accept, `${wanted.line}: ${JSON.stringify(taken)}`)
    if (wanted.read !== undefined && isTaken(taken)) {
      assert.deepStrictEqual(fieldOf(taken, wanted.read.field), wanted.read.value, wanted.line)
    }
    if (wanted.reason === undefined) tally.agree(row.kind)
    else tally.decide(row.kind, wanted.reason)
  })

  /** No request has a truth yet; their reader is there. */
  function checkBool(row: Proto3Row, raw: string): void {
    const parsed = parseLine(`{"b":${raw}}`)
    const issues = new Issues()
    if (parsed !== undefined) readBool(parsed.b, "b", issues)
    assert.strictEqual(parsed !== undefined && issues.count === 0, row.expect === "accept", raw)
    tally.agree(row.kind)
  }

  it("leaves no row out", () => {
    tally.print("proto3-json")
    assert.strictEqual(tally.rows, rows.length)
  })
})

interface JsonRow {
  readonly id: string
  readonly strict: "accept" | "reject" | "either"
  readonly strict_reasons: ReadonlyArray<string>
  readonly top: string
  readonly inner_kind: "string" | "number" | null
  readonly inner_b64: string | null
  readonly b64: string
}

describe("JSONTestSuite", () => {
  const rows = readCorpus<JsonRow>("jsontestsuite")
  const tally = new Tally()
  const bytes = (base64: string): Buffer => Buffer.from(base64, "base64")

  it.each(rows.map((row) => [row.id, row] as const))("%s", (_id, row) => {
    const parsed = parseLine(textOf(bytes(row.b64)))
    if (row.strict === "accept" && row.top === "object") assert.isDefined(parsed)
    assert.isFalse(isTaken(take(bytes(row.b64))), "no document of the suite is a line of this protocol")
    const lastHolds = row.strict_reasons.includes("duplicate_key")
    const inName = row.strict_reasons.includes("lone_surrogate") && row.top === "object"
    if (row.strict === "reject" && !lastHolds && !inName) assert.isUndefined(parsed)
    if (lastHolds)
      tally.decide("document", "a name that stands twice: the last one holds; the line is refused for what it says")
    else tally.agree("document")
  })

  const spliced = rows.filter((row) => row.inner_b64 !== null)
  it.each(spliced.map((row) => [row.id, row] as const))("%s within a field", (_id, row) => {
    const inner = bytes(row.inner_b64 ?? "")
    const isText = row.inner_kind === "string"
    const line = isText
      ? Buffer.concat([Buffer.from('{"say":{"text":'), inner, Buffer.from(',"reach":1}}')])
      : Buffer.concat([Buffer.from('{"move":{"xCm":'), inner, Buffer.from("}}")])
    const taken = take(line)
    assert.deepStrictEqual(take(line), taken, "the same answer twice")
    const kind = `${row.inner_kind}`
    if (row.strict === "reject") {
      assert.isFalse(isTaken(taken))
      return tally.agree(kind)
    }
    const value: unknown = JSON.parse(inner.toString("utf8"))
    assert.strictEqual(isTaken(taken), isText ? isSpoken(value) : isUint32(value), JSON.stringify(taken))
    if (isTaken(taken))
      assert.deepStrictEqual(fieldOf(taken, isText ? "text" : "xCm"), isText ? value : Number(value) + 0)
    if (row.strict === "either" || isTaken(taken)) return tally.agree(kind)
    tally.decide(kind, isText ? "control characters are refused" : "not a whole number within uint32")
  })

  it("leaves no row out", () => {
    tally.print("jsontestsuite")
    assert.strictEqual(tally.rows, rows.length + spliced.length)
  })
})

const isSpoken = (value: unknown): boolean => typeof value === "string" && value !== "" && !/\p{Cc}/u.test(value)
const isUint32 = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 4294967295

interface NaughtyRow {
  readonly id: string
  readonly text: string
  readonly utf8_bytes: number
  readonly graphemes: number
  readonly features: ReadonlyArray<string>
  readonly chat_expect: string
  readonly nick_expect: string
}

describe("naughty strings", () => {
  const rows = readCorpus<NaughtyRow>("naughty-strings")
  const tally = new Tally()

  it.each(rows.map((row) => [row.id, row] as const))("%s said", (_id, row) => {
    const taken = take(Buffer.from(JSON.stringify({ say: { text: row.text, reach: 1 } })))
    const fits = row.graphemes <= 200 && row.utf8_bytes <= 1024
    assert.strictEqual(isTaken(taken), fits && isSpoken(row.text), JSON.stringify(taken))
    if (isTaken(taken)) {
      assert.strictEqual(fieldOf(taken, "text"), row.text)
      return tally.agree("said")
    }
    if (row.chat_expect !== "accept") return tally.agree("said")
    assert.deepStrictEqual([fits, taken], [false, ["TOO_LONG"]])
    tally.decide("said", "longer than 200 characters or 1 KiB")
  })

  it.each(rows.map((row) => [row.id, row] as const))("%s as a nickname", (_id, row) => {
    const hello = { deviceSecret: "s".repeat(16), nickname: row.text }
    const taken = take(Buffer.from(JSON.stringify({ hello })))
    const name = row.text.normalize("NFC").trim()
    const fits = countGraphemes(name) <= 12 && Buffer.byteLength(name) <= 64
    if (row.nick_expect === "reject" || !fits) {
      assert.isFalse(isTaken(taken), JSON.stringify(taken))
      return row.nick_expect === "reject"
        ? tally.agree("nickname")
        : tally.decide("nickname", "longer than 12 characters or 64 bytes")
    }
    if (isTaken(taken)) {
      assert.strictEqual(fieldOf(taken, "nickname"), name)
      return tally.agree("nickname")
    }
    assert.strictEqual(row.nick_expect, "policy_either", JSON.stringify(taken))
    tally.agree("nickname")
  })

  it("leaves no row out", () => {
    tally.print("naughty-strings")
    assert.strictEqual(tally.rows, rows.length * 2)
  })
})

describe("grapheme breaks", () => {
  const rows = readCorpus<{ readonly id: string; readonly text: string; readonly graphemes: number }>("grapheme-break")
  it.each(rows.map((row) => [row.id, row] as const))("%s", (_id, { text, graphemes }) => {
    assert.strictEqual(countGraphemes(text), graphemes)
    const broken = (graphemesMin: number, graphemesMax: number): number => {
      const issues = new Issues()
      readText(text, textRule(graphemesMin, graphemesMax, 0, 0, "ANY"), "text", issues)
      return issues.count
    }
    assert.strictEqual(broken(graphemes, graphemes), 0)
    assert.strictEqual(broken(graphemes + 1, 0), 1)
    if (graphemes > 1) assert.strictEqual(broken(0, graphemes - 1), 1)
  })
})
