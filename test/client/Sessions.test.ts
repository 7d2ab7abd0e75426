/** The sessions a runner holds: lost, away and ended by their deadlines, replaced, drained (rules P4, P5; design 6). */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { sessions as sessionFigures } from "../../src/telemetry/Metrics.ts"
import { rosterAway, settle, spaceAway, Twins, Watch } from "../space/Harness.ts"
import { membersIn, wrongs } from "../space/Members.ts"
import { withWallClock } from "../WallClock.ts"
import { entering, Hooks, hello, house, saying } from "./House.ts"
import { isGuest, pass, sessionsIn, statesIn, unmoved } from "./Seen.ts"

const { PRESENCE_STATE_PRESENT, PRESENCE_STATE_LOST, PRESENCE_STATE_AWAY } = PresenceState

describe("a socket that is gone", () => {
  it.effect("lost at once, away after 5 s, ended after 30 s: seen a quarter of a second later at most", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { connect, sessions } = yield* house(twins)
      const phone = yield* connect(hello(), entering(2))
      assert.deepStrictEqual(statesIn(twins), [PRESENCE_STATE_PRESENT])
      phone.hangUp()
      yield* settle
      assert.deepStrictEqual(statesIn(twins), [PRESENCE_STATE_LOST])
      yield* pass(4999)
      assert.deepStrictEqual(statesIn(twins), [PRESENCE_STATE_LOST])
      yield* pass(251)
      assert.deepStrictEqual(statesIn(twins), [PRESENCE_STATE_AWAY])
      yield* pass(24749)
      assert.deepStrictEqual(statesIn(twins), [PRESENCE_STATE_AWAY])
      assert.lengthOf([...sessions.all()], 1)
      yield* pass(251)
      assert.deepStrictEqual([statesIn(twins), [...sessions.all()]], [[], []])
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
    })
  )

  it.effect("is counted as what it is, beside those that are there", () =>
    Effect.gen(function* () {
      const { connect } = yield* house(new Twins())
      yield* connect(hello())
      const phone = yield* connect(hello(1, "device-secret-two"))
      const counted: Array<ReadonlyArray<number>> = []
      const count = Effect.map(pass(250), () => {
        counted.push(["present", "lost", "away"].map((state) => sessionFigures.of(state).value))
      })
      yield* count
      phone.hangUp()
      yield* count
      yield* Effect.andThen(pass(5_000), count)
      yield* Effect.andThen(pass(30_000), count)
      assert.deepStrictEqual(counted, [
        [2, 0, 0],
        [1, 1, 0],
        [1, 0, 1],
        [1, 0, 0]
      ])
    })
  )

  it.effect("whose loss cannot be written is looked at again until it is", () =>
    Effect.gen(function* () {
      const [twins, watch] = [new Twins(), new Watch()]
      const { connect } = yield* house(twins, { watch })
      const phone = yield* connect(hello(), entering(2))
      watch.before = () => Effect.fail(spaceAway)
      phone.hangUp()
      yield* pass(10_000)
      assert.deepStrictEqual(statesIn(twins), [PRESENCE_STATE_PRESENT])
      watch.before = () => Effect.void
      yield* pass(2_000)
      assert.deepStrictEqual(statesIn(twins), [PRESENCE_STATE_LOST])
      yield* pass(40000)
      assert.deepStrictEqual(statesIn(twins), [])
    }).pipe(Effect.provideService(Random.Random, unmoved))
  )

  it.effect("is logged once a second, however many cannot be written", () => {
    let lines = 0
    const counting = Logger.layer([Logger.make(() => void lines++)])
    return Effect.gen(function* () {
      const watch = new Watch()
      const { connect } = yield* house(new Twins(), { watch })
      const phones = yield* Effect.forEach(["one", "two", "three"], (name) =>
        connect(hello(1, `device-secret-${name}`))
      )
      watch.before = () => Effect.fail(spaceAway)
      for (const phone of phones) phone.hangUp()
      yield* pass(5_000)
      assert.isAtLeast(lines, 1)
      assert.isAtMost(lines, 6)
    }).pipe(Effect.provide(counting), Effect.provideService(Random.Random, unmoved))
  })

  it.effect("holds up nobody who waits for word from the log, however slowly its loss is written", () =>
    Effect.gen(function* () {
      const watch = new Watch()
      const { connect } = yield* house(new Twins(), { watch, applies: false })
      const gone = yield* Effect.forEach(["one", "two", "three", "four"], (name) =>
        connect(hello(1, `device-secret-${name}`), entering(2))
      )
      const phone = yield* connect(hello(1, "device-secret-five"), entering(2), saying(3))
      watch.before = () => Effect.never
      for (const lost of gone) lost.hangUp()
      // Within 3 s, seen a quarter of a second later.
      yield* pass(3_500)
      assert.deepStrictEqual(phone.brief.at(-1), "3 UNCERTAIN")
    })
  )

  it.effect("tells who waits for word from the log in time though the clock is set back", () =>
    withWallClock((set) =>
      Effect.gen(function* () {
        const { connect } = yield* house(new Twins(), { applies: false })
        const phone = yield* connect(hello(), entering(2), saying(3))
        set(-3_600_000)
        yield* pass(3_500)
        assert.deepStrictEqual(phone.brief.at(-1), "3 UNCERTAIN")
      })
    )
  )

  it.effect("with a grace of its own length (NORITER_RESUME_GRACE, NORITER_LOST_SHOWN)", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { connect } = yield* house(twins, { settings: { lostShownMs: 0, resumeGraceMs: 1_000 } })
      const phone = yield* connect(hello(), entering(2))
      phone.hangUp()
      yield* pass(250)
      assert.deepStrictEqual(statesIn(twins), [PRESENCE_STATE_AWAY])
      yield* pass(1000)
      assert.deepStrictEqual(statesIn(twins), [])
    })
  )
})

