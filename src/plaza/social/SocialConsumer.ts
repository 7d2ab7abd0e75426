/**
 * Takes what guests give each other. A gift is asked of the giver's own tag and answered by its outcome, which is
 * PouchDeciders'; here the number in the channel becomes the guest who is meant, and no phone ever learns which.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SocialConsumer } from "../../../gen/consumers.ts"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import { GiveRequest, type PouchResponse } from "../../../gen/noriter/client/v1/social.ts"
import type { Answer } from "../../../gen/noriter/space/v1/records.ts"
import type { ClientResponse } from "../../../gen/registry.ts"
import type { Call, Later, Refused } from "../../bus/Caller.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { refusedAs, refusedBy } from "../../bus/Refusals.ts"
import { makeAsking } from "./Asking.ts"
import { pouchKey, readPouch } from "./Pouch.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const { memberAt, ownOf, isUnderstood } = yield* makeAsking

    const give = Effect.fnUntraced(function* (request: GiveRequest, call: Call): Effect.fn.Return<Later, Refused> {
      const { caller } = call
      const { member, kind, count, wrappedMs } = request
      // Zero means absent, so the proto cannot require it.
      if (count === 0) return yield* nothing
      if (wrappedMs > 0) yield* isUnderstood
      const place = yield* caller.placeOf(call.id)
      yield* ownOf(caller.guest, pouchKey)
      const { guest: receiver } = yield* memberAt(place.tag, member)
      // Asked also when nobody is there: sent again, it is answered from the tag's memory whoever has left meanwhile.
      return yield* caller.ask(call, {
        member: place.member,
        body: GiveRequest.encode(request).finish(),
        record: (asker) => ({
          $type: "noriter.topic.v1.GiftAsked",
          guest: caller.guest,
          asker,
          receiver,
          nickname: caller.nickname,
          kind,
          count,
          wrappedMs
        }),
        answerOf
      })
    })

    yield* bus.register(SocialConsumer, {
      give,
      pouch: (_, { caller }) =>
        Effect.map(
          ownOf(caller.guest, pouchKey),
          (value): PouchResponse => ({ $type: "noriter.client.v1.PouchResponse", flowers: [...readPouch(value)] })
        )
    })
  })
)

/** What the phone is told of an outcome, the first time and when it asks again. */
const answerOf = (answer: Answer): ClientResponse | Refused => {
  const { body } = answer
  switch (body?.$case) {
    case "give":
      return { $type: "noriter.client.v1.GiveResponse" }
    default:
      return refusedBy(answer)
  }
}

const nothing = refusedAs(ErrorCode.ERROR_CODE_INVALID, "give.count must be at least 1")
