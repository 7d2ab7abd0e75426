/** Registers what decides about talking when the log is read: on the channel's tag and on the guest's. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChannelAskedConsumer, GuestAskedConsumer } from "../../../gen/consumers.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { Settings } from "../../Settings.ts"
import { channelDeciders } from "./ChannelDeciders.ts"
import { mailboxDeciders } from "./MailboxDeciders.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    yield* bus.register(ChannelAskedConsumer, channelDeciders(yield* Settings))
    yield* bus.register(GuestAskedConsumer, mailboxDeciders)
  })
)
