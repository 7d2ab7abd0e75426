/**
 * What Trouble does to an actor, and the race it is for: consumers that read the same partition, read, decide and commit,
 * while calls fail, happen without a word of it, and actors are stopped and killed. Effect once holds by the Applied
 * guard (rule L3); with the guard planted off the same checker fails, so it can fail.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as MemoryRoster from "../../src/link/MemoryRoster.ts"
import { Hub, layerOf as linkOf } from "../../src/link/MemoryRunnerLink.ts"
import { Broker, layerOf as logOf } from "../../src/link/MemoryTopicLog.ts"
import { Roster } from "../../src/link/Roster.ts"
import { RunnerLink } from "../../src/link/RunnerLink.ts"
import { type LogRecord, TopicLog } from "../../src/link/TopicLog.ts"
import { Space, layerOf as spaceOf } from "../../src/space/MemorySharedSpace.ts"
import { type Commit, SharedSpace } from "../../src/space/SharedSpace.ts"
import { type Actor, Trouble, type Troubles } from "./Trouble.ts"
import * as TroubledLinks from "./TroubledLinks.ts"
import * as TroubledSpace from "./TroubledSpace.ts"

const topic = "noriter.test"
const tag = "park/1"
const generation = { era: 1, n: 1 }
const records = 6
const seeds = 200

const rough: Partial<Troubles> = { failBefore: 0.1, failAfter: 0.2, redeliver: 0.2 }

/** One run: how often each record took effect, and what was told. */
const run = (seed: number, isGuarded: boolean) =>
  Effect.gen(function* () {
    const trouble = new Trouble(seed, rough)
    const hub = new Hub()
    const space = new Space(hub)
    const broker = new Broker({ topics: [{ name: topic, partitions: 1 }], hole: () => trouble.below(2) })
    const told: Array<number> = []
    yield* hub.subscribe(tag, ([offset = -1]) => void told.push(offset))
    const appended = broker.append(
      topic,
      Array.from({ length: records }, () => ({ key: "k", partitionBy: tag, body: new Uint8Array(1) })),
      0
    )
    assert.isTrue(Array.isArray(appended), `${appended}`)
    const last = Array.isArray(appended) ? appended[records - 1].offset : -1
    const trace: Array<string> = []
    const actors = ["a", "b"].map((name) => trouble.actor(name))
    const lives = yield* Effect.forEach(actors, (actor) =>
      Effect.forkChild(life({ actor, space, broker, last, isGuarded, trace }))
    )
    yield* nemesis(trouble, actors)
    yield* Effect.forEach(lives, Fiber.await)
    // Whoever was killed is started again, as another process that reads on in the same group.
    yield* life({ actor: trouble.actor("a"), space, broker, last, isGuarded, trace })
    return { effects: space.read({ tag, keys: [] }).counters.get("effects"), told, trace: trace.join(" ") }
  }).pipe(Effect.scoped)

/** Stops one of them now and then, and kills the first. */
const nemesis = Effect.fnUntraced(function* (trouble: Trouble, actors: ReadonlyArray<Actor>) {
  const self = trouble.actor("nemesis")
  for (let step = 0; step < 6; step++) {
    yield* trouble.turn(self)
    const actor = actors[trouble.below(actors.length)]
    actor?.stop()
    for (let turns = trouble.below(12); turns > 0; turns--) yield* trouble.turn(self)
    actor?.resume()
  }
  if (trouble.chance(0.5)) actors[0]?.kill()
})

interface Life {
  readonly actor: Actor
  readonly space: Space
  readonly broker: Broker
  readonly last: number
  readonly isGuarded: boolean
  readonly trace: Array<string>
}

