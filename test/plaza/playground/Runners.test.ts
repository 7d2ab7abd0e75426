/** A channel that several runners look at: in the end every phone believes what is true. */
import { describe, it } from "@effect/vitest"
import { Runners } from "./Runners.ts"
import { scriptOf, scripts } from "./Scripts.ts"

describe("each phone is told who is there and where, whichever runner it is on", () => {
  it.prop(
    "whatever happens",
    { script: scripts },
    ({ script }) => {
      new Runners().play(script)
      new Runners({ isCut: true }).play(script)
    },
    { timeout: 60_000, arbitrary: { runs: 50, size: 300 } }
  )

  it.each([1, 2, 3, 4])("in a long script of seed %i", (seed) => {
    for (const isCut of [false, true]) new Runners({ isCut }).play(scriptOf(seed, 1_500))
    new Runners({ bytesPerSecond: 200 }).play(scriptOf(seed, 1_500))
  })
})
