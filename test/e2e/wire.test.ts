/**
 * The conversation that clients are written from, line by line, against a real server: two phones in a park, one of them
 * in a tunnel for a while, and the end. Names are compared exactly, values by what they may be.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type Heard, isRecord, newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"
import { absentOr, assertLike, Like, matching, text, whole } from "./Shape.ts"

let server: Server
let cloud: Phone
let wind: Phone
const secret = newSecret()

beforeAll(async () => {
  server = await Server.start()
  cloud = await Phone.greet(server.phones, "구름")
  await cloud.ask({ enter: { playground: "park", avatar: "cat" } })
  await cloud.ask({ say: { text: "어서 와요", reach: "REACH_PLAYGROUND" } })
  wind = await Phone.connect(server.phones)
})
afterAll(async () => {
  wind?.cut()
  cloud?.cut()
  await server?.stop()
})

/** Near the clock of this machine. */
const time = new Like((value) =>
  typeof value === "number" && Math.abs(value - Date.now()) < 60_000 ? undefined : "a time about now, in milliseconds"
)
const stream = (name: string) => ({ name, epoch: text(40), seq: absentOr(whole()) })
const place = { xCm: whole(9_000, 11_000), yCm: whole(9_000, 11_000) }

const fieldOf = (body: unknown, name: string): unknown => (isRecord(body) ? body[name] : undefined)
function numberIn(body: unknown, name: string): number {
  const value = fieldOf(body, name)
  assert.isNumber(value, `${name} in ${JSON.stringify(body)}`)
  return Number(value)
}

/** What the phone in the park knows once it has entered: each step below goes on from the one before it. */
const known = { token: "", member: 0, other: 0, x: 0, y: 0, streams: [] as ReadonlyArray<Heard>, seq: 0 }

