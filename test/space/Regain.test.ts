/** What becomes of what a runner holds when the space, the roster or another runner says otherwise (P1, P3, P4, P9, L11, E2). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import { incarnationTag } from "../../src/space/Lease.ts"
import { membersCounter, sessionKey } from "../../src/space/PresenceWrites.ts"
import { numbersLeft } from "../../src/space/Regain.ts"
import { type Commit, idleKeptMs } from "../../src/space/SharedSpace.ts"
import { memberKey } from "../../src/space/Tag.ts"
import { type Runner, rosterAway, runner, settle, spaceAway, Twins, Watch } from "./Harness.ts"
import { membersIn, refusal, sessionIn, wrongs } from "./Members.ts"
import { guest, named, park, standing, stateOf } from "./Standing.ts"

const { PRESENCE_STATE_AWAY, PRESENCE_STATE_LOST, PRESENCE_STATE_PRESENT } = PresenceState
const at = { xCm: 5, yCm: 6 }

/** A second passes, and what the runners do in it. */
const second = Effect.andThen(TestClock.adjust("1 second"), settle)

/** Everything is settled after it. */
const seconds = Effect.forEach(Array.from({ length: 6 }), () => second, { discard: true })

/** A commit of somebody else, or of chance. */
const commitOn = ({ self }: Runner, tag: string, changes: Commit["changes"]): Commit => ({
  tag,
  token: crypto.randomUUID(),
  generation: self.generation,
  found: false,
  guard: { _tag: "Compared" },
  reads: [],
  changes,
  tell: []
})

const losing = (member: number): Commit["changes"] => [
  { _tag: "Delete", key: memberKey(member) },
  { _tag: "Count", counter: membersCounter, by: -1, max: Number.MAX_SAFE_INTEGER }
]

