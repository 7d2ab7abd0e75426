/**
 * Roster within one process: the embedded default, and what several runners of a simulation share. The ensemble is the
 * shared part and numbers what happens to it as ZooKeeper does (rule E1); a layer is one runner's connection to it.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Listeners } from "./Listeners.ts"
import { type Generation, type Incarnation, type Membership, Roster } from "./Roster.ts"

interface Node {
  readonly incarnation: Incarnation
  readonly expired: Deferred.Deferred<void>
}

/** What a ZooKeeper ensemble is to real runners. */
export class Ensemble {
  private era: number
  private generation = 0
  /** Rises with every write, as the zxid does; a node's is its epoch. */
  private writes = 0
  private sequence = 0
  private readonly nodes = new Map<string, Node>()
  private readonly listeners = new Listeners<void>()

  /** `era` is the creation time of the root node. */
  constructor(era: number) {
    this.era = era
  }

  join(runner: string): Node {
    this.writes++
    const id = `${runner}-${String(this.sequence++).padStart(10, "0")}`
    const incarnation = Object.freeze({ id, runner, epoch: Object.freeze({ era: this.era, node: this.writes }) })
    const node = { incarnation, expired: Deferred.makeUnsafe<void>() }
    this.nodes.set(id, node)
    this.listeners.call()
    return node
  }

  /** Ends an incarnation: its runner leaves, or ZooKeeper has not heard from it for too long. */
  expire(id: string): void {
    const node = this.nodes.get(id)
    if (node === undefined) return
    this.forget(id)
    Deferred.doneUnsafe(node.expired, Effect.void)
  }

  /** Ends an incarnation whose runner learns nothing of it. */
  forget(id: string): void {
    this.writes++
    this.nodes.delete(id)
    this.listeners.call()
  }

  living(): ReadonlyArray<Incarnation> {
    return Array.from(this.nodes.values(), (node) => node.incarnation) // kept in the order of their epochs
  }

  onChange(changed: () => void) {
    return this.listeners.add(changed)
  }

  generationNow(): Generation {
    return { era: this.era, n: this.generation }
  }

  raise(from: Generation): Generation {
    if (from.era === this.era && from.n === this.generation) {
      this.writes++
      this.generation++
    }
    return this.generationNow()
  }

  /** An era below the marker's is of an ensemble younger than the marker: it goes above it, and counts anew (rule E1). */
  eraNow(atLeast: number): number {
    if (this.era < atLeast) {
      this.writes++
      this.era = atLeast + 1
      this.generation = 0
    }
    return this.era
  }
}

/** One runner's connection to an ensemble that others may share. */
export const layerOf = (ensemble: Ensemble): Layer.Layer<Roster> => Layer.succeed(Roster, make(ensemble))

/** One process, an ensemble of its own. */
export const layer: Layer.Layer<Roster> = Layer.effect(
  Roster,
  Effect.map(Clock.currentTimeMillis, (now) => make(new Ensemble(now)))
)

function make(ensemble: Ensemble): Roster["Service"] {
  return Roster.of({
    join: (runner) =>
      Effect.acquireRelease(
        Effect.sync(() => ensemble.join(runner)),
        (node) => Effect.sync(() => ensemble.expire(node.incarnation.id))
      ).pipe(
        Effect.map((node): Membership => ({ incarnation: node.incarnation, expired: Deferred.await(node.expired) }))
      ),
    living: Effect.sync(() => ensemble.living()),
    onChange: (changed) => ensemble.onChange(changed),
    generation: Effect.sync(() => ensemble.generationNow()),
    raise: (from) => Effect.sync(() => ensemble.raise(from)),
    era: (atLeast) => Effect.sync(() => ensemble.eraNow(atLeast))
  })
}
