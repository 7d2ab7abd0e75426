/**
 * Runs simulations of a whole plaza, in as many processes as there are cores: `npm run sim -- --schedules 2000 --seed 1`.
 * Ends at the first that goes wrong, and says its seed, what is wrong and the shortest schedule that still goes wrong.
 * `--trace` tells all that happens, `--whole` leaves the schedule as it is, `--processes` says how many there are.
 * `--planted` plants every defect there is, each into a process of its own, and looks whether it is found in so many
 * schedules.
 */
import { execFile } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { numberGiven, readArguments } from "../../../scripts/Arguments.ts"
import { defects } from "../../planted/Defects.ts"
import { handsFor, lowestWrong } from "./Crew.ts"
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
    planted: { type: "boolean", default: false },
    processes: { type: "string", default: String(availableParallelism()) }
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

const processes = numberGiven("processes", values.processes, 1)
const schedules = numberGiven("schedules", values.schedules, 1)
const firstSeed = numberGiven("seed", values.seed, 0)

/** The lowest seed that goes wrong: in order and here where few are run or all that happens is told. */
const find = async (first: number, count: number): Promise<number | undefined> => {
  const hands = values.trace ? 1 : handsFor(count, processes)
  if (hands > 1) return lowestWrong(first, count, hands, progress(count))
  for (let seed = first; seed < first + count; seed++) {
    if (simulate(seed, scheduleOf(seed), values.trace ? say : undefined).wrongs.length > 0) return seed
  }
  return undefined
}

const progress = (count: number) => (done: number) => {
  if (process.stderr.isTTY) process.stderr.write(done < count ? `\r${done} of ${count}` : "\r\x1b[K")
}

const run = async (first: number, count: number): Promise<number> => {
  const began = performance.now()
  const seed = await find(first, count)
  if (seed !== undefined) {
    explain(seed, wrongsOf(seed, scheduleOf(seed)))
    return 1
  }
  const seconds = (performance.now() - began) / 1_000
  say(`nothing goes wrong in ${count} schedules from seed ${first} on, ${seconds.toFixed(1)} s`)
  return 0
}

const plant = fileURLToPath(new URL("../../planted/Plant.ts", import.meta.url))

interface Planted {
  readonly isFound: boolean
  readonly said: string
}

/** A defect may go round in circles; what is not found by then is not. */
const hangsMs = 10 * 60_000

/** What a process says into which a defect is planted. */
const planted = (name: string): Promise<Planted> => {
  const options = ["--whole", "--processes", "1", "--schedules", values.schedules, "--seed", values.seed]
  const child = [...process.execArgv, "--import", plant, fileURLToPath(import.meta.url), ...options]
  const env = { ...process.env, PLANTED: name }
  return new Promise((resolve) => {
    const { stderr } = execFile(process.execPath, child, { env, timeout: hangsMs }, (error, stdout) =>
      resolve({
        isFound: error?.code === 1 && stdout.startsWith("seed "),
        said: stdout.split("\n").slice(0, 2).join(" ")
      })
    )
    stderr?.pipe(process.stderr)
  })
}

/** Said in their order, however many are looked for at once. */
const runPlanted = async (): Promise<number> => {
  const waiting = defects.map((defect) => ({ defect, came: Promise.withResolvers<Planted>() }))
  const left = waiting[Symbol.iterator]()
  const look = async (): Promise<void> => {
    for (const { defect, came } of left) came.resolve(await planted(defect.name))
  }
  const looks = Array.from({ length: processes }, look)
  let found = 0
  for (const { defect, came } of waiting) {
    const { isFound, said } = await came.promise
    say(`${isFound ? "found " : "MISSED"}  ${defect.name}: ${defect.what}\n        ${said}`)
    if (isFound) found++
  }
  await Promise.all(looks)
  say(`${found} of ${defects.length} planted defects found`)
  return found === defects.length ? 0 : 1
}

process.exitCode = values.planted ? await runPlanted() : await run(firstSeed, schedules)
