/**
 * Redis 7, which keeps nothing on disk. Plain; as a cluster of one node that holds all slots: there a script that touches
 * keys of two slots is refused, as in a real cluster; or secured: by TLS alone, and for one account.
 */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { answers, freePort, host, secure } from "./Port.ts"
import { account, certificateIn, prepareCertificate } from "./Secured.ts"
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

const redis = (
  settings: (folder: string, port: number) => Promise<Record<string, string>>,
  isReady: Service["isReady"]
): Service => ({
  prepare: () => need({ command: "redis-server", debian: "redis-server" }),
  configure: async (folder, port) => {
    const config = join(folder, "redis.conf")
    const lines = Object.entries({ ...common, port: `${port}`, dir: folder, ...(await settings(folder, port)) })
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

/** What it had is there again when it comes back, but for the last second. */
export const kept = redis(
  async () => ({ appendonly: "yes", appendfsync: "everysec" }),
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

const login = `${encodeURIComponent(account.username)}:${encodeURIComponent(account.password)}`

export const secured: Service = {
  ...redis(
    async (folder, port) => {
      const { certificate, key } = await certificateIn(folder)
      return {
        port: "0",
        "tls-port": `${port}`,
        "tls-cert-file": certificate,
        "tls-key-file": key,
        "tls-auth-clients": "no",
        user: `default off\nuser ${account.username} on >${account.password} ~* &* +@all`
      }
    },
    (port) => answers(port, "PING\r\n", (bytes) => bytes.toString().includes("NOAUTH"), secure)
  ),
  prepare: async () => {
    await plain.prepare()
    await prepareCertificate()
  },
  url: (port) => `rediss://${login}@${host}:${port}`
}
