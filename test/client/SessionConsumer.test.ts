/** Hello, resume and ping as a phone has them: what it is told, which token is still good, what it comes back to. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { answerMsMax } from "../../src/client/Session.ts"
import type { Commit } from "../../src/space/SharedSpace.ts"
import { isObject } from "../../src/wire/Strict.ts"
import { appendFailed, pass, settle, spaceAway, Twins } from "../space/Harness.ts"
import { membersIn, wrongs } from "../space/Members.ts"
import type { FakeConnection } from "./FakeConnection.ts"
import { entering, Hooks, hello, house, saying } from "./House.ts"

const secret = Option.some(Redacted.make("one secret for all runners"))

/** The answer to an id, of this name. */
const answerOf = (phone: FakeConnection, id: number, name: string): Readonly<Record<string, unknown>> => {
  const body = phone.answers(id)[0]?.[name]
  assert.isTrue(isObject(body), `${id} was answered ${phone.brief}`)
  return isObject(body) ? body : {}
}
const tokenIn = (phone: FakeConnection, id: number, name: "hello" | "resume"): string =>
  String(answerOf(phone, id, name).resumeToken)
const resuming = (id: number, resumeToken: string) => ({ id, resume: { resumeToken } })

describe("hello", () => {
  it.effect(
    "says who the guest is, the limits and the times; the same secret is the same guest, in another session",
    () =>
      Effect.gen(function* () {
        const { connect } = yield* house(new Twins())
        yield* TestClock.adjust("1 minute")
        const [first, second, third] = [
          yield* connect(hello()),
          yield* connect(hello()),
          yield* connect(hello(1, "another-device-secret"))
        ]
        const [one, two, other] = [first, second, third].map((phone) => answerOf(phone, 1, "hello"))
        assert.deepInclude(one, { heartbeatMs: 15_000, resumeGraceMs: 30_000, serverTimeMs: 60_000, protocol: 1 })
        assert.deepStrictEqual(one?.limits, { lineBytes: 8_192, movesPerSecond: 10 })
        assert.match(String(one?.guestId), /^g_\w{26}$/)
        assert.match(String(one?.sessionId), /^s_\w{26}$/)
        assert.strictEqual(two?.guestId, one?.guestId)
        assert.notStrictEqual(two?.sessionId, one?.sessionId)
        assert.notStrictEqual(other?.guestId, one?.guestId)
        assert.isTrue(first.isGreeted)
        assert.notInclude(JSON.stringify(first.heard), "device-secret")
      })
  )

  it.effect("that cannot be finished sends the phone away, to try on a new socket", () =>
    Effect.gen(function* () {
      const hooks = new Hooks()
      const { connect } = yield* house(new Twins(), { hooks })
      hooks.attending = Effect.fail(spaceAway)
      const phone = yield* connect(hello())
      assert.strictEqual(phone.disconnectedWith, DisconnectCode.DISCONNECT_CODE_INTERNAL)
      hooks.attending = Effect.void
      assert.deepStrictEqual((yield* connect(hello())).brief, ["1 hello"])
    })
  )
})

describe("a client that is no longer served", () => {
  const greeting = (sdk: string) => ({ id: 1, hello: { deviceSecret: "device-secret-one", nickname: "바람", sdk } })

  it.effect(
    "is told UPGRADE_REQUIRED instead of given a session; others are served, and who says nothing of itself",
    () =>
      Effect.gen(function* () {
        const twins = new Twins()
        const { connect } = yield* house(twins, { settings: { upgradeRequired: ["nc/1", "nc/2"] } })
        const served = [yield* connect(greeting("nc/3")), yield* connect(greeting("nc/11")), yield* connect(hello())]
        for (const phone of served) assert.deepStrictEqual(phone.brief, ["1 hello"])
        const ended = [yield* connect(greeting("nc/1"), entering(2)), yield* connect(greeting("nc/2"), entering(2))]
        for (const phone of ended) {
          assert.strictEqual(phone.disconnectedWith, DisconnectCode.DISCONNECT_CODE_UPGRADE_REQUIRED)
          assert.deepStrictEqual(phone.brief, [])
          assert.isFalse(phone.isGreeted)
        }
        assert.isUndefined(served[2]?.disconnectedWith, "the guest's session on another client goes on")
      })
  )

  it.effect("goes on with the session it has", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const one = yield* house(twins, { settings: { secret } })
      const two = yield* house(twins, { id: "r2", settings: { secret, upgradeRequired: ["nc/1"] } })
      const phone = yield* one.connect(greeting("nc/1"), entering(2))
      const back = yield* two.connect(resuming(3, tokenIn(phone, 1, "hello")))
      assert.deepStrictEqual(back.brief, ["3 resume"])
    })
  )
})

