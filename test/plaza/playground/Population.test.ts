/** Which channels of a playground are open, and how full: asked of the shared space, sixteen at a time. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Hub } from "../../../src/link/MemoryRunnerLink.ts"
import { foundBelow, openChannels, openTags } from "../../../src/plaza/playground/Population.ts"
import { channelsMax, park } from "../../../src/plaza/playground/World.ts"
import { layerOf, Space } from "../../../src/space/MemorySharedSpace.ts"
import { SharedSpace } from "../../../src/space/SharedSpace.ts"
import { commitOf, count } from "../../contract/SharedSpaceCommits.ts"

/** A space in which these channels of the park have been entered, and how often it was asked. */
const spaceOf = Effect.fnUntraced(function* (populations: ReadonlyArray<number>) {
  const space = new Space(new Hub())
  populations.forEach((population, at) => {
    space.commit(commitOf(`park/${at + 1}`, { changes: [count("members", population)] }))
  })
  const asked: Array<number> = []
  const service = yield* SharedSpace.pipe(Effect.provide(layerOf(space), { local: true }))
  const heads: typeof service.heads = (tags) => {
    asked.push(tags.length)
    return service.heads(tags)
  }
  return { asked, service: SharedSpace.of({ ...service, heads }) }
})

describe("open channels", () => {
  it.effect("the first is always there", () =>
    Effect.gen(function* () {
      const { service } = yield* spaceOf([])
      assert.deepStrictEqual(yield* openChannels(service, park), [{ channel: 1, population: 0 }])
    })
  )

  it.effect("all that were entered are, in order, empty ones too", () =>
    Effect.gen(function* () {
      const { service, asked } = yield* spaceOf([5_000, 0, 41])
      const open = yield* openChannels(service, park)
      assert.deepStrictEqual(
        open.map(({ channel, population }) => [channel, population]),
        [
          [1, 5_000],
          [2, 0],
          [3, 41]
        ]
      )
      assert.deepStrictEqual(asked, [4])
    })
  )

  it.effect("those behind a gap are again when what is missing below them is founded, and nothing else is", () =>
    Effect.gen(function* () {
      const space = new Space(new Hub())
      const enter = (channel: string) => space.commit(commitOf(channel, { changes: [count("members", 1)] }))
      for (const channel of ["park/2", "park/5", "yard/1"]) enter(channel)
      const service = yield* SharedSpace.pipe(Effect.provide(layerOf(space), { local: true }))
      const self = { generation: { era: 1, n: 1 }, isCurrent: Effect.succeed(true) }
      const standing = ["park/2", "park/5", "park/5", "yard/1"]
      yield* foundBelow(service, { ...self, isCurrent: Effect.succeed(false) }, standing)
      assert.lengthOf(yield* openChannels(service, park), 1, "of a generation that is over")
      yield* foundBelow(service, self, standing)
      const open = yield* openChannels(service, park)
      assert.deepStrictEqual(
        open.map(({ population }) => population),
        [0, 1, 0, 0, 1]
      )
      assert.deepStrictEqual(yield* openTags(service, [{ ...park, id: "yard" }]), ["yard/1"])
      // Nobody has been there, and somebody may come.
      enter("park/3")
      assert.strictEqual((yield* openChannels(service, park))[2]?.population, 1)
      yield* foundBelow(service, self, [])
    })
  )

  it.effect("those of many playgrounds are named after one question, and one more where there are many", () =>
    Effect.gen(function* () {
      const { service, asked } = yield* spaceOf(Array<number>(5).fill(1))
      const tags = yield* openTags(service, [park, { ...park, id: "yard" }])
      assert.deepStrictEqual(tags, ["park/1", "park/2", "park/3", "park/4", "park/5", "yard/1"])
      assert.deepStrictEqual(asked, [8, 4])
    })
  )

  it.effect("four need a second question, a hundred six, and there are never more than a thousand", () =>
    Effect.gen(function* () {
      for (const [channels, questions] of [
        [3, 1],
        [4, 2],
        [7, 2],
        [8, 3],
        [100, 6]
      ] as const) {
        const { service, asked } = yield* spaceOf(Array<number>(channels).fill(1))
        assert.lengthOf(yield* openChannels(service, park), channels)
        assert.lengthOf(asked, questions)
      }
      const { service } = yield* spaceOf(Array<number>(channelsMax + 20).fill(1))
      const open = yield* openChannels(service, park)
      assert.strictEqual(open.length, channelsMax)
      assert.strictEqual(open.at(-1)?.channel, channelsMax)
    })
  )
})
