/** Presence as rules P1 to P5 have it, over the memory twins: the order of the writes, who may write, what is given back. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { GoneReason } from "../../gen/noriter/client/v1/playground.ts"
import { MemberTold } from "../../gen/noriter/runner/v1/playground.ts"
import { ClaimTold } from "../../gen/noriter/runner/v1/session.ts"
import { MemberRecord, PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { decodeRunner } from "../../gen/registry.ts"
import type { Held } from "../../src/space/Held.ts"
import { sessionKey } from "../../src/space/PresenceWrites.ts"
import { numbersLeft } from "../../src/space/Regain.ts"
import { decodeFrames } from "../../src/wire/Frame.ts"
import { listen, runner, spaceAway, Twins } from "./Harness.ts"
import { heal, membersIn, refusal, sessionIn, wrongs } from "./Members.ts"
import { guest, lost, named, park, seen, standing, stateOf } from "./Standing.ts"

const { PRESENCE_STATE_HIDDEN, PRESENCE_STATE_PRESENT, PRESENCE_STATE_LOST, PRESENCE_STATE_AWAY } = PresenceState

const tellsOf = (frames: ReadonlyArray<Uint8Array>): ReadonlyArray<ClaimTold | MemberTold> =>
  frames.flatMap((bytes) => {
    const decoded = decodeFrames(bytes)
    const all = decoded._tag === "Success" ? decoded.success : []
    return all.flatMap(({ key, body }) => {
      const message = decodeRunner(key, body)
      return message?.$type === ClaimTold.$type || message?.$type === MemberTold.$type ? [message] : []
    })
  })

describe("P1: truth first, in both directions", () => {
  it.effect("enter: index, claim, put hidden, named, shown; then the former place is given up", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const states: Array<ReadonlyArray<PresenceState>> = []
      first.watch.after = ({ tag }) => Effect.sync(() => void (tag === "park/2" && states.push(stateOf(twins, tag))))
      const inc = `inc/${first.self.incarnation.id}`
      const entered = yield* first.presence.enter(held, park(2, 3))
      assert.deepStrictEqual(first.watch.tags, [inc, guest, "park/2", guest, "park/2", "park/1"])
      assert.deepStrictEqual(states, [[PRESENCE_STATE_HIDDEN], [PRESENCE_STATE_PRESENT]])
      assert.isAbove(entered.held.owner.connection, held.owner.connection)
      assert.deepStrictEqual(wrongs(twins, ["park/1", "park/2"], [guest]), [])
      assert.lengthOf(membersIn(twins, "park/1"), 0)
    })
  )

  it.effect("leave, loss, end and a second hello: the session first, the member after it", () =>
    Effect.gen(function* () {
      const a = yield* standing
      yield* a.first.presence.leave(a.held, 3)
      assert.deepStrictEqual(a.first.watch.tags, [guest, "park/1"])
      const b = yield* standing
      const moved = yield* b.first.presence.moveOn(b.held, yield* lost, 7)
      assert.deepStrictEqual(b.first.watch.tags, [guest, "park/1"])
      assert.strictEqual(sessionIn(b.twins, guest)?.lastId, 7)
      yield* TestClock.adjust("30 seconds")
      b.first.watch.forget()
      assert.strictEqual(moved === "ended" ? moved : yield* b.first.presence.moveOn(moved, yield* seen, 0), "ended")
      assert.deepStrictEqual(b.first.watch.tags, [guest, "park/1", "park/1"])
      const c = yield* standing
      yield* c.first.presence.begin(guest, named("s_2"))
      assert.deepStrictEqual(c.first.watch.tags, [`inc/${c.first.self.incarnation.id}`, guest, "park/1", "park/1"])
      for (const { twins } of [a, b, c]) assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
    })
  )

  it.effect("an orphan is removed, a named member and one that is entering are not", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      assert.isFalse(yield* first.presence.removeOrphan("park/1", member.member))
      const asked: Array<boolean> = []
      first.watch.after = ({ tag }) =>
        tag !== "park/2"
          ? Effect.void
          : Effect.map(Effect.orDie(first.presence.removeOrphan("park/2", 1)), (was) => void asked.push(was))
      yield* first.presence.enter(held, park(2, 3))
      assert.deepStrictEqual(asked, [false, false])
      // The session is gone, its member is not: the runner died between the two.
      twins.space.commit({ ...commitOn(first, guest), changes: [{ _tag: "Delete", key: sessionKey }] })
      assert.include(wrongs(twins, ["park/2"], []), "park/2/1 is an orphan, shown")
      assert.isTrue(yield* first.presence.removeOrphan("park/2", 1))
      assert.isFalse(yield* first.presence.removeOrphan("park/2", 1))
      assert.deepStrictEqual(wrongs(twins, ["park/2"], [guest]), [])
    })
  )

  it.effect("a missing member is put back under its number, is told, and numbers go on above it", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const again = yield* first.presence.enter(held, park(1, 3))
      assert.strictEqual(again.member.member, 2)
      const { tags, marker } = twins.space.save()
      twins.space.rewind({ marker, tags: new Map([...tags].filter(([tag]) => tag !== "park/1")) })
      assert.include(wrongs(twins, ["park/1"], [guest]), `${guest}'s member park/1/2 is missing`)
      const frames = yield* listen(twins, "park/1")
      const back = yield* first.presence.putBack(again.held, { xCm: 7, yCm: 8 })
      assert(back?.member === 2)
      assert.deepStrictEqual(
        tellsOf(frames).map((told) => told.$type === MemberTold.$type && told.version),
        [back.version]
      )
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
      const other = yield* first.presence.begin("g_B", named("s_B"))
      assert.strictEqual((yield* first.presence.enter(other, park(1))).member.member, numbersLeft + 3)
    })
  )
})

/** A commit beside presence, as an operator's mistake or a dead runner leaves it. */
const commitOn = ({ self }: { readonly self: { readonly generation: { era: number; n: number } } }, tag: string) =>
  ({
    tag,
    token: crypto.randomUUID(),
    generation: self.generation,
    found: false,
    guard: { _tag: "Compared" },
    reads: [],
    changes: [],
    tell: []
  }) as const

