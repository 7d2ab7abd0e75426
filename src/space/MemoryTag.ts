/**
 * One tag as the memory twin keeps it, and what a commit does to it: `refusalOf` checks everything and changes nothing,
 * `apply` changes everything and refuses nothing, as the script does (rule C1). Plain data, so that a space can be saved
 * and rewound. Owns neither generations and tokens' repeats nor who is told: that is MemorySharedSpace's.
 */
import { compareEpochs, type Epoch, type Generation } from "../link/Roster.ts"
import type { Source } from "../link/TopicLog.ts"
import { type MemoryOutcomes, remember } from "./MemoryOutcomes.ts"
import { append, headOf, type MemoryStream } from "./MemoryStream.ts"
import {
  type AppliedRecord,
  type Change,
  type Commit,
  type CommitRefused,
  type Committed,
  changesMax,
  type Entry,
  type Fact,
  fencesMax,
  type Guard,
  type Owner,
  type Tag,
  valueBytesMax
} from "./SharedSpace.ts"
import { isChannel, isTag, memberKey, memberNumber, memberPrefix } from "./Tag.ts"

/** Each guest who is here has one, and most of them hold a session and no more: what is undefined is empty. */
export interface MemoryTag {
  readonly generation: Generation
  /** The offset of the last applied record; -1: none, since offsets begin at 0. */
  applied: number
  nowMs: number
  /** Never given out again, whatever is deleted. */
  lastVersion: number
  readonly entries: Map<string, Entry>
  dues: Map<string, number> | undefined
  counters: Map<string, number> | undefined
  streams: Map<string, MemoryStream> | undefined
  sources: Map<string, Source> | undefined
  outcomes: MemoryOutcomes | undefined
  facts: Array<{ readonly offset: number; readonly facts: ReadonlyArray<Fact> }> | undefined
  fences: Map<string, Epoch> | undefined
  places: Map<number, { readonly xCm: number; readonly yCm: number }> | undefined
  tokens: Map<string, Committed> | undefined
}

export const empty = (generation: Generation): MemoryTag => ({
  generation: { era: generation.era, n: generation.n },
  applied: -1,
  nowMs: 0,
  lastVersion: 0,
  entries: new Map(),
  dues: undefined,
  counters: undefined,
  streams: undefined,
  sources: undefined,
  outcomes: undefined,
  facts: undefined,
  fences: undefined,
  places: undefined,
  tokens: undefined
})

/** Whether it may go (`idleKeptMs`): nothing is lost with it but how far its versions and counters had come. */
export const isEmpty = (name: Tag, { applied, entries, streams }: MemoryTag): boolean =>
  applied === -1 && entries.size === 0 && (streams?.size ?? 0) === 0 && !isChannel(name)

export interface Refusal {
  readonly reason: CommitRefused["reason"]
  readonly key: string
}

const refusal = (reason: Refusal["reason"], key = ""): Refusal => ({ reason, key })

/** The key of the mark that a source raises. */
export const sourceKey = (source: Source): string => `${source.topic}/${source.partition}`

// --- What is wrong whatever the tag holds: a programmer's error ---

export function misuseOf(commit: Commit): Refusal | undefined {
  if (!isTag(commit.tag)) return refusal("Foreign", commit.tag)
  for (const { channel, bytes } of commit.tell) {
    // Another channel is told by its own commits, so that its frames come in the order of its log (rule C2).
    if (isChannel(channel) && channel !== commit.tag) return refusal("Foreign", channel)
    if (bytes.length > valueBytesMax) return refusal("Oversize", channel)
  }
  if (commit.changes.length > changesMax) return refusal("Oversize")
  for (const change of commit.changes) {
    if ("value" in change && change.value.length > valueBytesMax) return refusal("Oversize", nameOf(change))
  }
  return commit.guard._tag === "Applied" ? oversizeRecord(commit.guard.records) : undefined
}

function oversizeRecord(records: ReadonlyArray<AppliedRecord>): Refusal | undefined {
  for (const { outcome, facts } of records) {
    if (outcome !== undefined && outcome.answer.length > valueBytesMax) return refusal("Oversize", outcome.session)
    const fact = facts.find((fact) => fact.record.body.length > valueBytesMax)
    if (fact !== undefined) return refusal("Oversize", fact.topic)
  }
  return undefined
}

const nameOf = (change: Extract<Change, { readonly value: Uint8Array }>): string =>
  change._tag === "Append" ? change.stream : change._tag === "Put" ? change.key : change.prefix

// --- What this tag refuses ---

export function refusalOf(tag: MemoryTag, commit: Commit): Refusal | undefined {
  const guarded = guardRefusal(tag, commit.guard)
  if (guarded !== undefined) return guarded
  for (const { key, version, owner } of commit.reads) {
    const entry = tag.entries.get(key)
    const isOthers = owner !== undefined && (entry?.owner === undefined || !isSame(entry.owner, owner))
    if ((entry?.version ?? 0) !== version || isOthers) return refusal("Conflict", key)
  }
  return changesRefusal(tag, commit)
}

