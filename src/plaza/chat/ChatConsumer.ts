/**
 * Takes what guests say. A line or a whisper is asked of the log and answered by its outcome; emotes and typing are
 * fleeting, and told to the runners at once. What is decided of a line is ChannelDeciders'.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChatConsumer } from "../../../gen/consumers.ts"
import { Reach, SayRequest, WhisperRequest } from "../../../gen/noriter/client/v1/chat.ts"
import type { Answer } from "../../../gen/noriter/space/v1/records.ts"
import type { ClientResponse } from "../../../gen/registry.ts"
import type { Caller, Place, Refused } from "../../bus/Caller.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { refusedBy } from "../../bus/Refusals.ts"
import { currentTrace, withNewTrace } from "../../telemetry/Tracing.ts"
import type { Trace } from "../../wire/Trace.ts"
import { Channels } from "../playground/Channels.ts"
import type { View } from "../playground/View.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const channels = yield* Channels
    yield* bus.register(ChatConsumer, {
      say: (request, call) =>
        Effect.flatMap(call.caller.placeOf(call.id), (place) =>
          call.caller.ask(call, {
            member: place.member,
            body: SayRequest.encode(request).finish(),
            // The cell is fixed when the line is asked: who stands around it then is who hears it (design 6).
            record: (asker) => ({
              $type: "noriter.topic.v1.LineAsked",
              channel: place.tag,
              asker,
              text: request.text,
              reach: request.reach || Reach.REACH_NEARBY,
              cell: cellOf(channels.view(place.tag), place.member)
            }),
            answerOf
          })
        ),
      whisper: (request, call) =>
        Effect.flatMap(call.caller.placeOf(call.id), (place) =>
          call.caller.ask(call, {
            member: place.member,
            body: WhisperRequest.encode(request).finish(),
            record: (asker) => ({
              $type: "noriter.topic.v1.WhisperAsked",
              channel: place.tag,
              asker,
              member: request.member,
              text: request.text
            }),
            answerOf
          })
        ),
      emote: ({ $type, kind }, { caller }) =>
        fleeting($type, caller, ({ tag, member }, trace) =>
          bus.publish({ $type: "noriter.runner.v1.EmoteTold", channel: tag, member, kind }, trace)
        ),
      typing: ({ $type }, { caller }) =>
        fleeting($type, caller, ({ tag, member }, trace) =>
          bus.publish({ $type: "noriter.runner.v1.TypingTold", channel: tag, member }, trace)
        )
    })
  })
)

const cellOf = (view: View | undefined, member: number): number => {
  const position = view?.positionOf(member)
  return view === undefined || position === undefined ? 0 : view.grid.indexAt(position.xCm, position.yCm)
}

/** What is fleeting may be lost: a link that is away is no reason to refuse. */
const fleeting = <E>(
  key: string,
  { place }: Caller,
  tell: (place: Place, trace: Trace | undefined) => Effect.Effect<void, E>
): Effect.Effect<void> =>
  place === undefined
    ? Effect.void
    : Effect.ignore(
        withNewTrace(
          key,
          Effect.flatMap(currentTrace, (trace) => tell(place, trace))
        )
      )

/** What the phone is told of an outcome, the first time and when it asks again. */
const answerOf = (answer: Answer): ClientResponse | Refused => {
  const { body } = answer
  switch (body?.$case) {
    case "say":
      return { $type: "noriter.client.v1.SayResponse", seq: body.value.seq }
    case "whisper":
      return { $type: "noriter.client.v1.WhisperResponse" }
    default:
      return refusedBy(answer)
  }
}