describe("what a runner holds", () => {
  it.effect("stays as it is where it is as it was", () =>
    Effect.gen(function* () {
      const { first, held, member } = yield* standing
      assert.deepStrictEqual(yield* first.presence.regain(held, 0, at), {
        _tag: "Held",
        held,
        member,
        isClaimedBack: false
      })
      assert.deepStrictEqual(first.watch.tags, [])
    })
  )

  it.effect("is named before it is put back, whoever puts it back first in a new generation (P6)", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      twins.space.flush()
      yield* second
      first.watch.forget()
      const regained = yield* first.presence.regain(held, 0, at)
      assert.strictEqual(regained._tag, "Held")
      assert.deepStrictEqual(first.watch.tags.slice(0, 2), [incarnationTag(first.self.incarnation.id), guest])
      const { entries } = twins.space.snapshot(incarnationTag(first.self.incarnation.id), "", "")
      assert.includeMembers([...entries.keys()], [`guest/${guest}`, "channel/park/1"])
      // All of them are named in one go, and not again for each.
      yield* first.presence.indexAll([held])
      first.watch.forget()
      yield* first.presence.regain(held, 0, at)
      assert.notInclude(first.watch.tags, incarnationTag(first.self.incarnation.id))
    })
  )

  it.effect("is taken over by the next incarnation, after which the former changes nothing", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const former = first.self.incarnation
      twins.ensemble.expire(former.id)
      yield* settle
      first.watch.forget()
      yield* first.presence.indexAll([held])
      const regained = yield* first.presence.regain(held, 0, at)
      const now = first.self.incarnation
      assert.deepStrictEqual(first.watch.tags, [incarnationTag(now.id), guest, "park/1"], "rules P6, P1")
      assert.strictEqual(sessionIn(twins, guest)?.owner?.incarnation, now.id)
      assert.strictEqual(membersIn(twins, "park/1")[0]?.owner?.incarnation, now.id)
      assert.strictEqual(sessionIn(twins, guest)?.owner?.connection, held.owner.connection)
      assert.strictEqual(yield* refusal(first.presence.leave(held, 3)), "NotOwner")
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
      assert(regained._tag === "Held")
      assert.strictEqual(yield* refusal(first.presence.leave(regained.held, 3)), "granted")
      yield* first.presence.unindex(former)
      assert.deepStrictEqual([...twins.space.snapshot(incarnationTag(former.id), "", "").entries], [])
    })
  )

  it.effect("is put back into an emptied space: same number, counted; numbers and connections go on above", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const again = yield* first.presence.enter(held, park(1, 3))
      assert.strictEqual(again.member.member, 2)
      twins.space.flushQuietly()
      yield* second
      const regained = yield* first.presence.regain(again.held, 0, at)
      assert.strictEqual(regained._tag, "Held")
      assert.deepStrictEqual(
        membersIn(twins, "park/1").map(({ member, state, xCm }) => [member, state, xCm]),
        [[2, PRESENCE_STATE_PRESENT, at.xCm]]
      )
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
      const other = yield* first.presence.begin("g_B", named("s_B"))
      assert.strictEqual((yield* first.presence.enter(other, park(1))).member.member, numbersLeft + 3)
      const newer = yield* first.presence.begin(guest, named("s_2"))
      assert.isAbove(newer.owner.connection, again.held.owner.connection)
    })
  )

  it.effect("is written again where the space has gone back behind it", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const saved = twins.space.save()
      const moved = yield* first.presence.enter(held, park(2, 3))
      yield* first.presence.begin("g_B", named("s_B"))
      twins.space.rewind(saved)
      yield* settle
      assert.strictEqual((yield* first.presence.regain(moved.held, 0, at))._tag, "Held")
      assert.strictEqual(sessionIn(twins, guest)?.channel, "park/2")
      assert.isTrue(yield* first.presence.removeOrphan("park/1", 1))
      assert.deepStrictEqual(wrongs(twins, ["park/1", "park/2"], [guest]), [])
    })
  )

  it.effect("is given up when it has ended meanwhile", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      twins.space.commit(commitOn(first, guest, [{ _tag: "Delete", key: sessionKey }]))
      assert.strictEqual((yield* first.presence.regain(held, 0, at))._tag, "Ended")
      assert.deepStrictEqual(first.watch.tags, [])
    })
  )

  it.effect(
    "has ended, where this runner was out of touch until nothing could be left of it; else it is put back",
    () =>
      Effect.gen(function* () {
        for (const [awayMs, expected] of [
          [idleKeptMs - 2_000, "Held"],
          [idleKeptMs, "Ended"]
        ] as const) {
          const { twins, first, held } = yield* standing
          const healed: Array<string> = []
          const regained = Effect.map(first.presence.regain(held, 0, at), ({ _tag }) => _tag)
          yield* first.self.onChange(() => Effect.map(regained, (tag) => void healed.push(tag)))
          first.watch.isAway = true
          yield* TestClock.adjust(awayMs)
          // A watcher ended it, and then it was no more. Only its lease is as it was.
          twins.space.commit(commitOn(first, guest, [{ _tag: "RemoveTag" }]))
          first.watch.isAway = false
          assert.strictEqual(yield* regained, expected)
          if (expected === "Held") continue
          yield* second
          assert.deepStrictEqual(healed, [expected], "all that it holds is looked at, before it trusts what is missing")
          assert.strictEqual(yield* regained, "Held", "in touch again, what is missing was lost")
        }
      })
  )

  it.effect("must come back when others were told that it is gone", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const record: SessionRecord = { ...held.record, state: PRESENCE_STATE_LOST, lostMs: 1 }
      const value = SessionRecord.encode(record).finish()
      twins.space.commit(commitOn(first, guest, [{ _tag: "Put", key: sessionKey, value, owner: held.owner }]))
      const regained = yield* first.presence.regain(held, 0, at)
      assert(regained._tag === "Swept")
      assert.strictEqual(regained.held.record.state, PRESENCE_STATE_LOST)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_LOST])
    })
  )

  it.effect("is here when it enters behind a sweep, before anybody has looked at it", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      twins.ensemble.expire(first.self.incarnation.id)
      yield* settle
      const swept = { ...held.record, state: PRESENCE_STATE_AWAY, lostMs: 1 }
      const value = SessionRecord.encode(SessionRecord.fromPartial(swept)).finish()
      twins.space.commit(commitOn(first, guest, [{ _tag: "Put", key: sessionKey, value, owner: held.owner }]))
      assert.strictEqual(yield* refusal(first.presence.enter(held, { ...park(2, 3), capacity: 0 })), "Full")
      assert.strictEqual(sessionIn(twins, guest)?.state, PRESENCE_STATE_AWAY, "nothing has happened")
      const entered = yield* first.presence.enter(held, park(2, 3))
      assert.strictEqual(entered.held.record.state, PRESENCE_STATE_PRESENT)
      assert.deepStrictEqual(wrongs(twins, ["park/1", "park/2"], [guest]), [])
    })
  )

  it.effect("whose number was given to another enters anew", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      twins.space.flushQuietly()
      yield* second
      // Nobody knew of the one who held it: too late for its runner.
      const other = yield* first.presence.begin("g_B", named("s_B"))
      assert.strictEqual((yield* first.presence.enter(other, park(1))).member.member, 1)
      const regained = yield* first.presence.regain(held, 0, at)
      assert(regained._tag === "Swept")
      assert.strictEqual(regained.held.record.channel, "")
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest, "g_B"]), [])
    })
  )

  it.effect("is shown also where putting it back broke off half-way", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      twins.space.commit(commitOn(first, member.tag, losing(member.member)))
      first.watch.after = ({ tag }) => (tag === member.tag ? Effect.interrupt : Effect.void)
      yield* Effect.exit(first.presence.putBack(held, at))
      first.watch.after = () => Effect.void
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PresenceState.PRESENCE_STATE_HIDDEN])
      yield* first.presence.putBack(held, at)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PRESENCE_STATE_PRESENT])
    })
  )

  it.effect("stands where it stood when entering broke off half-way", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      // Named in the index and claimed; then nothing more can be written for a while.
      first.watch.before = () => (first.watch.commits.length >= 2 ? Effect.fail(spaceAway) : Effect.void)
      const entering = yield* Effect.forkChild(Effect.exit(first.presence.enter(held, park(2, 3))))
      for (let turn = 0; turn < 40; turn++) yield* second
      assert.strictEqual((yield* Fiber.join(entering))._tag, "Failure")
      first.watch.before = () => Effect.void
      assert.strictEqual(sessionIn(twins, guest)?.channel, "park/2")
      const regained = yield* first.presence.regain(held, 0, at)
      assert(regained._tag === "Held")
      assert.strictEqual(regained.member?.member, member.member)
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
    })
  )
})

