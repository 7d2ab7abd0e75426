/**
 * Who is dead, by what was seen (rule P7): no node in the roster, and a lease that stayed as it was for three seconds while
 * the watcher saw well. Pure: looks go in with the time they were taken at, verdicts come out. Owns neither the looking
 * (Observer) nor what follows (Sweep).
 */
import { type Generation, generationText, type Incarnation } from "../link/Roster.ts"

/** What there was to be seen at one look, all of it read. */
export interface Look {
  /** Monotonic. */
  readonly nowMs: number
  /** The same time as others would say it. */
  readonly wallMs: number
  readonly generation: Generation
  readonly enrolled: ReadonlyArray<Incarnation>
  /** Ids of those with a node. */
  readonly living: ReadonlySet<string>
  /** The version of each one's lease; absent: it has none. */
  readonly leases: ReadonlyMap<string, number>
}

export interface Dead {
  readonly incarnation: Incarnation
  /** When its lease was last seen to change, by the clock on the wall: it is written down. */
  readonly diedMs: number
}

export interface Verdict {
  readonly dead: ReadonlyArray<Dead>
  /** Their nodes are missing for over a minute while their leases are kept: an operator should look (rule P7). */
  readonly nodeless: ReadonlyArray<Incarnation>
}

/** No verdict for so long after this watcher did not see, or the generation changed (rule P7). */
export const blindMs = 6_000
/** A watcher that has not looked for so long was not there: it was frozen. */
export const lookMsMax = 2_000
export const nodelessMsMax = 60_000

interface Known {
  lease: number | undefined
  changedMs: number
  /** Since when it has no node; undefined: it has one. */
  nodelessMs: number | undefined
}

export class Verdicts {
  readonly #leaseMs: number
  readonly #known = new Map<string, Known>()
  #living: ReadonlySet<string> = new Set()
  #generation: string | undefined
  #lookedMs = Number.NEGATIVE_INFINITY
  #blindSinceMs = Number.NEGATIVE_INFINITY

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs
  }

  /** Something could not be read, or a connection was lost: what looks dead may only be out of sight. */
  blinded(nowMs: number): void {
    this.#blindSinceMs = nowMs
  }

  look(look: Look): Verdict {
    const { nowMs, enrolled, living } = look
    const generation = generationText(look.generation)
    if (nowMs - this.#lookedMs > lookMsMax || generation !== this.#generation) {
      this.blinded(nowMs)
      // Times from before cannot be compared with those from now on.
      this.#known.clear()
    }
    this.#lookedMs = nowMs
    this.#generation = generation
    this.#living = living
    const ids = new Set(enrolled.map(({ id }) => id))
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id)
    for (const { id } of enrolled) this.#see(id, look)
    return {
      dead: this.isBlind(nowMs)
        ? []
        : enrolled.filter(({ id }) => this.isGone(id)).map((each) => this.#deadOf(each, look)),
      nodeless: enrolled.filter(({ id }) => this.#isNodeless(id))
    }
  }

  isBlind(nowMs: number): boolean {
    return nowMs - this.#blindSinceMs < blindMs
  }

  /** Whether nothing speaks for its life: neither roster nor lease. Of one that is not enrolled only the roster speaks. */
  isGone(id: string): boolean {
    const known = this.#known.get(id)
    return !this.#living.has(id) && (known === undefined || this.#lookedMs - known.changedMs >= this.#leaseMs)
  }

  #see(id: string, { nowMs, living, leases }: Look): void {
    const lease = leases.get(id)
    const known = this.#known.get(id) ?? { lease, changedMs: nowMs, nodelessMs: undefined }
    this.#known.set(id, known)
    if (known.lease !== lease) known.changedMs = nowMs
    known.lease = lease
    known.nodelessMs = living.has(id) ? undefined : (known.nodelessMs ?? nowMs)
  }

  #deadOf(incarnation: Incarnation, { nowMs, wallMs }: Look): Dead {
    return { incarnation, diedMs: wallMs - (nowMs - (this.#known.get(incarnation.id)?.changedMs ?? nowMs)) }
  }

  #isNodeless(id: string): boolean {
    const { nodelessMs } = this.#known.get(id) ?? {}
    return nodelessMs !== undefined && this.#lookedMs - nodelessMs > nodelessMsMax && !this.isGone(id)
  }
}
