/**
 * Takes what guests give each other. A gift is asked of the giver's own tag and answered by its outcome, which is
 * PouchDeciders'; here the number in the channel becomes the guest who is meant, and no phone ever learns which.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SocialConsumer } from "../../../gen/consumers.ts"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import { GiveRequest, type PouchResponse } from "../../../gen/noriter/client/v1/social.ts"
import { type Answer, MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import type { ClientResponse } from "../../../gen/registry.ts"
import type { Call, Later, Refused } from "../../bus/Caller.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { away, refusedAs, refusedBy } from "../../bus/Refusals.ts"
import { older } from "../../space/Enrolment.ts"
import { Founding, wholeKey } from "../../space/Founding.ts"
import { Self } from "../../space/Self.ts"
import { SharedSpace } from "../../space/SharedSpace.ts"
import { memberKey } from "../../space/Tag.ts"
import { type Pouch, pouchKey, readPouch } from "./Pouch.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const space = yield* SharedSpace

    const founding = yield* Founding
    const self = yield* Self

    const valueAt = (tag: string, key: string): Effect.Effect<Uint8Array | undefined, Refused> =>
      space.read({ tag, keys: [key] }).pipe(
        Effect.map(({ entries }) => entries.get(key)?.value),
        Effect.mapError(() => unread)
      )

    /** The guest's own pouch; refused while it may have been forgotten and is not rebuilt (rule E2). */
    const pouchOf = (guest: string): Effect.Effect<Pouch, Refused> =>
      space.read({ tag: guest, keys: [pouchKey, wholeKey] }).pipe(
        Effect.flatMap((state) =>
          Effect.map(founding.counts(state), (counts) => ({ counts, value: state.entries.get(pouchKey)?.value }))
        ),
        Effect.mapError(() => unread),
        Effect.flatMap(({ counts, value }) => (counts ? Effect.succeed(readPouch(value)) : Effect.fail(notRebuilt)))
      )

    /** Runners of the release before know of no wrapping. */
    const isUnderstood = Effect.gen(function* () {
      for (const incarnation of yield* Effect.mapError(older(space), () => unread)) {
        if ((yield* self.lifeOf(incarnation)) !== "dead") return yield* notYet
      }
    })

    const give = Effect.fnUntraced(function* (request: GiveRequest, call: Call): Effect.fn.Return<Later, Refused> {
      const { caller } = call
      const { member, kind, count, wrappedMs } = request
      // Zero means absent, so the proto cannot require it.
      if (count === 0) return yield* nothing
      if (wrappedMs > 0) yield* isUnderstood
      const place = yield* caller.placeOf(call.id)
      yield* pouchOf(caller.guest)
      const receiver = guestOf(yield* valueAt(place.tag, memberKey(member)))
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
          pouchOf(caller.guest),
          (pouch): PouchResponse => ({ $type: "noriter.client.v1.PouchResponse", flowers: [...pouch] })
        )
    })
  })
)

/** The guest of a member, lost or away too; empty where nobody stands, or one who was never shown. */
const guestOf = (value: Uint8Array | undefined): string => {
  if (value === undefined) return ""
  const { state, guest } = MemberRecord.decode(value)
  return state === PresenceState.PRESENCE_STATE_HIDDEN ? "" : guest
}

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
const unread = away("pouches cannot be read just now")
const notYet = away("flowers cannot be wrapped while this plaza is renewed")
const notRebuilt = away("pouches are being put together again")
