/**
 * Runners, watchers and the three servers under them as processes of this machine, with the verbs that hurt them: start,
 * stop, kill, freeze, thaw, and by wires cut, silence and delay. Owns all of these processes, the wires and one connection
 * to Redis by which an operator does what befalls a Redis; ends them all.
 */
import { mkdir, rm, rmdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Redis as Client } from "ioredis"
import { type ServiceName, ServiceSet } from "../../scripts/services/ServiceSet.ts"
import { Server } from "../e2e/Server.ts"
import { type Cutter, openCutter } from "../services/Cutter.ts"
import type { ServerLog } from "./Checkers.ts"

/** Under which no limit is in a phone's way, and everybody is shown to everybody. */
const settings = {
  NORITER_RATE_LIMITS: "off",
  NORITER_CHANNEL_LINES_PER_SECOND: "0",
  NORITER_CELL_LINES_PER_SECOND: "0",
  NORITER_CHANNEL_NEARBY_PER_SECOND: "0",
  NORITER_REFUSED_PER_MINUTE_MAX: "0",
  NORITER_ADDRESS_PENDING_MAX: "0",
  NORITER_ADDRESS_NEW_PER_SECOND: "0",
  NORITER_ADDRESS_MAX: "0",
  NORITER_SPEED_CMPS_MAX: "0",
  NORITER_CELL_SHOWN_MAX: "0",
  NORITER_SECRET: "the secret of all runners"
} as const

const plant = join(import.meta.dirname, "../planted/Plant.ts")
const detour = join(import.meta.dirname, "Detour.ts")
const root = join(import.meta.dirname, "../../.services")

export type Backend = "redis" | "kafka" | "zookeeper"
const backends = ["redis", "kafka", "zookeeper"] as const
/** What a runner may have a wire to. */
export type Wired = Backend | "phones"
type Wire = Cutter & { readonly close: () => void }

export interface Shape {
  readonly runners: ReadonlyArray<string>
  readonly watchers: number
  /** The session of runners with ZooKeeper. */
  readonly sessionMs: number
  /** How long who is lost may come back. */
  readonly graceMs: number
  /** To which servers runners have wires that can be cut: those to Redis and Kafka cost time on each message. */
  readonly wired: ReadonlyArray<Wired>
  /** With an inspector in each runner. */
  readonly inspected: boolean
  /** Further settings of runners. */
  readonly variables: Readonly<Record<string, string>>
  /** A defect of runners and watchers (test/planted), to see it found. */
  readonly planted?: string
  /** Servers that are there already, and are others', too. */
  readonly given?: Partial<Record<Backend, string>>
}

let clusters = 0

export class Cluster implements AsyncDisposable {
  readonly shape: Shape
  readonly prefix: string
  readonly set: ServiceSet
  readonly urls: Record<Backend, string>
  /** As an operator has it: beside all wires. */
  redis: Client
  /** It is not what it was, and no other run is to have it. */
  isSpent = false
  private readonly folder: string
  private readonly servers = new Map<string, Server>()
  private readonly wires = new Map<string, Map<Wired, Wire>>()
  private readonly frozen = new Set<string>()
  /** Servers to which something is being done. */
  private readonly taken = new Set<string>()
  /** Those that ended because somebody wanted it. */
  private readonly ended = new Set<Server>()
  private readonly endedByItself: Array<ServerLog> = []

  private constructor(shape: Shape, folder: string, set: ServiceSet, urls: Record<Backend, string>) {
    this.shape = shape
    this.folder = folder
    this.set = set
    this.urls = urls
    this.prefix = `chaos-${process.pid}-${clusters++}`
    this.redis = operator(urls.redis)
  }

