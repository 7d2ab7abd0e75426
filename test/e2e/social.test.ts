/**
 * Two guests and their pouches, through the port: flowers leave one and come into the other, once, whatever is sent
 * again; what cannot be is refused by name; and who was away hears of it on coming back.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { codeOf, comeBack, fieldOf, listIn, numberIn, unlimited, visit } from "./Guest.ts"
import { type Heard, isRecord, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

let server: Server
/** One whose rates are as the proto has them. */
let rated: Server

beforeAll(async () => {
  ;[server, rated] = await Promise.all([Server.start(unlimited), Server.start()])
})
afterAll(() => Promise.all([server, rated].map((each) => each.stop())))

const daisies = async (phone: Phone): Promise<number> => {
  const { pouch } = await phone.ask({ pouch: {} })
  assert.isTrue(isRecord(pouch))
  const daisy = listIn(pouch, "flowers").find((some) => fieldOf(some, "kind") === "daisy")
  return numberIn(daisy, "count")
}
const gift = (member: number, count: number, kind = "daisy"): Heard => ({ give: { member, kind, count } })
const ofGift = (line: Heard) => ["nickname", "kind", "count", "member"].map((name) => line[name])
const heard = (phone: Phone): number => phone.lines.filter((line) => "given" in line).length

const two = () => Promise.all([visit(server.tcpPort, "바람"), visit(server.tcpPort, "구름")])

