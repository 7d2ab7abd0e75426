/** The part of SharedSpace's contract that is about presence: owners, fences, positions, deadlines (rules P3, P8, P10). */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  type Change,
  fencesMax,
  type Guard,
  type Owner,
  type Positions,
  SharedSpace,
  type Tag
} from "../../src/space/SharedSpace.ts"
import {
  append,
  bytes,
  type Cases,
  channel,
  commitOf,
  count,
  generation,
  put,
  refusedAs
} from "./SharedSpaceCommits.ts"

const owner = (runner: string, node: number, connection: number): Owner => ({
  incarnation: `${runner}-${node}`,
  runner,
  epoch: { era: 1, node },
  connection
})

const member = "member/1"
const owned = (by: Owner): Guard => ({ _tag: "Owned", key: member, by })
const takeover = (by: Owner): Guard => ({ _tag: "Takeover", key: member, by })
const putOwned = (by: Owner | undefined, key = member): Change => ({ ...put(key), owner: by })

/** A channel with a member that belongs to `by`. */
const channelOf = Effect.fnUntraced(function* (by: Owner | undefined) {
  const tag = channel()
  yield* (yield* SharedSpace).commit(commitOf(tag, { changes: [putOwned(by)] }))
  return tag
})

const ownerOnly = Effect.gen(function* () {
  const space = yield* SharedSpace
  const mine = owner("r1", 5, 3)
  const tag = yield* channelOf(mine)
  const others = [
    owner("r1", 5, 2),
    owner("r1", 5, 4),
    owner("r1", 6, 3),
    owner("r2", 5, 3),
    { ...mine, incarnation: "r1-other" },
    { ...mine, epoch: { era: 2, node: 5 } }
  ]
  for (const by of others) {
    assert.strictEqual(
      (yield* refusedAs("NotOwner", commitOf(tag, { guard: owned(by), changes: [put("x")] }))).key,
      member
    )
  }
  yield* space.commit(commitOf(tag, { guard: owned(mine), changes: [putOwned(mine)] }))
  yield* space.commit(commitOf(tag, { changes: [{ _tag: "Delete", key: member }] }))
  yield* refusedAs("NotOwner", commitOf(tag, { guard: owned(mine) }))
})

/** Rule P3, row by row: whose the member is, who wants it, and whether it may have it. */
const takeovers: ReadonlyArray<readonly [what: string, was: Owner | undefined, by: Owner, may: boolean]> = [
  ["higher connection, the same incarnation", owner("r1", 5, 3), owner("r1", 5, 4), true],
  ["higher connection, another runner", owner("r1", 5, 3), owner("r2", 2, 4), true],
  ["higher connection, an older incarnation", owner("r1", 5, 3), owner("r1", 4, 4), true],
  ["the same connection, its own", owner("r1", 5, 3), owner("r1", 5, 3), true],
  ["the same connection, newer incarnation of the runner", owner("r1", 5, 3), owner("r1", 6, 3), true],
  ["the same connection, newer era", owner("r1", 5, 3), { ...owner("r1", 1, 3), epoch: { era: 2, node: 1 } }, true],
  ["the same connection, older incarnation of the runner", owner("r1", 5, 3), owner("r1", 4, 3), false],
  ["the same connection, newer epoch of another runner", owner("r1", 5, 3), owner("r2", 9, 3), false],
  ["lower connection, the same incarnation", owner("r1", 5, 3), owner("r1", 5, 2), false],
  ["lower connection, newer incarnation of the runner", owner("r1", 5, 3), owner("r1", 9, 2), false],
  ["lower connection, another runner", owner("r1", 5, 3), owner("r2", 9, 2), false],
  ["nobody's", undefined, owner("r1", 5, 3), false]
]

