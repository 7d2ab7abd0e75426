/**
 * Public corpora against the port of a real server: every row is said by a phone, and answered as it should be. After
 * each of them the socket goes on, the process lives, and a phone that has nothing to do with it is served as before.
 */
import { isUtf8 } from "node:buffer"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "@effect/vitest"
import { countGraphemes } from "../../src/wire/Strict.ts"
import { codeOf, fieldOf, listIn, unlimited, visit } from "../e2e/Guest.ts"
import { type Heard, isRecord, newSecret, Phone } from "../e2e/Phone.ts"
import { Server } from "../e2e/Server.ts"
import { readCorpus, Tally } from "./Corpus.ts"

let server: Server
/** Says what the rows say. */
let speaker: Phone
/** Stands beside it, and hears what is taken. */
let listener: Phone
/** Has nothing to do with any of it. */
let bystander: Phone

beforeAll(async () => {
  server = await Server.start({ ...unlimited, NORITER_TICK: "10 ms", NORITER_HEARTBEAT: "5 minutes" })
  bystander = await Phone.greet(server.phones, "구경꾼")
  speaker = (await visit(server.phones, "바람")).phone
  listener = (await visit(server.phones, "구름")).phone
})
afterAll(async () => {
  for (const phone of [speaker, listener, bystander]) await phone[Symbol.asyncDispose]()
  await server.stop()
  const problems = server.output.split("\n").filter((line) => /"level":"(ERROR|FATAL)"/.test(line))
  assert.deepStrictEqual(problems, [])
})
afterEach(async () => {
  assert.isTrue(isRecord((await bystander.ask({ ping: {} })).ping))
  // What was heard is kept by a phone; over so many rows it would be long to search.
  for (const phone of [speaker, listener, bystander]) phone.lines.length = 0
})

/** A message that is none ends its WebSocket with this code: what it is too long for, or that it is not text. */
function messageFault(bytes: Uint8Array): 1007 | 1009 | undefined {
  if (Server.phonesBy === "tcp") return undefined
  return bytes.length >= messageBytesMax ? 1009 : isUtf8(bytes) ? undefined : 1007
}
const faults = { 1007: "not UTF-8: the end of its WebSocket, 1007", 1009: "longer than a message may be: 1009" }

/**
 * What is refused of these bytes: what the speaker hears of it before the answer to a question after them. Or with what
 * its WebSocket was closed; then there is a new speaker.
 */
async function say(bytes: Uint8Array): Promise<ReadonlyArray<Heard> | 1007 | 1009> {
  const from = speaker.lines.length
  const fault = messageFault(bytes)
  speaker.say(bytes)
  if (fault !== undefined) {
    await speaker.closed()
    assert.strictEqual(speaker.closeCode, fault)
    assert.isFalse(speaker.lines.slice(from).some((line) => line.re !== undefined || isRecord(line.error)))
    speaker = (await visit(server.phones, "바람")).phone
    return fault
  }
  const { ping } = await speaker.ask({ ping: {} })
  assert.isTrue(isRecord(ping), "the socket goes on")
  return speaker.lines.slice(from).filter((line) => isRecord(line.error))
}

/** A refusal names a code and what is wrong, with the field where there is one. */
function assertRefusal(line: Heard | undefined): ReadonlyArray<unknown> {
  assert.isDefined(line)
  const issues = listIn(line?.error, "issues")
  const [first] = issues
  const text = JSON.stringify(line)
  if (codeOf(line ?? {}) === "ERROR_CODE_LINE_TOO_LONG") return issues
  if (codeOf(line ?? {}) === "ERROR_CODE_MALFORMED") assert.include(["SYNTAX", "UTF8"], fieldOf(first, "rule"), text)
  else {
    assert.strictEqual(codeOf(line ?? {}), "ERROR_CODE_INVALID", text)
    // A line that names no request at all has no field to name.
    if (fieldOf(first, "rule") !== "ONE_KEY") assert.isNotEmpty(fieldOf(first, "path"), text)
  }
  return issues
}

interface JsonRow {
  readonly id: string
  readonly strict: "accept" | "reject" | "either"
  readonly top: string
  readonly frame_expect: "reject" | "ignore_or_reject" | "not_usable_as_one_frame"
  readonly inner_kind: "string" | "number" | null
  readonly inner_b64: string | null
  readonly b64: string
}
/** The default, which this server has. */
const lineBytesMax = 8_192
const messageBytesMax = 65_536
const bytesOf = (base64: string): Buffer => Buffer.from(base64, "base64")

