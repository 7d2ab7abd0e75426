/**
 * The small run time of the generated decoders (gen/decoders.ts): readers of single JSON values, and the issues they
 * find. Pure. Which fields there are, and what each may hold, is the protos' and compiled into the decoders.
 *
 * Readers take what JSON.parse made, absent (undefined) and null being the type's zero, and return a value of the right
 * type even when they add an issue, so that decoders run straight through and see at the end whether any was added.
 */
import type { Issue } from "../../gen/noriter/client/v1/error.ts"

export type Rule =
  | "TYPE"
  | "RANGE"
  | "UNKNOWN_FIELD"
  | "TOO_SHORT"
  | "TOO_LONG"
  | "CHARACTERS"
  | "REQUIRED"
  | "ENUM"
  | "ONE_KEY"
  | "TOO_MANY"
  | "DEPTH"
  | "SYNTAX"
  | "UTF8"

export const issuesMax = 16
const pathLengthMax = 64
const depthMax = 16

/** What is wrong with one line, at most 16 of it. One serves a whole connection: `clear` makes it new. */
export class Issues {
  /** How many were added, those over the bound too: decoders compare it to see whether anything was wrong. */
  count = 0
  #list: Array<Issue> | undefined

  add(path: string, rule: Rule, message: string): undefined {
    if (this.count++ >= issuesMax) return
    this.#list ??= []
    this.#list.push({ $type: "noriter.client.v1.Issue", path, rule, message })
  }

  /** Puts the name of a field before the paths of what was added since: nested decoders do not know where they stand. */
  under(since: number, name: string): void {
    const list = this.#list
    if (list === undefined) return
    for (let index = since; index < list.length; index++) {
      const issue = list[index]
      if (issue !== undefined) issue.path = issue.path === "" ? name : `${name}.${issue.path}`
    }
  }

  /** Only these, with their paths cut to what may be sent. */
  list(): ReadonlyArray<Issue> {
    const list = this.#list ?? []
    for (const issue of list) if (issue.path.length > pathLengthMax) issue.path = cut(issue.path)
    return list
  }

  clear(): void {
    // Nearly always it is: to write would cost more than to look.
    if (this.count === 0) return
    this.count = 0
    this.#list = undefined
  }
}

/** At most 64 characters, and always text that UTF-8 can carry: names in a line are of the phone's choosing. */
export function cut(text: string): string {
  const short = text.length <= pathLengthMax ? text : `${text.slice(0, pathLengthMax - 1)}…`
  return short.toWellFormed()
}

// --- Objects ---

export type Fields = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** JSON.parse makes own properties only, `__proto__` among them, so this counts what stands in the line. */
export function countFields(fields: Fields): number {
  let count = 0
  for (const _ in fields) count++
  return count
}

export function addUnknownFields(fields: Fields, known: ReadonlySet<string>, issues: Issues): void {
  for (const name in fields) {
    if (!known.has(name)) addUnknownField(name, issues)
  }
}

/**
 * The key of a line that does not plainly have one: two of them, none, one that is null or unknown. `besides` are the
 * names that are no keys.
 */
export function theKey(
  fields: Fields,
  keys: ReadonlySet<string>,
  besides: ReadonlySet<string>,
  issues: Issues
): string {
  const before = issues.count
  let key = ""
  for (const name in fields) {
    if (besides.has(name)) continue
    if (!keys.has(name)) addUnknownField(name, issues)
    else if (fields[name] !== null) {
      if (key !== "") issues.add(name, "ONE_KEY", "must not stand beside another key")
      key = name
    }
  }
  if (key === "" && issues.count === before) {
    issues.add("", "ONE_KEY", `must have one key besides ${[...besides].join(", ")}`)
  }
  return key
}

function addUnknownField(name: string, issues: Issues): void {
  issues.add(name === "" ? '""' : cut(name), "UNKNOWN_FIELD", "is not known here")
}

/** Called on refused lines only: what was accepted is never deeper than the protos are, and those are shallow. */
export function replaceIfTooDeep(value: unknown, issues: Issues): undefined {
  if (!isDeeper(value, depthMax)) return
  issues.clear()
  issues.add("", "DEPTH", `is nested deeper than ${depthMax}`)
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false
  if (levels === 0) return true
  if (Array.isArray(value)) return value.some((entry) => isDeeper(entry, levels - 1))
  if (isObject(value)) for (const name in value) if (isDeeper(value[name], levels - 1)) return true
  return false
}

/** The id of a line that may be wrong in every other way, so that its refusal can name it; 0 where there is none. */
export function readId(value: unknown): number {
  if (!isObject(value)) return 0
  const id = typeof value.id === "string" ? decimalOf(value.id) : value.id
  return typeof id === "number" && id >= 0 && id <= 0xffff_ffff && Math.floor(id) === id ? id + 0 : 0
}

