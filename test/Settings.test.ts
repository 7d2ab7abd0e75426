import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { decodeClientMessage } from "../gen/decoders.ts"
import {
  clusterOf,
  fromEnv,
  lineBytesMin,
  refusals,
  Settings,
  strangers,
  type Values,
  warnings
} from "../src/Settings.ts"
import { Issues } from "../src/wire/Strict.ts"

/** Every knob: its variable, what may stand there, what comes of it, and its default in design 8. */
const knobs: ReadonlyArray<
  readonly [field: keyof Values, variable: string, raw: string, value: unknown, otherwise: unknown]
> = [
  ["host", "HOST", "::1", "::1", "127.0.0.1"],
  ["tcpPort", "TCP_PORT", "0", 0, 4700],
  ["httpPort", "HTTP_PORT", "9", 9, 4780],
  ["tlsCert", "TLS_CERT", "cert.pem", Option.some("cert.pem"), Option.none()],
  ["tlsKey", "TLS_KEY", "key.pem", Option.some("key.pem"), Option.none()],
  ["tls", "TLS", "off-behind-proxy", "off-behind-proxy", "required"],
  ["proxies", "PROXIES", "10.0.0.1, 10.1.0.0/16", ["10.0.0.1", "10.1.0.0/16"], []],
  ["proxies", "PROXIES", "fd00::/128,::1,10.0.0.0/32", ["fd00::/128", "::1", "10.0.0.0/32"], []],
  ["origins", "ORIGINS", "https://play.example", ["https://play.example"], []],
  ["upgradeRequired", "UPGRADE_REQUIRED", "nc/1, old app/2.1", ["nc/1", "old app/2.1"], []],
  ["origins", "ORIGINS", "http://[::1]:8080, app://localhost,*", ["http://[::1]:8080", "app://localhost", "*"], []],
  ["messageBytesMax", "MESSAGE_BYTES_MAX", "4096", 4096, 65_536],
  ["lineBytesMax", "LINE_BYTES_MAX", "4096", 4096, 8192],
  ["helloTimeoutMs", "HELLO_TIMEOUT", "500 ms", 500, 5000],
  ["lineTimeoutMs", "LINE_TIMEOUT", "3 seconds", 3000, 10_000],
  ["heartbeatMs", "HEARTBEAT", "1 minute", 60_000, 15_000],
  ["lostShownMs", "LOST_SHOWN", "0", 0, 5000],
  ["resumeGraceMs", "RESUME_GRACE", "2m", 120_000, 30_000],
  ["reusePort", "REUSE_PORT", "on", true, false],
  ["rateLimits", "RATE_LIMITS", "off", false, true],
  ["channelLinesPerSecond", "CHANNEL_LINES_PER_SECOND", "1", 1, 20],
  ["cellLinesPerSecond", "CELL_LINES_PER_SECOND", "0", 0, 10],
  ["channelNearbyPerSecond", "CHANNEL_NEARBY_PER_SECOND", "7", 7, 200],
  ["refusedPerMinuteMax", "REFUSED_PER_MINUTE_MAX", "5", 5, 30],
  ["socketsMax", "SOCKETS_MAX", "3", 3, 20_000],
  ["readAloneMax", "READ_ALONE_MAX", "0", 0, 256],
  ["addressPendingMax", "ADDRESS_PENDING_MAX", "8", 8, 64],
  ["addressNewPerSecond", "ADDRESS_NEW_PER_SECOND", "10", 10, 100],
  ["addressNewBurst", "ADDRESS_NEW_PER_SECOND", "10", 50, 500],
  ["addressNewPerSecond", "ADDRESS_NEW_PER_SECOND", "10, 33", 10, 100],
  ["addressNewBurst", "ADDRESS_NEW_PER_SECOND", "10, 33", 33, 500],
  ["addressMax", "ADDRESS_MAX", "100", 100, 10_000],
  ["outboxBytesMax", "OUTBOX_BYTES_MAX", "65536", 65_536, 262_144],
  ["outboxStallMs", "OUTBOX_STALL", "1.5s", 1500, 3000],
  ["movesBytesPerSecond", "MOVES_BYTES_PER_SECOND", "5000", 5000, 20_000],
  ["speedCmpsMax", "SPEED_CMPS_MAX", "300", 300, 800],
  ["tickMs", "TICK", "50ms", 50, 100],
  ["tickLagMs", "TICK_LAG", "80ms", 80, 50],
  ["cellCm", "CELL_CM", "500", 500, 1000],
  ["cellShownMax", "CELL_SHOWN_MAX", "4", 4, 32],
  [
    "opsToken",
    "OPS_TOKEN",
    "f81d4fae7dec11d0a76500a0c91e6bf6",
    Option.some(Redacted.make("f81d4fae7dec11d0a76500a0c91e6bf6")),
    Option.none()
  ],
  ["world", "WORLD", "world.json", Option.some("world.json"), Option.none()],
  ["rosterSessionMs", "ROSTER_SESSION", "4 s", 4000, 6000],
  ["leaseMs", "LEASE", "2 sec", 2000, 3000],
  ["topicTimeoutMs", "TOPIC_TIMEOUT", "1s", 1000, 3000],
  ["runnerId", "RUNNER_ID", "runner-1", Option.some("runner-1"), Option.none()],
  ["secret", "SECRET", "0123456789abcdef", Option.some(Redacted.make("0123456789abcdef")), Option.none()],
  ["prefix", "PREFIX", "world-2", "world-2", "noriter"],
  ["redisUrl", "REDIS_URL", "redis://r", Option.some(Redacted.make("redis://r")), Option.none()],
  ["kafkaBrokers", "KAFKA_BROKERS", "a:1,b:2", Option.some(["a:1", "b:2"]), Option.none()],
  ["kafkaTls", "KAFKA_TLS", "on", true, false],
  ["kafkaUser", "KAFKA_USER", "noriter", Option.some("noriter"), Option.none()],
  ["kafkaPassword", "KAFKA_PASSWORD", "hunter2", Option.some(Redacted.make("hunter2")), Option.none()],
  ["kafkaSasl", "KAFKA_SASL", "plain", "plain", "scram-sha-512"],
  ["zookeeper", "ZOOKEEPER", "a:1,b:2", Option.some("a:1,b:2"), Option.none()],
  ["zookeeperUser", "ZOOKEEPER_USER", "noriter", Option.some("noriter"), Option.none()],
  ["zookeeperPassword", "ZOOKEEPER_PASSWORD", "hunter2", Option.some(Redacted.make("hunter2")), Option.none()],
  ["otlpUrl", "OTLP_URL", "http://o:4318", Option.some("http://o:4318"), Option.none()]
]

