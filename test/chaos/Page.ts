/**
 * The report: one page that needs nothing but itself. For each run what was done when, how slow pings were, what each phone
 * missed, and what did not hold. Makes text from findings, and nothing else.
 */
import type { Figure, Finding } from "./Scene.ts"

const width = 900
const laneHeight = 22
const pingHeight = 80

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")

export function pageOf(findings: ReadonlyArray<Finding>, seed: number): string {
  const broken = findings.filter(({ complaints }) => complaints.length > 0)
  const byRow = Map.groupBy(findings, ({ row }) => row)
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Noriter under chaos</title>
<meta name="viewport" content="width=device-width">
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.15rem .7rem .15rem 0;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b00020}.ok{color:#1b6e3c}
svg{display:block;max-width:100%;height:auto}text{font:12px system-ui,sans-serif;fill:#222}details{margin:.3rem 0}
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}text{fill:#ddd}.bad{color:#ff8a80}.ok{color:#81c995}}
</style>
<h1>Noriter under chaos</h1>
<p>${findings.length} runs of ${byRow.size} rows, seed ${seed}:
<b class="${broken.length > 0 ? "bad" : "ok"}">${broken.length} broken</b>.</p>
${[...byRow].map(([row, runs]) => rowOf(row, runs)).join("\n")}
</html>
`
}

function rowOf(row: string, runs: ReadonlyArray<Finding>): string {
  const figures = Map.groupBy(
    runs.flatMap(({ figures }) => figures),
    ({ name }) => name
  )
  const broken = runs.filter(({ complaints }) => complaints.length > 0).length
  const lines = [...figures].map(([name, all]) => figureOf(name, all)).join("")
  return `<h2>${row} <small>${escaped(runs[0]?.title ?? "")}</small></h2>
<p>${runs.length} runs, <span class="${broken > 0 ? "bad" : "ok"}">${broken} broken</span></p>
<table><tr><th>figure<th>least<th>middle<th>most<th>wanted</tr>${lines}</table>
${runs.map(runOf).join("\n")}`
}

function figureOf(name: string, all: ReadonlyArray<Figure>): string {
  const values = all.map(({ value }) => value).toSorted((one, other) => one - other)
  const { unit = "", atMost, atLeast } = all[0] ?? {}
  const wanted = atMost !== undefined ? `≤ ${atMost}` : atLeast !== undefined ? `≥ ${atLeast}` : ""
  const cells = [values[0], values[Math.floor(values.length / 2)], values.at(-1)]
  return `<tr><td>${escaped(name)}${cells.map((value) => `<td class="n">${value} ${unit}`).join("")}<td>${wanted}</tr>`
}

function runOf(finding: Finding): string {
  const { run, seed, phones, tookMs, complaints, missed } = finding
  const isBroken = complaints.length > 0
  const told = complaints.map((complaint) => `<li class="bad">${escaped(complaint)}`).join("")
  const rows = missed
    .map(({ phone, lines, sockets }) => `<tr><td>${phone}<td class="n">${lines}<td class="n">${sockets}</tr>`)
    .join("")
  return `<details${isBroken ? " open" : ""}><summary>run ${run}, seed ${seed}, ${phones} phones,
${(tookMs / 1_000).toFixed(1)} s: <b class="${isBroken ? "bad" : "ok"}">${isBroken ? "broken" : "held"}</b></summary>
<ul>${told}</ul>${chartOf(finding)}
<table><tr><th>phone<th>acknowledged lines not given to it<th>sockets lost</tr>${rows}</table></details>`
}

/** Faults as bars, one below the other, and the slowest ping of each second under them. */
function chartOf({ timeline, pings, tookMs }: Finding): string {
  const x = (ms: number): string => ((Math.max(0, ms) / Math.max(1, tookMs)) * width).toFixed(1)
  const most = Math.max(1, ...pings.map(([, ms]) => ms))
  const top = timeline.length * laneHeight
  const bars = timeline.map(
    ({ what, fromMs, toMs }, at) =>
      `<rect x="${x(fromMs)}" y="${at * laneHeight + 3}" width="${Math.max(2, Number(x(toMs - fromMs)))}" height="${laneHeight - 8}" fill="#d9704a"/>` +
      `<text x="${Math.min(Number(x(fromMs)) + 4, width - 260)}" y="${at * laneHeight + 14}">${escaped(what)} (${Math.round(toMs - fromMs)} ms)</text>`
  )
  const columns = pings.map(([second, ms]) => {
    const height = (ms / most) * pingHeight
    return `<rect x="${x(second * 1_000)}" y="${(top + pingHeight - height).toFixed(1)}" width="${Math.max(1, Number(x(900)))}" height="${height.toFixed(1)}" fill="#4a7fd9"><title>${ms} ms</title></rect>`
  })
  return `<svg viewBox="0 0 ${width} ${top + pingHeight + 18}" role="img" aria-label="faults and pings over time">
${bars.join("")}${columns.join("")}<text x="0" y="${top + pingHeight + 14}">slowest ping of each second, up to ${most} ms</text></svg>`
}