  static async start(shape: Shape): Promise<Cluster> {
    // Named so that the next run of the tests finds what one that was killed has left.
    const folder = join(root, `test-${process.pid}`, `own-${clusters}`)
    await mkdir(folder, { recursive: true })
    const set = new ServiceSet(folder)
    const { redis, kafka, zookeeper } = shape.given ?? {}
    const urls = await Promise.all([
      redis ?? set.start("redis-kept"),
      kafka ?? set.start("kafka"),
      zookeeper ?? set.start("zookeeper")
    ])
    const cluster = new Cluster(shape, folder, set, { redis: urls[0], kafka: urls[1], zookeeper: urls[2] })
    try {
      await Promise.all([
        ...shape.runners.map((id) => cluster.start(id)),
        ...Array.from({ length: shape.watchers }, (_, at) => cluster.watch(`watcher-${at}`))
      ])
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  // --- Runners and watchers ---

  /** `folder` is where another release is; none: this one. */
  async start(id: string, folder?: string, fileDescriptors?: number): Promise<Server> {
    const { sessionMs, graceMs, inspected } = this.shape
    const wires = await this.wire(id)
    const [redis, kafka] = [wires.get("redis"), wires.get("kafka")]
    const kafkaPort = this.urls.kafka.split(":")[1] ?? ""
    const inspecting = inspected ? ["--inspect=127.0.0.1:0"] : []
    const detouring = kafka ? [`--import=${detour}`] : []
    const variables = {
      ...settings,
      ...this.shared(id),
      NORITER_REDIS_URL: redis?.url ?? this.urls.redis,
      NORITER_KAFKA_BROKERS: this.urls.kafka,
      NORITER_RUNNER_ID: id,
      NORITER_ROSTER_SESSION: `${sessionMs} ms`,
      NORITER_RESUME_GRACE: `${graceMs} ms`,
      ...this.loading(...inspecting, ...detouring),
      ...(kafka && { CHAOS_DETOUR: `${kafkaPort}=${kafka.port}` }),
      ...this.shape.variables
    }
    const server = await again(() =>
      folder === undefined ? Server.start(variables, fileDescriptors) : Server.startFrom(folder, variables)
    )
    if (this.shape.wired.includes("phones")) {
      const url = `tcp://127.0.0.1:${server.tcpPort}`
      const wire = wires.get("phones") ?? (await openCutter(new URL(url)))
      wire.leadTo(url)
      wires.set("phones", wire)
    }
    this.keep(id, server)
    return server
  }

  /** Where phones reach it. */
  portOf(id: string): number {
    return this.wires.get(id)?.get("phones")?.port ?? this.server(id).tcpPort
  }

  async watch(id: string): Promise<void> {
    await this.wire(id)
    const server = await again(() =>
      Server.watch({
        ...this.shared(id),
        ...this.loading(),
        NORITER_REDIS_URL: this.wires.get(id)?.get("redis")?.url ?? this.urls.redis,
        NORITER_RESUME_GRACE: `${this.shape.graceMs} ms`
      })
    )
    this.keep(id, server)
  }

  /** What Node is to do before it loads a server. */
  private loading(...options: ReadonlyArray<string>): Readonly<Record<string, string>> {
    const { planted } = this.shape
    return planted === undefined
      ? { NODE_OPTIONS: options.join(" ") }
      : { NODE_OPTIONS: [...options, `--import=${plant}`].join(" "), PLANTED: planted }
  }

  private shared(id: string): Readonly<Record<string, string>> {
    const port = this.wires.get(id)?.get("zookeeper")?.port
    return { NORITER_PREFIX: this.prefix, NORITER_ZOOKEEPER: port ? `127.0.0.1:${port}` : this.urls.zookeeper }
  }

  private keep(id: string, server: Server): void {
    this.servers.set(id, server)
    this.frozen.delete(id)
    void server.ended().then(() => {
      if (this.ended.has(server)) return
      this.servers.delete(id)
      this.endedByItself.push({ name: id, output: server.output, endedByItself: true })
    })
  }

  private async wire(id: string): Promise<Map<Wired, Wire>> {
    const known = this.wires.get(id)
    if (known !== undefined) return known
    const own = new Map<Wired, Wire>()
    for (const backend of backends) {
      if (!this.shape.wired.includes(backend)) continue
      const url = this.urls[backend]
      own.set(backend, await openCutter(new URL(url.includes("://") ? url : `tcp://${url}`)))
    }
    this.wires.set(id, own)
    return own
  }

  wireOf(id: string, to: Wired): Cutter {
    const wire = this.wires.get(id)?.get(to)
    if (wire === undefined) throw new Error(`${id} has no wire to ${to}`)
    return wire
  }

  server(id: string): Server {
    const server = this.servers.get(id)
    if (server === undefined) throw new Error(`${id} does not run`)
    return server
  }

  get runners(): ReadonlyArray<string> {
    return [...this.servers.keys()].filter((id) => !id.startsWith("watcher"))
  }

  /** Where a balancer would send phones: runners that run. */
  readonly addresses = (): ReadonlyArray<number> =>
    this.runners.filter((id) => !this.frozen.has(id)).map((id) => this.portOf(id))

  async kill(...ids: ReadonlyArray<string>): Promise<void> {
    const killed = ids.map((id) => this.release(id))
    for (const server of killed) server.signal("SIGKILL")
    await Promise.all(killed.map((server) => server.ended()))
  }

  /** Asks it to leave, and waits; its exit code. */
  async stop(id: string): Promise<number | null> {
    return await this.release(id).stop()
  }

  private release(id: string): Server {
    const server = this.server(id)
    this.servers.delete(id)
    this.ended.add(server)
    this.past.push({ name: id, server })
    return server
  }
  private readonly past: Array<{ readonly name: string; readonly server: Server }> = []

  isTaken(id: string): boolean {
    return this.taken.has(id)
  }

  /** Nobody else does anything to it meanwhile, who asks. */
  async taking(id: string, work: () => Promise<void>): Promise<void> {
    this.taken.add(id)
    await work().finally(() => this.taken.delete(id))
  }

  freeze(id: string): void {
    this.frozen.add(id)
    this.server(id).signal("SIGSTOP")
  }

  thaw(id: string): void {
    this.frozen.delete(id)
    this.server(id).signal("SIGCONT")
  }

  /** Brings back whoever of the shape does not run. */
  async complete(): Promise<void> {
    for (const own of this.wires.values()) for (const wire of own.values()) wire.heal()
    for (const id of this.frozen) this.thaw(id)
    const watchers = Array.from({ length: this.shape.watchers }, (_, at) => `watcher-${at}`)
    await Promise.all([
      ...this.shape.runners.filter((id) => !this.servers.has(id)).map((id) => this.start(id)),
      ...watchers.filter((id) => !this.servers.has(id)).map((id) => this.watch(id))
    ])
  }

  async figure(id: string, name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.server(id).httpPort}/metrics`)).text()
    const line = text.split("\n").find((line) => line.startsWith(`${name} `))
    return Number(line?.split(" ").at(-1) ?? 0)
  }

  /** How many writes of a runner the fence has refused, by its own count: a figure, and no verdict. */
  refusals(id: string): Promise<number> {
    return this.figure(id, "noriter_commits_fenced_total")
  }

  // --- The servers under them ---

  nameOf(backend: Backend): ServiceName {
    return backend === "redis" ? "redis-kept" : backend
  }

  async pidOf(backend: Backend): Promise<number> {
    const pid = await this.set.pid(this.nameOf(backend))
    if (pid === undefined) throw new Error(`${backend} is not this cluster's own`)
    return pid
  }

  /** Another Redis takes the place of ours, for everybody at once. */
  failOver(url: string): void {
    for (const own of this.wires.values()) own.get("redis")?.leadTo(url)
    this.redis.disconnect()
    this.redis = operator(url)
    this.isSpent = true
  }

  async signal(backend: Backend, signal: NodeJS.Signals): Promise<void> {
    process.kill(await this.pidOf(backend), signal)
  }

  /** What servers printed since they began. */
  logs(): ReadonlyArray<ServerLog> {
    const now = [...this.servers].map(([name, server]) => ({ name, server }))
    return [
      ...this.endedByItself,
      ...[...this.past, ...now].map(({ name, server }) => ({ name, output: server.output, endedByItself: false }))
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.frozen) this.thaw(id)
    const running = [...this.servers.keys()].map((id) => this.release(id))
    await Promise.all(running.map((server) => server.stop()))
    for (const own of this.wires.values()) for (const wire of own.values()) wire.close()
    this.redis.disconnect()
    await this.set.stopAll()
    await rm(this.folder, { recursive: true, force: true })
    await rmdir(dirname(this.folder)).catch(() => {}) // another cluster is still there
  }
}

/** A connection of our own, beside all wires. */
function operator(url: string): Client {
  const client = new Client(url)
  client.on("error", () => {}) // what was asked of it fails by itself
  return client
}

const attemptsMax = 3

/** A start gives up where Redis or Kafka do not answer in time; whoever starts a runner tries again. */
async function again(start: () => Promise<Server>): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      if (attempt === attemptsMax) throw error
    }
  }
}
