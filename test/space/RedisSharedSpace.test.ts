/**
 * What a real Redis does to the shared space beyond the contract: answers that are lost or late, servers that go and come
 * back empty, slots, numbers near the edge of what Lua can hold, and the bounds of what a tag remembers.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { Redis } from "../../src/link/Redis.ts"
import { RunnerLink } from "../../src/link/RunnerLink.ts"
import {
  type Commit,
  idleKeptMs,
  outcomeSessionsMax,
  outcomesMax,
  SharedSpace,
  type SpaceError,
  type Tag,
  tokensMax
} from "../../src/space/SharedSpace.ts"
import { unique, until } from "../contract/Eventually.ts"
import {
  applied,
  bytes,
  channel,
  commitOf,
  count,
  generation,
  outcome,
  put,
  record,
  text
} from "../contract/SharedSpaceCommits.ts"
import { cutter } from "../services/Cutter.ts"
import { layerOf, operator } from "../services/RedisOperator.ts"
import { freezable, ownServices, withServices } from "../services/Services.ts"

await withServices("SharedSpace over Redis", ["redis"], ({ redis }) => {
  it.live("an answer lost with its connection: repeated, the commit answers as the first time, told once", () =>
    answerLost(redis)
  )
  it.live("an answer too late: repeated, the commit answers as the first time, told once", () => answerLate)
  it.live("a Redis that was killed and came back empty: nothing waits, all are told, the marker is gone", () => emptied)
  it.live("says what is wrong where there is no Redis", () => nowhere)
  it.live("a frozen Redis: commands fail within a second; when it wakes everything goes on", () => frozen)
  it.live(
    "a Redis that has become a replica, and keeps its connections, is left for whoever has its name now",
    () => demoted
  )
  it.live("a password in the URL is used, and one that is wrong is said", () => password)
  it.live("a prefix holds apart what others keep in the same Redis", () => prefixes(redis))
  it.live("numbers up to 2^53 survive", () => largeNumbers.pipe(over(redis)))
  it.live(
    "remembers 20,000 sessions of a tag; the one decided for longest ago goes",
    () => sessions.pipe(over(redis)),
    60_000
  )
  it.live("an outcome that is forgotten leaves nothing behind, and one decided twice counts once", () =>
    outcomesLeft(redis)
  )
  it.live("a tag that is to go is none for release 0.1.0, and what that writes there does not go", () =>
    emptied010(redis)
  )
  it.live("knows the last 1,000 tokens of a tag, and forgets them when it is idle", () => tokens(redis), 60_000)
})

await withServices("Slots of a Redis Cluster", ["redis-cluster"], (urls) => {
  it.live("a script of ours that touches a key of another tag is refused; a plain one would pass", () =>
    otherTag(urls["redis-cluster"])
  )
  it.live("a script that breaks off is a defect: asking again would not help", () => broken(urls["redis-cluster"]))
  it.live("founds a tag of an older generation anew, with the keys of its streams", () =>
    foundedAnew(urls["redis-cluster"])
  )
})

const over = (url: string) => Effect.provide(layerOf(url, `${unique("redis")}:`))

// --- Answers that do not come ---

/** Commits what happens visibly, while `meanwhile` goes on; then again until it is answered. It was told once. */
const toldOnce = Effect.fnUntraced(function* (before: (commit: Commit) => Effect.Effect<unknown>) {
  const [space, link, tag] = [yield* SharedSpace, yield* RunnerLink, channel()]
  const heard: Array<string> = []
  yield* link.subscribe(tag, (frame) => void heard.push(text(frame)))
  const commit = commitOf(tag, {
    token: unique("token"),
    guard: applied(record(0)),
    changes: [count("n", 1), { _tag: "PutNext", counter: "member", prefix: "member/", value: bytes(1) }],
    tell: [{ channel: tag, bytes: Buffer.from("once") }]
  })
  yield* before(commit)
  const lost = yield* Effect.flip(space.commit(commit))
  assert.strictEqual(lost._tag, "SpaceError")
  const until5s = { schedule: Schedule.spaced("20 millis"), times: 250 }
  const again = Effect.retry(space.commit(commit), { while: (error) => error._tag === "SpaceError", ...until5s })
  assert.deepStrictEqual(yield* again, { numbers: [1], versions: [1] })
  assert.strictEqual((yield* space.read({ tag, keys: [] })).counters.get("n"), 1)
  yield* link.publish(tag, Buffer.from("last"))
  yield* until("the last frame", () => heard.includes("last"))
  assert.deepStrictEqual(heard.slice(-2), ["once", "last"])
})

