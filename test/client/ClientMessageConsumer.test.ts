/** What every line must be before a consumer sees it, and what becomes of those that are not (wire.md). */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { Refused } from "../../src/bus/Caller.ts"
import { limitedMax } from "../../src/client/ClientMessageConsumer.ts"
import { isObject } from "../../src/wire/Strict.ts"
import { appendFailed, settle, Twins } from "../space/Harness.ts"
import { membersIn } from "../space/Members.ts"
import type { FakeConnection } from "./FakeConnection.ts"
import { entering, Hooks, type HouseOptions, hello, house, saying } from "./House.ts"

const logged: Array<string> = []
const heardLog = Logger.layer([Logger.make(({ message }) => void logged.push(`${[message].flat()[0]}`))])
const ping = (id: number) => ({ id, ping: {} })

/** A phone that says these lines, and how it was answered. */
const said = Effect.fnUntraced(function* (lines: ReadonlyArray<string | object>, options: HouseOptions = {}) {
  const { connect } = yield* house(new Twins(), options)
  const phone = yield* connect(...lines)
  return phone
})

const errorIn = (phone: FakeConnection, at: number): Readonly<Record<string, unknown>> => {
  const error = phone.heard[at]?.error
  assert.isTrue(isObject(error), `${phone.brief[at]} is no error`)
  return isObject(error) ? error : {}
}

describe("in its turn", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<object>, ReadonlyArray<string>]> = [
    [
      "hello comes first",
      [ping(1), { move: { xCm: 1 } }, saying(2)],
      ["1 HELLO_FIRST", "0 HELLO_FIRST", "2 HELLO_FIRST"]
    ],
    ["enter needs a session", [entering(1)], ["1 SESSION_REQUIRED"]],
    [
      "hello comes once",
      [hello(1), hello(2), { id: 3, resume: { resumeToken: "v1.a.b" } }],
      ["1 hello", "2 HELLO_TWICE", "3 HELLO_TWICE"]
    ],
    [
      "inside comes after enter",
      [hello(1), saying(2), { id: 3, leave: {} }, { move: { xCm: 1 } }, { id: 4, move: { xCm: 1 } }, { pace: {} }],
      ["1 hello", "2 OUTSIDE", "3 OUTSIDE", "0 OUTSIDE", "4 OUTSIDE"]
    ],
    [
      "a refused hello may be said again",
      [{ id: 1, hello: { deviceSecret: "short" } }, hello(2)],
      ["1 INVALID", "2 hello"]
    ]
  ]
  it.effect.each(cases)("%s", ([, lines, answers]) =>
    Effect.map(said(lines), (phone) => assert.deepStrictEqual([...phone.brief].sort(), [...answers].sort()))
  )

  it.effect("an id is answered once: what answers nothing with its id alone, and without one not at all", () =>
    Effect.gen(function* () {
      const phone = yield* said([
        hello(1),
        entering(2),
        { pace: { pace: "PACE_CALM" } },
        ping(0),
        { id: 3, pace: {} },
        saying(0),
        saying(4)
      ])
      assert.deepStrictEqual([...phone.brief].sort(), ["1 hello", "2 enter", "3 ", "4 say"])
    })
  )
})

describe("of the protocol", () => {
  it.effect("INVALID says what is wrong, with re and issues", () =>
    Effect.gen(function* () {
      const phone = yield* said([
        hello(1),
        { id: 5, say: { text: 7, volume: 3 } },
        { id: 6, dance: {} },
        { id: 7 },
        { id: 8, ping: {}, leave: {} }
      ])
      assert.deepStrictEqual(phone.brief, ["1 hello", "5 INVALID", "6 INVALID", "7 INVALID", "8 INVALID"])
      const { message, issues } = errorIn(phone, 1)
      assert.include(String(message), "say.text")
      assert.deepInclude(issues, { path: "say.text", rule: "TYPE", message: "must be a string" })
      assert.include(JSON.stringify(issues), "say.volume")
    })
  )

  it.effect("MALFORMED and LINE_TOO_LONG are told without re, and the next line is taken", () =>
    Effect.gen(function* () {
      const { connect } = yield* house(new Twins())
      const phone = yield* connect(hello(1))
      phone.say("{not json", "[1]", '"text"', `{"id":9,"say":{"text":"${"x".repeat(8_192)}"}}`, ping(2))
      yield* settle
      assert.deepStrictEqual(phone.brief, [
        "1 hello",
        "0 MALFORMED",
        "0 MALFORMED",
        "0 MALFORMED",
        "0 LINE_TOO_LONG",
        "2 ping"
      ])
      assert.include(JSON.stringify(errorIn(phone, 1).issues), "SYNTAX")
    })
  )
})

