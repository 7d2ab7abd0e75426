/**
 * The index of an incarnation (rule P6): in its own tag stand the guests it holds and the channels it entered, written
 * before the claim and cleaned after. It may name too much, never too little: the watcher starts from it.
 */
import * as Deferred from "effect/Deferred"
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
const channelKey = (channel: string): string => channelPrefix + channel

/** The channels in the index: named before anybody enters, and no longer when nobody has been there for two looks. */
export class ChannelIndex {
  readonly #writes: PresenceWrites
  readonly #entering = new Map<string, number>()
  readonly #named = new Set<string>()
  /** Nobody was there at the last look. */
  #idle: ReadonlySet<string> = new Set()
  #cleaning: Deferred.Deferred<void> | undefined

  constructor(writes: PresenceWrites) {
    this.#writes = writes
  }

  /** Names the channel, and has it stay named while somebody is on their way into it. */
  naming<A>(by: Incarnation, channel: string, enter: Write<A>): Write<A> {
    return Effect.suspend(() => {
      this.#entering.set(channel, (this.#entering.get(channel) ?? 0) + 1)
      this.#named.add(channel)
      // What is being cleaned away now must be gone before it is named anew.
      const cleaned = this.#cleaning === undefined ? Effect.void : Deferred.await(this.#cleaning)
      return cleaned.pipe(
        Effect.andThen(this.#writes.index(by, [channelKey(channel)], [])),
        Effect.andThen(enter),
        Effect.ensuring(Effect.sync(() => this.#entered(channel)))
      )
    })
  }

  #entered(channel: string): void {
    const left = (this.#entering.get(channel) ?? 1) - 1
    if (left === 0) this.#entering.delete(channel)
    else this.#entering.set(channel, left)
  }

  clean(held: ReadonlySet<string>): Write<void> {
    return Effect.suspend(() => {
      const idle = [...this.#named].filter((channel) => !held.has(channel) && !this.#entering.has(channel))
      const gone = idle.filter((channel) => this.#idle.has(channel))
      this.#idle = new Set(idle)
      if (gone.length === 0) return Effect.void
      const cleaning = Deferred.makeUnsafe<void>()
      this.#cleaning = cleaning
      const done = Effect.sync(() => {
        this.#cleaning = undefined
        Deferred.doneUnsafe(cleaning, Effect.void)
      })
      for (const channel of gone) this.#named.delete(channel)
      return this.#writes.index(this.#writes.incarnation, [], gone.map(channelKey)).pipe(Effect.ensuring(done))
    })
  }
}

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
