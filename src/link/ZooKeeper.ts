/**
 * A session with ZooKeeper, by the `zookeeper` addon: connecting in bounded time, calls as effects with tagged failures,
 * watches, and a clock of our own that ends the session before the servers do. Knows nothing of what lies in the nodes.
 *
 * **Gotchas**, of the addon: it is loaded when the first session is opened, so that whoever needs none never loads it. It
 * looks names up while the event loop stands still, so it is given addresses. One watcher function for two clients ends
 * the process, so each call gets a closure of its own. While it is cut off it says nothing of expiry, hence the clock.
 * `close` waits 1.5 s with the event loop when the server is connected and silent, hence `letGo`.
 */
import { lookup } from "node:dns/promises"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type Addon from "zookeeper"

/** What callers tell apart. `Lost`: it may have happened all the same. `Ended`: this session does nothing any more. */
export type Reason = "NoNode" | "NodeExists" | "BadVersion" | "NoAuth" | "Lost" | "Ended" | "Unloadable" | "Other"

export class ZooKeeperError extends Data.TaggedError("ZooKeeperError")<{
  readonly reason: Reason
  readonly operation: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.operation}: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

export interface Stat {
  /** The transaction that created the node: rises over the life of an ensemble. */
  readonly czxid: number
  readonly createdMs: number
  readonly version: number
  /** The id of the session that an ephemeral node belongs to. */
  readonly owner: string
}

export interface Session {
  readonly id: string
  /** Whoever has it and the id can take the session over. */
  readonly password: string
  /** Ends when the session has: closed, ended by the servers, or silent for so long that they may have ended it. */
  readonly ended: Effect.Effect<void>
  readonly hasEnded: () => boolean
  /** Answers the path, which a sequential node is given. */
  readonly create: (path: string, data: string, kind: Kind) => Effect.Effect<string, ZooKeeperError>
  readonly get: (path: string) => Effect.Effect<{ readonly data: string; readonly stat: Stat }, ZooKeeperError>
  /** Sets it where it still has this version. */
  readonly set: (path: string, data: string, version: number) => Effect.Effect<void, ZooKeeperError>
  /** With an account, leaves a node to it alone: others neither read nor change it. Without one, leaves it as it is. */
  readonly protect: (path: string) => Effect.Effect<void, ZooKeeperError>
  readonly remove: (path: string) => Effect.Effect<void, ZooKeeperError>
  readonly children: (path: string) => Effect.Effect<ReadonlyArray<string>, ZooKeeperError>
  /** `changed` is called once, when they have changed or may have. */
  readonly watchChildren: (path: string, changed: () => void) => Effect.Effect<void, ZooKeeperError>
  /** What is read after it is not older than what others have written before it. */
  readonly sync: (path: string) => Effect.Effect<void, ZooKeeperError>
}

export type Kind = "persistent" | "ephemeral-sequential"

export interface ConnectOptions {
  /** `host:port`, separated by commas. */
  readonly servers: string
  /** The servers end a session that they have not heard of for so long; they may allow less, or more. */
  readonly sessionMs: number
  /** ZooKeeper's "digest": what a session creates is this account's alone, and it may use what is. */
  readonly account?: Account | undefined
}

export interface Account {
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

/** A session until the scope closes; then what is ephemeral in it is gone, or goes when the servers find it silent. */
export const connect = (options: ConnectOptions): Effect.Effect<Session, ZooKeeperError, Scope.Scope> =>
  Effect.gen(function* () {
    const ZooKeeper = yield* load
    const servers = yield* addresses(options.servers)
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => new Client(ZooKeeper, servers, options)),
      (opened) => opened.close
    )
    yield* client.connected.pipe(
      Effect.timeoutOrElse({ duration: connectTimeout, orElse: () => fail("connect", "Lost", "no server answered") })
    )
    if (options.account !== undefined) yield* client.authenticate(options.account)
    return client
  })

// --- internal ---

/** Whoever has the account of the session that creates the node may do everything with it, and nobody else anything. */
const ownAcl = [{ perms: 31, scheme: "auth", auth: "" }]

/** An attempt that was begun while nothing came through comes to nothing: whoever is cut off must not be long in one. */
const connectTimeout = "3 seconds"
/** How long a session that is closed waits to hear whether its server answers. */
const closeTimeout = "300 millis"
/** The server is asked so many times in the life of a silent session. */
const beatsPerSession = 6
const connectedState = 3

