/** Which channels of a playground are open, and how full: read from the shared space, the same for every runner. */
import * as Effect from "effect/Effect"
import { membersCounter } from "../../space/PresenceWrites.ts"
import type { SharedSpace, SpaceError } from "../../space/SharedSpace.ts"
import { channelsMax, channelTag, type Playground } from "./World.ts"

/** An open channel: 1, 2, …, and who stands in it. */
export interface OpenChannel {
  readonly channel: number
  readonly population: number
}

/** Channels asked about at first: enough for most playgrounds. Each enter asks, so that more would cost more than all else. */
const channelsAtFirst = 4

/** The channels that exist, in order. The first always does. */
export const openChannels = (
  space: SharedSpace["Service"],
  { id }: Playground
): Effect.Effect<ReadonlyArray<OpenChannel>, SpaceError> =>
  Effect.gen(function* () {
    const open: Array<OpenChannel> = []
    while (open.length < channelsMax) {
      // Then as many again as are there already: a thousand are found in nine questions.
      const length = Math.min(Math.max(channelsAtFirst, open.length), channelsMax - open.length)
      const next = Array.from({ length }, (_, index) => open.length + index + 1)
      const heads = yield* space.heads(next.map((channel) => channelTag(id, channel)))
      for (const channel of next) {
        const counters = heads.get(channelTag(id, channel))?.counters
        if (counters === undefined) return open.length === 0 ? [{ channel: 1, population: 0 }] : open
        open.push({ channel, population: counters.get(membersCounter) ?? 0 })
      }
    }
    return open
  })
