/**
 * What lies in the values of the shared space's keys, byte by byte; numbers are 8 bytes, big endian, where not said
 * otherwise. The scripts under lua/ read and write the same. Each comes from our own Redis, so that a value that cannot
 * be read is a defect.
 */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire"
import type { Marks, Source } from "../link/TopicLog.ts"
import {
  type Entry,
  type Fact,
  type Head,
  type Owner,
  outcomeAgeMs,
  outcomesMax,
  type Remembered,
  type Tag,
  type TagState
} from "./SharedSpace.ts"
import { isChannel } from "./Tag.ts"

// --- Owners and entries ---

/** Connection, era, node, length of the runner's name (2), runner, incarnation: equal owners are equal bytes, and those of
 * one incarnation are from the ninth byte on. */
export function packOwner(owner: Owner): Buffer {
  const runner = Buffer.from(owner.runner)
  const head = Buffer.alloc(26)
  putNumber(head, 0, owner.connection)
  putNumber(head, 8, owner.epoch.era)
  putNumber(head, 16, owner.epoch.node)
  head.writeUInt16BE(runner.length, 24)
  return Buffer.concat([head, runner, Buffer.from(owner.incarnation)])
}

/** The bytes of an owner that say which incarnation it is. */
export const packIncarnation = (by: Omit<Owner, "connection">): Buffer =>
  packOwner({ ...by, connection: 0 }).subarray(8)

function unpackOwner(bytes: Buffer): Owner {
  const runnerEnd = 26 + bytes.readUInt16BE(24)
  return {
    incarnation: bytes.toString("utf8", runnerEnd),
    runner: bytes.toString("utf8", 26, runnerEnd),
    epoch: { era: numberAt(bytes, 8), node: numberAt(bytes, 16) },
    connection: numberAt(bytes, 0)
  }
}

/** Version, dueMs + 1 or 0, length of the owner (2), owner or nothing, value. */
export function unpackEntry(bytes: Buffer): Entry {
  const due = numberAt(bytes, 8)
  const ownerEnd = 18 + bytes.readUInt16BE(16)
  return {
    version: numberAt(bytes, 0),
    value: copyOf(bytes.subarray(ownerEnd)),
    owner: ownerEnd === 18 ? undefined : unpackOwner(bytes.subarray(18, ownerEnd)),
    dueMs: due === 0 ? undefined : due - 1
  }
}

/** Numbers stay below 2^53; a thousand entries are read without a bigint each. */
const numberAt = (bytes: Buffer, at: number): number => bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)

function putNumber(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value % 2 ** 32, at + 4)
}

/** Not a view of what came from the socket: that would keep all that came with it. */
export const copyOf = (bytes: Buffer): Uint8Array => new Uint8Array(bytes)

// --- Places ---

/** x and y, 4 bytes each. */
export const unpackPlace = (bytes: Buffer): { readonly xCm: number; readonly yCm: number } => ({
  xCm: bytes.readUInt32BE(0),
  yCm: bytes.readUInt32BE(4)
})

/** One behind the other. */
export function packPlaces(xCm: ReadonlyArray<number>, yCm: ReadonlyArray<number>): Buffer {
  const bytes = Buffer.allocUnsafe(xCm.length * 8)
  xCm.forEach((x, at) => {
    bytes.writeUInt32BE(x, at * 8)
    bytes.writeUInt32BE(yCm[at] ?? 0, at * 8 + 4)
  })
  return bytes
}

// --- Outcomes: rule L6 ---

export const sessionField = (session: string): string => `s${session}`

export function outcomeField(session: string, id: number): Buffer {
  const head = Buffer.alloc(9, "o")
  putNumber(head, 1, id)
  return Buffer.concat([head, Buffer.from(session)])
}

/** When it was last decided for, then the ids it remembers, rising. */
export function unpackSession(bytes: Buffer | null, tag: Tag, nowMs: number): ReadonlyArray<number> {
  if (bytes === null || (!isChannel(tag) && numberAt(bytes, 0) < nowMs - outcomeAgeMs)) return []
  return Array.from({ length: bytes.length / 8 - 1 }, (_, at) => numberAt(bytes, 8 + at * 8))
}

/** `kept`: length of the body hash (2), body hash, answer. */
export function unpackOutcome(ids: ReadonlyArray<number>, id: number, kept: Buffer | null): Remembered {
  if (kept !== null && ids.includes(id)) {
    const hashEnd = 2 + kept.readUInt16BE(0)
    return { _tag: "Decided", bodyHash: copyOf(kept.subarray(2, hashEnd)), answer: copyOf(kept.subarray(hashEnd)) }
  }
  const lowest = ids[0]
  return lowest !== undefined && ids.length === outcomesMax && id < lowest ? { _tag: "Stale" } : { _tag: "Fresh" }
}

// --- Facts: rule L4 ---

