/**
 * SharedSpace in Redis. What must happen or be seen at one moment is one script; the rest is single commands, all sent
 * without waiting for one another. Owns how operations become commands and answers become values; what a commit does is
 * lua/commit.lua's, where everything lies is RedisKeys', and how it is laid out RedisValues'. Needs a Redis that evicts
 * nothing (`maxmemory-policy noeviction`).
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Connection, Redis } from "../link/Redis.ts"
import { type Generation, generationText } from "../link/Roster.ts"
import { misuseOf } from "./MemoryTag.ts"
import { type Packable, pack } from "./Msgpack.ts"
import * as Answer from "./RedisAnswer.ts"
import { packCommit } from "./RedisCommit.ts"
import { RedisKeys } from "./RedisKeys.ts"
import { RedisScript } from "./RedisScript.ts"
import * as Values from "./RedisValues.ts"
import {
  type Commit,
  CommitRefused,
  type Committed,
  type Entry,
  type Positions,
  type ReadRequest,
  SharedSpace,
  type Snapshot,
  SpaceError,
  type StreamEntry,
  type Tag,
  type TagState
} from "./SharedSpace.ts"
import { isTag, memberKey } from "./Tag.ts"

export const layer: Layer.Layer<SharedSpace, never, Redis> = Layer.effect(
  SharedSpace,
  Effect.map(Redis, ({ commands, prefix }) => make(new RedisSpace(commands, prefix), commands))
)

function make(space: RedisSpace, commands: Connection): SharedSpace["Service"] {
  const ask = <A>(operation: string, run: () => Promise<A>): Effect.Effect<A, SpaceError> =>
    Effect.tryPromise({ try: run, catch: (cause) => cause }).pipe(
      Effect.catch((cause) => (isDefect(cause) ? Effect.die(cause) : Effect.fail(new SpaceError({ operation, cause }))))
    )
  const answered = <A>(operation: string, run: () => Promise<A | CommitRefused>) =>
    Effect.flatMap(ask(operation, run), (answer) =>
      answer instanceof CommitRefused ? Effect.fail(answer) : Effect.succeed(answer)
    )
  return SharedSpace.of({
    read: (request) => ask("read", () => space.read(request)),
    commit: (commit) => answered("commit", () => space.commit(commit)),
    writePositions: (positions) => answered("writePositions", () => space.writePositions(positions)),
    snapshot: (tag, prefix, stream) => ask("snapshot", () => space.snapshot(tag, prefix, stream)),
    history: (tag, stream, after, limit) => ask("history", () => space.history(tag, stream, after, limit)),
    heads: (tags) => ask("heads", () => space.heads(tags)),
    due: (tags, nowMs, limit) => ask("due", () => space.due(tags, nowMs, limit)),
    factsSent: (tag, offset) => ask("factsSent", () => space.factsSent(tag, offset)),
    marker: ask("marker", () => space.marker()),
    writeMarker: (generation, instead) => ask("writeMarker", () => space.writeMarker(generation, instead)),
    onReady: (resync) => commands.onReady(resync)
  })
}

/** An answer that cannot be read, or a script that broke off: ours to mend, and not better when it is asked again. */
const isDefect = (cause: unknown): boolean =>
  cause instanceof TypeError ||
  cause instanceof RangeError ||
  (cause instanceof Error && /^(ERR|WRONGTYPE) .*user_script/.test(cause.message))

const scripts = {
  ask: new RedisScript(["ask"], " flags=no-writes"),
  commit: new RedisScript(["tag", "outcomes", "commit"]),
  places: new RedisScript(["tag", "places"]),
  factsSent: new RedisScript(["facts_sent"]),
  marker: new RedisScript(["marker"])
}

/** A reading command: name, key, arguments. */
type Command = readonly [name: string, key: string, ...rest: ReadonlyArray<Packable>]

class RedisSpace {
  readonly #commands: Connection
  readonly #prefix: string
  readonly #keys: RedisKeys

  constructor(commands: Connection, prefix: string) {
    this.#commands = commands
    this.#prefix = prefix
    this.#keys = new RedisKeys(prefix)
  }

  // --- Writing ---