describe("claims (rule P4)", () => {
  it.effect("of somebody who does not live are undone, but not what the phone has done there since", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const other = yield* runner(twins, { id: "r2" })
      const there = yield* other.presence.resume(guest, { session: "s_1", serial: 1, id: 9 })
      yield* other.presence.enter(there.held, park(2, 10))
      twins.ensemble.forget(other.self.incarnation.id)
      const regained = yield* first.presence.regain(held, 0, at)
      // Its phone must come back: it was told of another place.
      assert(regained._tag === "Swept")
      assert.isTrue(regained.isClaimedBack)
      assert.strictEqual(regained.held.record.channel, "park/2")
      assert.deepStrictEqual(
        regained.held.record.enters.map(({ id }) => id),
        [...held.record.enters.map(({ id }) => id), 10]
      )
      assert.deepStrictEqual(wrongs(twins, ["park/1", "park/2"], [guest]), [])
    })
  )

  it.effect("of somebody who lives stand; of somebody who does not are undone", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      const zombie = yield* runner(twins, { id: "r2" })
      const claim = { session: "s_1", serial: 1, id: 9 }
      yield* zombie.presence.resume(guest, claim)
      assert.strictEqual((yield* first.presence.regain(held, 0, at))._tag, "Replaced")
      twins.ensemble.forget(zombie.self.incarnation.id)
      const regained = yield* first.presence.regain(held, 0, at)
      assert(regained._tag === "Held")
      assert.strictEqual(regained.member?.member, member.member)
      assert.isAbove(regained.held.owner.connection, held.owner.connection + 1)
      assert.strictEqual(sessionIn(twins, guest)?.owner?.incarnation, first.self.incarnation.id)
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
    })
  )

  it.effect("of somebody of whom nobody can say whether they live are looked at again", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      let isBlind = false
      const asking = Effect.suspend(() => (isBlind ? Effect.fail(rosterAway) : Effect.void))
      const first = yield* runner(twins, { asking })
      const { held } = yield* first.presence.enter(yield* first.presence.begin(guest, named("s_1")), park(1))
      const other = yield* runner(twins, { id: "r2" })
      const taken = yield* other.presence.resume(guest, { session: "s_1", serial: 1, id: 9 })
      first.watch.forget()
      isBlind = true
      assert.strictEqual((yield* first.presence.regain(held, 0, at))._tag, "Unjudged")
      isBlind = false
      // Neither is in the roster, and the one that asks has not been told.
      for (const { self } of [first, other]) twins.ensemble.forget(self.incarnation.id)
      assert.strictEqual((yield* first.presence.regain(held, 0, at))._tag, "Unjudged")
      assert.deepStrictEqual(first.watch.tags, [])
      assert.strictEqual(sessionIn(twins, guest)?.owner?.connection, taken.held.owner.connection)
    })
  )

  it.effect("by a second hello of a dead runner: the session is the one that has a phone", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const zombie = yield* runner(twins, { id: "r2" })
      twins.ensemble.forget(zombie.self.incarnation.id)
      yield* zombie.presence.begin(guest, named("s_2"))
      assert.strictEqual((yield* first.presence.regain(held, 0, at))._tag, "Held")
      assert.strictEqual(sessionIn(twins, guest)?.session, "s_1")
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
    })
  )

  it.effect("by a second hello of somebody who lived then: the session is over, and what it asked forgotten (L6)", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const other = yield* runner(twins, { id: "r2" })
      yield* other.presence.begin(guest, named("s_2"))
      twins.ensemble.forget(other.self.incarnation.id)
      assert.strictEqual((yield* first.presence.regain(held, 0, at))._tag, "Ended")
      assert.strictEqual(sessionIn(twins, guest)?.session, "s_2", "its phone may come back to it")
      assert.deepStrictEqual(stateOf(twins, "park/1"), [])
    })
  )

  it.effect("by a second hello of a dead runner, which is late: the member that was taken over meanwhile stays", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      const watch = new Watch()
      const zombie = yield* runner(twins, { id: "r2", watch })
      // It has claimed the session; before it removes who stood there, the session is claimed back.
      watch.before = ({ tag }) => {
        if (tag !== member.tag) return Effect.void
        twins.ensemble.forget(zombie.self.incarnation.id)
        return Effect.ignore(first.presence.regain(held, 0, at))
      }
      yield* zombie.presence.begin(guest, named("s_0"))
      assert.strictEqual(sessionIn(twins, guest)?.session, "s_1")
      assert.deepStrictEqual(stateOf(twins, member.tag), [PRESENCE_STATE_PRESENT])
      const forgets = watch.commits.some(({ changes }) => changes.some(({ _tag }) => _tag === "Forget"))
      assert.isFalse(forgets, "what it asked is remembered (rule L6)")
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
    })
  )

  it.effect.each([
    ["put back", "Count"],
    ["shown", "Put"]
  ])("end a session also while its member is %s, which then stands nowhere (P1, P2)", ([, writing]) =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      const other = yield* runner(twins, { id: "r2" })
      twins.space.commit(commitOn(first, member.tag, losing(member.member)))
      first.watch.before = ({ tag, changes: [change] }) => {
        if (tag !== member.tag || change?._tag !== writing) return Effect.void
        first.watch.before = () => Effect.void
        return Effect.ignore(other.presence.begin(guest, named("s_2")))
      }
      assert.strictEqual(yield* refusal(first.presence.putBack(held, at)), "NotOwner")
      assert.strictEqual(sessionIn(twins, guest)?.session, "s_2")
      assert.notInclude(stateOf(twins, member.tag), PRESENCE_STATE_PRESENT)
      yield* first.presence.removeOrphan(member.tag, member.member)
      assert.deepStrictEqual(wrongs(twins, [member.tag], [guest]), [])
    })
  )

  it.effect("of a fenced incarnation are none", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* standing
      const { id, runner, epoch } = first.self.incarnation
      const fence = { _tag: "Fence", runner, epoch: { ...epoch, node: epoch.node + 1 } } as const
      twins.space.commit(commitOn(first, incarnationTag(id), [fence]))
      assert.strictEqual(yield* refusal(first.presence.begin(guest, named("s_9"))), "Fenced")
      assert.strictEqual(sessionIn(twins, guest)?.session, "s_1")
    })
  )

  it.effect("of what is missing wait until everything is put back", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* standing
      twins.space.flushQuietly()
      yield* second
      const claim = first.presence.resume(guest, { session: "s_1", serial: 1, id: 9 })
      const early = yield* Effect.forkChild(refusal(claim))
      yield* seconds
      assert.strictEqual(yield* Fiber.join(early), "SpaceError")
      assert.strictEqual(yield* refusal(claim), "Ended")
    })
  )
})
