/**
 * Guests come, walk from channel to channel and go on two runners while one of these is killed, or frozen until everybody
 * takes it for dead, and thawed again; and watchers, of whom one is killed or frozen and all lose sight, sweep up. Owns
 * the world and what it came to; what must hold of that, the test says.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { TestClock } from "effect/testing"
import { SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import { Ensemble, layerOf as rosterOf } from "../../src/link/MemoryRoster.ts"
import { Hub } from "../../src/link/MemoryRunnerLink.ts"
import { Broker } from "../../src/link/MemoryTopicLog.ts"
import { Roster } from "../../src/link/Roster.ts"
import { Settings } from "../../src/Settings.ts"
import { layerOf as spaceOf } from "../../src/space/MemorySharedSpace.ts"
import { Presence } from "../../src/space/Presence.ts"
import { sessionKey } from "../../src/space/PresenceWrites.ts"
import { Self } from "../../src/space/Self.ts"
import { type Commit, SharedSpace } from "../../src/space/SharedSpace.ts"
import { isChannel, memberPrefix } from "../../src/space/Tag.ts"
import { Workers } from "../../src/Workers.ts"
import { ChannelList } from "../../src/watch/ChannelList.ts"
import { Observer } from "../../src/watch/Observer.ts"
import { Watcher } from "../../src/watch/Watcher.ts"
import { membersIn, sessionIn, wrongs } from "../space/Members.ts"
import { park } from "../space/Standing.ts"
import { JudgedSpace } from "./JudgedSpace.ts"
import { type Actor, Trouble } from "./Trouble.ts"
import * as TroubledLinks from "./TroubledLinks.ts"
import * as TroubledSpace from "./TroubledSpace.ts"

const channels = ["park/1", "park/2", "park/3"]
const guests = 8
const settings = { resumeGraceMs: 4_000, lostShownMs: 500 }

/** What is planted is there to see the test fail. */
export interface How {
  /** Nobody sweeps. */
  readonly sweepsOff?: boolean
  /** The fence is raised only in channels where a member was found (rule P8). */
  readonly fencesWhereFound?: boolean
  /** A member is removed before its session is ended (rule P1). */
  readonly membersFirst?: boolean
  /** What a watcher cannot read is not there (rule P7). */
  readonly unreadableIsDead?: boolean
}

class World {
  readonly trouble: Trouble
  readonly how: How
  readonly hub = new Hub()
  readonly space = new JudgedSpace(this.hub)
  readonly ensemble = new Ensemble(1)
  readonly broker = new Broker()

  constructor(seed: number, how: How) {
    this.trouble = new Trouble(seed, { failBefore: 0.002, failAfter: 0.004 })
    this.how = how
  }

  get names(): ReadonlyArray<string> {
    return Array.from({ length: guests }, (_, at) => `g_${at}`)
  }
}

export interface Came {
  /** What was wrong at any time. */
  readonly judged: ReadonlyArray<string>
  /** What is wrong at the end. */
  readonly left: ReadonlyArray<string>
  /** Members of the runner that stayed. */
  readonly stayed: number
}

/** One run of a seed. */
export const sweepUp = (seed: number, how: How = {}) =>
  Effect.gen(function* () {
    const world = new World(seed, how)
    const { trouble } = world
    const clock = trouble.actor("clock")
    const passing = Effect.andThen(
      trouble.turn(clock),
      Effect.suspend(() => TestClock.adjust("25 millis"))
    )
    yield* Effect.forkScoped(Effect.forever(passing))
    const [doomed, sound] = [trouble.actor("r1"), trouble.actor("r2")]
    yield* Effect.forkScoped(life(world, doomed, world.names.slice(0, 5)))
    yield* Effect.forkScoped(life(world, sound, world.names.slice(5)))
    const watchers = ["w1", "w2"].map((name) => trouble.actor(name))
    yield* Effect.forEach(watchers, (watcher) => Effect.forkScoped(watching(world, watcher)))
    yield* nemesis(world, doomed, watchers)
    trouble.calmDown()
    // Whoever was killed is started again.
    yield* Effect.forkScoped(watching(world, trouble.actor("w3")))
    yield* settled(world)
    return came(world)
  }).pipe(Effect.scoped, Random.withSeed(`${seed}`))

const below = (world: World, actor: Actor) =>
  Layer.mergeAll(
    rosterOf(world.ensemble).pipe(TroubledLinks.roster(actor)),
    spaceOf(world.space).pipe(TroubledSpace.sharedSpace(actor)),
    Settings.test(settings)
  )