describe("rates", () => {
  it.effect(
    "past its burst a key is RATE_LIMITED and told when; another key is not, and it does not count as abuse",
    () =>
      Effect.gen(function* () {
        const pings = Array.from({ length: 60 }, (_, at) => ping(at + 2))
        const phone = yield* said([hello(1), ...pings, { id: 99, listPlaygrounds: {} }], {
          settings: { rateLimits: true }
        })
        const limited = phone.brief.filter((line) => line.endsWith("RATE_LIMITED"))
        assert.isAtLeast(limited.length, 45) // a burst of 10, and 5 more a second
        const first = phone.brief.indexOf(limited[0] ?? "")
        assert.strictEqual(first, 11)
        const { retryAfterMs } = errorIn(phone, first)
        assert.isTrue(typeof retryAfterMs === "number" && retryAfterMs > 0 && retryAfterMs <= 200, String(retryAfterMs))
        assert.include(phone.brief, "99 listPlaygrounds")
        assert.isUndefined(phone.disconnectedWith)
      })
  )

  it.effect("a flood of them is not read on for a second, and then the rest of it, in order", () =>
    Effect.gen(function* () {
      const count = 2 * limitedMax
      const pings = Array.from({ length: count }, (_, at) => ping(at + 2))
      const phone = yield* said([hello(1), ...pings], { settings: { rateLimits: true } })
      const limited = () => phone.brief.filter((line) => line.endsWith("RATE_LIMITED")).length
      assert.strictEqual(limited(), limitedMax + 1)
      assert.isUndefined(phone.disconnectedWith)
      yield* TestClock.adjust("2 minutes")
      yield* settle
      assert.deepStrictEqual(
        phone.brief.map((line) => Number(line.split(" ")[0])),
        Array.from({ length: count + 1 }, (_, at) => at + 1)
      )
    })
  )
})

describe("ABUSE", () => {
  const bad = (count: number) => Array.from({ length: count }, () => "{")

  it.effect("is of the guest, as rates are: saying hello anew, on another socket, begins neither anew", () =>
    Effect.gen(function* () {
      const { connect } = yield* house(new Twins(), { settings: { rateLimits: true } })
      const looks = Array.from({ length: 12 }, (_, at) => ({ id: at + 2, listPlaygrounds: {} }))
      const first = yield* connect(hello(1), ...bad(30), ...looks)
      assert.isAtLeast(first.brief.filter((line) => line.endsWith("RATE_LIMITED")).length, 1)
      const second = yield* connect(hello(20), { id: 21, listPlaygrounds: {} })
      assert.deepStrictEqual(second.brief.slice(0, 2), ["20 hello", "21 RATE_LIMITED"])
      second.say(...bad(1))
      yield* settle
      assert.strictEqual(second.disconnectedWith, DisconnectCode.DISCONNECT_CODE_ABUSE)
    })
  )

  it.effect("30 refused lines within a minute are borne, the 31st ends the socket, and nothing after it is taken", () =>
    Effect.gen(function* () {
      const hooks = new Hooks()
      const { connect } = yield* house(new Twins(), { hooks })
      const phone = yield* connect(hello(1), entering(2))
      phone.say(...bad(30), { move: { xCm: 30 } })
      yield* settle
      assert.isUndefined(phone.disconnectedWith)
      phone.say("{", { move: { xCm: 31 } })
      yield* settle
      assert.strictEqual(phone.disconnectedWith, DisconnectCode.DISCONNECT_CODE_ABUSE)
      assert.strictEqual(phone.afterMs, 60_000)
      assert.deepStrictEqual(hooks.moves, [30])
    })
  )

  it.effect("what the server cannot do is not the phone's fault", () =>
    Effect.gen(function* () {
      const hooks = new Hooks()
      hooks.handling = () => Effect.fail(new Refused({ code: ErrorCode.ERROR_CODE_UNAVAILABLE, message: "" }))
      const { connect } = yield* house(new Twins(), { hooks })
      const phone = yield* connect(
        hello(1),
        ...Array.from({ length: 40 }, (_, at) => ({ id: at + 2, listPlaygrounds: {} }))
      )
      assert.strictEqual(phone.brief.at(-1), "41 UNAVAILABLE")
      assert.isUndefined(phone.disconnectedWith)
    })
  )
})

