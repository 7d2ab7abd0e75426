/**
 * The index of an incarnation (rule P6): in its own tag stand the guests it holds and the channels it entered, written
 * before the claim and cleaned after. It may name too much, never too little: the watcher starts from it. Owns, too, which of
 * these nobody knows to be held or not: a claim broke off, or the space may have gone back.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import { type Generation, generationText, type Incarnation } from "../link/Roster.ts"
import { monotonicMs } from "../Monotonic.ts"
import { goBackMs } from "./GoingBack.ts"
import type { Held } from "./Held.ts"
import { incarnationTag } from "./Lease.ts"
import { type PresenceRefused, refuse, type Write } from "./PresenceRefused.ts"
import type { PresenceWrites } from "./PresenceWrites.ts"
import type { Self } from "./Self.ts"
import { type Change, changesMax, type SharedSpace, type SpaceError } from "./SharedSpace.ts"

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
const isGuestKey = (key: string): boolean => key.startsWith(guestPrefix)
export const channelKey = (channel: string): string => channelPrefix + channel

/**
 * What has ended is named until nothing of its end can be lost any more, for then this runner holds it again (rule L11). A
 * name too many costs a watcher one read.
 */
export const lookEveryMs = goBackMs

/**
 * For so long a write of which there was no word may still happen: what was sent on a connection that is gone is sent again
 * by the kernel, for some minutes.
 */
const doubtMs = 5 * 60_000
/** How often a guest in doubt is looked at, and how many of them in one go. */
const doubtEveryMs = 5_000
export const doubtsAtOnce = 256

interface Doubt {
  /** Who tried. Another of its name may live beside it (rule P3), and what that has is not looked after here. */
  readonly by: string
  readonly untilMs: number
  readonly nextLookMs: number
}

/** The tag of an incarnation, in a generation of the space and as of a loss. */
interface NamedIn {
  readonly by: string
  readonly of: Generation | undefined
  readonly losses: number
  readonly text: string
}

/** Names that are written in one commit. */
interface Names {
  /** As `#tagOf` says. */
  readonly tag: string
  readonly keys: Set<string>
  readonly written: Deferred.Deferred<void, PresenceRefused | SpaceError>
}

/** What the index names: each before it is held, and no longer when nobody has held it for two looks. */
export class Index {
  readonly #writes: PresenceWrites
  readonly #self: Pick<Self["Service"], "generation" | "look">
  readonly #fork: (write: Effect.Effect<void>) => unknown
  readonly #coming = new Map<string, number>()
  /** By key: what was written when it was named last; empty: nothing for certain. */
  readonly #named = new Map<string, string>()
  /** Counts when the space may have lost what was named. */
  #losses = 0
  /** As it was asked for last. */
  #tag: NamedIn = { by: "", of: undefined, losses: 0, text: "" }
  /** Not written yet: whoever comes now is named with these. */
  #names: Names | undefined
  /** Perhaps held: of what was to hold them nobody knows how far it came. */
  readonly #doubtful = new Map<string, Doubt>()
  /** Held by nobody at the last look. */
  #idle: ReadonlySet<string> = new Set()
  #lookedMs = Number.NEGATIVE_INFINITY
  #cleaning: { readonly keys: ReadonlySet<string>; readonly done: Deferred.Deferred<void> } | undefined

  constructor(
    writes: PresenceWrites,
    self: Pick<Self["Service"], "generation" | "look">,
    fork: (write: Effect.Effect<void>) => unknown
  ) {
    this.#writes = writes
    this.#self = self
    this.#fork = fork
  }

  /** The space was away, and may have gone back. */
  doubt(): void {
    this.#losses++
  }

  /** The tag that is written to, as it is now: one text for all who are named in it. */
  #tagOf({ id }: Incarnation): string {
    const { generation } = this.#self
    const { by, of, losses, text } = this.#tag
    if (by === id && of === generation && losses === this.#losses) return text
    const now = `${id} ${generationText(generation)} ${this.#losses}`
    this.#tag = { by: id, of: generation, losses: this.#losses, text: now }
    return now
  }

