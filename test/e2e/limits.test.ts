/**
 * Limits of design part 8 that a phone meets by how much, how fast and how late it speaks, through the port: at each it
 * is served, one past it is refused by name. Those of lengths, sockets, places and tokens have files of their own.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type ClientRoute, clientRoutes } from "../../gen/registry.ts"
import { codeOf, enter, fieldOf, type Guest, numberIn, unlimited, visit } from "./Guest.ts"
import { type Heard, isRecord, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

/** Rates as the proto has them, and a crawl for a walk. */
let rated: Server
/** No rates but those of a channel, and those small. */
let quiet: Server
/** Short times, and little patience with nonsense. */
let hasty: Server

const channelLines = 3
const cellLines = 2
const channelNearby = 3
const timeoutMs = 500
const heartbeatMs = 300
const refusedMax = 3

beforeAll(async () => {
  const { NORITER_RATE_LIMITS: _, ...ratesOn } = unlimited
  ;[rated, quiet, hasty] = await Promise.all([
    Server.start({ ...ratesOn, NORITER_SPEED_CMPS_MAX: "1" }),
    Server.start({
      ...unlimited,
      NORITER_CHANNEL_LINES_PER_SECOND: `${channelLines}`,
      NORITER_CELL_LINES_PER_SECOND: `${cellLines}`,
      NORITER_CHANNEL_NEARBY_PER_SECOND: `${channelNearby}`
    }),
    Server.start({
      NORITER_HELLO_TIMEOUT: `${timeoutMs} ms`,
      NORITER_LINE_TIMEOUT: `${timeoutMs} ms`,
      NORITER_HEARTBEAT: `${heartbeatMs} ms`,
      NORITER_REFUSED_PER_MINUTE_MAX: `${refusedMax}`
    })
  ])
})
afterAll(() => Promise.all([rated, quiet, hasty].map((server) => server.stop())))

const limited = "ERROR_CODE_RATE_LIMITED"
const retryAfter = (line: Heard): number => numberIn(line.error, "retryAfterMs")
/** As long as a phone was told to; a timer may be a little early. */
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds + 10))

/** Asks all of them in one write, under ids that rise, and gives the answers in their order. */
function askAtOnce(phone: Phone, firstId: number, bodies: ReadonlyArray<Heard>): Promise<ReadonlyArray<Heard>> {
  phone.write(bodies.map((body, index) => `${JSON.stringify({ id: firstId + index, ...body })}\n`).join(""))
  return Promise.all(bodies.map((_, index) => phone.answer(firstId + index)))
}
const times = <A>(count: number, make: (index: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, index) => make(index))

describe("rates of a session", () => {
  /** A request of each key that is valid, however often it is sent. */
  const requests: Readonly<Record<string, (guest: Guest) => Heard>> = {
    resume: () => ({ resume: { resumeToken: "v1.made-up" } }),
    ping: () => ({ ping: {} }),
    listPlaygrounds: () => ({ listPlaygrounds: {} }),
    enter: () => ({ enter: { playground: "park" } }),
    leave: () => ({ leave: {} }),
    move: ({ xCm, yCm }) => ({ move: { xCm, yCm } }),
    pace: () => ({ pace: { pace: "PACE_CALM" } }),
    say: () => ({ say: { text: "빨리", reach: "REACH_NEARBY" } }),
    whisper: ({ member }) => ({ whisper: { member, text: "빨리" } }),
    emote: () => ({ emote: { kind: "wave" } }),
    typing: () => ({ typing: {} }),
    give: ({ member }) => ({ give: { member, kind: "daisy", count: 1 } }),
    pouch: () => ({ pouch: {} }),
    block: ({ member }) => ({ block: { member } }),
    unblock: () => ({ unblock: { block: 1 } }),
    blocks: () => ({ blocks: {} })
  }
  // A second hello of a socket is refused before its rate could be: HELLO_TWICE.
  const routes = Object.values(clientRoutes).filter(
    ({ field, ratePerSecond }) => field !== "hello" && ratePerSecond > 0
  )

  it("every key of the protocol but hello is tried here", () => {
    assert.sameMembers(
      Object.keys(requests),
      routes.map(({ field }) => field)
    )
    assert.lengthOf(routes, Object.keys(clientRoutes).length - 1)
  })

  const isLimited = (line: Heard): boolean => codeOf(line) === limited

  async function burst({ field, ratePerSecond, rateBurst }: ClientRoute): Promise<void> {
    await using phone = await Phone.connect(rated.phones)
    const guest = field === "resume" ? nobody(phone) : await enter(phone, "바람")
    const request = requests[field]?.(guest) ?? {}
    // Entering took one of its own.
    const granted = field === "enter" ? rateBurst - 1 : rateBurst
    const answers = await askAtOnce(
      phone,
      100,
      times(granted + 1, () => request)
    )
    assert.deepStrictEqual(answers.map(isLimited), [...times(granted, () => false), true], field)
    const [refused = {}] = answers.slice(-1)
    assert.isAtLeast(retryAfter(refused), 1, field)
    assert.isAtMost(retryAfter(refused), 1000 / ratePerSecond, field)
    await wait(retryAfter(refused))
    assert.isFalse(isLimited((await askAtOnce(phone, 200, [request]))[0] ?? {}), `${field}, after the wait`)
    assert.isTrue(phone.lines.every((line) => !("disconnect" in line)))
  }
  const nobody = (phone: Phone): Guest => ({ phone, token: "", channel: 0, member: 0, xCm: 0, yCm: 0, streams: [] })

  it("a burst is taken, one more is refused, and taken when it was told to come again", async () => {
    await Promise.all(routes.map(burst))
  })
})

