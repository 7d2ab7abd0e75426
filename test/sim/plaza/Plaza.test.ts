/**
 * A whole plaza under simulation, in schedules that are always the same: nothing that may never happen does, and all that
 * must come to be comes to be. A seed is a schedule, the same whenever it is run; and with a defect planted the simulation
 * fails, and says how little it takes. `npm run sim` runs as many as one likes, and every defect there is.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { lowestWrong } from "./Crew.ts"
import { found } from "./Found.ts"
import { type Step, scheduleOf } from "./Schedule.ts"
import { shrunk } from "./Shrink.ts"
import { simulate } from "./Simulation.ts"

const root = join(import.meta.dirname, "../../..")
/** `npm run sim` goes on from there, and with `--planted` says which defects show in how many. */
const schedules = Number(process.env.NORITER_SCHEDULES ?? 32)
const waitMs = 900_000

describe("a plaza under simulation", () => {
  it(
    `is well in ${schedules} schedules`,
    async () => {
      const wrong = await lowestWrong(1, schedules)
      assert.isUndefined(wrong, `npm run sim -- --seed ${wrong}`)
    },
    waitMs
  )

  it.each(found)(
    "is well with seed $seed, where $what",
    ({ seed }) => assert.deepStrictEqual(simulate(seed).wrongs, [], `npm run sim -- --seed ${seed}`),
    waitMs
  )

  it(
    "is the same plaza whenever and wherever a seed is run, and another with another seed",
    () => {
      const traceOf = (seed: number): string => {
        const lines: Array<string> = []
        simulate(seed, scheduleOf(seed), (line) => void lines.push(line))
        return lines.join("\n")
      }
      const elsewhere = spawnSync(process.execPath, ["test/sim/plaza/main.ts", "--seed", "7", "--trace"], {
        cwd: root,
        encoding: "utf8"
      })
      const [here, other] = [7, 8].map(traceOf)
      assert.isAbove(here?.length ?? 0, 10_000)
      // There nothing ran before it.
      assert.isTrue(elsewhere.stdout.startsWith(`${here}\n`), "the same seed")
      assert.isFalse(here === other, "another seed")
    },
    waitMs
  )

  it(
    "with a defect planted goes wrong, and shows in how few steps",
    () => {
      const { status, stdout } = spawnSync(
        process.execPath,
        ["--import", "./test/planted/Plant.ts", "test/sim/plaza/main.ts", "--schedules", "20"],
        { cwd: root, encoding: "utf8", env: { ...process.env, PLANTED: "never-hidden" } }
      )
      assert.strictEqual(status, 1)
      assert.include(stdout, "seed 1 goes wrong")
      assert.include(stdout, "its session has never named it")
      assert.match(stdout, /with 0 of its \d+ steps still/)
    },
    waitMs
  )
})

describe("a schedule that fails", () => {
  const step = (atMs: number): Step => ({ atMs, what: "say", who: 0, how: 0, forMs: 0 })
  const steps = Array.from({ length: 31 }, (_, at) => step(at))
  const has = (some: ReadonlyArray<Step>, ...times: ReadonlyArray<number>): boolean =>
    times.every((time) => some.some(({ atMs }) => atMs === time))

  it("is made as short as it can be", () => {
    assert.deepStrictEqual(
      shrunk(steps, (some) => has(some, 3, 17, 30)),
      [step(3), step(17), step(30)]
    )
    assert.deepStrictEqual(
      shrunk(steps, () => true),
      []
    )
    assert.deepStrictEqual(
      shrunk(steps.slice(0, 2), (some) => has(some, 0, 1)),
      [step(0), step(1)]
    )
  })
})