describe("P2: number and slot", () => {
  it.effect("come at entering and go back at ended: lost and away keep them", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      let session: Held | "ended" = yield* first.presence.moveOn(held, yield* lost, 0)
      for (const [after, state] of [
        ["4999 millis", PRESENCE_STATE_LOST],
        ["1 millis", PRESENCE_STATE_AWAY],
        ["24999 millis", PRESENCE_STATE_AWAY]
      ] as const) {
        yield* TestClock.adjust(after)
        assert.notStrictEqual(session, "ended")
        if (session !== "ended") session = yield* first.presence.moveOn(session, yield* seen, 0)
        assert.deepStrictEqual(stateOf(twins, "park/1"), [state])
        assert.strictEqual(membersIn(twins, "park/1")[0]?.member, member.member)
        assert.strictEqual(sessionIn(twins, guest)?.state, state)
      }
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(session === "ended" ? "" : yield* first.presence.moveOn(session, yield* seen, 0), "ended")
      assert.isUndefined(sessionIn(twins, guest))
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
    })
  )

  it.effect("its deadlines stand in both tags", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      yield* TestClock.adjust("1 second")
      const moved = yield* first.presence.moveOn(held, yield* lost, 0)
      const due = (nowMs: number) => [guest, "park/1"].map((tag) => twins.space.due(tag, nowMs, 9))
      assert.deepStrictEqual(due(5_999), [[], []])
      assert.deepStrictEqual(due(6_000), [[sessionKey], [`member/${member.member}`]])
      yield* TestClock.adjust("5 seconds")
      if (moved !== "ended") yield* first.presence.moveOn(moved, yield* seen, 0)
      assert.deepStrictEqual(due(30_999), [[], []])
      assert.deepStrictEqual(due(31_000), [[sessionKey], [`member/${member.member}`]])
    })
  )

  it.effect("the 5,001st is refused Full, and stands where it stood", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      twins.space.commit({
        ...commitOn(first, "park/2"),
        found: true,
        changes: [{ _tag: "Count", counter: "members", by: 4_999, max: 5_000 }]
      })
      const other = yield* first.presence.begin("g_B", named("s_B"))
      yield* first.presence.enter(other, park(2)) // the 5,000th
      const before = sessionIn(twins, guest)
      assert.strictEqual(yield* refusal(first.presence.enter(held, park(2, 3))), "Full")
      assert.deepStrictEqual(sessionIn(twins, guest), before)
      assert.lengthOf(membersIn(twins, "park/2"), 1)
      // It goes on with what it held: elsewhere, and lost where it stood.
      const elsewhere = yield* first.presence.enter(held, park(3, 4))
      assert.notStrictEqual(elsewhere.member.tag, member.tag)
      assert.strictEqual(yield* refusal(first.presence.enter(elsewhere.held, park(2, 5))), "Full")
      yield* first.presence.moveOn(elsewhere.held, yield* lost, 0)
      assert.deepStrictEqual(stateOf(twins, "park/3"), [PRESENCE_STATE_LOST])
      assert.deepStrictEqual(wrongs(twins, ["park/1", "park/3"], [guest]), [])
    })
  )

  it.effect("a space that goes away while entering leaves the session where it stood", () =>
    Effect.gen(function* () {
      for (const failing of [1, 2, 3]) {
        const { twins, first, held } = yield* standing
        let channelCommits = 0
        const before = sessionIn(twins, guest)
        first.watch.before = ({ tag, changes: [change] }) =>
          Effect.suspend(() => {
            const step = change?._tag === "Delete" ? 0 : tag === "park/2" ? ++channelCommits : 0
            return failing < 3 && step >= failing ? Effect.fail(spaceAway) : Effect.void
          })
        const entering = yield* Effect.forkChild(refusal(first.presence.enter(held, park(2, 3))))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* Fiber.join(entering), failing < 3 ? "SpaceError" : "granted")
        if (failing < 3) assert.deepStrictEqual(sessionIn(twins, guest), before)
        assert.deepStrictEqual(wrongs(twins, ["park/1", "park/2"], [guest]), [], `failing at ${failing}`)
      }
    })
  )
})

