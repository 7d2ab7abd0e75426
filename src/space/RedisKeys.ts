/**
 * Where the shared space lies in Redis. All keys of a tag have the hash tag `{tag}`, so that they lie in one slot and one
 * script may touch them all (rule C1). Eight of them every tag may have, whatever it holds:
 *
 * - `:meta` hash, numbers as text: `era`, `n`, `applied`, `now`, `version` (the last given out), `counter/NAME`,
 *   `head/STREAM` (seq, trimmedTo), `source/TOPIC/PARTITION` (offset, index), `fence/RUNNER` (era, node), and `queue/…` for
 *   each queue of lines there is, so that a tag's keys can be told from this hash; `empty` (era, n) instead of these two
 *   where the tag holds nothing, and is to go: then nothing else but tokens is there of it;
 * - `:entries` hash, key → version, dueMs, owner, value (RedisValues); `:due` sorted set of those with a deadline;
 * - `:places` hash, key of the member → x, y;
 * - `:outcomes` hash, `s` session → when last decided, ids; `o` id session → body hash, answer; `:sessions` sorted set of
 *   the sessions in it by the offset they were last decided at;
 * - `:facts` list of offset, facts;
 * - `:tokens` hash, `t` token → answer, `s` slot → token, a ring; gone when the tag has been idle for a while.
 *
 * And for each stream `:lines/STREAM`, a Redis stream whose ids are `seq-0`, and for each class in it `:queue/…`, a list of
 * seq and time, by which the class is cut. The marker stands by itself (rule L12).
 */
import type { Tag } from "./SharedSpace.ts"

/** In the order the scripts know them by. */
const everyTag = ["meta", "entries", "due", "places", "outcomes", "sessions", "facts", "tokens"] as const

type Part = (typeof everyTag)[number]

export class RedisKeys {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  get marker(): string {
    return `${this.#prefix}marker`
  }

  of(tag: Tag, part: Part): string {
    return this.#key(tag, part)
  }

  ofTag(tag: Tag): Array<string> {
    return everyTag.map((part) => this.#key(tag, part))
  }

  lines(tag: Tag, stream: string): string {
    return this.#key(tag, `lines/${stream}`)
  }

  queue(tag: Tag, stream: string, lineClass: string): string {
    return this.#key(tag, queueField(stream, lineClass))
  }

  /** Keys of the streams that these fields of `:meta` speak of. */
  ofStreams(tag: Tag, fields: ReadonlyArray<string>): Array<string> {
    return fields.map((field) => this.#key(tag, field.startsWith("head/") ? `lines/${field.slice(5)}` : field))
  }

  #key(tag: Tag, rest: string): string {
    return `${this.#prefix}{${tag}}:${rest}`
  }
}

/** The length keeps stream and class apart, whatever they are called. */
export const queueField = (stream: string, lineClass: string): string => `queue/${stream.length}/${stream}/${lineClass}`
