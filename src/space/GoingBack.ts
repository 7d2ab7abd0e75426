/**
 * How a reader of asked records notices that the space was rewound, and from where it reads again (rule L11). Everything
 * is read again from where the reader stood, by its own clock, a minute before it last heard of the space, whatever the age
 * of the records: a space that was away for long has lost what it had before that. A tag whose mark is below what was seen
 * of it is read again from that mark. Owns what was seen, bounded; seeking is the Reading's.
 */
import type { LogRecord } from "../link/TopicLog.ts"
import type { Tag } from "./SharedSpace.ts"

/** A space that has lost more than this counts as emptied (rule L11). */
export const goBackMs = 60_000
/** Tags whose mark is remembered; past it the one looked at longest ago is forgotten. */
const seenTagsMax = 20_000
/** Where a partition stood is noted no more often than this, so that a minute of it is short. */
const stepMs = 1_000

interface Partition {
  readonly topic: string
  readonly partition: number
}

/** Where a partition stood, second by second, in the last minute that the space was heard of. */
interface Trail extends Partition {
  readonly steps: Array<{ readonly atMs: number; readonly offset: number }>
  /** When something of it was last applied here. */
  heardMs: number
}

export class GoingBack {
  readonly #seek: (at: Partition, offset: number) => void
  readonly #trails = new Map<string, Trail>()
  readonly #seen = new Map<Tag, number>()
  readonly #now: () => number
  /** When the space last said something of a tag. */
  #heardMs: number
  #pass = 0

  constructor(seek: (at: Partition, offset: number) => void, now: () => number) {
    this.#seek = seek
    this.#now = now
    this.#heardMs = now()
  }

  /** What was handed over in another pass is read again, and not to be gone on with. */
  get pass(): number {
    return this.#pass
  }

  /** What was written to the space before this is not lost now, or all is. */
  get lostSinceMs(): number {
    return this.#heardMs - goBackMs
  }

  /** How long ago that was, for whoever goes by another clock. */
  get lostForMs(): number {
    return this.#now() - this.lostSinceMs
  }

  /** Something may be lost: whatever was read since is read again. */
  begin(): void {
    this.#pass++
    // Read again from before anything can have been lost, nothing is passed over.
    this.#seen.clear()
    for (const trail of this.#trails.values()) this.#goBack(trail, stoodAt(trail, this.lostSinceMs))
  }

  #goBack(trail: Trail, offset: number): void {
    // Should it have to go back again before it is there, what it has yet to reach is not where it stood.
    standAt(trail, offset)
    this.#seek(trail, offset)
  }

  /** Where nothing of what it noted can be lost that is not where it stands: another may have had it for days. */
  assigned(topic: string, partition: number): void {
    const name = `${topic}/${partition}`
    if ((this.#trails.get(name)?.heardMs ?? 0) <= this.lostSinceMs) this.#trails.delete(name)
  }

  /** These are about to be applied. */
  reads({ topic, partition, offset }: LogRecord): void {
    const nowMs = this.#now()
    const name = `${topic}/${partition}`
    const trail = this.#trails.get(name) ?? { topic, partition, steps: [], heardMs: nowMs }
    this.#trails.set(name, trail)
    const last = trail.steps.at(-1)
    standAt(trail, offset)
    if (last === undefined || last.offset > offset || nowMs - last.atMs >= stepMs) {
      trail.steps.push({ atMs: nowMs, offset })
    }
    while ((trail.steps[1]?.atMs ?? Number.POSITIVE_INFINITY) <= this.lostSinceMs) trail.steps.shift()
  }

  /** A tag has this mark. False: it had a higher one, so it was rewound; its partition goes back to what is lost. */
  saw(tag: Tag, applied: number, { topic, partition, offset }: LogRecord): boolean {
    const before = this.#seen.get(tag) ?? -1
    this.#seen.delete(tag)
    this.#seen.set(tag, applied)
    if (this.#seen.size > seenTagsMax) this.#seen.delete(this.#seen.keys().next().value ?? "")
    const { lostSinceMs } = this
    const trail = this.#trails.get(`${topic}/${partition}`)
    this.#heardMs = this.#now()
    if (trail !== undefined) trail.heardMs = this.#heardMs
    if (applied >= before) return true
    const stood = stoodAt(trail, lostSinceMs)
    // Never forwards: what lies between has yet to be applied.
    this.#seek({ topic, partition }, Math.min(offset, Math.max(applied + 1, stood)))
    return false
  }
}

/** It stands there now, and what it noted beyond that it has yet to reach. */
const standAt = ({ steps }: Trail, offset: number): void => {
  while ((steps.at(-1)?.offset ?? 0) > offset) steps.pop()
}

/** Where it stood then, or where it began if that was later. */
const stoodAt = (trail: Trail | undefined, ms: number): number =>
  (trail?.steps.findLast(({ atMs }) => atMs <= ms) ?? trail?.steps[0])?.offset ?? 0
