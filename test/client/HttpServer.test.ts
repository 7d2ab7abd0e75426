import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { HttpServer } from "../../src/client/HttpServer.ts"
import { Settings, type Values } from "../../src/Settings.ts"
import { fileDescriptorShares } from "../../src/telemetry/FileDescriptors.ts"
import { buildInfo, meter, refused } from "../../src/telemetry/Metrics.ts"
import { Process } from "../../src/telemetry/Process.ts"
import { tls } from "./Listening.ts"
import { PhoneSocket } from "./PhoneSocket.ts"

/** 2,048 and 512, where there are file descriptors enough. */
const { http: socketsMax } = fileDescriptorShares()
const addressMax = Math.ceil(socketsMax / 4)

let reasons: ReadonlyArray<string> = ["starting"]
const ready = Effect.suspend(() => (reasons.length === 0 ? Effect.void : Effect.fail(reasons)))
const build = Process.layer({ version: "1.2.3", protocol: 1 })
const serving = (settings: Partial<Values>) =>
  HttpServer.layer(ready).pipe(Layer.provide(Layer.merge(build, Settings.test({ httpPort: 0, ...settings }))))
const layer = serving({})

const ask = Effect.fnUntraced(function* (path: string, init: RequestInit = {}) {
  const { host, port } = yield* HttpServer
  return yield* Effect.promise(async () => {
    const response = await fetch(`http://${host}:${port}${path}`, init)
    return { status: response.status, type: response.headers.get("content-type"), body: await response.text() }
  })
})