const refused: ReadonlyArray<readonly [variable: string, raw: string]> = [
  ["TCP_PORT", "65536"],
  ["TCP_PORT", "-1"],
  ["TCP_PORT", "4700.5"],
  ["LINE_BYTES_MAX", "4095"],
  ["MESSAGE_BYTES_MAX", "4095"],
  ["HELLO_TIMEOUT", "5"],
  ["HELLO_TIMEOUT", "5 parsecs"],
  ["HELLO_TIMEOUT", "99 ms"],
  ["TICK", "0"],
  ["TICK", "9 ms"],
  ["LEASE", "25 hours"],
  ["LEASE", "1999 ms"],
  ["RATE_LIMITS", "yes"],
  ["ADDRESS_NEW_PER_SECOND", "100,"],
  ["TLS", "off"],
  ["OUTBOX_BYTES_MAX", "4095"],
  ["RUNNER_ID", "a/b"],
  ["SECRET", "too short"],
  ["OPS_TOKEN", "f81d4fae7dec11d0a76500a"],
  ["OPS_TOKEN", "f81d4fae7dec 11d0a76500a0"],
  ["OPS_TOKEN", "f81d4fae7dec11d0a76500é09"],
  ["OPS_TOKEN", `${"f81d4fae7dec11d0".repeat(32)}0`],
  ["OPS_TOKEN", "abababababababababababababababab"],
  ["OPS_TOKEN", "this-is-my-very-long-password"],
  ["OPS_TOKEN", "change-me-change-me-change-me"],
  ["PREFIX", "a{b}"],
  ["KAFKA_SASL", "md5"],
  ["REDIS_URL", "http://r"],
  ["ZOOKEEPER_USER", "a:b"],
  ["OTLP_URL", "ftp://o"],
  ["PROXIES", ","],
  ["PROXIES", "10.0.0.1, lb.internal"],
  ["PROXIES", "10.0.0.0/33"],
  ["PROXIES", "10.0.0.0/"],
  ["PROXIES", "fd00::/129"],
  ["ORIGINS", "play.example"],
  ["ORIGINS", "https://play.example, https://play.example/"],
  ["ORIGINS", "https://play.example:443"],
  ["ORIGINS", "https://Play.example"]
]