  /** Names what is to be put back, where it is not named: not again for each, when all were named in one go. */
  assure(by: Incarnation, { guest, record }: Held): Write<void> {
    return Effect.suspend(() => {
      const tag = this.#tagOf(by)
      const unnamed = [...keysOf([{ held: { guest, record } }])].filter((key) => this.#named.get(key) !== tag)
      return unnamed.length === 0 ? Effect.void : this.name(by, unnamed)
    })
  }

  /** No more than one commit may change. */
  name(by: Incarnation, keys: ReadonlyArray<string>): Write<void> {
    return Effect.suspend(() => {
      const tag = this.#tagOf(by)
      const open = this.#names
      const names = open?.tag === tag && open.keys.size + keys.length <= changesMax ? open : this.#newNames(by, tag)
      for (const key of keys) names.keys.add(key)
      return Deferred.await(names.written)
    })
  }

  /**
   * Thousands who come at once would have a commit each before that of their claim, and all of them to one tag: who comes in
   * one turn of the event loop shares it. It is nobody's in particular: whoever was first may be gone by then.
   */
  #newNames(by: Incarnation, tag: string): Names {
    const names: Names = { tag, keys: new Set(), written: Deferred.makeUnsafe() }
    const write = Effect.suspend(() => {
      if (this.#names === names) this.#names = undefined
      return Effect.map(this.#writes.index(by, [...names.keys], []), () => {
        for (const key of names.keys) this.#named.set(key, tag)
      })
    })
    this.#names = names
    this.#fork(Effect.asVoid(Deferred.into(Effect.andThen(Effect.yieldNow, write), names.written)))
    return names
  }

  /** Names the key, and has it stay named while somebody is on their way to hold it. */
  naming<A>(by: Incarnation, key: string, hold: Write<A>): Write<A> {
    return Effect.suspend(() => {
      this.#coming.set(key, (this.#coming.get(key) ?? 0) + 1)
      if (!this.#named.has(key)) this.#named.set(key, "")
      // What is being cleaned away now must be gone before it is named anew.
      const cleaning = this.#cleaning?.keys.has(key) === true ? this.#cleaning : undefined
      const name = this.name(by, [key])
      const named = cleaning === undefined ? name : Effect.andThen(Deferred.await(cleaning.done), name)
      let isTried = false
      const held = Effect.flatMap(named, () => {
        isTried = true
        return hold
      })
      return Effect.onExit(held, (exit) => {
        if (isTried && Exit.isFailure(exit) && !isUntouched(exit.cause)) return this.#failed(by, key)
        if (Exit.isSuccess(exit)) {
          // Whoever holds it now holds it instead of all who tried before.
          this.#doubtful.delete(key)
          this.#nameIfLost(by, key)
        }
        this.#came(key)
        return Effect.void
      })
    })
  }

  /** The name may be lost where the space went back before it was held, and after all who are held were named again. */
  #nameIfLost(by: Incarnation, key: string): void {
    if (this.#named.get(key) !== this.#tagOf(by)) this.#self.look()
  }

  /** Nobody knows whether it is held now. */
  #failed({ id: by }: Incarnation, key: string): Effect.Effect<void> {
    return Effect.map(monotonicMs, (nowMs) => {
      this.#doubtful.set(key, { by, untilMs: nowMs + doubtMs, nextLookMs: nowMs })
      this.#came(key)
    })
  }

  /**
   * Whom this runner held a moment ago, and none of these, it may hold again, where the space has gone back behind their end
   * (rule L11): that is looked at, once.
   */
  doubtOthers(holding: Iterable<Holder>): Effect.Effect<void> {
    return Effect.map(monotonicMs, (nowMs) => {
      const held = keysOf(holding)
      for (const [key, tag] of this.#named) {
        if (!isGuestKey(key) || held.has(key) || this.isInDoubt(key)) continue
        // Which it was then, and may be no more.
        const [by = ""] = tag.split(" ")
        this.#doubtful.set(key, { by, untilMs: nowMs, nextLookMs: nowMs })
      }
    })
  }

  isInDoubt(key: string): boolean {
    return this.#doubtful.has(key) || this.#coming.has(key)
  }

  #came(key: string): void {
    const left = (this.#coming.get(key) ?? 1) - 1
    if (left === 0) this.#coming.delete(key)
    else this.#coming.set(key, left)
  }

