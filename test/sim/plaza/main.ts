/**
 * Runs simulations of a whole plaza one after another: `npm run sim -- --schedules 2000 --seed 1`. Ends at the first that
 * goes wrong, and says its seed, what is wrong and the shortest schedule that still goes wrong. `--trace` tells all that
 * happens, `--whole` leaves the schedule as it is. `--planted` plants every defect there is, one after another, each into
 * a process of its own, and looks whether it is found in so many schedules.
 */

import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { readArguments } from "../../../scripts/Arguments.ts"
import { defects } from "../../planted/Defects.ts"
import { type Step, scheduleOf, textOf } from "./Schedule.ts"
import { shrunk } from "./Shrink.ts"
import { simulate } from "./Simulation.ts"

/** Of what is wrong so much is shown. */
const shownMax = 8

const { values } = readArguments(import.meta.filename, {
  options: {
    schedules: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    trace: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
    planted: { type: "boolean", default: false }
  }
})

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const wrongsOf = (seed: number, steps: ReadonlyArray<Step>): ReadonlyArray<string> => simulate(seed, steps).wrongs

const explain = (seed: number, wrongs: ReadonlyArray<string>): void => {
  say(`seed ${seed} goes wrong:`)
  for (const wrong of wrongs.slice(0, shownMax)) say(`  ${wrong}`)
  if (values.whole) return
  const steps = scheduleOf(seed)
  const shortest = shrunk(steps, (some) => wrongsOf(seed, some).length > 0)
  say(`and with ${shortest.length} of its ${steps.length} steps still:`)
  for (const wrong of wrongsOf(seed, shortest).slice(0, shownMax)) say(`  ${wrong}`)
  for (const step of shortest) say(textOf(step))
}

const run = (first: number, count: number): number => {
  const began = performance.now()
  for (let seed = first; seed < first + count; seed++) {
    const { wrongs } = simulate(seed, scheduleOf(seed), values.trace ? say : undefined)
    if (wrongs.length === 0) continue
    explain(seed, wrongs)
    return 1
  }
  const seconds = (performance.now() - began) / 1_000
  say(`nothing goes wrong in ${count} schedules from seed ${first} on, ${seconds.toFixed(1)} s`)
  return 0
}

const plant = fileURLToPath(new URL("../../planted/Plant.ts", import.meta.url))

/** What a process says into which a defect is planted. */
const planted = (name: string): { readonly isFound: boolean; readonly said: string } => {
  const options = ["--whole", "--schedules", values.schedules, "--seed", values.seed]
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--import", plant, fileURLToPath(import.meta.url), ...options],
    { encoding: "utf8", env: { ...process.env, PLANTED: name }, stdio: ["ignore", "pipe", "inherit"] }
  )
  return { isFound: status === 1 && stdout.startsWith("seed "), said: stdout.split("\n").slice(0, 2).join(" ") }
}

const runPlanted = (): number => {
  const missed = defects.filter(({ name, what }) => {
    const { isFound, said } = planted(name)
    say(`${isFound ? "found " : "MISSED"}  ${name}: ${what}\n        ${said}`)
    return !isFound
  })
  say(`${defects.length - missed.length} of ${defects.length} planted defects found`)
  return missed.length === 0 ? 0 : 1
}

process.exitCode = values.planted ? runPlanted() : run(Number(values.seed), Number(values.schedules))
