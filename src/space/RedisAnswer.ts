/**
 * What Redis answers to our scripts and commands, as values of the shared space. Answers come untyped; each is looked at
 * here, and one of another shape is a defect: it comes from our own scripts.
 */
import * as Values from "./RedisValues.ts"
import {
  CommitRefused,
  type Committed,
  type Entry,
  type ReadRequest,
  type Remembered,
  type StreamEntry,
  type Tag
} from "./SharedSpace.ts"
import { memberNumber } from "./Tag.ts"

// --- Shapes ---

const unlike = (answer: unknown, what: string): Error => new TypeError(`Redis answered ${typeof answer}, not ${what}`)

export function list(answer: unknown): ReadonlyArray<unknown> {
  if (Array.isArray(answer)) return answer
  throw unlike(answer, "a list")
}

function buffer(answer: unknown): Buffer {
  if (Buffer.isBuffer(answer)) return answer
  throw unlike(answer, "bytes")
}

/** A map over RESP3 comes as its fields and values by turns. */
export const buffers = (answer: unknown): ReadonlyArray<Buffer> => list(answer).map(buffer)

export const bufferOrNull = (answer: unknown): Buffer | null =>
  answer === null || answer === undefined ? null : buffer(answer)

export function number(answer: unknown): number {
  if (typeof answer === "number") return answer
  throw unlike(answer, "a number")
}

// --- Commits: lua/commit.lua says what it answers ---

export const isDiscard = (answer: ReadonlyArray<unknown>): boolean => String(answer[0]) === "Discard"

export const discarded = (answer: ReadonlyArray<unknown>): ReadonlyArray<string> => buffers(answer[1]).map(String)

const reasons: ReadonlyArray<CommitRefused["reason"]> = [
  "Applied",
  "Source",
  "NotOwner",
  "Fenced",
  "Conflict",
  "Missing",
  "Full",
  "Exists"
]

export function refusal(tag: Tag, answer: ReadonlyArray<unknown>): CommitRefused | undefined {
  const said = String(answer[0])
  if (said === "") return undefined
  const reason = reasons.find((reason) => reason === said)
  if (reason === undefined) throw unlike(said, "a reason")
  return new CommitRefused({ tag, reason, key: String(answer[1]), applied: number(answer[2]) })
}

export const committed = (answer: ReadonlyArray<unknown>): Committed => ({
  numbers: list(answer[1]).map(number),
  versions: list(answer[2]).map(number)
})

// --- Reading ---

/** In the order of the keys asked for. */
export function entries(keys: ReadonlyArray<string>, answer: ReadonlyArray<unknown>): Map<string, Entry> {
  const found = new Map<string, Entry>()
  keys.forEach((key, at) => {
    const bytes = bufferOrNull(answer[at])
    if (bytes !== null) found.set(key, Values.unpackEntry(bytes))
  })
  return found
}

/** `fields` are keys and values by turns. */
export function entriesBelow(prefix: string, fields: ReadonlyArray<Buffer>): Map<string, Entry> {
  const found = new Map<string, Entry>()
  for (const [key, bytes] of pairs(fields)) if (key.startsWith(prefix)) found.set(key, Values.unpackEntry(bytes))
  return found
}

/** By the key of their member. */
export const positions = (fields: ReadonlyArray<Buffer>): Map<number, { readonly xCm: number; readonly yCm: number }> =>
  new Map(pairs(fields).map(([key, bytes]) => [memberNumber(key), Values.unpackPlace(bytes)]))

function pairs(fields: ReadonlyArray<Buffer>): ReadonlyArray<readonly [name: string, value: Buffer]> {
  const all: Array<readonly [string, Buffer]> = []
  for (let at = 0; at < fields.length; at += 2) all.push([String(fields[at]), buffer(fields[at + 1])])
  return all
}

/** Each is its id, `seq-0`, and its fields: class, then value. */
export const lines = (answer: unknown): ReadonlyArray<StreamEntry> =>
  list(answer).map((line) => {
    const [id, fields] = list(line)
    const [, name, , value] = buffers(fields)
    return { seq: Number.parseInt(String(id), 10), class: String(name), value: Values.copyOf(buffer(value)) }
  })

/** `kept` has for each outcome asked for the session's ids and what is remembered. */
export function remembered(
  asked: NonNullable<ReadRequest["outcomes"]>,
  kept: ReadonlyArray<unknown>,
  tag: Tag,
  nowMs: number
): { readonly remembered: ReadonlyArray<Remembered>; readonly lastIds: ReadonlyMap<string, number> } {
  const lastIds = new Map<string, number>()
  const all = asked.map(({ session, id }, at) => {
    const ids = Values.unpackSession(bufferOrNull(kept[at * 2]), tag, nowMs)
    const last = ids.at(-1)
    if (last !== undefined) lastIds.set(session, last)
    return Values.unpackOutcome(ids, id, bufferOrNull(kept[at * 2 + 1]))
  })
  return { remembered: all, lastIds }
}
