/**
 * What an operator may do: announce something to a playground, remove a member. Owns what such an order must be; it is
 * asked of the log, and what becomes of it is decided there (OpsDeciders), so that it takes effect once and is on record.
 */
import { hash } from "node:crypto"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { decodeClientMessage } from "../../../gen/decoders.ts"
import { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { SharedSpace } from "../../space/SharedSpace.ts"
import { memberKey, memberNumber, memberPrefix } from "../../space/Tag.ts"
import { type Fields, Issues } from "../../wire/Strict.ts"
import { openChannels } from "../playground/Population.ts"
import { channelTag, World } from "../playground/World.ts"

/** An order that cannot be; the message is for the operator. */
export class OrderRefused extends Data.TaggedError("OrderRefused")<{
  readonly status: 400 | 404 | 503
  readonly message: string
}> {}

export interface Standing {
  readonly member: number
  readonly nickname: string
  /** An order that repeats it means whom the operator saw, and nobody who has the number since. */
  readonly seen: string
}

export interface Orders {
  /** To all channels of a playground; answers to how many. */
  readonly announce: (order: Fields) => Effect.Effect<{ readonly channels: number }, OrderRefused>
  readonly remove: (order: Fields) => Effect.Effect<{ readonly asked: true }, OrderRefused>
  /** Who stands in a channel, by number and nickname: all that anybody there sees of them, and `seen` says no more. */
  readonly members: (channel: string) => Effect.Effect<ReadonlyArray<Standing>, OrderRefused>
}

export const make = Effect.gen(function* () {
  const bus = yield* EventBus
  const space = yield* SharedSpace
  const world = yield* World

  const channelsOf = Effect.fnUntraced(function* (id: unknown) {
    const playground = typeof id === "string" ? world.find(id) : undefined
    if (playground === undefined)
      return yield* new OrderRefused({ status: 404, message: "there is no such playground" })
    return yield* Effect.map(orAway(openChannels(space, playground)), (open) =>
      open.map(({ channel }) => channelTag(playground.id, channel))
    )
  })
  /** A channel that is open. */
  const channelOf = Effect.fnUntraced(function* (tag: unknown) {
    const playground = typeof tag === "string" ? tag.slice(0, tag.lastIndexOf("/")) : ""
    const channel = (yield* channelsOf(playground)).find((open) => open === tag)
    return channel ?? (yield* new OrderRefused({ status: 404, message: "there is no such channel" }))
  })

  const orders: Orders = {
    announce: Effect.fnUntraced(function* ({ playground, text }) {
      const channels = yield* channelsOf(playground)
      const line = yield* asLine(text)
      for (const channel of channels) {
        yield* orAway(bus.publish({ $type: "noriter.topic.v1.AnnouncementAsked", channel, text: line }))
      }
      return { channels: channels.length }
    }),
    remove: Effect.fnUntraced(function* ({ channel: tag, member, seen }) {
      const channel = yield* channelOf(tag)
      if (typeof member !== "number" || !Number.isInteger(member) || member < 1 || member > memberMax) {
        return yield* new OrderRefused({ status: 400, message: "member must be a member's number" })
      }
      const key = memberKey(member)
      const { entries } = yield* orAway(space.read({ tag: channel, keys: [key] }))
      const value = entries.get(key)?.value
      const session = value && MemberRecord.decode(value).session
      if (session === undefined || (seen !== undefined && seen !== seenOf(channel, member, session))) {
        return yield* new OrderRefused({ status: 404, message: "that member is not there, or not any more" })
      }
      yield* orAway(bus.publish({ $type: "noriter.topic.v1.RemovalAsked", channel, member, session }))
      return { asked: true as const }
    }),
    members: Effect.fnUntraced(function* (tag) {
      const channel = yield* channelOf(tag)
      const { entries } = yield* orAway(space.snapshot(channel, memberPrefix, ""))
      return [...entries].map(([key, { value }]) => {
        const { session, nickname } = MemberRecord.decode(value)
        const member = memberNumber(key)
        return { member, nickname, seen: seenOf(channel, member, session) }
      })
    })
  }
  return orders
})

// --- internal ---

const memberMax = 4_294_967_295

/** The same for as long as a session has this number, and another for the same guest under another: it leads to nobody. */
const seenOf = (channel: string, member: number, session: string): string =>
  hash("sha256", `${channel}/${member} ${session}`, "base64url").slice(0, 22)

/** An announcement is held to the rules of a line that is said. */
const asLine = (text: unknown): Effect.Effect<string, OrderRefused> =>
  Effect.suspend(() => {
    const issues = new Issues()
    const body = decodeClientMessage({ say: { text } }, issues)?.body
    if (body?.$case === "say") return Effect.succeed(body.value.text)
    const [first] = issues.list()
    return Effect.fail(new OrderRefused({ status: 400, message: `text ${first?.message ?? "must be a line"}` }))
  })

const orAway = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, OrderRefused> =>
  Effect.catchCause(effect, (cause) =>
    Effect.andThen(
      Effect.logWarning("an operator's order was not taken", cause),
      Effect.fail(
        new OrderRefused({ status: 503, message: "the log or the shared space is away; look before you repeat it" })
      )
    )
  )
