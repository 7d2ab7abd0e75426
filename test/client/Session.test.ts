/** One session: what it asks of the log and is told of it (rules L6, L7), where a request sent again belongs. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SayRequest } from "../../gen/noriter/client/v1/chat.ts"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import { type Answer, type Enter, PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { Asker } from "../../gen/noriter/topic/v1/chat.ts"
import { partitionOf, type TopicRecord } from "../../gen/registry.ts"
import { type Ask, Refused } from "../../src/bus/Caller.ts"
import type { EventBus } from "../../src/bus/EventBus.ts"
import { placeAt, Session } from "../../src/client/Session.ts"
import type { AppendFailed } from "../../src/link/TopicLog.ts"
import { refusal } from "../../src/space/Deciding.ts"
import type { Held } from "../../src/space/Held.ts"
import { line } from "../space/Asking.ts"
import { appendFailed, settle } from "../space/Harness.ts"
import { FakeConnection } from "./FakeConnection.ts"

interface Offered {
  readonly record: TopicRecord
  readonly settled: (failed: AppendFailed | undefined) => void
}

const none = () => Effect.die("not in this test")

/** A session over a log that the test plays itself. */
const make = () => {
  const clock = { nowMs: 1_000 }
  const offered: Array<Offered> = []
  const bus: EventBus["Service"] = {
    register: none,
    dispatch: none,
    listen: none,
    decided: () => undefined,
    decidedTopics: () => [],
    publish: none,
    offer: (record, _, settled) => void offered.push({ record, settled })
  }
  const connection = new FakeConnection()
  const knows = { generation: "1.1" }
  const restless: Array<Session> = []
  const session = new Session(connection, {
    bus,
    incarnation: "r1-1",
    get epoch() {
      return knows.generation
    },
    refusedPerMinuteMax: 30,
    topicTimeoutMs: 3_000,
    now: () => clock.nowMs,
    fork: Effect.runFork,
    partitionOf,
    restless: (of) => void restless.push(of)
  })
  session.held = heldWith([])
  session.place = placeAt("park/1", 4)
  const say = (id: number, text = "a", tag = "park/1") => {
    const refuse = (refused: Refused) => session.refuse(id, refused)
    const asked = session.ask({ id, trace: undefined, caller: session }, asking(text, tag))
    session.submit(Effect.match(asked, { onSuccess: () => {}, onFailure: refuse }), refuse)
  }
  return {
    clock,
    offered,
    connection,
    session,
    knows,
    restless,
    say,
    askers: () => offered.map(({ record }) => askerOf(record))
  }
}

const heldWith = (enters: ReadonlyArray<Pick<Enter, "id" | "channel" | "member">>): Held => ({
  guest: "g_A",
  owner: { incarnation: "r1-1", runner: "r1", epoch: { era: 1, node: 1 }, connection: 1 },
  record: SessionRecord.fromPartial({ session: "s_1", enters: [...enters] }),
  version: 1
})

const asking = (text: string, tag: string): Ask => ({
  member: 4,
  body: SayRequest.encode({ $type: "noriter.client.v1.SayRequest", text, reach: 1 }).finish(),
  record: (asker) => ({ ...line({ text }, tag), asker }),
  answerOf: ({ body }) =>
    body?.$case === "say"
      ? { $type: "noriter.client.v1.SayResponse", seq: body.value.seq }
      : new Refused({ code: ErrorCode.ERROR_CODE_OUTSIDE, message: "" })
})

const askerOf = (record: TopicRecord): Asker | undefined => ("asker" in record ? record.asker : undefined)
const said = (seq: number): Answer => ({
  $type: "noriter.space.v1.Answer",
  body: { $case: "say", value: { $type: "noriter.space.v1.SayAnswer", seq } }
})

describe("restless", () => {
  it("is what its record does not say to be present", () => {
    const { session, restless } = make()
    const { PRESENCE_STATE_PRESENT, PRESENCE_STATE_LOST, PRESENCE_STATE_AWAY } = PresenceState
    const heldAs = (state: PresenceState): Held => ({ ...heldWith([]), record: { ...heldWith([]).record, state } })
    const told = [PRESENCE_STATE_PRESENT, PRESENCE_STATE_LOST, PRESENCE_STATE_PRESENT, PRESENCE_STATE_AWAY].map(
      (state) => {
        restless.length = 0
        session.held = heldAs(state)
        return restless.length
      }
    )
    assert.deepStrictEqual(told, [0, 1, 0, 1])
  })

  it("is what waits for its turn, or for word from the log", () => {
    const { session, restless, say } = make()
    restless.length = 0
    say(1)
    assert.deepStrictEqual(restless, [session])
  })
})

