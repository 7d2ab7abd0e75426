import { assert, describe, it } from "@effect/vitest"
import * as Limits from "../../sdk/typescript/src/Limits.ts"
import { chance } from "../../src/command/Stroll.ts"
import { idOf, Talker } from "./Talker.ts"

const says = (talker: Talker) => talker.written.filter((line) => line.includes('"say"'))
const codes = (outcomes: ReturnType<Talker["ask"]>) =>
  outcomes.map((outcome) => ("error" in outcome ? [outcome.error.code, outcome.error.definite] : "answered"))

describe("A conversation begins", () => {
  it("with hello, and takes what was asked before under ids above its own", () => {
    const talker = new Talker()
    const early = talker.ask("enter", { playground: "park" })
    assert.deepStrictEqual(talker.written, [])
    talker.greeted()
    const [hello = "", enter = ""] = talker.written
    assert.deepStrictEqual(JSON.parse(hello).hello, {
      deviceSecret: "0123456789abcdef",
      nickname: "바람",
      sdk: "test"
    })
    assert.isAbove(idOf(enter), idOf(hello))
    talker.tell({ re: idOf(enter), enter: { playground: "park", channel: 1, member: 12 } })
    assert.deepStrictEqual(codes(early), ["answered"])
    assert.deepStrictEqual(
      talker.changes.map(({ state }) => state),
      ["connecting", "greeting", "open"]
    )
  })

  it("anew on a fresh socket when it is not greeted within 10 s, wherever it hangs", () => {
    for (const step of ["connecting", "greeting"]) {
      const talker = new Talker()
      talker.conversation.begin(talker.now)
      if (step === "greeting") talker.conversation.connected(talker.now)
      talker.pass(Limits.answerMsMax)
      assert.strictEqual(talker.conversation.state, step)
      talker.pass(1)
      assert.strictEqual(talker.conversation.state, "waiting")
      talker.pass(Limits.backoffMsMin)
      assert.strictEqual(talker.sockets, 2)
    }
  })

  it("again after retryAfterMs, or not at all where its greeting is invalid", () => {
    const talker = new Talker()
    talker.conversation.begin(talker.now)
    talker.answerGreeting({ error: { code: "ERROR_CODE_UNAVAILABLE", retryAfterMs: 4000 } }).pass(3999)
    assert.strictEqual(talker.sockets, 1)
    talker.pass(1)
    assert.strictEqual(talker.sockets, 2)
    talker.answerGreeting({ error: { code: "ERROR_CODE_INVALID", message: "nickname is too long" } })
    assert.deepStrictEqual(talker.endings, [{ code: "ERROR_CODE_INVALID", message: "nickname is too long" }])
    assert.strictEqual(talker.changes.at(-1)?.why, "ERROR_CODE_INVALID nickname is too long")
  })
})

