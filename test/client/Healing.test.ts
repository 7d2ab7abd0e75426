/** A runner with phones that becomes another incarnation, loses its space, or is claimed from: what its phones notice. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { isPutBack } from "../../src/space/Held.ts"
import { incarnationTag } from "../../src/space/Lease.ts"
import { sessionKey } from "../../src/space/PresenceWrites.ts"
import type { Self } from "../../src/space/Self.ts"
import { rosterAway, settle, Twins, Watch } from "../space/Harness.ts"
import { membersIn, sessionIn, wrongs } from "../space/Members.ts"
import { entering, hello, house, saying } from "./House.ts"

const settings = { secret: Option.some(Redacted.make("one secret for all runners")) }
const guests = ["device-secret-one", "device-secret-two"]

/** Seconds pass, and what follows from each happens. */
const pass = Effect.fnUntraced(function* (seconds: number) {
  for (let second = 0; second < seconds; second++) {
    yield* TestClock.adjust("1 second")
    yield* settle
  }
})

/** A runner with two phones in the park. */
const crowd = Effect.gen(function* () {
  const twins = new Twins()
  const home = yield* house(twins, { settings })
  const phones = []
  for (const secret of guests) phones.push(yield* home.connect(hello(1, secret), entering(2)))
  return { twins, home, phones }
})

/** A watcher has found it dead. */
const fence = ({ space }: Twins, { incarnation: { id, runner, epoch }, generation }: Self["Service"]) => {
  for (const tag of [incarnationTag(id), "park/1"]) {
    space.commit({
      tag,
      token: `fence of ${tag}`,
      generation,
      found: false,
      guard: { _tag: "Compared" },
      reads: [],
      changes: [{ _tag: "Fence", runner, epoch: { ...epoch, node: epoch.node + 1 } }],
      tell: []
    })
  }
}

const ownersIn = (twins: Twins) => membersIn(twins, "park/1").map(({ owner }) => owner?.incarnation)
const indexOf = ({ space }: Twins, incarnation: string) =>
  [...space.snapshot(incarnationTag(incarnation), "", "").entries.keys()].sort()

