/**
 * The only place where layers meet: which links and which shared space a runner has, and everything above them, which
 * does not know. `embedded`: one process with nothing else installed; its log dies with it.
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
import * as Mailbox from "./plaza/chat/Mailbox.ts"
import { Channels } from "./plaza/playground/Channels.ts"
import { Entrance } from "./plaza/playground/Entrance.ts"
import * as PlaygroundConsumer from "./plaza/playground/PlaygroundConsumer.ts"
import * as PlazaAttendance from "./plaza/playground/PlazaAttendance.ts"
import * as Upkeep from "./plaza/playground/Upkeep.ts"
import { World } from "./plaza/playground/World.ts"
import { Settings } from "./Settings.ts"
import { Applier } from "./space/Applier.ts"
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
  SessionConsumer.layer,
  Mailbox.deliveryLayer,
  Upkeep.layer,
  // Deciders are there before the first record is read.
  Layer.provide(Applier.layer, ChatDeciders.layer)
).pipe(
  Layer.provideMerge(Entrance.layer),
  Layer.provideMerge(Sessions.layer),
  Layer.provideMerge(PlazaAttendance.layer),
  Layer.provideMerge(Layer.mergeAll(Channels.layer, Mailbox.Mailbox.layer)),
  Layer.provideMerge(Layer.mergeAll(Presence.layer, World.layer, Tokens.layer, EventBus.layer)),
  Layer.provideMerge(self)
)

const runner = Runner.layer.pipe(Layer.provide(ClientMessageConsumer.layer), Layer.provide(plaza))

/** One process, nothing else installed: the memory twins of everything. */
export const embedded = runner.pipe(
  Layer.provide(
    Layer.mergeAll(
      MemoryRunnerLink.layer,
      MemoryTopicLog.layer,
      MemoryRoster.layer,
      Layer.provide(MeasuredSpace.layer, MemorySharedSpace.layer)
    )
  )
)