const answerLost = Effect.fnUntraced(function* (redis: string) {
  const wire = yield* cutter(redis)
  const lose = ({ token }: Commit) => Effect.sync(() => wire.cutAnswerTo(token))
  yield* toldOnce(lose).pipe(over(wire.url))
  assert.strictEqual(wire.cuts(), 1)
}, Effect.scoped)

/** A Redis of its own: others would be paused with it. */
const answerLate = Effect.gen(function* () {
  const { urls } = yield* ownServices("redis")
  const client = yield* operator(urls.redis)
  // Longer than a command may take; then what waited is carried out, the repeat after it.
  const pause = () => Effect.promise(() => client.client("PAUSE", 1_400, "ALL"))
  yield* toldOnce(pause).pipe(over(urls.redis))
}).pipe(Effect.scoped)

const emptied = Effect.gen(function* () {
  const { set, urls } = yield* ownServices("redis")
  const pid = (yield* Effect.promise(() => set.pid("redis"))) ?? 0
  yield* Effect.gen(function* () {
    const [space, link, tag] = [yield* SharedSpace, yield* RunnerLink, channel()]
    const ready = { space: 0, link: 0 }
    const heard: Array<string> = []
    yield* space.onReady(() => void ready.space++)
    yield* link.onReady(() => void ready.link++)
    yield* link.subscribe(tag, (frame) => void heard.push(text(frame)))
    yield* space.writeMarker(generation)
    process.kill(pid, "SIGKILL")
    const away = yield* Effect.flip(Effect.forever(space.marker))
    assert.match(String(away.cause), /Redis is away/)
    yield* Effect.promise(() => set.restart("redis"))
    yield* until("both are ready", () => ready.space > 0 && ready.link > 0)
    assert.isUndefined(yield* space.marker)
    yield* space.commit(commitOf(tag, { changes: [put("k")], tell: [{ channel: tag, bytes: Buffer.from("heard") }] }))
    yield* until("a frame", () => heard.length > 0)
  }).pipe(over(urls.redis))
}).pipe(Effect.scoped)

const nowhere = Effect.gen(function* () {
  const open = (url: string, prefix: string) =>
    Effect.flip(Effect.scoped(Layer.build(Redis.layer({ url: Redacted.make(url), prefix }))))
  assert.match(String((yield* open("redis://127.0.0.1:1", "p:")).cause), /Redis is away: .*ECONNREFUSED/)
  assert.match(String((yield* open("redis://127.0.0.1:1", "{p}:")).cause), /cannot begin a key/)
})

/** Nothing closes the connection of a frozen server: it must be given up for its silence, the subscriber's too. */
const frozen = Effect.gen(function* () {
  const { url, freeze, thaw } = yield* freezable("redis")
  yield* Effect.gen(function* () {
    const [space, link] = [yield* SharedSpace, yield* RunnerLink]
    let ready = 0
    yield* link.onReady(() => void ready++)
    yield* freeze
    const begun = Date.now()
    const late = yield* Effect.flip(space.marker)
    assert.match(String(late.cause), /timed out/)
    assert.isBelow(Date.now() - begun, 2_000)
    const away = yield* Effect.flip(Effect.forever(Effect.catchIf(space.marker, isLate, () => Effect.void)))
    assert.match(String(away.cause), /Redis is away/)
    yield* thaw
    yield* until("the link is ready", () => ready > 0)
    assert.isUndefined(yield* space.marker)
  }).pipe(over(url))
}).pipe(Effect.scoped)