const settings = (some: Partial<Values> = {}) => Settings.pipe(Effect.provide(Settings.test(some)))

describe("Settings", () => {
  it.effect.each(knobs)("%s is NORITER_%s", ([field, variable, raw, value, otherwise]) =>
    Effect.gen(function* () {
      const given = yield* fromEnv({ [`NORITER_${variable}`]: raw })
      assert.deepStrictEqual(given[field], value)
      assert.deepStrictEqual((yield* fromEnv({}))[field], otherwise)
      assert.deepStrictEqual((yield* fromEnv({ [`NORITER_${variable}`]: "" }))[field], otherwise)
      assert.deepStrictEqual(strangers({ [`NORITER_${variable}`]: raw }), [])
    })
  )

  it("takes no bound for a line that a request within the protocol's own bounds would not fit in", () => {
    const stream = { name: "n".repeat(64), epoch: "e".repeat(40), seq: Number.MAX_SAFE_INTEGER }
    const id = 0xffff_ffff
    const requests = [
      { id, resume: { resumeToken: "t".repeat(512), streams: Array.from({ length: 16 }, () => stream) } },
      { id, hello: { deviceSecret: '"'.repeat(128), nickname: "바람", sdk: "s".repeat(64) } },
      { id, say: { text: "가".repeat(200), reach: "REACH_PLAYGROUND" } }
    ]
    for (const request of requests) {
      const issues = new Issues()
      assert.isDefined(decodeClientMessage(request, issues))
      assert.isAtMost(Buffer.byteLength(JSON.stringify(request)), lineBytesMin)
    }
  })

  it.effect("takes a token made up at random, whatever digits stand in it", () =>
    Effect.gen(function* () {
      const token = "f81d4fae7dec12345676500a0c91e6bf6"
      assert.deepStrictEqual((yield* fromEnv({ NORITER_OPS_TOKEN: token })).opsToken, Option.some(Redacted.make(token)))
    })
  )

  it.effect("has no knob that the table above forgot", () =>
    Effect.gen(function* () {
      const fields = new Set(knobs.map(([field]) => field as string))
      assert.deepStrictEqual(Object.keys(yield* settings()).sort(), [...fields].sort())
    })
  )

  it.effect.each(refused)("refuses NORITER_%s=%s by its name", ([variable, raw]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(fromEnv({ [`NORITER_${variable}`]: raw }))
      assert.match(error.message, new RegExp(`^NORITER_${variable} must be `))
    })
  )

  it.effect("never repeats a secret", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(fromEnv({ NORITER_SECRET: "hunter2" }))
      assert.notInclude(error.message, "hunter2")
      const given = yield* fromEnv({ NORITER_SECRET: "hunter2hunter2hunter2", NORITER_REDIS_URL: "redis://:hunter2@r" })
      assert.notInclude(JSON.stringify(given), "hunter2")
    })
  )

  it("finds variables that no knob reads", () => {
    assert.deepStrictEqual(strangers({ NORITER_TCPPORT: "1", NORITER_TCP_PORT: "1", PATH: "/" }), ["NORITER_TCPPORT"])
  })
})

