/**
 * How long a line and each of its fields may be, through the port: what is just within its bounds is taken for what it
 * says, one more is refused with the field's path and the rule, and the socket goes on.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { codeOf, enter, fieldOf, listIn, unlimited } from "./Guest.ts"
import { type Heard, isRecord, newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

const lineBytes = 4_096
let server: Server
beforeAll(async () => {
  server = await Server.start({ ...unlimited, NORITER_LINE_BYTES_MAX: `${lineBytes}` })
})
afterAll(() => server.stop())

/** One grapheme of 25 bytes. */
const family = "👨‍👩‍👧‍👦"
const letters = (count: number): string => "a".repeat(count)
const secretOf = (length: number): string => `${crypto.randomUUID()}`.repeat(4).slice(0, length)
const streams = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `park/${index}`, epoch: "e", seq: 1 }))

interface Bound {
  readonly path: string
  readonly rule: string
  /** Just within. */
  readonly within: Heard
  /** One more, or one fewer. */
  readonly past: Heard
}

/** A bound of one field, for a request that is otherwise as it should be. */
const bound = (path: string, rule: string, within: unknown, past: unknown, others: Heard = {}): Bound => {
  const [request = "", field = ""] = path.split(".")
  return {
    path,
    rule,
    within: { [request]: { ...others, [field]: within } },
    past: { [request]: { ...others, [field]: past } }
  }
}

const greeting = (): Heard => ({ deviceSecret: newSecret(), nickname: "바람" })

const beforeHello: ReadonlyArray<Bound> = [
  bound("hello.nickname", "TOO_SHORT", "가", "", greeting()),
  bound("hello.nickname", "TOO_LONG", "가".repeat(12), "가".repeat(13), greeting()),
  bound("hello.nickname", "TOO_LONG", `${family}${family}가가가가aa`, `${family}${family}가가가가aaa`, greeting()),
  bound("hello.deviceSecret", "TOO_SHORT", secretOf(16), secretOf(15), greeting()),
  bound("hello.deviceSecret", "TOO_LONG", secretOf(128), secretOf(129), greeting()),
  bound("hello.sdk", "TOO_LONG", letters(64), letters(65), greeting()),
  bound("resume.resumeToken", "TOO_SHORT", "v", ""),
  bound("resume.resumeToken", "TOO_LONG", letters(512), letters(513)),
  bound("resume.streams", "TOO_MANY", streams(16), streams(17), { resumeToken: "v1" })
]

const text = (path: string, others: Heard): ReadonlyArray<Bound> => [
  bound(path, "TOO_SHORT", "가", "", others),
  bound(path, "TOO_LONG", "가".repeat(200), "가".repeat(201), others),
  // Few graphemes, many bytes: 1,000 of 40 families.
  bound(path, "TOO_LONG", `${family.repeat(40)}${letters(24)}`, `${family.repeat(40)}${letters(25)}`, others)
]

const inside: ReadonlyArray<Bound> = [
  ...text("say.text", { reach: "REACH_PLAYGROUND" }),
  ...text("whisper.text", { member: 4_000_000 }),
  bound("emote.kind", "TOO_SHORT", "w", ""),
  bound("emote.kind", "TOO_LONG", letters(16), letters(17)),
  bound("enter.playground", "TOO_SHORT", "m", ""),
  bound("enter.playground", "TOO_LONG", letters(32), letters(33)),
  bound("enter.avatar", "TOO_LONG", letters(24), letters(25), { playground: "moon" }),
  bound("enter.channel", "RANGE", 1_000, 1_001, { playground: "moon" }),
  bound("move.xCm", "RANGE", 4_294_967_295, 4_294_967_296),
  bound("whisper.member", "RANGE", 4_294_967_295, 4_294_967_296, { text: "여보세요" })
]

const assertRefused = (answer: Heard, path: string, rule: string): void => {
  assert.strictEqual(codeOf(answer), "ERROR_CODE_INVALID", JSON.stringify(answer))
  const issues = listIn(answer.error, "issues").map((issue) => [fieldOf(issue, "path"), fieldOf(issue, "rule")])
  assert.deepStrictEqual(issues, [[path, rule]])
}

