import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import * as KafkaTopicLog from "./src/link/KafkaTopicLog.ts"
import { TopicLog } from "./src/link/TopicLog.ts"
const topic = { name: "noriter.bench", partitions: 4, retentionHours: 1 }
const main = Effect.gen(function* () {
  const ctx = yield* Layer.build(KafkaTopicLog.layer({ brokers: [process.argv[2]!], prefix: `b${Date.now()}.`, topics: [topic] }))
  const log = Context.get(ctx, TopicLog)
  const rec = (n: number) => ({ key: "bench.v1.Any", partitionBy: `park/${n % 50}`, body: new Uint8Array(200) })
  const N = 200000; let done = 0; let inflight = 0; let sent = 0; let refused = 0
  let c0 = process.cpuUsage(); let t0 = performance.now()
  yield* Effect.callback<void>((resume) => {
    const more = () => { while (inflight < 900 && sent < N) { sent++; inflight++; log.offer(topic.name, rec(sent), (f) => { inflight--; if (f) refused++; if (++done === N) return resume(Effect.void); more() }) } }
    more()
  })
  let c = process.cpuUsage(c0)
  console.log("offers", Math.round(N / (performance.now() - t0) * 1000), "records/s, per cpu second", Math.round(N / (c.user + c.system) * 1e6), "refused", refused)
  let read = 0; 
  c0 = process.cpuUsage(); t0 = performance.now()
  yield* log.consume({ group: "g", topics: [topic.name], handle: (r) => Effect.sync(() => { read += r.length }) })
  while (read < N) yield* Effect.sleep("10 millis")
  c = process.cpuUsage(c0)
  console.log("consume", Math.round(N / (performance.now() - t0) * 1000), "records/s, per cpu second", Math.round(N / (c.user + c.system) * 1e6))
}).pipe(Effect.scoped)
Effect.runPromise(main).then(() => process.exit(0), (e) => { console.error(e); process.exit(1) })
