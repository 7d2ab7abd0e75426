/**
 * What every SharedSpace keeps, whatever keeps it. Needs one layer that gives a RunnerLink too, since what is written is
 * told through it. Each test writes into tags of its own; only the marker's is about the whole space.
 */
import { assert, layer as over } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { RunnerLink } from "../../src/link/RunnerLink.ts"
import { type Change, changesMax, outcomesMax, SharedSpace, valueBytesMax } from "../../src/space/SharedSpace.ts"
import { unique, until } from "./Eventually.ts"
import {
  append,
  applied,
  bytes,
  type Cases,
  channel,
  commitOf,
  count,
  fact,
  generation,
  outcome,
  put,
  record,
  refusedAs
} from "./SharedSpaceCommits.ts"
import { empty, type Pass } from "./SharedSpaceEmpty.ts"
import { presence } from "./SharedSpacePresence.ts"
import { streams } from "./SharedSpaceStreams.ts"

export interface Harness {
  /** Cuts the connection and lets it come back. */
  readonly reconnect?: Effect.Effect<void, never, SharedSpace>
  /** Lets time pass for what it keeps for a while. */
  readonly pass?: Pass
}

export function suite<E>(name: string, layer: Layer.Layer<SharedSpace | RunnerLink, E>, harness: Harness = {}): void {
  over(layer, { timeout: 30_000, excludeTestServices: true })(`SharedSpace over ${name}`, (it) => {
    const { reconnect, pass } = harness
    const all = { ...log, ...outcomes, ...values, ...streams, ...presence, ...(pass && empty(pass)) }
    for (const [title, test] of Object.entries(all)) it.effect(title, () => test, 30_000)
    if (reconnect === undefined) return
    it.effect("says so when it is connected again", () => resync(reconnect), 30_000)
  })
}

// --- The log: rules L3, L4, L12 ---

const appliedTwice = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  yield* space.commit(commitOf(tag, { guard: applied(record(4)), changes: [count("n", 1)] }))
  for (const offset of [4, 3, 0]) {
    const refused = yield* refusedAs(
      "Applied",
      commitOf(tag, { guard: applied(record(offset)), changes: [count("n", 1)] })
    )
    assert.strictEqual(refused.applied, 4)
  }
  const state = yield* space.read({ tag, keys: [] })
  assert.strictEqual(state.applied, 4)
  assert.strictEqual(state.counters.get("n"), 1)
})

const gap = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  yield* space.commit(commitOf(tag, { guard: applied(record(0)) }))
  yield* space.commit(commitOf(tag, { guard: applied(record(7), record(19)) }))
  assert.strictEqual((yield* space.read({ tag, keys: [] })).applied, 19)
})

const outOfOrder = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  yield* refusedAs("Applied", commitOf(tag, { guard: applied(record(2), record(1)), found: true }))
  yield* refusedAs("Applied", commitOf(tag, { guard: applied(record(2), record(2)), found: true }))
  yield* refusedAs("Applied", commitOf(tag, { guard: applied(), found: true }))
  assert.isUndefined((yield* space.read({ tag, keys: [] })).generation)
})

const sourceTwice = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const from = (offset: number, index: number) => ({ topic: "t", partition: 3, offset, index })
  yield* space.commit(commitOf(tag, { guard: applied({ ...record(0), source: from(5, 1) }) }))
  for (const source of [from(5, 1), from(5, 0), from(4, 9)]) {
    yield* refusedAs("Source", commitOf(tag, { guard: applied({ ...record(1), source }) }))
  }
  const twice = [
    { ...record(1), source: from(6, 0) },
    { ...record(2), source: from(6, 0) }
  ]
  yield* refusedAs("Source", commitOf(tag, { guard: applied(...twice) }))
  yield* space.commit(commitOf(tag, { guard: applied({ ...record(1), source: from(5, 2) }) }))
  yield* space.commit(commitOf(tag, { guard: applied({ ...record(2), source: { ...from(0, 0), partition: 4 } }) }))
  const { sources } = yield* space.read({ tag, keys: [] })
  assert.deepStrictEqual(sources.get("t/3"), from(5, 2))
  assert.deepStrictEqual(sources.get("t/4"), { ...from(0, 0), partition: 4 })
})

