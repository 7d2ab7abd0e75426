/**
 * The only place where layers meet: which links and which shared space a runner has, and everything above them, which
 * does not know. `embedded`: one process with nothing else installed; its log dies with it. `clustered`: many processes
 * over Redis, Kafka and ZooKeeper, whose clients are loaded only then.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { EventBus } from "./bus/EventBus.ts"
import { ClientMessageConsumer } from "./client/ClientMessageConsumer.ts"
import { Runner } from "./client/Runner.ts"
import * as SessionConsumer from "./client/SessionConsumer.ts"
import { Sessions } from "./client/Sessions.ts"
import { Tokens } from "./client/Tokens.ts"
import { Turnstile } from "./client/Turnstile.ts"
import * as MemoryRoster from "./link/MemoryRoster.ts"
import * as MemoryRunnerLink from "./link/MemoryRunnerLink.ts"
import * as MemoryTopicLog from "./link/MemoryTopicLog.ts"
import * as ChatConsumer from "./plaza/chat/ChatConsumer.ts"
import * as ChatDeciders from "./plaza/chat/Deciders.ts"
import * as Mailbox from "./plaza/mailbox/Mailbox.ts"
import * as OpsDeciders from "./plaza/ops/OpsDeciders.ts"
import * as OpsDesk from "./plaza/ops/OpsDesk.ts"
import { Channels } from "./plaza/playground/Channels.ts"
import { Entrance } from "./plaza/playground/Entrance.ts"
import * as PlaygroundConsumer from "./plaza/playground/PlaygroundConsumer.ts"
import * as PlazaAttendance from "./plaza/playground/PlazaAttendance.ts"
import { openTags } from "./plaza/playground/Population.ts"
import * as Upkeep from "./plaza/playground/Upkeep.ts"
import { World } from "./plaza/playground/World.ts"
import * as BlockConsumer from "./plaza/social/BlockConsumer.ts"
import * as BlockDeciders from "./plaza/social/BlockDeciders.ts"
import * as Hidden from "./plaza/social/Hidden.ts"
import * as PouchDeciders from "./plaza/social/PouchDeciders.ts"
import * as SocialConsumer from "./plaza/social/SocialConsumer.ts"
import { type Cluster, clusterOf, Settings, type Values, type Watched } from "./Settings.ts"
import { Applier } from "./space/Applier.ts"
import * as Canary from "./space/Canary.ts"
import * as Figures from "./space/Figures.ts"
import { Founding } from "./space/Founding.ts"
import * as MeasuredSpace from "./space/MeasuredSpace.ts"
import * as MemorySharedSpace from "./space/MemorySharedSpace.ts"
import { Presence } from "./space/Presence.ts"
import * as Rebuild from "./space/Rebuild.ts"
import { Self } from "./space/Self.ts"
import { SharedSpace } from "./space/SharedSpace.ts"
import * as Timers from "./space/Timers.ts"
import { ChannelList } from "./watch/ChannelList.ts"
import { Observer } from "./watch/Observer.ts"
import { Watcher } from "./watch/Watcher.ts"

/** Which life of which runner this is. */
const self = Layer.unwrap(
  Effect.map(Settings, ({ runnerId }) => Self.layer(Option.getOrElse(runnerId, () => madeUpRunnerId())))
)

/** A name nobody else has, for a runner that was given none. */
const madeUpRunnerId = (): string => `r${crypto.randomUUID().slice(0, 8)}`

/** Everything above the links, the same in one process and over many. */
export const plaza = Layer.mergeAll(
  PlaygroundConsumer.layer,
  ChatConsumer.layer,
  SocialConsumer.layer,
  BlockConsumer.layer,
  SessionConsumer.layer,
  Mailbox.deliveryLayer,
  Hidden.deliveryLayer,
  Upkeep.layer,
  Figures.layer,
  OpsDesk.layer,
  Timers.layer,
  // Deciders are there before the first record is read.
  Layer.provide(
    Layer.mergeAll(Applier.layer, Rebuild.layer),
    Layer.mergeAll(
      ChatDeciders.layer,
      PouchDeciders.layer,
      BlockDeciders.layer,
      OpsDeciders.layer,
      Canary.decidersLayer
    )
  )
).pipe(
  Layer.provideMerge(Entrance.layer),
  Layer.provideMerge(Sessions.layer),
  Layer.provideMerge(PlazaAttendance.layer),
  Layer.provideMerge(Hidden.Hidden.layer),
  Layer.provideMerge(Layer.mergeAll(Channels.layer, Mailbox.Mailbox.layer)),
  Layer.provideMerge(Layer.mergeAll(Presence.layer, World.layer, Tokens.layer, Turnstile.layer, EventBus.layer)),
  Layer.provideMerge(Founding.layer),
  Layer.provideMerge(self)
)

/** A runner; what it is given says whether anybody hears it. */
const runner = <E, R>(canary: Layer.Layer<Canary.Canary, E, R>) =>
  Runner.layer.pipe(Layer.provide(Layer.mergeAll(ClientMessageConsumer.layer, canary)), Layer.provide(plaza))

