/**
 * Phones of both ways in one park: those by TCP and those by WebSocket see and hear each other, and a session goes on
 * from one way to the other with its member number, its place and what it missed.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { comeBack, fieldOf, type Guest, listIn, visit } from "./Guest.ts"
import { newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"
import type { Address } from "./Way.ts"

let server: Server
let tcp: Address
let web: Address
beforeAll(async () => {
  server = await Server.start()
  tcp = server.tcpPort
  web = `ws://127.0.0.1:${server.httpPort}/ws`
})
afterAll(() => server.stop())

const said = (text: string) => ({ say: { text, reach: "REACH_PLAYGROUND" } })
const hears = (phone: Phone, text: string) => phone.next("said", (line) => line.text === text)
const appears = (phone: Phone, { member }: Guest) =>
  phone.next("appeared", (line) => listIn(line, "members").some((one) => fieldOf(one, "member") === member))
const seen = (phone: Phone, { member }: Guest) =>
  phone.next("moved", (line) => Array.isArray(line.member) && line.member.includes(member))

describe("two ways", () => {
  it("phones see each other walk, and hear each other talk and whisper", async () => {
    const [wind, cloud] = [await visit(tcp, "바람"), await visit(web, "구름")]
    await using windPhone = wind.phone
    await using cloudPhone = cloud.phone
    // Whoever is seen first where they have walked to is not seen walking.
    await Promise.all([appears(windPhone, cloud), appears(cloudPhone, wind)])
    windPhone.say({ move: { xCm: wind.xCm + 50, yCm: wind.yCm } })
    cloudPhone.say({ move: { xCm: cloud.xCm + 50, yCm: cloud.yCm } })
    await Promise.all([seen(windPhone, cloud), seen(cloudPhone, wind)])
    await windPhone.ask(said("안녕"))
    await cloudPhone.ask(said("어서 와요"))
    for (const phone of [windPhone, cloudPhone]) {
      const first = await hears(phone, "안녕")
      const second = await hears(phone, "어서 와요")
      assert.deepStrictEqual([first.member, second.member], [wind.member, cloud.member])
      assert.isBelow(Number(first.seq), Number(second.seq))
    }
    await cloudPhone.ask({ whisper: { member: wind.member, text: "반가워요" } })
    assert.strictEqual((await windPhone.next("whispered")).member, cloud.member)
    await cloudPhone.ask({ leave: {} })
    const { member, reason } = await windPhone.next("disappeared")
    assert.deepStrictEqual([member, reason], [[cloud.member], "GONE_REASON_LEFT"])
  })

  it("a session goes from TCP to WebSocket and back: as if it had never been away", async () => {
    await using watcher = (await visit(tcp, "구경꾼")).phone
    let guest = await visit(tcp, "바람")
    for (const [round, address] of [web, tcp, web].entries()) {
      guest.phone.cut()
      await watcher.ask(said(`놓친 말 ${round}`))
      const { phone, answer } = await comeBack(address, guest, 1000 + round)
      const { resume } = answer
      assert.isTrue(fieldOf(resume, "recovered"), JSON.stringify(answer))
      assert.strictEqual(fieldOf(resume, "member"), guest.member)
      assert.deepStrictEqual([fieldOf(resume, "xCm"), fieldOf(resume, "yCm")], [guest.xCm, guest.yCm])
      await hears(phone, `놓친 말 ${round}`)
      await phone.ask(said(`돌아왔어요 ${round}`))
      await hears(watcher, `돌아왔어요 ${round}`)
      assert.lengthOf(
        phone.lines.filter((line) => fieldOf(line.said, "text") === `놓친 말 ${round}`),
        1
      )
      const streams = fieldOf(resume, "streams")
      guest = { ...guest, phone, token: String(fieldOf(resume, "resumeToken")), streams: asList(streams) }
    }
    assert.isFalse(watcher.lines.some((line) => "disappeared" in line))
    guest.phone.cut()
  })
  const asList = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

  it("the same guest on the other way replaces the one before", async () => {
    const secret = newSecret()
    await using older = (await visit(web, "바람", { secret })).phone
    await using _newer = (await visit(tcp, "바람", { secret })).phone
    const { code, comeBack: again = false } = await older.next("disconnect")
    assert.deepStrictEqual([code, again], ["DISCONNECT_CODE_REPLACED", false])
    await older.closed()
    assert.strictEqual(older.closeCode, 4004)
  })

  it("both are sent away when the server leaves", async () => {
    await using inside = (await visit(web, "바람")).phone
    await using outside = await Phone.greet(tcp, "구름")
    const stopped = server.stop()
    for (const phone of [inside, outside]) {
      assert.strictEqual((await phone.next("disconnect")).code, "DISCONNECT_CODE_DRAINING")
      await phone.closed()
    }
    assert.strictEqual(inside.closeCode, 1001)
    assert.strictEqual(await stopped, 0)
  })
})