const fail = (operation: string, reason: Reason, why: string) =>
  Effect.fail(new ZooKeeperError({ operation, reason, cause: new Error(why) }))

const load = Effect.tryPromise({
  try: async () => (await import("zookeeper")).default,
  catch: (cause) => new ZooKeeperError({ operation: "load", reason: "Unloadable", cause })
})

/** Of those that are known by name now: who is away may have no address, and the others do without. */
const addresses = (servers: string): Effect.Effect<string, ZooKeeperError> =>
  Effect.tryPromise({
    try: async () => {
      const named = servers.split(",").map((server) => {
        const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(server.trim()) ?? []
        if (port === "") throw new Error(`${server} is not host:port`)
        return { host, port }
      })
      const found = named.map(async ({ host, port }) => {
        const { address, family } = await lookup(host)
        return family === 6 ? `[${address}]:${port}` : `${address}:${port}`
      })
      const settled = await Promise.allSettled(found)
      const known = settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []))
      return (known.length > 0 ? known : await Promise.all(found)).join(",")
    },
    catch: (cause) => new ZooKeeperError({ operation: "connect", reason: "Other", cause })
  })

/** The codes of the C client that callers tell apart, and those after which nobody knows whether it happened. */
const reasons: ReadonlyMap<number, Reason> = new Map([
  [-4, "Lost"],
  [-7, "Lost"],
  [-9, "Ended"],
  [-101, "NoNode"],
  [-102, "NoAuth"],
  [-103, "BadVersion"],
  [-110, "NodeExists"],
  [-112, "Ended"],
  [-116, "Lost"]
])

const notOurs = "ZooKeeper refuses this account, or that there is none: the node is another's (NORITER_ZOOKEEPER_USER)"

const failed = (operation: string, code: number): ZooKeeperError =>
  new ZooKeeperError({
    operation,
    reason: reasons.get(code) ?? "Other",
    cause: new Error(code === -102 ? notOurs : `ZooKeeper says ${code}`)
  })

type AddonStat = Awaited<ReturnType<Addon["exists"]>>
type Resume<A> = (code: number, value: () => A) => void

class Client implements Session {
  private readonly addon: Addon
  private readonly opened = Deferred.makeUnsafe<void>()
  private readonly over = Deferred.makeUnsafe<void>()
  private readonly gone = Deferred.makeUnsafe<void>()
  private isOver = false
  private clock: NodeJS.Timeout | undefined
  /** When the last call that was answered was sent: the servers have heard of us since then. */
  private heardMs = performance.now()
  private isBeating = false

  private readonly hasAccount: boolean

  constructor(ZooKeeper: typeof Addon, servers: string, { sessionMs, account }: ConnectOptions) {
    this.hasAccount = account !== undefined
    this.addon = new ZooKeeper({ connect: servers, timeout: sessionMs, debug_level: 0 })
    this.addon.on("connect", () => this.isConnected())
    // The servers have ended the session, or refused it; the addon is of no more use.
    this.addon.on("close", () => {
      this.end()
      Deferred.doneUnsafe(this.gone, Effect.void)
    })
    this.addon.init({})
  }

  get id(): string {
    return `${this.addon.client_id}`
  }

  get password(): string {
    return this.addon.client_password
  }

  readonly connected: Effect.Effect<void> = Deferred.await(this.opened)
  readonly ended: Effect.Effect<void> = Deferred.await(this.over)
  readonly hasEnded = (): boolean => this.isOver

  // --- Calls ---

  /** It is sent again with each connection. */
  authenticate({ username, password }: Account) {
    return this.call<void>("authenticate", (resume) =>
      this.addon.add_auth("digest", `${username}:${Redacted.value(password)}`, (code: number) => resume(code, () => {}))
    )
  }

  /** The addon creates nodes that are open to all, so that one is protected a moment after it is there. */
  create(path: string, data: string, kind: Kind) {
    const flags = kind === "persistent" ? 0 : 1 | 2
    const created = this.call<string>(`create ${path}`, (resume) =>
      this.addon.a_create(path, data, flags, (code, _, created) => resume(code, () => created))
    )
    return Effect.tap(created, (path) => this.protect(path))
  }