describe("removed by an operator", () => {
  /** A phone in the park, whose removal is told once; commits fail as `before` says. */
  const removed = Effect.fnUntraced(function* (twins: Twins, before: Watch["before"]) {
    const watch = new Watch()
    const { connect, sessions, bus, self } = yield* house(twins, { watch })
    const phone = yield* connect(hello(), entering(2))
    watch.before = before
    const { id: incarnation } = self.incarnation
    const [session = ""] = [...sessions.all()].map(({ session }) => session)
    yield* bus.publish({ $type: "noriter.runner.v1.RemovalTold", incarnation, session })
    yield* settle
    return { phone, sessions, watch }
  })

  it.effect("though the shared space is away when that is told", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { phone, sessions, watch } = yield* removed(twins, () => Effect.fail(spaceAway))
      yield* pass(20_000)
      assert.isUndefined(phone.disconnectedWith)
      watch.before = () => Effect.void
      yield* pass(5_000)
      assert.strictEqual(phone.disconnectedWith, DisconnectCode.DISCONNECT_CODE_REMOVED)
      assert.deepStrictEqual([statesIn(twins), [...sessions.all()]], [[], []])
    })
  )

  it.effect("also where that breaks off half-way: its phone is told so", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const once = ({ tag }: { readonly tag: string }) => (tag === "park/1" ? Effect.fail(spaceAway) : Effect.void)
      const { phone, sessions } = yield* removed(twins, once)
      assert.isUndefined(phone.disconnectedWith)
      yield* pass(5_000)
      assert.strictEqual(phone.disconnectedWith, DisconnectCode.DISCONNECT_CODE_REMOVED)
      assert.deepStrictEqual([...sessions.all()], [])
    })
  )

  it.effect("and not when nothing could be written for a minute", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { phone, watch } = yield* removed(twins, () => Effect.fail(spaceAway))
      yield* pass(60_000)
      watch.before = () => Effect.void
      yield* pass(10_000)
      assert.isUndefined(phone.disconnectedWith)
      assert.deepStrictEqual(statesIn(twins), [PRESENCE_STATE_PRESENT])
    })
  )
})

