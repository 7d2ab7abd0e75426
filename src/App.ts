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
import * as MemoryRoster from "./link/MemoryRoster.ts"
import * as MemoryRunnerLink from "./link/MemoryRunnerLink.ts"
import * as MemoryTopicLog from "./link/MemoryTopicLog.ts"
import * as ChatConsumer from "./plaza/chat/ChatConsumer.ts"
import * as ChatDeciders from "./plaza/chat/Deciders.ts"
import * as Mailbox from "./plaza/mailbox/Mailbox.ts"
import * as OpsDesk from "./plaza/ops/OpsDesk.ts"
import { Channels } from "./plaza/playground/Channels.ts"
import { Entrance } from "./plaza/playground/Entrance.ts"
import * as PlaygroundConsumer from "./plaza/playground/PlaygroundConsumer.ts"
import * as PlazaAttendance from "./plaza/playground/PlazaAttendance.ts"
import * as Upkeep from "./plaza/playground/Upkeep.ts"
import { World } from "./plaza/playground/World.ts"
import * as PouchDeciders from "./plaza/social/PouchDeciders.ts"
import * as SocialConsumer from "./plaza/social/SocialConsumer.ts"
import { type Cluster, clusterOf, Settings, type Values } from "./Settings.ts"
import { Applier } from "./space/Applier.ts"
import * as Canary from "./space/Canary.ts"
import * as Figures from "./space/Figures.ts"
import * as MeasuredSpace from "./space/MeasuredSpace.ts"
import * as MemorySharedSpace from "./space/MemorySharedSpace.ts"
import { Presence } from "./space/Presence.ts"
import { Self } from "./space/Self.ts"

/** Which life of which runner this is. */
const self = Layer.unwrap(
  Effect.map(Settings, ({ runnerId }) => Self.layer(Option.getOrElse(runnerId, () => madeUpRunnerId())))
)

/** A name nobody else has, for a runner that was given none. */
const madeUpRunnerId = (): string => `r${crypto.randomUUID().slice(0, 8)}`

/** Everything above the links, the same in one process and over many. */
const plaza = Layer.mergeAll(
  PlaygroundConsumer.layer,
  ChatConsumer.layer,
  SocialConsumer.layer,
  SessionConsumer.layer,
  Mailbox.deliveryLayer,
  Upkeep.layer,
  Figures.layer,
  OpsDesk.layer,
  // Deciders are there before the first record is read.
  Layer.provide(Applier.layer, Layer.mergeAll(ChatDeciders.layer, PouchDeciders.layer, Canary.decidersLayer))
).pipe(
  Layer.provideMerge(Entrance.layer),
  Layer.provideMerge(Sessions.layer),
  Layer.provideMerge(PlazaAttendance.layer),
  Layer.provideMerge(Layer.mergeAll(Channels.layer, Mailbox.Mailbox.layer)),
  Layer.provideMerge(Layer.mergeAll(Presence.layer, World.layer, Tokens.layer, EventBus.layer)),
  Layer.provideMerge(self)
)

/** A runner; what it is given says whether anybody hears it. */
const runner = <E, R>(canary: Layer.Layer<Canary.Canary, E, R>) =>
  Runner.layer.pipe(Layer.provide(Layer.mergeAll(ClientMessageConsumer.layer, canary)), Layer.provide(plaza))

/** One process, nothing else installed: the memory twins of everything. */
export const embedded = runner(Canary.Canary.layerEmbedded).pipe(
  Layer.provide(
    Layer.mergeAll(
      MemoryRunnerLink.layer,
      MemoryTopicLog.layer,
      MemoryRoster.layer,
      Layer.provide(MeasuredSpace.layer, MemorySharedSpace.layer)
    )
  )
)

/** One of many runners over the three servers. */
const clustered = (settings: Values, cluster: Cluster) =>
  runner(Canary.Canary.layer).pipe(Layer.provide(Layer.unwrap(Effect.promise(() => links(settings, cluster)))))

/** Loaded here and not above: one process by itself needs no client of any server. */
const links = async (settings: Values, { redisUrl, kafkaBrokers, kafkaAccount, zookeeper, prefixes }: Cluster) => {
  const [{ Redis }, RedisRunnerLink, RedisSharedSpace, KafkaTopicLog, ZooKeeperRoster] = await Promise.all([
    import("./link/Redis.ts"),
    import("./link/RedisRunnerLink.ts"),
    import("./space/RedisSharedSpace.ts"),
    import("./link/KafkaTopicLog.ts"),
    import("./link/ZooKeeperRoster.ts")
  ])
  return Layer.mergeAll(
    RedisRunnerLink.layer,
    Layer.provide(MeasuredSpace.layer, RedisSharedSpace.layer),
    KafkaTopicLog.layer({
      brokers: kafkaBrokers,
      tls: settings.kafkaTls,
      sasl: kafkaAccount && { mechanism: settings.kafkaSasl, ...kafkaAccount },
      prefix: prefixes.kafka
    }),
    ZooKeeperRoster.layer({ servers: zookeeper, sessionMs: settings.rosterSessionMs, prefix: prefixes.zookeeper })
  ).pipe(Layer.provide(Redis.layer({ url: redisUrl, prefix: prefixes.redis })))
}

/** What the settings say: with the three servers named, one of many. */
export const layer = Layer.unwrap(
  Effect.map(Settings, (settings) => {
    const cluster = clusterOf(settings)
    return cluster === undefined ? embedded : clustered(settings, cluster)
  })
)
