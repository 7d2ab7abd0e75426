/**
 * SharedSpace within one process: the embedded default, and what several runners of a simulation share. The space is the
 * shared part and does what Redis and our scripts do; a layer is one runner's connection to it. Owns generations, repeats
 * of a commit and telling; what a commit does to a tag is MemoryTag's. What goes in and out is copied.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Listeners } from "../link/Listeners.ts"
import { type Hub, SharedHub } from "../link/MemoryRunnerLink.ts"
import type { Generation } from "../link/Roster.ts"
import { lastId, type MemoryOutcomes, recall } from "./MemoryOutcomes.ts"
import { headOf, linesAfter, type MemoryStream } from "./MemoryStream.ts"
import * as MemoryTag from "./MemoryTag.ts"
import {
  type Commit,
  CommitRefused,
  type Committed,
  type Entry,
  type Head,
  idleKeptMs,
  type Positions,
  type ReadRequest,
  SharedSpace,
  type Snapshot,
  type Tag,
  type TagState,
  tokensMax
} from "./SharedSpace.ts"
import { isTag, memberKey } from "./Tag.ts"

/** A copy of everything a space holds, to rewind it to (rule L11). */
export interface Saved {
  readonly tags: ReadonlyMap<Tag, MemoryTag.MemoryTag>
  readonly marker: Generation | undefined
}

/** Most buckets of timers are empty whenever they are looked at. */
const noKeys: ReadonlyArray<string> = []

const emptied: Saved = { tags: new Map(), marker: undefined }

type TagHead = Pick<TagState, "generation" | "applied" | "version" | "heads" | "counters">

/** What Redis is to real runners. */
export class Space {
  private tags = new Map<Tag, MemoryTag.MemoryTag>()
  private marker: Generation | undefined
  /** Tags that have written since `turnedMs`, and those that had in as long a time before it. */
  private recent = new Set<Tag>()
  private older = new Set<Tag>()
  private readonly now: () => number
  private turnedMs: number
  private readonly ready = new Listeners<void>()
  private readonly hub: Hub

  constructor(hub: Hub, now = () => performance.now()) {
    this.hub = hub
    this.now = now
    this.turnedMs = now()
  }

  // --- Writing ---

  commit(commit: Commit): Committed | CommitRefused {
    const misuse = MemoryTag.misuseOf(commit)
    if (misuse !== undefined) return this.refused(commit.tag, misuse)
    const known = this.tags.get(commit.tag)
    const first = known?.tokens?.get(commit.token)
    if (first !== undefined) return first
    const tag = this.tagOf(known, commit)
    if (tag === undefined) return this.refused(commit.tag, { reason: "Missing", key: "" })
    const refusal = MemoryTag.refusalOf(tag, commit)
    if (refusal !== undefined) return this.refused(commit.tag, refusal)
    const committed = MemoryTag.apply(commit.tag, tag, commit)
    if (commit.changes.some(({ _tag }) => _tag === "RemoveTag")) this.tags.delete(commit.tag)
    else {
      this.tags.set(commit.tag, tag)
      keepToken(tag, commit.token, committed)
      this.wrote(commit.tag)
    }
    for (const { channel, bytes } of commit.tell) this.hub.publish(channel, bytes)
    return committed
  }

  /** What has written nothing for long forgets its tokens, and goes where it holds nothing else. */
  private wrote(written: Tag): void {
    const nowMs = this.now()
    if (nowMs - this.turnedMs >= idleKeptMs) {
      for (const name of this.older) if (!this.recent.has(name)) this.forget(name)
      this.older = this.recent
      this.recent = new Set()
      this.turnedMs = nowMs
    }
    this.recent.add(written)
  }

  private forget(name: Tag): void {
    const tag = this.tags.get(name)
    if (tag === undefined) return
    if (MemoryTag.isEmpty(name, tag)) this.tags.delete(name)
    else tag.tokens = undefined
  }

  /** The tag of this generation, or an empty one where it may be founded: what an older generation left is void (L12). */
  private tagOf(known: MemoryTag.MemoryTag | undefined, commit: Commit): MemoryTag.MemoryTag | undefined {
    const age = known === undefined ? -1 : compareGenerations(known.generation, commit.generation)
    if (age === 0) return known
    return age < 0 && commit.found ? MemoryTag.empty(commit.generation) : undefined
  }

  private refused(tag: Tag, refusal: MemoryTag.Refusal): CommitRefused {
    return new CommitRefused({ tag, applied: this.tags.get(tag)?.applied ?? -1, ...refusal })
  }