describe("A conversation comes back", () => {
  it("after a jittered back-off that doubles up to its most", () => {
    const seed = 7
    const talker = new Talker({}, chance(seed)).greeted()
    const waits: Array<number> = []
    for (let tries = 0; tries < 9; tries++) {
      talker.lost()
      waits.push(talker.changes.findLast(({ state }) => state === "waiting")?.waitMs ?? 0)
    }
    waits.forEach((waitMs, n) => {
      const most = Math.min(Limits.backoffMsMax, Limits.backoffMsMin * 2 ** n)
      assert.isAtLeast(waitMs, most / 2, `try ${n}, seed ${seed}`)
      assert.isAtMost(waitMs, most, `try ${n}, seed ${seed}`)
    })
    assert.strictEqual(new Set(waits.map((waitMs, n) => waitMs / 2 ** n)).size, waits.length)
  })

  it("quickly again only after a session that lasted", () => {
    const talker = new Talker().greeted()
    const waitAfter = (milliseconds: number): number => {
      talker
        .pass(milliseconds)
        .lost()
        .answerGreeting({ resume: { resumeToken: "t", recovered: true } })
      return talker.changes.findLast(({ state }) => state === "waiting")?.waitMs ?? 0
    }
    assert.deepStrictEqual([waitAfter(0), waitAfter(0), waitAfter(Limits.steadyMs - 1)], [125, 250, 500])
    assert.strictEqual(waitAfter(Limits.steadyMs), 125)
  })

  it("not before afterMs, even when the network changes meanwhile", () => {
    const talker = new Talker().greeted()
    talker.tell({ disconnect: { code: "DISCONNECT_CODE_DRAINING", comeBack: true, afterMs: 900 } }).pass(899)
    talker.conversation.networkChanged(talker.now)
    assert.strictEqual(talker.sockets, 1)
    talker.pass(1)
    assert.strictEqual(talker.sockets, 2)
  })

  it("at once when the network changes, on a fresh socket, or when what is open stays silent", () => {
    const talker = new Talker().greeted()
    for (let tries = 0; tries < 6; tries++) talker.lost()
    talker.conversation.lost("cut", talker.now)
    talker.conversation.networkChanged(talker.now)
    assert.strictEqual(talker.conversation.state, "connecting")
    assert.strictEqual(talker.sockets, 8)
    talker.answerGreeting({ resume: { resumeToken: "t2", recovered: true } })
    talker.conversation.networkChanged(talker.now)
    assert.isTrue(talker.written.at(-1)?.includes("ping"))
    talker.pass(Limits.probeMsMax)
    assert.strictEqual(talker.conversation.state, "open")
    talker.pass(1)
    assert.strictEqual(talker.conversation.state, "waiting")
  })

  it("with its token and what it heard, and sends again what is unanswered, in order, before anything new", () => {
    const talker = new Talker().greeted().inside(41)
    talker.tell({ said: { seq: 57, text: "어서 와요" } })
    talker.ask("say", { text: "하나" })
    talker.ask("whisper", { member: 7, text: "둘" })
    talker.lost()
    talker.ask("say", { text: "셋" })
    const before = talker.written.length
    talker.answerGreeting({ resume: { resumeToken: "t2", recovered: true, playground: "park", channel: 1 } })
    talker.ask("say", { text: "넷" })
    const [resume = "", ...again] = talker.written.slice(before)
    assert.deepStrictEqual(JSON.parse(resume).resume, {
      resumeToken: "t1",
      streams: [{ name: "park/1", epoch: "e", seq: 57 }]
    })
    assert.deepStrictEqual(
      again.map((line) => /하나|둘|셋|넷/u.exec(line)?.[0]),
      ["하나", "둘", "셋", "넷"]
    )
    assert.deepStrictEqual(again.slice(0, 2), talker.written.slice(before - 2, before))
    talker.resumed()
    assert.isTrue(talker.written.some((line) => line.includes('"resumeToken":"t2"')))
  })

  it("as a new session where the old one is over: on the same socket, with what is unanswered rejected", () => {
    const talker = new Talker().greeted()
    const written = talker.ask("say", { text: "하나" })
    talker.lost()
    const unwritten = talker.ask("say", { text: "둘" })
    talker.answerGreeting({ error: { code: "ERROR_CODE_SESSION_ENDED" } })
    assert.strictEqual(talker.conversation.state, "greeting")
    talker.tell({ re: talker.lastId(), hello: { resumeToken: "t9" } })
    assert.deepStrictEqual(codes(written), [["SESSION_LOST", false]])
    assert.deepStrictEqual(codes(unwritten), [["SESSION_LOST", true]])
    assert.deepStrictEqual(
      talker.sessions.map(({ resumed }) => resumed),
      [false, false]
    )
    assert.strictEqual(talker.sockets, 2)
  })

  it("with what a listener asks the moment it hears of that, behind all that was asked before", () => {
    for (const at of ["stands", "open"]) {
      const asks = (talker: Talker) => {
        if (talker.conversation.figures.connects > 1) talker.ask("say", { text: "둘" })
      }
      const talker: Talker = new Talker({
        changed: ({ state }) => state === "open" && at === "open" && asks(talker),
        stands: () => at === "stands" && asks(talker)
      })
      talker.greeted().inside(41)
      talker.ask("say", { text: "하나" })
      talker.resumed({ playground: "park", channel: 1 })
      const texts = talker.written.map((line) => /하나|둘/u.exec(line)?.[0]).filter((text) => text !== undefined)
      assert.deepStrictEqual(texts, ["하나", "하나", "둘"], at)
    }
  })

  it("in a new session with what is asked the moment one stands outside, and rejects only what was asked before", () => {
    const later: Array<ReturnType<Talker["ask"]>> = []
    const talker: Talker = new Talker({
      stands: (place) => {
        if (place === undefined) later.push(talker.ask("enter", { playground: "park" }))
      }
    })
    talker.greeted().inside(41)
    const before = talker.ask("say", { text: "하나" })
    talker.lost().answerGreeting({ error: { code: "ERROR_CODE_SESSION_ENDED" } })
    talker.tell({ re: talker.lastId(), hello: { resumeToken: "t9" } })
    assert.include(talker.written.at(-1), '"enter"')
    talker.tell({ re: talker.lastId(), enter: { playground: "park", channel: 1, member: 13 } })
    assert.deepStrictEqual(codes(before), [["SESSION_LOST", false]])
    assert.deepStrictEqual(later.map(codes), [["answered"]])
  })

  it("never after a listener has closed it, whatever it was told just then", () => {
    for (const when of ["connecting", "greeting", "open", "stands", "waiting"]) {
      const closes = (what: string) => {
        if (what === when) talker.conversation.close()
      }
      const talker: Talker = new Talker({ changed: ({ state }) => closes(state), stands: () => closes("stands") })
      const early = talker.ask("enter", { playground: "park" })
      talker.conversation.begin(talker.now)
      if (when === "connecting") assert.strictEqual(talker.sockets, 0, when)
      else {
        talker.answerGreeting({ hello: { resumeToken: "t1" } })
        talker.tell({ re: talker.lastId(), enter: { playground: "park", channel: 1, member: 12 } })
      }
      talker.conversation.lost("cut", talker.now)
      const sockets = talker.sockets
      talker.pass(Limits.backoffMsMax).pass(Limits.backoffMsMax)
      assert.strictEqual(talker.conversation.state, "closed", when)
      assert.strictEqual(talker.sockets, sockets, when)
      assert.strictEqual(early.length, 1, when)
      assert.strictEqual(talker.endings.length, 1, when)
    }
  })

  it("never after the server said so, and says it once", () => {
    const talker = new Talker().greeted()
    const unanswered = talker.ask("say", { text: "하나" })
    talker.tell({ disconnect: { code: "DISCONNECT_CODE_REPLACED", message: "newer" } })
    talker.conversation.lost("hung up", talker.now)
    talker.conversation.close()
    talker.conversation.networkChanged(talker.now)
    talker.pass(60_000)
    assert.deepStrictEqual(talker.endings, [{ code: "DISCONNECT_CODE_REPLACED", message: "newer" }])
    assert.strictEqual(talker.sockets, 1)
    assert.deepStrictEqual(codes(unanswered), [["CLOSED", false]])
    assert.deepStrictEqual(codes(talker.ask("say", { text: "둘" })), [["CLOSED", true]])
  })
})

