/** What is asked of a channel right after the shared space was emptied, in the generation that begins then (rules L12, L13). */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { generationText } from "../../src/link/Roster.ts"
import { plaza } from "./Applying.ts"
import { found, line } from "./Asking.ts"
import { pass, settle } from "./Harness.ts"

it.effect("is applied once, however soon it was asked; what was asked before the generation is not", () =>
  Effect.gen(function* () {
    const { twins, first, say } = yield* plaza()
    const before = generationText(first.self.generation)
    yield* pass(3)
    twins.space.flushQuietly()
    yield* say(line({ id: 1, generation: before }), line({ id: 2 }))
    while (generationText(first.self.generation) === before) {
      yield* TestClock.adjust("10 millis")
      yield* settle
    }
    const generation = generationText(first.self.generation)
    // Those who stand there are put back while they go on talking.
    yield* say(line({ id: 3, generation }))
    yield* TestClock.adjust("300 millis")
    found(twins, first)
    yield* say(line({ id: 4, generation }))
    yield* pass(10)
    assert.deepStrictEqual(first.decided, [3, 4])
  })
)