describe("giving flowers", () => {
  it("before entering there is a pouch, and nobody to give to", async () => {
    await using phone = await Phone.greet(server.tcpPort, "바람")
    assert.strictEqual(await daisies(phone), 10)
    assert.strictEqual(codeOf(await phone.ask(gift(1, 1))), "ERROR_CODE_OUTSIDE")
  })

  it("everybody begins with ten; what is given goes from one pouch into the other", async () => {
    const [wind, cloud] = await two()
    await using giver = wind.phone
    await using receiver = cloud.phone
    assert.deepStrictEqual([await daisies(giver), await daisies(receiver)], [10, 10])
    const answer = await giver.ask(gift(cloud.member, 3))
    assert.deepStrictEqual(answer.give, {})
    const given = await receiver.next("given")
    assert.deepStrictEqual(ofGift(given), ["바람", "daisy", 3, wind.member])
    assert.isAbove(numberIn(given, "seq"), 0)
    assert.isAbove(numberIn(given, "atMs"), 0)
    assert.deepStrictEqual([await daisies(giver), await daisies(receiver)], [7, 13])
    assert.strictEqual(heard(giver), 0, "nobody else hears of it")
    const lines = JSON.stringify(receiver.lines.filter((line) => "given" in line))
    assert.notInclude(lines, "g_", "nobody learns another's guest id")
  })

  it("sent again it has one effect and is answered alike; another body under the id is refused", async () => {
    const [wind, cloud] = await two()
    await using giver = wind.phone
    await using receiver = cloud.phone
    for (let times = 0; times < 3; times++) {
      giver.say({ id: 100, ...gift(cloud.member, 4) })
      assert.deepStrictEqual((await giver.answer(100)).give, {})
    }
    giver.say({ id: 100, ...gift(cloud.member, 5) })
    assert.strictEqual(codeOf(await giver.answer(100)), "ERROR_CODE_ID_REUSED")
    // What came after it is there, so whatever else it had done would be, too.
    await giver.ask(gift(cloud.member, 1))
    await receiver.next("given", ({ count }) => count === 1)
    assert.deepStrictEqual([await daisies(giver), await daisies(receiver), heard(receiver)], [5, 15, 2])
  })

  it("sent again when the other has left, it is answered as the first time", async () => {
    const [wind, cloud] = await two()
    await using giver = wind.phone
    await using receiver = cloud.phone
    giver.say({ id: 100, ...gift(cloud.member, 1) })
    assert.deepStrictEqual((await giver.answer(100)).give, {})
    await receiver.next("given")
    await receiver.ask({ leave: {} })
    giver.say({ id: 100, ...gift(cloud.member, 1) })
    assert.deepStrictEqual((await giver.answer(100)).give, {})
    assert.strictEqual(codeOf(await giver.ask(gift(cloud.member, 1))), "ERROR_CODE_MEMBER_GONE")
    assert.deepStrictEqual([await daisies(giver), await daisies(receiver)], [9, 11])
  })

  it("wrapped flowers are out of the pouch at once, and come at their time, once, whatever is sent again", async () => {
    const [wind, cloud] = await two()
    await using giver = wind.phone
    await using receiver = cloud.phone
    const wrappedMs = 500
    const wrapped = { give: { member: cloud.member, kind: "daisy", count: 3, wrappedMs } }
    const askedMs = Date.now()
    for (let times = 0; times < 2; times++) {
      giver.say({ id: 100, ...wrapped })
      assert.deepStrictEqual((await giver.answer(100)).give, {})
    }
    assert.strictEqual(await daisies(giver), 7)
    // Within a week, and for ever where the server does not live so long.
    const longest = { give: { member: cloud.member, kind: "daisy", count: 1, wrappedMs: 604_800_000 } }
    assert.deepStrictEqual((await giver.ask(longest)).give, {})
    const given = await receiver.next("given")
    assert.deepStrictEqual(ofGift(given), ["바람", "daisy", 3, wind.member])
    assert.isAtLeast(numberIn(given, "atMs"), askedMs + wrappedMs)
    await giver.ask(gift(cloud.member, 1))
    await receiver.next("given", ({ count }) => count === 1)
    assert.deepStrictEqual([await daisies(giver), await daisies(receiver), heard(receiver)], [5, 14, 2])
    const longer = { give: { member: cloud.member, kind: "daisy", count: 1, wrappedMs: 604_800_001 } }
    assert.strictEqual(codeOf(await giver.ask(longer)), "ERROR_CODE_INVALID")
  })

  it("ten may be given, and then not one more", async () => {
    const [wind, cloud] = await two()
    await using giver = wind.phone
    await using receiver = cloud.phone
    assert.deepStrictEqual((await giver.ask(gift(cloud.member, 10))).give, {})
    assert.strictEqual(codeOf(await giver.ask(gift(cloud.member, 1))), "ERROR_CODE_NOT_ENOUGH")
    assert.deepStrictEqual((await giver.ask({ pouch: {} })).pouch, {}, "an emptied pouch stays empty")
    await receiver.next("given")
    assert.strictEqual(await daisies(receiver), 20)
  })

  it("what cannot be is refused by name, and nothing has changed", async () => {
    const [wind, cloud] = await two()
    await using giver = wind.phone
    await using receiver = cloud.phone
    const refused = [
      [gift(999_999, 1), "ERROR_CODE_MEMBER_GONE"],
      [{ give: { kind: "daisy", count: 1 } }, "ERROR_CODE_MEMBER_GONE"],
      [gift(wind.member, 1), "ERROR_CODE_INVALID"],
      [gift(cloud.member, 0), "ERROR_CODE_INVALID"],
      [gift(cloud.member, 11), "ERROR_CODE_INVALID"],
      [gift(cloud.member, 1, ""), "ERROR_CODE_INVALID"],
      [gift(cloud.member, 1, "Daisy"), "ERROR_CODE_INVALID"],
      [gift(cloud.member, 1, "d".repeat(17)), "ERROR_CODE_INVALID"],
      [gift(cloud.member, 1, "d".repeat(16)), "ERROR_CODE_NOT_ENOUGH"],
      [gift(cloud.member, 1, "rose"), "ERROR_CODE_NOT_ENOUGH"]
    ] as const
    for (const [body, code] of refused) assert.strictEqual(codeOf(await giver.ask(body)), code, JSON.stringify(body))
    await giver.ask({ leave: {} })
    assert.strictEqual(codeOf(await giver.ask(gift(cloud.member, 1))), "ERROR_CODE_OUTSIDE")
    assert.deepStrictEqual([await daisies(giver), await daisies(receiver), heard(receiver)], [10, 10, 0])
  })

  it("who was away when it came hears of it once on coming back, and has it", async () => {
    const [wind, cloud] = await two()
    await using giver = wind.phone
    cloud.phone.cut()
    assert.deepStrictEqual((await giver.ask(gift(cloud.member, 2))).give, {})
    const back = await comeBack(server.tcpPort, cloud)
    await using receiver = back.phone
    assert.strictEqual(fieldOf(back.answer.resume, "recovered"), true, JSON.stringify(back.answer))
    assert.deepStrictEqual(ofGift(await receiver.next("given")), ["바람", "daisy", 2, wind.member])
    assert.strictEqual(await daisies(receiver), 12)
    assert.strictEqual(heard(receiver), 1)
  })

  it("a burst of five is taken, and one more is refused for its rate", async () => {
    const [wind, cloud] = await Promise.all([visit(rated.tcpPort, "바람"), visit(rated.tcpPort, "구름")])
    await using giver = wind.phone
    await using receiver = cloud.phone
    const ids = [100, 101, 102, 103, 104, 105]
    giver.write(ids.map((id) => `${JSON.stringify({ id, ...gift(cloud.member, 1) })}\n`).join(""))
    const answers = await Promise.all(ids.map((id) => giver.answer(id)))
    assert.deepStrictEqual(answers.map(codeOf), [...ids.slice(1).map(() => undefined), "ERROR_CODE_RATE_LIMITED"])
    for (let times = 0; times < 5; times++) await receiver.next("given")
    assert.deepStrictEqual([await daisies(giver), await daisies(receiver)], [5, 15])
  })
})