// --- Numbers and booleans ---

/** A whole number. Adding zero makes 0 of -0, which would be another key and another JSON. */
export function readWhole(value: unknown, min: number, max: number, path: string, issues: Issues): number {
  if (typeof value === "number" && value >= min && value <= max && Math.floor(value) === value) return value + 0
  if (value === undefined || value === null) return 0
  const number = typeof value === "string" ? decimalOf(value) : value
  if (typeof number !== "number") {
    issues.add(path, "TYPE", "must be a whole number, or one in decimal digits as a string")
  } else if (Number.isNaN(number) || (Number.isFinite(number) && Math.floor(number) !== number)) {
    issues.add(path, "TYPE", "must be a whole number")
  } else if (number < min || number > max) {
    issues.add(path, "RANGE", `must be between ${min} and ${max}`)
  } else {
    return number + 0
  }
  return 0
}

const zero = 0x30
const decimal = /^-?(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/

/**
 * What a string says that is written as JSON writes a number; NaN if that is not whole, undefined if it is no number.
 * Decided on the digits, because Number() would round a fraction away where doubles are sparse.
 */
function decimalOf(text: string): number | undefined {
  const parts = decimal.exec(text)
  if (parts === null) return undefined
  const [, whole = "", fraction = "", exponent = "0"] = parts
  const digits = `${whole}${fraction}`
  let significant = digits.length
  // A regular expression that looks for zeros at the end begins anew at each zero before it.
  while (digits.charCodeAt(significant - 1) === zero) significant--
  const scale = Number(exponent) - fraction.length + (digits.length - significant)
  return scale < 0 && significant > 0 ? Number.NaN : Number(text)
}

export function readBool(value: unknown, path: string, issues: Issues): boolean {
  if (typeof value === "boolean") return value
  if (value !== undefined && value !== null) issues.add(path, "TYPE", "must be true or false")
  return false
}

// --- Text ---

export type Characters = "ANY" | "SPOKEN" | "NAME" | "ASCII" | "SLUG"

/** What a string may hold; 0 is no bound. */
export interface TextRule {
  readonly graphemesMin: number
  readonly graphemesMax: number
  readonly bytesMin: number
  readonly bytesMax: number
  readonly characters: Characters
}

export function textRule(
  graphemesMin: number,
  graphemesMax: number,
  bytesMin: number,
  bytesMax: number,
  characters: Characters
): TextRule {
  return { graphemesMin, graphemesMax, bytesMin, bytesMax, characters }
}

export function readText(value: unknown, rule: TextRule, path: string, issues: Issues): string {
  if (value === undefined || value === null) return checkText("", rule, path, issues)
  if (typeof value !== "string") {
    issues.add(path, "TYPE", "must be a string")
    return ""
  }
  return checkText(value, rule, path, issues)
}

/**
 * Whether a value is what nearly every text is: within its bounds whatever is counted, and of units that need no second
 * look. Decoders ask this first; what is not plain may still be good, which is `readText`'s to say.
 */
export function isPlainSpoken(value: unknown, unitsMin: number, unitsMax: number): value is string {
  if (typeof value !== "string" || value.length < unitsMin || value.length > unitsMax) return false
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index)
    if (unit >= 0xa0 ? (unit & 0xf800) === 0xd800 : unit < 0x20 || unit >= 0x7f) return false
  }
  return true
}

/** As above, for texts of lower-case letters, digits, - and _. */
export function isPlainSlug(value: unknown, unitsMin: number, unitsMax: number): value is string {
  return typeof value === "string" && value.length >= unitsMin && value.length <= unitsMax && isSlug(value)
}

/** Bytes before graphemes: what is split into graphemes is never longer than the cap in bytes. */
function checkText(given: string, rule: TextRule, path: string, issues: Issues): string {
  const wrong = wrongCharacters(given, rule.characters)
  if (wrong !== undefined) {
    issues.add(path, "CHARACTERS", wrong)
    return given
  }
  const text = rule.characters === "NAME" ? composed(given.trim(), rule.bytesMax) : given
  if (!hasBytesMin(text, rule.bytesMin)) {
    issues.add(path, "TOO_SHORT", `must have at least ${rule.bytesMin} bytes`)
  } else if (!hasGraphemesMin(text, rule.graphemesMin)) {
    issues.add(path, "TOO_SHORT", `must have at least ${plural(rule.graphemesMin)}`)
  } else if (!hasBytesMax(text, rule.bytesMax)) {
    issues.add(path, "TOO_LONG", `must have at most ${rule.bytesMax} bytes`)
  } else if (!hasGraphemesMax(text, rule.graphemesMax)) {
    issues.add(path, "TOO_LONG", `must have at most ${plural(rule.graphemesMax)}`)
  } else if (rule.characters === "NAME" && text !== "") {
    checkName(text, path, issues)
  }
  return text
}