const takeoverTable = Effect.gen(function* () {
  const space = yield* SharedSpace
  for (const [what, was, by, may] of takeovers) {
    const tag = yield* channelOf(was)
    const commit = commitOf(tag, { guard: takeover(by), changes: [putOwned(by)] })
    if (may) yield* space.commit(commit)
    else yield* refusedAs("NotOwner", commit)
    const kept = (yield* space.read({ tag, keys: [member] })).entries.get(member)?.owner
    assert.deepStrictEqual(kept, may ? by : was, what)
  }
})

const takeoverOfNothing = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const by = owner("r1", 5, 3)
  yield* space.commit(commitOf(tag, { changes: [put("x")] }))
  yield* refusedAs("NotOwner", commitOf(tag, { guard: takeover(by), changes: [putOwned(by)] }))
})

const fenced = Effect.gen(function* () {
  const space = yield* SharedSpace
  const mine = owner("r1", 5, 3)
  const tag = yield* channelOf(mine)
  const fence = (node: number): Change => ({ _tag: "Fence", runner: "r1", epoch: { era: 1, node } })
  yield* space.commit(commitOf(tag, { changes: [fence(5)] }))
  yield* space.commit(commitOf(tag, { guard: owned(mine) })) // not below the fence
  yield* space.commit(commitOf(tag, { changes: [fence(6), fence(2)] })) // never lowered
  const create: Guard = { _tag: "Create", by: mine }
  yield* refusedAs("Fenced", commitOf(tag, { guard: owned(mine) }))
  yield* refusedAs("Fenced", commitOf(tag, { guard: takeover({ ...mine, connection: 9 }) }))
  yield* refusedAs("Fenced", commitOf(tag, { guard: create, changes: [putOwned(mine, "member/2")] }))
  const place = { tag, generation, by: mine, member: [1], xCm: [1], yCm: [1] }
  assert.strictEqual((yield* Effect.flip(space.writePositions(place)))._tag, "CommitRefused")
  const newer = owner("r1", 6, 3)
  yield* space.commit(commitOf(tag, { guard: takeover(newer), changes: [putOwned(newer)] }))
  const other = owner("r2", 1, 1)
  yield* space.commit(commitOf(tag, { guard: { _tag: "Create", by: other }, changes: [putOwned(other, "member/2")] }))
})

const fencedClaims = Effect.gen(function* () {
  const space = yield* SharedSpace
  const mine = owner("r1", 5, 3)
  const tag = yield* channelOf(undefined)
  const by = (by: Owner | undefined): Guard => ({ _tag: "Compared", by })
  yield* space.commit(commitOf(tag, { guard: by(mine) }))
  yield* space.commit(commitOf(tag, { changes: [{ _tag: "Fence", runner: "r1", epoch: { era: 1, node: 6 } }] }))
  yield* refusedAs("Fenced", commitOf(tag, { guard: by({ ...mine, connection: 9 }) }))
  for (const another of [undefined, owner("r1", 6, 1), owner("r2", 1, 1)]) {
    yield* space.commit(commitOf(tag, { guard: by(another) }))
  }
})

const readOfAnother = Effect.gen(function* () {
  const space = yield* SharedSpace
  const [mine, theirs] = [owner("r1", 5, 3), owner("r2", 2, 4)]
  const tag = yield* channelOf(theirs)
  const version = (yield* space.read({ tag, keys: [member] })).entries.get(member)?.version ?? 0
  const over = (read: Owner) =>
    commitOf(tag, { reads: [{ key: member, version, owner: read }], changes: [putOwned(owner("r1", 5, 5))] })
  yield* refusedAs("Conflict", over(mine))
  yield* refusedAs("Conflict", over({ ...theirs, connection: 5 }))
  yield* space.commit(over(theirs))
})