const missing = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const later = { era: generation.era, n: generation.n + 1 }
  yield* refusedAs("Missing", commitOf(tag, { found: false, changes: [put("k")] }))
  yield* space.commit(commitOf(tag, { changes: [put("k")] }))
  yield* refusedAs("Missing", commitOf(tag, { found: false, generation: later, changes: [put("k")] }))
  yield* space.commit(commitOf(tag, { generation: later, changes: [put("new")] }))
  const state = yield* space.read({ tag, keys: ["k", "new"] })
  assert.deepStrictEqual(state.generation, later)
  assert.deepStrictEqual([...state.entries.keys()], ["new"], "what an older generation left is void (L12)")
  yield* refusedAs("Missing", commitOf(tag, { changes: [put("k")] })) // a caller behind its time founds nothing
})

const timeNeverBack = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  yield* space.commit(commitOf(tag, { guard: applied(record(0, 5_000), record(1, 4_000)) }))
  assert.strictEqual((yield* space.read({ tag, keys: [] })).nowMs, 5_000)
})

const factsWait = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const records = [0, 1, 2].map((offset) => ({ ...record(offset), facts: offset === 1 ? [] : [fact(tag, offset)] }))
  yield* space.commit(commitOf(tag, { guard: applied(...records) }))
  const waiting = Effect.map(space.read({ tag, keys: [] }), ({ factsWaiting }) =>
    factsWaiting.map(({ offset, facts }) => [offset, facts.map(({ record: { body } }) => [...body])])
  )
  assert.deepStrictEqual(yield* waiting, [
    [0, [[0, 255]]],
    [2, [[2, 255]]]
  ])
  yield* space.factsSent(tag, 1)
  assert.deepStrictEqual(yield* waiting, [[2, [[2, 255]]]])
  yield* space.factsSent(tag, 2)
  assert.deepStrictEqual(yield* waiting, [])
})

const log: Cases = {
  "applied twice changes nothing": appliedTwice,
  "a gap in the offsets is none": gap,
  "out of order within a commit is refused": outOfOrder,
  "a source is taken in once": sourceTwice,
  "a missing tag, or one of another generation, is refused": missing,
  "now never runs back": timeNeverBack,
  "facts wait until they are sent": factsWait
}

// --- Outcomes: rule L6 ---

const sixtyFour = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const ids = Array.from({ length: outcomesMax }, (_, at) => 10 + at * 2)
  yield* space.commit(commitOf(tag, { guard: applied(...ids.map((id, at) => outcome(record(at), "s", id))) }))
  const recall = (...asked: ReadonlyArray<number>) =>
    Effect.map(space.read({ tag, keys: [], outcomes: asked.map((id) => ({ session: "s", id })) }), ({ remembered }) =>
      remembered.map(({ _tag }) => _tag)
    )
  assert.deepStrictEqual(yield* recall(10, 11, 9, 136, 138), ["Decided", "Fresh", "Stale", "Decided", "Fresh"])
  // One more: the lowest goes, whatever the order they were decided in.
  yield* space.commit(commitOf(tag, { guard: applied(outcome(record(100), "s", 11)) }))
  assert.deepStrictEqual(yield* recall(10, 11, 12), ["Stale", "Decided", "Decided"])
  const state = yield* space.read({
    tag,
    keys: [],
    outcomes: [
      { session: "s", id: 136 },
      { session: "none", id: 1 }
    ]
  })
  assert.deepStrictEqual([...state.lastIds], [["s", 136]])
  assert.deepStrictEqual(state.remembered, [
    { _tag: "Decided", bodyHash: bytes(136, 1), answer: bytes(136, 2) },
    { _tag: "Fresh" }
  ])
})

const aSetNotAMark = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  yield* space.commit(commitOf(tag, { guard: applied(outcome(record(0), "s", 9)) }))
  const [remembered] = (yield* space.read({ tag, keys: [], outcomes: [{ session: "s", id: 3 }] })).remembered
  assert.strictEqual(remembered?._tag, "Fresh", "3 may have been refused before the log")
})

const forgotten = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  yield* space.commit(commitOf(tag, { guard: applied(outcome(record(0), "s", 1), outcome(record(1), "other", 1)) }))
  yield* space.commit(commitOf(tag, { changes: [{ _tag: "Forget", session: "s" }] }))
  const asked = ["s", "other"].map((session) => ({ session, id: 1 }))
  const { remembered } = yield* space.read({ tag, keys: [], outcomes: asked })
  assert.deepStrictEqual(
    remembered.map(({ _tag }) => _tag),
    ["Fresh", "Decided"]
  )
})