describe("A conversation that is open", () => {
  it("pings when it has said nothing for long, and gives a silent socket up", () => {
    const talker = new Talker().greeted(10_000)
    const before = talker.written.length
    talker.pass(15_999)
    assert.strictEqual(talker.written.length, before)
    talker.pass(1)
    assert.strictEqual(talker.written.at(-1), '{"ping":{}}')
    talker.pass(4_000)
    assert.strictEqual(talker.conversation.state, "open")
    talker.tell({ beat: {} }).pass(20_000)
    assert.strictEqual(talker.conversation.state, "open")
    talker.pass(1)
    assert.strictEqual(talker.conversation.state, "waiting")
  })

  it("takes so many requests, and not one more", () => {
    const talker = new Talker().greeted()
    const outcomes = Array.from({ length: Limits.pendingMax }, (_, n) => talker.ask("say", { text: `${n}` }))
    assert.deepStrictEqual(codes(talker.ask("say", { text: "!" })), [["QUEUE_FULL", true]])
    assert.isTrue(outcomes.every((each) => each.length === 0))
    talker.tell({ re: idOf(says(talker)[0] ?? ""), say: { seq: 1 } })
    assert.deepStrictEqual(codes(talker.ask("say", { text: "!" })), [])
  })

  it("takes a request that fits into a line, and refuses one that the server would skip", () => {
    const talker = new Talker()
    talker.conversation.begin(talker.now)
    talker.answerGreeting({ hello: { resumeToken: "t1", limits: { lineBytes: 300 } } })
    const lettersMax = Math.floor((300 - Limits.envelopeBytesMax - '{"text":""}'.length) / 3)
    assert.deepStrictEqual(codes(talker.ask("say", { text: "가".repeat(lettersMax) })), [])
    const refused = codes(talker.ask("say", { text: "가".repeat(lettersMax + 1) }))
    assert.deepStrictEqual(refused, [["ERROR_CODE_LINE_TOO_LONG", true]])
  })

  it("refuses such a one, too, that was asked before anybody knew how long a line may be", () => {
    const talker = new Talker()
    const outcomes = [talker.ask("say", { text: "가".repeat(200) }), talker.ask("say", { text: "나" })]
    talker.conversation.begin(talker.now)
    talker.answerGreeting({ hello: { resumeToken: "t1", limits: { lineBytes: 300 } } })
    assert.deepStrictEqual(outcomes.map(codes), [[["ERROR_CODE_LINE_TOO_LONG", true]], []])
    assert.strictEqual(says(talker).length, 1)
  })

  it("leaves out what is fleeting while the network takes nothing, and while there is no session", () => {
    const talker = new Talker()
    talker.conversation.send("move", { xCm: 1 }, talker.now)
    talker.greeted()
    talker.unsentBytes = Limits.unsentBytesMax
    talker.conversation.send("move", { xCm: 2 }, talker.now)
    talker.unsentBytes++
    talker.conversation.send("move", { xCm: 3 }, talker.now)
    assert.deepStrictEqual(
      talker.written.filter((line) => line.includes("move")),
      ['{"move":{"xCm":2}}']
    )
  })

  it("asks again what is uncertain, five times, under the same id", () => {
    const talker = new Talker().greeted()
    const outcomes = talker.ask("say", { text: "하나" })
    for (let times = 0; times <= Limits.uncertainMax; times++) {
      assert.deepStrictEqual(codes(outcomes), [])
      talker.tell({ re: talker.lastId(), error: { code: "ERROR_CODE_UNCERTAIN" } })
    }
    assert.deepStrictEqual(codes(outcomes), [["ERROR_CODE_UNCERTAIN", false]])
    assert.strictEqual(says(talker).length, 1 + Limits.uncertainMax)
    assert.strictEqual(new Set(says(talker)).size, 1)
  })

  it("asks again what is uncertain no sooner than it is told", () => {
    const talker = new Talker().greeted()
    const outcomes = talker.ask("say", { text: "하나" })
    talker.tell({ re: talker.lastId(), error: { code: "ERROR_CODE_UNCERTAIN", retryAfterMs: 500 } })
    talker.conversation.tick(talker.now + 499)
    assert.lengthOf(says(talker), 1)
    talker.conversation.tick(talker.now + 500)
    talker.conversation.tick(talker.now + 1_000)
    assert.lengthOf(says(talker), 2)
    assert.deepStrictEqual(codes(outcomes), [])
  })

  it("gives each answer once, and a refusal with all that the server said of it", () => {
    const talker = new Talker().greeted()
    const outcomes = talker.ask("say", { text: "" })
    const issues = [{ path: "say.text", rule: "TOO_SHORT", message: "must have at least 1 character" }]
    const error = { code: "ERROR_CODE_INVALID", message: "too short", retryAfterMs: 5, issues }
    talker.tell({ re: talker.lastId(), error }).tell({ re: talker.lastId(), say: { seq: 1 } })
    const [outcome] = outcomes
    assert.strictEqual(outcomes.length, 1)
    assert.deepInclude(outcome !== undefined && "error" in outcome ? outcome.error : {}, {
      code: "ERROR_CODE_INVALID",
      message: "ERROR_CODE_INVALID: too short",
      definite: true,
      retryAfterMs: 5,
      issues
    })
  })

  it("ignores what it does not know, and takes an unknown refusal for one that is not definite", () => {
    const talker = new Talker().greeted()
    talker.conversation.want("moved")
    talker.conversation.want("emoted")
    talker.conversation.unwant("moved")
    talker.conversation.unwant("said")
    for (const line of ["", "{", "[]", "null", "7", '{"re":999,"say":{}}', '{"dance":{}}', '{"re":"x"}', "{}"]) {
      talker.hear(line)
    }
    talker
      .tell({ moved: { member: [1] } })
      .tell({ emoted: { member: 7, newField: 1 } })
      .tell({ said: { seq: 1 } })
    assert.deepStrictEqual(
      talker.heard.map(({ key }) => key),
      ["emoted", "said"]
    )
    const outcomes = talker.ask("say", { text: "하나" })
    talker.tell({ re: talker.lastId(), error: { code: "ERROR_CODE_OF_TOMORROW" } })
    assert.deepStrictEqual(codes(outcomes), [["ERROR_CODE_UNSPECIFIED", false]])
    talker.tell({ error: { code: "ERROR_CODE_OUTSIDE" } })
    assert.deepStrictEqual(
      talker.refused.map(({ code }) => code),
      ["ERROR_CODE_OUTSIDE"]
    )
  })
})
