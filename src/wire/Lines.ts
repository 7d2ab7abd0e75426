/**
 * Bytes into lines, and a line into the JSON object it holds. Owns the line's bounds: its length, its end, and that a
 * line which came in pieces is put together. Pure: what the object means is the decoders' (gen/decoders.ts), sockets
 * and time are the caller's.
 */
import { isUtf8 } from "node:buffer"
import { type Fields, isObject, type Rule } from "./Strict.ts"

/** Stands where a line stood that was longer than `lineBytesMax`; its bytes are skipped, up to its end. */
export const tooLong: unique symbol = Symbol("noriter/line too long")

/** The text of one line without its end, or why it is none. */
export type Line = string | LineFault | typeof tooLong

/** Why a line is not one JSON object in UTF-8: an issue of ERROR_CODE_MALFORMED. */
export class LineFault {
  readonly rule: Rule
  readonly message: string

  constructor(rule: Rule, message: string) {
    this.rule = rule
    this.message = message
  }
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const nothing = Buffer.alloc(0)
const lineEnd = Buffer.from([lineFeed])

/** A longer chunk is not taken for one line before its lines were looked for. */
const chunkBytesMax = 1_024

/**
 * Splits what comes into lines. `feed` a chunk, then take `next` until it is undefined; only then the chunk may be used
 * again by its owner. Lazy, so that a chunk of a thousand lines is not a thousand views at once.
 */
export class Lines {
  private readonly lineBytesMax: number
  private readonly onlyBytesMax: number
  private readonly framed: boolean
  private chunk: Buffer = nothing
  private at = 0
  private fedAt = 0
  /** The beginning of a line whose end has not come: at most `lineBytesMax` bytes and a carriage return. */
  private kept: Buffer = nothing
  private keptLength = 0
  private skipping = false
  private began: number | undefined = undefined

  /** Framed: each chunk is whole lines, the last of which need not have its end. */
  constructor(lineBytesMax: number, framed = false) {
    this.lineBytesMax = lineBytesMax
    this.onlyBytesMax = Math.min(lineBytesMax, chunkBytesMax)
    this.framed = framed
  }

  feed(chunk: Buffer, now: number): void {
    this.chunk = this.hasMore ? Buffer.concat([this.chunk.subarray(this.at), this.between, chunk]) : chunk
    this.at = 0
    this.fedAt = now
  }

  /** The next line of the chunk; undefined when there is none, and what is left of the chunk is kept as a copy. */
  next(): Line | undefined {
    if (this.chunk === nothing) return undefined
    const only = this.only()
    if (only !== undefined) return only
    while (this.at < this.chunk.length) {
      const start = this.at
      const end = this.chunk.indexOf(lineFeed, start)
      if (end === -1 && !this.framed) return this.keep(start)
      this.at = end === -1 ? this.chunk.length : end + 1
      const line = this.finish(start, end === -1 ? this.chunk.length : end)
      if (line !== undefined) return line
    }
    this.chunk = nothing
    this.at = 0
    return undefined
  }

  /** Whether the chunk is not yet taken: there may be lines in it. */
  get hasMore(): boolean {
    return this.at < this.chunk.length
  }

  /** What is not yet taken of the chunk is copied, so that its memory may be used again. */
  own(): void {
    if (!this.hasMore) return
    this.chunk = Buffer.from(this.chunk.subarray(this.at))
    this.at = 0
  }

  /** When the line began whose end has not come: the `now` of its first bytes. Undefined between two lines. */
  get unfinishedSince(): number | undefined {
    return this.began
  }

  /** What stands between a chunk and the one after it. */
  private get between(): Buffer {
    return this.framed ? lineEnd : nothing
  }

  /** Counts from `now` instead: for a reader that did not read for a while, which is not the writer's fault. */
  forgive(now: number): void {
    if (this.began !== undefined) this.began = now
  }

