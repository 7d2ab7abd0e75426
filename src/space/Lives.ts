/**
 * The lives of a runner, one after another: it joins the roster, keeps the lease of its incarnation, and looks each second
 * whether the space is of the generation it writes in. Where its place has expired it takes another (rule P9), where the
 * space is empty it raises the generation (rules L12, E1), and then has everything put back. Owns the order of these;
 * what is put back, and how, is its listener's.
 *
 * **Gotchas**: three loops, so that none holds up another: the lease goes on while the roster is away, and both while a
 * great deal is put back.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import {
  type Generation,
  generationText,
  type Incarnation,
  isSameGeneration,
  Roster,
  type RosterError
} from "../link/Roster.ts"
import { monotonicMsOf } from "../Monotonic.ts"
import { Lease } from "./Lease.ts"
import { type CommitRefused, idleKeptMs, SharedSpace, type SpaceError } from "./SharedSpace.ts"

/** The lease is refreshed so often; a watcher calls it dead after three unrefreshed ones (rule P7). */
const lookEveryMs = 1_000
/** Every runner has put back what it holds by then (rule E2). */
export const settleMs = 5_000
/** What could not be put back is tried again. */
const healAgainMs = 250
/** Former lives that are remembered: claims of older ones are long over. */
const idsMax = 64
/** The roster is asked again for a place or the generation. */
const renewAgainMs = 500

/** Puts back what this runner holds, takes over what it held as `formers`, and empties the tags of these after it. */
export type Heal = (formers: ReadonlyArray<Incarnation>) => Effect.Effect<void, unknown>

/** Why others may be putting back what they hold, and this runner must. */
export type Unsettling = "it has gone back" | "it has just begun"

/** Unreadable is not dead (rule P7), and not living either. */
export type Life = "living" | "dead" | "unreadable"

/** A place in the roster, and the incarnation that has it. */
interface Place {
  readonly incarnation: Incarnation
  readonly lease: Lease
  readonly scope: Scope.Closeable
  /** It is no longer in the roster, or was fenced: another must be taken. */
  isLost: boolean
  /** It counted as dead, and others were told so. */
  isFenced: boolean
}

type Failure = RosterError | SpaceError | CommitRefused | Cause.TimeoutError

/** Begins the first life; the others follow by themselves, until the scope closes. */
export const begin = Effect.fnUntraced(function* (runner: string) {
  const lives = yield* make(runner)
  yield* lives.keep
  yield* lives.space.onReady(() => lives.look())
  yield* Effect.forkScoped(Effect.forever(lives.looking))
  yield* Effect.forkScoped(Effect.forever(lives.renewing))
  yield* Effect.forkScoped(Effect.forever(lives.healing))
  return {
    get incarnation() {
      return lives.place.incarnation
    },
    get generation() {
      return lives.generation
    },
    troubles: () => lives.troubles(),
    unsettledMs: () => lives.unsettledMs(),
    wasSilent: () => lives.wasSilent,
    isCurrent: Effect.suspend(() => lives.isCurrent),
    lifeOf: (incarnation: string) => lives.lifeOf(incarnation),
    isPlaced: (incarnation: string) => lives.isPlaced(incarnation),
    look: (because?: Unsettling) => lives.look(because),
    fenced: (incarnation: string) => lives.fenced(incarnation),
    isFenced: () => lives.place.isFenced,
    onChange: (heal: Heal, fenced?: () => void) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          lives.listener = { heal, fenced }
        }),
        () =>
          Effect.sync(() => {
            lives.listener = undefined
          })
      ).pipe(Effect.asVoid)
  }
})

const make = Effect.fnUntraced(function* (runner: string) {
  const roster = yield* Roster
  const space = yield* SharedSpace
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const queues = { looks: yield* Queue.sliding<void>(1), renews: yield* Queue.sliding<void>(1) }
  const heals = yield* Queue.sliding<void>(1)
  const marker = yield* space.marker
  const generation = yield* found(roster, space)
  const lives = new Lives({ runner, roster, space, clock, scope, generation, heals, ...queues })
  yield* lives.join
  // A first generation has none before it, and so nobody who would have to put anything back.
  const isFirst = marker === undefined && generation.n === 1
  if (!isFirst && (marker === undefined || !isSameGeneration(marker, generation))) lives.unsettle()
  return lives
})

interface Means {
  readonly runner: string
  readonly roster: Roster["Service"]
  readonly space: SharedSpace["Service"]
  readonly clock: Clock.Clock
  readonly scope: Scope.Scope
  readonly generation: Generation
  readonly looks: Queue.Queue<void>
  readonly renews: Queue.Queue<void>
  readonly heals: Queue.Queue<void>
}

