/** What operators order, through the port: an announcement is heard by all, in its place; whoever is removed is gone. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { codeOf, comeBack, fieldOf, listIn, numberIn, visit } from "./Guest.ts"
import { newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"
import type { Address } from "./Way.ts"

const token = "f81d4fae7dec11d0a76500a0c91e6bf6"
let server: Server
let web: Address
beforeAll(async () => {
  // Everybody is in view of everybody.
  server = await Server.start({ NORITER_OPS_TOKEN: token, NORITER_CELL_CM: "10000" })
  web = `ws://127.0.0.1:${server.httpPort}/ws`
})
afterAll(() => server.stop())

async function order(path: string, body: unknown, shown = token): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/ops/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${shown}` },
    body: typeof body === "string" ? body : JSON.stringify(body)
  })
  const text = await response.text()
  return { status: response.status, answer: text === "" ? undefined : JSON.parse(text) }
}
const announce = (text: unknown) => order("announce", { playground: "park", text })
const said = (text: string) => ({ say: { text, reach: "REACH_PLAYGROUND" } })

describe("an announcement", () => {
  it("is heard once by everybody, by either way, between the lines said before and after it", async () => {
    await using tcp = (await visit(server.tcpPort, "바람")).phone
    await using webPhone = (await visit(web, "구름")).phone
    await tcp.ask(said("앞"))
    assert.deepStrictEqual(await announce("곧 비가 와요"), { status: 200, answer: { channels: 1 } })
    for (const phone of [tcp, webPhone]) await phone.next("announced")
    await webPhone.ask(said("뒤"))
    for (const phone of [tcp, webPhone]) {
      await phone.next("said", ({ text }) => text === "뒤")
      const heard = phone.lines.flatMap(({ said, announced }) => (said || announced ? [said ?? announced] : []))
      const texts = heard.map((line) => fieldOf(line, "text"))
      assert.deepStrictEqual(texts.slice(-3), ["앞", "곧 비가 와요", "뒤"])
      const seqs = heard.map((line) => numberIn(line, "seq"))
      assert.deepStrictEqual(
        seqs,
        seqs.toSorted((a, b) => a - b)
      )
    }
    await using late = (await visit(web, "늦은 이")).phone
    const before = await late.next("announced")
    assert.deepStrictEqual([before.text, before.history], ["곧 비가 와요", true])
  })

  it("is heard by whoever comes back, once", async () => {
    const guest = await visit(server.tcpPort, "바람")
    guest.phone.cut()
    await announce("돌아오면 들어요")
    const { phone } = await comeBack(web, guest)
    const { history = false } = await phone.next("announced", ({ text }) => text === "돌아오면 들어요")
    assert.isFalse(history)
    await phone.ask({ ping: {} })
    assert.lengthOf(
      phone.lines.filter(({ announced }) => fieldOf(announced, "text") === "돌아오면 들어요"),
      1
    )
    phone.cut()
  })

  it("is held to the rules of a line, and an order to those of an order", async () => {
    assert.strictEqual((await announce("가".repeat(200))).status, 200)
    for (const text of ["가".repeat(201), "", "a\u0007b", 7, undefined, null]) {
      const { status, answer } = await announce(text)
      assert.strictEqual(status, 400, `${text}`)
      assert.match(String(fieldOf(answer, "message")), /^text /)
    }
    const statuses = await Promise.all([
      order("announce", { playground: "moon", text: "a" }),
      order("announce", { playground: "park", text: "a" }, "x"),
      order("announce", "{"),
      order("announce", "[]"),
      order("announce", JSON.stringify({ playground: "moon" }).padEnd(4096)),
      order("announce", JSON.stringify({ playground: "moon" }).padEnd(4097)),
      order("remove", { channel: "park/9", member: 1 }),
      order("remove", { channel: "park/1", member: "1" })
    ])
    assert.deepStrictEqual(
      statuses.map(({ status }) => status),
      [404, 401, 400, 400, 404, 413, 404, 400]
    )
  })
})

describe("a member that is removed", () => {
  const members = async (channel: string): Promise<ReadonlyArray<unknown>> => {
    const url = `http://127.0.0.1:${server.httpPort}/ops/members?channel=${encodeURIComponent(channel)}`
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    const body: unknown = await response.json()
    return Array.isArray(body) ? body : []
  }

  /** Entered is not yet seen: that comes with a tick. */
  const sees = (phone: Phone, member: number) =>
    phone.next("appeared", (line) => listIn(line, "members").some((one) => fieldOf(one, "member") === member))

  it("is told so and gone, others see it, and only a new hello brings it back", async () => {
    const deviceSecret = newSecret()
    const rude = await visit(web, "무례한 이", { secret: deviceSecret })
    const { phone: other, member } = await visit(server.tcpPort, "바람")
    await using _ = other
    await sees(other, rude.member)
    const standing = await members("park/1")
    const found = standing.find((one) => fieldOf(one, "member") === rude.member)
    assert.strictEqual(fieldOf(found, "nickname"), "무례한 이")
    assert.isTrue(standing.every((one) => Object.keys(one ?? {}).join() === "member,nickname,seen"))
    const seen = fieldOf(found, "seen")
    assert.strictEqual((await order("remove", { channel: "park/1", member, seen })).status, 404)
    assert.strictEqual((await order("remove", { channel: "park/1", member: rude.member, seen })).status, 200)
    const { code, comeBack: again = false } = await rude.phone.next("disconnect")
    assert.deepStrictEqual([code, again], ["DISCONNECT_CODE_REMOVED", false])
    await rude.phone.closed()
    assert.strictEqual(rude.phone.closeCode, 4014)
    const gone = await other.next("disappeared", (line) => listIn(line, "member").includes(rude.member))
    assert.deepStrictEqual([gone.member, gone.reason], [[rude.member], "GONE_REASON_REMOVED"])
    const { phone: back, answer } = await comeBack(web, rude)
    assert.strictEqual(codeOf(answer), "ERROR_CODE_SESSION_ENDED")
    back.cut()
    await using anew = await Phone.greet(web, "무례한 이", deviceSecret)
    await anew.ask({ ping: {} })
    assert.isTrue((await members("park/1")).some((one) => fieldOf(one, "member") === member))
  })

  it("is gone also while its socket is lost; one that is not there changes nothing", async () => {
    await using other = (await visit(server.tcpPort, "바람")).phone
    const lost = await visit(server.tcpPort, "터널")
    await sees(other, lost.member)
    lost.phone.cut()
    await order("remove", { channel: "park/1", member: lost.member })
    const gone = await other.next("disappeared", (line) => listIn(line, "member").includes(lost.member))
    assert.strictEqual(gone.reason, "GONE_REASON_REMOVED")
    assert.strictEqual((await order("remove", { channel: "park/1", member: lost.member })).status, 404)
    await other.ask(said("아무 일 없어요"))
  })
})
