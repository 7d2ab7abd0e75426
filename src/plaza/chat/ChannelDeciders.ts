/**
 * What a channel decides about talking: lines and whispers, as pure functions of the channel's tag and the record. A
 * whisper spans two tags: here it is passed on, and taken into the other guest's mailbox by MailboxDeciders (rule L4).
 */

import type { ChannelAskedConsumer } from "../../../gen/consumers.ts"
import { Reach } from "../../../gen/noriter/client/v1/chat.ts"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { type Answer, LineRates, MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import type { Asker, LineAsked, WhisperAsked } from "../../../gen/noriter/topic/v1/chat.ts"
import type { TopicRecord } from "../../../gen/registry.ts"
import type { AskedBy, Decision, DecisionState } from "../../bus/Decider.ts"
import { refusal } from "../../space/Deciding.ts"
import { memberKey } from "../../space/Tag.ts"
import { lineAgeMsMax, linesStream, nearbyLinesMax, playgroundLinesMax } from "../playground/LineStream.ts"
import { counted, type LineLimits } from "./LineRates.ts"

/** The key of the counts of this second's lines. */
const ratesKey = "rates/lines"

export const channelDeciders = (limits: LineLimits): ChannelAskedConsumer => ({
  record: {
    reads: (line) => [memberKey(line.asker?.member ?? 0), ratesKey],
    decide: (state, line) => decideLine(state, line, limits),
    asker: (line) => askedBy(line.asker)
  },
  pass: {
    reads: (whisper) => [memberKey(whisper.asker?.member ?? 0), memberKey(whisper.member)],
    decide: decideWhisper,
    asker: (whisper) => askedBy(whisper.asker)
  }
})

const decideLine = (state: DecisionState, line: LineAsked, limits: LineLimits): Decision => {
  const member = line.asker?.member ?? 0
  const speaker = memberOf(state, member)
  if (speaker === undefined || speaker.session !== line.asker?.session) return refused(state, line, outside)
  const before = state.read(ratesKey)
  const rates = counted(
    before === undefined ? LineRates.create() : LineRates.decode(before),
    { ...line, appendedMs: state.appendedMs },
    limits
  )
  if (rates === undefined) return refused(state, line, tooManyLines(state.appendedMs))
  const { channel, text, reach, cell } = line
  const { nickname, guest } = speaker
  const { seq, nowMs: atMs } = state
  const told: LineTold = {
    $type: "noriter.runner.v1.LineTold",
    channel,
    seq,
    prev: state.head(linesStream),
    member,
    id: line.asker.id,
    nickname,
    text,
    reach,
    atMs,
    cell,
    announced: false,
    guest
  }
  const everywhere = reach === Reach.REACH_PLAYGROUND
  return {
    puts: [{ key: ratesKey, value: LineRates.encode(rates).finish() }],
    appends: [
      {
        stream: linesStream,
        class: everywhere ? "playground" : "nearby",
        value: LineTold.encode(told).finish(),
        countMax: everywhere ? playgroundLinesMax : nearbyLinesMax,
        ageMsMax: lineAgeMsMax
      }
    ],
    tell: [told],
    answer: {
      $type: "noriter.space.v1.Answer",
      body: { $case: "say", value: { $type: "noriter.space.v1.SayAnswer", seq } }
    },
    facts: [lineDecided(line, { seq, nickname, text, atMs, refused: said })]
  }
}

const decideWhisper = (state: DecisionState, whisper: WhisperAsked): Decision => {
  const from = whisper.asker?.member ?? 0
  const speaker = memberOf(state, from)
  const listener = memberOf(state, whisper.member)
  const answer =
    speaker === undefined || speaker.session !== whisper.asker?.session
      ? outside
      : listener === undefined
        ? refusal(ErrorCode.ERROR_CODE_MEMBER_GONE, "this member is no longer there")
        : whispered
  const fact: TopicRecord = {
    $type: "noriter.topic.v1.WhisperDecided",
    channel: whisper.channel,
    from,
    to: whisper.member,
    atMs: state.nowMs,
    refused: codeOf(answer)
  }
  if (speaker === undefined || listener === undefined || answer !== whispered) return { answer, facts: [fact] }
  const passed: TopicRecord = {
    $type: "noriter.topic.v1.WhisperPassed",
    guest: listener.guest,
    member: from,
    nickname: speaker.nickname,
    text: whisper.text,
    atMs: state.nowMs,
    speaker: speaker.guest
  }
  // The mailbox is another tag: only when the log has the whisper is it certain to arrive.
  return { answer, facts: [passed, fact], answerAfterFacts: true }
}

/** A member that may speak and be spoken to: all but one that was never shown. */
const memberOf = (state: DecisionState, member: number): MemberRecord | undefined => {
  const value = state.read(memberKey(member))
  if (value === undefined) return undefined
  const record = MemberRecord.decode(value)
  return record.state === PresenceState.PRESENCE_STATE_HIDDEN ? undefined : record
}

const outside = refusal(ErrorCode.ERROR_CODE_OUTSIDE, "you are no longer in this channel")

const whispered: Answer = {
  $type: "noriter.space.v1.Answer",
  body: { $case: "whisper", value: { $type: "noriter.space.v1.WhisperAnswer" } }
}

const tooManyLines = (appendedMs: number): Answer =>
  refusal(ErrorCode.ERROR_CODE_RATE_LIMITED, "too many lines here this second", 1000 - (appendedMs % 1000))

const refused = (state: DecisionState, line: LineAsked, answer: Answer): Decision => ({
  answer,
  facts: [lineDecided(line, { seq: 0, nickname: "", text: "", atMs: state.nowMs, refused: codeOf(answer) })]
})

const lineDecided = (
  { channel, reach, asker }: LineAsked,
  decided: {
    readonly seq: number
    readonly nickname: string
    readonly text: string
    readonly atMs: number
    readonly refused: ErrorCode
  }
): TopicRecord => ({
  $type: "noriter.topic.v1.LineDecided",
  channel,
  reach,
  member: asker?.member ?? 0,
  ...decided
})

const said = ErrorCode.ERROR_CODE_UNSPECIFIED

const codeOf = (answer: Answer): ErrorCode => (answer.body?.$case === "refusal" ? answer.body.value.code : said)

const askedBy = (asker: Asker | undefined): AskedBy | undefined => asker
