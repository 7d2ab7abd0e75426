/** Which playgrounds there are: the default park, an operator's file, and what is wrong with one. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { arrival, channelTag, type Playground, park, World, WorldError } from "../../../src/plaza/playground/World.ts"
import { Settings } from "../../../src/Settings.ts"

const plaza: Playground = {
  id: "plaza-2",
  name: "광장",
  widthCm: 1_000,
  heightCm: 2_000,
  spawn: { xCm: 10, yCm: 1_990, radiusCm: 500 },
  capacity: 1
}

/** The world of a file with this text. */
const worldOf = (text: string | undefined) => {
  const files = FileSystem.layerNoop({ readFileString: () => Effect.succeed(text ?? "") })
  const settings = Settings.test({ world: text === undefined ? Option.none() : Option.some("world.json") })
  return Effect.provide(World, Layer.provide(World.layer, Layer.merge(files, settings)))
}

describe("the world", () => {
  it.effect("is one park where no file is named", () =>
    Effect.gen(function* () {
      const { playgrounds, find } = yield* worldOf(undefined)
      assert.deepStrictEqual(playgrounds, [park])
      assert.deepInclude(find("park"), { widthCm: 20_000, heightCm: 20_000, capacity: 5_000 })
      assert.isUndefined(find("plaza"))
    })
  )

  it.effect("is what the file says", () =>
    Effect.gen(function* () {
      const { playgrounds, find } = yield* worldOf(JSON.stringify([park, plaza]))
      assert.deepStrictEqual(playgrounds, [park, plaza])
      assert.deepStrictEqual(find("plaza-2"), plaza)
    })
  )

  const wrong: ReadonlyArray<readonly [string, string]> = [
    ["no JSON", "{"],
    ["no playground", "[]"],
    ["no list", JSON.stringify(park)],
    ["one twice", JSON.stringify([park, park])],
    ["an id that is no tag", JSON.stringify([{ ...park, id: "Park/1" }])],
    ["an id that is too long", JSON.stringify([{ ...park, id: "p".repeat(33) }])],
    ["no name", JSON.stringify([{ ...park, name: "" }])],
    ["a size below 10 m", JSON.stringify([{ ...park, widthCm: 999 }])],
    ["a size over 10 km", JSON.stringify([{ ...park, heightCm: 1_000_001 }])],
    ["room for nobody", JSON.stringify([{ ...park, capacity: 0 }])],
    ["room for too many", JSON.stringify([{ ...park, capacity: 100_001 }])],
    ["a field missing", JSON.stringify([{ ...park, spawn: undefined }])]
  ]
  it.effect.each(wrong)("is refused with the file's name: %s", ([, text]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(worldOf(text))
      assert.instanceOf(error, WorldError)
      assert.include(error.message, "world.json")
    })
  )
})

describe("arrival", () => {
  it("is within the circle and the playground", () => {
    for (let times = 0; times < 2_000; times++) {
      const inPark = arrival(park)
      assert.isAtMost(Math.hypot(inPark.xCm - 10_000, inPark.yCm - 10_000), 801)
      const { xCm, yCm } = arrival(plaza)
      assert.isTrue(xCm >= 0 && xCm < 1_000 && yCm >= 0 && yCm < 2_000, `${xCm}, ${yCm}`)
    }
  })

  it("a channel is named by playground and number", () => {
    assert.strictEqual(channelTag("park", 3), "park/3")
  })
})