describe("fields", () => {
  const named = (bounds: ReadonlyArray<Bound>) => bounds.map((one) => [one.path, one.rule, one] as const)

  it.each(named(beforeHello))("%s: %s", async (path, rule, { within, past }) => {
    await using phone = await Phone.connect(server.phones)
    assertRefused(await phone.ask(past), path, rule)
    const taken = await phone.ask(within)
    if ("hello" in within) assert.isTrue(isRecord(taken.hello), JSON.stringify(taken))
    else assert.strictEqual(codeOf(taken), "ERROR_CODE_TOKEN_REFUSED")
  })

  it.each(named(inside))("%s: %s", async (path, rule, { within, past }) => {
    await using phone = await Phone.connect(server.phones)
    await enter(phone, "바람")
    assertRefused(await phone.ask(past), path, rule)
    const taken = await phone.ask(within)
    assert.notInclude(["ERROR_CODE_INVALID", "ERROR_CODE_MALFORMED"], codeOf(taken), JSON.stringify(taken))
    assert.isTrue(isRecord((await phone.ask({ ping: {} })).ping))
  })

  it("an id is a uint32", async () => {
    await using phone = await Phone.greet(server.phones, "바람")
    phone.say({ id: 4_294_967_295, ping: {} })
    assert.isTrue(isRecord((await phone.answer(4_294_967_295)).ping))
    phone.say({ id: 4_294_967_296, ping: {} })
    const refused = await phone.hear("a refusal", (line) => line.re === undefined && isRecord(line.error))
    assertRefused(refused, "id", "RANGE")
  })
})

describe("lines", () => {
  const padded = (id: number, bytes: number): string => `{"id":${id},"ping":{}}`.padEnd(bytes)
  const tooLong = (phone: Phone): Promise<Heard> =>
    phone.hear("that it was too long", (line) => codeOf(line) === "ERROR_CODE_LINE_TOO_LONG")

  it("of as many bytes as hello says are read, one more is too long, the next one is read", async () => {
    await using phone = await Phone.connect(server.phones)
    const { hello } = await phone.ask({ hello: greeting() })
    assert.strictEqual(fieldOf(fieldOf(hello, "limits"), "lineBytes"), lineBytes)
    phone.write(`${padded(2, lineBytes)}\n${padded(3, lineBytes)}\r\n${padded(4, lineBytes + 1)}\n${padded(5, 0)}\n`)
    for (const id of [2, 3, 5]) assert.isTrue(isRecord((await phone.answer(id)).ping))
    await tooLong(phone)
    assert.isFalse(phone.lines.some(({ re }) => re === 4))
  })

  it("in many pieces, and far too long: refused once, when it is known, and skipped up to its end", async () => {
    await using phone = await Phone.greet(server.phones, "바람")
    for (const piece of padded(2, lineBytes).match(/.{1,100}/gs) ?? []) phone.write(piece)
    phone.write("\n")
    assert.isTrue(isRecord((await phone.answer(2)).ping))
    for (let piece = 0; piece < 10; piece++) phone.write("x".repeat(lineBytes))
    const refused = tooLong(phone)
    // A message is known when it is whole.
    if (Server.phonesBy === "tcp") await refused
    phone.write(`${padded(3, 0)}\n${padded(4, 0)}\n`)
    await refused
    assert.isTrue(isRecord((await phone.answer(4)).ping))
    assert.isFalse(
      phone.lines.some(({ re }) => re === 3),
      "it was the end of the long line"
    )
    assert.lengthOf(
      phone.lines.filter((line) => codeOf(line) === "ERROR_CODE_LINE_TOO_LONG"),
      1
    )
  })

  it("of many faults name sixteen, with names cut at 64 characters", async () => {
    await using phone = await Phone.greet(server.phones, "바람")
    const faults = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`${letters(80)}${index}`, 1]))
    const answer = await phone.ask({ ping: faults })
    const paths = listIn(answer.error, "issues").map((issue) => String(fieldOf(issue, "path")))
    assert.lengthOf(paths, 16)
    for (const path of paths) assert.isAtMost([...path].length, 64, path)
  })
})
