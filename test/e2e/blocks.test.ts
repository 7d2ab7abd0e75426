/**
 * Guests who block others, through the port: from the answer on nothing of theirs is heard, wherever the phone goes or comes
 * back, and they learn nothing of it; it is taken back by a number that is good for this guest only. In one process, and over
 * two runners whose Redis is emptied.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { unique } from "../contract/Eventually.ts"
import { emptied } from "../services/RedisOperator.ts"
import { ownServices, withServices } from "../services/Services.ts"
import { codeOf, comeBack, fieldOf, type Guest, listIn, numberIn, unlimited, until, visit } from "./Guest.ts"
import { type Heard, newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

const startMs = 60_000

const block = (phone: Phone, { member }: Pick<Guest, "member">) => phone.ask({ block: { member } })
const blocksOf = async (phone: Phone) => listIn((await phone.ask({ blocks: {} })).blocks, "blocks")
/**
 * Ends when what guests have is there: until then they are told that it is UNAVAILABLE (rule E2). Runners are ready before
 * that, the first of a plaza, too, while Kafka has not found out who leads the topics that were just made.
 */
const rebuilt = (phone: Phone) =>
  until("rebuilt", async () => codeOf(await phone.ask({ blocks: {} })) === undefined, Boolean, startMs)
const say = (phone: Phone, text: string, reach = "REACH_PLAYGROUND") => phone.ask({ say: { text, reach } })
/** Ends when a phone was told of a member, since the line of this number. */
const sees = (phone: Phone, { member }: Pick<Guest, "member">, since = 0) => {
  const isIn = (line: Heard) => listIn(line.appeared, "members").some((one) => fieldOf(one, "member") === member)
  return until(`${member} in view`, () => phone.lines.slice(since).some(isIn), Boolean)
}
const loses = (phone: Phone, { member }: Pick<Guest, "member">) =>
  phone.next("disappeared", (gone) => listIn(gone, "member").includes(member))

