/**
 * Guests who give each other flowers while everything goes wrong: runners that apply the same records, are stopped, no
 * longer heard of, and come back, or are killed; calls that fail or have happened without a word of it; records handed
 * over again, requests sent again; a shared space that is rewound, or emptied and put together again from the facts. Owns
 * the world and what it came to; what must hold of that, the test says.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { TestClock } from "effect/testing"
import { PouchAskedConsumer, SocialHappenedConsumer } from "../../gen/consumers.ts"
import { Answer } from "../../gen/noriter/space/v1/records.ts"
import type { GiftAsked } from "../../gen/noriter/topic/v1/social.ts"
import { decodeRunner } from "../../gen/registry.ts"
import { EventBus, recordOf } from "../../src/bus/EventBus.ts"
import { Ensemble, layerOf as rosterOf } from "../../src/link/MemoryRoster.ts"
import { Hub, layerOf as linkOf } from "../../src/link/MemoryRunnerLink.ts"
import { layerOf as logOf } from "../../src/link/MemoryTopicLog.ts"
import { type Generation, Roster } from "../../src/link/Roster.ts"
import { allTopics } from "../../src/link/Topics.ts"
import { countOf, pouchKey, readPouch } from "../../src/plaza/social/Pouch.ts"
import { pouchFacts } from "../../src/plaza/social/PouchDeciders.ts"
import { Applier } from "../../src/space/Applier.ts"
import { foundingTag, rebuiltKey } from "../../src/space/Founding.ts"
import { Space, layerOf as spaceOf } from "../../src/space/MemorySharedSpace.ts"
import * as Rebuild from "../../src/space/Rebuild.ts"
import { Self } from "../../src/space/Self.ts"
import * as Timers from "../../src/space/Timers.ts"
import { Workers } from "../../src/Workers.ts"
import { decodeFrames } from "../../src/wire/Frame.ts"
import { decidersOf, foundingOf, type How, plantedLog, plantedSpace } from "./GiftsPlanted.ts"
import { Ledger } from "./Ledger.ts"
import { type Actor, Trouble, type Troubles } from "./Trouble.ts"
import * as TroubledLinks from "./TroubledLinks.ts"
import * as TroubledSpace from "./TroubledSpace.ts"

const guestTopic = "noriter.guest.asked"
const factTopic = "noriter.social.happened"
/** Where answers go; nobody of the world bears this name. */
const asking = "r1-asker"

export const guests = 6
export const gifts = 40
export const daisies = 10
const wrappedMsMax = 2_000

const rough: Partial<Troubles> = { failBefore: 0.04, failAfter: 0.08, redeliver: 0.2 }

/** A request, the first time or again. Its name is told as the nickname, and so shows in everything that follows. */
interface Asked {
  readonly name: string
  readonly guest: string
  readonly count: number
  /** The same id with another body. */
  readonly isReused: boolean
}

/** What came of it all. */
export interface Came {
  readonly pouches: ReadonlyMap<string, number>
  /** The most flowers there were in pouches at any time that was looked. */
  readonly most: number
  /** By the facts, each source once: ten, less what was given, more what was received. */
  readonly ledger: ReadonlyMap<string, number>
  /** Names of gifts by the facts, each source once: of what went out of a pouch, and of what came into one. */
  readonly given: ReadonlyArray<string>
  readonly received: ReadonlyArray<string>
  /** What each request was answered, each time. */
  readonly answers: ReadonlyArray<Asked & { readonly answer: string }>
  /** Gifts answered as given before the log had them. */
  readonly early: ReadonlyArray<string>
}

class World {
  readonly trouble: Trouble
  readonly how: How
  readonly hub = new Hub()
  readonly space = new Space(this.hub)
  readonly ensemble = new Ensemble(1)
  readonly broker: Ledger
  readonly asked: Array<Asked> = []
  readonly answers: Array<Asked & { readonly answer: string }> = []
  readonly early: Array<string> = []
  most = 0
  /** The generation that runners write in. */
  generation: Generation = { era: 1, n: 1 }
  nowMs = 0
  /** Of whoever founded the space. */
  self: Self["Service"] | undefined

