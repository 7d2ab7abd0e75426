/**
 * The rules of the wire, one by one, against a real server. The same lines are fed to the decoders elsewhere; here it is
 * that a phone hears of them, that the socket goes on, and that nobody else is touched.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type Heard, isRecord, newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"
import { absentOr, assertLike, matching, text, whole } from "./Shape.ts"

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server.stop())

/** A phone that stands in the park. */
async function enter(nickname = "바람"): Promise<Phone> {
  const phone = await Phone.greet(server.tcpPort, nickname)
  assertLike(fieldOf(await phone.ask({ enter: { playground: "park", avatar: "fox" } }), "error"), undefined)
  return phone
}

const fieldOf = (body: unknown, name: string): unknown => (isRecord(body) ? body[name] : undefined)
const codeOf = (line: Heard): unknown => fieldOf(line.error, "code")
const rulesOf = (line: Heard): ReadonlyArray<unknown> => {
  const issues = fieldOf(line.error, "issues")
  return Array.isArray(issues) ? issues.map((issue) => fieldOf(issue, "rule")) : []
}
/** A refusal that no id could be read for. */
const refusal = (phone: Phone): Promise<Heard> =>
  phone.hear("a refusal", (line) => line.re === undefined && isRecord(line.error))

describe("the first line", () => {
  it.each([
    [{ say: { text: "안녕", reach: "REACH_PLAYGROUND" } }, "ERROR_CODE_HELLO_FIRST"],
    [{ ping: {} }, "ERROR_CODE_HELLO_FIRST"],
    [{ enter: { playground: "park" } }, "ERROR_CODE_SESSION_REQUIRED"],
    [{ resume: { resumeToken: "v1.made-up" } }, "ERROR_CODE_TOKEN_REFUSED"]
  ])("%j is refused with %s, and hello may still follow", async (body, code) => {
    await using phone = await Phone.connect(server.tcpPort)
    assert.strictEqual(codeOf(await phone.ask(body)), code)
    const hello = await phone.ask({ hello: { deviceSecret: newSecret(), nickname: "바람" } })
    assert.isTrue(isRecord(hello.hello))
  })

  it("a second hello is refused, and the session goes on", async () => {
    await using phone = await Phone.greet(server.tcpPort, "바람")
    const again = await phone.ask({ hello: { deviceSecret: newSecret(), nickname: "구름" } })
    assert.strictEqual(codeOf(again), "ERROR_CODE_HELLO_TWICE")
    assert.isTrue(isRecord((await phone.ask({ ping: {} })).ping))
  })

  it("what needs a playground is refused outside of one", async () => {
    await using phone = await Phone.greet(server.tcpPort, "바람")
    for (const body of [
      { say: { text: "안녕", reach: "REACH_NEARBY" } },
      { whisper: { member: 1, text: "안녕" } },
      { move: { xCm: 1, yCm: 1 } },
      { emote: { kind: "wave" } },
      { typing: {} },
      { leave: {} }
    ]) {
      assert.strictEqual(codeOf(await phone.ask(body)), "ERROR_CODE_OUTSIDE", JSON.stringify(body))
    }
  })
})

