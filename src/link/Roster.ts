/**
 * Which incarnations live, and the epochs (rules E1, E2). A runner joins and gets an incarnation whose epoch is above
 * every earlier one; its node goes when its session with the roster ends. Being away from the roster is not death
 * (rules P7, P9): the lease in the shared space is asked as well, by the watcher.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Compares by era, then by node: a new ensemble under an old Redis begins a higher era (rule E1). */
export interface Epoch {
  readonly era: number
  readonly node: number
}

/** One life of a runner. */
export interface Incarnation {
  /** `<runner>-<sequence>`; names the tag `{inc/<id>}` and the pub/sub channel its answers go to. */
  readonly id: string
  readonly runner: string
  readonly epoch: Epoch
}

/** Generation of the shared space: raised when Redis is found empty (rule L12). Written `<era>.<n>`. */
export interface Generation {
  readonly era: number
  readonly n: number
}

/** A place in the roster. */
export interface Membership {
  readonly incarnation: Incarnation
  /** Ends when this incarnation is known to be no longer in the roster: take a new one (rule P9). */
  readonly expired: Effect.Effect<void>
}

export class RosterError extends Data.TaggedError("RosterError")<{
  readonly operation: "join" | "living" | "generation" | "connect"
  readonly cause: unknown
}> {
  override get message(): string {
    return `the roster (${this.operation}): ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

export class Roster extends Context.Service<
  Roster,
  {
    /** Joins until the scope closes; the node is removed then. */
    readonly join: (runner: string) => Effect.Effect<Membership, RosterError, Scope.Scope>
    /** Who lives, read now, oldest first. */
    readonly living: Effect.Effect<ReadonlyArray<Incarnation>, RosterError>
    /** Calls `changed` whenever who lives may have changed; a hint to read `living`. */
    readonly onChange: (changed: () => void) => Effect.Effect<void, never, Scope.Scope>
    /** The generation now. */
    readonly generation: Effect.Effect<Generation, RosterError>
    /** Raises it by one if it is still `from`; answers what it is then. Whoever finds Redis' marker missing asks this. */
    readonly raise: (from: Generation) => Effect.Effect<Generation, RosterError>
    /** The era, never below `atLeast`, which is what Redis' marker says (rule E1). */
    readonly era: (atLeast: number) => Effect.Effect<number, RosterError>
  }
>()("noriter/link/Roster") {}

/** The runner whose incarnation this is. */
export const runnerOf = (incarnation: string): string => incarnation.slice(0, incarnation.lastIndexOf("-"))

/** Begins the names of watchers in the roster: no runner's name may have a `_`. */
export const watcherPrefix = "watcher_"

/** Negative, zero or positive, as a sorts before, with or after b. */
export const compareEpochs = (a: Epoch, b: Epoch): number => a.era - b.era || a.node - b.node

export const generationText = (generation: Generation): string => `${generation.era}.${generation.n}`

export const isSameGeneration = (a: Generation, b: Generation): boolean => a.era === b.era && a.n === b.n