describe("JSONTestSuite", () => {
  const rows = readCorpus<JsonRow>("jsontestsuite")
  const tally = new Tally()

  /** Lines that are not empty, as the server sees them. */
  const linesOf = (bytes: Buffer): ReadonlyArray<string> =>
    bytes
      .toString("latin1")
      .split("\n")
      .map((line) => line.replace(/\r$/, ""))
      .filter((line) => line !== "")

  it.each(rows.map((row) => [row.id, row] as const))("%s", async (_id, row) => {
    const bytes = bytesOf(row.b64)
    const refusals = await say(bytes)
    if (typeof refusals === "number") {
      assert.isTrue(refusals === 1009 || row.strict !== "accept")
      return tally.decide("document", faults[refusals])
    }
    // No document of the suite is a request: each line of it is refused, and answered once.
    assert.lengthOf(refusals, linesOf(bytes).length)
    refusals.forEach(assertRefusal)
    if (bytes.length > lineBytesMax) return tally.decide("document", "longer than a line may be")
    if (row.strict === "accept" && row.top === "object" && refusals.length === 1) {
      assert.strictEqual(codeOf(refusals[0] ?? {}), "ERROR_CODE_INVALID", "it is JSON, and not of the protocol")
    }
    if (row.frame_expect === "reject") tally.agree("document")
    else if (row.frame_expect === "ignore_or_reject") tally.decide("document", "blank: ignored if empty, else refused")
    else tally.decide("document", "several lines: each refused")
  })

  const spliced = rows.filter((row) => row.inner_b64 !== null)
  it.each(spliced.map((row) => [row.id, row] as const))("%s within a field", async (_id, row) => {
    const inner = bytesOf(row.inner_b64 ?? "")
    const isText = row.inner_kind === "string"
    const [before, after] = isText ? ['{"say":{"text":', ',"reach":2}}'] : ['{"whisper":{"text":"수","member":', "}}"]
    const refusals = await say(Buffer.concat([Buffer.from(before), inner, Buffer.from(after)]))
    if (typeof refusals === "number") {
      assert.strictEqual(row.strict, "reject")
      return tally.decide(`${row.inner_kind}`, faults[refusals])
    }
    const path = isText ? "say.text" : "whisper.member"
    if (row.strict === "reject") {
      assert.isNotEmpty(refusals)
      refusals.forEach(assertRefusal)
      return tally.agree(`${row.inner_kind}`)
    }
    const value: unknown = JSON.parse(inner.toString("utf8"))
    if (isText ? isSpoken(value) : isUint32(value)) {
      if (isText) assert.strictEqual((await listener.next("said")).text, value)
      assert.isTrue(
        refusals.every((line) => codeOf(line) === "ERROR_CODE_MEMBER_GONE"),
        JSON.stringify(refusals)
      )
      return tally.agree(`${row.inner_kind}`)
    }
    assert.lengthOf(refusals, 1)
    assert.deepStrictEqual([...new Set(assertRefusal(refusals[0]).map((issue) => fieldOf(issue, "path")))], [path])
    if (row.strict === "either") tally.agree(`${row.inner_kind}`)
    else
      tally.decide(`${row.inner_kind}`, isText ? "control characters are refused" : "not a whole number within uint32")
  })

  it("leaves no row out", () => {
    tally.print(`jsontestsuite, at the port, by ${Server.phonesBy}`)
    assert.strictEqual(tally.rows, rows.length + spliced.length)
  })
})

const isSpoken = (value: unknown): boolean => typeof value === "string" && value !== "" && !/\p{Cc}/u.test(value)
const isUint32 = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 4294967295
const pointsOf = (text: unknown): ReadonlyArray<number> => [...String(text)].map((char) => char.codePointAt(0) ?? 0)

/** What a phone heard of the line that was answered so. */
const heard = async (phone: Phone, { say }: Heard): Promise<unknown> =>
  (await phone.next("said", ({ seq }) => seq === fieldOf(say, "seq"))).text

interface NaughtyRow {
  readonly id: string
  readonly text: string
  readonly utf8_bytes: number
  readonly graphemes: number
  readonly chat_expect: string
  readonly nick_expect: string
}

/** Exactly one issue of one field; answers its rule. */
function ruleOf(answer: Heard, path: string): unknown {
  const issues = assertRefusal(answer)
  assert.deepStrictEqual(
    issues.map((issue) => fieldOf(issue, "path")),
    [path]
  )
  return fieldOf(issues[0], "rule")
}

