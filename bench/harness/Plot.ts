/**
 * Figures as a picture: one panel a figure, side by side, each against the number of phones, with a line for every
 * contender. SVG as text, so that it lies in the repository and its changes can be read. Owns how it looks; what is in
 * it is the bench's.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export interface Series {
  readonly name: string
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

export interface Panel {
  readonly title: string
  readonly series: ReadonlyArray<Series>
  /** Not to be passed: a dashed line. */
  readonly bound?: number
}

export interface Plot {
  readonly title: string
  /** What the figures are against. */
  readonly against: string
  /** When and how it was measured. */
  readonly note: string
  readonly panels: ReadonlyArray<Panel>
}

const folder = join(import.meta.dirname, "../plots")

/** Writes bench/plots/<name>.svg; where it lies. */
export function writePlot(name: string, plot: Plot): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${name}.svg`)
  writeFileSync(path, svgOf(plot))
  return path
}

const width = 420
const height = 280
const margin = { left: 56, right: 16, top: 56, bottom: 64 }
const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom }
const gridLines = 4
/** Told apart also by who does not see red and green, and on dark and light. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]

export function svgOf({ title, against, note, panels }: Plot): string {
  const body = panels.map((panel, index) => panelOf(panel, against, index * width)).join("")
  const total = panels.length * width
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total} ${height}" width="${total}" height="${height}" role="img" aria-label="${escaped(title)}" font-family="sans-serif" font-size="11" fill="#333">
<rect width="${total}" height="${height}" fill="#fff"/>
<text x="12" y="18" font-size="13" font-weight="bold">${escaped(title)}</text>
${body}<text x="12" y="${height - 6}" fill="#777" font-size="10">${escaped(note)}</text>
</svg>
`
}

function panelOf({ title, series, bound }: Panel, against: string, left: number): string {
  const all = series.flatMap(({ points }) => points)
  const most = {
    x: roundUp(Math.max(1, ...all.map(([x]) => x))),
    y: roundUp(Math.max(1, bound ?? 0, ...all.map(([, y]) => y)))
  }
  const at = (x: number, y: number) => ({
    x: tenths(margin.left + (x / most.x) * inner.width),
    y: tenths(margin.top + (1 - y / most.y) * inner.height)
  })
  const parts = [`<text x="${margin.left}" y="40">${escaped(title)}</text>`]
  for (let line = 0; line <= gridLines; line++) {
    const [x, y] = [(most.x * line) / gridLines, (most.y * line) / gridLines]
    const { y: across } = at(0, y)
    parts.push(
      `<path d="M${margin.left} ${across}H${width - margin.right}" stroke="#e3e3e3"/>`,
      `<text x="${margin.left - 6}" y="${across + 4}" text-anchor="end">${y}</text>`,
      `<text x="${at(x, 0).x}" y="${height - margin.bottom + 16}" text-anchor="middle">${x}</text>`
    )
  }
  parts.push(
    `<text x="${width - margin.right}" y="${height - margin.bottom + 32}" text-anchor="end">${escaped(against)}</text>`
  )
  if (bound !== undefined) {
    parts.push(
      `<path d="M${margin.left} ${at(0, bound).y}H${width - margin.right}" stroke="#999" stroke-dasharray="4 3"/>`
    )
  }
  series.forEach(({ name, points }, index) => {
    const colour = colours[index % colours.length]
    const places = points.map(([x, y]) => at(x, y))
    parts.push(
      `<polyline points="${places.map(({ x, y }) => `${x},${y}`).join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...places.map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`),
      `<text x="${margin.left + 8}" y="${margin.top + 12 + index * 14}" fill="${colour}">${escaped(name)}</text>`
    )
  })
  return `<g transform="translate(${left})">\n${parts.join("\n")}\n</g>\n`
}

const tenths = (value: number): number => Math.round(value * 10) / 10

/** The next of 1, 2, 4, 6, 8, 10, 12 … of its size, so that a quarter of it is a short number. */
function roundUp(value: number): number {
  const size = 10 ** Math.floor(Math.log10(value))
  const steps = value / size
  return (
    (steps <= 1
      ? 1
      : steps <= 4
        ? Math.ceil(steps / 2) * 2
        : steps <= 8
          ? Math.ceil(steps / 4) * 4
          : steps <= 10
            ? 10
            : 12) * size
  )
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")
