/**
 * What a guest's tag decides about its pouch, as pure functions. A gift spans two tags: the giver's decides and takes the
 * flowers out, and what it passes on, at once or at a time (rule T1), the receiver's takes in once, by its source (rule L4).
 * So the sum of all pouches, with what is wrapped and what is on its way between them, never changes.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PouchAskedConsumer, SocialHappenedConsumer } from "../../../gen/consumers.ts"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import type { Answer } from "../../../gen/noriter/space/v1/records.ts"
import type { FlowersPassed, GiftAsked, GiftDue } from "../../../gen/noriter/topic/v1/social.ts"
import type { TopicRecord } from "../../../gen/registry.ts"
import type { Decision, DecisionState } from "../../bus/Decider.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { refusal } from "../../space/Deciding.ts"
import { mailed, mailReads } from "../mailbox/MailStream.ts"
import { blocksKey, isBlocked } from "./Blocks.ts"
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
    reads: () => [pouchKey, blocksKey, ...mailReads],
    decide: (state, passed) => decideReceipt(state, passed),
    asker: () => undefined
  },
  unwrap: {
    reads: () => [],
    decide: (state, due) => decideUnwrapping(state, due),
    asker: () => undefined,
    timer: ({ timer }) => timer
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
  },
  wrap: {
    reads: () => [pouchKey],
    decide: (state, { due, dueMs }) =>
      due === undefined ? {} : { puts: [changedPouch(state, due.kind, -due.count)], timer: { dueMs, record: due } },
    asker: () => undefined
  },
  unwrap: {
    reads: () => [],
    decide: () => ({}),
    asker: () => undefined,
    timer: ({ timer }) => timer
  }
}

const changedPouch = (state: DecisionState, kind: string, by: number) => ({
  key: pouchKey,
  value: writePouch(changed(readPouch(state.read(pouchKey)), kind, by))
})

const decideGift = (state: DecisionState, gift: GiftAsked): Decision => {
  const { guest, kind, count, wrappedMs } = gift
  const { nowMs: atMs } = state
  const refused = refusalOf(readPouch(state.read(pouchKey)), gift)
  if (refused !== undefined) {
    const { code, message } = refused
    const fact: TopicRecord = { $type: "noriter.topic.v1.FlowersGiven", guest, kind: "", count: 0, atMs, refused: code }
    return { answer: refusal(code, message), facts: [fact], answerAfterFacts: true }
  }
  // Lasting: only what is on the log is certain to arrive, and to be there after Redis is gone (rule L13).
  const taken = { puts: [changedPouch(state, kind, -count)], answer: given, answerAfterFacts: true }
  const due = dueOf(state, gift)
  if (wrappedMs > 0) {
    const dueMs = atMs + wrappedMs
    const fact: TopicRecord = { $type: "noriter.topic.v1.FlowersWrapped", guest, dueMs, due, atMs }
    return { ...taken, timer: { dueMs, record: due }, facts: [fact] }
  }
  const fact: TopicRecord = { $type: "noriter.topic.v1.FlowersGiven", guest, kind, count, atMs, refused: noRefusal }
  // What is passed on goes before the fact of it: a ledger that says "given" is never ahead of the flowers.
  return { ...taken, facts: [passedOn(due, atMs), fact] }
}

/** What is given as it is asked later. How many may wait is bounded by how many flowers there are. */
const dueOf = ({ seq: timer }: DecisionState, gift: GiftAsked): GiftDue => {
  const { guest, receiver, nickname, kind, count, asker } = gift
  const member = asker?.member ?? 0
  return { $type: "noriter.topic.v1.GiftDue", guest, timer, receiver, member, nickname, kind, count }
}

const passedOn = ({ guest: giver, receiver, member, nickname, kind, count }: GiftDue, atMs: number): FlowersPassed => ({
  $type: "noriter.topic.v1.FlowersPassed",
  guest: receiver,
  member,
  nickname,
  kind,
  count,
  atMs,
  giver
})

const decideUnwrapping = ({ nowMs: atMs }: DecisionState, due: GiftDue): Decision => {
  const { guest, timer } = due
  return { facts: [passedOn(due, atMs), { $type: "noriter.topic.v1.FlowersUnwrapped", guest, timer, atMs }] }
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
  const { guest, member, nickname, kind, count, atMs, giver } = passed
  const received: Decision = {
    puts: [changedPouch(state, kind, count)],
    facts: [{ $type: "noriter.topic.v1.FlowersReceived", guest, kind, count, atMs: state.nowMs }]
  }
  // Flowers are never lost; that they came is not told of whom the guest wants to hear nothing of.
  if (isBlocked(state.read, giver)) return received
  const body = { $case: "gift", value: { $type: "noriter.runner.v1.GiftMail", member, nickname, kind, count } } as const
  return { ...received, ...mailed(state, { guest, atMs, body }) }
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
