import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { atOnceMax, Turnstile } from "../../src/client/Turnstile.ts"

it.effect("lets so many come in at once, the next when one has, in order, and forgets who went", () =>
  Effect.gen(function* () {
    const turnstile = yield* Turnstile
    const come: Array<number> = []
    const gates = Array.from({ length: atOnceMax + 3 }, () => Deferred.makeUnsafe<void>())
    const fibers = yield* Effect.forEach(gates, (gate, index) =>
      Effect.sync(() => come.push(index)).pipe(
        Effect.andThen(Deferred.await(gate)),
        turnstile.pass,
        Effect.forkChild({ startImmediately: true })
      )
    )
    const first = Array.from({ length: atOnceMax }, (_, index) => index)
    assert.deepStrictEqual(come, first)
    // One that waits goes away, and one that is coming in.
    const [one] = fibers
    const waiting = fibers[atOnceMax]
    if (one === undefined || waiting === undefined) throw new Error("there are too few")
    yield* Fiber.interrupt(waiting)
    yield* Fiber.interrupt(one)
    for (const gate of gates) yield* Deferred.succeed(gate, undefined)
    yield* Effect.forEach(fibers, Fiber.await)
    assert.deepStrictEqual(come, [...first, atOnceMax + 1, atOnceMax + 2])
  }).pipe(Effect.provide(Turnstile.layer))
)
