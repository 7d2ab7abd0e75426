/**
 * How a record of ours lies in Kafka: key = the tag that decides it, value = the message, and the rest as text headers
 * that other teams can read too. Never to be changed: records of a week lie on the log (design.md, part 3).
 */
import type { DeadLetter, LogRecord, NewRecord, Source } from "../TopicLog.ts"
import type { Incoming, Outgoing, TopicPartition } from "./KafkaClient.ts"

/** Copies the body: it stays the caller's. */
export function outgoing(record: NewRecord, partition: number): Outgoing {
  const { key, partitionBy, body, trace, source, dead } = record
  const headers: Record<string, string> = { key }
  if (trace !== undefined) headers.traceparent = trace
  if (source !== undefined) headers.source = placeText(source, source.index)
  if (dead !== undefined) {
    headers.dead = placeText(dead)
    headers["dead-reason"] = dead.reason
  }
  return { partition, key: partitionBy, value: new Uint8Array(body), headers }
}

/** A header that is not ours is as good as none: the record is then judged by what is left of it. */
export function incoming(record: Incoming, { topic, partition }: TopicPartition): LogRecord {
  const trace = record.header("traceparent")
  const source = sourceOf(record.header("source"))
  const dead = deadOf(record.header("dead"), record.header("dead-reason"))
  return {
    key: record.header("key") ?? "",
    partitionBy: record.key,
    body: record.value,
    ...(trace === undefined ? {} : { trace }),
    ...(source === undefined ? {} : { source }),
    ...(dead === undefined ? {} : { dead }),
    topic,
    partition,
    offset: record.offset,
    timeMs: record.timeMs
  }
}

// --- internal ---

interface Place extends TopicPartition {
  readonly offset: number
}

const placeText = ({ topic, partition, offset }: Place, ...index: ReadonlyArray<number>): string =>
  [topic, partition, offset, ...index].join("/")

function sourceOf(text: string | undefined): Source | undefined {
  const match = text === undefined ? null : /^([^/]+)\/(\d+)\/(\d+)\/(\d+)$/.exec(text)
  return match === null ? undefined : { ...placeOf(match), index: Number(match[4]) }
}

function deadOf(text: string | undefined, reason: string | undefined): DeadLetter | undefined {
  const match = text === undefined ? null : /^([^/]+)\/(\d+)\/(\d+)$/.exec(text)
  return match === null ? undefined : { ...placeOf(match), reason: reason ?? "" }
}

const placeOf = ([, topic = "", partition, offset]: RegExpExecArray): Place => ({
  topic,
  partition: Number(partition),
  offset: Number(offset)
})
