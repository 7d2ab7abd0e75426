/** In, through the layers of a whole plaza over the memory twins. */

import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { plaza } from "../../../src/App.ts"
import { ClientMessageConsumer } from "../../../src/client/ClientMessageConsumer.ts"
import { HttpServer } from "../../../src/client/HttpServer.ts"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import type { SpaceError } from "../../../src/space/SharedSpace.ts"
import { Workers } from "../../../src/Workers.ts"
import { FakeConnection } from "../../client/FakeConnection.ts"
import { entering, hello } from "../../client/House.ts"
import { nobodyLooks } from "../../client/NobodyLooks.ts"
import { runner, settle, Twins, Watch } from "../../space/Harness.ts"

it.effect("whoever enters so slowly that the view was closed meanwhile stands in the one that is open", () =>
  Effect.gen(function* () {
    const watch = new Watch()
    const { context } = yield* runner(new Twins(), { watch })
    const beside = Layer.mergeAll(Layer.succeed(HttpServer, nobodyLooks), FileSystem.layerNoop({}), Workers.layer)
    const layer = Layer.provideMerge(ClientMessageConsumer.layer, plaza).pipe(Layer.provide(beside))
    const built = yield* Layer.build(layer).pipe(Effect.provideContext(context))
    const [{ serve }, channels] = [Context.get(built, ClientMessageConsumer), Context.get(built, Channels)]
    const phone = new FakeConnection()
    phone.begin(serve(phone), Effect.runForkWith(yield* Effect.context<never>()))
    const pass = Effect.repeat(Effect.andThen(TestClock.adjust("250 millis"), settle), { times: 60 })
    phone.say(hello())
    yield* settle
    let isSlow = true
    const slowly: Effect.Effect<void, SpaceError> = Effect.sleep("12 seconds")
    watch.before = ({ tag }) => {
      if (tag !== "park/1" || !isSlow) return Effect.void
      isSlow = false
      return slowly
    }
    phone.say(entering(2))
    yield* settle
    const before = channels.view("park/1")
    assert.strictEqual(before?.phoneCount, 0)
    yield* pass
    const after = channels.view("park/1")
    assert.notStrictEqual(after, before)
    assert.strictEqual(after?.phoneCount, 1)
    assert.deepStrictEqual(phone.brief, ["1 hello", "2 enter"])
  })
)