const removed = Effect.gen(function* () {
  const space = yield* SharedSpace
  const mine = owner("r1", 5, 3)
  const tag = yield* channelOf(mine)
  const line = append("s", 4)
  const fence: Change = { _tag: "Fence", runner: "r1", epoch: { era: 1, node: 6 } }
  yield* space.commit(commitOf(tag, { changes: [{ ...put("soon"), dueMs: 10 }, count("members", 1), line, fence] }))
  const remove = commitOf(tag, { found: false, changes: [put("late"), append("t", 1), { _tag: "RemoveTag" }] })
  yield* space.commit(remove)
  const { generation: left, entries, counters, heads } = yield* space.read({ tag, keys: [member, "soon", "late"] })
  assert.deepStrictEqual([left, entries.size, counters.size, heads.size], [undefined, 0, 0, 0])
  assert.deepStrictEqual(yield* space.due([tag], 99, 9), new Map())
  assert.deepStrictEqual((yield* space.history(tag, "s", 0, 9)).entries, [])
  assert.deepStrictEqual((yield* space.history(tag, "t", 0, 9)).entries, [])
  // Repeated it finds nothing; founded again it is new, and knows no fence.
  yield* refusedAs("Missing", remove)
  const begun = yield* space.commit(commitOf(tag, { guard: { _tag: "Create", by: mine }, changes: [putOwned(mine)] }))
  assert.deepStrictEqual(begun.versions, [1])
})

const createsOnce = Effect.gen(function* () {
  const space = yield* SharedSpace
  const by = owner("r1", 5, 3)
  const tag = channel()
  const create: Guard = { _tag: "Create", by }
  const next: Change = { _tag: "PutNext", counter: "member", prefix: "member/", value: bytes(1), owner: by }
  const { numbers } = yield* space.commit(commitOf(tag, { guard: create, changes: [next, count("members", 1, 1)] }))
  assert.deepStrictEqual(numbers, [1])
  assert.strictEqual(
    (yield* refusedAs("Exists", commitOf(tag, { guard: create, changes: [putOwned(by)] }))).key,
    member
  )
  yield* refusedAs("Full", commitOf(tag, { guard: create, changes: [next, count("members", 1, 1)] }))
  assert.strictEqual((yield* space.read({ tag, keys: [] })).counters.get("member"), 1)
})

const placesOf = Effect.fnUntraced(function* (tag: Tag) {
  return [...(yield* (yield* SharedSpace).snapshot(tag, "member/", "s")).positions]
})

const positions = Effect.gen(function* () {
  const space = yield* SharedSpace
  const mine = owner("r1", 5, 3)
  const tag = yield* channelOf(mine)
  yield* space.commit(commitOf(tag, { changes: [putOwned(owner("r2", 6, 1), "member/2")] }))
  const written: Positions = { tag, generation, by: mine, member: [1, 2, 3], xCm: [10, 20, 30], yCm: [11, 21, 31] }
  assert.strictEqual(yield* space.writePositions(written), 1) // 2 is another's, 3 is nobody
  assert.deepStrictEqual(yield* placesOf(tag), [[1, { xCm: 10, yCm: 11 }]])
  const { entries } = yield* space.read({ tag, keys: [member, "member/3"] })
  assert.deepStrictEqual(
    [...entries].map(([key, { version }]) => [key, version]),
    [[member, 1]]
  )
  const missing = yield* Effect.flip(space.writePositions({ ...written, generation: { era: 1, n: 9 } }))
  assert.strictEqual(missing._tag === "CommitRefused" ? missing.reason : missing._tag, "Missing")
  yield* space.commit(commitOf(tag, { changes: [{ _tag: "Place", member: 2, xCm: 0, yCm: 5 }] }))
  yield* space.commit(commitOf(tag, { changes: [{ _tag: "Place", member: 9, xCm: 1, yCm: 1 }] }))
  assert.strictEqual((yield* placesOf(tag)).length, 2)
  yield* space.commit(commitOf(tag, { changes: [{ _tag: "Delete", key: member }] }))
  assert.deepStrictEqual(yield* placesOf(tag), [[2, { xCm: 0, yCm: 5 }]])
})