describe("asking the log", () => {
  it.effect("what waited from one generation into another is not asked, and asked again", () =>
    Effect.gen(function* () {
      const { say, askers, knows, session, connection } = make()
      say(5)
      say(6, "a", "yard/1")
      yield* settle
      knows.generation = "1.2"
      session.outcome(askers()[0]?.ask ?? 0, said(1))
      yield* settle
      assert.lengthOf(askers(), 1)
      assert.deepStrictEqual(connection.brief, ["5 say", "6 UNAVAILABLE"])
      assert.strictEqual(session.askedId, 5)
      say(6, "a", "yard/1")
      yield* settle
      assert.strictEqual(askers()[1]?.generation, "1.2")
    })
  )

  it.effect("in a new generation ids that were asked before are stale, before its record is put back, too", () =>
    Effect.gen(function* () {
      const { say, askers, knows, session } = make()
      say(5)
      yield* settle
      session.outcome(askers()[0]?.ask ?? 0, said(1))
      knows.generation = "1.2"
      say(4)
      say(5)
      say(6)
      yield* settle
      assert.deepStrictEqual(
        askers().map((asker) => [asker?.id, asker?.generation]),
        [
          [5, "1.1"],
          [6, "1.2"]
        ]
      )
      // Put back, its record says so itself.
      session.generation = "1.2"
      say(5)
      yield* settle
      assert.deepStrictEqual(
        askers().map((asker) => asker?.id),
        [5, 6, 5]
      )
    })
  )

  it.effect(
    "what waited while its record was put back is stale, where it may have been asked before that was lost",
    () =>
      Effect.gen(function* () {
        const { say, askers, session, connection } = make()
        say(5)
        say(6, "a", "yard/1")
        say(7, "a", "yard/1")
        yield* settle
        const held = heldWith([])
        session.held = { ...held, record: { ...held.record, staleId: 6 } }
        session.outcome(askers()[0]?.ask ?? 0, said(1))
        yield* settle
        assert.deepStrictEqual(
          askers().map((asker) => asker?.id),
          [5, 7]
        )
        assert.deepStrictEqual(connection.brief, ["5 say", "6 STALE_ID"])
      })
  )

  it.effect("says who asks, from where, and which body: equal for equal ones only", () =>
    Effect.gen(function* () {
      const { say, askers } = make()
      say(5, "a")
      say(6, "a")
      say(7, "b")
      say(0, "a")
      yield* settle
      const [five, six, seven, zero] = askers()
      assert.deepInclude(five, { session: "s_1", id: 5, incarnation: "r1-1", member: 4, generation: "1.1" })
      assert.strictEqual(five?.bodyHash.length, 16)
      assert.deepStrictEqual(five?.bodyHash, six?.bodyHash)
      assert.notDeepEqual(five?.bodyHash, seven?.bodyHash)
      assert.deepStrictEqual([zero?.id, zero?.bodyHash.length], [0, 0])
      assert.lengthOf(new Set(askers().map((asker) => asker?.ask)), 4)
    })
  )

  it.effect("outcomes answer their own requests, in whatever order; without an id only refusals are told", () =>
    Effect.gen(function* () {
      const { say, askers, session, connection } = make()
      for (const id of [1, 2, 0, 0]) say(id)
      yield* settle
      const [one, two, three, four] = askers().map((asker) => asker?.ask ?? -1)
      session.outcome(two ?? 0, said(9))
      session.outcome(one ?? 0, said(8))
      session.outcome(three ?? 0, said(10))
      session.outcome(four ?? 0, refusal(ErrorCode.ERROR_CODE_OUTSIDE, ""))
      session.outcome(99_999, said(11)) // nobody's
      assert.deepStrictEqual(connection.brief, ["2 say", "1 say", "0 OUTSIDE"])
      assert.strictEqual(session.lasting.count, 0)
      assert.strictEqual(session.lastId, 2)
    })
  )

  it.effect("an append that certainly failed is UNAVAILABLE, another UNCERTAIN; both once", () =>
    Effect.gen(function* () {
      const { say, offered, askers, session, connection } = make()
      say(1)
      say(2)
      yield* settle
      offered[0]?.settled(appendFailed(true))
      offered[1]?.settled(appendFailed(false))
      for (const asker of askers()) session.outcome(asker?.ask ?? 0, said(1)) // it was read all the same
      assert.deepStrictEqual(connection.brief, ["1 UNAVAILABLE", "2 UNCERTAIN"])
      assert.strictEqual(
        connection.heard[0]?.error && JSON.stringify(connection.heard[0].error).includes("retryAfterMs"),
        true
      )
      assert.strictEqual(session.lasting.count, 0)
    })
  )

  it.effect("no word within topicTimeoutMs is UNCERTAIN; a late outcome is not answered again", () =>
    Effect.gen(function* () {
      const { say, offered, askers, session, connection, clock } = make()
      say(1)
      yield* settle
      offered[0]?.settled(undefined) // on the log, and nobody applies it
      clock.nowMs += 1_000
      say(2)
      yield* settle
      clock.nowMs += 1_999
      session.sweep()
      assert.deepStrictEqual(connection.brief, [])
      clock.nowMs += 1
      session.sweep()
      assert.deepStrictEqual(connection.brief, ["1 UNCERTAIN"])
      session.outcome(askers()[0]?.ask ?? 0, said(1))
      session.outcome(askers()[1]?.ask ?? 0, said(2))
      session.sweep()
      assert.deepStrictEqual(connection.brief, ["1 UNCERTAIN", "2 say"])
      assert.isFalse(session.isWaiting)
    })
  )

  it.effect("what waited 3 s for another partition was never sent", () =>
    Effect.gen(function* () {
      const { say, offered, session, connection, clock } = make()
      say(1, "a", "park/1")
      say(2, "a", "park/2")
      yield* settle
      clock.nowMs += 3_000
      session.sweep()
      yield* settle
      assert.lengthOf(offered, 1)
      assert.deepStrictEqual(connection.brief, ["1 UNCERTAIN", "2 UNAVAILABLE"])
      assert.isFalse(session.isWaiting)
    })
  )
})

