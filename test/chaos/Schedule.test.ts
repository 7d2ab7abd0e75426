/** A schedule comes from its seed alone, and schedules of many seeds do everything there is to do. */
import { assert, it } from "@effect/vitest"
import { deeds, scheduleOf } from "./Schedule.ts"

const seeds = Array.from({ length: 200 }, (_, seed) => seed)

it("gives the same for the same seed, and something else for another", () => {
  for (const seed of seeds) assert.deepStrictEqual(scheduleOf(seed), scheduleOf(seed))
  assert.strictEqual(new Set(seeds.map((seed) => JSON.stringify(scheduleOf(seed)))).size, seeds.length)
})

it("leaves no deed out", () => {
  const done = new Set(seeds.flatMap((seed) => scheduleOf(seed).map(({ deed }) => deed)))
  assert.deepStrictEqual([...done].toSorted(), [...deeds].toSorted())
})
