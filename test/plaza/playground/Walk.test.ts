/** How far a guest may walk (design 8): 8 m/s and one metre of slack, at the number and one past it. */
import { assert, describe, it } from "@effect/vitest"
import { slackCmMax, step, type Walk } from "../../../src/plaza/playground/Walk.ts"
import { Trouble } from "../../sim/Trouble.ts"

const speed = 800

const standing = (nowMs: number): Walk => ({ movedMs: nowMs, slackCm: slackCmMax })

describe("a step", () => {
  it("may be as long as the time since the last allows, and a metre longer", () => {
    for (const [distanceCm, isTaken] of [
      [900, true],
      [901, false]
    ] as const) {
      assert.strictEqual(step(standing(0), distanceCm, 1_000, speed), isTaken, `${distanceCm} cm`)
    }
  })

  it("the slack is not given anew with every move", () => {
    const walk = standing(0)
    assert.isTrue(step(walk, slackCmMax, 0, speed))
    assert.isFalse(step(walk, 1, 0, speed))
    assert.isTrue(step(walk, 80, 100, speed))
    assert.isFalse(step(walk, 1, 100, speed))
    // Standing still gives it back, up to a metre.
    assert.isTrue(step(walk, 0, 60_000, speed))
    assert.isFalse(step(walk, slackCmMax + 1, 60_000, speed))
    assert.isTrue(step(walk, slackCmMax, 60_000, speed))
  })

  it("that is refused changes nothing: time goes on from the last one taken", () => {
    const walk = standing(0)
    for (let tries = 0; tries < 100; tries++) assert.isFalse(step(walk, 10_000, 1_000, speed))
    assert.deepStrictEqual(walk, standing(0))
    assert.isTrue(step(walk, 900, 1_000, speed))
  })

  it("of any length where the limit is off", () => {
    assert.isTrue(step(standing(0), 1e9, 0, 0))
  })
})

describe("a walk of any steps", () => {
  it("covers no more than its time and one metre", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new Trouble(seed)
      const walk = standing(0)
      let [nowMs, farCm, refused] = [0, 0, 0]
      for (let move = 0; move < 200; move++) {
        nowMs += random.below(300)
        const distanceCm = random.below(400)
        if (step(walk, distanceCm, nowMs, speed)) farCm += distanceCm
        else refused++
        assert.isAtMost(farCm, slackCmMax + (speed * nowMs) / 1_000, `${random}`)
      }
      assert.isAbove(refused, 0, `${random} has tried nothing unlawful`)
    }
  })
})