export function packFacts(facts: ReadonlyArray<Fact>): Uint8Array {
  const writer = new BinaryWriter().uint32(facts.length)
  for (const { topic, record } of facts) {
    writer.string(topic).string(record.key).string(record.partitionBy).bytes(record.body)
    const { trace, source, dead, marks } = record
    writer.bool(trace !== undefined).string(trace ?? "")
    packSource(writer, source)
    writer.bool(dead !== undefined)
    if (dead !== undefined) writer.string(dead.topic).double(dead.partition).double(dead.offset).string(dead.reason)
    writer.bool(marks !== undefined)
    if (marks !== undefined) packMarks(writer, marks)
  }
  return writer.finish()
}

function packSource(writer: BinaryWriter, source: Source | undefined): void {
  writer.bool(source !== undefined)
  if (source === undefined) return
  writer.string(source.topic).double(source.partition).double(source.offset).double(source.index)
}

function packMarks(writer: BinaryWriter, { atMs, takenIn, outcome }: Marks): void {
  writer.double(atMs)
  packSource(writer, takenIn)
  writer.bool(outcome !== undefined)
  if (outcome === undefined) return
  writer.string(outcome.session).double(outcome.id).bytes(outcome.bodyHash).bytes(outcome.answer)
}

/** The record's offset, then its facts as they were packed. */
export function unpackFacts(bytes: Buffer): TagState["factsWaiting"][number] {
  const reader = new BinaryReader(bytes.subarray(8))
  return { offset: numberAt(bytes, 0), facts: Array.from({ length: reader.uint32() }, () => unpackFact(reader)) }
}

function unpackFact(reader: BinaryReader): Fact {
  const [topic, key, partitionBy] = [reader.string(), reader.string(), reader.string()]
  const body = new Uint8Array(reader.bytes())
  const [hasTrace, trace] = [reader.bool(), reader.string()]
  const source = reader.bool() ? unpackSource(reader) : undefined
  const dead = reader.bool() ? { ...unpackOrigin(reader), reason: reader.string() } : undefined
  const marks = reader.bool() ? unpackMarks(reader) : undefined
  const record = {
    key,
    partitionBy,
    body,
    ...(hasTrace && { trace }),
    ...(source && { source }),
    ...(dead && { dead }),
    ...(marks && { marks })
  }
  return { topic, record }
}

const unpackOrigin = (reader: BinaryReader) => ({
  topic: reader.string(),
  partition: reader.double(),
  offset: reader.double()
})

const unpackSource = (reader: BinaryReader): Source => ({ ...unpackOrigin(reader), index: reader.double() })

const unpackMarks = (reader: BinaryReader): Marks => {
  const atMs = reader.double()
  const takenIn = reader.bool() ? unpackSource(reader) : undefined
  const outcome = reader.bool()
    ? {
        session: reader.string(),
        id: reader.double(),
        bodyHash: new Uint8Array(reader.bytes()),
        answer: new Uint8Array(reader.bytes())
      }
    : undefined
  return { atMs, ...(takenIn && { takenIn }), ...(outcome && { outcome }) }
}

// --- The hash `:meta` ---

export interface Meta
  extends Pick<TagState, "generation" | "applied" | "version" | "nowMs" | "sources" | "heads" | "counters"> {}

/** Fields and values by turns, as HGETALL gives them. */
export function unpackMeta(fields: ReadonlyArray<Buffer>): Meta {
  const plain = new Map<string, number>()
  const [sources, heads, counters] = [new Map<string, Source>(), new Map<string, Head>(), new Map<string, number>()]
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [field, value] = [`${fields[at]}`, `${fields[at + 1]}`]
    const slash = field.indexOf("/")
    const [kind, name] = slash === -1 ? [field, ""] : [field.slice(0, slash), field.slice(slash + 1)]
    const [first = 0, second = 0] = value.split(" ").map(Number)
    if (kind === "counter") counters.set(name, first)
    else if (kind === "head") heads.set(name, { seq: first, trimmedTo: second })
    else if (kind === "source") sources.set(name, { ...partitionOf(name), offset: first, index: second })
    else if (kind === "empty") plain.set("era", first).set("n", second)
    else if (slash === -1) plain.set(kind, first)
  }
  const [era, n] = [plain.get("era"), plain.get("n")]
  const generation = era === undefined || n === undefined ? undefined : { era, n }
  const { applied = -1, version = 0, now: nowMs = 0 } = Object.fromEntries(plain)
  return { generation, applied, version, nowMs, sources, heads, counters }
}

export const unpackHead = (value: Buffer | null): Head => {
  const [seq = 0, trimmedTo = 0] = value === null ? [] : `${value}`.split(" ").map(Number)
  return { seq, trimmedTo }
}

const partitionOf = (name: string) => {
  const slash = name.lastIndexOf("/")
  return { topic: name.slice(0, slash), partition: Number(name.slice(slash + 1)) }
}
