/**
 * How many columns text takes in a terminal: Hangul and other wide letters and emoji take two, marks none. Owns
 * measuring, cutting and wrapping; pure.
 */

/** Columns of a text without line ends and escapes. */
export const width = (text: string): number => {
  let columns = 0
  for (const { segment } of graphemes.segment(text)) columns += graphemeWidth(segment)
  return columns
}

/** The text in exactly so many columns: cut where it is longer, filled with spaces where it is shorter. */
export const inColumns = (text: string, columns: number): string => {
  const [line = ""] = wrap(text, columns)
  return line + " ".repeat(Math.max(0, columns - width(line)))
}

/** The text in lines of at most so many columns, broken at spaces where there are any. */
export const wrap = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const wide = graphemeWidth(segment)
    if (used + wide > columns && line !== "") {
      const space = line.lastIndexOf(" ")
      // A word longer than half of the line is broken: Korean and URLs may have no space for long.
      const kept = segment !== " " && space > line.length / 2 ? line.slice(0, space) : line
      lines.push(kept)
      line = line.slice(kept.length).trimStart()
      used = width(line)
      if (segment === " ") continue
    }
    line += segment
    used += wide
  }
  return line === "" && lines.length > 0 ? lines : [...lines, line]
}

/** Without what could steer the terminal: others' text is printed as text, whatever a server let through. */
export const clean = (text: string): string => text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, "·")

/** The text without its last grapheme: what backspace leaves. */
export const withoutLast = (text: string): string => {
  const all = Array.from(graphemes.segment(text), ({ segment }) => segment)
  return all.slice(0, -1).join("")
}

export const firstGrapheme = (text: string): string =>
  graphemes.segment(text)[Symbol.iterator]().next().value?.segment ?? ""

// --- internal ---

const graphemes = new Intl.Segmenter("ko", { granularity: "grapheme" })

const graphemeWidth = (grapheme: string): number => {
  const point = grapheme.codePointAt(0) ?? 0
  if (point < 0x300) return point < 0x20 || (point >= 0x7f && point < 0xa0) ? 0 : 1
  if (/^[\p{Mark}\p{Default_Ignorable_Code_Point}]/u.test(grapheme)) return 0
  if (grapheme.includes("\ufe0f") || /^\p{Emoji_Presentation}/u.test(grapheme)) return 2
  return wideRanges.some(([from, to]) => point >= from && point <= to) ? 2 : 1
}

/** Wide and fullwidth letters (Unicode's East Asian Width), in the blocks that hold them. */
const wideRanges: ReadonlyArray<readonly [number, number]> = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x20000, 0x3fffd]
]