describe("replaced", () => {
  const { DISCONNECT_CODE_REPLACED } = DisconnectCode

  it.effect("by a second hello, on this runner or on another: its socket is told, its member goes", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const settings = { secret: Option.some(Redacted.make("one secret for all runners")) }
      const [one, two] = [
        yield* house(twins, { settings }),
        yield* house(twins, { id: "r2", settings, applies: false })
      ]
      const phones = [one, one, two, one]
      const sockets = []
      for (const { connect } of phones) sockets.push(yield* connect(hello(1), entering(2)))
      assert.deepStrictEqual(
        sockets.map(({ disconnectedWith }) => disconnectedWith),
        [DISCONNECT_CODE_REPLACED, DISCONNECT_CODE_REPLACED, DISCONNECT_CODE_REPLACED, undefined]
      )
      assert.lengthOf(membersIn(twins, "park/1"), 1)
      assert.deepStrictEqual([[...one.sessions.all()].length, [...two.sessions.all()].length], [1, 0])
    })
  )

  it.effect("what the replaced one still does changes nothing", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { connect, sessions } = yield* house(twins)
      const first = yield* connect(hello(), entering(2))
      const second = yield* connect(hello(1), entering(2))
      const before = JSON.stringify(membersIn(twins, "park/1"))
      first.say(saying(3), entering(4, "plaza"), { id: 5, leave: {} })
      first.hangUp()
      yield* pass(60000)
      assert.strictEqual(JSON.stringify(membersIn(twins, "park/1")), before)
      assert.lengthOf(membersIn(twins, "plaza/1"), 0)
      assert.isUndefined(second.disconnectedWith)
      second.say(saying(3))
      yield* settle
      assert.strictEqual(second.brief.at(-1), "3 say")
      assert.lengthOf([...sessions.all()], 1)
    })
  )

  it.effect("by who has claimed it later, although that one came before and is done sooner", () =>
    Effect.gen(function* () {
      const [twins, watch] = [new Twins(), new Watch()]
      const { connect, sessions } = yield* house(twins, { watch })
      const [named, told] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      watch.before = ({ tag }) => (tag.startsWith("inc/") ? Deferred.await(named) : Effect.void)
      const first = yield* connect(hello())
      watch.before = () => Effect.void
      watch.after = ({ tag }) => (isGuest(tag) ? Deferred.await(told) : Effect.void)
      yield* TestClock.adjust("1 second")
      const second = yield* connect(hello())
      watch.after = () => Effect.void
      yield* Deferred.succeed(named, undefined)
      yield* settle
      assert.deepStrictEqual([first.brief, second.brief], [["1 hello"], []])
      yield* Deferred.succeed(told, undefined)
      yield* settle
      assert.strictEqual(second.disconnectedWith, DISCONNECT_CODE_REPLACED)
      assert.isUndefined(first.disconnectedWith)
      assert.deepStrictEqual(
        [...sessions.all()].map(({ session }) => session),
        sessionsIn(twins).map(({ session }) => session)
      )
    })
  )

  it.effect("entering claims for the same socket, and replaces nobody", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { connect } = yield* house(twins)
      const phone = yield* connect(hello(), entering(2), entering(3, "plaza"), entering(4))
      assert.deepStrictEqual(phone.brief, ["1 hello", "2 enter", "3 enter", "4 enter"])
      assert.isUndefined(phone.disconnectedWith)
      assert.deepStrictEqual(wrongs(twins, ["park/1", "plaza/1"], []), [])
    })
  )
})

describe("refused as outside by the log", () => {
  it.effect("is said where the session stands, and once", () =>
    Effect.gen(function* () {
      const { connect } = yield* house(new Twins())
      const phone = yield* connect(hello(), entering(2), saying(3, "outside"))
      assert.deepStrictEqual(phone.brief, ["1 hello", "2 enter", "3 OUTSIDE"])
    })
  )

  it.effect("is not said where the session is over: what was asked again is forgotten, and was heard (L6)", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      let isBlind = false
      const asking = Effect.suspend(() => (isBlind ? Effect.fail(rosterAway) : Effect.void))
      const settings = { secret: Option.some(Redacted.make("one secret for all runners")) }
      const { connect } = yield* house(twins, { settings, asking })
      const phone = yield* connect(hello(), entering(2))
      const other = yield* house(twins, { id: "r2", settings, applies: false })
      // It is not told that another has the session, nor can it ask who lives.
      other.watch.instead = (commit) => (isGuest(commit.tag) ? { ...commit, tell: [] } : commit)
      yield* other.connect(hello())
      isBlind = true
      phone.say(saying(3, "outside"))
      yield* pass(3_500)
      assert.strictEqual(phone.brief.at(-1), "3 UNCERTAIN")
      isBlind = false
      yield* pass(1_000)
      assert.strictEqual(phone.disconnectedWith, DisconnectCode.DISCONNECT_CODE_REPLACED)
      assert.notInclude(phone.brief, "3 OUTSIDE")
    })
  )
})

describe("drain", () => {
  it.effect("tells a phone that had connected before, and says hello only now", () =>
    Effect.gen(function* () {
      const { connect, sessions } = yield* house(new Twins())
      const phone = yield* connect()
      yield* sessions.drain
      phone.say(hello())
      yield* settle
      assert.strictEqual(phone.disconnectedWith, DisconnectCode.DISCONNECT_CODE_DRAINING)
    })
  )

  it.effect("tells every phone to come back, spread over two seconds, and its session waits for it", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const hooks = new Hooks()
      const { connect, sessions } = yield* house(twins, { hooks })
      const phones = []
      for (let at = 0; at < 20; at++) phones.push(yield* connect(hello(1, `device-secret-number-${at}`), entering(2)))
      yield* sessions.drain
      yield* settle
      for (const { disconnectedWith, afterMs } of phones) {
        assert.strictEqual(disconnectedWith, DisconnectCode.DISCONNECT_CODE_DRAINING)
        assert.isTrue(afterMs >= 0 && afterMs < 2_000)
      }
      assert.isAbove(new Set(phones.map(({ afterMs }) => afterMs)).size, 5)
      assert.deepStrictEqual(new Set(statesIn(twins)), new Set([PRESENCE_STATE_LOST]))
      assert.strictEqual(hooks.detached, 20)
    })
  )
})
