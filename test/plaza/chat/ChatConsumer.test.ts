/** What is fleeting of what guests say: told to the runners, and waited for by nobody. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Caller } from "../../../src/bus/Caller.ts"
import { EventBus } from "../../../src/bus/EventBus.ts"
import { LinkError, RunnerLink } from "../../../src/link/RunnerLink.ts"
import * as ChatConsumer from "../../../src/plaza/chat/ChatConsumer.ts"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import { park, World } from "../../../src/plaza/playground/World.ts"
import { Workers } from "../../../src/Workers.ts"
import { runner, Twins } from "../../space/Harness.ts"

const standing: Caller = {
  session: "s",
  guest: "g",
  nickname: "바람",
  place: { playground: "park", channel: 1, tag: "park/1", member: 1 },
  mailboxSeq: 0,
  mailWaits: false,
  epoch: "1.1",
  placeOf: () => Effect.die("nobody asks"),
  tell: () => {},
  answer: () => {},
  tellGap: () => {},
  ask: () => Effect.die("nothing lasting is asked"),
  settled: Effect.void
}
const links: ReadonlyArray<readonly [string, Effect.Effect<void, LinkError>]> = [
  ["answers nobody", Effect.never],
  ["is away", Effect.fail(new LinkError({ operation: "publish", cause: "as the test will have it" }))]
]

it.effect.each(links)("emotes and typing are done with when they are asked, though the link %s", ([, publish]) =>
  Effect.gen(function* () {
    const { context } = yield* runner(new Twins())
    const told: Array<string> = []
    const link = RunnerLink.of({
      ...Context.get(context, RunnerLink),
      publish: (channel) => {
        told.push(channel)
        return publish
      }
    })
    const world = Layer.succeed(World, World.of({ playgrounds: [park], find: () => park }))
    const layer = ChatConsumer.layer.pipe(
      Layer.provide(Channels.layer),
      Layer.provideMerge(Layer.fresh(EventBus.layer)),
      Layer.provide(Layer.mergeAll(world, Workers.layer, Layer.succeed(RunnerLink, link)))
    )
    const bus = Context.get(yield* Effect.provideContext(Layer.build(layer), context), EventBus)
    const call = { id: 0, trace: undefined, caller: standing }
    const emote = bus.dispatch({ $type: "noriter.client.v1.EmoteRequest", kind: "wave" }, call)
    const typing = bus.dispatch({ $type: "noriter.client.v1.TypingRequest" }, call)
    assert.deepStrictEqual([emote, typing].map(Exit.isExit), [true, true])
    assert.deepStrictEqual(told, ["park/1", "park/1"])
    const outside = { ...call, caller: { ...standing, place: undefined } }
    bus.dispatch({ $type: "noriter.client.v1.TypingRequest" }, outside)
    assert.lengthOf(told, 2)
  })
)
