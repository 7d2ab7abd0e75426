/**
 * `npm run chaos`: breaks a plaza on purpose, with real processes, and says what held.
 *
 *     --fault F03,F04    these rows of the fault matrix; none: says which there are
 *     --all              every row, as often as the table says
 *     --minutes 30       a random mix of faults; the same seed gives the same schedule
 *     --runs 20          how often each row is run
 *     --phones 300       how many phones there are
 *     --seed 7           printed, so that a run can be had again
 *     --again 42,43      runs of a row by the seeds that findings name; with --runs, by turns
 *     --logs folder      where what servers printed is kept of runs in which something did not hold
 *     --planted sweep-off  with a defect of test/planted in runners and watchers, to see it found
 *     --page chaos.html  where the report goes
 *
 * Progress on a terminal, JSON lines otherwise; exits with 1 when an invariant did not hold.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { loadavg } from "node:os"
import { join } from "node:path"
import { numberGiven, readArguments } from "../../scripts/Arguments.ts"
import { Campaign, type Part } from "./Campaign.ts"
import type { ServerLog } from "./Checkers.ts"
import { pageOf } from "./Page.ts"
import { mix } from "./rows/Mix.ts"
import { rows } from "./rows/Rows.ts"
import type { Figure, Finding } from "./Scene.ts"

const { values } = readArguments(import.meta.filename, {
  options: {
    fault: { type: "string", default: "" },
    all: { type: "boolean", default: false },
    minutes: { type: "string" },
    runs: { type: "string" },
    phones: { type: "string" },
    seed: { type: "string", default: `${Math.floor(Math.random() * 2 ** 31)}` },
    again: { type: "string", default: "" },
    logs: { type: "string" },
    planted: { type: "string" },
    page: { type: "string", default: "chaos.html" }
  }
})

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const isForPeople = process.stdout.isTTY
const progress = (text: string): void => void (isForPeople && process.stderr.write(`\r\u001b[K${text}`))

const isMissed = ({ value, atMost = value, atLeast = value }: Figure): boolean => value > atMost || value < atLeast

const textOf = (figure: Figure): string =>
  `${figure.name} ${figure.value} ${figure.unit}`.trim() + (isMissed(figure) ? " (MISSED)" : "")

function print(finding: Finding): void {
  const { row, run, seed, complaints, figures, tookMs } = finding
  if (!isForPeople) {
    const { requests, pings, missed, timeline, ...short } = finding
    return void say(JSON.stringify({ ...short, requests: requests.length, load: loadavg()[0] }))
  }
  progress("")
  const verdict = complaints.length === 0 ? "ok    " : "BROKEN"
  say(`${verdict} ${row} run ${run} seed ${seed} ${(tookMs / 1000).toFixed(0)} s  ${figures.map(textOf).join(", ")}`)
  for (const complaint of complaints) say(`       ${complaint}`)
}

/** Worst and middle of each figure of a row: the greatest where it should be small, the least where it should be great. */
function summary(findings: ReadonlyArray<Finding>): void {
  for (const [row, runs] of Map.groupBy(findings, ({ row }) => row)) {
    const figures = Map.groupBy(
      runs.flatMap(({ figures }) => figures),
      ({ name }) => name
    )
    for (const [name, all] of figures) {
      const sorted = all.map(({ value }) => value).toSorted((one, other) => one - other)
      const [least, middle, most] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
      const missed = all.filter(isMissed).length
      const unit = all[0]?.unit ?? ""
      if (isForPeople) say(`${row} ${name}: ${least} / ${middle} / ${most} ${unit}, missed ${missed} of ${all.length}`)
      else say(JSON.stringify({ row, figure: name, unit, least, middle, most, missed, of: all.length }))
    }
  }
  const broken = findings.filter(({ complaints }) => complaints.length > 0).length
  const verdict = { runs: findings.length, broken, seed, page: values.page }
  say(isForPeople ? `${findings.length} runs, ${broken} broken; ${values.page}` : JSON.stringify(verdict))
}

const wanted = values.fault.split(",").filter((id) => id !== "")
const unknown = wanted.filter((id) => !rows.some((row) => row.id === id))
const again = values.again.split(",").flatMap((seed) => (seed === "" ? [] : [numberGiven("again", seed, 0)]))
const seed = numberGiven("seed", values.seed, 0)
const minutes = values.minutes === undefined ? undefined : numberGiven("minutes", values.minutes, 0)
const runsOfAll = values.runs === undefined ? undefined : numberGiven("runs", values.runs, 1)
const phonesOfAll = values.phones === undefined ? undefined : numberGiven("phones", values.phones, 1)
const partOf = (row: (typeof rows)[number]): Part => {
  const runs = runsOfAll ?? (again.length || row.runs)
  const seeds =
    again.length === 0 ? row.seeds : Array.from({ length: runs }, (_, run) => again[run % again.length] ?? 0)
  return { row, runs, phones: phonesOfAll ?? row.phones, seeds: seeds ?? [] }
}

/** A file for each life of a server. */
function keep(folder: string, { row, run, seed }: Finding, logs: ReadonlyArray<ServerLog>): void {
  const into = join(folder, `${row}-${run}-${seed}`)
  mkdirSync(into, { recursive: true })
  for (const [at, { name, output }] of logs.entries()) writeFileSync(join(into, `${at}-${name}.log`), output)
}

if (unknown.length > 0) {
  process.stderr.write(`no such row: ${unknown.join(", ")}\n`)
  process.exitCode = 2
} else if (wanted.length === 0 && !values.all && minutes === undefined) {
  for (const { id, title, runs, phones } of rows) say(`${id.padEnd(5)} ${runs} × ${phones} phones: ${title}`)
} else {
  const findings: Array<Finding> = []
  const chosen = values.all ? rows : rows.filter(({ id }) => wanted.includes(id))
  const untilMs = performance.now() + (minutes ?? 0) * 60_000
  const parts =
    minutes === undefined
      ? chosen.map(partOf)
      : [{ ...partOf(mix), seeds: [], runs: Number.POSITIVE_INFINITY, isOver: () => performance.now() > untilMs }]
  const given = values.planted === undefined ? {} : { planted: values.planted }
  const told = {
    at: progress,
    found: (finding: Finding, logs: ReadonlyArray<ServerLog>) => {
      findings.push(finding)
      print(finding)
      if (values.logs !== undefined && finding.complaints.length > 0) keep(values.logs, finding, logs)
      writeFileSync(values.page, pageOf(findings, seed))
    }
  }
  await Campaign.run(parts, seed, told, given)
  summary(findings)
  process.exitCode = findings.some(({ complaints }) => complaints.length > 0) ? 1 : 0
}
