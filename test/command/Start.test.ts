import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, FileSystem, Layer, Logger, Queue } from "effect"
import { TestClock } from "effect/testing"
import { type Running, type Server, StartRefused, start } from "../../src/command/Start.ts"
import { Workers } from "../../src/Workers.ts"

class Fake extends Context.Service<Fake, Running>()("test/Fake") {}

/** A server whose readiness and drain are the test's. */
const fake = Effect.gen(function* () {
  const drained = yield* Deferred.make<void>()
  const lines = yield* Queue.unbounded<string>()
  let reasons: ReadonlyArray<string> = []
  const running: Running = {
    tcp: { host: "127.0.0.1", port: 4711 },
    hasPage: true,
    ready: Effect.suspend(() => (reasons.length === 0 ? Effect.void : Effect.fail(reasons))),
    drain: Effect.asVoid(Deferred.succeed(drained, undefined))
  }
  const server = (layer: Server<Fake, never>["layer"]): Server<Fake, never> => ({
    runner: Fake,
    layer,
    version: "1.2.3",
    protocol: 1
  })
  return {
    running,
    drained: Deferred.await(drained),
    ready: (now: ReadonlyArray<string>) => {
      reasons = now
    },
    line: Queue.take(lines),
    start: (layer: Server<Fake, never>["layer"], variables: Record<string, string> = {}) =>
      start(server(layer), {
        bots: 0,
        variables: { NORITER_HTTP_PORT: "0", ...variables },
        announce: (line) => Queue.offerUnsafe(lines, line),
        invite: (line) => Queue.offerUnsafe(lines, line)
      })
  }
})

const world = Layer.merge(Layer.succeed(FileSystem.FileSystem, FileSystem.makeNoop({})), Logger.layer([]))
const readyz = (line: string) => {
  const address = /http=(\S+)/.exec(line)?.[1] ?? ""
  return Effect.promise(async () => {
    const response = await fetch(`http://${address}/readyz`)
    return `${response.status} ${(await response.text()).trim()}`
  })
}

describe("start", () => {
  it.live("says ready in one line, once it is, and drains when it is interrupted", () =>
    Effect.gen(function* () {
      const { running, line, start, drained, ready } = yield* fake
      ready(["warming up"])
      const main = yield* Effect.forkChild(start(Layer.succeed(Fake, running)), { startImmediately: true })
      ready([])
      const said = yield* line
      assert.match(
        said,
        new RegExp(`^noriter ready pid=${process.pid} tcp=127\\.0\\.0\\.1:4711 http=127\\.0\\.0\\.1:\\d+$`)
      )
      const http = /http=(\S+)/.exec(said)?.[1]
      assert.strictEqual(yield* line, `open http://${http}/`)
      assert.strictEqual(yield* readyz(said), "200 ready")
      ready(["the log is away"])
      assert.strictEqual(yield* readyz(said), "503 the log is away")
      yield* Fiber.interrupt(main)
      yield* drained
    }).pipe(Effect.provide(world))
  )

  it.live("answers /readyz while it drains", () =>
    Effect.gen(function* () {
      const { running, line, start } = yield* fake
      const draining = yield* Deferred.make<void>()
      const finish = yield* Deferred.make<void>()
      const slow = { ...running, drain: Effect.andThen(Deferred.succeed(draining, undefined), Deferred.await(finish)) }
      const main = yield* Effect.forkChild(start(Layer.succeed(Fake, slow)))
      const said = yield* line
      const interrupted = yield* Effect.forkChild(Fiber.interrupt(main))
      yield* Deferred.await(draining)
      assert.strictEqual(yield* readyz(said), "503 draining")
      yield* Deferred.succeed(finish, undefined)
      yield* Fiber.join(interrupted)
    }).pipe(Effect.provide(world))
  )

  it.effect("ends when a worker gives up", () =>
    Effect.gen(function* () {
      const { running, line, start } = yield* fake
      const broken = Layer.effect(
        Fake,
        Effect.gen(function* () {
          const workers = yield* Workers
          yield* workers.run("reader", Effect.fail("cut off"))
          return running
        })
      )
      const main = yield* Effect.forkChild(Effect.flip(start(broken)))
      yield* line
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(main))._tag, "WorkerGaveUp")
    }).pipe(Effect.provide(world))
  )

  it.live("refuses settings that cannot be, before anything runs", () =>
    Effect.gen(function* () {
      const { start } = yield* fake
      const never = Layer.effect(Fake, Effect.die("built"))
      const refused = yield* Effect.flip(start(never, { NORITER_HOST: "0.0.0.0" }))
      assert.instanceOf(refused, StartRefused)
      const unread = yield* Effect.flip(start(never, { NORITER_TICK: "x" }))
      assert.strictEqual(unread._tag, "SettingsError")
    }).pipe(Effect.provide(world))
  )
})