const expiry = (tag: string, after: string) =>
  Effect.gen(function* () {
    const space = yield* SharedSpace
    const recall = Effect.map(
      space.read({ tag, keys: [], outcomes: [{ session: "s", id: 1 }] }),
      ({ remembered }) => remembered[0]?._tag
    )
    yield* space.commit(commitOf(tag, { guard: applied(outcome(record(0, 1_000), "s", 1)) }))
    yield* space.commit(commitOf(tag, { guard: applied(record(1, 601_000)) }))
    assert.strictEqual(yield* recall, "Decided", "ten minutes to the millisecond")
    yield* space.commit(commitOf(tag, { guard: applied(record(2, 601_001)) }))
    assert.strictEqual(yield* recall, after)
  })

const outcomes: Cases = {
  "remembers the last 64 of a session, and says Stale below them": sixtyFour,
  "remembers a set, not a high-water mark": aSetNotAMark,
  "forgets a session when told to": forgotten,
  "expiry: outside channels ten minutes of record time": Effect.suspend(() => expiry(unique("guest"), "Fresh")),
  "no expiry in a channel: until the session ends": Effect.suspend(() => expiry(channel(), "Decided"))
}

// --- Values, counters, versions ---

const bytesSurvive = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const value = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  const key = "an odd key: \u0000 {other}:x 열쇠"
  yield* space.commit(commitOf(tag, { changes: [{ ...put(key), value }, append("s", 1, value)] }))
  assert.deepStrictEqual([...((yield* space.read({ tag, keys: [key] })).entries.get(key)?.value ?? [])], [...value])
  const { entries } = yield* space.history(tag, "s", 0, 9)
  assert.deepStrictEqual(
    entries.map((entry) => [...entry.value]),
    [[...value]]
  )
})

const buffersAreFree = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const value = Buffer.from([1, 2, 3])
  const commit = commitOf(tag, { changes: [{ ...put("k"), value }, append("s", 1, value)] })
  yield* space.commit(commit)
  value.fill(9)
  const read = Effect.gen(function* () {
    const kept = (yield* space.read({ tag, keys: ["k"] })).entries.get("k")?.value
    const line = (yield* space.history(tag, "s", 0, 1)).entries[0]?.value
    return [kept, line]
  })
  for (const got of yield* read) got?.fill(7)
  assert.deepStrictEqual(
    (yield* read).map((got) => [...(got ?? [])]),
    [
      [1, 2, 3],
      [1, 2, 3]
    ]
  )
})

const versions = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const write = (...changes: ReadonlyArray<Change>) => space.commit(commitOf(tag, { changes }))
  assert.deepStrictEqual((yield* write(put("a"), put("b"), put("a"))).versions, [1, 2, 2])
  assert.deepStrictEqual((yield* write(put("a"), put("c"))).versions, [3, 4])
  yield* write({ _tag: "Delete", key: "a" })
  assert.deepStrictEqual((yield* write(put("a"))).versions, [5], "a version never names two values")
  yield* write({ _tag: "Delete", key: "a" }, { _tag: "Delete", key: "none" })
  assert.deepStrictEqual(
    (yield* write(put("a"))).versions,
    [7],
    "nor a value and its going, which is told with the next"
  )
})

const conflict = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  yield* space.commit(commitOf(tag, { changes: [put("a")] }))
  const reading = (key: string, version: number) => commitOf(tag, { reads: [{ key, version }], changes: [put("b")] })
  assert.strictEqual((yield* refusedAs("Conflict", reading("a", 0))).key, "a")
  yield* refusedAs("Conflict", reading("a", 2))
  yield* refusedAs("Conflict", reading("absent", 1))
  yield* space.commit(reading("absent", 0))
  yield* space.commit(reading("a", 1))
})

const raised = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const raise = (to: number): Change => ({ _tag: "Raise", counter: "n", below: to, to })
  // Each of them has read that nothing was counted.
  const all = [3, 7, 5].map((to) => space.commit(commitOf(tag, { changes: [raise(to), raise(to)] })))
  yield* Effect.all(all, { concurrency: "unbounded" })
  const next: Change = { _tag: "PutNext", counter: "n", prefix: "next/", value: bytes(1) }
  assert.deepStrictEqual((yield* space.commit(commitOf(tag, { changes: [raise(2), next] }))).numbers, [8])
  const far: Change = { _tag: "Raise", counter: "n", below: 9, to: 90 }
  assert.deepStrictEqual((yield* space.commit(commitOf(tag, { changes: [far, far, next, far] }))).numbers, [91])
})

