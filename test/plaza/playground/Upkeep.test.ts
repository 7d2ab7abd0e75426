/** What a runner makes good of its members. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import { Sessions } from "../../../src/client/Sessions.ts"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import * as Upkeep from "../../../src/plaza/playground/Upkeep.ts"
import { park, World } from "../../../src/plaza/playground/World.ts"
import { membersCounter } from "../../../src/space/PresenceWrites.ts"
import { memberKey } from "../../../src/space/Tag.ts"
import { Workers } from "../../../src/Workers.ts"
import { entering, hello, house } from "../../client/House.ts"
import { commitOf } from "../../contract/SharedSpaceCommits.ts"
import { runner, settle, Twins } from "../../space/Harness.ts"
import { guest, lost, named, park as standingIn, stateOf } from "../../space/Standing.ts"
import { Listener } from "./Listener.ts"

/** Upkeep of a runner, and its channels. */
const upkeepOf = ({ context, sessions }: Effect.Success<ReturnType<typeof house>>) => {
  const world = Layer.succeed(World, World.of({ playgrounds: [park], find: () => park }))
  const layer = Upkeep.layer.pipe(
    Layer.provideMerge(Channels.layer),
    Layer.provide(Layer.mergeAll(world, Workers.layer, Layer.succeed(Sessions, sessions)))
  )
  return Effect.map(Effect.provideContext(Layer.build(layer), context), (built) => Context.get(built, Channels))
}

it.effect(
  "whoever is overdue and another's is moved on, but not behind a reconnect, where they may have come back (L11)",
  () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const one = yield* house(twins)
      const { presence } = yield* runner(twins, { id: "r2" })
      const entered = yield* presence.enter(yield* presence.begin(guest, named("s_1")), standingIn(1))
      yield* presence.moveOn(entered.held, yield* lost, 0)
      yield* TestClock.adjust("6 seconds")
      yield* (yield* upkeepOf(one)).open("park/1")
      twins.space.reconnect()
      yield* TestClock.adjust("4 seconds")
      yield* settle
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PresenceState.PRESENCE_STATE_LOST])
      yield* TestClock.adjust("3 seconds")
      yield* settle
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PresenceState.PRESENCE_STATE_AWAY])
    })
)

it.effect("a member that is missing and that no view knows is put back where it came in (P1)", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const one = yield* house(twins)
    const { connect, self, sessions } = one
    yield* connect(hello(1), entering(2))
    const [session] = sessions.all()
    const member = session?.place?.member ?? assert.fail("it stands there")
    const key = memberKey(member)
    const gone = [
      { _tag: "Delete", key },
      { _tag: "Count", counter: membersCounter, by: -1, max: 1 }
    ] as const
    twins.space.commit(commitOf("park/1", { generation: self.generation, changes: gone }))
    yield* (yield* upkeepOf(one)).open("park/1")
    yield* TestClock.adjust("2 seconds")
    yield* settle
    const { value } = twins.space.read({ tag: "park/1", keys: [key] }).entries.get(key) ?? assert.fail("it is back")
    const { xCm, yCm } = MemberRecord.decode(value)
    assert.deepStrictEqual({ xCm, yCm }, { xCm: 1, yCm: 2 })
  })
)

it.effect("of whoever has lost their socket, and stands as their session says, nothing is read again", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const one = yield* house(twins)
    const phone = yield* one.connect(hello(1), entering(2))
    const [session] = one.sessions.all()
    yield* (yield* upkeepOf(one)).open("park/1")
    phone.hangUp()
    yield* settle
    assert.deepStrictEqual(stateOf(twins, "park/1"), [PresenceState.PRESENCE_STATE_LOST])
    const read = twins.space.read.bind(twins.space)
    const readOf: Array<string> = []
    twins.space.read = (request) => {
      readOf.push(request.tag)
      return read(request)
    }
    yield* TestClock.adjust("3 seconds")
    yield* settle
    assert.deepStrictEqual(stateOf(twins, "park/1"), [PresenceState.PRESENCE_STATE_LOST])
    assert.notInclude(readOf, session?.guest)
    assert.notInclude(readOf, "park/1")
  })
)

it.effect(
  "what a channel's tag says nobody has changed is read at the first look and every eleventh, and else at once",
  () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const one = yield* house(twins)
      yield* one.connect(hello(1), entering(2))
      const snapshot = twins.space.snapshot.bind(twins.space)
      let reads = 0
      twins.space.snapshot = (...asked) => {
        // A view reads lines, too.
        const [, , stream] = asked
        if (stream === "") reads++
        return snapshot(...asked)
      }
      const view = yield* (yield* upkeepOf(one)).open("park/1")
      // With nobody to tell of it, it would be closed.
      view.join(new Listener(1, { xCm: 1, yCm: 2 }), { history: 0 })
      const after = (looks: number) =>
        Effect.gen(function* () {
          for (let look = 0; look < looks; look++) {
            yield* TestClock.adjust("1 second")
            yield* settle
          }
          return reads
        })
      assert.strictEqual(yield* after(Upkeep.looksAtRead), 1)
      assert.strictEqual(yield* after(1), 2)
      assert.strictEqual(yield* after(1), 2)
      yield* one.connect(hello(1, "device-secret-two"), entering(2))
      assert.strictEqual(yield* after(1), 3)
      assert.strictEqual(yield* after(1), 3)
      const [session] = one.sessions.all()
      const key = memberKey(session?.place?.member ?? assert.fail("it stands there"))
      const gone = [
        { _tag: "Delete", key },
        { _tag: "Count", counter: membersCounter, by: -1, max: 2 }
      ] as const
      twins.space.commit(commitOf("park/1", { generation: one.self.generation, changes: gone }))
      assert.isAbove(yield* after(1), 3)
    })
)
