/**
 * Every knob of noriter, read once from NORITER_… variables: its default, its bounds and its unit, which stands in its
 * name. Owns nothing else: what a limit does is said where it is kept, how a value is read in Knob. All may use it.
 *
 * **Gotchas**: where a guard may be 0 that means "off", and start says so aloud (`offs`, below).
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import {
  accountName,
  bounded,
  duration,
  isRead,
  knob,
  limit,
  list,
  mapped,
  networks,
  oneOf,
  onOff,
  opsToken,
  optional,
  origins,
  orOff,
  prefix,
  rateAndBurst,
  redacted,
  redisUrl,
  runnerName,
  secret,
  text,
  url
} from "./Knob.ts"

/** A variable that cannot be read; the message names it. */
export class SettingsError extends Data.TaggedError("SettingsError")<{ readonly message: string }> {}

export class Settings extends Context.Service<Settings, Values>()("noriter/Settings") {
  /** From the NORITER_… variables of this process. An empty variable is an absent one. */
  static readonly layerEnv: Layer.Layer<Settings, SettingsError> = Layer.effect(
    Settings,
    Effect.suspend(() => fromEnv(process.env))
  )

  /** The defaults, with some of them set otherwise: for tests. */
  static readonly test = (some: Partial<Values> = {}): Layer.Layer<Settings> =>
    Layer.effect(
      Settings,
      Effect.map(Effect.orDie(fromEnv({})), (defaults) => ({ ...defaults, ...some }))
    )
}

export type Values = Readonly<Config.Success<ReturnType<typeof knobs>>>

/** Reads the settings from variables. The first that cannot be read fails, by its name. */
export const fromEnv = (variables: Record<string, string | undefined>): Effect.Effect<Values, SettingsError> =>
  knobs()
    .parse(ConfigProvider.constantCase(ConfigProvider.fromEnvRecord(variables)))
    .pipe(Effect.mapError((error) => new SettingsError({ message: error.cause.message })))

/**
 * A line, or a message of one, must hold whatever request keeps the protocol's own bounds: a phone whose resume is too
 * long never comes back. The longest is a resume with a token of 512 bytes and 16 streams, about 3 kB.
 */
export const lineBytesMin = 4096