describe("HttpServer", () => {
  it.live("says whether it lives and whether it is ready, and why not", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* ask("/healthz"), { status: 200, body: "ok\n" })
      assert.deepInclude(yield* ask("/readyz"), { status: 503, body: "starting\n" })
      reasons = []
      assert.deepInclude(yield* ask("/readyz?from=probe"), { status: 200, body: "ready\n" })
      reasons = ["draining", "the log is away"]
      assert.deepInclude(yield* ask("/readyz"), { status: 503, body: "draining\nthe log is away\n" })
    }).pipe(Effect.provide(layer))
  )

  it.live("prints our metrics and those of libraries", () =>
    Effect.gen(function* () {
      refused.of("ERROR_CODE_TEST").count++
      yield* Metric.update(Metric.counter("library_total", { incremental: true }), 3)
      const { status, type, body } = yield* ask("/metrics")
      assert.strictEqual(status, 200)
      assert.include(type ?? "", "version=0.0.4")
      assert.include(body, 'noriter_refused_total{code="ERROR_CODE_TEST"} 1')
      assert.include(body, `noriter_build_info{version="1.2.3",protocol="1",node="${process.versions.node}"} 1`)
      assert.match(body, /^noriter_event_loop_lag_seconds\{quantile="0\.99"\} 0/m)
      assert.match(body, /^noriter_resident_bytes [1-9]/m)
      assert.include(body, "library_total 3")
      assert.strictEqual(buildInfo.of("1.2.3", "1", process.versions.node).value, 1)
    }).pipe(Effect.provide(layer))
  )

  it.live("prints metrics no more often than it may, however many ask", () =>
    Effect.gen(function* () {
      let printed = 0
      const forget = meter.onPrint(() => printed++)
      yield* Effect.ensuring(
        Effect.gen(function* () {
          const before = performance.now()
          yield* Effect.all(
            Array.from({ length: 50 }, () => ask("/metrics")),
            { concurrency: "unbounded" }
          )
          assert.isAtMost(printed, 1 + (performance.now() - before) / 100)
        }),
        Effect.sync(forget)
      )
    }).pipe(Effect.provide(layer))
  )

  it.live("answers so many requests of a socket that waits for none, and closes it at one more", () =>
    Effect.gen(function* () {
      const { port } = yield* HttpServer
      const asked = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
      const [patient, flooding] = [yield* PhoneSocket.open({ port }), yield* PhoneSocket.open({ port })]
      const answers = (heard: string) => heard.split("200 OK").length - 1
      patient.say(asked.repeat(16))
      yield* patient.until("all answers", ({ heard }) => answers(heard) === 16)
      patient.say(asked.repeat(16))
      yield* patient.until("all answers", ({ heard }) => answers(heard) === 32)
      flooding.say(asked.repeat(1_000))
      assert.isAtMost(answers(yield* flooding.closes), 16)
    }).pipe(Effect.provide(layer))
  )

  it.live("does nothing else", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask("/")).status, 404)
      assert.strictEqual((yield* ask("/metrics", { method: "POST", body: "x" })).status, 405)
      assert.deepInclude(yield* ask("/healthz", { method: "HEAD" }), { status: 200, body: "" })
    }).pipe(Effect.provide(layer))
  )

  it.live("says that its port is in use", () =>
    Effect.gen(function* () {
      const { port } = yield* HttpServer
      const second = serving({ httpPort: port })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.fresh(second))))
      assert.strictEqual(
        error.message,
        `cannot listen for HTTP on 127.0.0.1:${port}: the port is in use (NORITER_HTTP_PORT)`
      )
    }).pipe(Effect.provide(layer))
  )

  it.live(
    "closes sockets that say nothing or never finish, keeps none that is idle, and takes so many of an address",
    () =>
      Effect.gen(function* () {
        const { port } = yield* HttpServer
        const [silent, halting] = [yield* PhoneSocket.open({ port }), yield* PhoneSocket.open({ port })]
        halting.say("GET / HTTP/1.1\r\nhost: a\r\nx: ")
        const others: Array<PhoneSocket> = []
        for (let count = 2; count < addressMax; count++) others.push(yield* PhoneSocket.open({ port }))
        yield* Effect.forEach(others, (phone) => phone.until("it to connect", ({ socket }) => !socket.connecting))
        const past = yield* PhoneSocket.open({ port })
        assert.strictEqual(yield* past.closes, "")
        const other = yield* PhoneSocket.open({ port, localAddress: "127.0.0.2" })
        other.say("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        yield* other.hears("200 OK")
        for (const phone of [silent, halting, other]) yield* phone.within("20 seconds").closes
      }).pipe(Effect.provide(Layer.fresh(layer)))
  )

  it.live("shakes hands with an address as often as it may connect by TCP, and with others", () =>
    Effect.gen(function* () {
      const { port } = yield* HttpServer
      const from = (localAddress: string) => PhoneSocket.open({ port, localAddress, tls: true })
      const phones = [yield* from("127.0.0.2"), yield* from("127.0.0.2"), yield* from("127.0.0.3")]
      for (const phone of phones) phone.say("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
      for (const phone of phones) yield* phone.hears("200 OK")
      const past = yield* from("127.0.0.2")
      past.say("GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
      assert.strictEqual(yield* past.closes, "")
    }).pipe(Effect.provide(serving({ ...tls, addressNewPerSecond: 0.1, addressNewBurst: 2 })))
  )

  it.live("shakes hands with a proxy that it knows as often as phones come by it", () =>
    Effect.gen(function* () {
      const { port } = yield* HttpServer
      for (let phone = 0; phone < 4; phone++) {
        const proxied = yield* PhoneSocket.open({ port, tls: true })
        proxied.say(`GET /healthz HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 10.0.0.${phone}\r\n\r\n`)
        yield* proxied.hears("200 OK")
      }
    }).pipe(Effect.provide(serving({ ...tls, proxies: ["127.0.0.1"], addressNewPerSecond: 0.1, addressNewBurst: 2 })))
  )

  it.live("takes so many of all addresses, those that have not finished TLS among them", () =>
    Effect.gen(function* () {
      const { port } = yield* HttpServer
      const silent: Array<PhoneSocket> = []
      for (let count = 0; count < socketsMax; count++) {
        silent.push(yield* PhoneSocket.open({ port, localAddress: `127.0.0.${1 + Math.floor(count / addressMax)}` }))
      }
      yield* Effect.forEach(silent, (phone) => phone.until("it to connect", ({ socket }) => !socket.connecting))
      const past = yield* PhoneSocket.open({ port, localAddress: "127.0.0.5" })
      yield* past.closes
      assert.lengthOf(
        silent.filter(({ ended }) => ended),
        0
      )
    }).pipe(Effect.provide(serving({ ...tls, helloTimeoutMs: 60_000, addressNewPerSecond: 0 })))
  )
})
