import { assert, describe, it } from "@effect/vitest"
import { calmBeats, calmLost, leftPart, strainMax, Tempo } from "../../../src/plaza/playground/Tempo.ts"

const beatMs = 100
const lagMsMax = 50
const writeMs = 20
const leftMsMax = writeMs * leftPart

/** A tempo and its beats: each comes so much later than it should, and what was left to write then takes so long. */
function beating(lagMax = lagMsMax) {
  const tempo = new Tempo(beatMs, lagMax)
  let nowMs = 0
  tempo.beat(nowMs)
  tempo.told(10, writeMs)
  /** So many beats; how many of them changed the tick. */
  const beat = (times: number, { lateMs = 0, leftMs = 0 } = {}) => {
    let changes = 0
    for (let time = 0; time < times; time++) {
      nowMs += beatMs + lateMs
      if (tempo.beat(nowMs, leftMs)) changes++
    }
    return changes
  }
  return { tempo, beat }
}

describe("Tempo", () => {
  it("stays as it is while beats come as late as they may, and steps up when one more comes later", () => {
    const { tempo, beat } = beating()
    assert.strictEqual(beat(100, { lateMs: lagMsMax }), 0)
    assert.strictEqual(beat(strainMax - 1, { lateMs: lagMsMax + 1 }), 0)
    assert.strictEqual(tempo.tickMs, beatMs)
    assert.strictEqual(beat(1, { lateMs: lagMsMax + 1 }), 1)
    assert.strictEqual(tempo.tickMs, 2 * beatMs)
  })

  it("does not mind one that is late among many", () => {
    const { tempo, beat } = beating()
    for (let time = 0; time < 100; time++) {
      beat(1, { lateMs: 1_000 })
      beat(1)
    }
    assert.strictEqual(tempo.tickMs, beatMs)
  })

  it("does not mind that some is left to write at a beat, as long as it is no more than half", () => {
    const { tempo, beat } = beating()
    assert.strictEqual(beat(100, { leftMs: leftMsMax }), 0)
    assert.strictEqual(beat(strainMax - 1, { leftMs: leftMsMax + 1 }), 0)
    assert.strictEqual(beat(1, { leftMs: leftMsMax + 1 }), 1)
    assert.strictEqual(tempo.tickMs, 2 * beatMs)
  })

  it("steps up when ticks are not done in their time: first with longer ticks, then without emotes", () => {
    const { tempo, beat } = beating()
    const seen: Array<readonly [number, boolean]> = []
    for (let time = 0; time < 100; time++) {
      beat(1, { leftMs: leftMsMax + 1 })
      const now = [tempo.tickMs, tempo.shedsSignals] as const
      if (`${seen.at(-1)}` !== `${now}`) seen.push(now)
    }
    assert.deepStrictEqual(seen, [
      [100, false],
      [200, false],
      [400, false],
      [400, true]
    ])
  })

  it("ticks at every beat, then at every second, and then at every fourth", () => {
    const { tempo, beat } = beating()
    const dueOf = (beats: number) => {
      let due = 0
      for (let time = 0; time < beats; time++) {
        const { isNextDue } = tempo
        beat(1)
        assert.strictEqual(tempo.isDue, isNextDue)
        if (isNextDue) due++
      }
      return due
    }
    assert.strictEqual(dueOf(20), 20)
    beat(strainMax, { lateMs: 1_000 })
    assert.strictEqual(dueOf(20), 10)
    beat(strainMax, { lateMs: 1_000 })
    assert.strictEqual(dueOf(20), 5)
  })

  it("steps down after so many calm beats, and not before, all the way", () => {
    const { tempo, beat } = beating()
    beat(strainMax, { lateMs: 1_000 })
    assert.strictEqual(beat(calmBeats - 1), 0)
    assert.strictEqual(beat(1), 1)
    assert.strictEqual(tempo.tickMs, beatMs)
    assert.strictEqual(beat(10 * calmBeats), 0)
  })

  it("waits longer for one that is late meanwhile, and does not begin anew", () => {
    const { tempo, beat } = beating()
    beat(strainMax, { lateMs: 1_000 })
    assert.strictEqual(beat(calmBeats - 1), 0)
    assert.strictEqual(beat(1, { lateMs: 1_000 }), 0)
    assert.strictEqual(beat(calmLost), 0)
    assert.strictEqual(beat(1), 1)
    assert.strictEqual(tempo.tickMs, beatMs)
  })

  it("stays where ticks take so long that twice as many of them would not be done in time", () => {
    const { tempo, beat } = beating()
    beat(2 * strainMax, { lateMs: 1_000 })
    assert.strictEqual(tempo.tickMs, 400)
    // Of half as many moves it is put together in half the time, and written to as many.
    tempo.told(100, 121)
    assert.strictEqual(beat(10 * calmBeats), 0)
    tempo.told(100, 120)
    assert.strictEqual(beat(calmBeats), 1)
    assert.strictEqual(tempo.tickMs, 200)
    tempo.told(50, 61)
    assert.strictEqual(beat(10 * calmBeats), 0)
    tempo.told(50, 60)
    assert.strictEqual(beat(calmBeats), 1)
    assert.strictEqual(tempo.tickMs, 100)
  })

  it("waits twice as long after each step down that did not hold, up to a minute, and no longer after one that did", () => {
    const { beat } = beating()
    const fall = () => beat(strainMax, { lateMs: 1_000 })
    fall()
    let waited = calmBeats
    for (const expected of [30, 60, 120, 240, 480, 600, 600]) {
      waited = expected
      assert.strictEqual(beat(waited - 1), 0)
      assert.strictEqual(beat(1), 1)
      assert.strictEqual(fall(), 1)
    }
    assert.strictEqual(beat(waited), 1)
    beat(waited + 1)
    assert.strictEqual(fall(), 1)
    assert.strictEqual(beat(calmBeats), 1)
  })

  it("waits no longer for the next step down after one that held for as long as was waited", () => {
    const { tempo, beat } = beating()
    const fall = () => beat(strainMax, { lateMs: 1_000 })
    assert.strictEqual(fall() + fall() + beat(calmBeats) + fall(), 4)
    assert.strictEqual(beat(2 * calmBeats), 1)
    assert.strictEqual(beat(2 * calmBeats), 1)
    assert.strictEqual(tempo.tickMs, beatMs)
    assert.strictEqual(fall(), 1)
    assert.strictEqual(beat(2 * calmBeats), 1)
  })

  it("stays as it is where it is off", () => {
    const { tempo, beat } = beating(0)
    assert.strictEqual(beat(1_000, { lateMs: 10_000, leftMs: 10_000 }), 0)
    assert.strictEqual(tempo.tickMs, beatMs)
  })
})
