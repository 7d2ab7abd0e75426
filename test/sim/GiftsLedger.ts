/** What was asked and what happened where guests give each other flowers (Gifts): each message with the gift it is about. */
import { decodeTopic } from "../../gen/registry.ts"
import { Broker } from "../../src/link/MemoryTopicLog.ts"
import type { AppendFailed, NewRecord, Position, Source } from "../../src/link/TopicLog.ts"

/** A log of which nothing is forgotten. */
export class Ledger extends Broker {
  readonly records: Array<NewRecord & Position & { readonly topic: string }> = []

  /** A test clock stops between two milliseconds, where a sleeper with jitter wakes; no broker tells such a time. */
  override append(topic: string, some: ReadonlyArray<NewRecord>, nowMs: number) {
    const appended: ReadonlyArray<Position> | AppendFailed = super.append(topic, some, Math.floor(nowMs))
    if (!("_tag" in appended)) {
      appended.forEach((position, at) => {
        const record = some[at]
        if (record !== undefined) this.records.push({ ...record, ...position, topic })
      })
    }
    return appended
  }

  /** Messages of a topic, each source once, and the gift each is about: that of the record that caused it. */
  messages(topic: string) {
    const seen = new Set<string>()
    return this.records.flatMap((record) => {
      const { source, key, body } = record
      const name = source && `${source.topic}/${source.partition}/${source.offset}/${source.index}`
      if (record.topic !== topic || (name !== undefined && seen.has(name))) return []
      if (name !== undefined) seen.add(name)
      const message = decodeTopic(key, body)
      return message === undefined ? [] : [{ message, gift: source === undefined ? "" : this.giftAt(source) }]
    })
  }

  private giftAt(at: Source): string {
    const cause = this.records.find(
      ({ topic, partition, offset }) => topic === at.topic && partition === at.partition && offset === at.offset
    )
    const message = cause && decodeTopic(cause.key, cause.body)
    return message !== undefined && "nickname" in message ? message.nickname : ""
  }
}
