/**
 * Who is hidden from the phones of this runner: what a session's guest blocks, as far as this runner has heard. It is read
 * where the phone comes in (enter, resume), told by each commit that changes it, and of two that are known the newer holds.
 * What is hidden of a channel is its view's to say; what is blocked, BlockDeciders'.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BlockHolderConsumer } from "../../../gen/consumers.ts"
import { EventBus } from "../../bus/EventBus.ts"
import type { Session } from "../../client/Session.ts"
import { Sessions } from "../../client/Sessions.ts"
import { type Generation, isSameGeneration } from "../../link/Roster.ts"
import { Founding, wholeKey } from "../../space/Founding.ts"
import { Self } from "../../space/Self.ts"
import { SharedSpace, type SpaceError, type TagState } from "../../space/SharedSpace.ts"
import { enduring, Workers } from "../../Workers.ts"
import { Channels } from "../playground/Channels.ts"
import { blocksKey, readBlocks } from "./Blocks.ts"

/** Guests, of whom most phones hide none. */
export type HiddenGuests = ReadonlySet<string> | undefined

/** Whom a guest blocks since a place in the log. */
interface Known {
  readonly seq: number
  readonly hidden: HiddenGuests
}

export class Hidden extends Context.Service<
  Hidden,
  {
    /** Reads whom the guest blocks; where that may have been forgotten, again until all that lasts is rebuilt (rule L12). */
    readonly read: (session: Session) => Effect.Effect<void, SpaceError>
    /** Whom the guest blocks, and since when. */
    readonly of: (session: Session) => Known
    /** Whom a guest blocks since a place in the log: in effect at once, unless something newer is known. */
    readonly learn: (session: Session, seq: number, guests: ReadonlyArray<string>) => void
    /** Where another generation has begun, these may have been read when all was forgotten, and that was not known yet. */
    readonly doubt: (sessions: Iterable<Session>) => void
    /** Reads again what is in doubt, when all that lasts is there. */
    readonly readDoubted: Effect.Effect<void, SpaceError>
  }
>()("noriter/plaza/social/Hidden") {
  static readonly layer = Layer.effect(
    Hidden,
    Effect.suspend(() => make)
  )
}

/** How often those in doubt are read again, and how many at once. */
const againEvery = "1 second"
const readAtOnce = 64

const make = Effect.gen(function* () {
  const space = yield* SharedSpace
  const founding = yield* Founding
  const self = yield* Self
  const channels = yield* Channels
  const known = new WeakMap<Session, Known>()
  const doubted = new Set<Session>()
  let rebuilt: Generation | undefined
  let heardOf = self.generation

  const of = (session: Session): Known => known.get(session) ?? nothing

  const learn = (session: Session, seq: number, guests: ReadonlyArray<string>): void => {
    if (seq <= of(session).seq) return
    const hidden = guests.length === 0 ? undefined : new Set(guests)
    known.set(session, { seq, hidden })
    const { place } = session
    if (place !== undefined) channels.view(place.tag)?.hide(place.member, hidden)
  }

  /** Whether the tag says all there is to say. That all is rebuilt is asked once: it is true for as long as the generation. */
  const counts = (state: TagState): Effect.Effect<boolean, SpaceError> =>
    Effect.suspend(() => {
      const { generation } = self
      if (rebuilt !== undefined && isSameGeneration(rebuilt, generation)) return Effect.succeed(true)
      return Effect.tap(founding.counts(state), (counts) =>
        Effect.sync(() => {
          // Without a mark of its own it counts because all is rebuilt.
          if (counts && !state.entries.has(wholeKey)) rebuilt = generation
        })
      )
    })

  const read = Effect.fnUntraced(function* (session: Session) {
    doubted.add(session)
    const state = yield* space.read({ tag: session.guest, keys: [blocksKey, wholeKey] })
    const { blocks, seq } = readBlocks(state.entries.get(blocksKey)?.value)
    learn(
      session,
      seq,
      blocks.map(({ guest }) => guest)
    )
    if (yield* counts(state)) doubted.delete(session)
  })

  return Hidden.of({
    read,
    of,
    learn,
    doubt: (sessions) => {
      const { generation } = self
      if (isSameGeneration(heardOf, generation)) return
      heardOf = generation
      for (const session of sessions) doubted.add(session)
    },
    readDoubted: Effect.gen(function* () {
      // Whoever is gone is read where they come back.
      for (const session of doubted) if (session.connection === undefined) doubted.delete(session)
      // Before that they would be in doubt again.
      if (doubted.size === 0 || !(yield* founding.isRebuilt)) return
      yield* Effect.forEach([...doubted], read, { concurrency: readAtOnce, discard: true })
    })
  })
})

const nothing: Known = { seq: 0, hidden: undefined }

/** Hears what is decided of those who are here, and looks again at what is in doubt. */
export const deliveryLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const sessions = yield* Sessions
    const hidden = yield* Hidden
    const workers = yield* Workers
    yield* bus.register(BlockHolderConsumer, {
      hide: ({ guest, seq, hidden: guests }) =>
        Effect.sync(() => {
          const session = sessions.ofGuest(guest)
          if (session !== undefined) hidden.learn(session, seq, guests)
        })
    })
    const again = enduring("blocks in doubt", hidden.readDoubted)
    yield* workers.run("blocks", again.pipe(Effect.delay(againEvery), Effect.forever))
  })
)
