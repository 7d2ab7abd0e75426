/**
 * A set of services in a folder: each is started once, whoever asks and however many at once, found again by later
 * processes, and stopped with its data. Sets know nothing of each other. Owns the files `state.json` (port, process id)
 * and `lock` of each service; what lies beside them is the service's own.
 */
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as KafkaBroker from "./KafkaBroker.ts"
import { freePort } from "./Port.ts"
import * as RedisServer from "./RedisServer.ts"
import * as ServerProcess from "./ServerProcess.ts"
import type { Service } from "./Service.ts"
import { server } from "./ZooKeeperServer.ts"

const services = {
  redis: RedisServer.plain,
  "redis-kept": RedisServer.kept,
  "redis-cluster": RedisServer.cluster,
  "redis-secured": RedisServer.secured,
  kafka: KafkaBroker.broker,
  "kafka-secured": KafkaBroker.secured,
  zookeeper: server
} satisfies Record<string, Service>

export type ServiceName = keyof typeof services

export const isServiceName = (name: string): name is ServiceName => Object.hasOwn(services, name)

interface State {
  readonly port: number
  readonly pid: number
  readonly launch: ServerProcess.Launch
}

/** How often a server that dies at once is tried anew: its port may have been taken under it. */
const attemptsMax = 3

export class ServiceSet {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = resolve(folder)
  }

  /** Ends with its address when it answers; starts it where it does not run. */
  async start(name: ServiceName): Promise<string> {
    await services[name].prepare()
    await mkdir(this.#folder, { recursive: true })
    return locked(join(this.#folder, `${name}.lock`), async () => {
      const running = await this.url(name)
      if (running !== undefined) return running
      await this.stop(name)
      return await this.#begin(name, 1)
    })
  }

  async #begin(name: ServiceName, attempt: number, knownPort?: number): Promise<string> {
    const [service, folder, port] = [services[name], this.folderOf(name), knownPort ?? (await freePort())]
    await mkdir(folder, { recursive: true })
    const launch = await service.configure(folder, port)
    try {
      await this.#launch(name, port, launch)
      return service.url(port)
    } catch (cause) {
      if (attempt === attemptsMax) throw cause
      await rm(folder, { recursive: true, force: true })
      return await this.#begin(name, attempt + 1)
    }
  }

  async #launch(name: ServiceName, port: number, launch: ServerProcess.Launch): Promise<void> {
    const folder = this.folderOf(name)
    const pid = await ServerProcess.launch(folder, launch)
    await writeFile(join(folder, "state.json"), JSON.stringify({ port, pid, launch } satisfies State))
    await ServerProcess.untilReady(folder, pid, () => services[name].isReady(port))
  }

  /** Ends one by a signal and begins it again where it was, with what it had: for tests. */
  async bounce(name: ServiceName, signal: NodeJS.Signals): Promise<void> {
    const state = await this.#state(name)
    if (state === undefined) throw new Error(`there is no ${name}`)
    await ServerProcess.end(this.folderOf(name), state.pid, signal)
    await this.#launch(name, state.port, state.launch)
  }

  /** Undefined where it does not run or does not answer. */
  async url(name: ServiceName): Promise<string | undefined> {
    const state = await this.#state(name)
    if (state === undefined || !ServerProcess.isRunning(this.folderOf(name), state.pid)) return undefined
    return (await services[name].isReady(state.port)) ? services[name].url(state.port) : undefined
  }

  /** Begins one that was killed again, where it was and with nothing in it: for tests. */
  async restart(name: ServiceName): Promise<void> {
    const state = await this.#state(name)
    await this.stop(name)
    await this.#begin(name, attemptsMax, state?.port)
  }

  /** Begins one that was killed again, where it was and with what it had: for tests. */
  async revive(name: ServiceName): Promise<void> {
    await this.#begin(name, attemptsMax, (await this.#state(name))?.port)
  }

  /** The process of a service that runs: for tests that freeze or kill it. */
  async pid(name: ServiceName): Promise<number | undefined> {
    return (await this.#state(name))?.pid
  }

  /** Its data goes with it. */
  async stop(name: ServiceName): Promise<void> {
    const state = await this.#state(name)
    if (state !== undefined) await ServerProcess.stop(this.folderOf(name), state.pid)
    await rm(this.folderOf(name), { recursive: true, force: true })
  }

  /** Whatever else lies in the folder stays. */
  async stopAll(): Promise<void> {
    await Promise.all(
      Object.keys(services)
        .filter(isServiceName)
        .map((name) => this.stop(name))
    )
  }

  /** Where it keeps what is its own: the certificate of a secured one. */
  folderOf(name: ServiceName): string {
    return join(this.#folder, name)
  }

  async #state(name: ServiceName): Promise<State | undefined> {
    const text = await readFile(join(this.folderOf(name), "state.json"), "utf8").catch(() => undefined)
    if (text === undefined) return undefined
    const state: unknown = JSON.parse(text)
    return isState(state) ? state : undefined
  }
}

const isState = (state: unknown): state is State =>
  typeof state === "object" &&
  state !== null &&
  "port" in state &&
  typeof state.port === "number" &&
  "pid" in state &&
  typeof state.pid === "number"

/** One process at a time. A lock whose holder is gone is nobody's. */
async function locked<A>(path: string, work: () => Promise<A>): Promise<A> {
  for (;;) {
    const file = await open(path, "wx").catch(() => undefined)
    if (file !== undefined) {
      try {
        await file.writeFile(`${process.pid}`)
        await file.close()
        return await work()
      } finally {
        await rm(path, { force: true })
      }
    }
    const holder = Number(await readFile(path, "utf8").catch(() => ""))
    if (holder > 0 && holder !== process.pid && !isAlive(holder)) await rm(path, { force: true })
    else await sleep(20)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
