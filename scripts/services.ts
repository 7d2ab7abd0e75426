/**
 * `npm run services -- start | stop | status [names…] [--dir folder] [--json]`: real Redis, Kafka and ZooKeeper on free
 * ports of this machine, without Docker (compose.yaml is for those who have it). Names are redis, redis-cluster,
 * redis-secured, kafka, kafka-secured and zookeeper; none means redis, kafka and zookeeper. They run until `stop`.
 */
import { join } from "node:path"
import { readArguments } from "./Arguments.ts"
import { isServiceName, type ServiceName, ServiceSet } from "./services/ServiceSet.ts"

const usage = "npm run services -- start | stop | status [names…] [--dir folder] [--json]"

const { values, positionals } = readArguments(import.meta.filename, {
  allowPositionals: true,
  options: {
    dir: { type: "string", default: join(import.meta.dirname, "..", ".services") },
    json: { type: "boolean", default: false }
  }
})
const [command, ...given] = positionals
const names: ReadonlyArray<ServiceName> =
  given.length > 0 ? given.filter(isServiceName) : ["redis", "kafka", "zookeeper"]
const set = new ServiceSet(values.dir)

/** Says where those that run are; whether all of them do. */
async function status(): Promise<boolean> {
  const urls = await Promise.all(names.map(async (name) => [name, await set.url(name)] as const))
  if (values.json) console.log(JSON.stringify(Object.fromEntries(urls)))
  else for (const [name, url] of urls) console.log(`${name.padEnd(13)} ${url ?? "not running"}`)
  return urls.every(([, url]) => url !== undefined)
}

async function run(): Promise<boolean> {
  if (given.some((name) => !isServiceName(name))) throw new Error(usage)
  switch (command) {
    case "start":
      await Promise.all(names.map((name) => set.start(name)))
      return await status()
    case "stop":
      await (given.length > 0 ? Promise.all(names.map((name) => set.stop(name))) : set.stopAll())
      return true
    case "status":
      return await status()
    default:
      throw new Error(usage)
  }
}

try {
  process.exitCode = (await run()) ? 0 : 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
