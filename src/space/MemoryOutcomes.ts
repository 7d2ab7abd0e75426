/**
 * The outcomes a tag remembers, as the memory twin keeps them (rule L6): per session a set of request ids, the lowest of
 * which goes when there are too many; sessions in the order they were last decided for, the oldest of which goes. Plain
 * data; owns the bounds, not what an outcome means.
 */
import type { Outcome } from "../link/TopicLog.ts"
import { outcomeAgeMs, outcomeSessionsMax, outcomesMax, type Remembered, type Tag } from "./SharedSpace.ts"
import { isChannel } from "./Tag.ts"

/** Hash and answer lie in one array: there may be a million of these, and an array costs more than what is in it. */
interface Kept {
  readonly id: number
  readonly bytes: Uint8Array
  readonly hashBytes: number
}

interface SessionOutcomes {
  /** By rising id. */
  readonly kept: Array<Kept>
  readonly lastMs: number
}

/** By session, the one decided for longest ago first. */
export type MemoryOutcomes = Map<string, SessionOutcomes>

/** Remembers what was decided at `nowMs`, the record's time. */
export function remember(outcomes: MemoryOutcomes, tag: Tag, outcome: Outcome, nowMs: number): void {
  const known = outcomes.get(outcome.session)
  const kept = known !== undefined && known.lastMs >= oldestMs(tag, nowMs) ? known.kept : []
  const bytes = new Uint8Array(outcome.bodyHash.length + outcome.answer.length)
  bytes.set(outcome.bodyHash)
  bytes.set(outcome.answer, outcome.bodyHash.length)
  insert(kept, { id: outcome.id, bytes, hashBytes: outcome.bodyHash.length })
  outcomes.delete(outcome.session)
  outcomes.set(outcome.session, { kept, lastMs: nowMs }) // last in the order
  if (known === undefined) forgetOldest(outcomes, tag, nowMs)
}

function insert(kept: Array<Kept>, outcome: Kept): void {
  let at = kept.length // ids rise, so the place is nearly always the end
  while (at > 0 && (kept[at - 1]?.id ?? 0) >= outcome.id) at--
  kept.splice(at, kept[at]?.id === outcome.id ? 1 : 0, outcome)
  if (kept.length > outcomesMax) kept.shift()
}

/** What was last decided for before it is forgotten; a channel's is forgotten when the session ends. */
const oldestMs = (tag: Tag, nowMs: number): number => (isChannel(tag) ? Number.NEGATIVE_INFINITY : nowMs - outcomeAgeMs)

function forgetOldest(outcomes: MemoryOutcomes, tag: Tag, nowMs: number): void {
  const oldest = oldestMs(tag, nowMs)
  for (const [session, { lastMs }] of outcomes) {
    if (outcomes.size <= outcomeSessionsMax && lastMs >= oldest) return
    outcomes.delete(session)
  }
}

function keptOf(outcomes: MemoryOutcomes, tag: Tag, session: string, nowMs: number): ReadonlyArray<Kept> {
  const known = outcomes.get(session)
  return known !== undefined && known.lastMs >= oldestMs(tag, nowMs) ? known.kept : []
}

/**
 * Below the lowest of a full set nobody can say any more. In a set that never was full an id that is absent was never
 * decided: it may have been refused before the log, and is then a fresh ask (rule L6).
 */
export function recall(outcomes: MemoryOutcomes, tag: Tag, session: string, id: number, nowMs: number): Remembered {
  const kept = keptOf(outcomes, tag, session, nowMs)
  const found = kept.findLast((outcome) => outcome.id === id)
  if (found !== undefined) {
    // Made from a subarray: `slice` of a Buffer would be a view of what is kept.
    const bodyHash = new Uint8Array(found.bytes.subarray(0, found.hashBytes))
    return { _tag: "Decided", bodyHash, answer: new Uint8Array(found.bytes.subarray(found.hashBytes)) }
  }
  const lowest = kept[0]
  return lowest !== undefined && kept.length === outcomesMax && id < lowest.id ? { _tag: "Stale" } : { _tag: "Fresh" }
}

export const lastId = (outcomes: MemoryOutcomes, tag: Tag, session: string, nowMs: number): number | undefined =>
  keptOf(outcomes, tag, session, nowMs).at(-1)?.id