const counterBounds = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const write = (...changes: ReadonlyArray<Change>) => commitOf(tag, { changes })
  yield* space.commit(write(count("n", 3, 3))) // at its bound
  assert.strictEqual((yield* refusedAs("Full", write(count("n", 1, 3)))).key, "n") // and one past it
  yield* refusedAs("Full", write(count("n", -4, 3)))
  yield* refusedAs("Full", write(count("n", -3, 3), count("n", 4, 3))) // counted on, change by change
  yield* space.commit(write(count("n", -3, 3), count("n", 2, 3)))
  assert.strictEqual((yield* space.read({ tag, keys: [] })).counters.get("n"), 2)
})

const numbersRise = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const next: Change = { _tag: "PutNext", counter: "member", prefix: "member/", value: bytes(1) }
  assert.deepStrictEqual((yield* space.commit(commitOf(tag, { changes: [next, next] }))).numbers, [1, 2])
  yield* space.commit(commitOf(tag, { changes: [{ _tag: "Delete", key: "member/2" }] }))
  const { numbers, versions } = yield* space.commit(commitOf(tag, { changes: [put("x"), next] }))
  assert.deepStrictEqual({ numbers, versions }, { numbers: [3], versions: [4, 5] })
})

const oversize = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const most = new Uint8Array(valueBytesMax)
  const past = new Uint8Array(valueBytesMax + 1)
  yield* refusedAs("Oversize", commitOf(tag, { changes: [{ ...put("k"), value: past }] }))
  yield* refusedAs("Oversize", commitOf(tag, { changes: [append("s", 1, past)] }))
  yield* refusedAs("Oversize", commitOf(tag, { changes: Array.from({ length: changesMax + 1 }, () => count("n", 1)) }))
  assert.isUndefined((yield* space.read({ tag, keys: [] })).generation)
  yield* space.commit(commitOf(tag, { changes: [{ ...put("k"), value: most }] }))
  yield* space.commit(commitOf(tag, { changes: Array.from({ length: changesMax }, () => count("n", 1)) }))
})

const outsideTheTag = Effect.gen(function* () {
  const tag = channel()
  for (const name of ["", "{park}/1", "park/1}", "a b", "park//1", "park/1/2", "공원/1", "x".repeat(129)]) {
    yield* refusedAs("Foreign", commitOf(name, { changes: [put("k")] }))
  }
  yield* refusedAs("Foreign", commitOf(tag, { tell: [{ channel: channel(), bytes: bytes(1) }] }))
})

const byToken = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const next: Change = { _tag: "PutNext", counter: "member", prefix: "member/", value: bytes(1) }
  const commit = commitOf(tag, { guard: applied(record(0)), changes: [next, count("n", 1)] })
  const first = yield* space.commit(commit)
  yield* space.commit(commitOf(tag, { guard: applied(record(1)), changes: [next] }))
  assert.deepStrictEqual(yield* space.commit(commit), first)
  const { counters } = yield* space.read({ tag, keys: [] })
  assert.deepStrictEqual([...counters].sort(), [
    ["member", 2],
    ["n", 1]
  ])
})

const refusedIsNotKept = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const commit = commitOf(tag, { found: false, changes: [count("n", 1)] })
  yield* refusedAs("Missing", commit)
  yield* space.commit(commitOf(tag, { changes: [put("k")] }))
  yield* space.commit(commit) // changed nothing the first time, so this is the first time
})

const values: Cases = {
  "bytes that are not text survive, and keys that are odd": bytesSurvive,
  "leaves buffers to whoever holds them": buffersAreFree,
  "versions never name two values": versions,
  "a version that has changed is a conflict": conflict,
  "a counter at its bound, and one past it": counterBounds,
  "a counter that many raise at once goes on above the highest of them": raised,
  "numbers are never given twice": numbersRise,
  "oversize is refused, the most is not": oversize,
  "a key outside the tag cannot be written": outsideTheTag,
  "a commit repeated by its token answers as the first time": byToken,
  "a refusal is not remembered by its token": refusedIsNotKept
}

const resync = Effect.fnUntraced(function* (reconnect: Effect.Effect<void, never, SharedSpace>) {
  const space = yield* SharedSpace
  let ready = 0
  yield* space.onReady(() => void ready++)
  yield* reconnect
  yield* until("ready", () => ready > 0)
  yield* space.commit(commitOf(channel(), { changes: [put("k")] }))
})