describe("refusals", () => {
  const cluster: Partial<Values> = {
    redisUrl: Option.some(Redacted.make("redis://r")),
    kafkaBrokers: Option.some(["k:1"]),
    zookeeper: Option.some("z:1")
  }
  const tls: Partial<Values> = { tlsCert: Option.some("c"), tlsKey: Option.some("k") }
  it.effect.each<[string, Partial<Values>, RegExp | undefined]>([
    ["the defaults", {}, undefined],
    ["all of loopback", { host: "127.3.2.1" }, undefined],
    ["a public host without TLS", { host: "0.0.0.0" }, /NORITER_HOST=0\.0\.0\.0 is not loopback/],
    ["a name that begins like loopback", { host: "127.0.0.1.example" }, /is not loopback/],
    ["a public host with TLS", { host: "0.0.0.0", ...tls }, undefined],
    ["a public host behind a proxy", { host: "0.0.0.0", tls: "off-behind-proxy" }, undefined],
    ["half of TLS", { tlsCert: Option.some("c") }, /belong together/],
    [
      "one of the three",
      { redisUrl: Option.some(Redacted.make("r")) },
      /NORITER_KAFKA_BROKERS and NORITER_ZOOKEEPER missing/
    ],
    ["all of the three without a secret", cluster, /NORITER_SECRET is missing/],
    ["all of the three", { ...cluster, secret: Option.some(Redacted.make("0123456789abcdef")) }, undefined],
    ["a Kafka user without a password", { kafkaUser: Option.some("noriter") }, /NORITER_KAFKA_PASSWORD belong together/]
  ])("%s", ([_name, some, reason]) =>
    Effect.gen(function* () {
      const reasons = refusals(yield* settings(some))
      if (reason === undefined) assert.deepStrictEqual(reasons, [])
      else assert.match(reasons.join(), reason)
    })
  )
})

describe("clusterOf", () => {
  it.effect("names what is kept by the prefix; topics of the default one are those of the proto", () =>
    Effect.gen(function* () {
      const three: Partial<Values> = {
        redisUrl: Option.some(Redacted.make("redis://r")),
        kafkaBrokers: Option.some(["k:1"]),
        zookeeper: Option.some("z:1")
      }
      assert.isUndefined(clusterOf(yield* settings()))
      const own = clusterOf(yield* settings(three))
      assert.deepStrictEqual(own?.prefixes, { redis: "noriter:", kafka: "", zookeeper: "" })
      const other = clusterOf(yield* settings({ ...three, prefix: "two" }))
      assert.deepStrictEqual(other?.prefixes, { redis: "two:", kafka: "two.", zookeeper: "two." })
    })
  )
})

describe("warnings", () => {
  it.effect("name what is off and what ends with the process", () =>
    Effect.gen(function* () {
      const lines = warnings(yield* settings({ rateLimits: false, outboxBytesMax: 0 })).join("\n")
      for (const said of ["NORITER_RATE_LIMITS is off", "NORITER_OUTBOX_BYTES_MAX is off", "end with this process"]) {
        assert.include(lines, said)
      }
      assert.include(lines, "NORITER_SECRET is not set")
    })
  )
  it.effect("do not complain of defaults, the embedded ones apart", () =>
    Effect.gen(function* () {
      const lines = warnings(yield* settings({ secret: Option.some(Redacted.make("0123456789abcdef")) }))
      assert.strictEqual(lines.length, 1)
    })
  )
})