  constructor(seed: number, how: How) {
    this.trouble = new Trouble(seed, how.failing ? { ...rough, failBefore: 0.3, redeliver: 0 } : rough)
    this.how = how
    this.broker = new Ledger({
      topics: allTopics,
      hole: () => this.trouble.below(2),
      recordsMax: Number.POSITIVE_INFINITY,
      ageMsMax: Number.POSITIVE_INFINITY
    })
  }

  /** Somebody is here: the guest's tag is there, whatever else is in it. */
  found(guest: string): void {
    this.space.commit({
      tag: guest,
      token: `${this.trouble.random()}`,
      generation: this.generation,
      found: true,
      guard: { _tag: "Compared" },
      reads: [],
      changes: [],
      tell: []
    })
  }

  /** Whether what the pouches say counts. */
  get isWhole(): boolean {
    const { generation, entries } = this.space.read({ tag: foundingTag, keys: [rebuiltKey] })
    return generation?.n === this.generation.n && entries.has(rebuiltKey)
  }

  get names(): ReadonlyArray<string> {
    return Array.from({ length: guests }, (_, at) => `g_${at}`)
  }

  daisiesOf(guest: string): number {
    const { entries } = this.space.read({ tag: guest, keys: [pouchKey] })
    return countOf(readPouch(entries.get(pouchKey)?.value), "daisy")
  }

  /** Looks how many flowers there are just now; what is between two pouches is in none. */
  look(): void {
    if (!this.isWhole) return
    this.most = Math.max(
      this.most,
      this.names.reduce((sum, name) => sum + this.daisiesOf(name), 0)
    )
  }

  /** Puts a request on the log, as a runner does: it is counted, and the count is in its answer. */
  ask(asked: Asked, gift: Omit<GiftAsked, "$type" | "asker" | "nickname" | "guest">, id: number): void {
    const ask = this.asked.push(asked) - 1
    const { topic, record } = recordOf(
      {
        $type: "noriter.topic.v1.GiftAsked",
        ...gift,
        guest: asked.guest,
        nickname: asked.name,
        asker: {
          $type: "noriter.topic.v1.Asker",
          session: `s_${asked.guest}`,
          id,
          incarnation: asking,
          ask,
          bodyHash: Uint8Array.from([asked.isReused ? 2 : 1]),
          generation: "",
          member: 1
        }
      },
      undefined
    )
    this.broker.append(topic, [record], this.nowMs)
  }

  /** An answer was told: by now the log must have what it promises. */
  hear(bytes: Uint8Array): void {
    const decoded = decodeFrames(bytes)
    for (const { key, body } of decoded._tag === "Success" ? decoded.success : []) {
      const told = decodeRunner(key, body)
      const asked = told?.$type === "noriter.runner.v1.OutcomeTold" ? this.asked[told.ask] : undefined
      if (told?.$type !== "noriter.runner.v1.OutcomeTold" || asked === undefined) continue
      const answer = briefOf(Answer.decode(told.answer))
      this.answers.push({ ...asked, answer })
      if (answer === "give" && !this.isPassed(asked.name)) this.early.push(asked.name)
    }
  }

  private isPassed(name: string): boolean {
    return [...this.broker.messages(guestTopic), ...this.broker.messages(factTopic)].some(
      ({ message }) =>
        (message.$type === "noriter.topic.v1.FlowersPassed" && message.nickname === name) ||
        (message.$type === "noriter.topic.v1.FlowersWrapped" && message.due?.nickname === name)
    )
  }

  /** Every timer is fired, every record is applied, and what follows from it is on the log. */
  isSettled(): boolean {
    if (!this.isWhole) return false
    if (this.names.some((tag) => this.space.due(Timers.bucketOf(tag), Number.POSITIVE_INFINITY, 1).length > 0))
      return false
    return this.names.every((tag) => {
      const { applied, factsWaiting } = this.space.read({ tag, keys: [] })
      const last = this.broker.records.findLast(({ topic, partitionBy }) => topic === guestTopic && partitionBy === tag)
      return factsWaiting.length === 0 && applied >= (last?.offset ?? -1)
    })
  }