describe("resume", () => {
  /** Two runners with one secret, and a phone that has lost its socket on the first. */
  const lostPhone = Effect.gen(function* () {
    const twins = new Twins()
    const one = yield* house(twins, { settings: { secret } })
    const two = yield* house(twins, { id: "r2", settings: { secret }, applies: false })
    const phone = yield* one.connect(hello(), entering(2), saying(3))
    phone.hangUp()
    yield* settle
    return {
      twins,
      one,
      two,
      phone,
      token: tokenIn(phone, 1, "hello"),
      sessionId: answerOf(phone, 1, "hello").sessionId
    }
  })

  it.effect("on any runner: the same session, place and member, and a new token", () =>
    Effect.gen(function* () {
      const { twins, two, token, sessionId } = yield* lostPhone
      yield* TestClock.adjust("20 seconds")
      const phone = yield* two.connect(resuming(5, token), saying(3), saying(6))
      yield* settle
      assert.deepInclude(answerOf(phone, 5, "resume"), {
        sessionId,
        playground: "park",
        channel: 1,
        member: 1,
        recovered: true,
        lastId: 3
      })
      assert.notStrictEqual(tokenIn(phone, 5, "resume"), token)
      assert.deepStrictEqual([...phone.brief].sort(), ["3 say", "5 resume", "6 say"], "3 is answered as the first time")
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
      assert.lengthOf(membersIn(twins, "park/1"), 1)
    })
  )

  it.effect("of what it asked of a runner that is gone nobody knows, when another puts back less of it", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const one = yield* house(twins, { settings: { secret } })
      const life = yield* Scope.make()
      const two = yield* house(twins, { id: "r2", settings: { secret } }).pipe(Scope.provide(life))
      const first = yield* one.connect(hello(1), entering(2))
      // It is not told that the session is elsewhere, and holds it as it was.
      two.watch.instead = (commit) => (commit.tag === "park/1" ? commit : { ...commit, tell: [] })
      const ids = Array.from({ length: 32 }, (_, at) => 5 + at)
      const lines = ids.map((id) => saying(id))
      const phone = yield* two.connect(resuming(4, tokenIn(first, 1, "hello")), ...lines)
      assert.deepStrictEqual(phone.brief, ["4 resume", ...ids.map((id) => `${id} say`)])
      yield* Scope.close(life, Exit.void)
      twins.space.flushQuietly()
      yield* pass(7)
      // It has answered an enter, too, behind all that it had put on the log.
      first.hangUp()
      yield* settle
      const back = yield* one.connect(resuming(40, tokenIn(phone, 4, "resume")))
      back.say(...lines, saying(41))
      yield* settle
      // However many they are, it is no fault of the phone (ABUSE) that it asks.
      const stale = ids.map((id) => `${id} STALE_ID`)
      assert.deepStrictEqual(back.brief.slice(0, 34), ["40 resume", ...stale, "41 say"])
    })
  )

  it.effect(
    "in another session it stands nowhere any more, also where a frozen runner had yet to remove it (L6, P1)",
    () =>
      Effect.gen(function* () {
        const twins = new Twins()
        const one = yield* house(twins, { settings: { secret } })
        const two = yield* house(twins, { id: "r2", settings: { secret } })
        const phone = yield* one.connect(hello(1), entering(2))
        const removes = ({ tag, changes }: Commit) => tag === "park/1" && changes.some(({ _tag }) => _tag === "Delete")
        one.watch.before = (commit) => (removes(commit) ? Effect.never : Effect.void)
        phone.say(entering(3, "yard"))
        yield* settle
        assert.lengthOf([...membersIn(twins, "park/1"), ...membersIn(twins, "yard/1")], 2)
        yield* two.connect(hello(1))
        assert.lengthOf(membersIn(twins, "park/1"), 0)
      })
  )

  it.effect("hello says how often something is heard, also where silence of the phone is no matter", () =>
    Effect.gen(function* () {
      for (const heartbeatMs of [0, 7_000]) {
        const phone = yield* (yield* house(new Twins(), { settings: { heartbeatMs } })).connect(hello(1))
        assert.strictEqual(Object(phone.heard[0]?.hello).heartbeatMs, heartbeatMs || 15_000)
      }
    })
  )

  it.effect("the old token is good until the phone is heard when it must have had the newer one", () =>
    Effect.gen(function* () {
      const { one, two, token } = yield* lostPhone
      // Whatever it says behind its resume, the answer may be lost with the socket.
      const unheard = yield* two.connect(resuming(5, token), { id: 6, ping: {} })
      yield* TestClock.adjust(answerMsMax - 1)
      unheard.say({ id: 7, ping: {} })
      yield* settle
      unheard.hangUp()
      yield* settle
      const heard = yield* one.connect(resuming(6, token))
      yield* TestClock.adjust(answerMsMax)
      heard.say({ id: 7, ping: {} })
      yield* settle
      assert.deepStrictEqual(heard.brief, ["6 resume", "7 ping"])
      heard.hangUp()
      yield* settle
      assert.deepStrictEqual((yield* one.connect(resuming(8, token))).brief, ["8 TOKEN_REFUSED"])
      assert.deepStrictEqual((yield* one.connect(resuming(9, tokenIn(unheard, 5, "resume")))).brief, [
        "9 TOKEN_REFUSED"
      ])
      assert.deepStrictEqual((yield* one.connect(resuming(9, tokenIn(heard, 6, "resume")))).brief, ["9 resume"])
    })
  )

  it.effect("and no longer, though that could not be written when it was heard first", () =>
    Effect.gen(function* () {
      const { one, two, token } = yield* lostPhone
      const phone = yield* two.connect(resuming(5, token))
      let failures = 0
      two.watch.before = ({ tag }) => {
        if (!tag.startsWith("g_") || failures === 6) return Effect.void
        failures++
        return Effect.fail(spaceAway)
      }
      yield* TestClock.adjust(answerMsMax)
      phone.say({ id: 6, ping: {} })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(failures, 6, "it was given up")
      phone.say({ id: 7, ping: {} })
      yield* settle
      phone.hangUp()
      yield* settle
      assert.deepStrictEqual((yield* one.connect(resuming(8, token))).brief, ["8 TOKEN_REFUSED"])
    })
  )

  it.effect(
    "is refused for what is no token, a lower id, and a session that has ended; hello follows on the same socket",
    () =>
      Effect.gen(function* () {
        const { one, two, token } = yield* lostPhone
        const phone = yield* two.connect(resuming(5, `${token}x`), resuming(6, "v1.a.b"))
        assert.deepStrictEqual(phone.brief, ["5 TOKEN_REFUSED", "6 TOKEN_REFUSED"])
        yield* one.connect(resuming(9, token))
        assert.deepStrictEqual((yield* two.connect(resuming(8, token))).brief, ["8 STALE_ID"])
        yield* one.connect(hello(10))
        const late = yield* two.connect(resuming(11, token), hello(12))
        assert.deepStrictEqual(late.brief, ["11 SESSION_ENDED", "12 hello"])
      })
  )

  it.effect("what was said before it is not refused for certain when it is sent again too fast (guarantee 2)", () =>
    Effect.gen(function* () {
      const { connect } = yield* house(new Twins(), { settings: { rateLimits: true } })
      const lines = [3, 4, 5, 6].map((id) => saying(id))
      const first = yield* connect(hello(), entering(2), ...lines)
      first.hangUp()
      yield* settle
      const phone = yield* connect(resuming(7, tokenIn(first, 1, "hello")), ...lines, saying(8))
      const unsure = ["4 UNCERTAIN", "5 UNCERTAIN", "6 UNCERTAIN"]
      assert.deepStrictEqual(phone.brief, ["7 resume", ...unsure, "8 RATE_LIMITED", "3 say"])
    })
  )

  it.effect(
    "what was said before it is not refused for certain while the log is away, and answered when it is not",
    () =>
      Effect.gen(function* () {
        const { connect, appends } = yield* house(new Twins())
        const first = yield* connect(hello(), entering(2), saying(3))
        first.hangUp()
        yield* settle
        appends.offered = () => appendFailed(true)
        const phone = yield* connect(resuming(4, tokenIn(first, 1, "hello")), saying(3), saying(5))
        assert.deepStrictEqual(phone.brief, ["4 resume", "3 UNCERTAIN", "5 UNAVAILABLE"])
        const pauses = phone.heard.map(({ error }) => isObject(error) && error.retryAfterMs)
        assert.deepStrictEqual(pauses, [false, 1_000, 1_000], "nor is it asked for again at once")
        appends.offered = undefined
        phone.say(saying(3), saying(5))
        yield* settle
        assert.deepStrictEqual(phone.brief.slice(3), ["3 say", "5 say"])
      })
  )

  it.effect("that broke off half-way leaves nobody standing whose phone does not come again (guarantee 1)", () =>
    Effect.gen(function* () {
      for (const fails of ["before", "after"] as const) {
        const { twins, two, token } = yield* lostPhone
        // The member's write fails; the session's is made, and is not known to be.
        const tag = fails === "before" ? /^park/ : /^g_/
        two.watch[fails] = (commit) => (tag.test(commit.tag) ? Effect.fail(spaceAway) : Effect.void)
        const phone = yield* two.connect(resuming(5, token))
        yield* pass(5)
        assert.deepStrictEqual(phone.brief, ["5 UNAVAILABLE"])
        phone.hangUp()
        two.watch[fails] = () => Effect.void
        yield* pass(20)
        assert.lengthOf(membersIn(twins, "park/1"), 1, "its grace is not over")
        yield* pass(15)
        assert.lengthOf(membersIn(twins, "park/1"), 0)
        assert.lengthOf([...two.sessions.all()], 0)
      }
    })
  )

  it.effect("that broke off half-way, tried again at once, is the phone's that came again", () =>
    Effect.gen(function* () {
      const { twins, two, token } = yield* lostPhone
      two.watch.after = ({ tag }) => (tag.startsWith("g_") ? Effect.fail(spaceAway) : Effect.void)
      const phone = yield* two.connect(resuming(5, token))
      yield* pass(5)
      two.watch.after = () => Effect.void
      phone.say(resuming(6, token), saying(7))
      yield* pass(60)
      assert.deepStrictEqual(phone.brief, ["5 UNAVAILABLE", "6 resume", "7 say"])
      assert.isUndefined(phone.disconnectedWith)
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
      assert.lengthOf(membersIn(twins, "park/1"), 1)
    })
  )

  it.effect("takes the session from a socket that is still open, which is told REPLACED", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const one = yield* house(twins, { settings: { secret } })
      const two = yield* house(twins, { id: "r2", settings: { secret }, applies: false })
      const first = yield* one.connect(hello(), entering(2))
      const second = yield* two.connect(resuming(3, tokenIn(first, 1, "hello")))
      assert.deepStrictEqual(second.brief, ["3 resume"])
      assert.strictEqual(first.disconnectedWith, DisconnectCode.DISCONNECT_CODE_REPLACED)
      assert.strictEqual(one.hooks.replaced, 1)
      // What the first runner still holds of it moves nobody on.
      yield* TestClock.adjust("60 seconds")
      yield* settle
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
      assert.lengthOf(membersIn(twins, "park/1"), 1)
      assert.lengthOf([...one.sessions.all()], 0)
    })
  )

  it.effect("puts back nobody outside: who had left comes back to nowhere", () =>
    Effect.gen(function* () {
      const { connect } = yield* house(new Twins(), { settings: { secret } })
      const first = yield* connect(hello(), entering(2), { id: 3, leave: {} })
      first.hangUp()
      yield* settle
      const phone = yield* connect(resuming(4, tokenIn(first, 1, "hello")), saying(5))
      assert.deepStrictEqual(phone.brief, ["4 resume", "5 OUTSIDE"])
      assert.notProperty(answerOf(phone, 4, "resume"), "playground")
    })
  )
})

describe("ping", () => {
  it.effect("says the server's time", () =>
    Effect.gen(function* () {
      const { connect } = yield* house(new Twins())
      yield* TestClock.adjust("3 seconds")
      const phone = yield* connect(hello(), { id: 2, ping: {} })
      assert.deepStrictEqual(answerOf(phone, 2, "ping"), { serverTimeMs: 3_000 })
    })
  )
})
