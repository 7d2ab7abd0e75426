/**
 * Which incarnation this process is, and the generation it writes in. Joins the roster at start and keeps the lease in
 * its own tag (rule P7). It decides nobody's death: that is the watcher's.
 */

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Generation, generationText, type Incarnation, Roster } from "../link/Roster.ts"
import { type Commit, type Owner, SharedSpace } from "./SharedSpace.ts"

export class Self extends Context.Service<
  Self,
  {
    readonly incarnation: Incarnation
    readonly generation: Generation
    /** Why this incarnation cannot go on as it is; empty: nothing is wrong with it. */
    readonly troubles: () => ReadonlyArray<string>
  }
>()("noriter/space/Self") {
  /** `runner` is the runner's id, the same in every life of it. */
  static readonly layer = (runner: string) => Layer.effect(Self, make(runner))
}

/** The tag of an incarnation: its lease, and what it holds (rules P6, P7). */
export const incarnationTag = (incarnation: string): string => `inc/${incarnation}`

/** The pub/sub channel of an incarnation, where answers and claims are told. */
export const ownerOf = (incarnation: Incarnation, connection: number): Owner => ({
  incarnation: incarnation.id,
  runner: incarnation.runner,
  epoch: incarnation.epoch,
  connection
})

/** Refreshed each second; a watcher calls it dead after three unrefreshed ones (rule P7). */
const leaseEvery = "1 second"

const make = (runner: string) =>
  Effect.gen(function* () {
    const roster = yield* Roster
    const space = yield* SharedSpace
    const generation = yield* found(roster, space)
    const { incarnation, expired } = yield* roster.join(runner)
    const troubles = new Set<string>()
    const trouble = (what: string) =>
      Effect.suspend(() => {
        if (troubles.has(what)) return Effect.void
        troubles.add(what)
        return Effect.logError(what)
      })
    const refresh = Effect.gen(function* () {
      const nowMs = yield* Clock.currentTimeMillis
      yield* space.commit(lease(incarnation, generation, nowMs))
    })
    yield* refresh
    yield* refresh.pipe(
      Effect.catchCause((cause) => Effect.logWarning("the lease was not refreshed", cause)),
      Effect.delay(leaseEvery),
      Effect.forever,
      Effect.forkScoped
    )
    yield* expired.pipe(
      Effect.andThen(trouble(`${incarnation.id} is no longer in the roster: this runner must be started again`)),
      Effect.forkScoped
    )
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    // What the space holds after a reconnect may not be what it held before (rule L12).
    const look = Effect.flatMap(space.marker, (marker) => {
      const now = marker === undefined ? "none" : generationText(marker)
      const own = generationText(generation)
      if (now === own) return Effect.void
      return trouble(`the shared space is of generation ${now}, not ${own}: this runner must be started again`)
    })
    yield* space.onReady(() => void fork(Effect.ignore(look)))
    return Self.of({ incarnation, generation, troubles: () => [...troubles] })
  })

/** Founds an empty space, or learns the generation of one that is there (rule L12); one of another era is void (E1). */
const found = (roster: Roster["Service"], space: SharedSpace["Service"]) =>
  Effect.gen(function* () {
    const marker = yield* space.marker
    const era = yield* roster.era(marker?.era ?? 0)
    if (marker?.era === era) return marker
    const generation = yield* roster.raise(yield* roster.generation)
    return yield* space.writeMarker(generation, marker)
  })

const lease = (incarnation: Incarnation, generation: Generation, nowMs: number): Commit => {
  const value = new Uint8Array(8)
  new DataView(value.buffer).setBigUint64(0, BigInt(nowMs))
  return {
    tag: incarnationTag(incarnation.id),
    token: `lease-${nowMs}`,
    generation,
    found: true,
    guard: { _tag: "Compared" },
    reads: [],
    changes: [{ _tag: "Put", key: "lease", value }],
    tell: []
  }
}
