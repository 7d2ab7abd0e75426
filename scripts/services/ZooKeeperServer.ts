/** ZooKeeper 3.9, one server. Its tick is short, so that tests may ask for sessions of half a second. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { classPath, java } from "./Jars.ts"
import { answers, host } from "./Port.ts"
import type { Service } from "./Service.ts"

const version = "3.9.5"

const classes = (): Promise<string> =>
  classPath(`zookeeper-${version}`, [
    { group: "org.apache.zookeeper", artifact: "zookeeper", version, without: ["io.netty", "ch.qos.logback"] },
    // What its own pom leaves out, and without which it does not start.
    { group: "io.dropwizard.metrics", artifact: "metrics-core", version: "4.1.12.1" },
    { group: "org.xerial.snappy", artifact: "snappy-java", version: "1.1.10.5" },
    { group: "org.slf4j", artifact: "slf4j-simple", version: "2.0.13" }
  ])

const settings = (folder: string, port: number): Record<string, string | number> => ({
  dataDir: join(folder, "data"),
  clientPort: port,
  clientPortAddress: host,
  tickTime: 200,
  minSessionTimeout: 400,
  maxSessionTimeout: 60_000,
  maxClientCnxns: 0,
  "admin.enableServer": "false",
  "4lw.commands.whitelist": "*"
})

export const server: Service = {
  prepare: async () => void (await classes()),
  configure: async (folder, port) => {
    const config = join(folder, "zoo.cfg")
    const lines = Object.entries(settings(folder, port))
    await writeFile(config, lines.map(([name, value]) => `${name}=${value}\n`).join(""))
    const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    return { command: "java", arguments: java(128, await classes(), main, config) }
  },
  isReady: (port) => answers(port, "ruok", (answer) => answer.toString() === "imok"),
  url: (port) => `${host}:${port}`
}