const due = Effect.gen(function* () {
  const space = yield* SharedSpace
  const [tag, other] = [channel(), channel()]
  const at = (key: string, dueMs: number | undefined): Change => ({ ...put(key), dueMs })
  const due = (nowMs: number, limit: number) => space.due([channel(), tag, other], nowMs, limit)
  yield* space.commit(
    commitOf(tag, { changes: [at("late", 30), at("soon", 10), at("mid", 20), at("never", undefined)] })
  )
  assert.deepStrictEqual(yield* due(20, 9), new Map([[tag, ["soon", "mid"]]]))
  assert.deepStrictEqual(yield* due(99, 2), new Map([[tag, ["soon", "mid"]]]))
  assert.deepStrictEqual(yield* due(9, 9), new Map())
  yield* space.commit(commitOf(other, { changes: [at("other", 15)] }))
  yield* space.commit(commitOf(tag, { changes: [at("soon", undefined), { _tag: "Delete", key: "mid" }] }))
  assert.deepStrictEqual(
    [...(yield* due(99, 9))],
    [
      [tag, ["late"]],
      [other, ["other"]]
    ]
  )
  assert.deepStrictEqual(yield* space.due([], 99, 9), new Map())
})

const snapshot = Effect.gen(function* () {
  const space = yield* SharedSpace
  const mine = owner("r1", 5, 3)
  const tag = yield* channelOf(mine)
  const line: Change = {
    _tag: "Append",
    stream: "s",
    class: "a",
    seq: 4,
    timeMs: 1,
    value: bytes(9),
    countMax: 1,
    ageMsMax: 0
  }
  yield* space.commit(commitOf(tag, { changes: [put("other"), count("members", 1), line] }))
  const seen = yield* space.snapshot(tag, "member/", "s")
  assert.deepStrictEqual([...seen.entries.keys()], [member])
  assert.deepStrictEqual(seen.entries.get(member)?.owner, mine)
  assert.deepStrictEqual(seen.counters.get("members"), 1)
  assert.deepStrictEqual(seen.head, { seq: 4, trimmedTo: 0 })
  assert.deepStrictEqual(
    seen.lines.map(({ seq, class: name, value }) => [seq, name, ...value]),
    [[4, "a", 9]]
  )
  assert.isUndefined((yield* space.snapshot(channel(), "member/", "s")).generation)
})

const fencesBounded = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const by = (runner: string): Guard => ({ _tag: "Compared", by: owner(runner, 1, 1) })
  const fence = (at: number, node = 2 + at): Change => ({ _tag: "Fence", runner: `r${at}`, epoch: { era: 1, node } })
  yield* space.commit(commitOf(tag, { changes: Array.from({ length: fencesMax }, (_, at) => fence(at)) }))
  for (const at of [0, 1, fencesMax - 1]) yield* refusedAs("Fenced", commitOf(tag, { guard: by(`r${at}`) }))
  // One more: that of the lowest epoch goes, and not the new one, though its own is lower.
  yield* space.commit(commitOf(tag, { changes: [fence(fencesMax, 2)] }))
  yield* space.commit(commitOf(tag, { guard: by("r0") }))
  for (const at of [1, fencesMax]) yield* refusedAs("Fenced", commitOf(tag, { guard: by(`r${at}`) }))
  // Of one that is known none goes.
  yield* space.commit(commitOf(tag, { changes: [fence(1, 9_999)] }))
  for (const at of [1, 2, fencesMax]) yield* refusedAs("Fenced", commitOf(tag, { guard: by(`r${at}`) }))
})

export const presence: Cases = {
  "not owner: only incarnation and connection of the owner may write": ownerOnly,
  "takeover: every row of P3": takeoverTable,
  "takeover of what does not exist is refused": takeoverOfNothing,
  "fenced: an incarnation below the fence writes nothing": fenced,
  "fenced: nor does it claim, where a comparison names it": fencedClaims,
  "a decision that rests on what another owns conflicts, though it has the same version": readOfAnother,
  "fenced: of more runners than are kept the lowest is forgotten": fencesBounded,
  "a tag that is removed leaves nothing": removed,
  "creates only what did not exist, within its bounds": createsOnce,
  "positions are written by the owner, and never create": positions,
  "what is due, earliest first": due,
  "a snapshot is of one moment": snapshot
}
