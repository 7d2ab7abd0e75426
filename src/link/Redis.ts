/**
 * Connections to Redis, as RunnerLink and SharedSpace both need them: opened within a scope, connected again whenever they
 * are lost, and honest while they are. A command is sent once or not at all: what was under way when the connection went
 * fails, and whoever sent it repeats it if that is harmless (rule C1). Owns neither keys nor channels, only what they all
 * begin with.
 *
 * **Gotchas**: while a connection is away commands fail at once, with what it is away for; there is no queue, since a
 * queue would hold back what is late anyway. A write may have happened though its command failed.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { Redis as Client } from "ioredis"
import { Listeners } from "./Listeners.ts"
import { LinkError } from "./RunnerLink.ts"

export interface RedisOptions {
  /** `redis://user:password@host:port/db`, or `rediss:` for TLS. */
  readonly url: Redacted.Redacted<string>
  /** NORITER_PREFIX: begins every key and channel, so that several worlds share a Redis. */
  readonly prefix: string
}

/**
 * ioredis has a class that extends String, after which V8 keeps String.prototype as a dictionary and no longer inlines what
 * is called on a text: charCodeAt takes ten times as long, in this whole process. Looking something up through it makes it
 * fast again.
 */
const hasAt = (text: object): boolean => "at" in text
for (let times = 0; times < 100; times++) hasAt(Object.create(String.prototype))

/** A command without an answer. It may have been carried out all the same. */
class RedisAway extends Error {}
class RedisLate extends Error {}

export class Redis extends Context.Service<
  Redis,
  {
    readonly prefix: string
    /** For all commands, and for publishing. */
    readonly commands: Connection
    /** One more, until the scope closes. `name` is what an operator sees in CLIENT LIST. */
    readonly connect: (name: string) => Effect.Effect<Connection, LinkError, Scope.Scope>
  }
>()("noriter/link/Redis") {
  static readonly layer = (options: RedisOptions): Layer.Layer<Redis, LinkError> =>
    Layer.effect(
      Redis,
      Effect.suspend(() => make(options))
    )
}

/** A command that has no answer by then failed. Well above what a command takes, well below a lease (design 8). */
const commandTimeoutMs = 1_000
/** A connection that answers nothing for so long is given up, and another opened. */
const silenceMs = 2_000
const connectTimeoutMs = 2_000
const reconnectMs = { first: 50, most: 1_000 }
/** Whoever takes no writes is left no more often than this: its name may not lead elsewhere yet. */
const demotedMsMin = 1_000

const make = Effect.fnUntraced(function* ({ url, prefix }: RedisOptions) {
  // A brace would begin the hash tag before the tag's own, and two tags would lie in one slot or one tag in two.
  if (!/^[A-Za-z0-9:._-]*$/.test(prefix)) {
    const cause = new Error(`${JSON.stringify(prefix)} cannot begin a key: letters, digits and :._- only`)
    return yield* new LinkError({ operation: "connect", cause })
  }
  const connect = (name: string) => connected(Redacted.value(url), `noriter:${prefix}${name}`)
  return Redis.of({ prefix, commands: yield* connect("commands"), connect })
})

/** Made before it is connected, so that one that cannot be connected is closed too. */
const connected = (url: string, name: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Connection(url, name)),
    (connection) => Effect.sync(() => connection.client.disconnect())
  ).pipe(
    Effect.tap((connection) =>
      Effect.tryPromise({
        try: () => connection.ask((client) => client.connect()),
        catch: (cause) => new LinkError({ operation: "connect", cause })
      })
    )
  )

export class Connection {
  readonly client: Client
  readonly #ready = new Listeners<void>()
  #trouble: unknown
  #isFirst = true
  #demotedMs = Number.NEGATIVE_INFINITY

  constructor(url: string, name: string) {
    this.client = new Client(url, {
      connectionName: name,
      lazyConnect: true,
      connectTimeout: connectTimeoutMs,
      socketTimeout: silenceMs,
      retryStrategy: (attempt) =>
        Math.min(reconnectMs.first * 2 ** attempt, reconnectMs.most) * (0.5 + Math.random() / 2),
      // What was under way fails when the connection does, instead of being sent again or never settled.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      reconnectOnError: (error) => this.#isDemoted(error),
      // RedisRunnerLink subscribes anew by itself: it says that it is ready only after that.
      autoResubscribe: false
    })
    this.client.on("error", (error) => {
      this.#trouble = error
    })
    this.client.on("ready", () => {
      this.#trouble = undefined
      if (!this.#isFirst) this.#ready.call()
      this.#isFirst = false
    })
  }

  /** What ioredis rejects with says only that the connection is closed; why it is was said before. */
  async ask<A>(run: (client: Client) => Promise<A>): Promise<A> {
    this.#gather()
    try {
      return await inTime(run(this.client))
    } catch (error) {
      if (this.#isConnected) throw error
      const cause = this.#trouble ?? error
      throw new RedisAway(`Redis is away: ${this.#trouble === undefined ? "connection lost" : messageOf(cause)}`, {
        cause
      })
    }
  }

  /** What was the primary and is a replica now keeps its connections, and refuses every write on them. */
  #isDemoted({ message }: Error): boolean {
    const nowMs = performance.now()
    if (!message.startsWith("READONLY") || nowMs < this.#demotedMs + demotedMsMin) return false
    this.#demotedMs = nowMs
    return true
  }

  /** For a moment ioredis holds a connection for ready that is closed already. */
  get #isConnected(): boolean {
    return this.client.status === "ready" && this.client.stream.writable
  }

  /** What is asked within a turn of the event loop goes out as one write: half the cost of a command is the system call. */
  #gather(): void {
    const { stream } = this.client
    if (!this.#isConnected || stream.writableCorked > 0) return
    stream.cork()
    setImmediate(() => stream.uncork())
  }

  /** Settles when commands are answered: at once, or after the reconnect that is under way. */
  whenReady(): Promise<void> {
    if (this.client.status === "ready") return Promise.resolve()
    return new Promise((resolve) => void this.client.once("ready", () => resolve()))
  }

  /** Calls `resync` after each reconnect. */
  onReady(resync: () => void): Effect.Effect<void, never, Scope.Scope> {
    return this.#ready.add(resync)
  }
}

/**
 * Not ioredis's own commandTimeout: its timers are looked at before its sockets, so that in a process that was kept from
 * its turn (a busy machine, a long collection) commands would fail whose answers have come. Here what has come is read first.
 */
function inTime<A>(answer: Promise<A>): Promise<A> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new RedisLate(`the command timed out: no answer within ${commandTimeoutMs} ms`))
    const timer = setTimeout(() => setImmediate(late), commandTimeoutMs)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
