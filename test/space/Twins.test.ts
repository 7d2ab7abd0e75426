/**
 * Redis and its memory twin are one: the same commits at random come to the same answers, and what can be read afterwards
 * is the same to the byte. What the contract has not thought of is found here; the seed of a failure is in its message.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Hub } from "../../src/link/MemoryRunnerLink.ts"
import { Redis } from "../../src/link/Redis.ts"
import * as MemorySharedSpace from "../../src/space/MemorySharedSpace.ts"
import * as RedisSharedSpace from "../../src/space/RedisSharedSpace.ts"
import { type Commit, CommitRefused, type Positions, SharedSpace, type Tag } from "../../src/space/SharedSpace.ts"
import { unique } from "../contract/Eventually.ts"
import { withServices } from "../services/Services.ts"
import { Trouble } from "../sim/Trouble.ts"
import { everything, randomCommit, streamNames } from "./RandomCommit.ts"

type Space = SharedSpace["Service"]

const seeds = 20
const commits = 250
/** Looking costs more than writing, and what was written wrong stays wrong for a while. */
const lookEvery = 5

await withServices("The twins", ["redis-cluster"], ({ "redis-cluster": url }) => {
  const redis = RedisSharedSpace.layer.pipe(
    Layer.provide(Redis.layer({ url: Redacted.make(url), prefix: `${unique("twins")}:` }))
  )
  it.live(
    "answer alike and hold the same, whatever is committed",
    () =>
      Effect.gen(function* () {
        const seen = new Map<string, number>()
        for (let seed = 1; seed <= seeds; seed++) yield* compare(seed, seen)
        // The comparison has seen something of each kind, else it has shown nothing.
        const refusals = ["Applied", "Source", "NotOwner", "Fenced", "Conflict", "Missing", "Exists", "Full"]
        for (const kind of [...refusals, "committed", "placed"]) assert.isAbove(seen.get(kind) ?? 0, 5, kind)
      }).pipe(Effect.provide(redis)),
    60_000
  )
})

const compare = Effect.fnUntraced(function* (seed: number, seen: Map<string, number>) {
  const random = new Trouble(seed)
  const redis = yield* SharedSpace
  const memory = yield* Effect.provide(SharedSpace, MemorySharedSpace.layerOf(new MemorySharedSpace.Space(new Hub())))
  const tag = seed % 2 === 0 ? unique("guest") : `${unique("park")}/1`
  const before: Array<Commit> = []
  for (let near = 1; near <= commits; near++) {
    const what = `${random}, commit ${near}`
    const commit = randomCommit(random, tag, near, before)
    before.push(commit)
    const both = (run: (space: Space) => Effect.Effect<unknown, unknown>) => same(what, redis, memory, run)
    see(seen, yield* both((space) => space.commit(commit)))
    const places = placesOf(commit, random)
    if (places !== undefined && (yield* both((space) => space.writePositions(places))) !== 0) see(seen, "placed")
    if (near % 10 === 0) yield* both((space) => space.factsSent(tag, near - 5))
    if (near % lookEvery === 0) yield* both((space) => seeAll(space, tag, near))
  }
})

const see = (seen: Map<string, number>, answer: unknown) => {
  const kind = typeof answer === "string" ? answer : answer instanceof CommitRefused ? answer.reason : "committed"
  seen.set(kind, (seen.get(kind) ?? 0) + 1)
}

/** Asks both; what they answer is the same. */
const same = Effect.fnUntraced(function* (
  what: string,
  redis: Space,
  memory: Space,
  run: (space: Space) => Effect.Effect<unknown, unknown>
) {
  const answerOf = (space: Space) => Effect.catch(run(space), Effect.succeed)
  const [real, twin] = [yield* answerOf(redis), yield* answerOf(memory)]
  assert.deepStrictEqual(plain(real), plain(twin), what)
  return real
})

/** Refusals are errors: what they say is compared, not where they were made. */
const plain = (answer: unknown): unknown =>
  answer instanceof CommitRefused
    ? { reason: answer.reason, key: answer.key, applied: answer.applied, tag: answer.tag }
    : answer

const placesOf = (commit: Commit, random: Trouble): Positions | undefined =>
  commit.guard._tag === "Owned" || commit.guard._tag === "Takeover"
    ? {
        tag: commit.tag,
        generation: commit.generation,
        by: commit.guard.by,
        member: [1, 2, 3, 9],
        xCm: [1, 2, 3, 4].map(() => random.below(2 ** 32)),
        yCm: [5, 6, 7, 8]
      }
    : undefined

const seeAll = (space: Space, tag: Tag, near: number) =>
  Effect.all({
    state: space.read(everything(tag)),
    snapshots: Effect.forEach(streamNames, (stream) => space.snapshot(tag, "member/", stream)),
    histories: Effect.forEach(streamNames, (stream) => space.history(tag, stream, near - 3, 2)),
    heads: Effect.map(space.heads([tag, "absent"]), (heads) =>
      [...heads].map(([name, { generation, applied }]) => ({ name, generation, applied }))
    ),
    due: space.due(["absent", tag], 1_790_000_000_000, 4)
  })
