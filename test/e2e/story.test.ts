/**
 * The story of a guest as everybody else in the park sees it: coming, talking, a tunnel, coming back, a second phone,
 * changing channels, leaving, and a server that is stopped. Nobody is seen who is not there, and nobody is lost.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { codeOf, comeBack, fieldOf, type Guest, listIn, numberIn, populationOf, until, visit } from "./Guest.ts"
import { isRecord, newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

const lostShownMs = 1_000
const graceMs = 2_500

/** Two channels of a size that a few phones fill. */
const world = [
  {
    id: "park",
    name: "공원",
    widthCm: 10_000,
    heightCm: 10_000,
    spawn: { xCm: 5_000, yCm: 5_000, radiusCm: 0 },
    capacity: 4
  }
]

let folder: string
let server: Server
/** A third one, who only looks. */
let watcher: Guest

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "noriter-story-"))
  await writeFile(join(folder, "world.json"), JSON.stringify(world))
  server = await Server.start({
    NORITER_WORLD: join(folder, "world.json"),
    NORITER_LOST_SHOWN: `${lostShownMs} ms`,
    NORITER_RESUME_GRACE: `${graceMs} ms`,
    NORITER_RATE_LIMITS: "off",
    NORITER_SPEED_CMPS_MAX: "0"
  })
  watcher = await visit(server.tcpPort, "구경꾼")
})
afterAll(async () => {
  await watcher.phone[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** What the watcher was told of one member, in order: alternately that it came and that it went, and why. */
const seenOf = (member: number): ReadonlyArray<string> =>
  watcher.phone.lines.flatMap((line) => [
    ...listIn(line.appeared, "members")
      .filter((one) => fieldOf(one, "member") === member)
      .map(() => came),
    ...(listIn(line.disappeared, "member").includes(member) ? [String(fieldOf(line.disappeared, "reason"))] : [])
  ])

const seenMembers = (): ReadonlySet<number> =>
  new Set(watcher.phone.lines.flatMap((line) => listIn(line.appeared, "members").map((one) => numberIn(one, "member"))))

/** Waits until the watcher has been told so much of a member, and that it was this. */
async function sees(member: number, ...story: ReadonlyArray<string>): Promise<void> {
  const look = () => seenOf(member)
  assert.deepStrictEqual(await until(`member ${member}: ${story}`, look, (seen) => seen.length >= story.length), story)
}

const came = "came"
const left = "GONE_REASON_LEFT"
const lost = "GONE_REASON_LOST"
const outOfSight = "GONE_REASON_OUT_OF_SIGHT"

/** The park is as it was before each story: only the watcher in it. */
const nobodyElse = () =>
  until(
    "only the watcher",
    () => populationOf(watcher.phone),
    ({ all }) => all === 1
  )

describe("a guest as others see it", () => {
  it("comes, talks, leaves: seen once, heard once, gone once", async () => {
    const wind = await visit(server.tcpPort, "바람")
    await using phone = wind.phone
    await sees(wind.member, came)
    await phone.ask({ say: { text: "안녕하세요", reach: "REACH_PLAYGROUND" } })
    const said = await watcher.phone.next("said", ({ text }) => text === "안녕하세요")
    assert.strictEqual(said.member, wind.member)
    assert.deepStrictEqual(await populationOf(phone), { all: 2, channels: [2] })
    await phone.ask({ leave: {} })
    await sees(wind.member, came, left)
    assert.deepStrictEqual(await populationOf(phone), { all: 1, channels: [1] })
  })

  it("enters again after leaving: under another number, never the one before", async () => {
    const wind = await visit(server.tcpPort, "바람")
    await using phone = wind.phone
    await sees(wind.member, came)
    await phone.ask({ leave: {} })
    const again = await phone.ask({ enter: { playground: "park" } })
    const member = numberIn(again.enter, "member")
    assert.isAbove(member, wind.member)
    await sees(member, came)
    await sees(wind.member, came, left)
    await phone.ask({ leave: {} })
    await nobodyElse()
    await sees(member, came, left)
  })

  it("a socket lost: shown a while, then LOST; back within the grace under its number, with what it missed", async () => {
    const wind = await visit(server.tcpPort, "바람")
    await sees(wind.member, came)
    const cutAt = performance.now()
    wind.phone.cut()
    await watcher.phone.ask({ say: { text: "어디 갔지", reach: "REACH_PLAYGROUND" } })
    await sees(wind.member, came, lost)
    const shownMs = performance.now() - cutAt
    assert.isAtLeast(shownMs, lostShownMs, "seen for as long as it might only be a tunnel")
    assert.deepStrictEqual(await populationOf(watcher.phone), { all: 2, channels: [2] }, "its place is kept")
    await watcher.phone.ask({ say: { text: "기다릴게", reach: "REACH_NEARBY" } })
    const whisper = { member: wind.member, text: "빨리 와" }
    assert.isTrue(isRecord((await watcher.phone.ask({ whisper })).whisper), "it is away, and not gone")
    const back = await comeBack(server.tcpPort, wind)
    await using phone = back.phone
    const { resume } = back.answer
    assert.strictEqual(fieldOf(resume, "recovered"), true, JSON.stringify(back.answer))
    assert.deepStrictEqual(
      ["playground", "channel", "member", "xCm", "yCm"].map((name) => fieldOf(resume, name)),
      ["park", 1, wind.member, wind.xCm, wind.yCm]
    )
    assert.strictEqual((await phone.next("said")).text, "어디 갔지")
    assert.strictEqual((await phone.next("said")).text, "기다릴게")
    assert.strictEqual((await phone.next("whispered")).text, "빨리 와")
    await sees(wind.member, came, lost, came)
    await phone.ask({ say: { text: "다녀왔어요", reach: "REACH_PLAYGROUND" } })
    assert.strictEqual((await phone.next("said")).text, "다녀왔어요")
    await watcher.phone.next("said", ({ text, member }) => text === "다녀왔어요" && member === wind.member)
    await phone.ask({ leave: {} })
    await nobodyElse()
    await sees(wind.member, came, lost, came, left)
    const heard = phone.lines.flatMap((line) => [fieldOf(line.said, "text"), fieldOf(line.whispered, "text")])
    assert.deepStrictEqual(
      heard.filter((text) => text !== undefined).toSorted(),
      ["기다릴게", "다녀왔어요", "빨리 와", "어디 갔지"].toSorted(),
      "each once"
    )
  })

  it("walks out of sight and back: seen to go and to come, and nearby lines are not heard from afar", async () => {
    const wind = await visit(server.tcpPort, "바람")
    await using phone = wind.phone
    await sees(wind.member, came)
    phone.say({ move: { xCm: 100, yCm: 100 } })
    await sees(wind.member, came, outOfSight)
    await watcher.phone.ask({ say: { text: "안 들리지", reach: "REACH_NEARBY" } })
    phone.say({ move: { xCm: wind.xCm, yCm: wind.yCm } })
    await sees(wind.member, came, outOfSight, came)
    await watcher.phone.ask({ say: { text: "들리지", reach: "REACH_NEARBY" } })
    assert.strictEqual((await phone.next("said", ({ history }) => history !== true)).text, "들리지")
    await phone.ask({ leave: {} })
    await sees(wind.member, came, outOfSight, came, left)
  })

  it("back before anybody has noticed: nobody is told anything", async () => {
    const wind = await visit(server.tcpPort, "바람")
    await sees(wind.member, came)
    wind.phone.cut()
    const { phone: again, answer } = await comeBack(server.tcpPort, wind)
    await using phone = again
    assert.strictEqual(numberIn(answer.resume, "member"), wind.member)
    // This runner may have more to do than the one it was told by.
    assert.strictEqual((await phone.next("ticking")).tickMs, 100)
    await phone.ask({ leave: {} })
    await nobodyElse()
    await sees(wind.member, came, left)
  })

  it("gone for longer than the grace: the place is given up, and the token is for a session that has ended", async () => {
    const wind = await visit(server.tcpPort, "바람")
    await sees(wind.member, came)
    wind.phone.cut()
    await nobodyElse()
    await sees(wind.member, came, lost)
    const { phone: again, answer } = await comeBack(server.tcpPort, wind)
    await using phone = again
    assert.strictEqual(codeOf(answer), "ERROR_CODE_SESSION_ENDED")
    const { hello } = await phone.ask({ hello: { deviceSecret: newSecret(), nickname: "바람" } })
    assert.isTrue(isRecord(hello), "and hello may follow on the same socket")
  })

  it("the same guest on a second phone: the first is REPLACED, and one member leaves when one comes", async () => {
    const secret = newSecret()
    const first = await visit(server.tcpPort, "바람", { secret })
    await sees(first.member, came)
    const second = await visit(server.tcpPort, "바람", { secret })
    await using phone = second.phone
    const { code, comeBack } = await first.phone.next("disconnect")
    assert.deepStrictEqual({ code, comeBack }, { code: "DISCONNECT_CODE_REPLACED", comeBack: undefined })
    await first.phone.closed()
    await sees(first.member, came, left)
    assert.notStrictEqual(second.member, first.member)
    await sees(second.member, came)
    assert.deepStrictEqual(await populationOf(phone), { all: 2, channels: [2] })
    await phone.ask({ leave: {} })
    await nobodyElse()
    await sees(first.member, came, left)
    await sees(second.member, came, left)
  })
})

describe("channels", () => {
  it("a guest who changes channels leaves one and comes into the other", async () => {
    const crowd = await Promise.all(["하나", "둘", "셋"].map((name) => visit(server.tcpPort, name)))
    for (const { member } of crowd) await sees(member, came)
    const moving = await visit(server.tcpPort, "바람")
    await using phone = moving.phone
    assert.strictEqual(moving.channel, 2, "the first channel is full")
    assert.deepStrictEqual(await populationOf(phone), { all: 5, channels: [4, 1] })
    const full = await phone.ask({ enter: { playground: "park", channel: 1 } })
    assert.strictEqual(codeOf(full), "ERROR_CODE_CHANNEL_FULL")
    assert.deepStrictEqual(await populationOf(phone), { all: 5, channels: [4, 1] }, "refused: it stands where it stood")

    const [first, ...others] = crowd
    await first?.phone.ask({ leave: {} })
    await sees(first?.member ?? 0, came, left)
    const { enter } = await phone.ask({ enter: { playground: "park", channel: 1 } })
    assert.strictEqual(numberIn(enter, "channel"), 1)
    const member = numberIn(enter, "member")
    await sees(member, came)
    assert.deepStrictEqual(await populationOf(phone), { all: 4, channels: [4, 0] })
    await phone.ask({ say: { text: "옮겨 왔어요", reach: "REACH_PLAYGROUND" } })
    await watcher.phone.next("said", (said) => said.text === "옮겨 왔어요" && said.member === member)

    await phone.ask({ leave: {} })
    for (const other of others) other.phone.cut()
    await first?.phone[Symbol.asyncDispose]()
    await nobodyElse()
    await sees(member, came, left)
    for (const other of others) await sees(other.member, came, lost)
  })
})

describe("nobody is left behind", () => {
  it("many come and go in every way there is, and the park is empty again", async () => {
    const guests: Array<Guest> = []
    const ways: ReadonlyArray<(guest: Guest, secret: string) => unknown> = [
      ({ phone }) => phone.ask({ leave: {} }),
      ({ phone }) => phone.cut(),
      ({ phone }) => phone.ask({ enter: { playground: "park" } }),
      // Without waiting for an answer: the server finds the socket gone in the middle of it.
      ({ phone }) => {
        phone.say({ enter: { playground: "park" } })
        phone.cut()
      },
      async (_, secret) => guests.push(await visit(server.tcpPort, "바람", { secret }))
    ]
    for (let round = 0; round < 3; round++) {
      for (const go of ways) {
        const secret = newSecret()
        const guest = await visit(server.tcpPort, "바람", { secret })
        guests.push(guest)
        await go(guest, secret)
      }
    }
    for (const { phone } of guests) phone.cut()
    await nobodyElse()
    const stories = () => [...seenMembers()].map((member) => [member, ...seenOf(member)])
    await until("everybody gone who came", stories, (all) => all.every((story) => story.length % 2 === 1))
    for (const [member, ...story] of stories()) {
      const alternates = story.every((event, index) => (event === came) === (index % 2 === 0))
      assert.isTrue(alternates, `${member}: ${story}`)
    }
  })

  it("on SIGTERM phones are told to come back, and the process ends with 0", async () => {
    const leaving = await Server.start()
    await using inside = (await visit(leaving.tcpPort, "바람")).phone
    await using outside = await Phone.greet(leaving.tcpPort, "구름")
    const beganAt = performance.now()
    const stopped = leaving.stop()
    for (const phone of [inside, outside]) {
      const { code, comeBack, afterMs = 0 } = await phone.next("disconnect")
      assert.deepStrictEqual({ code, comeBack }, { code: "DISCONNECT_CODE_DRAINING", comeBack: true })
      assert.isBelow(Number(afterMs), 60_000)
      await phone.closed()
    }
    assert.strictEqual(await stopped, 0)
    // Liveness, not speed: it waited for nothing that never comes.
    assert.isBelow(performance.now() - beganAt, 5_000)
  })
})
