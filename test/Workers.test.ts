import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Workers } from "../src/Workers.ts"

const lines: Array<string> = []
const heard = Logger.layer([Logger.make(({ message }) => void lines.push(`${[message].flat()[0]}`))])
const layer = Layer.merge(Workers.layer, heard)

describe("Workers", () => {
  it.effect("starts a failed worker again, and says so each time", () =>
    Effect.gen(function* () {
      lines.length = 0
      let runs = 0
      const third = yield* Deferred.make<void>()
      const workers = yield* Workers
      yield* workers.run(
        "reader",
        Effect.suspend(() =>
          ++runs < 3 ? Effect.fail("cut off") : Effect.andThen(Deferred.succeed(third, undefined), Effect.never)
        )
      )
      yield* TestClock.adjust("1 second")
      yield* Deferred.await(third)
      assert.strictEqual(runs, 3)
      assert.strictEqual(lines.filter((line) => line.startsWith("worker reader failed")).length, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("starts a worker that threw again, too", () =>
    Effect.gen(function* () {
      let runs = 0
      const workers = yield* Workers
      yield* workers.run(
        "thrower",
        Effect.suspend(() => (++runs < 2 ? Effect.die(new Error("bug")) : Effect.never))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(runs, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives up after ten failures in a row, which ends what main waits for", () =>
    Effect.gen(function* () {
      let runs = 0
      const workers = yield* Workers
      const main = yield* Effect.forkChild(Effect.exit(workers.failed))
      yield* workers.run(
        "reader",
        Effect.andThen(
          Effect.sync(() => runs++),
          Effect.fail("cut off")
        )
      )
      yield* TestClock.adjust("1 minute")
      const exit = yield* Fiber.join(main)
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(runs, 10)
    }).pipe(Effect.provide(layer))
  )

  it.effect("counts only failures that follow each other closely", () =>
    Effect.gen(function* () {
      let runs = 0
      const workers = yield* Workers
      const main = yield* Effect.forkChild(workers.failed)
      yield* workers.run(
        "reader",
        Effect.andThen(
          Effect.sync(() => runs++),
          Effect.andThen(Effect.sleep("2 minutes"), Effect.fail("cut off"))
        )
      )
      for (let i = 0; i < 30; i++) yield* TestClock.adjust("3 minutes")
      assert.isAbove(runs, 20)
      assert.isUndefined(main.pollUnsafe())
    }).pipe(Effect.provide(layer))
  )

  it.effect("never waits longer than five seconds", () =>
    Effect.gen(function* () {
      let runs = 0
      const workers = yield* Workers
      yield* workers.run(
        "reader",
        Effect.andThen(
          Effect.sync(() => runs++),
          Effect.fail("cut off")
        )
      )
      yield* TestClock.adjust("6 seconds")
      const before = runs
      yield* TestClock.adjust("5 seconds")
      assert.isAbove(runs, before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("goes on when a worker is done, and stops one with its starter", () =>
    Effect.gen(function* () {
      const workers = yield* Workers
      const stopped = yield* Deferred.make<void>()
      const main = yield* Effect.forkChild(workers.failed)
      yield* workers.run("once", Effect.void)
      const scope = yield* Scope.make()
      yield* workers
        .run(
          "long",
          Effect.onInterrupt(Effect.never, () => Deferred.succeed(stopped, undefined))
        )
        .pipe(Scope.provide(scope))
      yield* TestClock.adjust("1 second")
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.await(stopped)
      yield* TestClock.adjust("1 second")
      assert.isUndefined(main.pollUnsafe())
    }).pipe(Effect.provide(layer))
  )
})