describe("strict", () => {
  const invalid: ReadonlyArray<readonly [line: string, rule: string, path: string]> = [
    [`{"id":1,"wave":{}}`, "UNKNOWN_FIELD", "wave"],
    [`{"id":1,"say":{"text":"a","reach":"REACH_NEARBY"},"ping":{}}`, "ONE_KEY", "ping"],
    [`{"id":1}`, "ONE_KEY", ""],
    [`{"id":1,"ping":{"now":1}}`, "UNKNOWN_FIELD", "ping.now"],
    [`{"id":1,"move":{"x_cm":1}}`, "UNKNOWN_FIELD", "move.x_cm"],
    [`{"id":1,"move":{"xCm":1.5}}`, "TYPE", "move.xCm"],
    [`{"id":1,"move":{"xCm":-1}}`, "RANGE", "move.xCm"],
    [`{"id":1,"move":{"xCm":4294967296}}`, "RANGE", "move.xCm"],
    [`{"id":1,"move":{"xCm":true}}`, "TYPE", "move.xCm"],
    [`{"id":1,"say":{"text":"a","reach":"NEARBY"}}`, "ENUM", "say.reach"],
    [`{"id":1,"say":{"text":"a","reach":9}}`, "ENUM", "say.reach"],
    [`{"id":1,"say":{"text":"","reach":1}}`, "TOO_SHORT", "say.text"],
    [`{"id":1,"say":{"text":"${"가".repeat(201)}","reach":1}}`, "TOO_LONG", "say.text"],
    [`{"id":1,"say":{"text":"a\\u0007","reach":1}}`, "CHARACTERS", "say.text"],
    [`{"id":1,"say":{"text":"\\ud800","reach":1}}`, "CHARACTERS", "say.text"]
  ]
  it.each(invalid)("%s is refused as %s at %s", async (line, rule, path) => {
    await using phone = await Phone.greet(server.tcpPort, "바람")
    phone.say(line.replace(`"id":1`, `"id":2`))
    const answer = await phone.answer(2)
    const error = {
      code: "ERROR_CODE_INVALID",
      message: text(),
      issues: [{ ...(path === "" ? {} : { path }), rule, message: text() }]
    }
    assertLike(answer, { re: 2, error })
  })

  it.each([
    ["not JSON", `{"move":`, "SYNTAX"],
    ["a list", `[{"ping":{}}]`, "SYNTAX"],
    ["a byte-order mark", `\ufeff{"ping":{}}`, "SYNTAX"],
    ["no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), "UTF8"]
  ])("%s is malformed, and the socket goes on", async (_what, line, rule) => {
    await using phone = await Phone.greet(server.tcpPort, "바람")
    phone.say(line)
    const answer = await refusal(phone)
    assert.strictEqual(codeOf(answer), "ERROR_CODE_MALFORMED")
    assert.deepStrictEqual(rulesOf(answer), [rule])
    assert.isTrue(isRecord((await phone.ask({ ping: {} })).ping))
  })

  it("what proto3 JSON allows is taken", async () => {
    await using phone = await enter()
    const place = phone.lines.find((line) => isRecord(line.enter))?.enter
    const [x, y] = [Number(fieldOf(place, "xCm")), Number(fieldOf(place, "yCm"))]
    phone.say(`{"move":{"xCm":"${x + 10}","yCm":${y}.0}}\r`)
    phone.say("")
    await phone.next("moved", ({ xCm }) => Array.isArray(xCm) && xCm.includes(x + 10))
    phone.say(`{"move":{"xCm":${(x + 20) / 10}e1,"xCm":${x + 30},"yCm":${y}},"say":null}`)
    await phone.next("moved", ({ xCm }) => Array.isArray(xCm) && xCm.includes(x + 30))
    phone.say(`{"id":"7","say":{"text":"숫자로","reach":2}}`)
    assertLike(await phone.answer(7), { re: 7, say: { seq: whole() } })
  })

  it("a line of 8192 bytes is read, one more is too long, and the next one is read", async () => {
    await using phone = await Phone.greet(server.tcpPort, "바람")
    const padded = (bytes: number, id: number) => `{"id":${id},"ping":{}}`.padEnd(bytes, " ")
    phone.say(padded(8192, 2))
    assert.isTrue(isRecord((await phone.answer(2)).ping))
    phone.say(padded(8193, 3))
    assert.strictEqual(codeOf(await refusal(phone)), "ERROR_CODE_LINE_TOO_LONG")
    phone.say(padded(30, 4))
    assert.isTrue(isRecord((await phone.answer(4)).ping))
  })
})

describe("ids", () => {
  it("a line sent again is answered alike and heard once; another body under its id is refused", async () => {
    await using speaker = await enter()
    await using listener = await enter("구름")
    const say = { id: 20, say: { text: "한 번만", reach: "REACH_PLAYGROUND" } }
    speaker.say(say)
    const first = await speaker.answer(20)
    assertLike(first, { re: 20, say: { seq: whole() } })
    speaker.say(say)
    assert.deepStrictEqual(await speaker.answer(20), first)
    speaker.say({ id: 20, say: { text: "다른 말", reach: "REACH_PLAYGROUND" } })
    assert.strictEqual(codeOf(await speaker.answer(20)), "ERROR_CODE_ID_REUSED")
    assertLike(await speaker.ask({ say: { text: "끝", reach: "REACH_PLAYGROUND" } }), {
      re: whole(),
      say: { seq: whole() }
    })
    await listener.next("said", (body) => body.text === "끝")
    const heard = listener.lines.map((line) => fieldOf(line.said, "text")).filter((text) => text === "한 번만")
    assert.deepStrictEqual(heard, ["한 번만"])
    assert.isFalse(listener.lines.some((line) => fieldOf(line.said, "text") === "다른 말"))
  })

  it("without one there is no answer, but a refusal comes without re", async () => {
    await using phone = await enter()
    phone.say({ say: { text: "번호 없이", reach: "REACH_PLAYGROUND" } })
    await phone.next("said", (body) => body.text === "번호 없이")
    phone.say({ say: { text: 7, reach: "REACH_PLAYGROUND" } })
    assert.strictEqual(codeOf(await refusal(phone)), "ERROR_CODE_INVALID")
    assert.isFalse(phone.lines.some((line) => isRecord(line.say)))
  })
})

describe("refusals", () => {
  it.each([
    [{ enter: { playground: "moon" } }, "ERROR_CODE_PLAYGROUND_UNKNOWN"],
    [{ enter: { playground: "park", channel: 999 } }, "ERROR_CODE_CHANNEL_UNKNOWN"]
  ])("%j is refused with %s", async (body, code) => {
    await using phone = await Phone.greet(server.tcpPort, "바람")
    assert.strictEqual(codeOf(await phone.ask(body)), code)
  })

  it("a whisper to nobody", async () => {
    await using phone = await enter()
    assert.strictEqual(
      codeOf(await phone.ask({ whisper: { member: 4_000_000, text: "여보세요" } })),
      "ERROR_CODE_MEMBER_GONE"
    )
  })

  it("too many lines too fast: a burst is taken, the rest refused, nobody hears it, and when to try again", async () => {
    await using speaker = await enter()
    await using listener = await enter("구름")
    const texts = Array.from({ length: 8 }, (_, index) => `빨리 ${index}`)
    const answers = await Promise.all(texts.map((text) => speaker.ask({ say: { text, reach: "REACH_PLAYGROUND" } })))
    const refused = texts.filter((_, index) => codeOf(answers[index] ?? {}) === "ERROR_CODE_RATE_LIMITED")
    assert.isAtLeast(refused.length, 1)
    assert.isAtMost(refused.length, 3)
    const [limited] = answers.filter((answer) => codeOf(answer) === "ERROR_CODE_RATE_LIMITED")
    assertLike(limited, {
      re: whole(),
      error: { code: "ERROR_CODE_RATE_LIMITED", message: text(), retryAfterMs: whole(1, 60_000) }
    })
    const granted = texts.filter((text) => !refused.includes(text))
    for (const text of granted) await listener.next("said", (body) => body.text === text)
    const heard = listener.lines
      .map((line) => fieldOf(line.said, "text"))
      .filter((text) => texts.includes(String(text)))
    assert.deepStrictEqual(heard, granted)
  })
})

describe("ends", () => {
  const disconnect = (code: string, comeBack: boolean) => ({
    code,
    message: absentOr(text()),
    ...(comeBack ? { comeBack } : {}),
    afterMs: absentOr(whole())
  })

  it("the same secret again ends the older session, not to come back", async () => {
    const secret = newSecret()
    await using older = await Phone.greet(server.tcpPort, "바람", secret)
    await using newer = await Phone.greet(server.tcpPort, "바람", secret)
    assertLike(await older.next("disconnect"), disconnect("DISCONNECT_CODE_REPLACED", false))
    await older.closed()
    assert.isTrue(isRecord((await newer.ask({ ping: {} })).ping))
  })

  it("thirty refused lines in a minute are taken, one more is abuse", async () => {
    await using phone = await Phone.greet(server.tcpPort, "바람")
    for (let line = 0; line < 30; line++) {
      phone.say("nonsense")
      assert.strictEqual(codeOf(await refusal(phone)), "ERROR_CODE_MALFORMED")
    }
    assert.isTrue(isRecord((await phone.ask({ ping: {} })).ping))
    phone.say("nonsense")
    assertLike(await phone.next("disconnect"), disconnect("DISCONNECT_CODE_ABUSE", true))
    await phone.closed()
  })

  it("silence before hello, within a line, and after it", async () => {
    await using hasty = await Server.start({
      NORITER_HELLO_TIMEOUT: "500 ms",
      NORITER_LINE_TIMEOUT: "500 ms",
      NORITER_HEARTBEAT: "300 ms"
    })
    await using silent = await Phone.connect(hasty.tcpPort)
    assertLike(await silent.next("disconnect"), disconnect("DISCONNECT_CODE_HELLO_TIMEOUT", true))
    await silent.closed()
    await using half = await Phone.greet(hasty.tcpPort, "바람")
    half.write(`{"ping"`)
    assertLike(await half.next("disconnect"), disconnect("DISCONNECT_CODE_LINE_TIMEOUT", true))
    await using quiet = await Phone.greet(hasty.tcpPort, "구름")
    assertLike(await quiet.next("beat"), {})
    assertLike(await quiet.next("disconnect"), disconnect("DISCONNECT_CODE_HEARTBEAT", true))
    await quiet.closed()
  })
})

describe("text", () => {
  it("a line whose reach is not said is for those nearby", async () => {
    await using listener = await enter("구름")
    await using speaker = await enter()
    await speaker.ask({ say: { text: "여기만" } })
    const said = await listener.next("said", (body) => body.text === "여기만")
    assert.strictEqual(said.reach, "REACH_NEARBY")
  })

  it("nicknames are normalised and trimmed; what is said is kept as it is", async () => {
    await using listener = await enter("구름")
    await using speaker = await Phone.greet(server.tcpPort, "  바람 ".normalize("NFD"))
    await speaker.ask({ enter: { playground: "park", avatar: "fox" } })
    const line = " 안녕 ".normalize("NFD")
    await speaker.ask({ say: { text: line, reach: "REACH_PLAYGROUND" } })
    const said = await listener.next("said", (body) => body.text === line)
    assert.strictEqual(said.nickname, "바람".normalize("NFC"))
  })

  it.each(["\u202e바람", "\u200b", "", "바\u0000람", "가".repeat(13)])("nickname %j is refused", async (nickname) => {
    await using phone = await Phone.connect(server.tcpPort)
    const answer = await phone.ask({ hello: { deviceSecret: newSecret(), nickname } })
    assert.strictEqual(codeOf(answer), "ERROR_CODE_INVALID")
    assertLike(fieldOf(answer.error, "message"), matching(/^hello\.nickname /))
  })
})
