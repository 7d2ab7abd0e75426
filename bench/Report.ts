/** What a bench found, and how it is printed: a table for people, JSON lines for machines. */
import { cpus, totalmem } from "node:os"
import type { Spread } from "./Measure.ts"

export interface Row extends Spread {
  readonly name: string
  readonly unit: string
  /** At most this much; none where the figure is only to be known. */
  readonly target?: number
  /** At least this much. */
  readonly atLeast?: number
}

/** What a bench may be told besides how long a row takes. */
export interface Given {
  readonly bots: number
  readonly minutes: number
  readonly phones: number
  readonly runners: number
  readonly repetitions: number
  /** What arrives is taken in on the load client's core. */
  readonly isApart: boolean
  /** Where a CPU profile is written; undefined: none is. */
  readonly profileTo: string | undefined
}

export interface Bench {
  readonly name: string
  readonly about: string
  /** It takes minutes, or both cores: it is not among "all". */
  readonly isLong?: true
  /** Measures each of its rows for about so many seconds; says what it is at. */
  readonly run: (seconds: number, at: (what: string) => void, given: Given) => Promise<ReadonlyArray<Row>>
}

/** A figure says nothing without the machine it was taken on. */
export const machine = () => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  date: new Date().toISOString()
})

export type Machine = ReturnType<typeof machine>

export const isMet = ({
  median,
  target = Number.POSITIVE_INFINITY,
  atLeast = Number.NEGATIVE_INFINITY
}: Row): boolean => median <= target && median >= atLeast

export function toTable(bench: Bench, rows: ReadonlyArray<Row>): string {
  const cells = rows.map((row) => [
    row.name,
    `${figure(row.median)} ${row.unit}`,
    `${figure(row.low)} – ${figure(row.high)}`,
    goalOf(row)
  ])
  const table = [["", "median", "10 % – 90 %", "target"], ...cells]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const lines = table.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("   ")
      .trimEnd()
  )
  return [`${bench.name}: ${bench.about}`, ...lines, ""].map((line) => `${line}\n`).join("")
}

export const toJsonLines = (bench: Bench, rows: ReadonlyArray<Row>, where: Machine): string =>
  rows.map((row) => `${JSON.stringify({ bench: bench.name, ...row, met: isMet(row), machine: where })}\n`).join("")

function goalOf(row: Row): string {
  const { target, atLeast } = row
  if (target === undefined && atLeast === undefined) return ""
  const goal = target === undefined ? `≥ ${figure(atLeast ?? 0)}` : `≤ ${figure(target)}`
  return `${goal} ${isMet(row) ? "met" : "MISSED"}`
}

/** Three digits that count: finer is noise. */
const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
