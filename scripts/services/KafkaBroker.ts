/**
 * Kafka 4.4, broker and controller in one process (KRaft). The settings beyond a single node's make groups quick: rule
 * L10 wants a silent consumer gone after 3 s, and a new group must not wait for more members.
 */
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { classPath, java } from "./Jars.ts"
import { answers, freePort, host } from "./Port.ts"
import type { Service } from "./Service.ts"

const run = promisify(execFile)

const version = "4.4.0"

const classes = (): Promise<string> =>
  classPath(`kafka-${version}`, [
    { group: "org.apache.kafka", artifact: "kafka_2.13", version },
    // Without it the broker says nothing at all, not even why it does not start.
    { group: "org.slf4j", artifact: "slf4j-simple", version: "1.7.36" }
  ])

const properties = (folder: string, port: number, controllerPort: number): Record<string, string | number> => ({
  "process.roles": "broker,controller",
  "node.id": 1,
  "controller.quorum.voters": `1@${host}:${controllerPort}`,
  listeners: `PLAINTEXT://${host}:${port},CONTROLLER://${host}:${controllerPort}`,
  "advertised.listeners": `PLAINTEXT://${host}:${port}`,
  "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
  "controller.listener.names": "CONTROLLER",
  "inter.broker.listener.name": "PLAINTEXT",
  "log.dirs": join(folder, "data"),
  "offsets.topic.num.partitions": 4,
  "offsets.topic.replication.factor": 1,
  "transaction.state.log.num.partitions": 4,
  "transaction.state.log.replication.factor": 1,
  "transaction.state.log.min.isr": 1,
  "share.coordinator.state.topic.replication.factor": 1,
  "share.coordinator.state.topic.min.isr": 1,
  "group.min.session.timeout.ms": 1000,
  "group.initial.rebalance.delay.ms": 0,
  "auto.create.topics.enable": "false",
  "num.network.threads": 2,
  "num.io.threads": 2,
  "background.threads": 2,
  // The default alone is half of the heap given below.
  "log.cleaner.dedupe.buffer.size": 16_777_216,
  "controlled.shutdown.enable": "false"
})

/** ApiVersions, version 0, correlation id 7: answered only by a broker that takes requests. */
const apiVersions = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff])

export const broker: Service = {
  prepare: async () => void (await classes()),
  configure: async (folder, port) => {
    const config = join(folder, "server.properties")
    const lines = Object.entries(properties(folder, port, await freePort()))
    await writeFile(config, lines.map(([name, value]) => `${name}=${value}\n`).join(""))
    const path = await classes()
    // Its first digit is never a dash, which the tool would take for an option.
    const id = `k${randomBytes(16).toString("base64url").slice(1)}`
    await run("java", java(128, path, "kafka.tools.StorageTool", "format", "-t", id, "-c", config))
    return { command: "java", arguments: java(256, path, "kafka.Kafka", config) }
  },
  isReady: (port) =>
    answers(
      port,
      apiVersions,
      (answer) => answer.length > 10 && answer.readInt32BE(4) === 7 && answer.readInt16BE(8) === 0
    ),
  url: (port) => `${host}:${port}`
}