/** What the plaza knows and the watcher asks: which channels there are. */
const channelList = Layer.effect(
  ChannelList,
  Effect.gen(function* () {
    const space = yield* SharedSpace
    const { playgrounds } = yield* World
    return ChannelList.of({ all: openTags(space, playgrounds) })
  })
).pipe(Layer.provide(World.layer))

/** What a watcher looks by, in the only process or outside of many. */
export const sight = Layer.mergeAll(Observer.layer, channelList)

/** The memory twins of everything. */
const memory = Layer.mergeAll(
  MemoryRunnerLink.layer,
  MemoryTopicLog.layer,
  MemoryRoster.layer,
  Layer.provide(MeasuredSpace.layer, MemorySharedSpace.layer)
)

/** One process, nothing else installed: the memory twins of everything, and a watcher of its own. */
export const embedded = Layer.merge(runner(Canary.Canary.layerEmbedded), Layer.provide(Watcher.layer, sight)).pipe(
  Layer.provide(memory)
)

/** One of many runners over the three servers. */
const clustered = (settings: Values, cluster: Cluster) =>
  runner(Canary.Canary.layer).pipe(Layer.provide(Layer.unwrap(Effect.promise(() => links(settings, cluster)))))

/** Loaded here and not above: one process by itself needs no client of any server. */
const links = async (settings: Values, cluster: Cluster) => {
  const [{ Redis }, RedisRunnerLink, log, shared] = await Promise.all([
    import("./link/Redis.ts"),
    import("./link/RedisRunnerLink.ts"),
    topicLog(settings, cluster),
    spaceAndRoster(settings, cluster)
  ])
  return Layer.mergeAll(RedisRunnerLink.layer, shared, log).pipe(
    Layer.provide(Redis.layer({ url: cluster.redisUrl, prefix: cluster.prefixes.redis }))
  )
}

const topicLog = async (settings: Values, { kafkaBrokers, kafkaAccount, prefixes }: Cluster) => {
  const KafkaTopicLog = await import("./link/KafkaTopicLog.ts")
  return KafkaTopicLog.layer({
    brokers: kafkaBrokers,
    tls: settings.kafkaTls,
    sasl: kafkaAccount && { mechanism: settings.kafkaSasl, ...kafkaAccount },
    prefix: prefixes.kafka
  })
}

/** Where presence is. */
const spaceAndRoster = async ({ rosterSessionMs }: Values, { zookeeper, zookeeperAccount, prefixes }: Watched) => {
  const [RedisSharedSpace, ZooKeeperRoster] = await Promise.all([
    import("./space/RedisSharedSpace.ts"),
    import("./link/ZooKeeperRoster.ts")
  ])
  return Layer.mergeAll(
    Layer.provide(MeasuredSpace.layer, RedisSharedSpace.layer),
    ZooKeeperRoster.layer({
      servers: zookeeper,
      sessionMs: rosterSessionMs,
      account: zookeeperAccount,
      prefix: prefixes.zookeeper
    })
  )
}

/** Outside of many runners: what a watcher needs, and no more. */
export const outside = (settings: Values, watched: Watched) => {
  const layer = Effect.promise(async () => {
    const [{ Redis }, RedisRunnerLink, shared] = await Promise.all([
      import("./link/Redis.ts"),
      import("./link/RedisRunnerLink.ts"),
      spaceAndRoster(settings, watched)
    ])
    const { redisUrl, prefixes } = watched
    // It hears no runner, and tells boards what it counts.
    return Layer.provide(
      Layer.merge(RedisRunnerLink.layer, shared),
      Redis.layer({ url: redisUrl, prefix: prefixes.redis })
    )
  })
  return Layer.provideMerge(sight, Layer.unwrap(layer))
}

/** A watcher: where it is told of Kafka it fires timers, too. */
export const watching = (settings: Values, watched: Watched) => {
  const cluster = clusterOf(settings)
  const log = cluster && Layer.unwrap(Effect.promise(() => topicLog(settings, cluster)))
  const timers = log === undefined ? Layer.empty : Timers.layerOutside(log)
  return Layer.provideMerge(timers, outside(settings, watched))
}

/** What the settings say: with the three servers named, one of many. */
export const layer = Layer.unwrap(
  Effect.map(Settings, (settings) => {
    const cluster = clusterOf(settings)
    return cluster === undefined ? embedded : clustered(settings, cluster)
  })
)

/** What an operator repairs by hand: the servers, and what facts mean. No runner, and none is needed. */
export const operator = Layer.merge(PouchDeciders.layer, BlockDeciders.layer).pipe(
  Layer.provideMerge(EventBus.layer),
  Layer.provideMerge(
    Layer.unwrap(
      Effect.map(Settings, (settings) => {
        const cluster = clusterOf(settings)
        return cluster === undefined ? memory : Layer.unwrap(Effect.promise(() => links(settings, cluster)))
      })
    )
  )
)
