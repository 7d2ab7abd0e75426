/** What becomes of operators who are at the desk when it closes. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { HttpServer } from "../../../src/client/HttpServer.ts"
import * as OpsDesk from "../../../src/plaza/ops/OpsDesk.ts"
import { park, World } from "../../../src/plaza/playground/World.ts"
import { Process } from "../../../src/telemetry/Process.ts"
import { Workers } from "../../../src/Workers.ts"
import { LogWatch, runner, Twins } from "../../space/Harness.ts"

const token = "f81d4fae7dec11d0a76500a0c91e6bf6"

it.live("an order that is under way is interrupted, and its operator is told that it failed", () =>
  Effect.gen(function* () {
    const log = new LogWatch()
    const settings = { httpPort: 0, opsToken: Option.some(Redacted.make(token)) }
    const { context } = yield* runner(new Twins(), { log, settings })
    const asked = yield* Deferred.make<void>()
    log.before = () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never)
    const http = HttpServer.layer(Effect.void).pipe(Layer.provide(Process.layer({ version: "1", protocol: 1 })))
    const below = yield* Effect.provideContext(Layer.build(http), context)
    const world = Layer.succeed(World, World.of({ playgrounds: [park], find: () => park }))
    const desk = yield* Scope.make()
    yield* Layer.build(OpsDesk.layer.pipe(Layer.provide(Layer.merge(world, Workers.layer)))).pipe(
      Scope.provide(desk),
      Effect.provideContext(below),
      Effect.provideContext(context)
    )
    const { host, port } = Context.get(below, HttpServer)
    const answered = fetch(`http://${host}:${port}/ops/announce`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ playground: "park", text: "안녕" })
    })
    yield* Deferred.await(asked)
    yield* Scope.close(desk, Exit.void)
    const { status } = yield* Effect.promise(() => answered)
    assert.strictEqual(status, 500)
  })
)
