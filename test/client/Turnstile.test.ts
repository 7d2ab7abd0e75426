import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { atOnceMax, Turnstile } from "../../src/client/Turnstile.ts"
import { FakeConnection } from "./FakeConnection.ts"

const here = { connection: new FakeConnection() }

it.effect("does nothing for whoever has gone by their turn", () =>
  Effect.gen(function* () {
    const turnstile = yield* Turnstile
    const gate = Deferred.makeUnsafe<void>()
    const taken = turnstile.pass(here)(Deferred.await(gate))
    yield* Effect.forEach(Array.from({ length: atOnceMax }), () => Effect.forkChild(taken, { startImmediately: true }))
    const phones = [{ connection: new FakeConnection() }, { connection: new FakeConnection() }]
    const come: Array<number> = []
    const waiting = yield* Effect.forEach(phones, (phone, index) =>
      Effect.sync(() => come.push(index)).pipe(
        turnstile.pass(phone),
        Effect.exit,
        Effect.forkChild({ startImmediately: true })
      )
    )
    phones[0]?.connection.close()
    yield* Deferred.succeed(gate, undefined)
    const exits = yield* Effect.forEach(waiting, Fiber.join)
    assert.deepStrictEqual([come, exits.map(Exit.isSuccess)], [[1], [false, true]])
  }).pipe(Effect.provide(Turnstile.layer))
)

it.effect("lets so many come in at once, the next when one has, in order, and forgets who went", () =>
  Effect.gen(function* () {
    const turnstile = yield* Turnstile
    const come: Array<number> = []
    const gates = Array.from({ length: atOnceMax + 3 }, () => Deferred.makeUnsafe<void>())
    const fibers = yield* Effect.forEach(gates, (gate, index) =>
      Effect.sync(() => come.push(index)).pipe(
        Effect.andThen(Deferred.await(gate)),
        turnstile.pass(here),
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
