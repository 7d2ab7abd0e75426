/**
 * What can be put under load: Noriter by itself or as two runners over real servers, and the peers of bench/peers, each
 * started anew for every repetition. Owns their settings; nothing in them is changed but what limits the load.
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import manifest from "../../package.json" with { type: "json" }
import { type ServiceName, ServiceSet } from "../../scripts/services/ServiceSet.ts"
import { type Figures, figuresOf } from "./Figures.ts"
import type { Protocol } from "./LoadClient.ts"
import { Program, pin, serverCore } from "./Program.ts"

export interface System extends AsyncDisposable {
  readonly protocol: Protocol
  readonly ports: ReadonlyArray<number>
  /** The servers' own processes, and those that they need. */
  readonly pids: ReadonlyArray<number>
  readonly servicePids: ReadonlyArray<number>
  /** What Noriter counts, summed over its runners; empty for others. */
  readonly metrics: () => Promise<Figures>
}

export interface Contender {
  readonly name: string
  readonly start: () => Promise<System>
}

const root = join(import.meta.dirname, "../..")
const peersFolder = join(root, "bench/peers")

/** What keeps one address from being thousands of phones that talk all the time. The guards stay: these are limits. */
const unlimited: Readonly<Record<string, string>> = {
  NORITER_RATE_LIMITS: "off",
  NORITER_CHANNEL_LINES_PER_SECOND: "0",
  NORITER_CELL_LINES_PER_SECOND: "0",
  NORITER_CHANNEL_NEARBY_PER_SECOND: "0",
  NORITER_ADDRESS_PENDING_MAX: "0",
  NORITER_ADDRESS_NEW_PER_SECOND: "0",
  NORITER_ADDRESS_MAX: "0",
  NORITER_SPEED_CMPS_MAX: "0"
}

// --- Noriter ---

const noriterReady = /^noriter ready pid=(\d+) tcp=\S+:(\d+) http=\S+:(\d+)$/m

interface Runner extends AsyncDisposable {
  readonly pid: number
  readonly tcpPort: number
  readonly httpPort: number
}

/** What `npm start` gives Node. */
const startFlags: ReadonlyArray<string> = manifest.scripts.start.split(" ").filter((word) => word.startsWith("--"))

