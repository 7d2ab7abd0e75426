/**
 * Takes whom guests block. It is asked of the guest's own tag and answered by its outcome, which is BlockDeciders'; here the
 * number in the channel becomes the guest who is meant, and no phone ever learns which.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BlockConsumer } from "../../../gen/consumers.ts"
import type { BlockRequest, BlocksResponse, UnblockRequest } from "../../../gen/noriter/client/v1/block.ts"
import { ClientMessage } from "../../../gen/noriter/client/v1/client.ts"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import type { Answer } from "../../../gen/noriter/space/v1/records.ts"
import type { ClientResponse } from "../../../gen/registry.ts"
import type { Call, Caller, Later, Refused } from "../../bus/Caller.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { refusedAs, refusedBy } from "../../bus/Refusals.ts"
import { Session } from "../../client/Session.ts"
import { enduring } from "../../Workers.ts"
import { makeAsking } from "./Asking.ts"
import { blocksKey, readBlocks } from "./Blocks.ts"
import { Hidden } from "./Hidden.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const hidden = yield* Hidden
    const { memberAt, ownOf, isUnderstood } = yield* makeAsking
    const fork = Effect.runForkWith(yield* Effect.context<never>())

    /** What was decided is in effect when it is answered, also where the word of it was lost on its way here. */
    const inEffect = (caller: Caller, seq: number): void => {
      if (caller instanceof Session && hidden.of(caller).seq < seq) fork(enduring("blocks", hidden.read(caller)))
    }

    /** What the phone is told of an outcome, the first time and when it asks again. */
    const answerOf =
      (caller: Caller) =>
      (answer: Answer): ClientResponse | Refused => {
        const { body } = answer
        switch (body?.$case) {
          case "block":
            inEffect(caller, body.value.seq)
            return { $type: "noriter.client.v1.BlockResponse", block: body.value.block }
          case "unblock":
            inEffect(caller, body.value.seq)
            return { $type: "noriter.client.v1.UnblockResponse" }
          default:
            return refusedBy(answer)
        }
      }

    const block = Effect.fnUntraced(function* (request: BlockRequest, call: Call): Effect.fn.Return<Later, Refused> {
      const { caller } = call
      yield* isUnderstood
      const place = yield* caller.placeOf(call.id)
      yield* ownOf(caller.guest, blocksKey)
      const { guest: blocked, nickname } = yield* memberAt(place.tag, request.member)
      // Asked also when nobody is there: sent again, it is answered from the tag's memory whoever has left meanwhile.
      return yield* caller.ask(call, {
        member: place.member,
        body: bodyOf({ $case: "block", value: request }),
        record: (asker) => ({ $type: "noriter.topic.v1.BlockAsked", guest: caller.guest, asker, blocked, nickname }),
        answerOf: answerOf(caller)
      })
    })

    const unblock = Effect.fnUntraced(function* (
      request: UnblockRequest,
      call: Call
    ): Effect.fn.Return<Later, Refused> {
      const { caller } = call
      // Zero means absent, so the proto cannot require it.
      if (request.block === 0) return yield* nothing
      yield* isUnderstood
      yield* ownOf(caller.guest, blocksKey)
      return yield* caller.ask(call, {
        member: caller.place?.member ?? 0,
        body: bodyOf({ $case: "unblock", value: request }),
        record: (asker) => ({
          $type: "noriter.topic.v1.UnblockAsked",
          guest: caller.guest,
          asker,
          block: request.block
        }),
        answerOf: answerOf(caller)
      })
    })

    yield* bus.register(BlockConsumer, {
      block,
      unblock,
      blocks: (_, { caller }) => Effect.map(ownOf(caller.guest, blocksKey), listed)
    })
  })
)

const listed = (value: Uint8Array | undefined): BlocksResponse => ({
  $type: "noriter.client.v1.BlocksResponse",
  blocks: readBlocks(value).blocks.map(({ block, nickname, atMs }) => ({
    $type: "noriter.client.v1.Block",
    block,
    nickname,
    atMs
  }))
})

/** With its key: the two are alike but for that, and one is not the other under the same id. */
const bodyOf = (body: NonNullable<ClientMessage["body"]>): Uint8Array =>
  ClientMessage.encode({ $type: "noriter.client.v1.ClientMessage", id: 0, body }).finish()

const nothing = refusedAs(ErrorCode.ERROR_CODE_INVALID, "unblock.block must be at least 1")
