/** Which channels of a playground are open, and how full: read from the shared space, the same for every runner. */
import * as Effect from "effect/Effect"
import { placeAt } from "../../client/Session.ts"
import { isOf, nothing } from "../../space/Founding.ts"
import { membersCounter } from "../../space/PresenceWrites.ts"
import type { Self } from "../../space/Self.ts"
import {
  type Change,
  commitOf,
  type SharedSpace,
  type SpaceError,
  type Tag,
  type TagState
} from "../../space/SharedSpace.ts"
import { channelsMax, channelTag, type Playground } from "./World.ts"

/** An open channel: 1, 2, …, and who stands in it. */
export interface OpenChannel {
  readonly channel: number
  readonly population: number
}

/** Channels asked about at first: enough for most playgrounds. Each enter asks, so that more would cost more than all else. */
const channelsAtFirst = 4

/** The channels that exist, in order. The first always does. */
export const openChannels = (space: SharedSpace["Service"], playground: Playground) =>
  Effect.flatMap(space.heads(namesOf(playground, 0)), (heads) => openAfter(space, playground, heads))

/** The channels that exist in each of these playgrounds: one question, where none has many. */
export const allChannels = Effect.fnUntraced(function* (
  space: SharedSpace["Service"],
  playgrounds: ReadonlyArray<Playground>
) {
  const heads = yield* space.heads(playgrounds.flatMap((playground) => namesOf(playground, 0)))
  return yield* Effect.forEach(playgrounds, (playground) =>
    Effect.map(openAfter(space, playground, heads), (channels) => ({ playground, channels }))
  )
})

/** The names of all of them. */
export const openTags = (
  space: SharedSpace["Service"],
  playgrounds: ReadonlyArray<Playground>
): Effect.Effect<ReadonlyArray<Tag>, SpaceError> =>
  Effect.map(allChannels(space, playgrounds), (all) =>
    all.flatMap(({ playground: { id }, channels }) => channels.map(({ channel }) => channelTag(id, channel)))
  )

/**
 * Founds what is missing below these channels, so that they are found: the space was emptied, and only those come back where
 * somebody stands.
 */
export const foundBelow = Effect.fnUntraced(function* (
  space: SharedSpace["Service"],
  self: Pick<Self["Service"], "generation" | "isCurrent">,
  channels: Iterable<Tag>
) {
  const { generation } = self
  const below = tagsBelow(channels)
  // Missing is not empty (rule L12).
  if (below.length === 0 || !(yield* self.isCurrent)) return
  const heads = yield* space.heads(below)
  const nobody: Change = { _tag: "Count", counter: membersCounter, by: 0, max: 0 }
  const founded = (tag: Tag) =>
    space.commit(commitOf({ tag, generation, found: true, changes: [nobody] })).pipe(
      // Somebody stands there by now, or the generation is over.
      Effect.catchTag("CommitRefused", () => Effect.void)
    )
  const missing = below.filter((tag) => !isOf(heads.get(tag) ?? nothing, generation))
  yield* Effect.forEach(missing, founded, { concurrency: foundedAtOnce, discard: true })
})

// --- internal ---

const foundedAtOnce = 16

/** Those of each playground below the highest. */
const tagsBelow = (channels: Iterable<Tag>): ReadonlyArray<Tag> => {
  const highest = new Map<string, number>()
  for (const tag of new Set(channels)) {
    const { playground, channel } = placeAt(tag, 0)
    highest.set(playground, Math.max(highest.get(playground) ?? 0, channel))
  }
  return [...highest].flatMap(([playground, channel]) =>
    Array.from({ length: channel - 1 }, (_, index) => channelTag(playground, index + 1))
  )
}

/** What to ask about when so many are known to be open: as many again, so that a thousand are found in nine questions. */
const namesOf = ({ id }: Playground, open: number): ReadonlyArray<Tag> =>
  Array.from({ length: Math.min(Math.max(channelsAtFirst, open), channelsMax - open) }, (_, index) =>
    channelTag(id, open + index + 1)
  )

/** Goes on from the answer to the first question. */
const openAfter = Effect.fnUntraced(function* (
  space: SharedSpace["Service"],
  playground: Playground,
  first: ReadonlyMap<Tag, Pick<TagState, "counters">>
): Effect.fn.Return<ReadonlyArray<OpenChannel>, SpaceError> {
  const open: Array<OpenChannel> = []
  for (let heads = first; ; heads = yield* space.heads(namesOf(playground, open.length))) {
    for (const name of namesOf(playground, open.length)) {
      const counters = heads.get(name)?.counters
      if (counters === undefined) return open.length === 0 ? [{ channel: 1, population: 0 }] : open
      open.push({ channel: open.length + 1, population: counters.get(membersCounter) ?? 0 })
    }
    if (open.length >= channelsMax) return open
  }
})