  came(): Came {
    const ledger = new Map(this.names.map((name) => [name, daisies]))
    const add = ({ guest }: { readonly guest: string }, count: number) =>
      ledger.set(guest, (ledger.get(guest) ?? 0) + count)
    const [given, received]: [Array<string>, Array<string>] = [[], []]
    for (const { message: fact, gift } of this.broker.messages(factTopic)) {
      if (fact.$type === "noriter.topic.v1.FlowersWrapped") add(fact, -(fact.due?.count ?? 0))
      if (fact.$type === "noriter.topic.v1.FlowersWrapped") given.push(gift)
      if (fact.$type === "noriter.topic.v1.FlowersGiven") add(fact, -fact.count)
      if (fact.$type === "noriter.topic.v1.FlowersGiven" && fact.count > 0) given.push(gift)
      if (fact.$type === "noriter.topic.v1.FlowersReceived") add(fact, fact.count)
      if (fact.$type === "noriter.topic.v1.FlowersReceived") received.push(gift)
    }
    const pouches = new Map(this.names.map((name) => [name, this.daisiesOf(name)]))
    return { pouches, ledger, given, received, most: this.most, answers: this.answers, early: this.early }
  }
}

const briefOf = ({ body }: Answer): string =>
  body?.$case === "refusal" ? `refused ${body.value.code}` : `${body?.$case}`

/** One run of a seed. */
export const give = (seed: number, how: How = {}, befalls: Befalls = "nothing") =>
  Effect.gen(function* () {
    const world = new World(seed, how)
    const { trouble } = world
    yield* world.hub.subscribe(asking, (bytes) => world.hear(bytes))
    const setTime = Effect.map(Clock.currentTimeMillis, (nowMs) => {
      world.nowMs = Math.floor(nowMs)
    })
    yield* TestClock.setTime(Math.ceil(yield* Clock.currentTimeMillis))
    yield* setTime
    world.self = yield* Effect.provide(Self, founder(world), { local: true })
    for (const name of world.names) world.found(name)
    // Time passes when its turn comes, so that the same seed is the same schedule.
    const clock = trouble.actor("clock")
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(trouble.turn(clock), Effect.andThen(TestClock.adjust("4 millis"), setTime)))
    )
    const actors = ["a", "b", "c"].map((name) => trouble.actor(name))
    const lives = yield* Effect.forEach(actors, (actor) => Effect.forkScoped(life(world, actor)))
    const requests = yield* Effect.forkScoped(requesting(world))
    const fate = yield* Effect.forkScoped(befalling(world, befalls))
    yield* nemesis(world, actors)
    yield* Fiber.join(requests)
    yield* Fiber.join(fate)
    // Whoever was killed is started again.
    yield* Effect.forkScoped(life(world, trouble.actor("d")))
    yield* settled(world)
    yield* Effect.forEach(lives, Fiber.interrupt)
    return world.came()
  }).pipe(Effect.scoped, Random.withSeed(`${seed}`))

const founder = (world: World) =>
  Self.layer("r0").pipe(Layer.provide(Layer.mergeAll(spaceOf(world.space), rosterOf(world.ensemble))))

/** One that knows of a new generation at once. */
const selfOf = (world: World, runner: string) =>
  Layer.sync(Self, () => {
    if (world.self === undefined) throw new Error("nothing is founded yet")
    const incarnation = { ...world.self.incarnation, id: `${runner}-1`, runner }
    return {
      ...world.self,
      incarnation,
      get generation() {
        return world.generation
      }
    }
  })

/** All of them, whoever is stopped or killed: what is left of their share the others fire. */
const livingOf = (world: World) =>
  Layer.effect(
    Roster,
    Effect.map(Roster, (roster) => {
      const epoch = { era: 1, node: 1 }
      const living = ["a", "b", "c"].map((runner) => ({ id: `${runner}-1`, runner, epoch }))
      return Roster.of({ ...roster, living: Effect.succeed(living) })
    })
  ).pipe(Layer.provide(rosterOf(world.ensemble)))

/** A process that applies, until it is killed. */
const life = (world: World, actor: Actor) => {
  const links = Layer.mergeAll(
    linkOf(world.hub),
    logOf(world.broker, actor.name).pipe(TroubledLinks.topicLog(actor), plantedLog(world.how)),
    spaceOf(world.space).pipe(TroubledSpace.sharedSpace(actor), plantedSpace(world.how)),
    selfOf(world, actor.name),
    livingOf(world)
  )
  const process = Effect.gen(function* () {
    const bus = yield* EventBus
    yield* bus.register(PouchAskedConsumer, decidersOf(world.how))
    yield* bus.register(SocialHappenedConsumer, pouchFacts)
    const applying = Layer.mergeAll(Applier.layer, Rebuild.layer)
    yield* Layer.build(Layer.fresh(world.how.wraps ? Layer.merge(applying, Timers.layer) : applying))
    return yield* Effect.never
  })
  const above = Layer.mergeAll(EventBus.layer, Workers.layer, foundingOf(world.how))
  return actor.live(process.pipe(Effect.provide(above.pipe(Layer.provideMerge(links), Layer.fresh)), Effect.scoped))
}

