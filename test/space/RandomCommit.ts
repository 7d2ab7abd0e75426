/**
 * Commits at random that mean something: few keys, few runners and offsets that creep on, so that each kind of refusal
 * and of repeat comes up often. The same seed makes the same commits.
 */
import type { AppliedRecord, Change, Commit, Guard, Owner, ReadRequest, Tag } from "../../src/space/SharedSpace.ts"
import { bytes, commitOf, count } from "../contract/SharedSpaceCommits.ts"
import type { Trouble } from "../sim/Trouble.ts"

const keys = ["member/1", "member/2", "member/3", "next/1", "next/2", "other"]
const sessions = ["s", "t", "세션"]

/** Everything that can be asked of a tag these commits have written to. */
export const everything = (tag: Tag): ReadRequest => ({
  tag,
  keys: [...keys, "absent"],
  outcomes: sessions.flatMap((session) => Array.from({ length: 12 }, (_, id) => ({ session, id })))
})

export const streamNames = ["s", "s/a"]

/** `near` is where the log has come to, about. Now and then a commit that was made before is repeated. */
export function randomCommit(random: Trouble, tag: Tag, near: number, before: ReadonlyArray<Commit>): Commit {
  const again = before[random.below(before.length)]
  if (again !== undefined && random.chance(0.05)) return again
  const late = random.chance(0.02) ? 1 : 0
  return commitOf(tag, {
    generation: { era: 1, n: 1 + Math.floor(near / 100) - late },
    found: random.chance(0.95),
    guard: randomGuard(random, near),
    reads: random.chance(0.1) ? [{ key: pick(random, keys), version: random.below(6) }] : [],
    changes: Array.from({ length: random.below(8) }, () => randomChange(random, near)),
    tell: [{ channel: tag, bytes: bytes(near % 256) }]
  })
}

function pick<A>(random: Trouble, all: ReadonlyArray<A>): A {
  const picked = all[random.below(all.length)]
  if (picked === undefined) throw new Error("nothing to pick from")
  return picked
}

const numberAt = (random: Trouble): number => pick(random, [0, 1, 2, 4_294_967_296, 1_790_000_000_000, 2 ** 53 - 2])

function ownerOf(random: Trouble): Owner {
  const [runner, node] = [pick(random, ["r1", "r2", "r10"]), 4_294_967_296 + random.below(3)]
  return {
    incarnation: `${runner}-${node}${pick(random, ["", "", "0"])}`,
    runner,
    epoch: { era: 1 + random.below(2), node },
    connection: random.below(3)
  }
}

function randomRecord(random: Trouble, offset: number): AppliedRecord {
  const timeMs = 1_790_000_000_000 + offset * 20_000 - random.below(5) * 10_000
  const source = {
    topic: pick(random, ["t", "t/u"]),
    partition: random.below(2),
    offset: offset - random.below(5),
    index: random.below(3)
  }
  const outcome = {
    session: pick(random, sessions),
    id: random.below(12),
    bodyHash: bytes(offset % 256),
    answer: bytes(0, 255)
  }
  const origin = { topic: "t", partition: 1, offset: 2, index: 3 }
  const written = { key: "k", partitionBy: "p", body: bytes(0, 255, 10), trace: "00-1-2-01", source: origin }
  return {
    offset,
    timeMs,
    ...(random.chance(0.3) && { source }),
    ...(random.chance(0.7) && { outcome }),
    facts: random.chance(0.3) ? [{ topic: "noriter.contract", record: written }] : []
  }
}

function randomGuard(random: Trouble, near: number): Guard {
  const by = ownerOf(random)
  const key = pick(random, keys)
  switch (random.below(6)) {
    case 0:
    case 1: {
      const first = near - random.below(2)
      const rest = Array.from({ length: random.below(3) }, (_, at) =>
        randomRecord(random, first + at + random.below(2))
      )
      return { _tag: "Applied", records: [randomRecord(random, first), ...rest.slice(0, random.below(3))] }
    }
    case 2:
      return { _tag: "Owned", key, by }
    case 3:
      return { _tag: "Takeover", key, by }
    case 4:
      return { _tag: "Create", by }
    default:
      return { _tag: "Compared", by: random.chance(0.5) ? by : undefined }
  }
}

function randomChange(random: Trouble, near: number): Change {
  const [key, value] = [pick(random, keys), bytes(0, near % 256, 255)]
  const owner = random.chance(0.8) ? ownerOf(random) : undefined
  const dueMs = random.chance(0.5) ? numberAt(random) : undefined
  switch (random.below(9)) {
    case 0:
    case 1:
      return { _tag: "Put", key, value, owner, dueMs }
    case 2:
      return { _tag: "PutNext", counter: "next", prefix: "next/", value, owner, dueMs }
    case 3:
      return { _tag: "Delete", key }
    case 4:
      if (random.chance(0.3))
        return { _tag: "Raise", counter: pick(random, ["n", "next"]), below: random.below(9), to: 9 + random.below(3) }
      return count(pick(random, ["n", "n/m"]), pick(random, [-1, 1, 2, 1_790_000_000_000]), 2 ** 53 - 1)
    case 5:
    case 6: {
      const [seq, timeMs] = [near + random.below(3), near * 1_000 - random.below(3) * 1_000]
      const bounds = { countMax: 1 + random.below(4), ageMsMax: pick(random, [0, 3_000]) }
      return {
        _tag: "Append",
        stream: pick(random, streamNames),
        class: pick(random, ["a", "a/b"]),
        seq,
        timeMs,
        value,
        ...bounds
      }
    }
    case 7:
      return random.chance(0.7)
        ? { _tag: "Forget", session: pick(random, sessions) }
        : { _tag: "Fence", runner: pick(random, ["r1", "r2"]), epoch: ownerOf(random).epoch }
    default:
      if (random.chance(0.05)) return { _tag: "RemoveTag" }
      return { _tag: "Place", member: 1 + random.below(4), xCm: random.below(2 ** 32), yCm: 7 }
  }
}