/** `noriter start`; with a folder its CPU profile is written there when it ends. */
async function startRunner(variables: Readonly<Record<string, string>>, profileTo?: string): Promise<Runner> {
  const profile = profileTo === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileTo}`]
  const [program, ready] = await Program.start(
    {
      command: process.execPath,
      arguments: [...startFlags, ...profile, join(root, "src/main.ts"), "start"],
      variables: { NORITER_TCP_PORT: "0", NORITER_HTTP_PORT: "0", ...unlimited, ...variables },
      core: serverCore
    },
    noriterReady
  )
  const [pid = 0, tcpPort = 0, httpPort = 0] = ready.slice(1).map(Number)
  return { pid, tcpPort, httpPort, [Symbol.asyncDispose]: () => program.stop(pid) }
}

const systemOf = (
  runners: ReadonlyArray<Runner>,
  servicePids: ReadonlyArray<number>,
  stop: () => Promise<unknown>
): System => ({
  protocol: "noriter",
  ports: runners.map(({ tcpPort }) => tcpPort),
  pids: runners.map(({ pid }) => pid),
  servicePids,
  metrics: () => figuresOf(runners.map(({ httpPort }) => httpPort)),
  [Symbol.asyncDispose]: async () => {
    await Promise.all(runners.map((runner) => runner[Symbol.asyncDispose]()))
    await stop()
  }
})

/** One process with everything in memory. */
export const noriter = (variables: Readonly<Record<string, string>> = {}, profileTo?: string): Contender => ({
  name: "Noriter",
  start: async () => systemOf([await startRunner(variables, profileTo)], [], async () => {})
})

/** Several runners over Redis, Kafka and ZooKeeper, all of them on one core. */
export const noriterCluster = (runners: number, profileTo?: string): Contender => ({
  name: `Noriter, ${runners} runners, Redis, Kafka, ZooKeeper`,
  start: async () => {
    const services = await Services.start("redis", "kafka", "zookeeper")
    const variables = {
      NORITER_REDIS_URL: services.url("redis"),
      NORITER_KAFKA_BROKERS: services.url("kafka"),
      NORITER_ZOOKEEPER: services.url("zookeeper"),
      NORITER_SECRET: "the secret of all runners",
      NORITER_PREFIX: "bench"
    }
    const started = Array.from({ length: runners }, () => startRunner(variables, profileTo))
    const all = await Promise.all(started).catch(async (cause: unknown) => {
      await services.stop()
      throw cause
    })
    return systemOf(all, services.pids, () => services.stop())
  }
})

// --- The servers beneath ---

export class Services {
  readonly pids: Array<number> = []
  private readonly folder: string
  private readonly set: ServiceSet
  private readonly urls = new Map<ServiceName, string>()

  private constructor(folder: string) {
    this.folder = folder
    this.set = new ServiceSet(folder)
  }

  static async start(...names: ReadonlyArray<ServiceName>): Promise<Services> {
    const services = new Services(await mkdtemp(join(tmpdir(), "noriter-bench-")))
    try {
      await Promise.all(names.map((name) => services.begin(name)))
    } catch (cause) {
      await services.stop()
      throw cause
    }
    return services
  }

  url(name: ServiceName): string {
    return this.urls.get(name) ?? ""
  }

  async stop(): Promise<void> {
    await this.set.stopAll()
    await rm(this.folder, { recursive: true, force: true })
  }

  private async begin(name: ServiceName): Promise<void> {
    this.urls.set(name, await this.set.start(name))
    const pid = await this.set.pid(name)
    if (pid === undefined) return
    pin(pid, serverCore)
    this.pids.push(pid)
  }
}

// --- Peers ---

const peerReady = /^listening (\d+) (\d+)$/m

interface PeerOptions {
  readonly name: string
  readonly file: string
  readonly protocol: Protocol
  readonly variables?: Readonly<Record<string, string>>
  /** So many nodes on one Redis. */
  readonly nodes?: number
}

/** A process of a peer, and where it listens. */
export interface Peer {
  readonly program: Program
  readonly port: number
  readonly pid: number
}

/** Peers that run, and what they rest on. */
export const systemOfPeers = (
  protocol: Protocol,
  started: ReadonlyArray<Peer>,
  services: Services | undefined
): System => ({
  protocol,
  ports: started.map(({ port }) => port),
  pids: started.map(({ pid }) => pid),
  servicePids: services?.pids ?? [],
  metrics: async () => new Map(),
  [Symbol.asyncDispose]: async () => {
    await Promise.all(started.map(({ program, pid }) => program.stop(pid)))
    await services?.stop()
  }
})

const peer = ({ name, file, protocol, variables = {}, nodes }: PeerOptions): Contender => ({
  name,
  start: async () => {
    installPeers()
    const services = nodes === undefined ? undefined : await Services.start("redis")
    const all = services === undefined ? variables : { ...variables, REDIS: services.url("redis") }
    const launch = { command: process.execPath, arguments: [join(peersFolder, file)], variables: all, core: serverCore }
    const started = await Promise.all(Array.from({ length: nodes ?? 1 }, () => Program.start(launch, peerReady)))
    const peers = started.map(([program, ready]) => ({ program, port: Number(ready[1]), pid: Number(ready[2]) }))
    return systemOfPeers(protocol, peers, services)
  }
})

/** Bare node:net, which joins what a turn of the event loop, or a tick, brought. */
export const net = (tickMs = 0): Contender =>
  peer({ name: "bare net", file: "net.mjs", protocol: "lines", variables: { TICK: `${tickMs}` } })
export const socketio: Contender = peer({ name: "Socket.IO", file: "socketio.mjs", protocol: "socketio" })
export const socketioRedis: Contender = peer({
  name: "Socket.IO, 2 nodes, Redis",
  file: "socketio.mjs",
  protocol: "socketio",
  nodes: 2
})
export const ws: Contender = peer({ name: "ws", file: "ws.mjs", protocol: "ws" })
export const colyseus = (walking = false): Contender =>
  peer({ name: "Colyseus", file: "colyseus.mjs", protocol: "colyseus", variables: { WALKING: walking ? "1" : "0" } })

/** They have a package of their own, so that whoever does not measure them does not install them. */
function installPeers(): void {
  if (existsSync(join(peersFolder, "node_modules/.package-lock.json"))) return
  process.stderr.write("installing the peers (once) …\n")
  // Not `ci`, which wants the optional builds for every system in the lock; versions and checksums are the lock's all the
  // same, and neither it nor package.json is written.
  const given = ["install", "--no-save", "--omit=optional", "--omit=peer", "--legacy-peer-deps", "--ignore-scripts"]
  const { status, error, stderr } = spawnSync("npm", given, { cwd: peersFolder, encoding: "utf8" })
  if (status !== 0) throw new Error(`the peers cannot be installed: ${error?.message ?? stderr}`)
}