describe("a handler that is broken", () => {
  const dyingIn = (one: string) => (field: string) => (field === one ? Effect.die(new Error("bug")) : Effect.void)
  const broken: ReadonlyArray<readonly [string, Partial<Hooks>, object]> = [
    ["dies", { handling: dyingIn("listPlaygrounds") }, { id: 3, listPlaygrounds: {} }],
    ["dies in its turn", { handling: dyingIn("say") }, saying(3)],
    [
      "throws before it gives an effect",
      {
        moving: () => {
          throw new Error("bug")
        }
      },
      { id: 3, move: { xCm: 1 } }
    ]
  ]
  it.effect.each(broken)("%s: INTERNAL, a line in the log, and the phone goes on", ([, defects, line]) =>
    Effect.gen(function* () {
      logged.length = 0
      const phone = yield* said([hello(1), entering(2)], { hooks: Object.assign(new Hooks(), defects) })
      phone.say(line, ping(4))
      yield* settle
      assert.deepStrictEqual([...phone.brief].sort(), ["1 hello", "2 enter", "3 INTERNAL", "4 ping"])
      assert.lengthOf(
        logged.filter((text) => /the consumer of .* failed/.test(text)),
        1
      )
    }).pipe(Effect.provide(heardLog))
  )
})

describe("lasting requests", () => {
  it.effect("take effect in the order sent; moving goes on meanwhile", () =>
    Effect.gen(function* () {
      const hooks = new Hooks()
      const gate = yield* Deferred.make<void>()
      hooks.handling = (field) => (field === "enter" ? Deferred.await(gate) : Effect.void)
      const { connect } = yield* house(new Twins(), { hooks })
      const phone = yield* connect(hello(1), entering(2), saying(3, "x"), { id: 4, leave: {} }, saying(5), ping(6))
      assert.deepStrictEqual(phone.brief, ["1 hello", "6 ping"])
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.deepStrictEqual(phone.brief, ["1 hello", "6 ping", "2 enter", "3 say", "4 leave", "5 OUTSIDE"])
    })
  )

  it.effect("with 32 waiting the socket is not read further", () =>
    Effect.gen(function* () {
      const { connect, appends } = yield* house(new Twins())
      const phone = yield* connect(hello(1), entering(2))
      appends.offered = () => "lost"
      phone.say(...Array.from({ length: 32 }, (_, at) => saying(at + 3)))
      phone.say(ping(90))
      yield* settle
      assert.deepStrictEqual([phone.unread, phone.brief], [1, ["1 hello", "2 enter"]])
      yield* TestClock.adjust("3250 millis")
      yield* settle
      assert.strictEqual(phone.brief.filter((line) => line.endsWith("UNCERTAIN")).length, 32)
      assert.include(phone.brief, "90 ping")
    })
  )

  it.effect("no word from the log is UNCERTAIN, and sent again it is answered as the first time", () =>
    Effect.gen(function* () {
      const { connect, appends } = yield* house(new Twins())
      const phone = yield* connect(hello(1), entering(2))
      appends.offered = () => appendFailed(true)
      phone.say(saying(3))
      yield* settle
      appends.offered = () => "lost"
      phone.say(saying(4, "b"))
      yield* TestClock.adjust("3250 millis")
      appends.offered = undefined
      phone.say(saying(3), saying(4, "b"), saying(4, "b"), saying(4, "another body"))
      yield* settle
      assert.deepStrictEqual(phone.brief.slice(2), [
        "3 UNAVAILABLE",
        "4 UNCERTAIN",
        "3 say",
        "4 say",
        "4 say",
        "4 ID_REUSED"
      ])
      const [first, again] = phone.answers(4).filter(({ say }) => say !== undefined)
      assert.deepStrictEqual(first, again)
    })
  )

  it.effect("sent again from outside, a line is answered by the channel it was said in (L7)", () =>
    Effect.gen(function* () {
      const { connect } = yield* house(new Twins())
      const phone = yield* connect(hello(1), entering(2), saying(3), { id: 4, leave: {} }, saying(3), saying(5))
      assert.deepStrictEqual([...phone.brief].sort(), ["1 hello", "2 enter", "3 say", "3 say", "4 leave", "5 OUTSIDE"])
      assert.deepStrictEqual(phone.answers(3)[0], phone.answers(3)[1])
    })
  )
})

describe("a socket that is gone", () => {
  it.effect("is lost, and so is its session: whatever ended it", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { connect } = yield* house(twins)
      const phone = yield* connect(hello(1), entering(2))
      phone.hangUp()
      yield* settle
      assert.isTrue(phone.isClosed)
      assert.deepStrictEqual(
        membersIn(twins, "park/1").map(({ state }) => state),
        [PresenceState.PRESENCE_STATE_LOST]
      )
    })
  )
})