  protect(path: string): Effect.Effect<void, ZooKeeperError> {
    if (!this.hasAccount) return Effect.void
    return this.call<void>(`protect ${path}`, (resume) =>
      this.addon.a_set_acl(path, -1, ownAcl, (code: number) => resume(code, () => {}))
    )
  }

  get(path: string) {
    return this.call<{ data: string; stat: Stat }>(`get ${path}`, (resume) =>
      this.addon.a_get(path, false, (code, _, stat, data) =>
        resume(code, () => ({ data: `${data}`, stat: statOf(stat) }))
      )
    )
  }

  set(path: string, data: string, version: number) {
    return this.call<void>(`set ${path}`, (resume) =>
      this.addon.a_set(path, data, version, (code) => resume(code, () => {}))
    )
  }

  remove(path: string) {
    return this.call<void>(`remove ${path}`, (resume) =>
      this.addon.a_delete_(path, -1, (code) => resume(code, () => {}))
    )
  }

  children(path: string) {
    return this.call<ReadonlyArray<string>>(`children ${path}`, (resume) =>
      this.addon.a_get_children(path, false, (code, _, names) => resume(code, () => names))
    )
  }

  watchChildren(path: string, changed: () => void) {
    return this.call<void>(`watch ${path}`, (resume) =>
      this.addon.aw_get_children(
        path,
        // What is told of the session itself (-1) leaves the watch as it is.
        (type) => void (type === -1 || changed()),
        (code) => resume(code, () => {})
      )
    )
  }

  sync(path: string) {
    return this.call<void>(`sync ${path}`, (resume) =>
      this.addon.a_sync(path, (code: number) => resume(code, () => {}))
    )
  }

  /** The one way of a call: what is not taken has no answer. */
  private call<A>(operation: string, begin: (resume: Resume<A>) => number): Effect.Effect<A, ZooKeeperError> {
    return Effect.callback((resume) => {
      if (this.isOver) return resume(Effect.fail(failed(operation, -9)))
      const sentMs = performance.now()
      const refused = begin((code, value) => {
        if (code > -100 && code < 0) return resume(Effect.fail(failed(operation, code)))
        this.heardMs = Math.max(this.heardMs, sentMs) // it was the server that said so, whatever it said
        resume(code === 0 ? Effect.sync(value) : Effect.fail(failed(operation, code)))
      })
      if (refused !== 0) resume(Effect.fail(failed(operation, refused)))
    })
  }

  // --- Its life ---

  private isConnected(): void {
    if (this.clock !== undefined) return // the same session, on another connection
    this.heardMs = performance.now()
    this.clock = setInterval(() => this.beat(), this.addon.timeout / beatsPerSession)
    Deferred.doneUnsafe(this.opened, Effect.void)
  }

  /** The servers count from the last they heard; we from before that, so that we know of our end before others do. */
  private beat(): void {
    const nextBeatMs = performance.now() + this.addon.timeout / beatsPerSession
    if (nextBeatMs >= this.heardMs + this.addon.timeout) {
      this.end()
      this.letGo()
    } else if (!this.isBeating) {
      this.isBeating = true
      const onExit = () => {
        this.isBeating = false
      }
      Effect.runCallback(this.sync("/"), { onExit })
    }
  }

  private end(): void {
    this.isOver = true
    clearInterval(this.clock)
    Deferred.doneUnsafe(this.over, Effect.void)
  }

  /** A server that answers is told. From one that does not, the addon finds itself cut off within the session. */
  private letGo(): void {
    if (this.addon.state !== connectedState) return void this.addon.close()
    // Not within the event: a handle closed there is used once more by the addon, which ends the process.
    this.addon.once("connecting", () => void setImmediate(() => this.addon.close()))
    this.addon.a_sync("/", (code: number) => {
      if (code === 0) this.addon.close()
    })
  }

  /** Ends when the server knows, or does not answer. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.end()
    this.letGo()
    return Effect.asVoid(Effect.timeoutOption(Deferred.await(this.gone), closeTimeout))
  })
}

const statOf = ({ czxid, ctime, version, ephemeralOwner }: AddonStat): Stat => ({
  czxid,
  createdMs: Number(ctime), // a Date, whatever the types say
  version,
  owner: ephemeralOwner
})