/** A runner with its guests, who do something now and then; until it is killed. */
const life = (world: World, actor: Actor, own: ReadonlyArray<string>) => {
  const { trouble } = world
  const process = Effect.gen(function* () {
    const presence = yield* Presence
    const self = yield* Self
    if (actor.name === "r2") world.space.sound.add(self.incarnation.id)
    let id = 10
    const stay = Effect.fnUntraced(function* (guest: string) {
      const session = { id: `s_${guest}_${++id}`, nickname: guest, claimId: id }
      let held = yield* presence.begin(guest, session)
      for (let steps = 4 + trouble.below(12); steps > 0; steps--) {
        const channel = 1 + trouble.below(channels.length)
        held = (yield* presence.enter(held, park(channel, ++id))).held
        if (trouble.chance(0.2)) held = yield* presence.leave(held, ++id)
        for (let turns = trouble.below(10); turns > 0; turns--) yield* trouble.turn(actor)
      }
      if (held.record.channel === "") yield* presence.enter(held, park(1, ++id))
    })
    // A call that failed is tried anew, as a phone would.
    const again = (guest: string) => Effect.retry(stay(guest), { times: 20 })
    yield* Effect.forEach(own, (guest) => Effect.ignore(again(guest)), { concurrency: "unbounded" })
    // Some of those whose runner is gone come back here.
    if (actor.name !== "r2") return yield* Effect.never
    for (const guest of world.names.slice(0, 2)) {
      for (let turns = trouble.below(300); turns > 0; turns--) yield* trouble.turn(actor)
      const claim = { session: sessionIn(world, guest)?.session ?? "", serial: 100, id: 1_000 }
      const back = presence.resume(guest, claim)
      yield* Effect.ignore(Effect.retry(back, { times: 3, while: ({ _tag }) => _tag === "SpaceError" }))
    }
    return yield* Effect.never
  })
  const layer = Presence.layer.pipe(Layer.provideMerge(Self.layer(actor.name)), Layer.provideMerge(below(world, actor)))
  return actor.live(process.pipe(Effect.provide(Layer.fresh(layer)), Effect.scoped, Effect.orDie))
}

const watching = (world: World, actor: Actor) => {
  if (world.how.sweepsOff) return Effect.void
  const list = Layer.succeed(ChannelList, { all: Effect.succeed(channels) })
  const layer = Watcher.layer.pipe(
    Layer.provide(Layer.merge(Observer.layer, list)),
    Layer.provide(Layer.merge(planted(world.how, below(world, actor)), Workers.layer))
  )
  return actor.live(Effect.scoped(Effect.andThen(Layer.build(Layer.fresh(layer)), Effect.never)))
}

/** One runner dies, or seems to; a watcher dies, or seems to; and for a while none of them sees. */
const nemesis = Effect.fnUntraced(function* (world: World, doomed: Actor, watchers: ReadonlyArray<Actor>) {
  const { trouble } = world
  const self = trouble.actor("nemesis")
  const pass = Effect.fnUntraced(function* (turns: number) {
    for (let left = turns; left > 0; left--) yield* trouble.turn(self)
  })
  yield* pass(50 + trouble.below(250))
  const isFrozen = trouble.chance(0.5)
  if (isFrozen) {
    doomed.stop()
    doomed.expire()
  } else doomed.kill()
  yield* pass(trouble.below(200))
  for (const watcher of watchers) {
    watcher.cut("roster")
    watcher.cut("space")
  }
  yield* pass(200 + trouble.below(200))
  for (const watcher of watchers) {
    watcher.heal("roster")
    watcher.heal("space")
  }
  // While they judge and sweep, one of them goes.
  yield* pass(250 + trouble.below(350))
  const [first] = watchers
  const isStopped = trouble.chance(0.5)
  if (isStopped) first?.stop()
  else first?.kill()
  yield* pass(300 + trouble.below(300))
  if (isFrozen) doomed.resume()
  if (isStopped) first?.resume()
  yield* pass(100)
  doomed.kill()
})

const turnsMax = 6_000

/** Ends when nothing is left to be done, or after so long that it will never be. */
const settled = Effect.fnUntraced(function* (world: World) {
  const self = world.trouble.actor("onlooker")
  for (let turns = 0; turns < turnsMax; turns++) {
    yield* world.trouble.turn(self)
    if (turns % 50 === 0 && leftIn(world).length === 0) return
  }
})