  async commit(commit: Commit): Promise<Committed | CommitRefused> {
    const misuse = misuseOf(commit)
    if (misuse !== undefined)
      return new CommitRefused({ tag: commit.tag, applied: await this.#applied(commit.tag), ...misuse })
    let answer = await this.#run(commit, [])
    // Only where a tag of an older generation is founded anew; again only if another was faster by a whole generation.
    while (Answer.isDiscard(answer)) answer = await this.#run(commit, Answer.discarded(answer))
    return Answer.refusal(commit.tag, answer) ?? Answer.committed(answer)
  }

  async #run(commit: Commit, discard: ReadonlyArray<string>): Promise<ReadonlyArray<unknown>> {
    const { keys, message } = packCommit(commit, this.#keys, this.#prefix, discard)
    return Answer.list(await this.#commands.ask((client) => scripts.commit.run(client, keys, message)))
  }

  async #applied(tag: Tag): Promise<number> {
    if (!isTag(tag)) return -1
    const mark = await this.#commands.ask((client) => client.hget(this.#keys.of(tag, "meta"), "applied"))
    return Number(mark ?? -1)
  }

  async writePositions({ tag, generation, by, member, xCm, yCm }: Positions): Promise<number | CommitRefused> {
    const keys = [this.#keys.of(tag, "meta"), this.#keys.of(tag, "entries"), this.#keys.of(tag, "places")]
    const values = [
      Buffer.from(`${generation.era}`),
      Buffer.from(`${generation.n}`),
      Values.packIncarnation(by),
      pack(member.map(memberKey)),
      Values.packPlaces(xCm, yCm)
    ]
    const answer = Answer.list(await this.#commands.ask((client) => scripts.places.run(client, keys, ...values)))
    return Answer.refusal(tag, answer) ?? Answer.number(answer[1])
  }

  async factsSent(tag: Tag, offset: number): Promise<void> {
    const keys = [this.#keys.of(tag, "facts")]
    await this.#commands.ask((client) => scripts.factsSent.run(client, keys, Buffer.from(`${offset}`)))
  }

  async writeMarker(generation: Generation, instead?: Generation): Promise<Generation> {
    const values = [generationText(generation), instead === undefined ? "" : generationText(instead)]
    const answer = await this.#commands.ask((client) =>
      scripts.marker.run(client, [this.#keys.marker], ...values.map((text) => Buffer.from(text)))
    )
    return generationOf(String(answer))
  }

  // --- Reading ---

  /** Asked as of one moment. */
  async #ask(...commands: ReadonlyArray<Command>): Promise<ReadonlyArray<unknown>> {
    const keys = commands.map(([, key]) => key)
    const message = pack(commands.map(([name, , ...rest]) => [name, ...rest]))
    return Answer.list(await this.#commands.ask((client) => scripts.ask.run(client, keys, message)))
  }

  async read({ tag, keys, outcomes = [] }: ReadRequest): Promise<TagState> {
    if (!isTag(tag)) throw new TypeError(`${tag} cannot name a tag`)
    const many = (part: "entries" | "outcomes", names: ReadonlyArray<Packable>): ReadonlyArray<Command> =>
      names.length === 0 ? [] : [["HMGET", this.#keys.of(tag, part), ...names]]
    const remembered = outcomes.flatMap(({ session, id }) => [
      Values.sessionField(session),
      Values.outcomeField(session, id)
    ])
    const [meta, facts, ...rest] = await this.#ask(
      ["HGETALL", this.#keys.of(tag, "meta")],
      ["LRANGE", this.#keys.of(tag, "facts"), 0, -1],
      ...many("entries", keys),
      ...many("outcomes", remembered)
    )
    const state = Values.unpackMeta(Answer.buffers(meta))
    const entries = keys.length === 0 ? new Map<string, Entry>() : Answer.entries(keys, Answer.list(rest[0]))
    const kept = outcomes.length === 0 ? [] : Answer.list(rest.at(-1))
    return {
      ...state,
      entries,
      ...Answer.remembered(outcomes, kept, tag, state.nowMs),
      factsWaiting: Answer.buffers(facts).map(Values.unpackFacts)
    }
  }

  async snapshot(tag: Tag, prefix: string, stream: string): Promise<Snapshot> {
    const [fields, entries, places, lines] = await this.#ask(
      ["HGETALL", this.#keys.of(tag, "meta")],
      ["HGETALL", this.#keys.of(tag, "entries")],
      ["HGETALL", this.#keys.of(tag, "places")],
      ["XRANGE", this.#keys.lines(tag, stream), "-", "+"]
    )
    const { generation, version, counters, heads } = Values.unpackMeta(Answer.buffers(fields))
    return {
      generation,
      version,
      entries: Answer.entriesBelow(prefix, Answer.buffers(entries)),
      positions: Answer.positions(Answer.buffers(places)),
      counters,
      head: heads.get(stream) ?? { seq: 0, trimmedTo: 0 },
      lines: Answer.lines(lines)
    }
  }

  async history(tag: Tag, stream: string, after: number, limit: number) {
    const [head, lines] = await this.#ask(
      ["HGET", this.#keys.of(tag, "meta"), `head/${stream}`],
      ["XRANGE", this.#keys.lines(tag, stream), `(${Math.max(0, after)}-0`, "+", "COUNT", `${limit}`]
    )
    const entries: ReadonlyArray<StreamEntry> = Answer.lines(lines)
    return { head: Values.unpackHead(Answer.bufferOrNull(head)), entries }
  }

  /** One command each: a tag's own fields are one key, and so of one moment. */
  async heads(tags: ReadonlyArray<Tag>): Promise<ReadonlyMap<Tag, Values.Meta>> {
    const ofTag = async (tag: Tag) => {
      const fields = await this.#commands.ask((client) => client.callBuffer("HGETALL", this.#keys.of(tag, "meta")))
      return [tag, Values.unpackMeta(Answer.buffers(fields))] as const
    }
    const all = await Promise.all(tags.map(ofTag))
    return new Map(all.filter(([, { generation }]) => generation !== undefined))
  }

  async due(tags: ReadonlyArray<Tag>, nowMs: number, limit: number): Promise<ReadonlyMap<Tag, ReadonlyArray<string>>> {
    const ofTag = async (tag: Tag) => {
      const key = this.#keys.of(tag, "due")
      const keys = await this.#commands.ask((client) => client.zrangebyscore(key, "-inf", nowMs, "LIMIT", 0, limit))
      return [tag, keys] as const
    }
    const all = await Promise.all(tags.map(ofTag))
    return new Map(all.filter(([, keys]) => keys.length > 0))
  }

  async marker(): Promise<Generation | undefined> {
    const text = await this.#commands.ask((client) => client.get(this.#keys.marker))
    return text === null ? undefined : generationOf(text)
  }
}

const generationOf = (text: string): Generation => {
  const [era = 0, n = 0] = text.split(".").map(Number)
  return { era, n }
}