describe("placeOf (L7): a request sent again belongs where it was first asked", () => {
  const place = (id: number, enters: Parameters<typeof heldWith>[0], now: string | undefined) => {
    const { session } = make()
    session.held = heldWith(enters)
    session.place = now === undefined ? undefined : placeAt(now, 9)
    return Effect.map(Effect.result(session.placeOf(id)), (result) =>
      result._tag === "Success" ? `${result.success.tag}/${result.success.member}` : result.failure.code
    )
  }
  const story = [
    { id: 3, channel: "park/1", member: 4 },
    { id: 6, channel: "", member: 0 },
    { id: 8, channel: "park/2", member: 5 }
  ]
  const { ERROR_CODE_OUTSIDE, ERROR_CODE_STALE_ID } = ErrorCode
  const cases: ReadonlyArray<readonly [string, number, string | ErrorCode]> = [
    ["newer than every enter: where it stands", 9, "park/2/9"],
    ["without an id: where it stands", 0, "park/2/9"],
    ["of the first channel", 5, "park/1/4"],
    ["of the time between", 7, ERROR_CODE_OUTSIDE],
    ["before the first enter", 2, ERROR_CODE_OUTSIDE]
  ]
  it.effect.each(cases)("%s", ([, id, where]) =>
    Effect.map(place(id, story, "park/2"), (found) => assert.strictEqual(found, where))
  )

  it.effect("outside, a fresh request is refused and one sent again is not", () =>
    Effect.gen(function* () {
      const left = [...story.slice(0, 2)]
      assert.strictEqual(yield* place(7, left, undefined), ERROR_CODE_OUTSIDE)
      assert.strictEqual(yield* place(5, left, undefined), "park/1/4")
    })
  )

  it.effect("where it has lost its place, what it asked there before it came back belongs there still", () => {
    const { session } = make()
    const held = heldWith(story)
    session.place = undefined
    session.held = { ...held, record: { ...held.record, claimId: 12 } }
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* session.placeOf(9), placeAt("park/2", 5))
      assert.strictEqual((yield* Effect.flip(session.placeOf(13))).code, ERROR_CODE_OUTSIDE)
      assert.strictEqual((yield* Effect.flip(session.placeOf(7))).code, ERROR_CODE_OUTSIDE)
    })
  })

  it.effect("before the oldest of eight remembered enters nobody can say", () =>
    Effect.gen(function* () {
      const eight = Array.from({ length: 8 }, (_, at) => ({ id: 10 + 2 * at, channel: "park/1", member: at }))
      assert.strictEqual(yield* place(9, eight, "park/1"), ERROR_CODE_STALE_ID)
      assert.strictEqual(yield* place(10, eight, "park/1"), ErrorCode.ERROR_CODE_ID_REUSED)
      assert.strictEqual(yield* place(11, eight, "park/1"), "park/1/0")
    })
  )
})
