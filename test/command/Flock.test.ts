import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Bot } from "../../src/command/Bot.ts"
import { flock } from "../../src/command/Bots.ts"
import { Flock } from "../../src/command/Flock.ts"
import { Guest } from "../../src/command/Guest.ts"
import { fakeServer } from "./FakeServer.ts"

const at = (port: number) => ({ host: "127.0.0.1", port, playground: "park", seed: 1 })

describe("Flock", () => {
  it.live(
    "enters, walks, and takes leave",
    () =>
      Effect.gen(function* () {
        const server = yield* fakeServer
        yield* Effect.gen(function* () {
          const summary = yield* flock({ ...at(server.port), count: 3 })
          yield* server.heard(({ key }) => key === "enter")
          // Some of three walk off within seconds; none of them is asked for more than it would do by itself.
          yield* server.heard(({ key }) => key === "move")
          server.tell({ said: { seq: 1, member: 7, nickname: "구름", text: "안녕" } })
          yield* server.heard(({ key }) => key === "say" || key === "emote")
          const { bots, inside, refused } = yield* summary
          assert.deepStrictEqual({ bots, inside, refused }, { bots: 3, inside: 3, refused: {} })
        }).pipe(Effect.scoped)
        yield* server.heard(({ key }) => key === "leave")
        const nicknames = server.lines.filter(({ key }) => key === "hello").map(({ body }) => body.text("nickname"))
        assert.strictEqual(nicknames.length, 3)
      }),
    20_000
  )

  it.live("waits for the answer to enter when it comes back without one, and asks for no second place", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const bot = yield* Effect.acquireRelease(
        Effect.sync(() => new Bot(at(server.port), new Flock({ ...at(server.port), count: 1 }))),
        (bot) => Effect.sync(() => bot.leave())
      )
      const comesTo = (isSo: () => boolean) => {
        bot.tick(0)
        return Effect.repeat(Effect.sleep("5 millis"), { until: isSo })
      }
      const entering = () => server.lines.filter(({ key }) => key === "enter")
      server.answer = ({ key }) =>
        key === "enter" ? "nothing" : key === "resume" ? { resume: { resumeToken: "t2" } } : undefined
      yield* comesTo(() => bot.plaza.state === "open")
      yield* comesTo(() => entering().length === 1)
      server.cut()
      yield* comesTo(() => bot.plaza.state !== "open")
      yield* comesTo(() => bot.plaza.state === "open" && entering().length === 2)
      bot.tick(1)
      server.tell({ re: entering()[0]?.id, enter: { playground: "park", channel: 1, member: 12 } })
      yield* comesTo(() => bot.channel === "park/1")
      bot.leave()
      yield* server.heard(({ key }) => key === "leave")
      assert.deepStrictEqual(
        server.lines.map(({ key }) => key),
        ["hello", "listPlaygrounds", "enter", "resume", "enter", "leave"]
      )
    })
  )

  it("lets a line of a bot be answered seldom, by one who heard it first, and a person almost always", () => {
    const bots = new Flock({ ...at(1), count: 2 })
    const line = { seq: 5, member: 7 }
    assert.strictEqual(bots.answerChance("park/1", line), 0.9)
    assert.strictEqual(bots.answerChance("park/1", line), 0)
    assert.strictEqual(bots.answerChance("park/2", line), 0.9)
    // Both bots stand outside, with no number yet.
    assert.isBelow(bots.answerChance("park/1", { seq: 6, member: 7 }), 1)
  })
})