describe("walking speed", () => {
  it("a metre at once is taken, more is put back to where the guest stands", async () => {
    const guest = await visit(rated.phones, "바람")
    await using phone = guest.phone
    const { xCm, yCm } = guest
    const step = (byCm: number) => phone.say({ move: { xCm: xCm + byCm, yCm } })
    // 1 cm/s: whatever this machine is busy with, ten centimetres take ten seconds.
    step(110)
    assert.deepStrictEqual(await phone.next("moveCorrected"), { xCm, yCm })
    step(100)
    await phone.next("moved", (moved) => Array.isArray(moved.xCm) && moved.xCm.includes(xCm + 100))
    step(110)
    assert.deepStrictEqual(await phone.next("moveCorrected"), { xCm: xCm + 100, yCm })
  })

  it("the last centimetre of the playground is in it, the next is not", async () => {
    await using phone = (await visit(quiet.phones, "바람")).phone
    const there = { xCm: 19_999, yCm: 19_999 }
    phone.say({ move: there })
    await phone.next("moved", (moved) => Array.isArray(moved.xCm) && moved.xCm.includes(19_999))
    for (const past of [
      { ...there, xCm: 20_000 },
      { ...there, yCm: 20_000 }
    ]) {
      phone.say({ move: past })
      assert.deepStrictEqual(await phone.next("moveCorrected"), there)
    }
  })
})

describe("lines of a channel and a cell", () => {
  /** How many lines were heard, by the second the channel took them in. */
  const bySecond = (lines: ReadonlyArray<Heard>): ReadonlyMap<number, number> => {
    const seconds = new Map<number, number>()
    for (const { said } of lines) {
      if (!isRecord(said) || said.history === true) continue
      const second = Math.floor(numberIn(said, "atMs") / 1000)
      seconds.set(second, (seconds.get(second) ?? 0) + 1)
    }
    return seconds
  }
  const say = (text: string, reach: string): Heard => ({ say: { text, reach } })

  /** Phones and server may be slow, and then a second passes before its lines are used up: they try again. */
  async function untilReached(round: (firstId: number) => Promise<boolean>): Promise<void> {
    for (let attempt = 1; attempt <= roundsMax; attempt++) if (await round(attempt * 100)) return
    assert.fail(`not reached in ${roundsMax} rounds`)
  }
  const roundsMax = 20

  it("as many as there may be in a second are heard by everybody, one more is refused and heard by nobody", async () => {
    await using listener = (await visit(quiet.phones, "구름")).phone
    await using speaker = (await visit(quiet.phones, "바람")).phone
    const taken: Array<unknown> = []
    await untilReached(async (firstId) => {
      const texts = times(2 * channelLines + 1, (index) => `줄 ${firstId + index}`)
      const answers = await askAtOnce(
        speaker,
        firstId,
        texts.map((text) => say(text, "REACH_PLAYGROUND"))
      )
      taken.push(...texts.filter((_, index) => isRecord(answers[index]?.say)))
      const refused = answers.find((answer) => !isRecord(answer.say))
      if (refused === undefined) return false
      assert.strictEqual(codeOf(refused), limited)
      assert.isAtLeast(retryAfter(refused), 1)
      assert.isAtMost(retryAfter(refused), 1000)
      await wait(retryAfter(refused))
      return true
    })
    await untilReached(async (firstId) => {
      const [last] = await askAtOnce(speaker, 5_000 + firstId, [say("끝", "REACH_PLAYGROUND")])
      return isRecord(last?.say)
    })
    await listener.next("said", ({ text }) => text === "끝")
    const heard = listener.lines.flatMap(({ said }) => (isRecord(said) ? [said.text] : []))
    assert.deepStrictEqual(heard, [...taken, "끝"])
    for (const count of bySecond(listener.lines).values()) assert.isAtMost(count, channelLines)
  })

  it("nearby lines are counted by cell and by channel, apart from those for everybody", async () => {
    await using here = (await visit(quiet.phones, "바람")).phone
    await using there = (await visit(quiet.phones, "구름")).phone
    there.say({ move: { xCm: 500, yCm: 500 } })
    await there.next("moved", (moved) => Array.isArray(moved.xCm) && moved.xCm.includes(500))
    const near = (phone: Phone) => bySecond(phone.lines.filter(isNearby))
    await untilReached(async (firstId) => {
      const lines = times(6, (index) => say(`가까이 ${index}`, "REACH_NEARBY"))
      await Promise.all([askAtOnce(here, firstId, lines), askAtOnce(there, firstId, lines)])
      // Their own lines are heard before the answer to a later question.
      for (const phone of [here, there]) await phone.ask({ say: { text: "끝", reach: "REACH_PLAYGROUND" } })
      const [byHere, byThere] = [near(here), near(there)]
      for (const cell of [byHere, byThere]) for (const count of cell.values()) assert.isAtMost(count, cellLines)
      const seconds = [...new Set([...byHere.keys(), ...byThere.keys()])]
      const both = seconds.map((second) => (byHere.get(second) ?? 0) + (byThere.get(second) ?? 0))
      for (const count of both) assert.isAtMost(count, channelNearby)
      return both.includes(channelNearby) && [...byHere.values(), ...byThere.values()].includes(cellLines)
    })
  })
  const isNearby = ({ said }: Heard): boolean => fieldOf(said, "reach") === "REACH_NEARBY"
})