/** A consumer's process, until it has read the last record or is killed. Each is a group of its own: all read all. */
const life = ({ actor, space, broker, last, isGuarded, trace }: Life) =>
  actor
    .live(
      Effect.gen(function* () {
        const done = yield* Deferred.make<void>()
        const shared = yield* SharedSpace
        yield* (yield* TopicLog).consume({
          group: actor.name,
          topics: [topic],
          handle: Effect.fnUntraced(function* (batch) {
            for (const record of batch) {
              trace.push(`${actor.name}${record.offset}`)
              yield* apply(shared, record, `${actor.name}-${trace.length}`, isGuarded)
            }
            if (batch.at(-1)?.offset === last) yield* Deferred.succeed(done, undefined)
          })
        })
        yield* Deferred.await(done)
      })
    )
    .pipe(
      Effect.scoped,
      Effect.provide(
        Layer.mergeAll(
          spaceOf(space).pipe(TroubledSpace.sharedSpace(actor)),
          logOf(broker, actor.name).pipe(TroubledLinks.topicLog(actor))
        )
      )
    )

/**
 * Read, decide, commit: again after what is passing, with the same token. The planted defect looks at a mark of its own
 * when it reads, and does not let the commit look again: right unless somebody commits in between.
 */
const apply = Effect.fnUntraced(function* (
  space: SharedSpace["Service"],
  { offset, timeMs }: LogRecord,
  token: string,
  isGuarded: boolean
) {
  const state = yield* space.read({ tag, keys: ["mark"] }).pipe(Effect.retry({ times: 50 }), Effect.orDie)
  const mark = isGuarded ? state.applied : (state.entries.get("mark")?.value[0] ?? -1)
  if (offset <= mark) return
  const commit: Commit = {
    tag,
    token,
    generation,
    found: true,
    guard: isGuarded ? { _tag: "Applied", records: [{ offset, timeMs, facts: [] }] } : { _tag: "Compared" },
    reads: [],
    changes: [
      { _tag: "Count", counter: "effects", by: 1, max: 1_000 },
      { _tag: "Put", key: "mark", value: new Uint8Array([offset]) }
    ],
    tell: [{ channel: tag, bytes: new Uint8Array([offset]) }]
  }
  yield* space.commit(commit).pipe(
    Effect.retry({ times: 50, while: (error) => error._tag === "SpaceError" }),
    Effect.catchTag("CommitRefused", ({ reason }) => Effect.sync(() => assert.strictEqual(reason, "Applied"))),
    Effect.orDie
  )
})

const isOnce = ({ effects, told }: { readonly effects: number | undefined; readonly told: ReadonlyArray<number> }) =>
  effects === records && told.length === records && told.every((offset, at) => at === 0 || offset > (told[at - 1] ?? 0))

describe("consumers that race on one partition", () => {
  it.live(
    `effect once holds in ${seeds} schedules`,
    () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= seeds; seed++) {
          const came = yield* run(seed, true)
          assert.isTrue(isOnce(came), `seed ${seed}: ${came.effects} effects, told ${came.told}`)
        }
      }),
    60_000
  )

  it.live(
    "with the Applied guard planted off, the checker fails",
    () =>
      Effect.gen(function* () {
        let broken = 0
        for (let seed = 1; seed <= seeds; seed++) if (!isOnce(yield* run(seed, false))) broken++
        assert.isAbove(broken, seeds / 4, `${broken} of ${seeds} schedules`)
      }),
    60_000
  )

  it.live("the same seed is the same schedule, another seed another", () =>
    Effect.gen(function* () {
      const traces = yield* Effect.forEach([7, 7, 8], (seed) => run(seed, true))
      assert.deepStrictEqual(traces[0], traces[1])
      assert.notStrictEqual(traces[0]?.trace, traces[2]?.trace)
    })
  )
})

