/** The memory twins pass what every link and space passes; theirs is the embedded default. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MemoryRoster from "../../src/link/MemoryRoster.ts"
import * as MemoryRunnerLink from "../../src/link/MemoryRunnerLink.ts"
import * as MemoryTopicLog from "../../src/link/MemoryTopicLog.ts"
import * as MemorySharedSpace from "../../src/space/MemorySharedSpace.ts"
import * as Roster from "./Roster.ts"
import * as RunnerLink from "./RunnerLink.ts"
import * as SharedSpace from "./SharedSpace.ts"
import * as Timers from "./Timers.ts"
import * as TopicLog from "./TopicLog.ts"
import { partitions, topic } from "./TopicLogReader.ts"

const hub = new MemoryRunnerLink.Hub()
RunnerLink.suite("memory", MemoryRunnerLink.layerOf(hub), { reconnect: Effect.sync(() => hub.reconnect()) })

const ensemble = new MemoryRoster.Ensemble(1)
Roster.suite("memory", MemoryRoster.layerOf(ensemble), { expire: ({ id }) => Effect.sync(() => ensemble.expire(id)) })

const contractTopic = { name: topic, partitions: partitions }
TopicLog.suite("memory", MemoryTopicLog.layerOf(new MemoryTopicLog.Broker({ topics: [contractTopic] })))
let holes = 0
const holey = new MemoryTopicLog.Broker({ topics: [contractTopic], hole: () => holes++ % 3 })
TopicLog.suite("memory, with holes", MemoryTopicLog.layerOf(holey))

let passedMs = 0
const space = new MemorySharedSpace.Space(hub, () => passedMs)
SharedSpace.suite("memory", Layer.mergeAll(MemorySharedSpace.layerOf(space), MemoryRunnerLink.layerOf(hub)), {
  reconnect: Effect.sync(() => space.reconnect()),
  pass: (ms) =>
    Effect.sync(() => {
      passedMs += ms
    })
})
Timers.suite("memory", Layer.mergeAll(MemorySharedSpace.layerOf(space), MemoryRunnerLink.layerOf(hub)))
// What a server without clustering builds: space and link find the same hub.
SharedSpace.suite("memory, embedded", Layer.mergeAll(MemorySharedSpace.layer, MemoryRunnerLink.layer))
