/**
 * What a guest's tag decides about whom the guest blocks, as pure functions. The other's tag is not asked, so the other
 * learns nothing; whoever holds the guest's session is told by the commit itself, and hides whom it says.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BlockAskedConsumer, BlockHappenedConsumer } from "../../../gen/consumers.ts"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import type { BlocksTold } from "../../../gen/noriter/runner/v1/block.ts"
import type { BlocksRecord } from "../../../gen/noriter/space/v1/block.ts"
import type { Answer } from "../../../gen/noriter/space/v1/records.ts"
import type { BlockAsked, GuestBlocked, UnblockAsked } from "../../../gen/noriter/topic/v1/block.ts"
import type { Decision, DecisionState } from "../../bus/Decider.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { refusal } from "../../space/Deciding.ts"
import { sessionKey } from "../../space/PresenceWrites.ts"
import { blockedToo, blocksKey, blocksMax, changedBlocks, readBlocks, unblocked } from "./Blocks.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    yield* bus.register(BlockAskedConsumer, blockDeciders)
    yield* bus.register(BlockHappenedConsumer, blockFacts)
  })
)

/** The session names the incarnation that is told (rule C2). */
const reads = [blocksKey, sessionKey]

export const blockDeciders: BlockAskedConsumer = {
  block: { reads: () => reads, decide: (state, asked) => decideBlock(state, asked), asker: ({ asker }) => asker },
  unblock: { reads: () => reads, decide: (state, asked) => decideUnblock(state, asked), asker: ({ asker }) => asker }
}

/** What each fact says of the blocks: by these alone they are rebuilt (rule L13). */
export const blockFacts: BlockHappenedConsumer = {
  block: {
    reads: () => [blocksKey],
    decide: (state, { block, blocked: guest, nickname, atMs }) => {
      const before = readBlocks(state.read(blocksKey))
      // One that was blocked before, or refused.
      if (block <= before.last) return {}
      return changedBlocks(blockedToo(before, { guest, nickname, atMs }, state.seq))
    },
    asker: () => undefined
  },
  unblock: {
    reads: () => [blocksKey],
    decide: (state, { block }) => {
      const after = unblocked(readBlocks(state.read(blocksKey)), block, state.seq)
      return after === undefined ? {} : changedBlocks(after)
    },
    asker: () => undefined
  }
}

const decideBlock = (state: DecisionState, asked: BlockAsked): Decision => {
  const { guest, blocked, nickname } = asked
  const { nowMs: atMs, seq } = state
  const before = readBlocks(state.read(blocksKey))
  const known = before.blocks.find((one) => one.guest === blocked)
  if (known !== undefined) {
    const { block } = known
    const fact: GuestBlocked = { ...nobodyBlocked, guest, block, blocked, nickname: known.nickname, atMs }
    return { answer: blockAnswer(block, before.seq), facts: [fact], answerAfterFacts: true }
  }
  const refused = refusalOf(before, asked)
  if (refused !== undefined) {
    const { code, message } = refused
    const fact: GuestBlocked = { ...nobodyBlocked, guest, atMs, refused: code }
    return { answer: refusal(code, message), facts: [fact], answerAfterFacts: true }
  }
  const after = blockedToo(before, { guest: blocked, nickname, atMs }, seq)
  return {
    ...changedTo(state, guest, after),
    answer: blockAnswer(after.last, seq),
    facts: [{ ...nobodyBlocked, guest, block: after.last, blocked, nickname, atMs }]
  }
}

const decideUnblock = (state: DecisionState, { guest, block }: UnblockAsked): Decision => {
  const { nowMs: atMs, seq } = state
  const before = readBlocks(state.read(blocksKey))
  const after = unblocked(before, block, seq)
  return {
    ...(after === undefined ? { answerAfterFacts: true } : changedTo(state, guest, after)),
    answer: unblockAnswer(after === undefined ? before.seq : seq),
    facts: [{ $type: "noriter.topic.v1.GuestUnblocked", guest, block, atMs }]
  }
}

/** Lasting: only what is on the log is there after Redis is gone (rule L13). It is in effect at once, and answered then. */
const changedTo = (state: DecisionState, guest: string, after: BlocksRecord): Decision => {
  const incarnation = state.ownerOf(sessionKey)
  const hidden = after.blocks.map((one) => one.guest)
  const told: BlocksTold = {
    $type: "noriter.runner.v1.BlocksTold",
    incarnation: incarnation ?? "",
    guest,
    seq: after.seq,
    hidden
  }
  return { ...changedBlocks(after), tell: incarnation === undefined ? [] : [told], answerAfterFacts: true }
}

interface Reason {
  readonly code: ErrorCode
  readonly message: string
}

/** Why it is refused; undefined: it is not. A refusal is remembered like any outcome, and answered alike (L6). */
const refusalOf = ({ blocks }: BlocksRecord, { guest, blocked }: BlockAsked): Reason | undefined => {
  if (blocked === "") return memberGone
  if (blocked === guest) return oneself
  return blocks.length >= blocksMax ? tooMany : undefined
}

const blockAnswer = (block: number, seq: number): Answer => ({
  $type: "noriter.space.v1.Answer",
  body: { $case: "block", value: { $type: "noriter.space.v1.BlockAnswer", block, seq } }
})

const unblockAnswer = (seq: number): Answer => ({
  $type: "noriter.space.v1.Answer",
  body: { $case: "unblock", value: { $type: "noriter.space.v1.UnblockAnswer", seq } }
})

const nobodyBlocked = {
  $type: "noriter.topic.v1.GuestBlocked",
  block: 0,
  blocked: "",
  nickname: "",
  refused: ErrorCode.ERROR_CODE_UNSPECIFIED
} as const

const memberGone: Reason = { code: ErrorCode.ERROR_CODE_MEMBER_GONE, message: "this member is no longer there" }
const oneself: Reason = { code: ErrorCode.ERROR_CODE_INVALID, message: "block.member must be another guest" }
const tooMany: Reason = { code: ErrorCode.ERROR_CODE_TOO_MANY, message: `you block ${blocksMax} already` }
