/**
 * What becomes of tags that hold nothing any more: a guest who has gone leaves nothing behind. Time is made to pass.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Change, idleKeptMs, SharedSpace, type Tag } from "../../src/space/SharedSpace.ts"
import { unique } from "./Eventually.ts"
import { append, applied, type Cases, channel, commitOf, count, put, record, refusedAs } from "./SharedSpaceCommits.ts"

/** A space of which it seems that so much time has passed. */
export type Pass = (ms: number) => Effect.Effect<void>

const minuteMs = 60_000

const write = (tag: Tag, ...changes: ReadonlyArray<Change>) =>
  Effect.flatMap(SharedSpace, (space) => space.commit(commitOf(tag, { changes })))

const drop = (key: string): Change => ({ _tag: "Delete", key })

const isThere = (tag: Tag) =>
  Effect.map(
    Effect.flatMap(SharedSpace, (space) => space.read({ tag, keys: [] })),
    ({ generation }) => generation !== undefined
  )

/** So long that whatever may go is gone; the memory twin looks when something is written. */
const long = (pass: Pass) =>
  Effect.gen(function* () {
    for (const _ of [1, 2]) {
      yield* pass(idleKeptMs + 1)
      yield* write(unique("other"), put("k"))
    }
  })

const goes = (pass: Pass) =>
  Effect.gen(function* () {
    const tag = unique("guest")
    yield* write(tag, put("session"), count("connection", 7))
    yield* write(tag, drop("session"))
    yield* long(pass)
    assert.isFalse(yield* isThere(tag))
    yield* refusedAs("Missing", commitOf(tag, { found: false, changes: [put("session")] }))
    assert.deepStrictEqual((yield* write(tag, put("session"))).versions, [1], "as if it had never been")
    const { counters } = yield* (yield* SharedSpace).read({ tag, keys: [] })
    assert.deepStrictEqual([...counters], [])
  })

const founded = (pass: Pass) =>
  Effect.gen(function* () {
    const tag = unique("guest")
    yield* write(tag, { _tag: "Fence", runner: "r1", epoch: { era: 1, node: 1 } })
    yield* long(pass)
    assert.isFalse(yield* isThere(tag))
  })

const kept = (pass: Pass) =>
  Effect.gen(function* () {
    const [tag, other] = [unique("guest"), unique("guest")]
    const last = commitOf(tag, { changes: [drop("session"), count("n", 1)] })
    for (const each of [tag, other]) yield* write(each, put("session"), count("n", 1))
    const space = yield* SharedSpace
    const first = yield* space.commit(last)
    yield* write(other, drop("session"))
    yield* pass(idleKeptMs - minuteMs)
    assert.deepStrictEqual(yield* space.commit(last), first, "a repeat is answered as the first time (C1)")
    assert.deepStrictEqual((yield* space.read({ tag, keys: [] })).counters.get("n"), 2)
    // Whatever is written holds it up.
    yield* write(other, count("n", 1))
    yield* pass(idleKeptMs - minuteMs)
    assert.isTrue(yield* isThere(other))
    assert.deepStrictEqual((yield* write(other, put("session"))).versions, [3], "no version names two values")
  })

const taken = (pass: Pass) =>
  Effect.gen(function* () {
    const tag = unique("guest")
    for (const change of [put("session"), drop("session"), count("n", 1), put("session")]) yield* write(tag, change)
    yield* long(pass)
    assert.isTrue(yield* isThere(tag), "it holds a session again")
    yield* write(tag, drop("session"))
    yield* long(pass)
    assert.isFalse(yield* isThere(tag))
  })

const stays = (pass: Pass) =>
  Effect.gen(function* () {
    const space = yield* SharedSpace
    const [entry, stream, asked, park] = [unique("guest"), unique("guest"), unique("guest"), channel()]
    const all = [entry, stream, asked, park]
    for (const tag of all) yield* write(tag, put("session"))
    yield* write(entry, put("other"))
    yield* write(stream, append("mail", 1))
    yield* space.commit(commitOf(asked, { guard: applied(record(0)) }))
    for (const tag of all) yield* write(tag, drop("session"))
    yield* long(pass)
    for (const [at, tag] of all.entries()) assert.isTrue(yield* isThere(tag), ["entry", "stream", "asked", "park"][at])
  })

export const empty = (pass: Pass): Cases => ({
  "a tag that holds nothing is gone when nothing was written for long": goes(pass),
  "a tag that never held anything goes, too": founded(pass),
  "a tag that holds nothing is there for as long as it may be asked for": kept(pass),
  "a tag that held nothing and holds something again stays": taken(pass),
  "a tag with an entry, a stream or something of the log stays, and every channel": stays(pass)
})