// A function, because the parsers it names are declared below it.
const knobs = () =>
  Config.all({
    // --- Listening ---

    /** NORITER_HOST: where phones and operators connect to. Not loopback: see `refusals`. */
    host: knob("host", text, "127.0.0.1"),
    /** NORITER_TCP_PORT: JSON lines. 0: one that is free. */
    tcpPort: knob("tcpPort", bounded(0, 65535), 4700),
    /** NORITER_REUSE_PORT=on|off: further runners of this machine listen on the same port; the kernel shares phones out. */
    reusePort: knob("reusePort", onOff, false),
    /** NORITER_HTTP_PORT: WebSockets, the page, /healthz, /readyz, /metrics. 0: one that is free. */
    httpPort: knob("httpPort", bounded(0, 65535), 4780),
    /** NORITER_TLS_CERT: a PEM file. */
    tlsCert: optional("tlsCert", text),
    /** NORITER_TLS_KEY: a PEM file. */
    tlsKey: optional("tlsKey", text),
    /** NORITER_TLS: `off-behind-proxy` says that something before us ends TLS. */
    tls: knob("tls", oneOf("required", "off-behind-proxy"), "required"),
    /** NORITER_PROXIES: addresses that may speak PROXY protocol v2 or X-Forwarded-For, separated by commas. */
    proxies: knob("proxies", networks, []),
    /** NORITER_ORIGINS: whose pages may speak to us, `https://play.example`, or `*`. None: our own, and loopback's. */
    origins: knob("origins", origins, []),

    /** NORITER_UPGRADE_REQUIRED: clients that are no longer served, by the `sdk` of their hello, separated by commas. */
    upgradeRequired: knob("upgradeRequired", list, []),

    // --- Lines and sessions ---

    /** NORITER_LINE_BYTES_MAX: the most bytes of a line, its end not counted. */
    lineBytesMax: knob("lineBytesMax", bounded(lineBytesMin, 1_048_576), 8192),
    /** NORITER_MESSAGE_BYTES_MAX: the most bytes of a WebSocket message, which may be several lines. */
    messageBytesMax: knob("messageBytesMax", bounded(lineBytesMin, 16_777_216), 65_536),
    /** NORITER_HELLO_TIMEOUT: hello or resume is accepted within. */
    helloTimeoutMs: knob("helloTimeout", orOff(duration(100)), 5000),
    /** NORITER_LINE_TIMEOUT: a started line finishes within. */
    lineTimeoutMs: knob("lineTimeout", orOff(duration(100)), 10_000),
    /** NORITER_HEARTBEAT: a phone says something at least this often; after three of them its socket is closed. */
    heartbeatMs: knob("heartbeat", orOff(duration(100)), 15_000),
    /** NORITER_LOST_SHOWN: a member whose socket is gone is shown for so long. 0: not at all. */
    lostShownMs: knob("lostShown", duration(0), 5000),
    /** NORITER_RESUME_GRACE: a session outlives its socket for so long. 0: not at all. */
    resumeGraceMs: knob("resumeGrace", duration(0), 30_000),

    // --- Rates ---

    /** NORITER_RATE_LIMITS=on|off: the rates per session and key that the proto declares. */
    rateLimits: knob("rateLimits", onOff, true),
    /** NORITER_CHANNEL_LINES_PER_SECOND: PLAYGROUND lines of a channel. */
    channelLinesPerSecond: knob("channelLinesPerSecond", limit, 20),
    /** NORITER_CELL_LINES_PER_SECOND: NEARBY lines of a cell. */
    cellLinesPerSecond: knob("cellLinesPerSecond", limit, 10),
    /** NORITER_CHANNEL_NEARBY_PER_SECOND: NEARBY lines of a channel. */
    channelNearbyPerSecond: knob("channelNearbyPerSecond", limit, 200),
    /** NORITER_REFUSED_PER_MINUTE_MAX: refused lines of a session before ABUSE; those for their rate do not count. */
    refusedPerMinuteMax: knob("refusedPerMinuteMax", limit, 30),

    // --- Sockets, of all addresses and of one ---

    /** NORITER_SOCKETS_MAX: sockets in all. File descriptors (`ulimit -n`) must be there for them, and a few more. */
    socketsMax: knob("socketsMax", limit, 20_000),
    /**
     * NORITER_READ_ALONE_MAX: so many phones are read one by one, each as soon as it says something; those who come then, in
     * rounds every 20 ms at most, which take less of the processor (Linux).
     */
    readAloneMax: knob("readAloneMax", bounded(0, 1_000_000), 256),
    /** NORITER_ADDRESS_PENDING_MAX: sockets of an address before their hello. */
    addressPendingMax: knob("addressPendingMax", limit, 64),
    /**
     * NORITER_ADDRESS_NEW_PER_SECOND=rate[,burst]: new sockets of an address; with TLS, those of the HTTP port by themselves.
     * A burst not given is five times the rate.
     */
    addressNewPerSecond: knob(
      "addressNewPerSecond",
      mapped(rateAndBurst, ([rate]) => rate),
      100
    ),
    /** The burst of NORITER_ADDRESS_NEW_PER_SECOND. */
    addressNewBurst: knob(
      "addressNewPerSecond",
      mapped(rateAndBurst, ([, burst]) => burst),
      500
    ),
    /** NORITER_ADDRESS_MAX: sockets of an address in all. */
    addressMax: knob("addressMax", limit, 10_000),

    // --- What goes out ---

    /** NORITER_OUTBOX_BYTES_MAX: unsent bytes of a phone in our process, before SLOW. */
    outboxBytesMax: knob("outboxBytesMax", orOff(bounded(4096, 1_073_741_824)), 262_144),
    /** NORITER_OUTBOX_STALL: time since a phone with unsent bytes last took any, before SLOW. */
    outboxStallMs: knob("outboxStall", orOff(duration(100)), 3000),
    /** NORITER_MOVES_BYTES_PER_SECOND: the budget of moves to one phone. */
    movesBytesPerSecond: knob("movesBytesPerSecond", limit, 20_000),

    // --- The playground ---

    /** NORITER_SPEED_CMPS_MAX: walking speed in cm/s. */
    speedCmpsMax: knob("speedCmpsMax", limit, 800),
    /** NORITER_TICK: how often moves are told. */
    tickMs: knob("tick", duration(10, 10_000), 100),
    /** NORITER_TICK_LAG: a tick that comes this much too late is one too much; then moves are told less often. */
    tickLagMs: knob("tickLag", orOff(duration(1)), 50),
    /** NORITER_CELL_CM: the side of a cell. */
    cellCm: knob("cellCm", bounded(100, 100_000), 1000),
    /** NORITER_CELL_SHOWN_MAX: members shown in a cell. */
    cellShownMax: knob("cellShownMax", limit, 32),
    /** NORITER_WORLD: a file of playgrounds. None: one park. */
    world: optional("world", text),

    // --- Between runners ---

    /** NORITER_ROSTER_SESSION: the ZooKeeper session. */
    rosterSessionMs: knob("rosterSession", duration(100), 6000),
    /**
     * NORITER_LEASE: a watcher that sees a lease unrefreshed for so long, and no node in the roster, counts its runner as dead.
     * Leases are refreshed each second, and a refresh may take another (rule P7).
     */
    leaseMs: knob("lease", duration(2000), 3000),
    /** NORITER_TOPIC_TIMEOUT: word from the log comes within, else UNCERTAIN. */
    topicTimeoutMs: knob("topicTimeout", duration(10), 3000),
    /** NORITER_RUNNER_ID: this runner's name. None: made up. */
    runnerId: optional("runnerId", runnerName),
    /** NORITER_SECRET: the key of tokens and HMACs, at least 16 bytes. None: made up, so tokens end with the process. */
    secret: optional("secret", secret),
    /** NORITER_PREFIX: begins the names of everything kept in the three servers, so that several worlds share them. */
    prefix: knob("prefix", prefix, defaultPrefix),
    /** NORITER_REDIS_URL: the shared space and the runners' link. `rediss:` is TLS; it may hold user and password. */
    redisUrl: optional("redisUrl", redisUrl),
    /** NORITER_KAFKA_BROKERS: host:port, separated by commas. */
    kafkaBrokers: optional("kafkaBrokers", list),
    /** NORITER_KAFKA_TLS=on|off: certificates are judged as Node does (NODE_EXTRA_CA_CERTS adds to whom it trusts). */
    kafkaTls: knob("kafkaTls", onOff, false),
    /** NORITER_KAFKA_USER: with it and the password below, SASL. */
    kafkaUser: optional("kafkaUser", text),
    /** NORITER_KAFKA_PASSWORD */
    kafkaPassword: optional("kafkaPassword", redacted),
    /** NORITER_KAFKA_SASL: how the two are shown. */
    kafkaSasl: knob("kafkaSasl", oneOf("plain", "scram-sha-256", "scram-sha-512"), "scram-sha-512"),
    /** NORITER_ZOOKEEPER: host:port, separated by commas. */
    zookeeper: optional("zookeeper", text),
    /** NORITER_ZOOKEEPER_USER: with it and the password below, our nodes are this account's alone. No TLS: see operations. */
    zookeeperUser: optional("zookeeperUser", accountName),
    /** NORITER_ZOOKEEPER_PASSWORD */
    zookeeperPassword: optional("zookeeperPassword", redacted),

    // --- Operators ---

    /** NORITER_OPS_TOKEN: opens the operators' board at /ops. None: there is no board. */
    opsToken: optional("opsToken", opsToken),

    /** NORITER_OTLP_URL: where spans are sent, without /v1/traces. None: there are none. */
    otlpUrl: optional("otlpUrl", url)
  }).pipe(Config.nested("noriter"))

