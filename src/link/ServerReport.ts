/**
 * What an operator should know of the three servers, asked of them by their own means: version, and the settings that the
 * guarantees rest on, each with what is lost without it. Owns no connection beyond the question; changes nothing anywhere.
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Redis } from "ioredis"
import type { KafkaOptions } from "./kafka/KafkaJs.ts"
import * as KafkaReport from "./kafka/KafkaReport.ts"
import type { Remark, Said } from "./Remark.ts"
import { connect } from "./ZooKeeper.ts"
import { rootOf, type ZooKeeperRosterOptions } from "./ZooKeeperRoster.ts"

export interface Servers {
  readonly redisUrl: Redacted.Redacted<string>
  readonly kafka: KafkaOptions & { readonly prefix: string }
  readonly zookeeper: ZooKeeperRosterOptions
}

const askTimeoutMs = 3_000

/** All remarks; a server that cannot be asked is one, too. */
export const ask = (servers: Servers): Effect.Effect<ReadonlyArray<Remark>> =>
  Effect.map(
    Effect.all(
      [
        asking("redis", () => ofRedis(Redacted.value(servers.redisUrl))),
        asking("kafka", () => KafkaReport.ask(servers.kafka)),
        ...servers.zookeeper.servers
          .split(",")
          .map((server) => asking("zookeeper", () => ofZooKeeper(server.trim(), servers.zookeeper.sessionMs))),
        asking("zookeeper", () => Effect.runPromise(ofNodes(servers.zookeeper)))
      ],
      { concurrency: "unbounded" }
    ),
    (all) => all.flat()
  )

const asking = (server: Remark["server"], question: () => Promise<ReadonlyArray<Said>>) =>
  Effect.tryPromise(question).pipe(
    Effect.timeout(askTimeoutMs * 2),
    Effect.match({
      onSuccess: (said) => said.map((one): Remark => ({ server, ...one })),
      onFailure: (error): ReadonlyArray<Remark> => {
        const cause = "cause" in error && error.cause instanceof Error ? error.cause : error
        return [{ server, verdict: "wrong", detail: `could not be asked: ${cause.message}` }]
      }
    })
  )

const fine = (detail: string): Said => ({ verdict: "fine", detail })
const note = (detail: string): Said => ({ verdict: "note", detail })
const wrong = (detail: string): Said => ({ verdict: "wrong", detail })

// --- Redis ---

async function ofRedis(url: string): Promise<ReadonlyArray<Said>> {
  const client = new Redis(url, { lazyConnect: true, connectTimeout: askTimeoutMs, retryStrategy: () => null })
  let trouble: Error | undefined
  client.on("error", (error) => {
    trouble = error
  })
  try {
    await client.connect().catch((error: unknown) => Promise.reject(trouble ?? error))
    const info = await client.info()
    const of = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "?"
    const version = of("redis_version")
    const said = [
      Number.parseInt(version, 10) >= 7
        ? fine(`version ${version}`)
        : wrong(`version ${version}: 7.0 or newer is needed`)
    ]
    if (of("role") !== "master") said.push(wrong(`this is a ${of("role")}: nothing can be written to it`))
    const settings = await client.config("GET", "*").catch(() => undefined)
    return [...said, ...(settings === undefined ? [note(settingsUntold)] : redisSettings(pairs(settings)))]
  } finally {
    client.disconnect()
  }
}

const settingsUntold = "CONFIG GET is not allowed here: see that maxmemory-policy is noeviction and appendonly is yes"

/** A list of names and values, or what RESP3 makes of it. */
function pairs(answer: unknown): ReadonlyMap<string, string> {
  if (Array.isArray(answer)) {
    const flat = answer.map(String)
    return new Map(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ""] as const] : [])))
  }
  if (typeof answer !== "object" || answer === null) return new Map()
  return new Map(Object.entries(answer).map(([name, value]) => [name, String(value)]))
}

function redisSettings(settings: ReadonlyMap<string, string>): ReadonlyArray<Said> {
  const policy = settings.get("maxmemory-policy") ?? "?"
  const pubsub = /pubsub \d+ (\d+)/.exec(settings.get("client-output-buffer-limit") ?? "")?.[1]
  return [
    policy === "noeviction"
      ? fine("maxmemory-policy noeviction")
      : wrong(`maxmemory-policy ${policy}: members and lines vanish when memory is short; set noeviction`),
    settings.get("appendonly") === "yes"
      ? fine("appendonly yes")
      : note(
          "appendonly no: a restart of Redis loses what was said, and who is away or lost; runners put back the others"
        ),
    pubsub === undefined || Number(pubsub) === 0 || Number(pubsub) >= pubsubBytes
      ? fine("client-output-buffer-limit pubsub")
      : note(
          `client-output-buffer-limit pubsub … ${pubsub}: a runner that is slow for a while is cut off and reads all ` +
            "channels anew; pubsub 256mb 64mb 60 is wide enough"
        )
  ]
}

const pubsubBytes = 67_108_864

// --- ZooKeeper ---

async function ofZooKeeper(server: string, sessionMs: number): Promise<ReadonlyArray<Said>> {
  const served = await fourLetters(server, "srvr")
  const version = /version: ([^,\s]+)/.exec(served)?.[1]
  const mode = /^Mode: (.*)$/m.exec(served)?.[1] ?? "?"
  if (version === undefined) return [note(`${server} does not answer "srvr": its version is not known`)]
  const said = [fine(`${server}: version ${version}, ${mode}`)]
  if (mode === "standalone") said.push(note("one server: while it is away no runner can start; three keep going"))
  const conf = await fourLetters(server, "conf")
  const bound = (name: string) => Number(new RegExp(`^${name}=(\\d+)$`, "m").exec(conf)?.[1])
  const [min, max] = [bound("minSessionTimeout"), bound("maxSessionTimeout")]
  if (Number.isNaN(min) || Number.isNaN(max)) {
    said.push(
      note(`${server} does not answer "conf" (4lw.commands.whitelist): see that it allows sessions of ${sessionMs} ms`)
    )
  } else if (sessionMs < min || sessionMs > max) {
    said.push(
      note(`sessions of ${min} to ${max} ms, not of ${sessionMs}: the dead are noticed sooner or later than set`)
    )
  } else said.push(fine(`sessions of ${sessionMs} ms are allowed`))
  return said
}

/** Whose our nodes are; by a session as runners have them. */
const ofNodes = (options: ZooKeeperRosterOptions) =>
  connect(options).pipe(
    Effect.flatMap((session) => session.get(rootOf(options))),
    Effect.as(
      options.account === undefined
        ? note("its nodes are open to whoever reaches it: set NORITER_ZOOKEEPER_USER and NORITER_ZOOKEEPER_PASSWORD")
        : fine(`its nodes are those of ${options.account.username}`)
    ),
    Effect.catchIf(
      ({ reason }) => reason === "NoNode",
      () => Effect.succeed(fine(`there is no ${rootOf(options)} yet: the first runner makes it`))
    ),
    Effect.map((said) => [said]),
    Effect.scoped
  )

/** ZooKeeper's own questions: four letters, an answer, the end. */
function fourLetters(server: string, question: string): Promise<string> {
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(server) ?? []
  return new Promise((resolve, reject) => {
    const socket = Net.connect({ host, port: Number(port), timeout: askTimeoutMs }, () => socket.write(question))
    let answer = ""
    socket.setEncoding("utf8")
    socket.on("data", (text: string) => {
      answer += text
    })
    socket.on("timeout", () => socket.destroy(new Error(`${server} does not answer`)))
    socket.on("error", reject)
    socket.on("close", () => resolve(answer))
  })
}