describe("P3 and P4: owners and claims", () => {
  const resumeBy = (held: Held, id: number, serial = held.record.token) => ({
    session: held.record.session,
    serial,
    id
  })

  it.effect("a resume takes session and member over; what the replaced one writes late is refused", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      const second = yield* runner(twins, { id: "r2" })
      const told = yield* listen(twins, first.self.incarnation.id)
      const resumed = yield* second.presence.resume(guest, resumeBy(held, 5))
      assert.strictEqual(resumed.member?.member, member.member)
      assert.strictEqual(membersIn(twins, "park/1")[0]?.owner?.incarnation, second.self.incarnation.id)
      const [claim] = tellsOf(told)
      assert.strictEqual(claim?.$type === ClaimTold.$type && claim.connection, resumed.held.owner.connection)
      const before = twins.space.save()
      assert.strictEqual(yield* refusal(first.presence.enter(held, park(2, 6))), "NotOwner")
      assert.strictEqual(yield* refusal(first.presence.leave(held, 6)), "NotOwner")
      assert.strictEqual(yield* refusal(first.presence.moveOn(held, yield* lost, 0)), "NotOwner")
      assert.strictEqual(yield* refusal(first.presence.tokenHeld(held)), "NotOwner")
      const [a, b] = [before, twins.space.save()].map(({ tags }) => [
        tags.get(guest)?.entries,
        tags.get("park/1")?.entries
      ])
      assert.deepStrictEqual(a, b)
    })
  )

  it.effect("a resume puts a missing member back; where its number was given to another it is outside", () =>
    Effect.gen(function* () {
      const { twins, first, held, member } = yield* standing
      const { tags, marker } = twins.space.save()
      const lose = () => twins.space.rewind({ marker, tags: new Map([...tags].filter(([tag]) => tag !== "park/1")) })
      lose()
      const back = yield* first.presence.resume(guest, resumeBy(held, 5))
      assert.strictEqual(back.member?.member, member.member)
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest]), [])
      lose()
      const other = yield* first.presence.begin("g_B", named("s_B"))
      assert.strictEqual((yield* first.presence.enter(other, park(1))).member.member, member.member)
      const again = yield* first.presence.resume(guest, resumeBy(held, 5))
      assert.isUndefined(again.member)
      assert.strictEqual(again.held.record.channel, "")
      assert.deepStrictEqual(wrongs(twins, ["park/1"], [guest, "g_B"]), [])
    })
  )

  it.effect("entering claims for the same socket, and is told to nobody", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const told = yield* listen(twins, first.self.incarnation.id)
      yield* first.presence.enter(held, park(2, 3))
      assert.deepStrictEqual(tellsOf(told), [])
      yield* first.presence.begin(guest, named("s_2"))
      assert.lengthOf(tellsOf(told), 1)
    })
  )

  it.effect("of two claims the later holds; whoever was entering meanwhile shows nobody", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const second = yield* runner(twins, { id: "r2" })
      let claims = 0
      first.watch.after = ({ tag }) =>
        tag !== "park/2" || claims++ > 0
          ? Effect.void
          : Effect.asVoid(Effect.orDie(second.presence.resume(guest, resumeBy(held, 5))))
      assert.strictEqual(yield* refusal(first.presence.enter(held, park(2, 3))), "NotOwner")
      assert.strictEqual(sessionIn(twins, guest)?.channel, "")
      assert.notInclude(stateOf(twins, "park/2"), PRESENCE_STATE_PRESENT)
      yield* heal(twins, second, guest, ["park/1", "park/2"])
      assert.deepStrictEqual(wrongs(twins, ["park/1", "park/2"], [guest]), [])
    })
  )

  it.effect("a lower claim is refused, an equal one is not; a token is spent once a newer one is held", () =>
    Effect.gen(function* () {
      const { first, held } = yield* standing
      assert.strictEqual(yield* refusal(first.presence.resume("g_none", resumeBy(held, 9))), "Ended")
      assert.strictEqual(
        yield* refusal(first.presence.resume(guest, { ...resumeBy(held, 9), session: "s_0" })),
        "Ended"
      )
      const one = (yield* first.presence.resume(guest, resumeBy(held, 9))).held
      assert.deepStrictEqual([one.record.token, one.record.tokenHeld], [2, 1])
      assert.strictEqual(yield* refusal(first.presence.resume(guest, resumeBy(held, 8))), "Stale")
      // Its answer was lost: the phone has the old token still, and it is good.
      const two = (yield* first.presence.resume(guest, resumeBy(held, 9, 1))).held
      assert.strictEqual(two.record.token, 3)
      const three = yield* first.presence.tokenHeld(two)
      assert.strictEqual(yield* refusal(first.presence.resume(guest, resumeBy(held, 10, 1))), "Spent")
      assert.strictEqual(yield* refusal(first.presence.resume(guest, resumeBy(held, 10, 2))), "Spent")
      assert.strictEqual((yield* first.presence.resume(guest, resumeBy(three, 10))).held.record.token, 4)
    })
  )

  it.effect("a fenced incarnation creates and takes over no member", () =>
    Effect.gen(function* () {
      const { twins, first, held } = yield* standing
      const { runner: name, epoch } = first.self.incarnation
      const fence = { _tag: "Fence", runner: name, epoch: { ...epoch, node: epoch.node + 1 } } as const
      for (const tag of ["park/1", "park/2"]) {
        twins.space.commit({ ...commitOn(first, tag), found: true, changes: [fence] })
      }
      assert.strictEqual(yield* refusal(first.presence.enter(held, park(2, 3))), "Fenced")
      assert.strictEqual(sessionIn(twins, guest)?.channel, "park/1")
      assert.strictEqual(yield* refusal(first.presence.resume(guest, resumeBy(held, 5))), "Fenced")
    })
  )
})

