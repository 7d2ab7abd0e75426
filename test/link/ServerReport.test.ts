/** What doctor says of the three servers, asked of real ones: versions, settings that cost a guarantee, and who is away. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Redis } from "ioredis"
import type { Remark } from "../../src/link/Remark.ts"
import { ask } from "../../src/link/ServerReport.ts"
import { unique } from "../contract/Eventually.ts"
import { ownServices, withServices } from "../services/Services.ts"

const nowhere = "127.0.0.1:1"
const of = (remarks: ReadonlyArray<Remark>, server: Remark["server"], verdict: Remark["verdict"]) =>
  remarks.filter((remark) => remark.server === server && remark.verdict === verdict).map(({ detail }) => detail)

await withServices("the report of the servers", ["redis", "kafka", "zookeeper"], ({ redis, kafka, zookeeper }) => {
  const servers = {
    redisUrl: Redacted.make(redis),
    kafka: { brokers: [kafka], prefix: `${unique("report")}.` },
    zookeeper: { servers: zookeeper, sessionMs: 6_000, prefix: `${unique("report")}.` }
  }

  it.live("names each with its version, and finds nothing wrong with those of the tests", () =>
    Effect.gen(function* () {
      const remarks = yield* ask(servers)
      assert.deepStrictEqual(
        remarks.filter(({ verdict }) => verdict === "wrong"),
        []
      )
      assert.match(of(remarks, "redis", "fine").join(), /version \d+\.\d+.*noeviction/)
      assert.match(of(remarks, "redis", "note").join(), /appendonly no: .* loses/)
      assert.match(of(remarks, "kafka", "fine").join(), /brokers: .*group\.min\.session\.timeout\.ms 1000/)
      assert.match(of(remarks, "kafka", "note").join(), /min\.insync\.replicas 1.* lost with a broker/)
      assert.match(of(remarks, "kafka", "note").join(), /topics are not there yet/)
      assert.match(of(remarks, "zookeeper", "fine").join(), /version 3\.\d+.*sessions of 6000 ms are allowed/)
    })
  )

  it.live("says what sessions the servers would not allow", () =>
    Effect.gen(function* () {
      const remarks = yield* ask({ ...servers, zookeeper: { ...servers.zookeeper, sessionMs: 600_000 } })
      assert.match(of(remarks, "zookeeper", "note").join(), /sessions of \d+ to \d+ ms, not of 600000/)
    })
  )

  it.live("finds a Redis that forgets when memory is short, and servers that are away", () =>
    Effect.gen(function* () {
      const { urls } = yield* ownServices("redis")
      yield* Effect.promise(async () => {
        const client = new Redis(urls.redis)
        await client.config("SET", "maxmemory-policy", "allkeys-lru")
        client.disconnect()
      })
      const remarks = yield* ask({
        ...servers,
        redisUrl: Redacted.make(urls.redis),
        kafka: { brokers: [nowhere], prefix: "" },
        zookeeper: { ...servers.zookeeper, servers: `${zookeeper},${nowhere}` }
      })
      assert.match(of(remarks, "redis", "wrong").join(), /allkeys-lru: members and lines vanish/)
      assert.match(of(remarks, "kafka", "wrong").join(), /could not be asked: .*ECONNREFUSED/)
      assert.match(of(remarks, "zookeeper", "wrong").join(), /could not be asked: .*ECONNREFUSED/)
      assert.isNotEmpty(of(remarks, "zookeeper", "fine"))
    })
  )
})
