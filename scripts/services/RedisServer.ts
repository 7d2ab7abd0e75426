/**
 * Redis 7, which keeps nothing on disk. Plain, or as a cluster of one node that holds all slots: there a script that
 * touches keys of two slots is refused, as in a real cluster.
 */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { answers, freePort, host } from "./Port.ts"
import type { Service } from "./Service.ts"
import { need } from "./Tools.ts"

const common = {
  bind: host,
  save: '""',
  appendonly: "no",
  loglevel: "warning",
  // What is kept must not vanish by itself: a full Redis refuses, and is seen to.
  "maxmemory-policy": "noeviction",
  "client-output-buffer-limit": "pubsub 256mb 64mb 60",
  // Its command line goes on naming its folder.
  "set-proc-title": "no"
}

const redis = (settings: () => Promise<Record<string, string>>, isReady: Service["isReady"]): Service => ({
  prepare: () => need({ command: "redis-server", debian: "redis-server" }),
  configure: async (folder, port) => {
    const config = join(folder, "redis.conf")
    const lines = Object.entries({ ...common, port: `${port}`, dir: folder, ...(await settings()) })
    await writeFile(config, lines.map(([name, value]) => `${name} ${value}\n`).join(""))
    return { command: "redis-server", arguments: [config] }
  },
  isReady,
  url: (port) => `redis://${host}:${port}`
})

const says = (port: number, question: string, answer: string) =>
  answers(port, `${question}\r\n`, (bytes) => bytes.toString().includes(answer))

export const plain = redis(
  async () => ({}),
  (port) => says(port, "PING", "+PONG")
)

export const cluster = redis(
  async () => ({ "cluster-enabled": "yes", "cluster-port": `${await freePort()}` }),
  async (port) => {
    if (await says(port, "CLUSTER INFO", "cluster_state:ok")) return true
    await says(port, "CLUSTER ADDSLOTSRANGE 0 16383", "+OK")
    return false
  }
)
