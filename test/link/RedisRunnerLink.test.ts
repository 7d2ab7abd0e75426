/** What the contract cannot see of the link over Redis: how often a channel is subscribed there, and for how long. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Redis as Client } from "ioredis"
import { RunnerLink } from "../../src/link/RunnerLink.ts"
import { unique, until } from "../contract/Eventually.ts"
import { cut, layerOf, operator } from "../services/RedisOperator.ts"
import { withServices } from "../services/Services.ts"

await withServices("RunnerLink over Redis", ["redis"], ({ redis }) => {
  it.live("subscribes a channel once, however many listen, and gives it back after the last", () => once(redis))
  it.live("hears all of a thousand channels again after its connection was cut", () => manyAgain(redis))
})

const subscribersOf = (client: Client, channel: string) =>
  Effect.promise(async () => Number((await client.pubsub("NUMSUB", channel))[1]))

const once = Effect.fnUntraced(function* (redis: string) {
  const [client, prefix] = [yield* operator(redis), `${unique("once")}:`]
  yield* Effect.gen(function* () {
    const link = yield* RunnerLink
    const [first, second] = [yield* Scope.make(), yield* Scope.make()]
    const listen = link.subscribe("c", () => {})
    yield* Effect.all([Scope.provide(listen, first), Scope.provide(listen, second)], { concurrency: 2 })
    assert.strictEqual(yield* subscribersOf(client, `${prefix}c`), 1)
    yield* Scope.close(first, Exit.void)
    assert.strictEqual(yield* subscribersOf(client, `${prefix}c`), 1)
    yield* Scope.close(second, Exit.void)
    let left = 1
    while (left > 0) left = yield* subscribersOf(client, `${prefix}c`)
  }).pipe(Effect.provide(layerOf(redis, prefix)))
}, Effect.scoped)

const manyAgain = Effect.fnUntraced(function* (redis: string) {
  const prefix = `${unique("many")}:`
  const channels = Array.from({ length: 1_001 }, (_, at) => `c${at}`)
  yield* Effect.gen(function* () {
    const link = yield* RunnerLink
    const heard = new Set<string>()
    let ready = false
    yield* link.onReady(() => {
      ready = true
    })
    for (const name of channels) yield* link.subscribe(name, () => void heard.add(name))
    yield* cut(redis, prefix)
    yield* until("the link is ready", () => ready)
    for (const name of channels) yield* link.publish(name, new Uint8Array(1))
    yield* until("every channel is heard", () => heard.size === channels.length)
  }).pipe(Effect.provide(layerOf(redis, prefix)))
}, Effect.scoped)
