/**
 * Which channels there are. The watcher asks it; what a channel is, and which of them are open, is the plaza's to say, so
 * App.ts brings the two together.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SpaceError, Tag } from "../space/SharedSpace.ts"

export class ChannelList extends Context.Service<
  ChannelList,
  {
    /** All that exist, and perhaps some that do not yet. */
    readonly all: Effect.Effect<ReadonlyArray<Tag>, SpaceError>
  }
>()("noriter/watch/ChannelList") {}
