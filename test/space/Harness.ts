/**
 * One or more runners over the same memory twins, for tests of what lies between the links and the phones. A runner's
 * shared space is watched: what it commits is kept in order, and it may be failed, held up or killed at any commit.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { EventBus } from "../../src/bus/EventBus.ts"
import { Ensemble, layerOf as rosterOf } from "../../src/link/MemoryRoster.ts"
import { Hub, layerOf as linkOf } from "../../src/link/MemoryRunnerLink.ts"
import { Broker, layerOf as logOf } from "../../src/link/MemoryTopicLog.ts"
import { Roster, RosterError } from "../../src/link/Roster.ts"
import { AppendFailed, type LogRecord, TopicLog } from "../../src/link/TopicLog.ts"
import { Settings, type Values } from "../../src/Settings.ts"
import { Applier } from "../../src/space/Applier.ts"
import { Founding, foundingTag } from "../../src/space/Founding.ts"
import { Space, layerOf as spaceOf } from "../../src/space/MemorySharedSpace.ts"
import { Presence } from "../../src/space/Presence.ts"
import { rebuild } from "../../src/space/Rebuild.ts"
import { Self } from "../../src/space/Self.ts"
import { type Commit, SharedSpace, SpaceError } from "../../src/space/SharedSpace.ts"

/** What all runners of a test share. */
export class Twins {
  readonly hub = new Hub()
  readonly space = new Space(this.hub)
  readonly broker = new Broker()
  readonly ensemble = new Ensemble(1)
}

/** What befalls one runner's commits. */
export class Watch {
  /** Those that changed something, in their order. */
  readonly commits: Array<Commit> = []
  /** Commits after which the runner is killed: no later one happens, nor anything that comes after it. */
  killAfter = Number.POSITIVE_INFINITY
  /** Nothing is committed, not even a lease. */
  isAway = false
  /** A planted defect: what the space is given instead. */
  instead: (commit: Commit) => Commit = (commit) => commit
  /** Run before a commit is made. */
  before: (commit: Commit) => Effect.Effect<void, SpaceError> = () => Effect.void
  /** Run when a commit is made, before its caller learns so. */
  after: (commit: Commit) => Effect.Effect<void, SpaceError> = () => Effect.void

  /** Tags of the commits since, without leases. */
  get tags(): ReadonlyArray<string> {
    return this.commits.map(({ tag }) => tag)
  }

  forget(): void {
    this.commits.length = 0
  }

  around(space: SharedSpace["Service"]): SharedSpace["Service"] {
    return SharedSpace.of({
      ...space,
      commit: (commit) =>
        Effect.gen({ self: this }, function* () {
          if (this.isAway) return yield* spaceAway
          if (isBeside(commit)) return yield* space.commit(commit)
          if (this.commits.length >= this.killAfter) return yield* Effect.interrupt
          yield* this.before(commit)
          const committed = yield* space.commit(this.instead(commit))
          this.commits.push(commit)
          yield* this.after(commit)
          return committed
        })
    })
  }
}

/** What goes on whatever is tested: leases, and the founding of the generation. */
const isBeside = ({ tag, changes: [first] }: Commit): boolean =>
  tag === foundingTag || tag === "incarnations" || (first?._tag === "Put" && first.key === "lease")

/** What befalls one runner's appends. */
export class LogWatch {
  readonly appended: Array<{ readonly topic: string; readonly keys: ReadonlyArray<string> }> = []
  /** Run before an append. */
  before: (topic: string) => Effect.Effect<void, AppendFailed> = () => Effect.void
  /** To which times its reader went back. */
  readonly wentBackTo: Array<number> = []
  /** What an offer comes to: undefined, it goes through. "lost": there is never a word of it. */
  offered: (() => AppendFailed | "lost" | undefined) | undefined

  around(log: TopicLog["Service"]): TopicLog["Service"] {
    return TopicLog.of({
      ...log,
      consume: (options) =>
        Effect.map(log.consume(options), (reading) => ({
          ...reading,
          goBack: (ms: number) =>
            Effect.andThen(
              Effect.sync(() => void this.wentBackTo.push(ms)),
              reading.goBack(ms)
            )
        })),
      append: (topic, records) =>
        Effect.andThen(
          Effect.suspend(() => this.before(topic)),
          Effect.suspend(() => {
            this.appended.push({ topic, keys: records.map(({ key }) => key) })
            return log.append(topic, records)
          })
        ),
      offer: (topic, record, settled) => {
        const failed = this.offered?.()
        if (failed === undefined) log.offer(topic, record, settled)
        else if (failed !== "lost") queueMicrotask(() => settled(failed))
      }
    })
  }
}

