/**
 * A visit as rows of a terminal: the map around oneself on the left, what was said on the right, the input below. Pure:
 * the same visit and size give the same rows, each exactly as wide as the terminal.
 */
import type { Line, LineKind, Seen, Visit } from "./Visit.ts"
import { clean, firstGrapheme, inColumns, width, wrap } from "./Width.ts"

export interface Size {
  readonly columns: number
  readonly rows: number
}

export type Style = "bar" | "me" | "other" | LineKind
/** Puts colour around a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string

export const plain: Paint = (_style, text) => text

export const colourful: Paint = (style, text) => `\x1b[${colours[style]}m${text}\x1b[0m`

/** Below this there is no room for a map. */
const smallest: Size = { columns: 40, rows: 10 }

export const render = (visit: Visit, { columns, rows }: Size, paint: Paint): ReadonlyArray<string> => {
  const bar = paint("bar", inColumns(title(visit), columns))
  if (columns < smallest.columns || rows < smallest.rows) {
    const room = Math.max(0, rows - 2)
    return [bar, ...chat(visit.lines, columns, room, paint), inColumns(prompt(visit, columns), columns)].slice(-rows)
  }
  const chatColumns = Math.max(18, Math.floor(columns * 0.4))
  const mapColumns = columns - chatColumns - 3
  const height = rows - 4
  const left = map(visit, mapColumns, height, paint)
  const right = chat(visit.lines, chatColumns, height, paint)
  const body = left.map((row, i) => `${row} │ ${right[i] ?? ""}`)
  return [
    bar,
    ...body,
    inColumns(near(visit), columns),
    inColumns(hint(visit), columns),
    inColumns(prompt(visit, columns), columns)
  ]
}

/** Where the cursor stands while typing: after the input. */
export const cursorColumn = (visit: Visit, columns: number): number =>
  Math.min(columns, width(prompt(visit, columns)) + 1)

// --- internal ---

const colours: Record<Style, string> = {
  bar: "7",
  me: "1;33",
  other: "36",
  said: "0",
  whisper: "35",
  emote: "32",
  note: "2"
}

/** A letter is about twice as high as wide, so that a column is half of what a row is. */
const columnCm = 75
const rowCm = 150
const gridCm = 500

const title = (visit: Visit): string => {
  const where = visit.isInside ? `${visit.name || visit.playground} ${visit.channel}채널` : "outside"
  const hidden = [...visit.crowded.values()].reduce((sum, count) => sum + count, 0)
  const inView = `${visit.members.size + hidden} in view`
  return ` noriter · ${where} · ${inView} · ${clean(visit.nickname)} · ${visit.status}`
}

/** Of a long input the end is shown, where one types. */
const prompt = (visit: Visit, columns: number): string =>
  visit.typing ? `> ${wrap(visit.input, columns - 3).at(-1) ?? ""}` : ""

const hint = (visit: Visit): string =>
  visit.typing
    ? "Enter says it · Esc drops it · /p TEXT to all · /w N TEXT · /emote wave · /quit"
    : "arrows or WASD walk · Enter types · / commands · q leaves"

/** Who stands closest, with the number that /w takes. */
const near = (visit: Visit): string => {
  const me = visit.me
  if (me === undefined) return ""
  const distance = (seen: Seen): number => Math.hypot(seen.xCm - me.xCm, seen.yCm - me.yCm)
  const closest = [...visit.members.values()].sort((a, b) => distance(a) - distance(b)).slice(0, 8)
  return closest.map((seen) => `${seen.nickname}#${seen.member} ${Math.round(distance(seen) / 100)}m`).join("  ")
}

/** The last lines that inColumns, filled up from above. */
const chat = (lines: ReadonlyArray<Line>, columns: number, rows: number, paint: Paint): ReadonlyArray<string> => {
  const shown: Array<string> = []
  for (let i = lines.length - 1; i >= 0 && shown.length < rows; i--) {
    const line = lines[i]
    if (line === undefined) continue
    shown.unshift(...wrap(line.text, columns).map((part) => paint(line.kind, inColumns(part, columns))))
  }
  const empty = Array.from({ length: Math.max(0, rows - shown.length) }, () => " ".repeat(columns))
  return [...empty, ...shown.slice(-rows)]
}

/** One's surroundings, oneself in the middle. A letter that is two wide hides what stands right of it. */
const map = (visit: Visit, columns: number, rows: number, paint: Paint): ReadonlyArray<string> => {
  const me = visit.me
  if (me === undefined) return Array.from({ length: rows }, () => " ".repeat(columns))
  const leftCm = me.xCm - Math.floor(columns / 2) * columnCm
  const topCm = me.yCm - Math.floor(rows / 2) * rowCm
  const cells = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => ground(visit, leftCm + column * columnCm, topCm + row * rowCm))
  )
  const put = (seen: Seen, letter: string, style: Style): void => {
    const column = Math.floor((seen.xCm - leftCm) / columnCm)
    const row = cells[Math.floor((seen.yCm - topCm) / rowCm)]
    const wide = width(letter)
    if (row === undefined || column < 0 || column + wide > columns) return
    // Half of a wide letter cannot be overwritten alone: both of its columns are freed.
    if (row[column] === "" && column > 0) row[column - 1] = " "
    const after = column + wide
    if (row[after] === "") row[after] = " "
    row[column] = paint(style, letter)
    if (wide === 2) row[column + 1] = ""
  }
  for (const seen of visit.members.values()) put(seen, firstGrapheme(seen.nickname) || "o", "other")
  put(me, "@", "me")
  return cells.map((row) => row.join(""))
}

/** Dots every five metres, so that walking shows; nothing beyond the playground. */
const ground = (visit: Visit, xCm: number, yCm: number): string => {
  if (xCm < 0 || yCm < 0 || xCm >= visit.widthCm || yCm >= visit.heightCm) return " "
  const onColumn = Math.floor(xCm / gridCm) !== Math.floor((xCm - columnCm) / gridCm)
  const onRow = Math.floor(yCm / gridCm) !== Math.floor((yCm - rowCm) / gridCm)
  return onColumn && onRow ? "." : " "
}