// --- Judged as a whole ---

/** Why start must be refused; empty: it need not be. */
export const refusals = (settings: Values): ReadonlyArray<string> => [
  ...listeningRefusals(settings),
  ...clusterRefusals(settings),
  ...accountRefusals(settings)
]

/** Why nothing may listen. */
export const listeningRefusals = (settings: Values): ReadonlyArray<string> => {
  const reasons: Array<string> = []
  const { tlsCert, tlsKey } = settings
  if (Option.isSome(tlsCert) !== Option.isSome(tlsKey)) {
    reasons.push("NORITER_TLS_CERT and NORITER_TLS_KEY belong together: only one of them is set")
  }
  const plain = Option.isNone(tlsCert) && Option.isNone(tlsKey)
  if (plain && !isLoopback(settings.host) && settings.tls !== "off-behind-proxy") {
    reasons.push(
      `NORITER_HOST=${settings.host} is not loopback and there is no TLS: set NORITER_TLS_CERT and NORITER_TLS_KEY, ` +
        "or NORITER_TLS=off-behind-proxy where something before this server ends TLS"
    )
  }
  return reasons
}

const clusterRefusals = (settings: Values): ReadonlyArray<string> => {
  const reasons: Array<string> = []
  const missing = clusterVariables(settings).filter(({ given }) => !given)
  if (missing.length > 0 && missing.length < 3) {
    const names = missing.map(({ name }) => name).join(" and ")
    reasons.push(`${allNames(settings)} are set all together or not at all: ${names} missing`)
  }
  if (missing.length === 0 && Option.isNone(settings.secret)) {
    reasons.push("NORITER_SECRET is missing: runners that share guests and tokens share the secret these are made with")
  }
  return reasons
}