const leftIn = (world: World): ReadonlyArray<string> => {
  const { space, names, ensemble } = world
  const living = new Set(ensemble.living().map(({ id }) => id))
  const enrolled = [...space.snapshot("incarnations", "", "").entries.keys()]
  const dead = enrolled.filter((id) => !living.has(id))
  const ghosts = channels.flatMap((tag) =>
    membersIn(world, tag)
      .filter(({ owner }) => !living.has(owner?.incarnation ?? ""))
      .map(({ member, state }) => `${tag}/${member} is a dead runner's, in state ${state}`)
  )
  const held = names.filter((name) => {
    const owner = sessionIn(world, name)?.owner
    return owner !== undefined && !living.has(owner.incarnation)
  })
  return [
    ...dead.map((id) => `${id} is still enrolled`),
    ...ghosts,
    ...held.map((name) => `the session of ${name} is a dead runner's`),
    ...wrongs(world, channels, names)
  ]
}

const came = (world: World): Came => {
  return {
    judged: [...new Set(world.space.wrongs)],
    left: leftIn(world),
    stayed: channels.flatMap((tag) => membersIn(world, tag)).length
  }
}

// --- What is planted ---

function planted<R>(how: How, layer: Layer.Layer<Roster | SharedSpace | Settings, never, R>) {
  const changed = Layer.effectContext(
    Effect.map(Effect.context<Roster | SharedSpace | Settings>(), (context) => {
      const space = plantedSpace(how, Context.get(context, SharedSpace))
      const roster = Context.get(context, Roster)
      return Context.add(
        Context.add(context, SharedSpace, space),
        Roster,
        how.unreadableIsDead ? Roster.of({ ...roster, living: Effect.orElseSucceed(roster.living, () => []) }) : roster
      )
    })
  )
  return Layer.provide(changed, layer)
}

function plantedSpace(how: How, space: SharedSpace["Service"]): SharedSpace["Service"] {
  if (how.fencesWhereFound) return SharedSpace.of({ ...space, commit: fencingWhereFound(space) })
  if (how.membersFirst) return SharedSpace.of({ ...space, commit: removingMembersFirst(space) })
  return how.unreadableIsDead ? rememberingSpace(space) : space
}

const fencingWhereFound = (space: SharedSpace["Service"]) => (commit: Commit) =>
  Effect.flatMap(space.snapshot(commit.tag, memberPrefix, ""), ({ entries }) => {
    const runners = new Set(Array.from(entries.values(), ({ owner }) => owner?.runner))
    const changes = commit.changes.filter((change) => change._tag !== "Fence" || runners.has(change.runner))
    return space.commit(isChannel(commit.tag) ? { ...commit, changes } : commit)
  })

const removingMembersFirst = (space: SharedSpace["Service"]) => (commit: Commit) =>
  Effect.gen(function* () {
    const ends = commit.changes.some((change) => change._tag === "Delete" && change.key === sessionKey)
    const entry = ends
      ? (yield* space.read({ tag: commit.tag, keys: [sessionKey] })).entries.get(sessionKey)
      : undefined
    if (entry !== undefined) {
      const { channel, member } = SessionRecord.decode(entry.value)
      const token = `${commit.token} first`
      const change = { _tag: "Delete", key: `${memberPrefix}${member}` } as const
      yield* Effect.ignore(space.commit({ ...commit, tag: channel, token, reads: [], changes: [change] }))
    }
    return yield* space.commit(commit)
  })

/** Where nothing can be read it says what it said before. */
function rememberingSpace(space: SharedSpace["Service"]): SharedSpace["Service"] {
  const known = new Map<string, unknown>()
  const remembering = <A, E>(name: string, asked: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    asked.pipe(
      Effect.tap((answer) => Effect.sync(() => known.set(name, () => answer))),
      Effect.catch((error) => {
        const before = known.get(name)
        return typeof before === "function" ? Effect.sync(() => before()) : Effect.fail(error)
      })
    )
  return SharedSpace.of({
    ...space,
    marker: remembering("marker", space.marker),
    read: (request) => remembering(`read ${request.tag}`, space.read(request)),
    snapshot: (tag, prefix, stream) => remembering(`snapshot ${tag}`, space.snapshot(tag, prefix, stream)),
    onReady: () => Effect.void
  })
}
