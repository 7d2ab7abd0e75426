/**
 * The streams of a tag as the memory twin keeps them: lines by class, each class cut by its own bounds, one head over
 * all of them (rules C3, C4). Plain data, so that a space can be saved and rewound; the functions here change it.
 */
import type { Change, Head, StreamEntry } from "./SharedSpace.ts"

type Append = Extract<Change, { readonly _tag: "Append" }>

interface Line {
  readonly seq: number
  readonly timeMs: number
  readonly value: Uint8Array
}

/** Lines of one class, oldest first; those before `start` are cut already. */
interface Lines {
  readonly all: Array<Line>
  start: number
}

export interface MemoryStream {
  seq: number
  trimmedTo: number
  readonly classes: Map<string, Lines>
}

/** Cut lines that may lie in an array before it is copied down: each line is moved once in its life. */
const cutMax = 256

export const headOf = (stream: MemoryStream | undefined): Head => ({
  seq: stream?.seq ?? 0,
  trimmedTo: stream?.trimmedTo ?? 0
})

export function append(streams: Map<string, MemoryStream>, change: Append): void {
  const stream = streams.get(change.stream) ?? { seq: 0, trimmedTo: 0, classes: new Map<string, Lines>() }
  streams.set(change.stream, stream)
  const lines = stream.classes.get(change.class) ?? { all: [], start: 0 }
  stream.classes.set(change.class, lines)
  lines.all.push({ seq: change.seq, timeMs: change.timeMs, value: new Uint8Array(change.value) })
  stream.seq = change.seq
  cut(stream, lines, change)
}

/** The age is measured against the newest line, the one just appended. */
function cut(stream: MemoryStream, lines: Lines, bounds: Append): void {
  const oldestMs = bounds.ageMsMax === 0 ? Number.NEGATIVE_INFINITY : bounds.timeMs - bounds.ageMsMax
  for (let line = lines.all[lines.start]; line !== undefined; line = lines.all[lines.start]) {
    if (lines.all.length - lines.start <= bounds.countMax && line.timeMs >= oldestMs) break
    stream.trimmedTo = Math.max(stream.trimmedTo, line.seq)
    lines.start++
  }
  if (lines.start > cutMax && lines.start * 2 > lines.all.length) {
    lines.all.splice(0, lines.start)
    lines.start = 0
  }
}

/** Lines above `after` of all classes, in the order of their seq, oldest first. */
export function linesAfter(stream: MemoryStream | undefined, after: number, limit: number): Array<StreamEntry> {
  const found: Array<StreamEntry> = []
  for (const [name, lines] of stream?.classes ?? []) {
    const from = firstAbove(lines, after)
    const end = Math.min(lines.all.length, from + limit)
    for (const line of lines.all.slice(from, end)) {
      found.push({ seq: line.seq, class: name, value: new Uint8Array(line.value) })
    }
  }
  return found.sort((a, b) => a.seq - b.seq).slice(0, limit)
}

function firstAbove(lines: Lines, after: number): number {
  let low = lines.start
  let high = lines.all.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const line = lines.all[middle]
    if (line !== undefined && line.seq <= after) low = middle + 1
    else high = middle
  }
  return low
}
