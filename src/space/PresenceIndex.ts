/**
 * The index of an incarnation (rule P6): in its own tag stand the guests it holds and the channels it entered, written
 * before the claim and cleaned after. It may name too much, never too little: the watcher starts from it.
 */
import * as Effect from "effect/Effect"
import type { Incarnation } from "../link/Roster.ts"
import type { Held } from "./Held.ts"
import { incarnationTag } from "./Lease.ts"
import { refuse, type Write } from "./PresenceRefused.ts"
import type { PresenceWrites } from "./PresenceWrites.ts"
import { type Change, changesMax, type SharedSpace } from "./SharedSpace.ts"

const guestPrefix = "guest/"
const channelPrefix = "channel/"

/** What an index names. */
export const namedIn = (keys: ReadonlyArray<string>) => ({
  guests: namesIn(keys, guestPrefix),
  channels: namesIn(keys, channelPrefix)
})

const namesIn = (keys: ReadonlyArray<string>, prefix: string): ReadonlyArray<string> =>
  keys.flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []))

export const guestKey = (guest: string): string => guestPrefix + guest
export const channelKey = (channel: string): string => channelPrefix + channel

/** Names all that these hold, in a few writes. */
export const indexAll = (writes: PresenceWrites, holding: Iterable<Held>): Write<void> =>
  Effect.gen(function* () {
    const keys = new Set<string>()
    for (const { guest, record } of holding) {
      keys.add(guestKey(guest))
      if (record.channel !== "") keys.add(channelKey(record.channel))
    }
    for (const some of inPieces([...keys])) yield* writes.index(writes.incarnation, some, [])
  })

/** Leaves nothing in the tag of an incarnation that holds nothing any more. */
export const unindex = (space: SharedSpace["Service"], writes: PresenceWrites, former: Incarnation): Write<void> =>
  Effect.gen(function* () {
    const tag = incarnationTag(former.id)
    const { entries } = yield* space.snapshot(tag, "", "")
    for (const some of inPieces([...entries.keys()])) {
      const changes = some.map((key): Change => ({ _tag: "Delete", key }))
      yield* writes.commit(tag, { _tag: "Compared" }, changes).pipe(
        // It lay in a generation that is over, and so is gone.
        Effect.catchTag("CommitRefused", (refused) => (refused.reason === "Missing" ? Effect.void : refuse(refused)))
      )
    }
  })

/** As many as one commit may change. */
export const inPieces = (keys: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from({ length: Math.ceil(keys.length / changesMax) }, (_, at) =>
    keys.slice(at * changesMax, (at + 1) * changesMax)
  )
