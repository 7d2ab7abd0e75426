/** What a channel decides about talking, as pure functions: limits at the number and one past it, who may speak to whom. */
import { assert, describe, it } from "@effect/vitest"
import { Reach } from "../../../gen/noriter/client/v1/chat.ts"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { type Answer, LineRates, MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import type { LineAsked, WhisperAsked } from "../../../gen/noriter/topic/v1/chat.ts"
import type { Decision, DecisionState } from "../../../src/bus/Decider.ts"
import { channelDeciders } from "../../../src/plaza/chat/ChannelDeciders.ts"
import { counted } from "../../../src/plaza/chat/LineRates.ts"
import { linesStream, nearbyLinesMax, playgroundLinesMax } from "../../../src/plaza/playground/LineStream.ts"
import { memberKey } from "../../../src/space/Tag.ts"

const limits = { channelLinesPerSecond: 20, cellLinesPerSecond: 10, channelNearbyPerSecond: 200 }
const { record, pass } = channelDeciders(limits)

/** A channel as the deciders see it; what they put is kept. */
class Channel {
  readonly values = new Map<string, Uint8Array>()
  nowMs = 1_000_000
  /** A record had this time once. */
  aheadMs = 0
  seq = 0
  head = 0

  member(member: number, session: string, state: PresenceState = PresenceState.PRESENCE_STATE_PRESENT): this {
    const value = { session, guest: `g_${session}`, nickname: `별 ${session}`, avatar: "fox", state }
    this.values.set(memberKey(member), MemberRecord.encode(MemberRecord.fromPartial(value)).finish())
    return this
  }

  decide(run: (state: DecisionState) => Decision): Decision {
    const state = {
      read: (key: string) => this.values.get(key),
      head: (stream: string) => (stream === linesStream ? this.head : 0),
      ownerOf: () => undefined,
      nowMs: Math.max(this.nowMs, this.aheadMs),
      appendedMs: this.nowMs,
      seq: ++this.seq
    }
    const decision = run(state)
    for (const { key, value } of decision.puts ?? []) this.values.set(key, value)
    if ((decision.appends ?? []).length > 0) this.head = state.seq
    return decision
  }

  say(asked: Partial<LineAsked> = {}, member = 1, session = "a"): Decision {
    return this.decide((state) => record.decide(state, lineOf(asked, member, session)))
  }

  whisper(to: number, member = 1, session = "a"): Decision {
    return this.decide((state) => pass.decide(state, whisperOf(to, member, session)))
  }
}

const asker = (member: number, session: string) => ({
  $type: "noriter.topic.v1.Asker" as const,
  session,
  id: 4,
  incarnation: "r1-1",
  ask: 1,
  bodyHash: new Uint8Array(),
  generation: "",
  member
})
const lineOf = (asked: Partial<LineAsked>, member: number, session: string): LineAsked => ({
  $type: "noriter.topic.v1.LineAsked",
  channel: "park/1",
  asker: asker(member, session),
  text: "안녕",
  reach: Reach.REACH_PLAYGROUND,
  cell: 0,
  ...asked
})
const whisperOf = (to: number, member: number, session: string): WhisperAsked => ({
  $type: "noriter.topic.v1.WhisperAsked",
  channel: "park/1",
  asker: asker(member, session),
  member: to,
  text: "둘만"
})

const codeOf = ({ answer }: { readonly answer?: Answer }): ErrorCode | string | undefined =>
  answer?.body?.$case === "refusal" ? answer.body.value.code : answer?.body?.$case
const codes = (times: number, say: (at: number) => Decision) =>
  Array.from({ length: times }, (_, at) => codeOf(say(at)))
const { ERROR_CODE_RATE_LIMITED, ERROR_CODE_OUTSIDE, ERROR_CODE_MEMBER_GONE } = ErrorCode

describe("a line", () => {
  it("is told, kept and a fact, in the speaker's name of the channel, with the line before it", () => {
    const channel = new Channel().member(1, "a")
    const first = channel.say()
    channel.seq += 3 // records of others, that said nothing
    const second = channel.say({ reach: Reach.REACH_NEARBY, cell: 7 })
    const [told, next] = [first, second].map(({ tell }) => tell?.[0])
    assert.deepInclude(told, { seq: 1, prev: 0, member: 1, id: 4, nickname: "별 a", text: "안녕", atMs: 1_000_000 })
    assert.deepInclude(next, { seq: 5, prev: 1, cell: 7, reach: Reach.REACH_NEARBY })
    for (const { appends, tell } of [first, second]) {
      assert.deepStrictEqual(LineTold.decode(appends?.[0]?.value ?? new Uint8Array()), tell?.[0])
    }
    assert.deepStrictEqual(
      [first, second].map(({ appends }) => [appends?.[0]?.class, appends?.[0]?.countMax]),
      [
        ["playground", playgroundLinesMax],
        ["nearby", nearbyLinesMax]
      ]
    )
    assert.deepInclude(first.facts?.[0], { $type: "noriter.topic.v1.LineDecided", seq: 1, text: "안녕", refused: 0 })
  })

  it("of who is no longer in the channel, or was never shown, is refused and heard by nobody", () => {
    const channel = new Channel().member(1, "a").member(2, "b", PresenceState.PRESENCE_STATE_HIDDEN)
    const refused = [channel.say({}, 9, "z"), channel.say({}, 1, "another"), channel.say({}, 2, "b")]
    for (const decision of [
      ...refused,
      channel.decide((state) => record.decide(state, { ...lineOf({}, 1, "a"), asker: undefined }))
    ]) {
      assert.strictEqual(codeOf(decision), ERROR_CODE_OUTSIDE)
      assert.deepStrictEqual([decision.tell, decision.appends, decision.puts], [undefined, undefined, undefined])
      // A refusal leaves a short fact, without the text (rule L13).
      assert.deepInclude(decision.facts?.[0], { seq: 0, text: "", refused: ERROR_CODE_OUTSIDE })
    }
  })

  it("of who is lost or away was asked before, and is said", () => {
    const { PRESENCE_STATE_LOST, PRESENCE_STATE_AWAY } = PresenceState
    const channel = new Channel().member(1, "a", PRESENCE_STATE_LOST).member(2, "b", PRESENCE_STATE_AWAY)
    assert.deepStrictEqual([channel.say(), channel.say({}, 2, "b")].map(codeOf), ["say", "say"])
  })

  it("reads the speaker and the counts", () => {
    assert.deepStrictEqual(record.reads(lineOf({}, 3, "a")), ["member/3", "rates/lines"])
  })
})

describe("limits of a channel, by the records' time", () => {
  it("20 PLAYGROUND lines a second, and not one more; the next second is new", () => {
    const channel = new Channel().member(1, "a")
    assert.deepStrictEqual(
      codes(20, () => channel.say()),
      Array<string>(20).fill("say")
    )
    channel.nowMs += 250
    const { answer } = channel.say()
    const refusal = answer?.body?.$case === "refusal" ? answer.body.value : undefined
    assert.deepStrictEqual([refusal?.code, refusal?.retryAfterMs], [ERROR_CODE_RATE_LIMITED, 750])
    assert.strictEqual(codeOf(channel.say({ reach: Reach.REACH_NEARBY })), "say", "NEARBY lines are counted apart")
    channel.nowMs += 750
    assert.strictEqual(codeOf(channel.say()), "say")
  })

  it("10 NEARBY lines a second in a cell, and not one more there", () => {
    const channel = new Channel().member(1, "a")
    const nearby = (cell: number) => channel.say({ reach: Reach.REACH_NEARBY, cell })
    assert.deepStrictEqual(
      codes(10, () => nearby(3)),
      Array<string>(10).fill("say")
    )
    assert.deepStrictEqual([nearby(3), nearby(4)].map(codeOf), [ERROR_CODE_RATE_LIMITED, "say"])
  })

  it("200 NEARBY lines a second in a channel, and not one more anywhere", () => {
    const channel = new Channel().member(1, "a")
    const nearby = (cell: number) => channel.say({ reach: Reach.REACH_NEARBY, cell })
    assert.deepStrictEqual(
      codes(200, (at) => nearby(at % 20)),
      Array<string>(200).fill("say")
    )
    assert.deepStrictEqual([nearby(99), channel.say()].map(codeOf), [ERROR_CODE_RATE_LIMITED, "say"])
  })

  it("count on where the broker's clock was ahead for a moment", () => {
    const channel = new Channel().member(1, "a")
    channel.aheadMs = channel.nowMs + 30_000
    for (let second = 0; second < 3; second++) {
      assert.deepStrictEqual(
        codes(21, () => channel.say()),
        [...Array<string>(20).fill("say"), ERROR_CODE_RATE_LIMITED]
      )
      channel.nowMs += 1_000
    }
  })

  it("0 is off", () => {
    const off = { channelLinesPerSecond: 0, cellLinesPerSecond: 0, channelNearbyPerSecond: 0 }
    let rates: LineRates | undefined = LineRates.create()
    for (let at = 0; at < 500; at++) {
      rates &&= counted(
        rates,
        { reach: at % 2 === 0 ? Reach.REACH_PLAYGROUND : Reach.REACH_NEARBY, cell: 1, appendedMs: 5 },
        off
      )
    }
    assert.deepStrictEqual([rates?.playground, rates?.nearby, rates?.cellLines], [250, 250, [250]])
  })
})

describe("a whisper", () => {
  it("is passed on to the guest behind the number, and answered when that is on the log", () => {
    const channel = new Channel().member(1, "a").member(2, "b")
    const { answer, facts, answerAfterFacts, tell, appends } = channel.whisper(2)
    assert.strictEqual(answer?.body?.$case, "whisper")
    assert.isTrue(answerAfterFacts)
    assert.deepInclude(facts?.[0], {
      $type: "noriter.topic.v1.WhisperPassed",
      guest: "g_b",
      member: 1,
      nickname: "별 a",
      text: "둘만"
    })
    assert.deepStrictEqual([tell, appends], [undefined, undefined])
    // What other teams learn holds neither text nor guest.
    assert.deepStrictEqual(facts?.[1], {
      $type: "noriter.topic.v1.WhisperDecided",
      channel: "park/1",
      from: 1,
      to: 2,
      atMs: 1_000_000,
      refused: 0
    })
  })

  it("reaches who is lost or away; not who is hidden or gone", () => {
    const { PRESENCE_STATE_LOST, PRESENCE_STATE_AWAY, PRESENCE_STATE_HIDDEN } = PresenceState
    const channel = new Channel()
      .member(1, "a")
      .member(2, "b", PRESENCE_STATE_LOST)
      .member(3, "c", PRESENCE_STATE_AWAY)
      .member(4, "d", PRESENCE_STATE_HIDDEN)
    assert.deepStrictEqual(
      [2, 3, 4, 5].map((to) => codeOf(channel.whisper(to))),
      ["whisper", "whisper", ERROR_CODE_MEMBER_GONE, ERROR_CODE_MEMBER_GONE]
    )
    const { facts } = channel.whisper(5)
    assert.deepStrictEqual(
      facts?.map(({ $type }) => $type),
      ["noriter.topic.v1.WhisperDecided"]
    )
  })

  it("of who is no longer there is refused", () => {
    const channel = new Channel().member(1, "a").member(2, "b")
    assert.deepStrictEqual([channel.whisper(2, 9, "z"), channel.whisper(2, 1, "z")].map(codeOf), [
      ERROR_CODE_OUTSIDE,
      ERROR_CODE_OUTSIDE
    ])
  })
})
