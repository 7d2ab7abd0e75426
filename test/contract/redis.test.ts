/**
 * Redis passes what the memory twins pass: plain, and as a cluster, where a script may not leave the slot of its tag. What
 * else befalls a real connection is in test/space/RedisSharedSpace.test.ts.
 */
import * as Effect from "effect/Effect"
import { cut, layerOf, pass } from "../services/RedisOperator.ts"
import { withServices } from "../services/Services.ts"
import { unique } from "./Eventually.ts"
import * as RunnerLink from "./RunnerLink.ts"
import * as SharedSpace from "./SharedSpace.ts"
import * as Timers from "./Timers.ts"

const contract = (name: string, url: string) => {
  const prefix = `${unique("contract")}:`
  const reconnect = Effect.scoped(cut(url, prefix))
  RunnerLink.suite(name, layerOf(url, prefix), { reconnect })
  SharedSpace.suite(name, layerOf(url, prefix), { reconnect, pass: (ms) => Effect.scoped(pass(url, prefix, ms)) })
  Timers.suite(name, layerOf(url, prefix))
}

await withServices("Redis", ["redis"], ({ redis }) => contract("Redis", redis))

await withServices("Redis Cluster", ["redis-cluster"], (urls) => contract("Redis Cluster", urls["redis-cluster"]))