/** Half of an account would be none. */
export const accountRefusals = (settings: Values): ReadonlyArray<string> =>
  accounts(settings)
    .filter(([, user, password]) => Option.isSome(user) !== Option.isSome(password))
    .map(([server]) => `NORITER_${server}_USER and NORITER_${server}_PASSWORD belong together: only one of them is set`)

/** Where presence is, where the settings name it: all that a watcher needs. */
export interface Watched {
  readonly redisUrl: Redacted.Redacted<string>
  readonly zookeeper: string
  readonly zookeeperAccount: Account | undefined
  /** What names begin with in each of them. Those of the default prefix in Kafka are the names in the proto. */
  readonly prefixes: { readonly redis: string; readonly kafka: string; readonly zookeeper: string }
}

export interface Account {
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

export const watchedOf = (settings: Values): Watched | undefined => {
  const { redisUrl, zookeeper, zookeeperUser, zookeeperPassword, prefix } = settings
  if (Option.isNone(redisUrl) || Option.isNone(zookeeper)) return undefined
  const dotted = prefix === defaultPrefix ? "" : `${prefix}.`
  const prefixes = { redis: `${prefix}:`, kafka: dotted, zookeeper: dotted }
  const zookeeperAccount = accountOf(zookeeperUser, zookeeperPassword)
  return { redisUrl: redisUrl.value, zookeeper: zookeeper.value, zookeeperAccount, prefixes }
}

/** What several runners share, where the settings name all of it; undefined: one process by itself. */
export interface Cluster extends Watched {
  readonly kafkaBrokers: ReadonlyArray<string>
  readonly kafkaAccount: Account | undefined
}

export const clusterOf = (settings: Values): Cluster | undefined => {
  const { kafkaBrokers, kafkaUser, kafkaPassword } = settings
  const watched = watchedOf(settings)
  if (watched === undefined || Option.isNone(kafkaBrokers)) return undefined
  return {
    ...watched,
    kafkaBrokers: kafkaBrokers.value,
    kafkaAccount: accountOf(kafkaUser, kafkaPassword)
  }
}

/** What an operator should know at start: limits that are off, and what ends with the process. */
export const warnings = (settings: Values): ReadonlyArray<string> => {
  const lines = offs
    .filter(([field]) => settings[field] === 0 || settings[field] === false)
    .map(([, name, what]) => `${name} is off: ${what}`)
  if (clusterOf(settings) === undefined) {
    lines.push("embedded: the log and the shared space are in memory and end with this process")
    if (Option.isNone(settings.secret)) {
      lines.push(
        "NORITER_SECRET is not set: one was made up, so after a restart nobody can resume and guests are strangers"
      )
    }
  }
  return lines
}

/** NORITER_… variables that no knob reads: a name mistyped is a limit not set. */
export const strangers = (variables: Record<string, string | undefined>): ReadonlyArray<string> =>
  Object.keys(variables).filter((name) => name.startsWith("NORITER_") && !isRead(name))

/** Whether only this machine reaches an address. */
const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host)