  writePositions(positions: Positions): number | CommitRefused {
    const tag = this.tags.get(positions.tag)
    if (tag === undefined || compareGenerations(tag.generation, positions.generation) !== 0) {
      return this.refused(positions.tag, { reason: "Missing", key: "" })
    }
    if (MemoryTag.isFenced(tag, positions.by)) return this.refused(positions.tag, { reason: "Fenced", key: "" })
    let written = 0
    positions.member.forEach((member, at) => {
      const owner = tag.entries.get(memberKey(member))?.owner
      if (owner === undefined || !MemoryTag.isHeldBy(owner, positions.by)) return
      if (MemoryTag.place(tag, member, positions.xCm[at] ?? 0, positions.yCm[at] ?? 0)) written++
    })
    return written
  }

  factsSent(name: Tag, offset: number): void {
    const facts = this.tags.get(name)?.facts
    while (facts?.[0] !== undefined && facts[0].offset <= offset) facts.shift()
  }

  writeMarker(generation: Generation, instead?: Generation): Generation {
    const known = this.marker
    if (known !== undefined && (instead === undefined || compareGenerations(known, instead) !== 0)) return known
    this.marker = Object.freeze({ ...generation })
    return this.marker
  }

  // --- Reading ---

  read({ tag: name, keys, outcomes = [] }: ReadRequest): TagState {
    if (!isTag(name)) throw new Error(`${name} cannot name a tag`)
    const tag = this.tags.get(name)
    return {
      ...headsOf(tag),
      nowMs: tag?.nowMs ?? 0,
      sources: copyOf(tag?.sources),
      entries: tag === undefined ? none : copyEntries(tag.entries, keys),
      lastIds: tag?.outcomes === undefined ? none : lastIdsOf(name, tag.outcomes, outcomes, tag.nowMs),
      remembered: outcomes.map(({ session, id }) =>
        tag?.outcomes ? recall(tag.outcomes, name, session, id, tag.nowMs) : { _tag: "Fresh" }
      ),
      factsWaiting: tag?.facts?.map(({ offset, facts }) => ({ offset, facts: facts.map(MemoryTag.copyFact) })) ?? []
    }
  }

  snapshot(name: Tag, prefix: string, stream: string): Snapshot {
    const tag = this.tags.get(name)
    const entries = new Map<string, Entry>()
    for (const [key, entry] of tag?.entries ?? []) if (key.startsWith(prefix)) entries.set(key, copyEntry(entry))
    return {
      generation: tag?.generation,
      version: tag?.lastVersion ?? 0,
      entries,
      positions: copyOf(tag?.places),
      counters: copyOf(tag?.counters),
      head: headOf(tag?.streams?.get(stream)),
      lines: linesAfter(tag?.streams?.get(stream), 0, Number.POSITIVE_INFINITY)
    }
  }

  history(name: Tag, stream: string, after: number, limit: number) {
    const kept = this.tags.get(name)?.streams?.get(stream)
    return { head: headOf(kept), entries: linesAfter(kept, after, limit) }
  }

  heads(names: ReadonlyArray<Tag>): ReadonlyMap<Tag, TagHead> {
    const heads = new Map<Tag, TagHead>()
    for (const name of names) {
      const tag = this.tags.get(name)
      if (tag !== undefined) heads.set(name, headsOf(tag))
    }
    return heads
  }

  due(name: Tag, nowMs: number, limit: number): ReadonlyArray<string> {
    const dues = this.tags.get(name)?.dues
    if (dues === undefined || dues.size === 0) return noKeys
    return Array.from(dues)
      .filter(([, dueMs]) => dueMs <= nowMs)
      .sort(([a, aMs], [b, bMs]) => aMs - bMs || (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key]) => key)
  }

  readMarker(): Generation | undefined {
    return this.marker
  }

  onReady(resync: () => void) {
    return this.ready.add(resync)
  }

  // --- What may befall it ---

  /** A lost and regained connection: runners are told to look what they have missed. */
  reconnect(): void {
    this.ready.call()
  }

  save(): Saved {
    return structuredClone({ tags: this.tags, marker: this.marker })
  }

  /** Redis restarted with what it had at that time (rule L11). */
  rewind(saved: Saved): void {
    this.restore(saved)
    this.ready.call()
  }

  /** FLUSHALL: the marker too (rule L12). */
  flush(): void {
    this.rewind(emptied)
  }

  /** FLUSHALL by an operator: nobody's connection is lost. */
  flushQuietly(): void {
    this.restore(emptied)
  }

  private restore(saved: Saved): void {
    const { tags, marker } = structuredClone(saved)
    this.tags = new Map(tags)
    this.recent = new Set(tags.keys())
    this.marker = marker
  }
}

