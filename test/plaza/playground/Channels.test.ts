/** The channels of a runner over the memory twins: what it hears of itself by what it writes for them. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import { show } from "../../../src/plaza/playground/Entrance.ts"
import { park, World } from "../../../src/plaza/playground/World.ts"
import { Workers } from "../../../src/Workers.ts"
import { runner, settle, Twins } from "../../space/Harness.ts"

it.effect("ticks while there is a channel, and again when one is opened after all were closed", () =>
  Effect.gen(function* () {
    const { context } = yield* runner(new Twins())
    const world = Layer.succeed(World, World.of({ playgrounds: [park], find: () => park }))
    const layer = Channels.layer.pipe(Layer.provide(Layer.mergeAll(world, Workers.layer)))
    const channels = Context.get(yield* Effect.provideContext(Layer.build(layer), context), Channels)
    for (let time = 0; time < 2; time++) {
      yield* TestClock.adjust("5 seconds")
      const view = yield* channels.open("park/1")
      let ticks = 0
      view.tick = () => void ticks++
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.approximately(ticks, 10, 1)
      // Nobody looks at it.
      yield* TestClock.adjust("15 seconds")
      yield* settle
      assert.isUndefined(channels.view("park/1"))
    }
  })
)

it.effect("where somebody has walked in a channel in which the runner is fenced, it hears of that", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const { context, presence, self } = yield* runner(twins)
    const world = Layer.succeed(World, World.of({ playgrounds: [park], find: () => park }))
    const layer = Channels.layer.pipe(Layer.provide(Layer.mergeAll(world, Workers.layer)))
    const built = yield* Effect.provideContext(Layer.build(layer), context)
    const view = yield* Context.get(built, Channels).open("park/1")
    const held = yield* presence.begin("g1", { id: "s1", nickname: "mina", claimId: 1 })
    const request = { id: 2, bodyHash: new Uint8Array(16), tag: "park/1", capacity: 10, avatar: "fox", xCm: 1, yCm: 2 }
    const { member } = yield* presence.enter(held, request)
    show(view, member)
    const { runner: id, epoch } = self.incarnation
    // In the channel only, so that nothing else is refused.
    twins.space.commit({
      tag: "park/1",
      token: "fence",
      generation: self.generation,
      found: false,
      guard: { _tag: "Compared" },
      reads: [],
      changes: [{ _tag: "Fence", runner: id, epoch: { ...epoch, node: epoch.node + 1 } }],
      tell: []
    })
    twins.ensemble.join = () => assert.fail("planted: the roster is away")
    yield* TestClock.adjust("2 seconds")
    yield* settle
    assert.isFalse(self.isFenced(), "nothing was written")
    view.moved(member.member, 300, 300)
    yield* TestClock.adjust("2 seconds")
    yield* settle
    assert.isTrue(self.isFenced())
  })
)