/** Guests give, and send again what they have no answer to; some under an id that was another gift's. */
const requesting = Effect.fnUntraced(function* (world: World) {
  const { trouble } = world
  const actor = trouble.actor("phones")
  const again: Array<() => void> = []
  for (let at = 0; at < gifts; at++) {
    yield* trouble.turn(actor)
    const guest = `g_${trouble.below(guests)}`
    // One in eight is to nobody, and now and then one is to oneself.
    const receiver = trouble.chance(1 / 8) ? "" : `g_${trouble.below(guests)}`
    const kind = trouble.chance(1 / 8) ? "rose" : "daisy"
    const wrappedMs = world.how.wraps && trouble.chance(1 / 2) ? 1 + trouble.below(wrappedMsMax) : 0
    const gift = { receiver, kind, count: 1 + trouble.below(4), wrappedMs }
    const asked = { name: `gift ${at}`, guest, count: gift.count, isReused: false }
    const reused = { ...asked, name: `reused ${at}`, isReused: true }
    world.ask(asked, gift, at + 1)
    again.push(() => world.ask(asked, gift, at + 1))
    if (trouble.chance(1 / 8)) again.push(() => world.ask(reused, { ...gift, count: 9 }, at + 1))
    while (trouble.chance(0.4)) again[trouble.below(again.length)]?.()
  }
})

/** Stops one of them now and then, so that it is no longer heard of and others take its place; and kills the first. */
const nemesis = Effect.fnUntraced(function* (world: World, actors: ReadonlyArray<Actor>) {
  const { trouble, broker } = world
  const self = trouble.actor("nemesis")
  for (let step = 0; step < 8; step++) {
    for (let turns = trouble.below(30); turns > 0; turns--) yield* trouble.turn(self)
    const actor = actors[trouble.below(actors.length)]
    if (actor === undefined || actor.isKilled) continue
    actor.stop()
    if (trouble.chance(0.7)) broker.evict(actor.name)
    for (let turns = trouble.below(40); turns > 0; turns--) yield* trouble.turn(self)
    world.look()
    // It goes on with what it had begun, and only then learns that it is out.
    actor.resume()
    for (let turns = trouble.below(20); turns > 0; turns--) yield* trouble.turn(self)
    broker.readmit(actor.name)
    if (trouble.chance(0.1)) actor.kill()
  }
  actors[0]?.kill()
})

/** What befalls the shared space. */
export type Befalls = "nothing" | "rewound" | "emptied"

const times = 3

const befalling = Effect.fnUntraced(function* (world: World, befalls: Befalls) {
  const { trouble, space } = world
  const self = trouble.actor("fate")
  const pass = Effect.fnUntraced(function* (turnsMax: number) {
    for (let turns = trouble.below(turnsMax); turns > 0; turns--) yield* trouble.turn(self)
  })
  for (let time = 0; time < times && befalls !== "nothing"; time++) {
    yield* pass(300)
    if (befalls === "rewound") {
      const saved = space.save()
      yield* pass(60)
      space.rewind(saved)
      continue
    }
    space.flush()
    // Whoever comes before anybody has noticed begins in the generation that is over.
    for (const name of world.names) if (trouble.chance(0.5)) world.found(name)
    yield* pass(30)
    const { era, n } = world.generation
    world.generation = space.writeMarker({ era, n: n + 1 })
    for (const name of world.names) if (trouble.chance(0.7)) world.found(name)
  }
})

const turnsMax = 50_000

const settled = Effect.fnUntraced(function* (world: World) {
  const self = world.trouble.actor("watcher")
  for (let turns = 0; turns < turnsMax; turns++) {
    yield* world.trouble.turn(self)
    world.look()
    if (world.isSettled()) return
  }
  return yield* Effect.die(new Error(`nothing has come to rest (${world.trouble})`))
})