/** Composing takes the square of marks in a row: what is too long whatever becomes of it is left as it is. */
function composed(text: string, bytesMax: number): string {
  return bytesMax > 0 && text.length > bytesMax * unitsPerByteMax ? text : text.normalize("NFC")
}

/** Four units become one where they are composed, and one that another stands for may be two. */
const unitsPerByteMax = 8

function checkName(text: string, path: string, issues: Issues): void {
  if (invisible.test(text)) issues.add(path, "CHARACTERS", "must have something visible in it")
  if (personal.test(text)) issues.add(path, "CHARACTERS", "must not hold characters of private use")
  if (piled.test(text)) issues.add(path, "CHARACTERS", "must not pile more than four marks on one character")
}

function plural(count: number): string {
  return count === 1 ? "1 character" : `${count} characters`
}

/** Embeddings, overrides and isolates turn the text around a name; line and paragraph separators break it. */
const turning = /[\u202a-\u202e\u2066-\u2069\u2028\u2029]/
/** Nothing but spaces, joiners, fillers and the like; U+2800 is a braille cell without dots. */
const invisible = /^[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\p{Cf}\p{Z}\u2800]*$/u
/** Drawn differently everywhere, or not at all. */
const personal = /\p{Co}/u
/** More marks on one character than any script needs, once composed: they spill over the lines around a name. */
const piled = /\p{Mn}{5}/u

function wrongCharacters(text: string, characters: Characters): string | undefined {
  if (characters === "ASCII") return isAscii(text) ? undefined : "must be printable ASCII without spaces"
  if (characters === "SLUG") return isSlug(text) ? undefined : "must be lower-case letters, digits, - and _"
  const wrong = wrongUnit(text, characters !== "ANY")
  if (wrong !== undefined) return wrong
  if (characters === "NAME" && turning.test(text)) return "must not hold characters that turn or break the line"
  return undefined
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x21 || unit > 0x7e) return false
  }
  return true
}

function isSlug(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    const isLetter = unit >= 0x61 && unit <= 0x7a
    const isDigit = unit >= 0x30 && unit <= 0x39
    if (!isLetter && !isDigit && unit !== 0x2d && unit !== 0x5f) return false
  }
  return true
}

/**
 * Half surrogate pairs, which UTF-8 cannot carry, and control characters: C0, DEL and C1. Loops over the units
 * here and above, because regular expressions would cost as much as all the rest of a line.
 */
function wrongUnit(text: string, refuseControl: boolean): string | undefined {
  const { length } = text
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0xa0) {
      if ((unit < 0x20 || unit >= 0x7f) && refuseControl) return "must not hold control characters"
    } else if ((unit & 0xf800) === 0xd800) {
      const low = text.charCodeAt(index + 1)
      if (unit >= 0xdc00 || (low & 0xfc00) !== 0xdc00) return "must not hold half of a surrogate pair"
      index++
    }
  }
  return undefined
}

/** A UTF-16 unit is one to three bytes of UTF-8, so the length alone often decides. */
function hasBytesMin(text: string, min: number): boolean {
  return text.length >= min || (text.length * 3 >= min && Buffer.byteLength(text) >= min)
}

function hasBytesMax(text: string, max: number): boolean {
  if (max === 0 || text.length * 3 <= max) return true
  return text.length <= max && Buffer.byteLength(text) <= max
}

/** A grapheme is at least one unit, and text that is not empty has at least one. */
function hasGraphemesMin(text: string, min: number): boolean {
  if (text.length < min) return false
  return min <= 1 || countGraphemes(text) >= min
}

function hasGraphemesMax(text: string, max: number): boolean {
  return max === 0 || text.length <= max || countGraphemes(text) <= max
}

const segmenter = new Intl.Segmenter("ko", { granularity: "grapheme" })

/** Extended grapheme clusters: what people call characters. Slow, about 100 ns a unit. */
export function countGraphemes(text: string): number {
  let count = 0
  for (const _ of segmenter.segment(text)) count++
  return count
}

// --- Lists and messages ---

const none: ReadonlyArray<unknown> = []

/** The entries to decode; none where it is absent, no list, or too long. */
export function readList(value: unknown, itemsMax: number, path: string, issues: Issues): ReadonlyArray<unknown> {
  if (value === undefined || value === null) return none
  if (!Array.isArray(value)) {
    issues.add(path, "TYPE", "must be a list")
    return none
  }
  if (value.length > itemsMax) {
    issues.add(path, "TOO_MANY", `must have at most ${itemsMax} entries`)
    return none
  }
  return value
}

/** In a list null is an entry, and no number. @public for decoders of repeated scalars, of which there may be none. */
export function isNullEntry(value: unknown, path: string, issues: Issues): boolean {
  if (value !== null) return false
  issues.add(path, "TYPE", "must not be null")
  return true
}