export const appendFailed = (certain: boolean): AppendFailed =>
  new AppendFailed({ topic: "noriter.channel.asked", certain, cause: new Error("as the test will have it") })

export const spaceAway = new SpaceError({ operation: "commit", cause: new Error("as the test will have it") })

export const rosterAway = new RosterError({ operation: "living", cause: new Error("as the test will have it") })

export interface RunnerOptions {
  readonly id?: string
  readonly watch?: Watch
  readonly log?: LogWatch
  /** Run before it learns from the roster who lives. */
  readonly asking?: Effect.Effect<void, RosterError>
  readonly settings?: Partial<Values>
}

/** Everything below sockets and plaza, over the twins. */
const runnerLayer = (twins: Twins, options: RunnerOptions = {}) => {
  const { id = "r1", watch = new Watch(), log = new LogWatch(), asking = Effect.void, settings = {} } = options
  const links = Layer.mergeAll(
    linkOf(twins.hub),
    Layer.effect(
      Roster,
      Effect.map(Roster, (roster) => Roster.of({ ...roster, living: Effect.andThen(asking, roster.living) }))
    ).pipe(Layer.provide(rosterOf(twins.ensemble))),
    Layer.effect(
      TopicLog,
      Effect.map(TopicLog, (service) => log.around(service))
    ).pipe(Layer.provide(logOf(twins.broker, id))),
    Layer.effect(
      SharedSpace,
      Effect.map(SharedSpace, (service) => watch.around(service))
    ).pipe(Layer.provide(spaceOf(twins.space))),
    Settings.test(settings)
  )
  return Layer.fresh(
    Layer.mergeAll(Presence.layer, EventBus.layer).pipe(
      Layer.provideMerge(Founding.layer),
      Layer.provideMerge(Self.layer(id)),
      Layer.provideMerge(links)
    )
  )
}

/** A runner that lives as long as the test. */
export const runner = Effect.fnUntraced(function* (twins: Twins, options: RunnerOptions = {}) {
  const watch = options.watch ?? new Watch()
  const context = yield* Layer.build(runnerLayer(twins, { ...options, watch }))
  // As every runner does when it starts: what is asked from now on is of this generation.
  yield* Context.get(context, Founding).beganMs
  return {
    watch,
    context,
    self: Context.get(context, Self),
    presence: Context.get(context, Presence),
    bus: Context.get(context, EventBus),
    log: Context.get(context, TopicLog),
    space: Context.get(context, SharedSpace)
  }
})

export type Runner = Effect.Success<ReturnType<typeof runner>>

/** Reads what is asked of the log, in a generation that is known as rebuilt. */
export const apply = Effect.fnUntraced(function* ({ context, self }: Runner) {
  yield* Effect.provideContext(
    rebuild(self.generation, () => {}),
    context
  )
  const applier = yield* Layer.build(Layer.fresh(Applier.layer)).pipe(Effect.provideContext(context))
  return Context.get(applier, Applier).reading
})

/** Lets everything that is under way come as far as it can: turns of the event loop, not time. */
export const settle = Effect.promise(async () => {
  for (let turn = 0; turn < 30; turn++) await new Promise<void>((resume) => setImmediate(resume))
})

/** So many seconds by the test's clock, and all that comes of each. */
export const pass = Effect.fnUntraced(function* (seconds: number) {
  for (let half = 0; half < 2 * seconds; half++) yield* Effect.andThen(TestClock.adjust("500 millis"), settle)
})

/** Ends when it is so; dies when it is not after many turns of the event loop. */
export const until = Effect.fnUntraced(function* (what: string, isSo: () => boolean) {
  for (let turn = 0; turn < 200; turn++) {
    if (isSo()) return
    yield* settle
  }
  return yield* Effect.die(new Error(`waited in vain for ${what}`))
})

/** All records of a topic from now on, as another team reads them. */
export const reader = Effect.fnUntraced(function* (twins: Twins, ...topics: ReadonlyArray<string>) {
  const records: Array<LogRecord> = []
  const log = yield* TopicLog.pipe(Effect.provide(logOf(twins.broker, "reader"), { local: true }))
  yield* log.consume({
    group: `reader-${topics.join()}`,
    topics,
    handle: (some) => Effect.sync(() => void records.push(...some))
  })
  return records
})

/** Frames that a channel carries from now on. */
export const listen = Effect.fnUntraced(function* (twins: Twins, channel: string) {
  const frames: Array<Uint8Array> = []
  yield* twins.hub.subscribe(channel, (bytes) => void frames.push(bytes))
  return frames
})