// --- internal ---

const defaultPrefix = "noriter"

const offs: ReadonlyArray<readonly [field: keyof Values, name: string, what: string]> = [
  ["helloTimeoutMs", "NORITER_HELLO_TIMEOUT", "sockets that never say hello stay"],
  ["lineTimeoutMs", "NORITER_LINE_TIMEOUT", "a line may take for ever"],
  ["heartbeatMs", "NORITER_HEARTBEAT", "silent sockets stay"],
  ["resumeGraceMs", "NORITER_RESUME_GRACE", "a lost socket ends its session"],
  ["rateLimits", "NORITER_RATE_LIMITS", "a phone may ask as often as it likes"],
  ["channelLinesPerSecond", "NORITER_CHANNEL_LINES_PER_SECOND", "a channel may be flooded"],
  ["cellLinesPerSecond", "NORITER_CELL_LINES_PER_SECOND", "a cell may be flooded"],
  ["channelNearbyPerSecond", "NORITER_CHANNEL_NEARBY_PER_SECOND", "a channel may be flooded from nearby"],
  ["refusedPerMinuteMax", "NORITER_REFUSED_PER_MINUTE_MAX", "nobody is disconnected for abuse"],
  ["socketsMax", "NORITER_SOCKETS_MAX", "sockets are taken until there are no file descriptors"],
  ["addressPendingMax", "NORITER_ADDRESS_PENDING_MAX", "an address may hold any number of sockets before hello"],
  ["addressNewPerSecond", "NORITER_ADDRESS_NEW_PER_SECOND", "an address may connect as often as it likes"],
  ["addressMax", "NORITER_ADDRESS_MAX", "an address may hold any number of sockets"],
  ["outboxBytesMax", "NORITER_OUTBOX_BYTES_MAX", "phones that do not read may take all memory"],
  ["outboxStallMs", "NORITER_OUTBOX_STALL", "phones that do not read stay"],
  ["movesBytesPerSecond", "NORITER_MOVES_BYTES_PER_SECOND", "phones in crowds are sent all moves"],
  ["tickLagMs", "NORITER_TICK_LAG", "moves are told as often as ever, however busy this process is"],
  ["speedCmpsMax", "NORITER_SPEED_CMPS_MAX", "guests may jump anywhere"],
  ["cellShownMax", "NORITER_CELL_SHOWN_MAX", "crowds are shown in full, at a cost that grows with their square"]
]

const accountOf = (user: Option.Option<string>, password: Option.Option<Redacted.Redacted<string>>) =>
  Option.isSome(user) && Option.isSome(password) ? { username: user.value, password: password.value } : undefined

const accounts = ({ kafkaUser, kafkaPassword, zookeeperUser, zookeeperPassword }: Values) =>
  [
    ["KAFKA", kafkaUser, kafkaPassword],
    ["ZOOKEEPER", zookeeperUser, zookeeperPassword]
  ] as const

const clusterVariables = (settings: Values) => [
  { name: "NORITER_REDIS_URL", given: Option.isSome(settings.redisUrl) },
  { name: "NORITER_KAFKA_BROKERS", given: Option.isSome(settings.kafkaBrokers) },
  { name: "NORITER_ZOOKEEPER", given: Option.isSome(settings.zookeeper) }
]
const allNames = (settings: Values): string =>
  clusterVariables(settings)
    .map(({ name }) => name)
    .join(", ")
