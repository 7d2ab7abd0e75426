/**
 * Peers that are programs of their own, Centrifugo and Nakama: measured where somebody has installed them, which is where
 * their binaries are on PATH, and left out elsewhere. Owns how they are started; how they are spoken to is the load client's
 * (bench/load/centrifugo.c, nakama.c).
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { freePort, host } from "../../scripts/services/Port.ts"
import { isHere } from "../../scripts/services/Tools.ts"
import { Program, serverCore } from "./Program.ts"
import { type Contender, type Peer, Services, systemOfPeers } from "./System.ts"

const config = join(import.meta.dirname, "../peers/centrifugo.json")

interface Installed {
  readonly command: string
  readonly given: ReadonlyArray<string>
  readonly variables?: Readonly<Record<string, string>>
  readonly port: number
  /** What it says when it listens. */
  readonly ready: string
}

/** Says its process first, as the other peers do themselves. */
async function startInstalled({ command, given, variables = {}, port, ready }: Installed): Promise<Peer> {
  const named = ["-c", 'echo "pid $$"; exec "$@"', "named", command, ...given]
  const launch = { command: "sh", arguments: named, variables, core: serverCore }
  const [program, said] = await Program.start(launch, new RegExp(`pid (\\d+)[^]*${ready}`))
  return { program, port, pid: Number(said[1]) }
}

/** Several nodes share a Redis. */
const centrifugoOn = (name: string, nodes: number): Contender => ({
  name,
  start: async () => {
    const services = nodes > 1 ? await Services.start("redis") : undefined
    const engine =
      services === undefined
        ? {}
        : { CENTRIFUGO_ENGINE_TYPE: "redis", CENTRIFUGO_ENGINE_REDIS_ADDRESS: services.url("redis") }
    const started = await Promise.all(Array.from({ length: nodes }, () => startCentrifugo(engine)))
    return systemOfPeers("centrifugo", started, services)
  }
})

async function startCentrifugo(variables: Readonly<Record<string, string>>): Promise<Peer> {
  const port = await freePort()
  const given = ["-c", config, "--http_server.port", `${port}`]
  return startInstalled({ command: "centrifugo", given, variables, port, ready: `endpoints on 127.0.0.1:${port}` })
}

/** The PostgreSQL that Nakama keeps its accounts in, as its option names one: `postgres:secret@127.0.0.1:5432/nakama`. */
const nakamaDatabase = process.env.NAKAMA_DATABASE

const nakama: Contender = {
  name: "Nakama",
  start: async () => {
    const database = ["--database.address", nakamaDatabase ?? ""]
    const { status, stderr } = spawnSync("nakama", ["migrate", "up", ...database], { encoding: "utf8" })
    if (status !== 0) throw new Error(`Nakama's database cannot be prepared: ${stderr}`)
    const [port, console] = [await freePort(), await freePort()]
    const given = [...database, "--socket.address", host, "--socket.port", `${port}`, "--console.port", `${console}`]
    const started = await startInstalled({ command: "nakama", given, port, ready: "Startup done" })
    return systemOfPeers("nakama", [started], undefined)
  }
}

const hasCentrifugo = isHere({ command: "centrifugo" })
const hasNakama = isHere({ command: "nakama" }) && nakamaDatabase !== undefined

/** Those that walk, too: Nakama knows no cells. */
export const installedWalkers: ReadonlyArray<Contender> = hasCentrifugo ? [centrifugoOn("Centrifugo", 1)] : []
export const installed: ReadonlyArray<Contender> = [...installedWalkers, ...(hasNakama ? [nakama] : [])]
/** On two nodes. */
export const installedClusters: ReadonlyArray<Contender> = hasCentrifugo
  ? [centrifugoOn("Centrifugo, 2 nodes, Redis", 2)]
  : []
