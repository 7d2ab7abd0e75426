/**
 * What lies in Redis and Kafka themselves, read beside all runners: the channel as a picture, the requests and facts of a
 * run as a ledger, and how much there is of everything. Owns no connection.
 */
import * as Effect from "effect/Effect"
import type { Redis as Client } from "ioredis"
import { MemberRecord, PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { decodeTopic } from "../../gen/registry.ts"
import * as KafkaTopicLog from "../../src/link/KafkaTopicLog.ts"
import { type LogRecord, TopicLog } from "../../src/link/TopicLog.ts"
import { countOf, pouchKey, readPouch } from "../../src/plaza/social/Pouch.ts"
import { unpackEntry } from "../../src/space/RedisValues.ts"
import type { Asked, Decided, Ledger, Picture, Standing } from "./Evidence.ts"

const channel = "{park/1}"
const memberPrefix = "member/"

const states: ReadonlyMap<PresenceState, Standing["state"]> = new Map([
  [PresenceState.PRESENCE_STATE_PRESENT, "present"],
  [PresenceState.PRESENCE_STATE_LOST, "lost"],
  [PresenceState.PRESENCE_STATE_AWAY, "away"],
  [PresenceState.PRESENCE_STATE_HIDDEN, "hidden"]
])

export async function pictureOf(redis: Client, prefix: string): Promise<Picture> {
  const [entries, places, meta] = await Promise.all([
    redis.hgetallBuffer(`${prefix}:${channel}:entries`),
    redis.hgetallBuffer(`${prefix}:${channel}:places`),
    redis.hgetall(`${prefix}:${channel}:meta`)
  ])
  const members = Object.entries(entries).flatMap(([key, bytes]): ReadonlyArray<Standing> => {
    if (!key.startsWith(memberPrefix)) return []
    const { value, owner } = unpackEntry(bytes)
    const { nickname, guest, state } = MemberRecord.decode(value)
    return [
      {
        member: Number(key.slice(memberPrefix.length)),
        nickname,
        guest,
        state: states.get(state) ?? "hidden",
        runner: owner?.runner ?? "",
        incarnation: owner?.incarnation ?? "",
        era: owner?.epoch.era ?? 0,
        node: owner?.epoch.node ?? 0,
        connection: owner?.connection ?? 0,
        place: places[key]?.toString("hex") ?? ""
      }
    ]
  })
  const fences = Object.entries(meta).flatMap(([field, value]) => {
    const [era = 0, node = 0] = value.split(" ").map(Number)
    return field.startsWith("fence/") ? [[field.slice("fence/".length), { era, node }] as const] : []
  })
  return { atMs: performance.now(), members, fences: new Map(fences) }
}

/** Incarnations that hold something, by Redis. */
export async function incarnationsIn(redis: Client, prefix: string): Promise<ReadonlyArray<string>> {
  const keys = await redis.keys(`${prefix}:{inc/*}:entries`)
  return keys.map((key) => /\{inc\/([^}]+)\}/.exec(key)?.[1] ?? "")
}

/** What each guest has, by Redis; a pouch that was never touched is not there. */
export async function pouchesIn(redis: Client, prefix: string): Promise<ReadonlyMap<string, number>> {
  const pouches = new Map<string, number>()
  for (const key of await redis.keys(`${prefix}:{*}:entries`)) {
    const entry = await redis.hgetBuffer(key, pouchKey)
    const guest = /\{([^}]+)\}/.exec(key)?.[1]
    if (entry === null || guest === undefined) continue
    pouches.set(guest, countOf(readPouch(unpackEntry(entry).value), "daisy"))
  }
  return pouches
}

/** Of how many incarnations something is kept. */
export const keptIn = async (redis: Client, prefix: string): Promise<ReadonlyMap<string, number>> =>
  new Map([["incarnations are kept", new Set(await incarnationsIn(redis, prefix)).size]])

/** Of the topics of this prefix, what was asked, decided and buried. */
export const ledgerOf = (brokers: string, prefix: string): Promise<Ledger> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const log = yield* TopicLog
      const read = (topic: string) =>
        Effect.gen(function* () {
          const all: Array<LogRecord> = []
          yield* log.readAll(topic, (records) => Effect.sync(() => void all.push(...records)))
          return all
        })
      const asked: Array<Asked> = []
      const decided: Array<Decided> = []
      const dead: Array<string> = []
      for (const topic of ["noriter.channel.asked", "noriter.guest.asked"]) {
        for (const record of yield* read(topic)) asked.push(...askedIn(topic, record))
        for (const record of yield* read(`${topic}.dead`)) {
          if (record.dead) dead.push(`${record.dead.topic}/${record.dead.partition}/${record.dead.offset}`)
        }
      }
      for (const topic of ["noriter.chat.happened", "noriter.social.happened"]) {
        for (const record of yield* read(topic)) decided.push(...decidedIn(record))
      }
      return { asked, decided, dead }
    }).pipe(Effect.provide(KafkaTopicLog.layer({ brokers: [brokers], prefix: `${prefix}.` })), Effect.scoped)
  )

/** What no runner can read either: it belongs in the dead letters. */
function messageOf({ key, body }: LogRecord): ReturnType<typeof decodeTopic> {
  try {
    return decodeTopic(key, body)
  } catch {
    return undefined
  }
}

function askedIn(topic: string, record: LogRecord): ReadonlyArray<Asked> {
  const { partition, offset } = record
  const message = messageOf(record)
  const at = `${topic}/${partition}/${offset}`
  if (message?.$type === "noriter.topic.v1.LineAsked" || message?.$type === "noriter.topic.v1.GiftAsked") {
    const { session = "", id = 0 } = message.asker ?? {}
    return [{ at, session, id, text: "text" in message ? message.text : "" }]
  }
  return []
}

function decidedIn(record: LogRecord): ReadonlyArray<Decided> {
  const { source } = record
  const fact = messageOf(record)
  if (fact === undefined || source === undefined) return []
  return [
    {
      kind: fact.$type,
      source: `${source.topic}/${source.partition}/${source.offset}/${source.index}`,
      isRefused: "refused" in fact && Number(fact.refused) !== 0,
      guest: "guest" in fact ? String(fact.guest) : "",
      count: "count" in fact ? Number(fact.count) : 0
    }
  ]
}