describe("naughty strings", () => {
  const rows = readCorpus<NaughtyRow>("naughty-strings")
  const tally = new Tally()

  it.each(rows.map((row) => [row.id, row] as const))("%s said", async (_id, row) => {
    const answer = await speaker.ask({ say: { text: row.text, reach: "REACH_PLAYGROUND" } })
    const fits = row.graphemes <= 200 && row.utf8_bytes <= 1024
    if (isRecord(answer.say)) {
      assert.isTrue(fits && isSpoken(row.text))
      for (const phone of [listener, speaker]) {
        assert.deepStrictEqual(pointsOf(await heard(phone, answer)), pointsOf(row.text))
      }
      return tally.agree("said")
    }
    const rule = ruleOf(answer, "say.text")
    if (row.chat_expect !== "accept") return tally.agree("said")
    assert.deepStrictEqual([fits, rule], [false, "TOO_LONG"])
    tally.decide("said", "longer than 200 characters or 1 KiB")
  })

  it.each(rows.map((row) => [row.id, row] as const))("%s as a nickname", async (_id, row) => {
    await using phone = await Phone.connect(server.phones)
    const answer = await phone.ask({ hello: { deviceSecret: newSecret(), nickname: row.text } })
    const name = row.text.normalize("NFC").trim()
    const fits = countGraphemes(name) <= 12 && Buffer.byteLength(name) <= 64
    if (!isRecord(answer.hello)) {
      const rule = ruleOf(answer, "hello.nickname")
      assert.notStrictEqual(fits && row.nick_expect, "accept_or_charset_policy")
      if (fits || row.nick_expect === "reject") return tally.agree("nickname")
      assert.strictEqual(rule, "TOO_LONG")
      return tally.decide("nickname", "longer than 12 characters or 64 bytes")
    }
    assert.isTrue(fits && row.nick_expect !== "reject")
    await phone.ask({ enter: { playground: "park" } })
    await phone.ask({ say: { text: row.id, reach: "REACH_PLAYGROUND" } })
    const { nickname, member } = await listener.next("said", ({ text }) => text === row.id)
    assert.deepStrictEqual(pointsOf(nickname), pointsOf(name))
    const isIt = (one: unknown) => fieldOf(one, "member") === member
    const appeared = await listener.next("appeared", (body) => listIn(body, "members").some(isIt))
    assert.deepStrictEqual(pointsOf(fieldOf(listIn(appeared, "members").find(isIt), "nickname")), pointsOf(name))
    await phone.ask({ leave: {} })
    tally.agree("nickname")
  })

  it("leaves no row out", () => {
    tally.print(`naughty-strings, at the port, by ${Server.phonesBy}`)
    assert.strictEqual(tally.rows, rows.length * 2)
  })
})

describe("grapheme breaks", () => {
  const rows = readCorpus<{ readonly id: string; readonly text: string; readonly graphemes: number }>("grapheme-break")
  const tally = new Tally()
  const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" })
  const count = (text: string): number => [...segmenter.segment(text)].length

  /** The row's text, and letters up to so many graphemes: the first may join the row's last. */
  const filled = (text: string, graphemes: number): string => {
    const missing = graphemes - count(`${text}x`)
    return `${text}${"x".repeat(missing + 1)}`
  }

  it.each(rows.map((row) => [row.id, row] as const))("%s", async (_id, { text, graphemes }) => {
    assert.strictEqual(count(text), graphemes)
    const full = filled(text, 200)
    assert.strictEqual(count(full), 200)
    const answer = await speaker.ask({ say: { text: full, reach: "REACH_PLAYGROUND" } })
    const past = await speaker.ask({ say: { text: `${full}x`, reach: "REACH_PLAYGROUND" } })
    if (/\p{Cc}/u.test(text)) {
      assert.strictEqual(ruleOf(answer, "say.text"), "CHARACTERS")
      return tally.decide("text", "control characters are refused")
    }
    assert.isTrue(isRecord(answer.say), JSON.stringify(answer))
    assert.deepStrictEqual(pointsOf(await heard(listener, answer)), pointsOf(full))
    assert.strictEqual(ruleOf(past, "say.text"), "TOO_LONG")
    tally.agree("text")
  })

  it("leaves no row out", () => {
    tally.print(`grapheme-break, at the port, by ${Server.phonesBy}`)
    assert.strictEqual(tally.rows, rows.length)
  })
})
