/** Redis as its operator has it: connections of a test's own, by which it does what befalls a Redis. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Redis as Client } from "ioredis"
import { Redis } from "../../src/link/Redis.ts"
import * as RedisRunnerLink from "../../src/link/RedisRunnerLink.ts"
import * as RedisSharedSpace from "../../src/space/RedisSharedSpace.ts"

/** Link and space as a runner has them, under a prefix of the test's own. */
export const layerOf = (url: string, prefix: string) =>
  Layer.mergeAll(RedisRunnerLink.layer, RedisSharedSpace.layer).pipe(
    Layer.provide(Redis.layer({ url: Redacted.make(url), prefix }))
  )

/** Connected until the scope closes. */
export const operator = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Client(url)),
    (client) => Effect.sync(() => client.disconnect())
  )

/** Cuts the connections of a prefix, and nobody else's. */
export const cut = Effect.fnUntraced(function* (url: string, prefix: string) {
  const client = yield* operator(url)
  yield* Effect.promise(async () => {
    const lines = String(await client.client("LIST")).split("\n")
    const mine = lines.filter((line) => line.includes(` name=noriter:${prefix}`))
    await Promise.all(mine.map((line) => client.client("KILL", "ID", /^id=(\d+)/.exec(line)?.[1] ?? "")))
  })
})

/** So much time passes for the keys of a prefix that go by themselves. */
export const pass = Effect.fnUntraced(function* (url: string, prefix: string, ms: number) {
  const client = yield* operator(url)
  yield* Effect.promise(async () => {
    for (const key of await client.keys(`${prefix}*`)) {
      const leftMs = await client.pttl(key)
      if (leftMs >= 0) await client.pexpire(key, leftMs - ms)
    }
  })
})

/** Empties it, of everybody's. */
export const emptied = (url: string): Promise<void> =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(operator(url), (client) => Effect.promise(() => client.flushall()))).pipe(
      Effect.asVoid
    )
  )
