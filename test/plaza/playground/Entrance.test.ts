/** Into a channel, through the layers of a whole plaza over the memory twins. */

import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { plaza } from "../../../src/App.ts"
import { ClientMessageConsumer } from "../../../src/client/ClientMessageConsumer.ts"
import { HttpServer } from "../../../src/client/HttpServer.ts"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import { newChannelsMax } from "../../../src/plaza/playground/Entrance.ts"
import { channelsMax, channelTag, park } from "../../../src/plaza/playground/World.ts"
import { membersCounter } from "../../../src/space/PresenceWrites.ts"
import { type Change, type Commit, newToken, type SpaceError } from "../../../src/space/SharedSpace.ts"
import { Workers } from "../../../src/Workers.ts"
import { isObject } from "../../../src/wire/Strict.ts"
import { FakeConnection } from "../../client/FakeConnection.ts"
import { entering, hello } from "../../client/House.ts"
import { nobodyLooks } from "../../client/NobodyLooks.ts"
import { runner, settle, Twins, until, Watch } from "../../space/Harness.ts"

/** A plaza with one park, into which so many go to a channel. */
const parkFor = Effect.fnUntraced(function* (capacity: number, watch = new Watch()) {
  const twins = new Twins()
  const { context, self } = yield* runner(twins, { watch, settings: { world: Option.some("world.json") } })
  const world = JSON.stringify([{ ...park, capacity }])
  const files = FileSystem.layerNoop({ readFileString: () => Effect.succeed(world) })
  const beside = Layer.mergeAll(Layer.succeed(HttpServer, nobodyLooks), files, Workers.layer)
  const layer = Layer.provideMerge(ClientMessageConsumer.layer, plaza).pipe(Layer.provide(beside))
  const built = yield* Layer.build(layer).pipe(Effect.provideContext(context))
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const greeted = Effect.fnUntraced(function* (name: string) {
    const phone = new FakeConnection()
    phone.begin(Context.get(built, ClientMessageConsumer).serve(phone), run)
    phone.say(hello(1, `device-secret-of-${name}`))
    yield* settle
    return phone
  })
  return { greeted, channels: Context.get(built, Channels), space: twins.space, self }
})

const ascending = (a: unknown, b: unknown): number => Number(a) - Number(b)

const channelOf = (phone: FakeConnection): unknown => {
  const [enter] = phone.answers(2).map((line) => line.enter)
  return isObject(enter) ? enter.channel : phone.brief
}

it.effect("whoever comes at once finds room, in however many channels; none of them has more than it holds", () =>
  Effect.gen(function* () {
    const { greeted } = yield* parkFor(2)
    const phones = yield* Effect.forEach(Array.from({ length: 41 }), (_, at) => greeted(`${at}`))
    for (const phone of phones) phone.say(entering(2))
    yield* until("all answers", () => phones.every((phone) => phone.answers(2).length > 0))
    const expected = Array.from({ length: 41 }, (_, at) => Math.floor(at / 2) + 1)
    assert.deepStrictEqual(phones.map(channelOf).toSorted(ascending), expected)
  })
)

it.effect("whoever finds every new channel filled, however many they try, is told that there is no room", () =>
  Effect.gen(function* () {
    const watch = new Watch()
    const { greeted } = yield* parkFor(1, watch)
    const phone = yield* greeted("one")
    const tried: Array<string> = []
    // Others are always there before them.
    watch.instead = (commit: Commit) => {
      if (!commit.tag.startsWith("park/")) return commit
      tried.push(commit.tag)
      return {
        ...commit,
        changes: commit.changes.map((change) => (change._tag === "Count" ? { ...change, max: 0 } : change))
      }
    }
    phone.say(entering(2))
    yield* until("the answer", () => phone.answers(2).length > 0)
    assert.deepStrictEqual(phone.brief, ["1 hello", "2 CHANNEL_FULL"])
    const numbers = Array.from({ length: 1 + newChannelsMax }, (_, index) => `park/${index + 1}`)
    assert.deepStrictEqual([...new Set(tried)], numbers)
  })
)

it.effect("whoever comes where there are as many channels as there may be, all of them full, is told so", () =>
  Effect.gen(function* () {
    const { greeted, space, self } = yield* parkFor(1)
    const phone = yield* greeted("one")
    const taken: Change = { _tag: "Count", counter: membersCounter, by: 1, max: 1 }
    const rest = { generation: self.generation, found: true, guard: { _tag: "Compared" as const }, reads: [], tell: [] }
    for (let channel = 1; channel <= channelsMax; channel++) {
      space.commit({ ...rest, tag: channelTag("park", channel), token: newToken(), changes: [taken] })
    }
    phone.say(entering(2))
    yield* until("the answer", () => phone.answers(2).length > 0)
    assert.deepStrictEqual(phone.brief, ["1 hello", "2 CHANNEL_FULL"])
  })
)

it.effect("whoever enters so slowly that the view was closed meanwhile stands in the one that is open", () =>
  Effect.gen(function* () {
    const watch = new Watch()
    const { greeted, channels } = yield* parkFor(5_000, watch)
    const phone = yield* greeted("one")
    const pass = Effect.repeat(Effect.andThen(TestClock.adjust("250 millis"), settle), { times: 60 })
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
