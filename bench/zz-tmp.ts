import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Redis as Client } from "ioredis"
import { Redis } from "../src/link/Redis.ts"
import * as RedisSharedSpace from "../src/space/RedisSharedSpace.ts"
import { SharedSpace } from "../src/space/SharedSpace.ts"
const url = process.argv[2]!
const client = new Client(url)
const cpu = async () => { const t = await client.info("cpu"); return Number(/used_cpu_user_main_thread:([\d.]+)/.exec(t)![1]) + Number(/used_cpu_sys_main_thread:([\d.]+)/.exec(t)![1]) }
const layer = RedisSharedSpace.layer.pipe(Layer.provide(Redis.layer({ url: Redacted.make(url), prefix: "bench:" })))
const total = 20000
const measure = (title: string, one: (space: SharedSpace["Service"], n: number) => Effect.Effect<unknown, unknown>) => Effect.gen(function* () {
  const space = yield* SharedSpace
  const before = yield* Effect.promise(cpu)
  let n = 0
  const worker = Effect.gen(function* () { while (n < total) yield* Effect.ignore(one(space, n++)) })
  yield* Effect.all(Array.from({ length: 100 }, () => worker), { concurrency: "unbounded", discard: true })
  const after = yield* Effect.promise(cpu)
  console.log(title.padEnd(40), `${(((after - before) / total) * 1e6).toFixed(1)} µs of Redis' CPU each`)
})
const generation = { era: 1, n: 1 }
const value = new Uint8Array(100).fill(7)
const run0 = `${Date.now()}`
const base = (k: string, n: number) => ({ tag: `p${run0}/${1 + (n % 1000)}`, token: `${k}-${run0}-${n}-0123456789abcdef`, generation, found: true, guard: { _tag: "Compared" as const }, reads: [], changes: [], tell: [] })
await Effect.runPromise(Effect.gen(function* () {
  yield* measure("warm", (space, n) => space.commit(base("w", n)))
  yield* measure("refused Missing", (space, n) => space.commit({ ...base("a", n), found: false, generation: { era: 1, n: 9 } }))
  yield* measure("empty commit", (space, n) => space.commit(base("b", n)))
  yield* measure("put", (space, n) => space.commit({ ...base("c", n), changes: [{ _tag: "Put", key: `k${n % 50}`, value }] }))
  yield* measure("put + tell", (space, n) => space.commit({ ...base("d", n), changes: [{ _tag: "Put", key: `k${n % 50}`, value }], tell: [{ channel: `p${run0}/${1 + (n % 1000)}`, bytes: value }] }))
  yield* measure("read", (space, n) => space.read({ tag: `p${run0}/1`, keys: ["k1"] }))
  yield* measure("ping", () => Effect.promise(() => client.ping()))
}).pipe(Effect.provide(layer)))
client.disconnect()