/** The space of this process, which speaks through the hub of this process. */
class SharedMemory extends Context.Service<SharedMemory, Space>()("noriter/space/MemorySharedSpace/SharedMemory") {
  static readonly layer = Layer.effect(
    SharedMemory,
    Effect.map(SharedHub, (hub) => new Space(hub))
  ).pipe(Layer.provide(SharedHub.layer))
}

/** One runner's connection to a space that others may share. */
export const layerOf = (space: Space): Layer.Layer<SharedSpace> => Layer.succeed(SharedSpace, make(space))

/** One process, one space: it tells through the same hub as MemoryRunnerLink.layer where both are built together. */
export const layer: Layer.Layer<SharedSpace> = Layer.effect(SharedSpace, Effect.map(SharedMemory, make)).pipe(
  Layer.provide(SharedMemory.layer)
)

// --- internal ---

function make(space: Space): SharedSpace["Service"] {
  return SharedSpace.of({
    read: (request) => Effect.sync(() => space.read(request)),
    commit: (commit) => Effect.suspend(() => answered(space.commit(commit))),
    writePositions: (positions) => Effect.suspend(() => answered(space.writePositions(positions))),
    snapshot: (tag, prefix, stream) => Effect.sync(() => space.snapshot(tag, prefix, stream)),
    history: (tag, stream, after, limit) => Effect.sync(() => space.history(tag, stream, after, limit)),
    heads: (tags) => Effect.sync(() => space.heads(tags)),
    due: (tags, nowMs, limit) =>
      Effect.sync(() => {
        const found = new Map<Tag, ReadonlyArray<string>>()
        for (const tag of tags) {
          const keys = space.due(tag, nowMs, limit)
          if (keys.length > 0) found.set(tag, keys)
        }
        return found
      }),
    factsSent: (tag, offset) => Effect.sync(() => space.factsSent(tag, offset)),
    marker: Effect.sync(() => space.readMarker()),
    writeMarker: (generation, instead) => Effect.sync(() => space.writeMarker(generation, instead)),
    onReady: (resync) => space.onReady(resync)
  })
}

const answered = <A>(answer: A | CommitRefused): Effect.Effect<A, CommitRefused> =>
  answer instanceof CommitRefused ? Effect.fail(answer) : Effect.succeed(answer)

const compareGenerations = (a: Generation, b: Generation): number => a.era - b.era || a.n - b.n

function keepToken(tag: MemoryTag.MemoryTag, token: string, committed: Committed): void {
  tag.tokens ??= new Map()
  const { tokens } = tag
  tokens.set(token, committed)
  if (tokens.size <= tokensMax) return
  for (const oldest of tokens.keys()) {
    tokens.delete(oldest)
    return
  }
}

const copyEntry = (entry: Entry): Entry => ({ ...entry, value: new Uint8Array(entry.value) })

function copyEntries(entries: ReadonlyMap<string, Entry>, keys: ReadonlyArray<string>): ReadonlyMap<string, Entry> {
  const copies = new Map<string, Entry>()
  for (const key of keys) {
    const entry = entries.get(key)
    if (entry !== undefined) copies.set(key, copyEntry(entry))
  }
  return copies
}

function lastIdsOf(
  name: Tag,
  kept: MemoryOutcomes,
  outcomes: NonNullable<ReadRequest["outcomes"]>,
  nowMs: number
): ReadonlyMap<string, number> {
  const lastIds = new Map<string, number>()
  for (const { session } of outcomes) {
    const last = lastId(kept, name, session, nowMs)
    if (last !== undefined) lastIds.set(session, last)
  }
  return lastIds
}

const headsOf = (tag: MemoryTag.MemoryTag | undefined): TagHead => ({
  generation: tag?.generation,
  applied: tag?.applied ?? -1,
  version: tag?.lastVersion ?? 0,
  heads: tag?.streams === undefined ? none : headsIn(tag.streams),
  counters: copyOf(tag?.counters)
})

const headsIn = (streams: ReadonlyMap<string, MemoryStream>): ReadonlyMap<string, Head> =>
  new Map(Array.from(streams, ([name, stream]) => [name, headOf(stream)]))

/** Most tags have nothing but an entry, and a map of nothing takes as long to make as one of something. */
const none: ReadonlyMap<never, never> = new Map<never, never>()

const copyOf = <K, V>(map: ReadonlyMap<K, V> | undefined): ReadonlyMap<K, V> =>
  map === undefined ? none : new Map(map)