  /**
   * The chunk as one good line, where it is just that: so it is with nearly every chunk of a phone. Looking for a line's
   * end in a text costs a fifth of looking for it in bytes, and UTF-8 is quicker made text where it is not named.
   */
  private only(): string | undefined {
    if (this.at !== 0 || this.keptLength > 0 || this.skipping) return undefined
    const { chunk } = this
    const last = chunk.length - 1
    const ended = chunk[last] === lineFeed
    if (!ended && !this.framed) return undefined
    const end = ended ? last : last + 1
    if (end <= 0 || end > this.onlyBytesMax || chunk[end - 1] === carriageReturn) return undefined
    const text = chunk.toString(undefined, 0, end)
    if (text.includes("\n") || text.includes(replacement)) return undefined
    this.chunk = nothing
    return text
  }

  /** Nothing for an empty line, and for the end of one that was too long. */
  private finish(start: number, end: number): Line | undefined {
    this.began = undefined
    if (this.skipping) {
      this.skipping = false
      return undefined
    }
    if (this.keptLength === 0) return this.trim(this.chunk, start, end)
    const length = this.keptLength + end - start
    if (length > this.lineBytesMax + 1) {
      this.forget()
      return tooLong
    }
    this.append(start, end)
    const kept = this.kept
    this.forget()
    return this.trim(kept, 0, length)
  }

  private trim(bytes: Buffer, start: number, end: number): Line | undefined {
    const last = end > start && bytes[end - 1] === carriageReturn ? end - 1 : end
    if (last === start) return undefined
    return last - start > this.lineBytesMax ? tooLong : textOf(bytes, start, last)
  }

  /** Copies what may yet become a line, because the chunk's memory is its owner's. */
  private keep(start: number): typeof tooLong | undefined {
    const end = this.chunk.length
    this.began ??= this.fedAt
    this.at = end
    if (this.skipping) return undefined
    const length = this.keptLength + end - start
    const textLength = this.chunk[end - 1] === carriageReturn ? length - 1 : length
    if (textLength > this.lineBytesMax) {
      this.forget()
      this.skipping = true
      return tooLong
    }
    this.append(start, end)
    return undefined
  }

  /** Doubles what it keeps in, so that a line which comes byte by byte is not copied for each of them. */
  private append(start: number, end: number): void {
    const length = this.keptLength + end - start
    if (length > this.kept.length) {
      const size = Math.min(Math.max(length, this.kept.length * 2), this.lineBytesMax + 1)
      // Of its own memory: a slice of Node's pool would hold on to 64 KiB for as long as this line is unfinished.
      const larger = Buffer.allocUnsafeSlow(size)
      this.kept.copy(larger, 0, 0, this.keptLength)
      this.kept = larger
    }
    this.chunk.copy(this.kept, this.keptLength, start, end)
    this.keptLength = length
  }

  private forget(): void {
    this.kept = nothing
    this.keptLength = 0
  }
}

const notUtf8 = new LineFault("UTF8", "the line is not UTF-8")
const byteOrderMark = new LineFault("SYNTAX", "a byte-order mark is not taken")
const notJson = new LineFault("SYNTAX", "the line is not JSON")
const notAnObject = new LineFault("SYNTAX", "the line is not a JSON object")

const replacement = "\ufffd"
const byteOrder = 0xfeff

/** The text of these bytes. Only one that shows the character for what cannot be decoded may hold invalid UTF-8, and is
 * looked at again; it costs a view and a second pass, which a good line is spared. */
export function textOf(bytes: Buffer, start = 0, end = bytes.length): string | LineFault {
  const text = bytes.toString("utf8", start, end)
  return text.includes(replacement) && !isUtf8(bytes.subarray(start, end)) ? notUtf8 : text
}

/**
 * The object a line holds; undefined where it holds none, and `faultOf` says why. How deep it is nested is not looked at:
 * the decoders refuse what they don't know.
 */
export function parseLine(line: string | LineFault): Fields | undefined {
  if (typeof line !== "string") return undefined
  const value = parseJson(line)
  return isObject(value) ? value : undefined
}

/** Why `parseLine` gave nothing for this line. */
export function faultOf(line: string | LineFault): LineFault {
  if (typeof line !== "string") return line
  if (line.charCodeAt(0) === byteOrder) return byteOrderMark
  // Failing to parse is slow, and what begins like an object has failed already.
  return line.trimStart().startsWith("{") || parseJson(line) === undefined ? notJson : notAnObject
}

/** Undefined where it is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