class Lives {
  readonly space: SharedSpace["Service"]
  listener: { readonly heal: Heal; readonly fenced: (() => void) | undefined } | undefined
  generation: Generation
  readonly #means: Means
  readonly #one = Semaphore.makeUnsafe(1)
  #place: Place | undefined
  /** Places it had. Their leases go on until everything is taken over: else a watcher would sweep what is not yet. */
  #formers: ReadonlyArray<Place> = []
  /** Of all its lives, the last ones. */
  readonly #ids: Array<string> = []
  /** Counts what everything is put back after, and how far that has come. */
  #changes = 0
  #healed = 0
  #wantsHealing = false
  #unsettledUntilMs = Number.NEGATIVE_INFINITY
  /** When the space last said something of its lease, and whether that was too late once, and not all looked at since. By
   * the clock on the wall, which goes on where a machine is suspended: what is looked at without need does no harm. */
  #heardMs: number
  #wasSilent = false
  #trouble: string | undefined
  #isWorried = false

  constructor(means: Means) {
    this.#means = means
    this.space = means.space
    this.generation = means.generation
    this.#heardMs = means.clock.currentTimeMillisUnsafe()
  }

  get place(): Place {
    if (this.#place === undefined) throw new Error("a runner has a place from the beginning")
    return this.#place
  }

  get #isHealing(): boolean {
    return this.#healed < this.#changes
  }

  // --- What others ask ---

  look(because?: Unsettling): void {
    if (because !== undefined) this.unsettle()
    this.#wantsHealing = true
    Queue.offerUnsafe(this.#means.looks, undefined)
  }

  fenced(incarnation: string): void {
    const { place } = this
    // Also where its place is known to be lost, as it is of a runner that stood still: only the fence says it was swept.
    if (place.isFenced || place.incarnation.id !== incarnation) return
    place.isFenced = true
    this.#lose(place)
    this.listener?.fenced?.()
  }

  unsettledMs(): number {
    return Math.max(0, this.#unsettledUntilMs - monotonicMsOf(this.#means.clock))
  }

  unsettle(): void {
    this.#unsettledUntilMs = monotonicMsOf(this.#means.clock) + settleMs
  }

  get wasSilent(): boolean {
    return this.#wasSilent || this.#means.clock.currentTimeMillisUnsafe() - this.#heardMs >= idleKeptMs
  }

  #heard(): void {
    if (this.wasSilent && !this.#wasSilent) this.#healSoon()
    this.#wasSilent = this.wasSilent
    this.#heardMs = this.#means.clock.currentTimeMillisUnsafe()
  }

  troubles(): ReadonlyArray<string> {
    const isPutting = this.#isHealing || this.place.isFenced || this.unsettledMs() > 0
    return [...(this.#trouble === undefined ? [] : [this.#trouble]), ...(isPutting ? [puttingBack] : [])]
  }

  get isCurrent(): Effect.Effect<boolean, SpaceError> {
    return Effect.map(this.space.marker, (marker) => {
      const isCurrent = marker !== undefined && isSameGeneration(marker, this.generation)
      if (!isCurrent) this.#renewSoon()
      return isCurrent
    })
  }

  lifeOf(incarnation: string): Effect.Effect<Life> {
    // What this very process claimed in a former life it has claimed: for a newer socket of its own.
    if (this.#ids.includes(incarnation)) return Effect.succeed("living")
    return this.#means.roster.living.pipe(
      Effect.map((living): Life => {
        const has = (id: string): boolean => living.some((each) => each.id === id)
        if (has(incarnation)) return "living"
        // Who is not in the roster itself is in no position to say that another is dead.
        return has(this.place.incarnation.id) ? "dead" : "unreadable"
      }),
      Effect.orElseSucceed((): Life => "unreadable")
    )
  }

  isPlaced(incarnation: string): Effect.Effect<boolean> {
    return this.#means.roster.living.pipe(
      Effect.map((living) => living.some(({ id }) => id === incarnation)),
      Effect.orElseSucceed(() => false)
    )
  }

  // --- Looking: the space alone ---

  get looking(): Effect.Effect<void> {
    return Queue.take(this.#means.looks).pipe(
      Effect.timeoutOption(lookEveryMs),
      Effect.andThen(this.#lookNow),
      Effect.catchCause((cause) => Effect.logWarning("the lease was not refreshed", cause))
    )
  }

  /** The marker before anything else (rule L12). */
  get #lookNow(): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      if (!(yield* this.isCurrent)) return
      yield* this.keep
      if (!this.#wantsHealing) return
      yield* this.place.lease.enrol(this.space, this.generation)
      this.#healSoon()
    })
  }

  /** What the tags of its incarnations say of them, and of the space. */
  get keep(): Effect.Effect<void, Failure> {
    const all = Effect.gen({ self: this }, function* () {
      for (const { lease } of this.#formers) yield* lease.refresh(this.space, this.generation)
      const refreshed = yield* this.place.lease.refresh(this.space, this.generation)
      this.#heard()
      const kept = refreshed === "missing" && (yield* this.isCurrent) ? yield* this.#found : refreshed
      if (kept === "fenced") this.fenced(this.place.incarnation.id)
      if (kept !== "rewound") return
      yield* Effect.logWarning("the shared space has gone back behind what was written")
      this.unsettle()
      this.#healSoon()
    })
    return this.#one.withPermits(1)(all)
  }

  /** Begins the lease where nothing stands: its tag was lost, or went when a watcher had swept up after it (rule P8). */
  get #found() {
    const { incarnation, lease } = this.place
    // However long the roster takes to answer, the leases of former incarnations do not wait for it.
    const { living } = this.#means.roster
    return Effect.flatMap(this.#formers.length === 0 ? living : Effect.timeout(living, lookEveryMs / 2), (all) =>
      all.some(({ id }) => id === incarnation.id)
        ? lease.found(this.space, this.generation)
        : Effect.succeed("fenced" as const)
    )
  }

  // --- Renewing: a place in the roster, and the generation ---

  get renewing(): Effect.Effect<void> {
    return Queue.take(this.#means.renews).pipe(
      Effect.andThen(this.#renew),
      Effect.catchCause((cause) => {
        this.#renewSoon()
        return Effect.andThen(this.#worry(cause), Effect.sleep(renewAgainMs))
      })
    )
  }

  /** The generation as it is now, with a place in the roster as it is now (rule E2). */
  get #renew(): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      if (this.place.isLost) yield* this.join
      const generation = yield* found(this.#means.roster, this.space)
      const living = yield* this.#means.roster.living
      const { id, epoch } = this.place.incarnation
      if (epoch.era !== generation.era || !living.some((each) => each.id === id)) yield* this.join
      if (!isSameGeneration(generation, this.generation)) yield* this.#learn(generation)
      yield* this.keep
      this.#trouble = undefined
      this.#isWorried = false
      if (this.#isHealing) Queue.offerUnsafe(this.#means.heals, undefined)
    })
  }

  get join(): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      const { roster, runner, scope: parent } = this.#means
      const scope = yield* Scope.fork(parent)
      const joined = Scope.provide(roster.join(runner), scope)
      const { incarnation, expired } = yield* Effect.onError(joined, () => Scope.close(scope, Exit.void))
      const former = this.#place
      const place: Place = { incarnation, lease: new Lease(incarnation), scope, isLost: false, isFenced: false }
      this.#place = place
      this.#ids.push(incarnation.id)
      if (this.#ids.length > idsMax) this.#ids.shift()
      yield* expired.pipe(Effect.andThen(Effect.sync(() => this.#lose(place))), Effect.forkIn(scope))
      if (former === undefined) return
      this.#formers = [...this.#formers, former]
      this.#changes++
      yield* Effect.logWarning(`${former.incarnation.id} has lost its place; this runner is ${incarnation.id} now`)
      yield* Scope.close(former.scope, Exit.void)
    })
  }

  #learn(generation: Generation): Effect.Effect<void> {
    this.generation = generation
    this.place.lease.begin()
    this.unsettle()
    this.#changes++
    return Effect.logWarning(`the shared space is of generation ${generationText(generation)} now`)
  }

  #lose(place: Place): void {
    place.isLost = true
    this.#renewSoon()
  }

  #renewSoon(): void {
    Queue.offerUnsafe(this.#means.renews, undefined)
  }

  /** Without a place everything goes on, without a generation nothing does: only that is a reason to go elsewhere. */
  #worry(cause: Cause.Cause<Failure>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const isCurrent = yield* Effect.orElseSucceed(this.isCurrent, () => true)
      this.#trouble = isCurrent ? undefined : "the shared space was emptied, and its generation cannot be raised"
      // Said once, however long it lasts.
      if (!this.#isWorried) yield* Effect.logWarning("no place in the roster, or no generation: not this time", cause)
      this.#isWorried = true
    })
  }