describe("what views are told (C2)", () => {
  it.effect("of a member that is shown, lost, away and gone; not of one that is hidden", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const first = yield* runner(twins)
      const frames = yield* listen(twins, "park/1")
      const entered = yield* first.presence.enter(yield* first.presence.begin(guest, named("s_1")), park(1))
      const lostHeld = yield* first.presence.moveOn(entered.held, yield* lost, 0)
      yield* TestClock.adjust("5 seconds")
      const awayHeld = lostHeld === "ended" ? lostHeld : yield* first.presence.moveOn(lostHeld, yield* seen, 0)
      yield* TestClock.adjust("25 seconds")
      if (awayHeld !== "ended") yield* first.presence.moveOn(awayHeld, yield* seen, 0)
      const told = tellsOf(frames).map((one) =>
        one.$type === MemberTold.$type
          ? [one.record && MemberRecord.decode(one.record).state, one.reason, one.runner]
          : []
      )
      assert.deepStrictEqual(told, [
        [PRESENCE_STATE_PRESENT, GoneReason.GONE_REASON_UNSPECIFIED, "r1"],
        [PRESENCE_STATE_LOST, GoneReason.GONE_REASON_UNSPECIFIED, "r1"],
        [PRESENCE_STATE_AWAY, GoneReason.GONE_REASON_LOST, "r1"],
        [undefined, GoneReason.GONE_REASON_LOST, ""]
      ])
      const versions = tellsOf(frames).map((one) => (one.$type === MemberTold.$type ? one.version : 0))
      assert.deepStrictEqual(
        versions,
        [...versions].sort((a, b) => a - b)
      )
      assert.strictEqual(new Set(versions).size, versions.length)
    })
  )
})