/** What a phone has heard of a member since the line of this number: anything that bears the number, but answers. */
const heardOf = (phone: Phone, { member }: Pick<Guest, "member">, since = 0): ReadonlyArray<Heard> =>
  phone.lines.slice(since).filter((line) => {
    if (line.re !== undefined) return false
    const named = [...JSON.stringify(line).matchAll(/"member":\[?([\d,]+)/g)]
    return named.some(([, numbers = ""]) => numbers.split(",").includes(`${member}`))
  })

let steps = 0
/** Does all that others hear of, and ends when whoever looks has heard as much of another, who does it after. */
async function bustle(guest: Guest, after: Guest, looking: Guest): Promise<void> {
  const heard = looking.phone.lines.length
  for (const { phone, xCm, yCm } of [guest, after]) {
    phone.say({ move: { xCm: xCm + ++steps, yCm } })
    phone.say({ emote: { kind: "wave" } })
    phone.say({ typing: {} })
    assert.isAbove(numberIn((await say(phone, "여기요")).say, "seq"), 0)
    await say(phone, "가까이", "REACH_NEARBY")
    assert.deepStrictEqual((await phone.ask({ whisper: { member: looking.member, text: "둘만" } })).whisper, {})
    const gift = { member: looking.member, kind: "daisy", count: 1 }
    assert.deepStrictEqual((await phone.ask({ give: gift })).give, {})
  }
  const kinds = ["moved", "emoted", "typed", "said", "whispered", "given"]
  const missing = () => kinds.filter((kind) => !heardOf(looking.phone, after, heard).some((line) => kind in line))
  await until("all of the other", missing, ({ length }) => length === 0)
}

/** Three in the park, who see one another. */
async function three(server: Server, elsewhere = server): Promise<readonly [Guest, Guest, Guest]> {
  const own = newSecret()
  const guests = [await visit(server.tcpPort, "바람", { secret: own }), await visit(elsewhere.tcpPort, "구름")] as const
  const third = await visit(server.tcpPort, "별")
  for (const other of [guests[1], third]) await sees(guests[0].phone, other)
  for (const one of guests) await sees(one.phone, third)
  secretOf.set(guests[0], own)
  return [...guests, third]
}
const secretOf = new WeakMap<Guest, string>()

describe("in one process", () => {
  let server: Server

  beforeAll(async () => {
    server = await Server.start(unlimited)
  })
  afterAll(() => server.stop())

  it("hears nothing of the blocked one from the answer on, who learns nothing of it", async () => {
    const [guest, blocked, other] = await three(server)
    await using phone = guest.phone
    await using blockedPhone = blocked.phone
    await using _other = other.phone
    const learnt = blockedPhone.lines.length
    assert.strictEqual(numberIn((await block(phone, blocked)).block, "block"), 1)
    // In effect by the time it is answered.
    assert.deepStrictEqual(phone.lines.at(-2)?.disappeared, {
      member: [blocked.member],
      reason: "GONE_REASON_OUT_OF_SIGHT"
    })
    const since = phone.lines.length
    await bustle(blocked, other, guest)
    assert.deepStrictEqual(heardOf(phone, blocked, since), [])
    const { pouch } = await phone.ask({ pouch: {} })
    assert.deepStrictEqual(listIn(pouch, "flowers"), [{ kind: "daisy", count: 12 }], "flowers are never lost")
    // The other way nothing is different.
    await bustle(guest, other, blocked)
    for (const kind of ["moved", "emoted", "typed", "said", "whispered", "given"]) {
      assert.isTrue(
        heardOf(blockedPhone, guest, learnt).some((line) => kind in line),
        kind
      )
    }
    const lines = JSON.stringify(blockedPhone.lines.slice(learnt))
    assert.notMatch(lines, /block|disappeared|"g_/)
  })

  it("hears it all again when that is taken back, and nothing of what was missed", async () => {
    const [guest, blocked, other] = await three(server)
    await using phone = guest.phone
    await using _blocked = blocked.phone
    await using _other = other.phone
    await block(phone, blocked)
    await bustle(blocked, other, guest)
    const since = phone.lines.length
    assert.deepStrictEqual((await phone.ask({ unblock: { block: 1 } })).unblock, {})
    await sees(phone, blocked, since)
    await say(phone, "다시")
    assert.deepStrictEqual(
      heardOf(phone, blocked, since).map((line) => Object.keys(line)),
      [["appeared"]]
    )
    await bustle(other, blocked, guest)
    assert.deepStrictEqual(await blocksOf(phone), [])
  })

  it("across resume, another channel, and hello with the same device secret; also where the blocked one enters anew", async () => {
    const [guest, blocked, other] = await three(server)
    await using _other = other.phone
    await using blockedPhone = blocked.phone
    await block(guest.phone, blocked)
    guest.phone.cut()
    await say(blockedPhone, "못 들었지")
    const back = await comeBack(server.tcpPort, guest)
    await using resumed = back.phone
    assert.isDefined(back.answer.resume, JSON.stringify(back.answer))
    await sees(resumed, other)
    await bustle(blocked, other, { ...guest, phone: resumed })
    assert.deepStrictEqual(heardOf(resumed, blocked), [])

    await blockedPhone.ask({ leave: {} })
    const entered = await blockedPhone.ask({ enter: { playground: "park", avatar: "cat" } })
    const anew = { ...blocked, member: numberIn(entered.enter, "member") }
    await bustle(anew, other, { ...guest, phone: resumed })
    assert.deepStrictEqual(heardOf(resumed, anew), [])

    const again = await visit(server.tcpPort, "바람", { secret: secretOf.get(guest) ?? "" })
    await using phone = again.phone
    await sees(phone, other)
    await bustle(anew, other, again)
    assert.deepStrictEqual(heardOf(phone, anew), [])
    assert.deepStrictEqual(
      (await blocksOf(phone)).map((one) => [fieldOf(one, "block"), fieldOf(one, "nickname")]),
      [[1, "구름"]]
    )
  })

  it("sent again it is answered alike, also after the other has left; another request under the id is refused", async () => {
    const [guest, blocked, other] = await three(server)
    await using phone = guest.phone
    await using blockedPhone = blocked.phone
    await using _other = other.phone
    const ask = { id: 100, block: { member: blocked.member } }
    phone.say(ask)
    assert.deepStrictEqual((await phone.answer(100)).block, { block: 1 })
    await blockedPhone.ask({ leave: {} })
    phone.say(ask)
    assert.deepStrictEqual((await phone.answer(100)).block, { block: 1 })
    phone.say({ id: 100, unblock: { block: blocked.member } })
    assert.strictEqual(codeOf(await phone.answer(100)), "ERROR_CODE_ID_REUSED")
    assert.strictEqual(codeOf(await block(phone, blocked)), "ERROR_CODE_MEMBER_GONE")
    assert.lengthOf(await blocksOf(phone), 1)
    const [one] = await blocksOf(phone)
    assert.isAbove(numberIn(one, "atMs"), 0)
    assert.notInclude(JSON.stringify(phone.lines.slice(1)), "g_")
  })

  it("what cannot be is refused by name, what is so already is answered as done", async () => {
    const [guest, blocked, other] = await three(server)
    await using phone = guest.phone
    await using _blocked = blocked.phone
    await using _other = other.phone
    assert.strictEqual(codeOf(await block(phone, guest)), "ERROR_CODE_INVALID")
    for (const member of [0, 999_999]) {
      assert.strictEqual(codeOf(await block(phone, { member })), "ERROR_CODE_MEMBER_GONE")
    }
    assert.strictEqual(codeOf(await phone.ask({ unblock: {} })), "ERROR_CODE_INVALID")
    assert.deepStrictEqual((await phone.ask({ unblock: { block: 1 } })).unblock, {})
    for (let times = 0; times < 2; times++) {
      assert.deepStrictEqual((await block(phone, blocked)).block, { block: 1 })
    }
    assert.deepStrictEqual((await block(phone, other)).block, { block: 2 })
    await phone.ask({ leave: {} })
    assert.strictEqual(codeOf(await block(phone, blocked)), "ERROR_CODE_OUTSIDE")
    assert.deepStrictEqual((await phone.ask({ unblock: { block: 1 } })).unblock, {}, "outside, too")
    assert.lengthOf(await blocksOf(phone), 1)
    await using before = await Phone.connect(server.tcpPort)
    assert.strictEqual(codeOf(await before.ask({ blocks: {} })), "ERROR_CODE_HELLO_FIRST")
  })
})

await withServices("over two runners", ["kafka", "zookeeper"], (shared) => {
  const scope = Effect.runSync(Scope.make())
  let here: Server
  let there: Server
  let redisUrl: string

  beforeAll(async () => {
    const { urls } = await Effect.runPromise(ownServices("redis").pipe(Scope.provide(scope)))
    redisUrl = urls.redis
    const prefix = unique("blocks")
    const start = (runner: string) =>
      Server.start({
        ...unlimited,
        NORITER_REDIS_URL: urls.redis,
        NORITER_KAFKA_BROKERS: shared.kafka,
        NORITER_ZOOKEEPER: shared.zookeeper,
        NORITER_SECRET: "the secret of all runners",
        NORITER_PREFIX: prefix,
        NORITER_RUNNER_ID: runner
      })
    ;[here, there] = await Promise.all([start("one"), start("two")])
  }, startMs)
  afterAll(async () => {
    await Promise.all([here?.stop(), there?.stop()])
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }, startMs)

  it(
    "holds on whichever runner one comes back, and when Redis was emptied",
    async () => {
      const [guest, blocked, other] = await three(here, there)
      await using _blocked = blocked.phone
      await using _other = other.phone
      await rebuilt(guest.phone)
      const answer = await block(guest.phone, blocked)
      assert.deepStrictEqual(answer.block, { block: 1 }, JSON.stringify(answer))
      await loses(guest.phone, blocked)
      await bustle(blocked, other, guest)
      guest.phone.cut()
      const back = await comeBack(there.tcpPort, guest)
      await using resumed = back.phone
      assert.isDefined(back.answer.resume, JSON.stringify(back.answer))
      await sees(resumed, other)
      await bustle(blocked, other, { ...guest, phone: resumed })
      assert.deepStrictEqual(heardOf(resumed, blocked), [])

      const heard = resumed.lines.length
      await using late = await Phone.greet(here.tcpPort, "늦은 별")
      await emptied(redisUrl)
      await rebuilt(resumed)
      assert.lengthOf(await blocksOf(resumed), 1)
      const enters = async () => "enter" in (await late.ask({ enter: { playground: "park", avatar: "owl" } }))
      await until("all put back", enters, Boolean, startMs)
      const again = await visit(here.tcpPort, "바람", { secret: secretOf.get(guest) ?? "" })
      await using phone = again.phone
      await sees(phone, other)
      await bustle(blocked, other, again)
      assert.deepStrictEqual(heardOf(phone, blocked), [])
      assert.deepStrictEqual(heardOf(resumed, blocked, heard), [])
      assert.deepStrictEqual((await phone.ask({ unblock: { block: 1 } })).unblock, {})
      await sees(phone, blocked)
    },
    startMs
  )
})
