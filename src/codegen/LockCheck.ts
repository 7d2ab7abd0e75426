/**
 * What of the protocol may not change once it is released, and buf cannot see: how keys travel, what is promised of them
 * and what their fields may hold. Pure: compares two locks (protocol.lock.json) and says what would break whom.
 */
import type { Delivery } from "./Model.ts"

/** What a field of a request may hold; what is not said is not bound. */
export interface LockedField {
  readonly type: string
  readonly max?: number
  readonly itemsMax?: number
  readonly required?: boolean
  readonly specified?: boolean
  readonly graphemesMin?: number
  readonly graphemesMax?: number
  readonly bytesMin?: number
  readonly bytesMax?: number
  readonly characters?: string
}

export interface LockedKey {
  readonly lane: "CLIENT" | "RUNNER" | "TOPIC"
  readonly service: string
  readonly field?: string
  readonly answer?: string
  readonly delivery?: Delivery
  readonly ratePerSecond?: number
  readonly rateBurst?: number
  readonly lasting?: boolean
  readonly inside?: boolean
  readonly topic?: string
  readonly partitions?: number
  readonly partitionBy?: string
  /** By path, `streams[].seq`; of requests only. */
  readonly fields?: Readonly<Record<string, LockedField>>
}

export interface Lock {
  readonly keys: Readonly<Record<string, LockedKey>>
  readonly heard: Readonly<Record<string, Delivery>>
  readonly errors: Readonly<Record<string, { readonly number: number; readonly definite: boolean }>>
  readonly disconnects: Readonly<Record<string, { readonly number: number; readonly comeBack: boolean }>>
}

/** Every break, each a sentence that names what; empty: nothing that was released breaks. */
export function breaksBetween(released: Lock, current: Lock): ReadonlyArray<string> {
  const breaks: Array<string> = []
  for (const [key, was] of Object.entries(released.keys)) {
    const is = current.keys[key]
    if (is === undefined) breaks.push(`${key}: the key is gone`)
    else breaks.push(...keyBreaks(was, is).map((what) => `${key}: ${what}`))
  }
  for (const [key, was] of Object.entries(released.heard)) {
    const is = current.heard[key]
    if (is === undefined) breaks.push(`${key}: phones no longer hear it`)
    else if (isWeaker(was, is)) breaks.push(`${key}: delivery was ${was}, is ${is}`)
  }
  for (const [code, was] of Object.entries(released.errors)) {
    const is = current.errors[code]
    if (is === undefined) breaks.push(`${code}: the code is gone`)
    else breaks.push(...changes(was, is, ["number", "definite"]).map((what) => `${code}: ${what}`))
  }
  for (const [code, was] of Object.entries(released.disconnects)) {
    const is = current.disconnects[code]
    if (is === undefined) breaks.push(`${code}: the code is gone`)
    else breaks.push(...changes(was, is, ["number", "comeBack"]).map((what) => `${code}: ${what}`))
  }
  return breaks
}

function keyBreaks(was: LockedKey, is: LockedKey): ReadonlyArray<string> {
  const breaks = [
    ...changes(was, is, ["lane", "field", "answer", "topic", "partitions", "partitionBy", "lasting", "inside"]),
    ...lowered(was, is, ["ratePerSecond", "rateBurst"])
  ]
  if (was.delivery !== undefined && is.delivery !== undefined && isWeaker(was.delivery, is.delivery)) {
    breaks.push(`delivery was ${was.delivery}, is ${is.delivery}`)
  }
  const before = was.fields ?? {}
  for (const [path, field] of Object.entries(is.fields ?? {})) {
    const known = before[path]
    const found = known === undefined ? demands(field) : fieldBreaks(known, field)
    breaks.push(...found.map((what) => `${path}: ${what}`))
  }
  for (const path of Object.keys(before)) {
    if (is.fields?.[path] === undefined) breaks.push(`${path}: the field is gone`)
  }
  return breaks
}

const strength: Readonly<Record<Delivery, number>> = { LATEST: 0, ORDERED: 1, DURABLE: 2 }

function isWeaker(was: Delivery, is: Delivery): boolean {
  return strength[is] < strength[was]
}

function fieldBreaks(was: LockedField, is: LockedField): ReadonlyArray<string> {
  const narrower = is.characters !== undefined && is.characters !== was.characters
  return [
    ...changes(was, is, ["type"]),
    ...lowered(was, is, ["max", "itemsMax", "graphemesMax", "bytesMax"]),
    ...raised(was, is, ["graphemesMin", "bytesMin"]),
    ...begun(was, is, ["required", "specified"]),
    ...(narrower ? [`characters were ${was.characters ?? "ANY"}, are ${is.characters}`] : [])
  ]
}

/** A new field may not be demanded of phones that don't know it. */
function demands(field: LockedField): ReadonlyArray<string> {
  const known: LockedField = { type: field.type }
  return [...raised(known, field, ["graphemesMin", "bytesMin"]), ...begun(known, field, ["required", "specified"])].map(
    (what) => `the field is new, and demanded: ${what}`
  )
}

function changes<A extends object>(was: A, is: A, names: ReadonlyArray<keyof A & string>): ReadonlyArray<string> {
  return names.filter((name) => was[name] !== is[name]).map((name) => `${name} was ${was[name]}, is ${is[name]}`)
}

type Numbers<A> = { readonly [Name in keyof A as A[Name] extends number | undefined ? Name : never]?: number }

/** Upper bounds that came down; none before is the highest. */
function lowered<A extends Numbers<A>>(
  was: A,
  is: A,
  names: ReadonlyArray<keyof Numbers<A> & string>
): ReadonlyArray<string> {
  return names
    .filter((name) => (is[name] ?? Number.POSITIVE_INFINITY) < (was[name] ?? Number.POSITIVE_INFINITY))
    .map((name) => `${name} was ${was[name] ?? "unbounded"}, is ${is[name]}`)
}

/** Lower bounds that went up. */
function raised<A extends Numbers<A>>(
  was: A,
  is: A,
  names: ReadonlyArray<keyof Numbers<A> & string>
): ReadonlyArray<string> {
  return names
    .filter((name) => (is[name] ?? 0) > (was[name] ?? 0))
    .map((name) => `${name} was ${was[name] ?? 0}, is ${is[name]}`)
}

function begun(
  was: LockedField,
  is: LockedField,
  names: ReadonlyArray<"required" | "specified">
): ReadonlyArray<string> {
  return names.filter((name) => is[name] === true && was[name] !== true).map((name) => `is now ${name}`)
}
