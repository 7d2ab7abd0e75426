/** What a runner makes good of its members. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import { Sessions } from "../../../src/client/Sessions.ts"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import * as Upkeep from "../../../src/plaza/playground/Upkeep.ts"
import { park, World } from "../../../src/plaza/playground/World.ts"
import { membersCounter } from "../../../src/space/PresenceWrites.ts"
import { memberKey } from "../../../src/space/Tag.ts"
import { Workers } from "../../../src/Workers.ts"
import { entering, hello, house } from "../../client/House.ts"
import { commitOf } from "../../contract/SharedSpaceCommits.ts"
import { settle, Twins } from "../../space/Harness.ts"

it.effect("a member that is missing and that no view knows is put back where it came in (P1)", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const { context, connect, self, sessions } = yield* house(twins)
    yield* connect(hello(1), entering(2))
    const [session] = sessions.all()
    const member = session?.place?.member ?? assert.fail("it stands there")
    const key = memberKey(member)
    const gone = [
      { _tag: "Delete", key },
      { _tag: "Count", counter: membersCounter, by: -1, max: 1 }
    ] as const
    twins.space.commit(commitOf("park/1", { generation: self.generation, changes: gone }))
    const world = Layer.succeed(World, World.of({ playgrounds: [park], find: () => park }))
    const layer = Upkeep.layer.pipe(
      Layer.provideMerge(Channels.layer),
      Layer.provide(Layer.mergeAll(world, Workers.layer, Layer.succeed(Sessions, sessions)))
    )
    const built = yield* Effect.provideContext(Layer.build(layer), context)
    yield* Context.get(built, Channels).open("park/1")
    yield* TestClock.adjust("2 seconds")
    yield* settle
    const { value } = twins.space.read({ tag: "park/1", keys: [key] }).entries.get(key) ?? assert.fail("it is back")
    const { xCm, yCm } = MemberRecord.decode(value)
    assert.deepStrictEqual({ xCm, yCm }, { xCm: 1, yCm: 2 })
  })
)