  /**
   * Sessions that are this runner's, perhaps by a claim that broke off, and whose phone was told that it had none; or again,
   * after their end. Each is given as long as it is in doubt, and not once: a later claim of the same guest may yet happen.
   */
  get brokenOff(): Effect.Effect<ReadonlyArray<Held>, SpaceError> {
    return Effect.flatMap(monotonicMs, (nowMs) => {
      const due = [...this.#doubtful].filter(([key, { nextLookMs }]) => isGuestKey(key) && nextLookMs <= nowMs)
      const looks = due.slice(0, doubtsAtOnce).map(([key, doubt]) => this.#lookAt(key, doubt, nowMs))
      return Effect.map(Effect.all(looks, { concurrency: "unbounded" }), (found) => found.flat())
    })
  }

  #lookAt(key: string, doubt: Doubt, nowMs: number): Effect.Effect<ReadonlyArray<Held>, SpaceError> {
    const guest = key.slice(guestPrefix.length)
    return Effect.map(this.#writes.readSession(guest), (entry) => {
      // It is tried again meanwhile, or was: that says more.
      if (this.#coming.has(key) || this.#doubtful.get(key) !== doubt) return []
      // Behind the others: there may be more than are looked at at once.
      this.#doubtful.delete(key)
      if (nowMs < doubt.untilMs) this.#doubtful.set(key, { ...doubt, nextLookMs: nowMs + doubtEveryMs })
      if (entry?.owner?.incarnation !== doubt.by) return []
      const { owner, value, version } = entry
      return [{ guest, owner, record: SessionRecord.decode(value), version }]
    })
  }

  clean(holding: Iterable<Holder>): Write<void> {
    return Effect.flatMap(monotonicMs, (nowMs) => {
      if (nowMs < this.#lookedMs + lookEveryMs) return Effect.void
      this.#lookedMs = nowMs
      const held = keysOf(holding)
      for (const [key, { untilMs }] of this.#doubtful) {
        if (!isGuestKey(key) && nowMs >= untilMs) this.#doubtful.delete(key)
      }
      const idle = [...this.#named.keys()].filter((key) => !held.has(key) && !this.isInDoubt(key))
      const gone = idle.filter((key) => this.#idle.has(key))
      this.#idle = new Set(idle)
      if (gone.length === 0) return Effect.void
      const done = Deferred.makeUnsafe<void>()
      this.#cleaning = { keys: new Set(gone), done }
      const over = Effect.sync(() => {
        this.#cleaning = undefined
        Deferred.doneUnsafe(done, Effect.void)
      })
      return Effect.forEach(inPieces(gone), (keys) => this.#strike(keys), { discard: true }).pipe(Effect.ensuring(over))
    })
  }

  #strike(keys: ReadonlyArray<string>): Write<void> {
    const losses = this.#losses
    return Effect.map(this.#writes.index(this.#writes.incarnation, [], keys), () => {
      // The space was away meanwhile, and they may be held again: that is yet to be looked at.
      if (losses !== this.#losses) return
      // Whoever comes meanwhile waits, and names it anew.
      for (const key of keys) if (!this.#coming.has(key)) this.#named.delete(key)
    })
  }
}

/** Refused before anything was written, or by that write. */
const isUntouched = (cause: Cause.Cause<PresenceRefused | SpaceError>): boolean =>
  Option.exists(
    Cause.findErrorOption(cause),
    (error) => error._tag === "PresenceRefused" && untouched.has(error.reason)
  )
const untouched: ReadonlySet<PresenceRefused["reason"]> = new Set(["Ended", "Spent", "Stale", "Full"])

/** Who may hold a session. */
export interface Holder {
  readonly held: Pick<Held, "guest" | "record"> | undefined
}

/** The names of all that these hold. */
const keysOf = (holding: Iterable<Holder>): ReadonlySet<string> => {
  const keys = new Set<string>()
  for (const { held } of holding) {
    if (held === undefined) continue
    keys.add(guestKey(held.guest))
    if (held.record.channel !== "") keys.add(channelKey(held.record.channel))
  }
  return keys
}

/** Names all that these hold, in a few writes. */
export const indexAll = (writes: PresenceWrites, index: Index, holding: Iterable<Held>): Write<void> =>
  Effect.suspend(() => {
    const holders = Array.from(holding, (held) => ({ held }))
    const keys = keysOf(holders)
    const named = Effect.forEach(inPieces([...keys]), (some) => index.name(writes.incarnation, some), {
      discard: true
    })
    return Effect.andThen(index.doubtOthers(holders), named)
  })

/** Leaves in the tag of an incarnation that holds nothing any more only what is in doubt: a watcher looks after that. */
export const unindex = (
  space: SharedSpace["Service"],
  writes: PresenceWrites,
  index: Index,
  former: Incarnation
): Write<void> =>
  Effect.gen(function* () {
    const tag = incarnationTag(former.id)
    const { entries } = yield* space.snapshot(tag, "", "")
    for (const some of inPieces([...entries.keys()].filter((key) => !index.isInDoubt(key)))) {
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