describe("Trouble", () => {
  /** A space as an actor has it. */
  const troubled = Effect.fnUntraced(function* (actor: Actor, space: Space) {
    return yield* SharedSpace.pipe(
      Effect.provide(spaceOf(space).pipe(TroubledSpace.sharedSpace(actor)), { local: true })
    )
  })
  const marker = { era: 3, n: 1 }

  it.live("a call that failed before has not happened, one that failed after has", () =>
    Effect.gen(function* () {
      for (const [troubles, happened] of [
        [{ failBefore: 1 }, undefined],
        [{ failAfter: 1 }, marker]
      ] as const) {
        const space = new Space(new Hub())
        const shared = yield* troubled(new Trouble(1, troubles).actor("a"), space)
        assert.strictEqual((yield* Effect.flip(shared.writeMarker(marker)))._tag, "SpaceError")
        assert.deepStrictEqual(space.readMarker(), happened)
      }
    })
  )

  it.live("a stopped actor begins nothing until it is resumed, a killed one never again", () =>
    Effect.gen(function* () {
      const trouble = new Trouble(1)
      const [actor, other] = [trouble.actor("a"), trouble.actor("b")]
      const space = new Space(new Hub())
      const shared = yield* troubled(actor, space)
      actor.stop()
      const writing = yield* Effect.forkChild(shared.writeMarker(marker))
      for (let turns = 0; turns < 10; turns++) yield* trouble.turn(other)
      assert.isUndefined(space.readMarker())
      actor.resume()
      yield* Fiber.join(writing)
      assert.deepStrictEqual(space.readMarker(), marker)
      actor.kill()
      const exit = yield* Effect.exit(shared.writeMarker({ era: 4, n: 1 }))
      assert.isTrue(Exit.hasInterrupts(exit))
      assert.deepStrictEqual(space.readMarker(), marker)
    })
  )

  it.live("an actor cut off reaches nothing, and is told when it is healed", () =>
    Effect.gen(function* () {
      const actor = new Trouble(1).actor("a")
      const space = new Space(new Hub())
      const shared = yield* troubled(actor, space)
      let ready = 0
      yield* shared.onReady(() => void ready++)
      actor.cut("space")
      yield* Effect.flip(shared.writeMarker(marker))
      assert.isUndefined(space.readMarker())
      actor.heal("space")
      assert.strictEqual(ready, 1)
      yield* shared.writeMarker(marker)
    })
  )

  it.live("frames are dropped, doubled and put out of order; a stopped actor hears them later", () =>
    Effect.gen(function* () {
      const hear = Effect.fnUntraced(function* (troubles: Partial<Troubles>, isStopped: boolean) {
        const actor = new Trouble(5, troubles).actor("a")
        const link = yield* RunnerLink.pipe(
          Effect.provide(linkOf(new Hub()).pipe(TroubledLinks.runnerLink(actor)), { local: true })
        )
        const heard: Array<number> = []
        yield* link.subscribe("c", ([byte = 0]) => void heard.push(byte))
        for (let byte = 0; byte < 20; byte++) yield* link.publish("c", new Uint8Array([byte]))
        if (!isStopped) return heard
        const publishing = yield* Effect.forkChild(link.publish("c", new Uint8Array([20])))
        actor.stop()
        assert.strictEqual(heard.length, 20)
        actor.resume()
        yield* Fiber.join(publishing)
        return heard
      })
      assert.isBelow((yield* hear({ drop: 0.5 }, false)).length, 20)
      assert.isAbove((yield* hear({ duplicate: 0.5 }, false)).length, 20)
      const shuffled = yield* hear({ reorder: 0.5 }, false)
      assert.notDeepEqual(
        shuffled,
        shuffled.toSorted((a, b) => a - b)
      )
      assert.strictEqual((yield* hear({}, true)).length, 21)
    })
  )

  it.live("a membership of the roster expires", () =>
    Effect.gen(function* () {
      const actor = new Trouble(1).actor("a")
      const ensemble = new MemoryRoster.Ensemble(1)
      const layer = MemoryRoster.layerOf(ensemble).pipe(TroubledLinks.roster(actor))
      const roster = yield* Roster.pipe(Effect.provide(layer, { local: true }))
      const { expired } = yield* roster.join("r1")
      assert.strictEqual(ensemble.living().length, 1)
      actor.expire()
      yield* expired
      assert.strictEqual(ensemble.living().length, 0)
    })
  )
})
