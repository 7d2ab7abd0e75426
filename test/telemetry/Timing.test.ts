import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Histogram } from "../../src/telemetry/Meter.ts"
import { KeyFigures } from "../../src/telemetry/Metrics.ts"
import { timed } from "../../src/telemetry/Timing.ts"

describe("Timing", () => {
  it.effect("counts all and times every sixteenth, failed ones too", () =>
    Effect.gen(function* () {
      const figures = new KeyFigures(new Histogram([1]))
      for (let i = 0; i < 33; i++) yield* Effect.ignore(timed(figures, i === 16 ? Effect.fail("refused") : Effect.void))
      assert.strictEqual(figures.count, 33)
      assert.strictEqual(figures.duration.counts[0], 3)
    })
  )
})
