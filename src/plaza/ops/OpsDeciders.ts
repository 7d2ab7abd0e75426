/**
 * What a channel decides of what operators ask: an announcement becomes a line of its stream that nobody said, a removal
 * is told to the runner that holds the member's session, which ends it (rule P1: the session goes first). That is one
 * frame: where it is lost nobody is removed, and an operator sees so on the board.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { OpsAskedConsumer } from "../../../gen/consumers.ts"
import { Reach } from "../../../gen/noriter/client/v1/chat.ts"
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import type { AnnouncementAsked, RemovalAsked } from "../../../gen/noriter/topic/v1/ops.ts"
import type { Decision, DecisionState } from "../../bus/Decider.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { memberKey } from "../../space/Tag.ts"
import { lineAgeMsMax, linesStream, playgroundLinesMax } from "../playground/LineStream.ts"

export const opsDeciders: OpsAskedConsumer = {
  announce: { reads: () => [], decide: announce, asker: () => undefined },
  remove: { reads: ({ member }) => [memberKey(member)], decide: remove, asker: () => undefined }
}

export const layer = Layer.effectDiscard(Effect.flatMap(EventBus, (bus) => bus.register(OpsAskedConsumer, opsDeciders)))

// --- internal ---

/** No rate counts it, and it takes no rate from guests. */
function announce(state: DecisionState, { channel, text }: AnnouncementAsked): Decision {
  const { seq, nowMs: atMs } = state
  const told: LineTold = {
    $type: "noriter.runner.v1.LineTold",
    channel,
    seq,
    prev: state.head(linesStream),
    member: 0,
    id: 0,
    nickname: "",
    text,
    reach: Reach.REACH_PLAYGROUND,
    atMs,
    cell: 0,
    announced: true,
    guest: ""
  }
  const value = LineTold.encode(told).finish()
  return {
    appends: [
      { stream: linesStream, class: "playground", value, countMax: playgroundLinesMax, ageMsMax: lineAgeMsMax }
    ],
    tell: [told],
    facts: [{ $type: "noriter.topic.v1.AnnouncementDecided", channel, seq, text, atMs }]
  }
}

/** Numbers are given anew when the shared space was emptied: who has it by then may be another than who was meant. */
function remove(state: DecisionState, { channel, member, session: meant }: RemovalAsked): Decision {
  const value = state.read(memberKey(member))
  const incarnation = state.ownerOf(memberKey(member))
  const session = value && MemberRecord.decode(value).session
  const found = session !== undefined && incarnation !== undefined && (meant === "" || meant === session)
  const fact = { $type: "noriter.topic.v1.RemovalDecided", channel, member, found, atMs: state.nowMs } as const
  if (!found) return { facts: [fact] }
  return { tell: [{ $type: "noriter.runner.v1.RemovalTold", incarnation, session }], facts: [fact] }
}
