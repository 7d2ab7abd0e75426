/** The part of SharedSpace's contract that is about streams and about who is told (rules C1, C3, C4). */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { RunnerLink } from "../../src/link/RunnerLink.ts"
import { type Change, SharedSpace } from "../../src/space/SharedSpace.ts"
import { until } from "./Eventually.ts"
import {
  append,
  applied,
  bytes,
  type Cases,
  channel,
  commitOf,
  count,
  put,
  record,
  refusedAs,
  text
} from "./SharedSpaceCommits.ts"

// --- Streams: rules C3, C4 ---

const classBounds = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const line = (seq: number, name: string): Change => ({ ...append("s", seq, bytes(seq)), class: name, countMax: 3 })
  yield* space.commit(commitOf(tag, { changes: [1, 2, 3].map((seq) => line(seq, "a")) }))
  yield* space.commit(commitOf(tag, { changes: [4, 5, 6].map((seq) => line(seq, "b")) }))
  const seqs = Effect.map(space.history(tag, "s", 0, 99), ({ head, entries }) => ({
    ...head,
    seqs: entries.map(({ seq }) => seq)
  }))
  assert.deepStrictEqual(yield* seqs, { seq: 6, trimmedTo: 0, seqs: [1, 2, 3, 4, 5, 6] })
  yield* space.commit(commitOf(tag, { changes: [line(9, "a")] }))
  assert.deepStrictEqual(yield* seqs, { seq: 9, trimmedTo: 1, seqs: [2, 3, 4, 5, 6, 9] })
  assert.deepStrictEqual(
    (yield* space.history(tag, "s", 3, 2)).entries.map((entry) => [entry.seq, entry.class]),
    [
      [4, "b"],
      [5, "b"]
    ]
  )
  yield* refusedAs("Applied", commitOf(tag, { changes: [line(9, "a")] }))
})

const ageBound = Effect.gen(function* () {
  const space = yield* SharedSpace
  const tag = channel()
  const line = (seq: number, timeMs: number): Change => ({ ...append("s", seq, bytes(seq)), timeMs, ageMsMax: 60_000 })
  yield* space.commit(commitOf(tag, { changes: [line(1, 1_000), line(2, 1_001), line(3, 61_000)] }))
  assert.strictEqual((yield* space.history(tag, "s", 0, 9)).entries.length, 3)
  yield* space.commit(commitOf(tag, { changes: [line(4, 61_001)] }))
  const { head, entries } = yield* space.history(tag, "s", 0, 9)
  assert.deepStrictEqual([head.trimmedTo, ...entries.map(({ seq }) => seq)], [1, 2, 3, 4])
})

const headsOfMany = Effect.gen(function* () {
  const space = yield* SharedSpace
  const [one, two, none] = [channel(), channel(), channel()]
  yield* space.commit(commitOf(one, { guard: applied(record(4)), changes: [append("s", 5), count("n", 2)] }))
  yield* space.commit(commitOf(two, { changes: [put("k")] }))
  const heads = yield* space.heads([one, two, none])
  assert.deepStrictEqual([...heads.keys()].sort(), [one, two].sort())
  const head = heads.get(one)
  assert.deepStrictEqual(
    [head?.applied, head?.heads.get("s"), head?.counters.get("n")],
    [4, { seq: 5, trimmedTo: 0 }, 2]
  )
  assert.deepStrictEqual((yield* space.history(none, "s", 0, 9)).head, { seq: 0, trimmedTo: 0 })
})

const lines: Cases = {
  "each class has bounds of its own; what is cut moves trimmedTo": classBounds,
  "lines older than the newest allows are cut": ageBound,
  "heads of many tags": headsOfMany
}

// --- Telling: rule C1 ---

const toldOnce = Effect.gen(function* () {
  const space = yield* SharedSpace
  const link = yield* RunnerLink
  const tag = channel()
  const heard: Array<string> = []
  yield* link.subscribe(tag, (frame) => void heard.push(text(frame)))
  const tell = (...words: ReadonlyArray<string>) => words.map((word) => ({ channel: tag, bytes: Buffer.from(word) }))
  const commit = commitOf(tag, { guard: applied(record(0)), changes: [count("n", 1)], tell: tell("one", "two") })
  yield* space.commit(commit)
  yield* space.commit(commit)
  yield* refusedAs("Applied", commitOf(tag, { guard: applied(record(0)), tell: tell("refused") }))
  yield* refusedAs("Full", commitOf(tag, { changes: [count("n", 1, 1)], tell: tell("refused") }))
  yield* space.commit(commitOf(tag, { guard: applied(record(1)), tell: tell("three") }))
  yield* until("the last", () => heard.includes("three"))
  assert.deepStrictEqual(heard, ["one", "two", "three"])
})

const marker = Effect.gen(function* () {
  const space = yield* SharedSpace
  const [first, second, third] = [
    { era: 7, n: 3 },
    { era: 7, n: 4 },
    { era: 8, n: 1 }
  ]
  assert.deepStrictEqual(yield* space.writeMarker(first), first)
  assert.deepStrictEqual(yield* space.writeMarker(second), first, "there is one, which another wrote")
  assert.deepStrictEqual(yield* space.writeMarker(second, third), first, "the one that stands is another")
  assert.deepStrictEqual(yield* space.marker, first)
  assert.deepStrictEqual(yield* space.writeMarker(second, first), second)
  assert.deepStrictEqual(yield* space.marker, second)
})

const told: Cases = {
  "what is written is told, once and in order; what is refused is not": toldOnce,
  "keeps the marker": marker
}

export const streams: Cases = { ...lines, ...told }
