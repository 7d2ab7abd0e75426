/**
 * Takes what guests say. A line or a whisper is asked of the log and answered by its outcome; emotes and typing are
 * fleeting, and told to the runners at once. What is decided of a line is ChannelDeciders'.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChatConsumer } from "../../../gen/consumers.ts"
import { Reach, SayRequest, WhisperRequest } from "../../../gen/noriter/client/v1/chat.ts"
import type { Answer } from "../../../gen/noriter/space/v1/records.ts"
import type { ClientResponse, RunnerMessage } from "../../../gen/registry.ts"
import type { Refused } from "../../bus/Caller.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { refusedBy } from "../../bus/Refusals.ts"
import { currentTrace, withNewTrace } from "../../telemetry/Tracing.ts"
import { Channels } from "../playground/Channels.ts"
import type { View } from "../playground/View.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const channels = yield* Channels
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    /** What is fleeting may be lost, and is not waited for: a phone's lines are read on however long the link takes. */
    const tell = (key: string, message: RunnerMessage): void =>
      void fork(
        Effect.ignore(
          withNewTrace(
            key,
            Effect.flatMap(currentTrace, (trace) => bus.publish(message, trace))
          )
        )
      )
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
      emote: ({ $type, kind }, { caller: { place } }) => {
        if (place !== undefined) {
          const { tag: channel, member } = place
          tell($type, { $type: "noriter.runner.v1.EmoteTold", channel, member, kind })
        }
        return Effect.void
      },
      typing: ({ $type }, { caller: { place } }) => {
        if (place !== undefined) {
          const { tag: channel, member } = place
          tell($type, { $type: "noriter.runner.v1.TypingTold", channel, member })
        }
        return Effect.void
      }
    })
  })
)

const cellOf = (view: View | undefined, member: number): number => {
  const position = view?.positionOf(member)
  return view === undefined || position === undefined ? 0 : view.grid.indexAt(position.xCm, position.yCm)
}

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