describe("a runner with phones", () => {
  it.effect("names whoever comes while the space goes back, after it has named all who are here (P6)", () =>
    Effect.gen(function* () {
      const [twins, watch, back] = [new Twins(), new Watch(), yield* Deferred.make<void>()]
      const home = yield* house(twins, { watch })
      const saved = twins.space.save()
      watch.before = ({ tag }) => (tag.startsWith("g_") ? Deferred.await(back) : Effect.void)
      const phone = yield* home.connect(hello())
      twins.space.rewind(saved)
      yield* pass(2)
      yield* Deferred.succeed(back, undefined)
      yield* pass(2)
      assert.deepStrictEqual(phone.brief, ["1 hello"])
      const names = [...home.sessions.all()].map(({ guest }) => `guest/${guest}`)
      assert.deepStrictEqual(indexOf(twins, home.self.incarnation.id), [...names, "lease"])
    })
  )

  it.effect("takes all of them over when its place has expired, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { twins, home, phones } = yield* crowd
      const former = home.self.incarnation.id
      const index = indexOf(twins, former)
      twins.ensemble.expire(former)
      yield* pass(2)
      const now = home.self.incarnation.id
      assert.notStrictEqual(now, former)
      assert.deepStrictEqual(ownersIn(twins), [now, now])
      assert.deepStrictEqual(indexOf(twins, now), index)
      assert.deepStrictEqual(indexOf(twins, former), [])
      for (const phone of phones) {
        assert.isUndefined(phone.disconnectedWith)
        phone.say(saying(3))
        yield* settle
        assert.strictEqual(phone.brief.at(-1), "3 say")
      }
      yield* pass(5)
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
    })
  )

  it.effect("tells whose session has ended meanwhile that it has, and keeps the others", () =>
    Effect.gen(function* () {
      const { twins, home, phones } = yield* crowd
      const [session] = home.sessions.all()
      assert(session !== undefined)
      twins.space.commit({
        tag: session.guest,
        token: "its end",
        generation: home.self.generation,
        found: false,
        guard: { _tag: "Compared" },
        reads: [],
        changes: [{ _tag: "Delete", key: sessionKey }],
        tell: []
      })
      twins.ensemble.expire(home.self.incarnation.id)
      yield* pass(2)
      assert.deepStrictEqual(
        phones.map(({ disconnectedWith }) => disconnectedWith),
        [DisconnectCode.DISCONNECT_CODE_SESSION_ENDED, undefined]
      )
      assert.deepStrictEqual(home.self.troubles(), [])
    })
  )

  it.effect(
    "has its phones ask again what it was asked while it was another: they may have asked it elsewhere since",
    () =>
      Effect.gen(function* () {
        const { twins, home } = yield* crowd
        const [session] = home.sessions.all()
        assert(session !== undefined)
        const askedBefore = session.askedNow()
        assert.strictEqual(yield* askedBefore(Effect.succeed("done")), "done")
        twins.ensemble.expire(home.self.incarnation.id)
        yield* pass(2)
        const { code } = yield* Effect.flip(askedBefore(Effect.succeed("done")))
        assert.strictEqual(code, ErrorCode.ERROR_CODE_UNAVAILABLE)
        assert.strictEqual(yield* session.askedNow()(Effect.succeed("done")), "done")
      })
  )

  it.effect("hears what was answered to its former incarnation", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      // Another applies: its answers go to whoever asked.
      const { connect, self } = yield* house(twins, { settings, applies: false })
      const phone = yield* connect(hello(), entering(2))
      phone.say(saying(3))
      yield* settle
      twins.ensemble.expire(self.incarnation.id)
      yield* pass(1)
      yield* house(twins, { id: "r2", settings })
      yield* settle
      assert.strictEqual(phone.brief.at(-1), "3 say")
    })
  )

  it.effect("sends them to come back when it was fenced, and holds what they come back to", () =>
    Effect.gen(function* () {
      const { twins, home, phones } = yield* crowd
      fence(twins, home.self)
      yield* pass(2)
      for (const { disconnectedWith } of phones) {
        assert.strictEqual(disconnectedWith, DisconnectCode.DISCONNECT_CODE_FENCED)
      }
      const now = home.self.incarnation.id
      assert.deepStrictEqual(ownersIn(twins), [now, now])
      assert.deepStrictEqual(
        membersIn(twins, "park/1").map(({ state }) => state),
        [PresenceState.PRESENCE_STATE_LOST, PresenceState.PRESENCE_STATE_LOST]
      )
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
    })
  )

  it.effect("sends them to come back as soon as it is fenced, also while it finds no other place", () =>
    Effect.gen(function* () {
      const { twins, home, phones } = yield* crowd
      const { id: former } = home.self.incarnation
      const { ensemble } = twins
      const { join } = ensemble
      ensemble.join = () => assert.fail("planted: the roster is away")
      // As of a runner that stood still: it finds its place expired, and only then that it was swept.
      ensemble.expire(former)
      yield* pass(1)
      for (const { disconnectedWith } of phones) assert.isUndefined(disconnectedWith)
      fence(twins, home.self)
      yield* pass(1)
      assert.strictEqual(home.self.incarnation.id, former)
      for (const { disconnectedWith } of phones) {
        assert.strictEqual(disconnectedWith, DisconnectCode.DISCONNECT_CODE_FENCED)
      }
      ensemble.join = join
      yield* pass(2)
      const now = home.self.incarnation.id
      assert.notStrictEqual(now, former)
      assert.deepStrictEqual(ownersIn(twins), [now, now])
      assert.deepStrictEqual(
        membersIn(twins, "park/1").map(({ state }) => state),
        [PresenceState.PRESENCE_STATE_LOST, PresenceState.PRESENCE_STATE_LOST]
      )
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
    })
  )

  it.effect("puts them back into an emptied space, and is not ready until then", () =>
    Effect.gen(function* () {
      const { twins, home, phones } = yield* crowd
      const numbers = membersIn(twins, "park/1").map(({ member }) => member)
      twins.space.flushQuietly()
      yield* pass(1)
      assert.deepStrictEqual(
        membersIn(twins, "park/1").map(({ member }) => member),
        numbers
      )
      assert.match(home.self.troubles().join(), /being put back/)
      yield* pass(5)
      assert.deepStrictEqual(home.self.troubles(), [])
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
      for (const phone of phones) assert.isUndefined(phone.disconnectedWith)
    })
  )

  it.effect(
    "knows of nothing that was asked before the space was emptied what became of it, and does not do it again",
    () =>
      Effect.gen(function* () {
        const { twins, phones } = yield* crowd
        const [phone] = phones
        assert(phone !== undefined)
        phone.say(saying(3))
        yield* settle
        assert.strictEqual(phone.brief.at(-1), "3 say")
        twins.space.flushQuietly()
        yield* pass(6)
        phone.say(saying(3), saying(4))
        yield* settle
        assert.deepStrictEqual(phone.brief.slice(-2), ["3 STALE_ID", "4 say"])
      })
  )

  it.effect(
    "whom it has put back it knows to have been put back also when they are lost: nothing was decided since",
    () =>
      Effect.gen(function* () {
        const { twins, home, phones } = yield* crowd
        const [session] = home.sessions.all()
        twins.space.flushQuietly()
        yield* pass(6)
        phones[0]?.close()
        yield* pass(1)
        const record = sessionIn(twins, session?.guest ?? "") ?? assert.fail("it is there")
        assert.deepStrictEqual([record.state, record.lastId], [PresenceState.PRESENCE_STATE_LOST, 2])
        assert.isTrue(isPutBack(record))
      })
  )

  it.effect(
    "does not do what waited while the space was emptied: its phone may have asked elsewhere, and asks again",
    () =>
      Effect.gen(function* () {
        const { twins, home, phones } = yield* crowd
        const [phone] = phones
        assert(phone !== undefined)
        twins.space.flushQuietly()
        for (const session of home.sessions.all()) home.sessions.judge(session)
        phone.say(saying(3))
        yield* settle
        assert.notInclude(phone.brief.at(-1), "3 ")
        yield* pass(2)
        assert.strictEqual(phone.brief.at(-1), "3 UNAVAILABLE")
        phone.say(saying(3))
        yield* settle
        assert.strictEqual(phone.brief.at(-1), "3 say")
      })
  )

  it.effect("tells a phone nothing of a claim by the dead, and REPLACED of one by the living", () =>
    Effect.gen(function* () {
      const { twins, home, phones } = yield* crowd
      const zombie = yield* house(twins, { id: "r2", settings, applies: false })
      twins.ensemble.forget(zombie.self.incarnation.id)
      const late = yield* zombie.connect(hello(1, guests[0]))
      yield* settle
      assert.isUndefined(phones[0]?.disconnectedWith)
      // It was told before it knew that it had the session; it learns so when it looks.
      zombie.self.look()
      yield* settle
      assert.strictEqual(late.disconnectedWith, DisconnectCode.DISCONNECT_CODE_REPLACED)
      phones[0]?.say(saying(3))
      yield* settle
      assert.strictEqual(phones[0]?.brief.at(-1), "3 say")
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
      const other = yield* house(twins, { id: "r3", settings, applies: false })
      yield* other.connect(hello(1, guests[1]))
      yield* settle
      assert.strictEqual(phones[1]?.disconnectedWith, DisconnectCode.DISCONNECT_CODE_REPLACED)
      assert.lengthOf([...home.sessions.all()], 1)
    })
  )

  it.effect("tells a phone nothing of a claim while nobody can say who lives, and then what is so", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      let isBlind = false
      const asking = Effect.suspend(() => (isBlind ? Effect.fail(rosterAway) : Effect.void))
      const home = yield* house(twins, { settings, asking })
      // One of them stands nowhere, so that nobody looks after its member.
      const outside = yield* home.connect(hello(1, guests[0]))
      const inside = yield* home.connect(hello(1, guests[1]), entering(2))
      const other = yield* house(twins, { id: "r2", settings, applies: false })
      isBlind = true
      for (const guest of guests) yield* other.connect(hello(1, guest))
      yield* pass(60)
      for (const { disconnectedWith } of [outside, inside]) assert.isUndefined(disconnectedWith)
      isBlind = false
      yield* pass(1)
      for (const { disconnectedWith } of [outside, inside]) {
        assert.strictEqual(disconnectedWith, DisconnectCode.DISCONNECT_CODE_REPLACED)
      }
      assert.deepStrictEqual([...home.sessions.all()], [])

      isBlind = true
      const late = yield* home.connect(hello(1, guests[1]), entering(2))
      twins.ensemble.forget(other.self.incarnation.id)
      yield* other.connect(hello(1, guests[1]))
      yield* pass(2)
      assert.isUndefined(late.disconnectedWith)
      isBlind = false
      yield* pass(2)
      assert.isUndefined(late.disconnectedWith)
      assert.deepStrictEqual(ownersIn(twins), [home.self.incarnation.id])
      late.say(saying(3))
      yield* settle
      assert.strictEqual(late.brief.at(-1), "3 say")
      assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
    })
  )

  it.effect("claims nothing back for a phone that was told REPLACED a moment ago", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const answered = Deferred.makeUnsafe<void>()
      let asking: Effect.Effect<void> = Effect.void
      const home = yield* house(twins, { settings, asking: Effect.suspend(() => asking) })
      const phone = yield* home.connect(hello(), entering(2))
      const other = yield* house(twins, { id: "r2", settings, applies: false })
      const dies = Effect.sync(() => {
        if (phone.disconnectedWith !== undefined) twins.ensemble.forget(other.self.incarnation.id)
      })
      asking = Effect.andThen(Deferred.await(answered), dies)
      // It is told of the claim, and looks by itself before it knows who lives: it would ask twice, and hear differently.
      yield* other.connect(hello(), entering(2))
      home.self.look()
      yield* settle
      assert.isUndefined(phone.disconnectedWith)
      Deferred.doneUnsafe(answered, Effect.void)
      yield* settle
      assert.strictEqual(phone.disconnectedWith, DisconnectCode.DISCONNECT_CODE_REPLACED)
      assert.deepStrictEqual(ownersIn(twins), [other.self.incarnation.id])
    })
  )
})
