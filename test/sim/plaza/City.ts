/**
 * The world of a simulated plaza: the servers as their twins in memory, runners and watchers as processes over them, made
 * of the layers that App.ts makes them of, and what may befall a process. Owns who runs; what befalls whom, and when, is
 * the nemesis'.
 */

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { plaza, sight } from "../../../src/App.ts"
import { ClientMessageConsumer } from "../../../src/client/ClientMessageConsumer.ts"
import { HttpServer } from "../../../src/client/HttpServer.ts"
import { Sessions } from "../../../src/client/Sessions.ts"
import { Ensemble, layerOf as rosterOf } from "../../../src/link/MemoryRoster.ts"
import { Hub, layerOf as linkOf } from "../../../src/link/MemoryRunnerLink.ts"
import { Broker, layerOf as logOf } from "../../../src/link/MemoryTopicLog.ts"
import { allTopics } from "../../../src/link/Topics.ts"
import * as Orders from "../../../src/plaza/ops/Orders.ts"
import { Settings } from "../../../src/Settings.ts"
import { layerOf as spaceOf } from "../../../src/space/MemorySharedSpace.ts"
import { Workers } from "../../../src/Workers.ts"
import { Watcher } from "../../../src/watch/Watcher.ts"
import { nobodyLooks } from "../../client/NobodyLooks.ts"
import { Trouble, type Troubles } from "../Trouble.ts"
import * as TroubledLinks from "../TroubledLinks.ts"
import * as TroubledSpace from "../TroubledSpace.ts"
import { Process } from "./Process.ts"
import type { Socket } from "./Socket.ts"
import type { Timeline } from "./Timeline.ts"
import { Truth } from "./Truth.ts"

/** Fewer than there are in truth, so that tags share them. */
const partitions = 2

/** How many cells stand in a row in each playground: in the one everybody sees everybody, unless it is too full. */
const cells = { park: 4, yard: 1 }
/** The length of a cell. */
export const cellCm = 1_000
/** Shown in a cell. */
export const shownMax = 3

export const playgrounds = Object.keys(cells)
export const channels = playgrounds.map((id) => `${id}/1`)

/** How many cells there are in the playground of a channel. */
export const cellsIn = (tag: string): number => (tag.startsWith("park/") ? cells.park : cells.yard)

const world = JSON.stringify(
  Object.entries(cells).map(([id, count]) => ({
    id,
    name: id,
    widthCm: count * cellCm,
    heightCm: cellCm,
    spawn: { xCm: 500, yCm: 500, radiusCm: 100 },
    capacity: 100
  }))
)

const settings = Effect.runSync(
  Settings.use(Effect.succeed).pipe(
    Effect.provide(
      Settings.test({
        secret: Option.some(Redacted.make("a secret of all runners")),
        world: Option.some("world.json"),
        rateLimits: false,
        channelLinesPerSecond: 0,
        refusedPerMinuteMax: 0,
        cellCm,
        cellShownMax: shownMax,
        speedCmpsMax: 0,
        tickMs: 1_000,
        tickLagMs: 0,
        lostShownMs: 1_000,
        resumeGraceMs: 4_000
      })
    )
  )
)

const rough: Partial<Troubles> = {
  failBefore: 0.004,
  failAfter: 0.006,
  delay: 0.03,
  delayMsMax: 400,
  drop: 0.04,
  duplicate: 0.04,
  reorder: 0.04,
  redeliver: 0.02
}

/** A watcher judges nobody for six seconds after a failure, so that one that fails as often would never judge. */
const seldom: Partial<Troubles> = { ...rough, failBefore: 0.0002, failAfter: 0.0002 }

/** A runner, or a watcher. */
export interface Body {
  readonly process: Process
  readonly id: string
  readonly sockets: Set<Socket>
  /** Takes a phone; undefined while it does not listen. */
  accept: ((socket: Socket) => void) | undefined
  /** What operators may do there; undefined where they may do nothing. */
  orders: Orders.Orders | undefined
  /** Ends it in good order. */
  leave: () => void
}

export class City {
  readonly timeline: Timeline
  readonly trouble: Trouble
  readonly hub = new Hub()
  readonly ensemble = new Ensemble(1)
  readonly space: Truth
  readonly broker: Broker
  readonly runners: Array<Body> = []
  readonly watchers: Array<Body> = []
  /** Guests whose member an operator has had removed. */
  readonly removals = new Set<string>()
  /** What a process has logged as an error. */
  readonly errors: Array<string> = []
  #isCalm = false
  #born = 0

  constructor(timeline: Timeline, seed: number) {
    this.timeline = timeline
    this.trouble = new Trouble(seed)
    this.space = new Truth(this.hub, (incarnation) => this.isLiving(incarnation))
    this.broker = new Broker({
      topics: allTopics.map((topic) => ({ ...topic, partitions: Math.min(topic.partitions, partitions) })),
      ageMsMax: Number.POSITIVE_INFINITY,
      hole: () => this.trouble.below(2)
    })
  }

  isLiving(incarnation: string): boolean {
    return this.ensemble.living().some(({ id }) => id === incarnation)
  }

  // --- Who runs ---

