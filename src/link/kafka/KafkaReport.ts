/**
 * What an operator should know of Kafka, for ServerReport: its brokers, the settings that the guarantees rest on, and
 * whether the topics that are there are those of the proto (rule L1). kafkajs is not told a broker's version.
 */
import * as Context from "effect/Context"
import kafkajs from "kafkajs"
import type { Said } from "../Remark.ts"
import { allTopics } from "../Topics.ts"
import { configOf, type KafkaOptions } from "./KafkaJs.ts"

/** What a reader asks of the group (rule L10). */
const sessionMs = 3_000

const asked = [
  "group.min.session.timeout.ms",
  "min.insync.replicas",
  "default.replication.factor",
  "auto.create.topics.enable"
]

export async function ask(options: KafkaOptions & { readonly prefix: string }): Promise<ReadonlyArray<Said>> {
  const config = configOf(options, Context.empty())
  const admin = new kafkajs.Kafka({ ...config, retry: { retries: 1 } }).admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    const [first] = brokers
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.BROKER, name: `${first?.nodeId ?? 0}`, configNames: asked }]
    })
    const entries = resources.flatMap(({ configEntries }) => configEntries)
    const settings = new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
    const addresses = brokers.map(({ host, port }) => `${host}:${port}`).join(", ")
    return [
      { verdict: "fine", detail: `brokers: ${addresses}` },
      ...settingsSaid(settings, brokers.length),
      await topicsSaid(admin, options.prefix)
    ]
  } finally {
    await admin.disconnect()
  }
}

function settingsSaid(settings: ReadonlyMap<string, string>, brokers: number): ReadonlyArray<Said> {
  const of = (name: string) => Number(settings.get(name) ?? Number.NaN)
  const said: Array<Said> = []
  const [session, replicas, insync] = [
    of("group.min.session.timeout.ms"),
    of("default.replication.factor"),
    of("min.insync.replicas")
  ]
  said.push(
    session <= sessionMs
      ? { verdict: "fine", detail: `group.min.session.timeout.ms ${session}` }
      : {
          verdict: "wrong",
          detail: `group.min.session.timeout.ms ${session}: readers ask for ${sessionMs} and are refused, so nothing that is said is heard; set 1000`
        }
  )
  said.push(
    brokers > 1 && replicas > 1 && insync > 1
      ? { verdict: "fine", detail: `default.replication.factor ${replicas}, min.insync.replicas ${insync}` }
      : {
          verdict: "note",
          detail: `default.replication.factor ${replicas}, min.insync.replicas ${insync}, brokers ${brokers}: what was acknowledged is lost with a broker; 3, 2 and 3 keep it`
        }
  )
  if (settings.get("auto.create.topics.enable") === "true") {
    said.push({ verdict: "note", detail: "auto.create.topics.enable true: a name mistyped elsewhere becomes a topic" })
  }
  return said
}

async function topicsSaid(admin: kafkajs.Admin, prefix: string): Promise<Said> {
  const there = new Set(await admin.listTopics())
  const known = allTopics.filter(({ name }) => there.has(prefix + name))
  const { topics } = await admin.fetchTopicMetadata({ topics: known.map(({ name }) => prefix + name) })
  const differ = known.flatMap(({ name, partitions }) => {
    const has = topics.find((topic) => topic.name === prefix + name)?.partitions.length
    return has === partitions ? [] : [`${prefix}${name} has ${has} partitions, not ${partitions}`]
  })
  if (differ.length > 0) return { verdict: "wrong", detail: differ.join("; ") }
  if (known.length === allTopics.length) return { verdict: "fine", detail: `all ${known.length} topics are there` }
  const missing = allTopics.length - known.length
  return {
    verdict: "note",
    detail: `${missing} of ${allTopics.length} topics are not there yet: the first runner makes them`
  }
}
