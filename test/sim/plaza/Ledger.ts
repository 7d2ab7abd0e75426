/**
 * What the log says of gifts and blocks when all is over: what must be in every pouch, each fact counted once by its source,
 * which request each gift was (rules L4, L13), and who blocks whom.
 */
import type { GuestBlocked } from "../../../gen/noriter/topic/v1/block.ts"
import type { Asker } from "../../../gen/noriter/topic/v1/chat.ts"
import { decodeTopic, type TopicRecord } from "../../../gen/registry.ts"
import type { Broker } from "../../../src/link/MemoryTopicLog.ts"
import type { LogRecord, Source } from "../../../src/link/TopicLog.ts"

/** Daisies of a pouch in which nothing was ever put. */
export const daisies = 10

export class Ledger {
  /** By guest: more or fewer than at first. */
  readonly changes = new Map<string, number>()
  /** Gifts that were given, by session and id, as often as they were. */
  readonly given = new Map<string, number>()
  /** By guest: whom it blocks in the end, by number, and whom it has ever blocked. */
  readonly blocks = new Map<string, Map<number, string>>()
  readonly blocked = new Map<string, Set<string>>()

  constructor(broker: Broker) {
    const records = (topic: string) => broker.all(topic).flat(2)
    const asked = new Map(records("noriter.guest.asked").map((record) => [placeOf(record), record]))
    const seen = new Set<string>()
    for (const record of records("noriter.social.happened")) {
      const { source } = record
      const name = source && `${placeOf(source)} ${source.index}`
      if (source === undefined || name === undefined || seen.has(name)) continue
      seen.add(name)
      const fact = messageOf(record)
      const cause = asked.get(placeOf(source))
      const asker = cause && askerOf(messageOf(cause))
      if (fact?.$type === "noriter.topic.v1.GuestBlocked" && fact.block > 0) this.#block(fact)
      if (fact?.$type === "noriter.topic.v1.GuestUnblocked") this.blocks.get(fact.guest)?.delete(fact.block)
      if (fact?.$type === "noriter.topic.v1.FlowersReceived") this.#add(fact.guest, fact.count)
      if (fact?.$type !== "noriter.topic.v1.FlowersGiven" || fact.count === 0) continue
      this.#add(fact.guest, -fact.count)
      if (asker === undefined || asker.id === 0) continue
      const gift = giftOf(asker)
      this.given.set(gift, (this.given.get(gift) ?? 0) + 1)
    }
  }

  #block({ guest, block, blocked }: GuestBlocked): void {
    this.blocks.set(guest, (this.blocks.get(guest) ?? new Map<number, string>()).set(block, blocked))
    this.blocked.set(guest, (this.blocked.get(guest) ?? new Set<string>()).add(blocked))
  }

  #add(guest: string, count: number): void {
    this.changes.set(guest, (this.changes.get(guest) ?? 0) + count)
  }
}

const giftOf = ({ session, id }: Pick<Asker, "session" | "id">): string => `${session} ${id}`

const placeOf = ({ topic, partition, offset }: Omit<Source, "index">): string => `${topic}/${partition}/${offset}`

const messageOf = ({ key, body }: LogRecord): TopicRecord | undefined => decodeTopic(key, body)

const askerOf = (message: TopicRecord | undefined): Asker | undefined =>
  message?.$type === "noriter.topic.v1.GiftAsked" ? message.asker : undefined