  startRunner(id: string): Body {
    const body = this.#body(id, rough)
    this.runners.push(body)
    const layer = Layer.provideMerge(ClientMessageConsumer.layer, plaza).pipe(Layer.provideMerge(this.#below(body)))
    const life = Effect.gen({ self: this }, function* () {
      const context = yield* Layer.build(Layer.fresh(layer))
      const { serve } = Context.get(context, ClientMessageConsumer)
      const sessions = Context.get(context, Sessions)
      body.orders = yield* Effect.provideContext(Orders.make, context)
      const run = Effect.runForkWith(yield* Effect.context<never>())
      let isListening = true
      body.accept = (socket) => {
        body.sockets.add(socket)
        body.process.enqueue(() => (isListening ? socket.begin(serve(socket), run) : socket.close()))
      }
      yield* Effect.callback<void>((resume) => {
        body.leave = () => body.process.enqueue(() => resume(Effect.void))
      })
      body.accept = undefined
      yield* sessions.drain
      const isGone = Effect.sync(() => [...sessions.all()].every(({ isPresent }) => !isPresent))
      yield* isGone.pipe(
        Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (gone) => gone }),
        Effect.timeoutOption("3 seconds")
      )
      // As a listener that closes: before those who answer are gone.
      isListening = false
      for (const socket of body.sockets) socket.close()
    })
    this.#live(body, life, this.runners, () => this.startRunner(id))
    return body
  }

  startWatcher(id: string): Body {
    const body = this.#body(id, seldom)
    this.watchers.push(body)
    const layer = Watcher.layer.pipe(Layer.provide(sight), Layer.provide(this.#below(body)))
    const life = Effect.andThen(Layer.build(Layer.fresh(layer)), Effect.never)
    this.#live(body, life, this.watchers, () => this.startWatcher(id))
    return body
  }

  /** One that ends, or cannot begin, is started again, as by whoever looks after processes. */
  #live<E>(body: Body, life: Effect.Effect<unknown, E, Scope.Scope>, all: Array<Body>, again: () => void): void {
    const over = Effect.sync(() => {
      this.#gone(body, all)
      this.timeline.after(againMs, again)
    })
    body.process.run(Effect.andThen(Effect.exit(Effect.scoped(life)), over))
  }

  #body(id: string, rough: Partial<Troubles>): Body {
    const name = `${id}#${++this.#born}`
    const troubles = this.#isCalm ? {} : rough
    const process = new Process(
      name,
      this.timeline,
      this.trouble.seed * 1_000 + this.#born,
      troubles,
      this.#logger(name)
    )
    return { process, id, sockets: new Set(), accept: undefined, orders: undefined, leave: () => {} }
  }

  #below({ process, id }: Body) {
    return Layer.mergeAll(
      linkOf(this.hub).pipe(TroubledLinks.runnerLink(process)),
      logOf(this.broker, process.name).pipe(TroubledLinks.topicLog(process)),
      rosterOf(this.ensemble).pipe(TroubledLinks.roster(process)),
      spaceOf(this.space).pipe(TroubledSpace.sharedSpace(process)),
      FileSystem.layerNoop({ readFileString: () => Effect.succeed(world) }),
      Layer.succeed(HttpServer, nobodyLooks),
      Workers.layer,
      Layer.succeed(Settings, { ...settings, runnerId: Option.some(id) })
    )
  }

  #logger(name: string): Logger.Logger<unknown, void> {
    return Logger.make(({ logLevel, message, cause }) => {
      if (logLevel === "Error" || logLevel === "Fatal") this.errors.push(`${name} says: ${message} ${cause}`)
    })
  }

  // --- What befalls them ---

  /** SIGKILL; its connections break at once, and its session with the roster is over after a while. */
  kill(body: Body, all: Array<Body>): void {
    body.process.kill()
    this.timeline.after(this.trouble.below(rosterMs), () => body.process.expire())
    this.timeline.after(this.trouble.below(groupMs), () => this.broker.evict(body.process.name))
    this.#gone(body, all)
  }

  /** SIGSTOP for so long. */
  freeze(body: Body, forMs: number): void {
    const { process } = body
    process.stop()
    const still = (job: () => void) => () => {
      if (process.isStopped) job()
    }
    this.timeline.after(
      rosterMs,
      still(() => process.expire())
    )
    this.timeline.after(
      groupMs,
      still(() => this.broker.evict(process.name))
    )
    this.timeline.after(forMs, () => this.thaw(body))
  }

  thaw({ process }: Body): void {
    if (!process.isStopped) return
    process.resume()
    // Only then it hears that it is out of the group.
    this.timeline.after(this.trouble.below(groupMs), () => process.isKilled || this.broker.readmit(process.name))
  }

  /** From here on everything works; who is frozen stays so until its time is over. */
  calmDown(): void {
    this.#isCalm = true
    for (const body of [...this.runners, ...this.watchers]) {
      body.process.trouble.calmDown()
      for (const service of ["link", "log", "roster", "space"] as const) body.process.heal(service)
    }
  }

  #gone(body: Body, all: Array<Body>): void {
    body.process.kill()
    body.accept = undefined
    for (const socket of body.sockets) socket.break()
    const at = all.indexOf(body)
    if (at >= 0) all.splice(at, 1)
  }
}

/** A session with the roster, and a membership of the log's group, are over after so long without a word. */
const rosterMs = 1_000
const groupMs = 1_000
const againMs = 500