function guardRefusal(tag: MemoryTag, guard: Guard): Refusal | undefined {
  switch (guard._tag) {
    case "Applied":
      return appliedRefusal(tag, guard.records, guard.after)
    case "Owned": {
      if (isFenced(tag, guard.by)) return refusal("Fenced", guard.key)
      const owner = tag.entries.get(guard.key)?.owner
      return owner !== undefined && isSame(owner, guard.by) ? undefined : refusal("NotOwner", guard.key)
    }
    case "Takeover": {
      if (isFenced(tag, guard.by)) return refusal("Fenced", guard.key)
      const owner = tag.entries.get(guard.key)?.owner
      return owner !== undefined && mayTake(owner, guard.by) ? undefined : refusal("NotOwner", guard.key)
    }
    case "Create":
      return isFenced(tag, guard.by) ? refusal("Fenced") : undefined
    case "Compared":
      return guard.by !== undefined && isFenced(tag, guard.by) ? refusal("Fenced") : undefined
  }
}

/** Rule L3 and L4: offsets rise from the tag's mark, the sources of each partition from theirs. */
function appliedRefusal(
  tag: MemoryTag,
  records: ReadonlyArray<AppliedRecord>,
  after = tag.applied
): Refusal | undefined {
  if (records.length === 0) return refusal("Applied") // nothing would protect it
  if (after !== tag.applied) return refusal("Applied") // the decision rests on another state
  let applied = tag.applied
  const marks = new Map<string, Source>()
  for (const { offset, source } of records) {
    if (offset <= applied) return refusal("Applied")
    applied = offset
    if (source === undefined) continue
    const key = sourceKey(source)
    const mark = marks.get(key) ?? tag.sources?.get(key)
    if (mark !== undefined && compareSources(source, mark) <= 0) return refusal("Source", key)
    marks.set(key, source)
  }
  return undefined
}

const compareSources = (a: Source, b: Source): number => a.offset - b.offset || a.index - b.index

export function isFenced(tag: MemoryTag, by: Pick<Owner, "runner" | "epoch">): boolean {
  const fence = tag.fences?.get(by.runner)
  return fence !== undefined && compareEpochs(by.epoch, fence) < 0
}

/** The same incarnation, whatever its connection. */
export const isHeldBy = (owner: Owner, by: Omit<Owner, "connection">): boolean =>
  owner.incarnation === by.incarnation && owner.runner === by.runner && compareEpochs(owner.epoch, by.epoch) === 0

const isSame = (owner: Owner, by: Owner): boolean => owner.connection === by.connection && isHeldBy(owner, by)

/** Rule P3: a higher connection, or with the same one a newer incarnation of the same runner. */
function mayTake(owner: Owner, by: Owner): boolean {
  if (owner.connection !== by.connection) return owner.connection < by.connection
  return isHeldBy(owner, by) || (owner.runner === by.runner && compareEpochs(owner.epoch, by.epoch) < 0)
}

/** Goes through the changes in their order, keeping apart what they would make of counters and heads. */
function changesRefusal(tag: MemoryTag, commit: Commit): Refusal | undefined {
  let counters: Map<string, number> | undefined
  let heads: Map<string, number> | undefined
  const count = (counter: string, by: number): number => {
    counters ??= new Map()
    const value = (counters.get(counter) ?? tag.counters?.get(counter) ?? 0) + by
    counters.set(counter, value)
    return value
  }
  for (const change of commit.changes) {
    switch (change._tag) {
      case "Count": {
        const value = count(change.counter, change.by)
        if (value < 0 || value > change.max) return refusal("Full", change.counter)
        break
      }
      case "Raise":
        count(change.counter, raisedBy(change, count(change.counter, 0)))
        break
      case "Put":
      case "PutNext": {
        const key = change._tag === "Put" ? change.key : change.prefix + count(change.counter, 1)
        if (commit.guard._tag === "Create" && tag.entries.has(key)) return refusal("Exists", key)
        break
      }
      case "Append": {
        // A stream whose seq ran back would look complete to a view that is not (rule C3).
        if (change.seq <= (heads?.get(change.stream) ?? headOf(tag.streams?.get(change.stream)).seq)) {
          return refusal("Applied", change.stream)
        }
        heads ??= new Map()
        heads.set(change.stream, change.seq)
      }
    }
  }
  return undefined
}

const raisedBy = ({ below, to }: Extract<Change, { readonly _tag: "Raise" }>, value: number): number =>
  value < below ? to - value : 0

// --- What a commit does ---