describe("the whole conversation", () => {
  it("hello", async () => {
    wind.say({ id: 1, hello: { deviceSecret: secret, nickname: "바람", sdk: "nc/1" } })
    const line = await wind.answer(1)
    assertLike(line, {
      re: 1,
      hello: {
        guestId: text(40),
        sessionId: text(40),
        resumeToken: matching(/^v1\./),
        heartbeatMs: 15_000,
        resumeGraceMs: 30_000,
        serverTimeMs: time,
        protocol: 1,
        limits: { lineBytes: 8192, movesPerSecond: 10 }
      }
    })
    known.token = String(fieldOf(line.hello, "resumeToken"))
  })

  it("listPlaygrounds", async () => {
    wind.say({ id: 2, listPlaygrounds: {} })
    const channel = { channel: 1, population: 1, capacity: 5000 }
    const park = { id: "park", name: text(), widthCm: 20_000, heightCm: 20_000, population: 1, channels: [channel] }
    assertLike(await wind.answer(2), { re: 2, listPlaygrounds: { playgrounds: [park] } })
  })

  it("enter, then who is in view, then what was said before", async () => {
    wind.say({ id: 3, enter: { playground: "park", avatar: "fox" } })
    const line = await wind.answer(3)
    assertLike(line, {
      re: 3,
      enter: {
        playground: "park",
        channel: 1,
        member: whole(),
        ...place,
        cellCm: 1000,
        tickMs: 100,
        streams: [stream("park/1"), stream("mailbox")]
      }
    })
    known.member = numberIn(line.enter, "member")
    known.x = numberIn(line.enter, "xCm")
    known.y = numberIn(line.enter, "yCm")
    const streams = fieldOf(line.enter, "streams")
    known.streams = Array.isArray(streams) ? streams.filter(isRecord) : []

    const appeared = await wind.next("appeared")
    assertLike(appeared, { members: [{ member: whole(), nickname: "구름", avatar: "cat", ...place }] })
    const members = fieldOf(appeared, "members")
    known.other = numberIn(Array.isArray(members) ? members[0] : undefined, "member")
    assertLike(await wind.next("said"), {
      seq: whole(),
      member: known.other,
      nickname: "구름",
      text: "어서 와요",
      reach: "REACH_PLAYGROUND",
      atMs: time,
      history: true
    })
    const seen = [{ member: known.member, nickname: "바람", avatar: "fox", xCm: known.x, yCm: known.y }]
    assertLike(await cloud.next("appeared"), { members: seen })
  })

  it("move, heard as moved by both, oneself too", async () => {
    known.x += 80
    wind.say({ move: { xCm: known.x, yCm: known.y } })
    const moved = { member: [known.member], xCm: [known.x], yCm: [known.y] }
    const there = ({ xCm }: Heard) => Array.isArray(xCm) && xCm.includes(known.x)
    assertLike(await wind.next("moved", there), moved)
    assertLike(await cloud.next("moved", there), moved)
  })

  it("say, answered, then heard as said; its speaker's has the id", async () => {
    wind.say({ id: 4, say: { text: "안녕하세요", reach: "REACH_PLAYGROUND" } })
    const line = await wind.answer(4)
    assertLike(line, { re: 4, say: { seq: whole() } })
    known.seq = numberIn(line.say, "seq")
    const said = {
      seq: known.seq,
      member: known.member,
      nickname: "바람",
      text: "안녕하세요",
      reach: "REACH_PLAYGROUND",
      atMs: time
    }
    assertLike(await wind.next("said"), { ...said, id: 4 })
    assertLike(await cloud.next("said", (body) => body.text === "안녕하세요"), said)
  })

  it("a wrong field is named", async () => {
    wind.say({ id: 5, say: { text: 7 } })
    assertLike(await wind.answer(5), {
      re: 5,
      error: {
        code: "ERROR_CODE_INVALID",
        message: "say.text must be a string",
        issues: [{ path: "say.text", rule: "TYPE", message: "must be a string" }]
      }
    })
  })

  it("whisper is heard by the other alone, and answered in kind", async () => {
    wind.say({ id: 7, whisper: { member: known.other, text: "반가워요" } })
    assertLike(await wind.answer(7), { re: 7, whisper: {} })
    const whispered = { seq: whole(), nickname: "바람", text: "반가워요", atMs: time }
    assertLike(await cloud.next("whispered"), { ...whispered, member: known.member })
    assertLike(await cloud.ask({ whisper: { member: known.member, text: "저도요" } }), { re: whole(), whisper: {} })
    const back = { seq: whole(), member: known.other, nickname: "구름", text: "저도요", atMs: time }
    const heard = await wind.next("whispered")
    assertLike(heard, back)
    known.streams = known.streams.map((stream) =>
      stream.name === "mailbox" ? { ...stream, seq: numberIn(heard, "seq") } : { ...stream, seq: known.seq }
    )
  })

  it("ping", async () => {
    wind.say({ id: 8, ping: {} })
    assertLike(await wind.answer(8), { re: 8, ping: { serverTimeMs: time } })
  })

  it("a step too far is corrected", async () => {
    wind.say({ move: { xCm: 100, yCm: 100 } })
    assertLike(await wind.next("moveCorrected"), { xCm: known.x, yCm: known.y })
  })

  it("emote and typing", async () => {
    cloud.say({ emote: { kind: "wave" } })
    assertLike(await wind.next("emoted"), { member: known.other, kind: "wave" })
    cloud.say({ typing: {} })
    assertLike(await wind.next("typed"), { member: known.other })
  })

  it("resume on another socket: what was missed, in order, then who is in view", async () => {
    wind.cut()
    for (const text of ["들려요?", "기다릴게요"]) await cloud.ask({ say: { text, reach: "REACH_PLAYGROUND" } })
    wind = await Phone.connect(server.phones)
    wind.say({ id: 9, resume: { resumeToken: known.token, streams: known.streams } })
    assertLike(await wind.answer(9), {
      re: 9,
      resume: {
        resumeToken: matching(/^v1\./),
        guestId: text(40),
        sessionId: text(40),
        recovered: true,
        playground: "park",
        channel: 1,
        member: known.member,
        xCm: known.x,
        yCm: known.y,
        lastId: 8,
        streams: [stream("park/1"), stream("mailbox")]
      }
    })
    const missed = {
      seq: whole(known.seq + 1),
      member: known.other,
      nickname: "구름",
      reach: "REACH_PLAYGROUND",
      atMs: time
    }
    assertLike(await wind.next("said"), { ...missed, text: "들려요?" })
    assertLike(await wind.next("said"), { ...missed, text: "기다릴게요" })
    assertLike(await wind.next("appeared", ({ members }) => Array.isArray(members) && members.length > 0), {
      members: new Like((value) => (Array.isArray(value) ? undefined : "a list"))
    })
    const keys = wind.lines.map((line) => Object.keys(line).find((key) => key !== "re"))
    assert.isBelow(keys.lastIndexOf("said"), keys.indexOf("appeared"), keys.join())
  })

  it("leave, seen by the other as disappeared", async () => {
    assertLike(await cloud.ask({ leave: {} }), { re: whole(), leave: {} })
    assertLike(await wind.next("disappeared"), { member: [known.other], reason: "GONE_REASON_LEFT" })
  })

  it("a server that leaves says so, and when to come back", async () => {
    const stopped = server.stop()
    const bye = {
      code: "DISCONNECT_CODE_DRAINING",
      message: text(),
      comeBack: true,
      afterMs: absentOr(whole(0, 60_000))
    }
    assertLike(await wind.next("disconnect"), bye)
    await wind.closed()
    assert.deepStrictEqual(Object.keys(wind.lines.at(-1) ?? {}), ["disconnect"])
    assert.strictEqual(await stopped, 0)
  })
})