const demoted = Effect.gen(function* () {
  const [before, after] = [yield* ownServices("redis"), yield* ownServices("redis")]
  const client = yield* operator(before.urls.redis)
  yield* Effect.gen(function* () {
    const [space, tag] = [yield* SharedSpace, channel()]
    let ready = 0
    yield* space.onReady(() => void ready++)
    yield* space.commit(commitOf(tag, { changes: [put("k")] }))
    const { hostname, port } = new URL(after.urls.redis)
    yield* Effect.promise(() => client.replicaof(hostname, Number(port)))
    const refused = yield* Effect.flip(space.commit(commitOf(tag, { changes: [put("k")] })))
    assert.strictEqual(refused._tag, "SpaceError")
    yield* until("another connection", () => ready > 0)
    // As by a name that leads there: it is asked for anew.
    yield* Effect.promise(() => client.replicaof("NO", "ONE"))
    yield* space.commit(commitOf(channel(), { changes: [put("k")] }))
    assert.strictEqual(ready, 1)
  }).pipe(over(before.urls.redis))
}).pipe(Effect.scoped)

const isLate = (error: SpaceError): boolean => /timed out/.test(String(error.cause))

const password = Effect.gen(function* () {
  const { urls } = yield* ownServices("redis")
  const client = yield* operator(urls.redis)
  yield* Effect.promise(() => client.config("SET", "requirepass", "hush"))
  const withPassword = (word: string) => urls.redis.replace("//", `//:${word}@`)
  assert.isUndefined(yield* Effect.flatMap(SharedSpace, ({ marker }) => marker).pipe(over(withPassword("hush"))))
  const refused = yield* Effect.flip(
    Effect.scoped(Layer.build(Redis.layer({ url: Redacted.make(withPassword("no")), prefix: "" })))
  )
  assert.match(String(refused.cause), /WRONGPASS|invalid/i)
}).pipe(Effect.scoped)

// --- Keys ---

const prefixes = Effect.fnUntraced(function* (redis: string) {
  const tag = channel()
  const write = Effect.flatMap(SharedSpace, (space) => space.commit(commitOf(tag, { changes: [put("k")] })))
  const read = Effect.flatMap(SharedSpace, (space) => space.read({ tag, keys: ["k"] }))
  const [one, other] = [`${unique("one")}:`, `${unique("other")}:`]
  yield* write.pipe(Effect.provide(layerOf(redis, one)))
  assert.strictEqual((yield* read.pipe(Effect.provide(layerOf(redis, one)))).entries.size, 1)
  assert.isUndefined((yield* read.pipe(Effect.provide(layerOf(redis, other)))).generation)
})

/** Rule C1: `#!lua` is what makes the difference, and all our scripts begin so. */
const otherTag = Effect.fnUntraced(function* (cluster: string) {
  const client = yield* operator(cluster)
  const script = `return redis.call("SET", "{park/2}:x", "1")`
  const plain = yield* Effect.promise(() => client.eval(script, 1, "{park/1}:x"))
  assert.strictEqual(plain, "OK")
  const strict = Effect.tryPromise({ try: () => client.eval(`#!lua\n${script}`, 1, "{park/1}:x"), catch: String })
  assert.match(yield* Effect.flip(strict), /same slot/)
}, Effect.scoped)

const broken = Effect.fnUntraced(function* (cluster: string) {
  const [client, prefix, tag] = [yield* operator(cluster), `${unique("broken")}:`, channel()]
  yield* Effect.gen(function* () {
    const space = yield* SharedSpace
    yield* space.commit(commitOf(tag, { changes: [put("k")] }))
    yield* Effect.promise(() => client.set(`${prefix}{${tag}}:entries`, "not a hash"))
    assert.isTrue(Exit.hasDies(yield* Effect.exit(space.commit(commitOf(tag, { changes: [put("k")] })))))
  }).pipe(Effect.provide(layerOf(cluster, prefix)))
}, Effect.scoped)

