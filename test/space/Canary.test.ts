/** Readiness: nothing is green until it was heard, and what goes silent is named, the right one of the two. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Applier } from "../../src/space/Applier.ts"
import { Canary, decidersLayer } from "../../src/space/Canary.ts"
import { withWallClock } from "../WallClock.ts"
import { appendFailed, LogWatch, pass, type Runner, runner, Twins } from "./Harness.ts"

const canaryOf = (built: Runner) =>
  Effect.gen(function* () {
    yield* built.bus.listen(built.self.incarnation.id)
    const context = yield* Layer.build(Layer.fresh(Canary.layer)).pipe(Effect.provideContext(built.context))
    return Context.get(context, Canary)
  })

const apply = (built: Runner) =>
  Layer.build(Layer.fresh(Layer.provide(Applier.layer, decidersLayer))).pipe(Effect.provideContext(built.context))

describe("the canary", () => {
  it.effect("goes silent in time though the clock is set back, and not when it is set forward", () =>
    withWallClock((set) =>
      Effect.gen(function* () {
        const twins = new Twins()
        const canary = yield* canaryOf(yield* runner(twins, { id: "r1" }))
        yield* Effect.scoped(Effect.andThen(Effect.flatMap(runner(twins, { id: "r2" }), apply), pass(2)))
        set(3_600_000)
        assert.deepStrictEqual(canary.reasons(), [])
        set(-7_200_000)
        yield* pass(10)
        assert.match(canary.reasons().join(), /^kafka.*nothing came back/)
      })
    )
  )

  it.effect("is not heard before anybody has", () =>
    Effect.gen(function* () {
      const canary = yield* canaryOf(yield* runner(new Twins()))
      assert.match(canary.reasons().join(), /^redis.*nothing came back yet/)
    })
  )

  it.effect("names the log where nobody applies it, though frames are heard", () =>
    Effect.gen(function* () {
      const built = yield* runner(new Twins())
      const canary = yield* canaryOf(built)
      yield* pass(2)
      assert.lengthOf(canary.reasons(), 1)
      assert.match(canary.reasons().join(), /^kafka.*nothing came back yet/)
      yield* apply(built)
      yield* pass(2)
      assert.deepStrictEqual(canary.reasons(), [])
    })
  )

  it.effect("is answered by another runner, and no longer when that one has gone", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const canary = yield* canaryOf(yield* runner(twins, { id: "r1" }))
      yield* Effect.scoped(Effect.andThen(Effect.flatMap(runner(twins, { id: "r2" }), apply), pass(2)))
      assert.deepStrictEqual(canary.reasons(), [])
      yield* pass(7)
      assert.deepStrictEqual(canary.reasons(), [], "a rebalance takes a while")
      yield* pass(3)
      assert.match(canary.reasons().join(), /^kafka.*nothing came back for \d+ s$/)
    })
  )

  it.effect("says why, where the log refuses it", () =>
    Effect.gen(function* () {
      const log = new LogWatch()
      const built = yield* runner(new Twins(), { log })
      const canary = yield* canaryOf(built)
      yield* apply(built)
      yield* pass(2)
      log.before = () => Effect.fail(appendFailed(true))
      yield* pass(10)
      assert.match(canary.reasons().join(), /^kafka.*as the test will have it$/)
    })
  )
})
