/**
 * What the memory twin keeps beyond the contract: a refused commit leaves no trace, whatever the commit; the bounds that
 * take too long to reach over a network; saving and rewinding.
 */

import { serialize } from "node:v8"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Hub } from "../../src/link/MemoryRunnerLink.ts"
import { Space } from "../../src/space/MemorySharedSpace.ts"
import {
  type Change,
  type Commit,
  CommitRefused,
  type Guard,
  type Owner,
  outcomeSessionsMax,
  tokensMax,
  valueBytesMax
} from "../../src/space/SharedSpace.ts"
import { append, applied, commitOf, count, outcome, put, record } from "../contract/SharedSpaceCommits.ts"
import { Trouble } from "../sim/Trouble.ts"

const tag = "park/1"

describe("a refused commit", () => {
  it.live("leaves no trace and tells nobody, whatever was in it", () =>
    Effect.gen(function* () {
      const seen = new Map<string, number>()
      for (let seed = 1; seed <= 20; seed++) yield* commitAtRandom(seed, 200, seen)
      // The checker has seen something of each kind, else it has shown nothing.
      const reasons = ["Applied", "Source", "NotOwner", "Fenced", "Conflict", "Missing", "Full", "Exists", "Oversize"]
      for (const reason of [...reasons, "Foreign", "committed"]) assert.isAbove(seen.get(reason) ?? 0, 5, reason)
    })
  )
})

/** Random commits against one space; after each refusal the whole space is, byte for byte, as it was before. */
const commitAtRandom = Effect.fnUntraced(function* (seed: number, commits: number, seen: Map<string, number>) {
  const hub = new Hub()
  const space = new Space(hub)
  const random = new Trouble(seed)
  let told = 0
  yield* hub.subscribe(tag, () => void told++)
  for (let n = 0; n < commits; n++) {
    const commit = randomCommit(random, n)
    const [before, toldBefore] = [serialize(space.save()), told]
    const answer = space.commit(commit)
    const isRefused = answer instanceof CommitRefused
    const kind = isRefused ? answer.reason : "committed"
    seen.set(kind, (seen.get(kind) ?? 0) + 1)
    if (!isRefused) continue
    assert.isTrue(before.equals(serialize(space.save())), `${random}, commit ${n}: a trace of ${kind}`)
    assert.strictEqual(told, toldBefore)
  }
})

const pick = <A>(random: Trouble, ...all: readonly [A, ...ReadonlyArray<A>]): A =>
  all[random.below(all.length)] ?? all[0]

const randomCommit = (random: Trouble, near: number): Commit =>
  commitOf(random.chance(0.02) ? "no tag" : tag, {
    generation: { era: 1, n: random.chance(0.03) ? 0 : 1 },
    found: random.chance(0.9),
    guard: randomGuard(random, near),
    reads: random.chance(0.2) ? [{ key: keyOf(random), version: random.below(3) }] : [],
    changes: Array.from({ length: random.below(5) }, () => randomChange(random, near)),
    tell: [{ channel: tag, bytes: new Uint8Array(1) }]
  })

const keyOf = (random: Trouble): string => `member/${1 + random.below(4)}`

const ownerOf = (random: Trouble): Owner => {
  const [runner, node] = [pick(random, "r1", "r2"), random.below(3)]
  return { incarnation: `${runner}-${node}`, runner, epoch: { era: 1, node }, connection: random.below(3) }
}

function randomGuard(random: Trouble, near: number): Guard {
  const by = ownerOf(random)
  switch (random.below(5)) {
    case 0: {
      const offset = near - random.below(3)
      const source = { topic: "t", partition: 0, offset: near - random.below(9), index: 0 }
      const first = outcome(record(offset), "s", offset)
      return applied(random.chance(0.5) ? { ...first, source } : first, record(offset + random.below(4)))
    }
    case 1:
      return { _tag: "Owned", key: keyOf(random), by }
    case 2:
      return { _tag: "Takeover", key: keyOf(random), by }
    case 3:
      return { _tag: "Create", by }
    default:
      return { _tag: "Compared" }
  }
}

function randomChange(random: Trouble, near: number): Change {
  const owner = ownerOf(random)
  const key = keyOf(random)
  const value = new Uint8Array(random.chance(0.01) ? valueBytesMax + 1 : 1)
  switch (random.below(9)) {
    case 0:
    case 1:
      return { _tag: "Put", key, value, owner, dueMs: random.below(9) }
    case 2:
      return { _tag: "PutNext", counter: "member", prefix: "next/", value, owner }
    case 3:
      return { _tag: "Delete", key }
    case 4:
      return count("n", random.below(5) - 2, 3)
    case 5:
      return { ...append("s", near + random.below(3), value), countMax: 3 }
    case 6:
      return { _tag: "Forget", session: "s" }
    case 7:
      return random.chance(0.9) ? put(key) : { _tag: "Fence", runner: "r1", epoch: { era: 1, node: random.below(2) } }
    default:
      return { _tag: "Place", member: random.below(4), xCm: 1, yCm: 1 }
  }
}

describe("bounds", () => {
  it("remembers 20,000 sessions of a tag; the one decided for longest ago goes", () => {
    const space = new Space(new Hub())
    const decide = (session: string, at: number) =>
      space.commit(commitOf(tag, { guard: applied(outcome(record(at), session, 1)) }))
    const recall = (...sessions: ReadonlyArray<string>) =>
      space
        .read({ tag, keys: [], outcomes: sessions.map((session) => ({ session, id: 1 })) })
        .remembered.map(({ _tag }) => _tag)
    for (let at = 0; at < outcomeSessionsMax; at++) decide(`s${at}`, at)
    assert.deepStrictEqual(recall("s0", "s1", "s19999"), ["Decided", "Decided", "Decided"])
    decide("s0", outcomeSessionsMax) // decided for again: now s1 is the oldest
    decide("one more", outcomeSessionsMax + 1)
    assert.deepStrictEqual(recall("s0", "s1", "s2", "one more"), ["Decided", "Fresh", "Decided", "Decided"])
  })

  it("knows the last 1,000 tokens of a tag", () => {
    const space = new Space(new Hub())
    const first = commitOf(tag, { changes: [count("n", 1)] })
    const n = () => space.read({ tag, keys: [] }).counters.get("n")
    space.commit(first)
    for (let at = 1; at < tokensMax; at++) space.commit(commitOf(tag, {}))
    space.commit(first)
    assert.strictEqual(n(), 1)
    space.commit(commitOf(tag, {}))
    space.commit(first)
    assert.strictEqual(n(), 2, "past the bound it is a commit like another")
  })
})

describe("what may befall a space", () => {
  it.live("is rewound to what was saved, or emptied, and says so", () =>
    Effect.gen(function* () {
      const space = new Space(new Hub())
      let ready = 0
      yield* space.onReady(() => void ready++)
      space.writeMarker({ era: 1, n: 1 })
      space.commit(commitOf(tag, { changes: [put("a")] }))
      const saved = space.save()
      space.commit(commitOf(tag, { changes: [put("b")] }))
      space.rewind(saved)
      assert.deepStrictEqual([...space.read({ tag, keys: ["a", "b"] }).entries.keys()], ["a"])
      space.commit(commitOf(tag, { changes: [put("c")] }))
      space.rewind(saved) // what was saved is not what is written since
      assert.deepStrictEqual([...space.read({ tag, keys: ["a", "c"] }).entries.keys()], ["a"])
      space.flush()
      assert.isUndefined(space.readMarker())
      assert.isUndefined(space.read({ tag, keys: [] }).generation)
      assert.strictEqual(ready, 3)
    })
  )
})
