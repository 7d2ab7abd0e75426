/**
 * A commit as its script is handed it: the keys it touches, every one of them declared (rule C1), and everything else in
 * one packed value. Decides nothing: what is refused and what is written is lua/commit.lua's.
 */
import { sourceKey } from "./MemoryTag.ts"
import { type Packable, pack } from "./Msgpack.ts"
import { queueField, type RedisKeys } from "./RedisKeys.ts"
import { packFacts, packOwner, packPlaces } from "./RedisValues.ts"
import type { AppliedRecord, Change, Commit, Guard, Owner } from "./SharedSpace.ts"
import { isChannel, memberKey } from "./Tag.ts"

/** Keys, and the commit for ARGV[1]. */
export interface Packed {
  readonly keys: ReadonlyArray<string>
  readonly message: Buffer
}

/** `discard` names what is left of an older generation's streams, where the script has asked for them. */
export function packCommit(commit: Commit, keys: RedisKeys, prefix: string, discard: ReadonlyArray<string>): Packed {
  const declared = new Declared(keys.ofTag(commit.tag))
  const changes = commit.changes.map((change) => packChange(change, commit, keys, declared))
  const discarded = keys.ofStreams(commit.tag, discard)
  const message = pack({
    token: commit.token,
    ...commit.generation,
    found: commit.found,
    isChannel: isChannel(commit.tag),
    guard: packGuard(commit.guard),
    reads: commit.reads.map(({ key, version, owner }) => ({ key, version, owner: ownerBytes(owner) })),
    changes,
    tell: commit.tell.map(({ channel, bytes }) => ({ channel: prefix + channel, bytes })),
    discard
  })
  return { keys: [...declared.keys, ...discarded], message }
}

/** The keys so far, each once; the script knows a key by its place among them, from 1. */
class Declared {
  readonly keys: Array<string>

  constructor(keys: Array<string>) {
    this.keys = keys
  }

  placeOf(key: string): number {
    const at = this.keys.indexOf(key)
    return at === -1 ? this.keys.push(key) : at + 1
  }
}

function packGuard(guard: Guard): Packable {
  switch (guard._tag) {
    case "Applied":
      return { _tag: guard._tag, after: guard.after, records: guard.records.map(packRecord) }
    case "Owned":
    case "Takeover":
      return { _tag: guard._tag, key: guard.key, by: packOwner(guard.by) }
    case "Create":
      return { _tag: guard._tag, by: packOwner(guard.by) }
    case "Compared":
      return { _tag: guard._tag, by: ownerBytes(guard.by) }
  }
}

const packRecord = ({ offset, timeMs, source, outcome, facts }: AppliedRecord): Packable => ({
  offset,
  timeMs,
  source: source && { key: sourceKey(source), offset: source.offset, index: source.index },
  outcome: outcome && { ...outcome },
  facts: facts.length === 0 ? undefined : packFacts(facts)
})

const ownerBytes = (owner: Owner | undefined) => owner && packOwner(owner)

function packChange(change: Change, { tag }: Commit, keys: RedisKeys, declared: Declared): Packable {
  switch (change._tag) {
    case "Put":
    case "PutNext":
      return { ...change, owner: ownerBytes(change.owner) }
    case "Append": {
      const { stream, class: lineClass } = change
      const lines = declared.placeOf(keys.lines(tag, stream))
      const queue = declared.placeOf(keys.queue(tag, stream, lineClass))
      return { ...change, lines, queue, queueField: queueField(stream, lineClass) }
    }
    case "Place":
      return { _tag: change._tag, key: memberKey(change.member), place: packPlaces([change.xCm], [change.yCm]) }
    case "Fence":
      return { _tag: change._tag, runner: change.runner, ...change.epoch }
    default:
      return { ...change }
  }
}
