/** Whom a runner hides from its phones: the newest that it has heard or read, and read again where that was in doubt. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { Sessions } from "../../../src/client/Sessions.ts"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import { blockedToo, keptBlocks, readBlocks } from "../../../src/plaza/social/Blocks.ts"
import { deliveryLayer, Hidden } from "../../../src/plaza/social/Hidden.ts"
import { Founding } from "../../../src/space/Founding.ts"
import { Workers } from "../../../src/Workers.ts"
import { hello, house } from "../../client/House.ts"
import { commitOf } from "../../contract/SharedSpaceCommits.ts"
import { settle, Twins } from "../../space/Harness.ts"

const settings = { secret: Option.some(Redacted.make("one secret for all runners")) }

/** A runner with one phone, and a shared space of which it is said whether it is rebuilt. */
const standing = Effect.gen(function* () {
  const twins = new Twins()
  const one = yield* house(twins, { settings })
  const space = { isRebuilt: true, asked: 0 }
  const isRebuilt = Effect.sync(() => {
    space.asked++
    return space.isRebuilt
  })
  const founding = Layer.mock(Founding, { isRebuilt, counts: () => isRebuilt })
  const layer = deliveryLayer.pipe(
    Layer.provideMerge(Hidden.layer),
    Layer.provide(
      Layer.mergeAll(
        founding,
        Layer.mock(Channels, { view: () => undefined, all: () => [], tickMs: () => 100 }),
        Workers.layer
      )
    ),
    Layer.provide(Layer.succeed(Sessions, one.sessions))
  )
  const built = yield* Effect.provideContext(Layer.build(Layer.fresh(layer)), one.context)
  yield* one.connect(hello(1))
  const [session] = one.sessions.all()
  assert.isDefined(session)
  const hidden = Context.get(built, Hidden)
  const blocks = (guest: string, seq: number): void => {
    const kept = keptBlocks(blockedToo(readBlocks(undefined), { guest, nickname: "구름", atMs: 1 }, seq))
    const changes = [{ _tag: "Put", ...kept } as const]
    twins.space.commit(commitOf(session.guest, { generation: one.self.generation, changes }))
  }
  return { session, hidden, blocks, space, guests: () => [...(hidden.of(session).hidden ?? [])] }
})

const within = Effect.andThen(TestClock.adjust("1 second"), settle)

it.effect("what is known of a later place in the log holds, however it is heard", () =>
  Effect.gen(function* () {
    const { session, hidden, blocks, guests } = yield* standing
    blocks("g_b", 5)
    yield* hidden.read(session)
    assert.deepStrictEqual(guests(), ["g_b"])
    hidden.learn(session, 4, ["g_a"])
    assert.deepStrictEqual(guests(), ["g_b"])
    hidden.learn(session, 7, [])
    yield* hidden.read(session)
    assert.deepStrictEqual([guests(), hidden.of(session)], [[], { seq: 7, hidden: undefined }])
  })
)

it.effect("what is read before all that lasts is rebuilt is read again when it is, and then no more", () =>
  Effect.gen(function* () {
    const { session, hidden, blocks, space, guests } = yield* standing
    space.isRebuilt = false
    yield* hidden.read(session)
    blocks("g_b", 5)
    yield* within
    assert.deepStrictEqual(guests(), [], "it would be in doubt again")
    space.isRebuilt = true
    yield* within
    assert.deepStrictEqual(guests(), ["g_b"])
    const { asked } = space
    yield* within
    yield* hidden.read(session)
    assert.strictEqual(space.asked, asked, "it stays so for as long as the generation")
  })
)

it.effect("who is gone is not read again", () =>
  Effect.gen(function* () {
    const { session, hidden, blocks, space, guests } = yield* standing
    space.isRebuilt = false
    yield* hidden.read(session)
    session.connection = undefined
    blocks("g_b", 5)
    space.isRebuilt = true
    yield* within
    assert.deepStrictEqual(guests(), [])
  })
)
