import { assert, describe, it } from "@effect/vitest"
import { chance, type Spot, Stroll, speedMaxCmps } from "../../src/command/Stroll.ts"

const ground = { widthCm: 20_000, heightCm: 10_000 }

/** Where one of a seed stands, twice a second for ten minutes. */
const path = (seed: number, friend: () => Spot | undefined = () => undefined): ReadonlyArray<Spot> => {
  const stroll = new Stroll(chance(seed))
  stroll.place({ xCm: 10_000, yCm: 5000 }, 0)
  return Array.from({ length: 1200 }, (_, i) => {
    stroll.advance((i + 1) * 500, ground, friend)
    return { xCm: stroll.xCm, yCm: stroll.yCm }
  })
}

const distance = (a: Spot, b: Spot): number => Math.hypot(a.xCm - b.xCm, a.yCm - b.yCm)
const steps = (spots: ReadonlyArray<Spot>): ReadonlyArray<number> =>
  spots.slice(1).map((spot, i) => distance(spot, spots[i] ?? spot))

describe("Stroll", () => {
  it("walks the same way for the same seed, and another way for another", () => {
    assert.deepStrictEqual(path(7), path(7))
    assert.notDeepEqual(path(7), path(8))
  })

  it.each([1, 2, 3, 4, 5])("never walks faster than a person (seed %i)", (seed) => {
    assert.isAtMost(Math.max(...steps(path(seed))), speedMaxCmps / 2 + 1e-6)
  })

  it.each([1, 2, 3, 4, 5])("walks, rests, and stays inside (seed %i)", (seed) => {
    const spots = path(seed)
    const walking = steps(spots).filter((step) => step > 0).length / spots.length
    assert.isAbove(walking, 0.1)
    assert.isBelow(walking, 0.9)
    for (const { xCm, yCm } of spots) {
      assert.isTrue(xCm >= 0 && yCm >= 0 && xCm < ground.widthCm && yCm < ground.heightCm)
    }
  })

  it.each([1, 2, 3, 4, 5])("does not leap after a silence (seed %i)", (seed) => {
    const stroll = new Stroll(chance(seed))
    const start = { xCm: 10_000, yCm: 5000 }
    stroll.place(start, 0)
    stroll.advance(60_000, ground, () => undefined)
    assert.isAtMost(distance(start, stroll), speedMaxCmps)
    assert.isAbove(distance(start, stroll), 0)
  })

  it("goes to stand with somebody", () => {
    const friend = { xCm: 12_000, yCm: 6000 }
    const close = path(3, () => friend).filter((spot) => distance(spot, friend) <= 300).length
    assert.isAbove(close, 100)
  })
})
