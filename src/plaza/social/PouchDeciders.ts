/**
 * What a guest's tag decides about its pouch, as pure functions. A gift spans two tags: the giver's decides and takes the
 * flowers out, and what it passes on the receiver's takes in once, by its source (rule L4). So the sum of all pouches,
 * with what is on its way between them, never changes.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PouchAskedConsumer, SocialHappenedConsumer } from "../../../gen/consumers.ts"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import type { Answer } from "../../../gen/noriter/space/v1/records.ts"
import type { FlowersPassed, GiftAsked } from "../../../gen/noriter/topic/v1/social.ts"
import type { TopicRecord } from "../../../gen/registry.ts"
import type { Decision, DecisionState } from "../../bus/Decider.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { refusal } from "../../space/Deciding.ts"
import { mailed, mailReads } from "../mailbox/MailStream.ts"
import { changed, countOf, type Pouch, pouchKey, readPouch, writePouch } from "./Pouch.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    yield* bus.register(PouchAskedConsumer, pouchDeciders)
    yield* bus.register(SocialHappenedConsumer, pouchFacts)
  })
)

export const pouchDeciders: PouchAskedConsumer = {
  give: {
    reads: () => [pouchKey],
    decide: (state, gift) => decideGift(state, gift),
    asker: ({ asker }) => asker
  },
  receive: {
    reads: () => [pouchKey, ...mailReads],
    decide: (state, passed) => decideReceipt(state, passed),
    asker: () => undefined
  }
}

/** What each fact says of the pouch: by these alone it is rebuilt (rule L13). */
export const pouchFacts: SocialHappenedConsumer = {
  give: {
    reads: () => [pouchKey],
    decide: (state, { kind, count }) => (count === 0 ? {} : { puts: [changedPouch(state, kind, -count)] }),
    asker: () => undefined
  },
  receive: {
    reads: () => [pouchKey],
    decide: (state, { kind, count }) => ({ puts: [changedPouch(state, kind, count)] }),
    asker: () => undefined
  }
}

const changedPouch = (state: DecisionState, kind: string, by: number) => ({
  key: pouchKey,
  value: writePouch(changed(readPouch(state.read(pouchKey)), kind, by))
})

const decideGift = (state: DecisionState, gift: GiftAsked): Decision => {
  const { guest, receiver, nickname, kind, count, asker } = gift
  const { nowMs: atMs } = state
  const refused = refusalOf(readPouch(state.read(pouchKey)), gift)
  if (refused !== undefined) {
    const { code, message } = refused
    const fact: TopicRecord = { $type: "noriter.topic.v1.FlowersGiven", guest, kind: "", count: 0, atMs, refused: code }
    return { answer: refusal(code, message), facts: [fact], answerAfterFacts: true }
  }
  const passed: TopicRecord = {
    $type: "noriter.topic.v1.FlowersPassed",
    guest: receiver,
    member: asker?.member ?? 0,
    nickname,
    kind,
    count,
    atMs
  }
  const fact: TopicRecord = { $type: "noriter.topic.v1.FlowersGiven", guest, kind, count, atMs, refused: noRefusal }
  return {
    puts: [changedPouch(state, kind, -count)],
    answer: given,
    // What is passed on goes before the fact of it: a ledger that says "given" is never ahead of the flowers.
    facts: [passed, fact],
    // Lasting: only what is on the log is certain to arrive, and to be there after Redis is gone (rule L13).
    answerAfterFacts: true
  }
}

interface Reason {
  readonly code: ErrorCode
  readonly message: string
}

/** Why a gift is refused; undefined: it is not. A refusal is remembered like any outcome, and answered alike (L6). */
const refusalOf = (pouch: Pouch, { guest, receiver, kind, count }: GiftAsked): Reason | undefined => {
  if (receiver === "") return memberGone
  if (receiver === guest) return toOneself
  return countOf(pouch, kind) < count ? notEnough : undefined
}

const decideReceipt = (state: DecisionState, passed: FlowersPassed): Decision => {
  const { guest, member, nickname, kind, count, atMs } = passed
  return {
    puts: [changedPouch(state, kind, count)],
    ...mailed(state, {
      guest,
      atMs,
      body: { $case: "gift", value: { $type: "noriter.runner.v1.GiftMail", member, nickname, kind, count } }
    }),
    facts: [{ $type: "noriter.topic.v1.FlowersReceived", guest, kind, count, atMs: state.nowMs }]
  }
}

const given: Answer = {
  $type: "noriter.space.v1.Answer",
  body: { $case: "give", value: { $type: "noriter.space.v1.GiveAnswer" } }
}

const noRefusal = ErrorCode.ERROR_CODE_UNSPECIFIED
const memberGone: Reason = { code: ErrorCode.ERROR_CODE_MEMBER_GONE, message: "this member is no longer there" }
const toOneself: Reason = { code: ErrorCode.ERROR_CODE_INVALID, message: "give.member must be another guest" }
const notEnough: Reason = {
  code: ErrorCode.ERROR_CODE_NOT_ENOUGH,
  message: "there are not so many of these in your pouch"
}
