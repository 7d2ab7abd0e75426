/**
 * The sign that an incarnation lives (rule P7): a time in its own tag, written each second by whoever is that incarnation,
 * and by nobody once a watcher has fenced it there. Owns the one key and what its refusals say about the space; who is
 * dead is the watcher's to judge, what follows for this runner is Self's.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Generation, Incarnation } from "../link/Roster.ts"
import { enrol } from "./Enrolment.ts"
import { type Commit, commitOf, type Guard, type Owner, type SharedSpace } from "./SharedSpace.ts"

/** The tag of an incarnation: its lease, and what it holds (rules P6, P7). */
export const incarnationTag = (incarnation: string): string => `inc/${incarnation}`

export const leaseKey = "lease"

/** Who a connection of an incarnation is; the incarnation itself is its connection 0. */
export const ownerOf = (incarnation: Incarnation, connection = 0): Owner => ({
  incarnation: incarnation.id,
  runner: incarnation.runner,
  epoch: incarnation.epoch,
  connection
})

/** Of whoever may still write into its own tag: its lease stands there, and no fence does. */
export const leased = (incarnation: Incarnation): Guard => ({
  _tag: "Owned",
  key: leaseKey,
  by: ownerOf(incarnation)
})

export class Lease {
  readonly incarnation: Incarnation
  /** The version last written; 0: none in this generation. */
  #version = 0

  constructor(incarnation: Incarnation) {
    this.incarnation = incarnation
  }

  /** In a new generation nothing of it stands. */
  begin(): void {
    this.#version = 0
  }

  /**
   * Refreshes it. "missing": nothing stands where it did, or never did, so that it must be begun; "rewound": the space
   * has gone back behind what was written (rule L11); "fenced": this incarnation counts as dead.
   */
  refresh(space: SharedSpace["Service"], generation: Generation) {
    return this.#write(space, generation, leased(this.incarnation), false)
  }

  /** Has it found by watchers, once more behind each reconnect: the list of all is another tag, and goes back by itself (L11). */
  enrol(space: SharedSpace["Service"], generation: Generation) {
    return enrol(space, this.incarnation, generation)
  }

  /** Begins it, where a watcher will find it; to be done only in the current generation (rule L12). */
  found(space: SharedSpace["Service"], generation: Generation) {
    const isGone = this.#version > 0
    return this.enrol(space, generation).pipe(
      Effect.andThen(this.#write(space, generation, { _tag: "Create", by: ownerOf(this.incarnation) }, true)),
      Effect.map((written) => (written === "kept" && isGone ? "rewound" : written))
    )
  }

  #write(space: SharedSpace["Service"], generation: Generation, guard: Guard, found: boolean) {
    return Effect.gen({ self: this }, function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const before = this.#version
      const { versions } = yield* space.commit(this.#commit(generation, guard, found, nowMs))
      this.#version = versions[0] ?? 0
      return this.#version <= before ? ("rewound" as const) : ("kept" as const)
    }).pipe(
      Effect.catchTag("CommitRefused", ({ reason }) =>
        Effect.succeed(reason === "Fenced" ? ("fenced" as const) : ("missing" as const))
      )
    )
  }

  #commit(generation: Generation, guard: Guard, found: boolean, nowMs: number): Commit {
    const value = new Uint8Array(8)
    new DataView(value.buffer).setBigUint64(0, BigInt(nowMs))
    const changes = [{ _tag: "Put", key: leaseKey, value, owner: ownerOf(this.incarnation) }] as const
    return commitOf({ tag: incarnationTag(this.incarnation.id), generation, found, guard, changes })
  }
}
