/**
 * Claims of sessions that are under way here (hello, resume), and those of which nobody can say how far they came: one
 * that was written after all has made the session this runner's, and no phone is there for it. Owns finding out; what
 * becomes of such a session is Sessions'.
 */
import * as Effect from "effect/Effect"
import type { Held } from "../space/Held.ts"
import type { PresenceRefused } from "../space/PresenceRefused.ts"
import type { SpaceError } from "../space/SharedSpace.ts"

export interface ClaimsOptions {
  /** The guest's session, where it is this runner's. */
  readonly mine: (guest: string) => Effect.Effect<Held | undefined, SpaceError>
  /** It was claimed by one that failed. */
  readonly found: (held: Held) => void
}

export class Claims {
  readonly #options: ClaimsOptions
  readonly #under = new Map<string, number>()
  readonly #doubtful = new Set<string>()

  constructor(options: ClaimsOptions) {
    this.#options = options
  }

  get hasDoubts(): boolean {
    return this.#doubtful.size > 0
  }

  /** Runs one of this guest, to the end of which belongs that what it claimed is held. */
  run<A>(guest: string, claim: Effect.Effect<A, PresenceRefused | SpaceError>) {
    return Effect.suspend(() => {
      this.#under.set(guest, (this.#under.get(guest) ?? 0) + 1)
      return claim.pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (error._tag === "SpaceError") this.#doubtful.add(guest)
          })
        ),
        Effect.ensuring(Effect.sync(() => this.#over(guest)))
      )
    })
  }

  /** Looks at all that are in doubt. To be called again until it succeeds. */
  readonly settle: Effect.Effect<void, SpaceError> = Effect.suspend(() =>
    Effect.forEach([...this.#doubtful], (guest) => this.#look(guest), { discard: true })
  )

  #over(guest: string): void {
    const left = (this.#under.get(guest) ?? 1) - 1
    if (left === 0) this.#under.delete(guest)
    else this.#under.set(guest, left)
  }

  #look(guest: string): Effect.Effect<void, SpaceError> {
    return Effect.map(this.#options.mine(guest), (held) => {
      // What was read may be of the one that is under way.
      if (this.#under.has(guest)) return
      this.#doubtful.delete(guest)
      if (held !== undefined) this.#options.found(held)
    })
  }
}
