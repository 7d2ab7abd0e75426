/**
 * Tokens that are no good, through the port: forged, garbled, another server's, too old, used up, of a session that has
 * ended. Each is refused, and nothing changes for whoever holds the session.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { makeTokens, tokenAgeMsMax } from "../../src/client/Tokens.ts"
import { codeOf, comeBack, fieldOf, type Guest, populationOf, until, visit } from "./Guest.ts"
import { type Heard, isRecord, newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

const secret = "a secret for these tests alone"
const graceMs = 1_000
let server: Server
beforeAll(async () => {
  server = await Server.start({
    NORITER_SECRET: secret,
    NORITER_RESUME_GRACE: `${graceMs} ms`,
    NORITER_RATE_LIMITS: "off"
  })
})
afterAll(() => server.stop())

/** What a token says, as the server reads it. */
const read = (token: string) => {
  const said = makeTokens(secret).read(token, Date.now())
  assert.isDefined(said)
  return said ?? { guest: "", session: "", serial: 0, issuedMs: 0 }
}

const swapped = (text: string, at: number): string =>
  `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`

const bad: ReadonlyArray<readonly [what: string, make: (token: string) => string]> = [
  ["changed in its first byte", (token) => swapped(token, 3)],
  ["changed in its signature", (token) => swapped(token, token.length - 10)],
  ["without its signature", (token) => token.slice(0, token.lastIndexOf("."))],
  ["of another version", (token) => token.replace(/^v1/, "v2")],
  ["with more behind it", (token) => `${token}.more`],
  ["with padding", (token) => `${token}=`],
  ["signed with another server's key", (token) => makeTokens("the secret of another").sign(read(token))],
  [
    "signed well, and too old",
    (token) => makeTokens(secret).sign({ ...read(token), issuedMs: Date.now() - tokenAgeMsMax - 1_000 })
  ]
]

/** The guest notices nothing: it stands where it stood, and its token is good. */
async function assertUnharmed({ phone, token, streams, member }: Guest): Promise<void> {
  assert.isTrue(isRecord((await phone.ask({ ping: {} })).ping))
  assert.isFalse(phone.lines.some((line) => "disconnect" in line))
  const { phone: again, answer } = await comeBack(server.tcpPort, { token, streams })
  assert.strictEqual(fieldOf(answer.resume, "member"), member, JSON.stringify(answer))
  await again.ask({ leave: {} })
  await again[Symbol.asyncDispose]()
  await phone[Symbol.asyncDispose]()
}

describe("a token", () => {
  it.each(bad)("%s is refused, and nothing has changed", async (_what, make) => {
    const guest = await visit(server.tcpPort, "바람")
    const { phone, answer } = await comeBack(server.tcpPort, { ...guest, token: make(guest.token) })
    await using thief = phone
    assert.strictEqual(codeOf(answer), "ERROR_CODE_TOKEN_REFUSED")
    assert.strictEqual(codeOf(await thief.ask({ ping: {} })), "ERROR_CODE_HELLO_FIRST", "it has no session")
    await assertUnharmed(guest)
  })

  it("of an age that is just within is taken", async () => {
    const guest = await visit(server.tcpPort, "바람")
    const old = makeTokens(secret).sign({ ...read(guest.token), issuedMs: Date.now() - tokenAgeMsMax + 60_000 })
    await assertUnharmed({ ...guest, token: old })
  })

  it("of a session nobody began is refused", async () => {
    const guest = await visit(server.tcpPort, "바람")
    const made = makeTokens(secret).sign({ ...read(guest.token), session: "s_nobody" })
    const { phone, answer } = await comeBack(server.tcpPort, { ...guest, token: made })
    await using _ = phone
    assert.strictEqual(codeOf(answer), "ERROR_CODE_SESSION_ENDED")
    await assertUnharmed(guest)
  })

  it("used again before the newer one was used is taken: its answer may have been lost, whatever was said behind", async () => {
    const guest = await visit(server.tcpPort, "바람")
    const first = await comeBack(server.tcpPort, guest, 1_000)
    await first.phone.ask({ ping: {} })
    first.phone.cut()
    const second = await comeBack(server.tcpPort, guest, 1_001)
    assert.strictEqual(fieldOf(second.answer.resume, "member"), guest.member, JSON.stringify(second.answer))
    await second.phone.ask({ leave: {} })
    await second.phone[Symbol.asyncDispose]()
  })

  it("used again after the newer one was, is refused, and the socket that has the session keeps it", async () => {
    const guest = await visit(server.tcpPort, "바람")
    const { phone: former, answer: first } = await comeBack(server.tcpPort, guest, 998)
    former.cut()
    const newer = { ...guest, token: String(fieldOf(first.resume, "resumeToken")) }
    const { phone: holder, answer } = await comeBack(server.tcpPort, newer, 999)
    const { phone: thief, answer: refused } = await comeBack(server.tcpPort, guest, 1_000)
    await using _ = thief
    assert.strictEqual(codeOf(refused), "ERROR_CODE_TOKEN_REFUSED")
    const token = String(fieldOf(answer.resume, "resumeToken"))
    await assertUnharmed({ ...guest, phone: holder, token, streams: guest.streams })
  })

  it("with an id below that of a claim already accepted is refused: ids rise", async () => {
    const guest = await visit(server.tcpPort, "바람")
    await using _former = guest.phone
    const { phone: holder } = await comeBack(server.tcpPort, guest, 1_000)
    await using _ = holder
    const { phone: older, answer } = await comeBack(server.tcpPort, guest, 999)
    await using _older = older
    assert.strictEqual(codeOf(answer), "ERROR_CODE_STALE_ID")
    await holder.ask({ leave: {} })
  })

  it("of a session whose grace is over, or that another hello has ended, is of a session that has ended", async () => {
    await using watcher = (await visit(server.tcpPort, "구경꾼")).phone
    const lost = await visit(server.tcpPort, "바람")
    lost.phone.cut()
    await until(
      "that it is gone",
      () => populationOf(watcher),
      ({ all }) => all === 1
    )
    const deviceSecret = newSecret()
    const replaced = await visit(server.tcpPort, "바람", { secret: deviceSecret })
    await using _newer = await Phone.greet(server.tcpPort, "바람", deviceSecret)
    for (const guest of [lost, replaced]) {
      const { phone, answer }: { phone: Phone; answer: Heard } = await comeBack(server.tcpPort, guest)
      await using _ = phone
      assert.strictEqual(codeOf(answer), "ERROR_CODE_SESSION_ENDED")
    }
  })
})