describe("Guest", () => {
  /** A guest that is ticked, and ends with the scope. */
  const guestAt = (port: number) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const heard: Array<string> = []
        const guest = new Guest({
          ...at(port),
          nickname: "바람",
          changed: (line) => {
            if (line !== undefined) heard.push(line.text)
          },
          ended: () => {}
        })
        guest.begin()
        const timer = setInterval(() => guest.tick(), 5)
        return { guest, heard, timer }
      }),
      ({ guest, timer }) =>
        Effect.sync(() => {
          clearInterval(timer)
          guest.leave()
        })
    )

  it.live("says what was typed before it was inside, and leaves when all is answered", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { guest } = yield* guestAt(server.port)
      for (const typed of ["안녕", "/p 모두 안녕", "/w 7 쉿", "/emote wave"]) guest.enter(typed)
      guest.finish()
      yield* server.heard(({ key }) => key === "leave")
      const said = server.lines.filter(({ key }) => ["say", "whisper", "emote"].includes(key))
      assert.deepStrictEqual(
        said.map(({ key, body }) => [
          key,
          body.text("text") || body.text("kind"),
          body.text("reach") || body.number("member")
        ]),
        [
          ["say", "안녕", "REACH_NEARBY"],
          ["say", "모두 안녕", "REACH_PLAYGROUND"],
          ["whisper", "쉿", 7],
          ["emote", "wave", 0]
        ]
      )
    })
  )

  it.live("asks again when it is told that it may, and is let in", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const refused = { error: { code: "ERROR_CODE_UNAVAILABLE", message: "not now", retryAfterMs: 10 } }
      const asked = (key: string) => server.lines.filter((line) => line.key === key).length
      server.answer = ({ key }) => (asked(key) === 1 && key !== "hello" ? refused : undefined)
      const { guest } = yield* guestAt(server.port)
      yield* server.heard(() => asked("enter") === 2)
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => guest.visit.isInside })
      assert.deepStrictEqual([asked("listPlaygrounds"), asked("enter")], [3, 2])
    })
  )

  it.live("enters anew where it comes back and does not stand anywhere any more", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { guest } = yield* guestAt(server.port)
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => guest.visit.isInside })
      server.answer = ({ key }) => (key === "resume" ? { resume: { resumeToken: "t2" } } : undefined)
      server.cut()
      yield* server.heard(() => server.lines.filter(({ key }) => key === "enter").length === 2)
    })
  )

  it.live("blocks, takes that back by its number, and lists them", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const blocks = [{ block: 3, nickname: "구름", atMs: 1 }]
      const answers: Readonly<Record<string, object>> = {
        block: { block: { block: 3 } },
        unblock: { unblock: {} },
        blocks: { blocks: { blocks } }
      }
      server.answer = ({ key }) => answers[key]
      const { guest } = yield* guestAt(server.port)
      for (const typed of ["/block 7", "/block x", "/blocks", "/unblock 3"]) guest.enter(typed)
      guest.finish()
      yield* server.heard(({ key }) => key === "leave")
      const asked = server.lines.filter(({ key }) => key in answers)
      assert.deepStrictEqual(
        asked.map(({ key, body }) => [key, body.number("member") || body.number("block")]),
        [
          ["block", 7],
          ["blocks", 0],
          ["unblock", 3]
        ]
      )
      const notes = guest.visit.lines.map(({ text }) => text).join("\n")
      for (const note of [
        "there are /p TEXT",
        "/unblock 3 takes it back",
        "you block 3 구름",
        "block 3 is taken back"
      ]) {
        assert.include(notes, note)
      }
    })
  )

  it.live("walks no faster than it may however often a key comes, and tells the moves merged", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { guest } = yield* guestAt(server.port)
      yield* server.heard(({ key }) => key === "enter")
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => guest.visit.isInside })
      const before = guest.visit.me?.xCm ?? 0
      for (let ms = 0; ms < 1000; ms += 10) guest.step(1, 0, 5_000_000 + ms)
      const walked = (guest.visit.me?.xCm ?? 0) - before
      assert.isAbove(walked, 400)
      assert.isAtMost(walked, 600)
      const move = yield* server.heard(({ key }) => key === "move")
      assert.strictEqual(move.body.number("xCm"), Math.round(before + walked))
      assert.strictEqual(server.lines.filter(({ key }) => key === "move").length, 1)
    })
  )
})