  // --- Healing ---

  #healSoon(): void {
    this.#changes++
    Queue.offerUnsafe(this.#means.heals, undefined)
  }

  get healing(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* Queue.take(this.#means.heals)
      // What a fenced incarnation holds is put back by the next one, or not at all.
      if (this.place.isFenced) return
      this.#wantsHealing = false
      // What changes from here on is put back in another round.
      const changes = this.#changes
      const formers = this.#formers
      yield* this.listener?.heal(formers.map(({ incarnation }) => incarnation)) ?? Effect.void
      this.#formers = this.#formers.filter((former) => !formers.includes(former))
      this.#healed = changes
      if (!this.#isHealing) this.#wasSilent = false
    }).pipe(
      Effect.catchCause((cause) => {
        this.#healSoon()
        return Effect.andThen(Effect.logWarning("not everything was put back", cause), Effect.sleep(healAgainMs))
      })
    )
  }
}

const puttingBack = "who was here is being put back"

/** Founds an empty space, or learns the generation of one that is there (rule L12); one of another era is void (E1). */
export const found = (roster: Roster["Service"], space: SharedSpace["Service"]) =>
  Effect.gen(function* () {
    const marker = yield* space.marker
    const era = yield* roster.era(marker?.era ?? 0)
    if (marker?.era === era) return marker
    const generation = yield* roster.raise(yield* roster.generation)
    return yield* space.writeMarker(generation, marker)
  })