/** Only after `refusalOf` has found nothing. */
export function apply(name: Tag, tag: MemoryTag, commit: Commit): Committed {
  // Outcomes come before the changes: a batch that ends a session forgets also what it decided for it.
  if (commit.guard._tag === "Applied") for (const record of commit.guard.records) applyRecord(name, tag, record)
  const numbers: Array<number> = []
  const versions: Array<number> = []
  for (const change of commit.changes) applyChange(tag, change, numbers, versions)
  return Object.freeze({ numbers: Object.freeze(numbers), versions: Object.freeze(versions) })
}

function applyRecord(name: Tag, tag: MemoryTag, record: AppliedRecord): void {
  tag.applied = record.offset
  tag.nowMs = Math.max(tag.nowMs, record.timeMs)
  if (record.source !== undefined) {
    tag.sources ??= new Map()
    tag.sources.set(sourceKey(record.source), Object.freeze({ ...record.source }))
  }
  if (record.outcome !== undefined) {
    tag.outcomes ??= new Map()
    remember(tag.outcomes, name, record.outcome, tag.nowMs)
  }
  if (record.facts.length === 0) return
  tag.facts ??= []
  tag.facts.push({ offset: record.offset, facts: record.facts.map(copyFact) })
}

export const copyFact = ({ topic, record }: Fact): Fact => ({
  topic,
  record: { ...record, body: new Uint8Array(record.body) }
})

function applyChange(tag: MemoryTag, change: Change, numbers: Array<number>, versions: Array<number>): void {
  switch (change._tag) {
    case "Put":
      versions.push(put(tag, change.key, change))
      break
    case "PutNext": {
      const number = count(tag, change.counter, 1)
      numbers.push(number)
      versions.push(put(tag, change.prefix + number, change))
      break
    }
    case "Delete":
      // It is told with the version that comes next: no later value may have that.
      tag.lastVersion = Math.max(tag.lastVersion, (tag.entries.get(change.key)?.version ?? -1) + 1)
      tag.entries.delete(change.key)
      tag.dues?.delete(change.key)
      if (change.key.startsWith(memberPrefix)) tag.places?.delete(memberNumber(change.key))
      break
    case "Count":
      count(tag, change.counter, change.by)
      break
    case "Raise":
      count(tag, change.counter, raisedBy(change, tag.counters?.get(change.counter) ?? 0))
      break
    case "Append":
      tag.streams ??= new Map()
      append(tag.streams, change)
      break
    case "Forget":
      tag.outcomes?.delete(change.session)
      break
    case "Fence":
      tag.fences ??= new Map()
      raiseFence(tag.fences, change.runner, change.epoch)
      break
    case "Place":
      place(tag, change.member, change.xCm, change.yCm)
  }
}

function count(tag: MemoryTag, counter: string, by: number): number {
  tag.counters ??= new Map()
  const value = (tag.counters.get(counter) ?? 0) + by
  tag.counters.set(counter, value)
  return value
}

const noBytes = new Uint8Array(0)

/** Never lowered (rule P8). Of too many the one of the lowest epoch goes, but not the one that was raised just now. */
function raiseFence(fences: Map<string, Epoch>, runner: string, epoch: Epoch): void {
  const fence = fences.get(runner)
  if (fence !== undefined && compareEpochs(fence, epoch) >= 0) return
  fences.set(runner, Object.freeze({ ...epoch }))
  if (fence !== undefined || fences.size <= fencesMax) return
  const [lowest] = [...fences]
    .filter(([name]) => name !== runner)
    .sort(([a, aEpoch], [b, bEpoch]) => compareEpochs(aEpoch, bEpoch) || (a < b ? -1 : 1))
  if (lowest !== undefined) fences.delete(lowest[0])
}

type Value = Pick<Extract<Change, { readonly _tag: "Put" }>, "value" | "owner" | "dueMs">

/** Replaces the whole entry: owner and deadline too, where none is named. */
function put(tag: MemoryTag, key: string, { value, owner, dueMs }: Value): number {
  const version = (tag.entries.get(key)?.version ?? tag.lastVersion) + 1
  tag.lastVersion = Math.max(tag.lastVersion, version)
  const bytes = value.length === 0 ? noBytes : new Uint8Array(value)
  tag.entries.set(key, { version, value: bytes, owner: copyOwner(owner), dueMs })
  if (dueMs === undefined) tag.dues?.delete(key)
  else {
    tag.dues ??= new Map()
    tag.dues.set(key, dueMs)
  }
  return version
}

const copyOwner = (owner: Owner | undefined): Owner | undefined =>
  owner && Object.freeze({ ...owner, epoch: Object.freeze({ ...owner.epoch }) })

/** Never creates: where no member stands, nobody is placed (rule P10). */
export function place(tag: MemoryTag, member: number, xCm: number, yCm: number): boolean {
  if (!tag.entries.has(memberKey(member))) return false
  tag.places ??= new Map()
  tag.places.set(member, Object.freeze({ xCm, yCm }))
  return true
}
