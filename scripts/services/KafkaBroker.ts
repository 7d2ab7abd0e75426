/**
 * Kafka 4.4, broker and controller in one process (KRaft). The settings beyond a single node's make groups quick: rule
 * L10 wants a silent consumer gone after 3 s, and a new group must not wait for more members. Plain, or secured: by TLS
 * and for one account, shown by whichever of three ways.
 */
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { classPath, java } from "./Jars.ts"
import { answers, freePort, host, secure } from "./Port.ts"
import { account, certificateIn, prepareCertificate } from "./Secured.ts"
import type { Service } from "./Service.ts"

const run = promisify(execFile)

const version = "4.4.0"

const classes = (): Promise<string> =>
  classPath(`kafka-${version}`, [
    { group: "org.apache.kafka", artifact: "kafka_2.13", version },
    // Without it the broker says nothing at all, not even why it does not start.
    { group: "org.slf4j", artifact: "slf4j-simple", version: "1.7.36" }
  ])

const properties = (folder: string, port: number, controllerPort: number): Properties => ({
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

type Properties = Record<string, string | number>

interface Security {
  readonly settings: (folder: string, port: number) => Promise<Properties>
  /** Begins its data. */
  readonly begin: (folder: string, config: string) => Promise<void>
  readonly connect: typeof secure | undefined
}

const service = (security: Security): Service => ({
  prepare: async () => void (await classes()),
  configure: async (folder, port) => {
    const config = join(folder, "server.properties")
    const common = properties(folder, port, await freePort())
    const lines = Object.entries({ ...common, ...(await security.settings(folder, port)) })
    await writeFile(config, lines.map(([name, value]) => `${name}=${value}\n`).join(""))
    const path = await classes()
    await security.begin(folder, config)
    return { command: "java", arguments: java(256, path, "kafka.Kafka", config) }
  },
  isReady: (port) =>
    answers(
      port,
      apiVersions,
      (answer) => answer.length > 10 && answer.readInt32BE(4) === 7 && answer.readInt16BE(8) === 0,
      security.connect
    ),
  url: (port) => `${host}:${port}`
})

/** Its first digit is never a dash, which the tool below would take for an option. */
const newId = (): string => `k${randomBytes(16).toString("base64url").slice(1)}`

/** Writes what Kafka's own tool would, which takes a second of the processor to write these lines. */
const begin = async (folder: string): Promise<void> => {
  const lines = ["version=1", "node.id=1", `cluster.id=${newId()}`, `directory.id=${newId()}`]
  await mkdir(join(folder, "data"))
  await writeFile(join(folder, "data/meta.properties"), `${lines.join("\n")}\n`)
}

export const broker = service({ settings: async () => ({}), begin, connect: undefined })

const { username, password } = account
const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
const modules = "org.apache.kafka.common.security"

const withAccount = service({
  settings: async (folder, port) => {
    const [{ both }, controllerPort, ownPort] = [await certificateIn(folder), await freePort(), await freePort()]
    const addresses = `SASL_SSL://${host}:${port},PLAINTEXT://${host}:${ownPort}`
    return {
      "controller.quorum.voters": `1@${host}:${controllerPort}`,
      listeners: `${addresses},CONTROLLER://${host}:${controllerPort}`,
      "advertised.listeners": addresses,
      "listener.security.protocol.map": "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
      "ssl.keystore.type": "PEM",
      "ssl.keystore.location": both,
      "sasl.enabled.mechanisms": ["PLAIN", ...scram].join(),
      "listener.name.sasl_ssl.plain.sasl.jaas.config": `${modules}.plain.PlainLoginModule required user_${username}="${password}";`,
      "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": `${modules}.scram.ScramLoginModule required;`,
      "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": `${modules}.scram.ScramLoginModule required;`
    }
  },
  // Accounts of SCRAM can be had from the tool alone.
  begin: async (_, config) => {
    const accounts = scram.flatMap((way) => ["--add-scram", `${way}=[name=${username},password=${password}]`])
    const format = ["format", "-t", newId(), "-c", config, ...accounts]
    await run("java", java(128, await classes(), "kafka.tools.StorageTool", ...format))
  },
  connect: secure
})

export const secured: Service = {
  ...withAccount,
  prepare: async () => {
    await withAccount.prepare()
    await prepareCertificate()
  }
}