describe("lasting requests that wait", () => {
  /** How many of them were answered before a ping that was sent after all of them. */
  async function answeredBefore(count: number): Promise<number> {
    await using phone = (await visit(quiet.phones, "바람")).phone
    const whispers = times(count, () => ({ whisper: { member: 4_000_000, text: "여보세요" } }))
    const answers = await askAtOnce(phone, 100, [...whispers, { ping: {} }])
    assert.isTrue(answers.slice(0, count).every((answer) => codeOf(answer) === "ERROR_CODE_MEMBER_GONE"))
    const order = phone.lines.map(({ re }) => Number(re ?? 0)).filter((re) => re >= 100)
    assert.deepStrictEqual(
      order.filter((re) => re < 100 + count),
      times(count, (index) => 100 + index)
    )
    return order.indexOf(100 + count)
  }

  it("thirty-one do not hold up what is fleeting; at thirty-two the socket is not read until one has its outcome", async () => {
    assert.strictEqual(await answeredBefore(31), 0)
    assert.isAtLeast(await answeredBefore(32), 1)
    assert.isAtLeast(await answeredBefore(500), 500 - 31)
  })
})

describe("refused lines of a minute", () => {
  it("as many as there may be are answered, one more is the end; what is refused for its rate does not count", async () => {
    await using phone = await Phone.greet(hasty.phones, "바람")
    const answers = await askAtOnce(
      phone,
      100,
      times(20, () => ({ ping: {} }))
    )
    assert.isAbove(answers.filter((answer) => codeOf(answer) === limited).length, refusedMax)
    phone.write("nonsense\n".repeat(refusedMax))
    const refusal = (line: Heard) => codeOf(line) === "ERROR_CODE_MALFORMED"
    for (let line = 0; line < refusedMax; line++) await phone.hear("a refusal", refusal)
    assert.isTrue(isRecord((await phone.ask({ listPlaygrounds: {} })).listPlaygrounds))
    phone.say({ id: 500, ping: { now: 1 } })
    assert.strictEqual(codeOf(await phone.answer(500)), "ERROR_CODE_INVALID")
    const { code, comeBack, afterMs } = await phone.next("disconnect")
    assert.deepStrictEqual([code, comeBack, afterMs], ["DISCONNECT_CODE_ABUSE", true, 60_000])
    await phone.closed()
  })
})

describe("times", () => {
  const since = (beganAt: number): number => performance.now() - beganAt

  it("hello: in time it is taken, without it the socket is closed, and not before", async () => {
    const beganAt = performance.now()
    await using silent = await Phone.connect(hasty.phones)
    await using late = await Phone.connect(hasty.phones)
    await using talking = await Phone.greet(hasty.phones, "구름")
    await talking.next("beat")
    assert.isTrue(isRecord((await enter(late, "바람")).phone.lines[0]?.hello))
    assert.strictEqual((await silent.next("disconnect")).code, "DISCONNECT_CODE_HELLO_TIMEOUT")
    assert.isAtLeast(since(beganAt), timeoutMs)
    await silent.closed()
    assert.isTrue(isRecord((await late.ask({ ping: {} })).ping))
  })

  it("a line: in pieces it is taken, unfinished the socket is closed, and not before", async () => {
    await using phone = await Phone.greet(hasty.phones, "바람")
    phone.write(`{"id":7,`)
    await phone.next("beat")
    phone.write(`"ping":{}}\n`)
    assert.isTrue(isRecord((await phone.answer(7)).ping))
    const beganAt = performance.now()
    phone.write(`{"id":8,`)
    assert.strictEqual((await phone.next("disconnect")).code, "DISCONNECT_CODE_LINE_TIMEOUT")
    assert.isAtLeast(since(beganAt), timeoutMs)
    await phone.closed()
  })

  it("the heartbeat: whoever says anything stays, after three silences the socket is closed, and not before", async () => {
    await using phone = await Phone.greet(hasty.phones, "바람")
    let spokeAt = 0
    for (let beat = 0; beat < 8; beat++) {
      await phone.next("beat")
      spokeAt = performance.now()
      await phone.ask({ ping: {} })
    }
    assert.strictEqual((await phone.next("disconnect")).code, "DISCONNECT_CODE_HEARTBEAT")
    assert.isAtLeast(since(spokeAt), 3 * heartbeatMs)
    await phone.closed()
  })
})