const foundedAnew = Effect.fnUntraced(function* (cluster: string) {
  const [client, prefix, tag] = [yield* operator(cluster), `${unique("anew")}:`, channel()]
  const line = (stream: string, lineClass: string, seq = 1) =>
    ({
      _tag: "Append",
      stream,
      class: lineClass,
      seq,
      timeMs: 1,
      value: bytes(1),
      countMax: 9,
      ageMsMax: 0
    }) as const
  const keys = Effect.promise(async () =>
    (await client.keys(`${prefix}*`)).map((key) => key.replace(/.*\}:/, "")).sort()
  )
  yield* Effect.gen(function* () {
    const space = yield* SharedSpace
    yield* space.commit(commitOf(tag, { changes: [line("s", "a"), line("s", "b", 2), line("of old", "a"), put("k")] }))
    const later = { era: 1, n: 2 }
    yield* space.commit(commitOf(tag, { generation: later, changes: [line("s", "a")] }))
    assert.deepStrictEqual(yield* keys, ["lines/s", "meta", "queue/1/s/a", "tokens"])
    assert.strictEqual((yield* space.history(tag, "s", 0, 9)).entries.length, 1)
  }).pipe(Effect.provide(layerOf(cluster, prefix)))
}, Effect.scoped)

// --- Numbers and bounds ---

const largeNumbers = Effect.gen(function* () {
  const [space, tag, most] = [yield* SharedSpace, unique("guest"), 2 ** 53 - 1]
  const by = { incarnation: "r1-1", runner: "r1", epoch: { era: most, node: most - 1 }, connection: most - 2 }
  const { versions } = yield* space.commit(
    commitOf(tag, {
      guard: applied({
        ...outcome(record(most - 1, most), "s", most),
        source: { topic: "t", partition: 0, offset: most, index: most }
      }),
      changes: [
        { ...put("k"), owner: by, dueMs: most - 1 },
        count("n", most - 1, most),
        { _tag: "Append", stream: "s", class: "a", seq: most, timeMs: most, value: bytes(1), countMax: 1, ageMsMax: 1 }
      ]
    })
  )
  assert.deepStrictEqual(versions, [1])
  const state = yield* space.read({ tag, keys: ["k"], outcomes: [{ session: "s", id: most }] })
  assert.deepStrictEqual(state.entries.get("k"), { version: 1, value: bytes(1), owner: by, dueMs: most - 1 })
  assert.deepStrictEqual([state.applied, state.nowMs, state.counters.get("n")], [most - 1, most, most - 1])
  assert.deepStrictEqual(state.sources.get("t/0"), { topic: "t", partition: 0, offset: most, index: most })
  assert.strictEqual(state.lastIds.get("s"), most)
  assert.deepStrictEqual(
    (yield* space.history(tag, "s", most - 1, 9)).entries.map(({ seq }) => seq),
    [most]
  )
  assert.deepStrictEqual(yield* space.due([tag], most - 2, 9), new Map())
  assert.deepStrictEqual(yield* space.due([tag], most - 1, 9), new Map([[tag, ["k"]]]))
})

const sessions = Effect.gen(function* () {
  const [space, tag] = [yield* SharedSpace, channel()]
  const decide = (from: number, ...names: ReadonlyArray<string>) =>
    space.commit(commitOf(tag, { guard: applied(...names.map((name, at) => outcome(record(from + at), name, 1))) }))
  const recall = (...names: ReadonlyArray<string>) =>
    Effect.map(
      space.read({ tag, keys: [], outcomes: names.map((session) => ({ session, id: 1 })) }),
      ({ remembered }) => remembered.map(({ _tag }) => _tag)
    )
  for (let from = 0; from < outcomeSessionsMax; from += 100) {
    yield* decide(from, ...Array.from({ length: 100 }, (_, at) => `s${from + at}`))
  }
  assert.deepStrictEqual(yield* recall("s0", "s1", "s19999"), ["Decided", "Decided", "Decided"])
  yield* decide(outcomeSessionsMax, "s0", "one more") // s0 is decided for again: now s1 is the oldest
  assert.deepStrictEqual(yield* recall("s0", "s1", "s2", "one more"), ["Decided", "Fresh", "Decided", "Decided"])
})

