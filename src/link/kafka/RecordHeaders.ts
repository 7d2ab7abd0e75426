/**
 * How a record of ours lies in Kafka: key = the tag that decides it, value = the message, and the rest as text headers
 * that other teams can read too. Never to be changed: records of a week lie on the log (design.md, part 3).
 */
import type { DeadLetter, LogRecord, Marks, NewRecord, Outcome, Source } from "../TopicLog.ts"
import type { Incoming, Outgoing, TopicPartition } from "./KafkaClient.ts"

/** Copies the body: it stays the caller's. */
export function outgoing(record: NewRecord, partition: number): Outgoing {
  const { key, partitionBy, body, trace, source, dead, marks } = record
  const headers: Record<string, string> = { key }
  if (trace !== undefined) headers.traceparent = trace
  if (source !== undefined) headers.source = placeText(source, source.index)
  if (dead !== undefined) {
    headers.dead = placeText(dead)
    headers["dead-reason"] = dead.reason
  }
  if (marks !== undefined) {
    headers.at = `${marks.atMs}`
    if (marks.takenIn !== undefined) headers["taken-in"] = placeText(marks.takenIn, marks.takenIn.index)
    if (marks.outcome !== undefined) headers.outcome = outcomeText(marks.outcome)
  }
  return { partition, key: partitionBy, value: new Uint8Array(body), headers }
}

/** A header that is not ours is as good as none: the record is then judged by what is left of it. */
export function incoming(record: Incoming, { topic, partition }: TopicPartition): LogRecord {
  const trace = record.header("traceparent")
  const source = sourceOf(record.header("source"))
  const dead = deadOf(record.header("dead"), record.header("dead-reason"))
  const marks = marksOf(record)
  return {
    key: record.header("key") ?? "",
    partitionBy: record.key,
    body: record.value,
    ...(trace === undefined ? {} : { trace }),
    ...(source === undefined ? {} : { source }),
    ...(dead === undefined ? {} : { dead }),
    ...(marks === undefined ? {} : { marks }),
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

const outcomeText = ({ session, id, bodyHash, answer }: Outcome): string =>
  [session, id, textOf(bodyHash), textOf(answer)].join("/")

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url")

function marksOf({ header }: Incoming): Marks | undefined {
  const at = header("at")
  if (at === undefined || !/^\d{1,15}$/.test(at)) return undefined
  const takenIn = sourceOf(header("taken-in"))
  const outcome = outcomeOf(header("outcome"))
  return { atMs: Number(at), ...(takenIn && { takenIn }), ...(outcome && { outcome }) }
}

function outcomeOf(text: string | undefined): Outcome | undefined {
  const match = text === undefined ? null : /^([^/]*)\/(\d+)\/([\w-]*)\/([\w-]*)$/.exec(text)
  if (match === null) return undefined
  const [, session = "", id, bodyHash = "", answer = ""] = match
  return { session, id: Number(id), bodyHash: bytesOf(bodyHash), answer: bytesOf(answer) }
}

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64url"))

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
