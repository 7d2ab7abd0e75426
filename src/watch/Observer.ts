/**
 * Looks at roster and leases, and holds the verdicts that follow. A look reads all of it or counts for nothing: what
 * cannot be read is unknown, never missing (rule P7). Owns when this watcher counts as blind.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Generation, type Incarnation, Roster, type RosterError } from "../link/Roster.ts"
import { monotonicMsOf } from "../Monotonic.ts"
import { Settings } from "../Settings.ts"
import { enrolled } from "../space/Enrolment.ts"
import { incarnationTag, leaseKey } from "../space/Lease.ts"
import { SharedSpace, type SpaceError } from "../space/SharedSpace.ts"
import { type Verdict, Verdicts } from "./Verdicts.ts"

/** What a look came to. */
export interface Seen extends Verdict {
  readonly generation: Generation
  readonly enrolled: ReadonlyArray<Incarnation>
  /** With a node, oldest first; watchers too. */
  readonly living: ReadonlyArray<Incarnation>
}

export class Observer extends Context.Service<
  Observer,
  {
    /** Undefined: the space is not founded, so nobody has anything in it. */
    readonly look: Effect.Effect<Seen | undefined, SpaceError | RosterError>
    /** Whether neither roster nor lease speaks for the life of an incarnation, as seen at the last look. */
    readonly isGone: (incarnation: string) => boolean
    /** Whether this watcher has not seen well for long enough to judge. */
    readonly isBlind: Effect.Effect<boolean>
  }
>()("noriter/watch/Observer") {
  static readonly layer = Layer.effect(
    Observer,
    Effect.suspend(() => make)
  )
}

/** Leases read at once. */
const leasesAtOnce = 64

const make = Effect.gen(function* () {
  const space = yield* SharedSpace
  const roster = yield* Roster
  const clock = yield* Clock.Clock
  const { leaseMs } = yield* Settings
  const verdicts = new Verdicts(leaseMs)
  const blinded = () => verdicts.blinded(monotonicMsOf(clock))
  yield* space.onReady(blinded)

  const leaseOf = ({ id }: Incarnation) =>
    Effect.map(
      space.read({ tag: incarnationTag(id), keys: [leaseKey] }),
      ({ entries }) => [id, entries.get(leaseKey)?.version] as const
    )

  const read = Effect.gen(function* () {
    const generation = yield* space.marker
    if (generation === undefined) return undefined
    // Those who are enrolled joined before that: whoever is not found in the roster after it was there and is gone.
    const incarnations = yield* enrolled(space, generation)
    const leases = yield* Effect.forEach(incarnations, leaseOf, { concurrency: leasesAtOnce })
    const living = yield* roster.living
    const known = leases.flatMap(([id, version]) => (version === undefined ? [] : [[id, version] as const]))
    return { generation, enrolled: incarnations, leases: new Map(known), living }
  })

  return Observer.of({
    look: read.pipe(
      Effect.tapError(() => Effect.sync(blinded)),
      Effect.map((seen) => {
        if (seen === undefined) return undefined
        const [nowMs, wallMs] = [monotonicMsOf(clock), clock.currentTimeMillisUnsafe()]
        const living = new Set(seen.living.map(({ id }) => id))
        return { ...seen, ...verdicts.look({ ...seen, living, nowMs, wallMs }) }
      })
    ),
    isGone: (incarnation) => verdicts.isGone(incarnation),
    isBlind: Effect.sync(() => verdicts.isBlind(monotonicMsOf(clock)))
  })
})