const outcomesLeft = Effect.fnUntraced(function* (redis: string) {
  const [client, prefix, tag] = [yield* operator(redis), `${unique("outcomes")}:`, channel()]
  const kept = Effect.promise(() => client.hlen(`${prefix}{${tag}}:outcomes`))
  yield* Effect.gen(function* () {
    const space = yield* SharedSpace
    const decide = (...ids: ReadonlyArray<number>) =>
      space.commit(commitOf(tag, { guard: applied(...ids.map((id) => outcome(record(offset++), "s", id))) }))
    let offset = 0
    yield* decide(...Array.from({ length: outcomesMax }, (_, at) => at + 1), 2, 2, 3)
    const asked = (id: number) =>
      Effect.map(
        space.read({ tag, keys: [], outcomes: [{ session: "s", id }] }),
        ({ remembered }) => remembered[0]?._tag
      )
    assert.strictEqual(yield* asked(1), "Decided")
    yield* decide(outcomesMax + 1)
    assert.strictEqual(yield* asked(1), "Stale")
    assert.strictEqual(yield* kept, outcomesMax + 1, "64 outcomes and the session's ids")
    yield* space.commit(commitOf(tag, { changes: [{ _tag: "Forget", session: "s" }] }))
    assert.strictEqual(yield* kept, 0)
  }).pipe(Effect.provide(layerOf(redis, prefix)))
}, Effect.scoped)

const tokens = Effect.fnUntraced(function* (redis: string) {
  const [client, prefix, tag] = [yield* operator(redis), `${unique("tokens")}:`, channel()]
  const first = commitOf(tag, { changes: [count("n", 1)] })
  yield* Effect.gen(function* () {
    const space = yield* SharedSpace
    const n = Effect.map(space.read({ tag, keys: [] }), ({ counters }) => counters.get("n"))
    yield* space.commit(first)
    for (let at = 1; at < tokensMax; at++) yield* space.commit(commitOf(tag, {}))
    yield* space.commit(first)
    assert.strictEqual(yield* n, 1)
    yield* space.commit(commitOf(tag, {}))
    yield* space.commit(first)
    assert.strictEqual(yield* n, 2, "past the bound it is a commit like another")
  }).pipe(Effect.provide(layerOf(redis, prefix)))
  const key = tokensKey(prefix, tag)
  assert.isAtMost(yield* Effect.promise(() => client.hlen(key)), 2 * tokensMax + 1)
  assert.isAbove(yield* Effect.promise(() => client.pttl(key)), 0)
}, Effect.scoped)

const emptied010 = Effect.fnUntraced(function* (redis: string) {
  const [client, prefix, tag] = [yield* operator(redis), `${unique("empty")}:`, unique("guest")]
  const key = `${prefix}{${tag}}:meta`
  const ttl = Effect.promise(() => client.pttl(key))
  yield* Effect.gen(function* () {
    const space = yield* SharedSpace
    yield* space.commit(commitOf(tag, { changes: [put("session")] }))
    assert.strictEqual(yield* ttl, -1)
    yield* space.commit(commitOf(tag, { changes: [{ _tag: "Delete", key: "session" }] }))
    assert.isAtMost(yield* ttl, idleKeptMs)
    assert.isAbove(yield* ttl, idleKeptMs - 60_000)
    assert.deepStrictEqual(yield* Effect.promise(() => client.hmget(key, "era", "n")), [null, null])
    assert.deepStrictEqual((yield* space.read({ tag, keys: [] })).generation, generation)
    // It founds what is none: all keys of the tag go first.
    yield* Effect.promise(() => client.unlink(key))
    yield* Effect.promise(() => client.hset(key, { era: generation.era, n: generation.n, version: 1 }))
    yield* space.commit(commitOf(tag, { found: false, changes: [put("session")] }))
    assert.strictEqual(yield* ttl, -1)
  }).pipe(Effect.provide(layerOf(redis, prefix)))
}, Effect.scoped)

const tokensKey = (prefix: string, tag: Tag) => `${prefix}{${tag}}:tokens`
