/** Views: who is told of whom, and who hears what. The checks are shown defects that they must find. */
import { assert, describe, it } from "@effect/vitest"
import { type Defect, sound } from "./Listener.ts"
import { Play } from "./Play.ts"
import { scriptOf, scripts } from "./Scripts.ts"
import { Talk } from "./Talk.ts"

describe("each phone is told who is shown around it, and where", () => {
  it.prop(
    "whatever happens",
    { script: scripts },
    ({ script }) => {
      new Play().play(script)
    },
    { timeout: 60_000, arbitrary: { runs: 200, size: 300 } }
  )

  it.each([1, 2, 3, 4])("in a long script of seed %i", (seed) => {
    new Play().play(scriptOf(seed, 5_000))
  })

  it.each([1, 2, 3, 4])("in a long script of seed %i, with few bytes for moves", (seed) => {
    for (const bytesPerSecond of [50, 200, 1_000]) new Play(sound, { bytesPerSecond }).play(scriptOf(seed, 2_000))
  })

  const defects: ReadonlyArray<readonly [string, Defect]> = [
    [
      "who went out of sight is forgotten",
      (line) => (line.disappeared?.reason === "GONE_REASON_OUT_OF_SIGHT" ? undefined : line)
    ],
    ["who left is forgotten", (line) => (line.disappeared?.reason === "GONE_REASON_LEFT" ? undefined : line)],
    ["moves are forgotten", (line) => (line.moved === undefined ? line : undefined)],
    ["crowds are forgotten", (line) => (line.crowded === undefined ? line : undefined)],
    [
      "one of those who appeared is forgotten",
      (line) => (line.appeared === undefined ? line : { appeared: { members: line.appeared.members.slice(1) } })
    ],
    [
      "another reason is given",
      (line) =>
        line.disappeared === undefined ? line : { disappeared: { ...line.disappeared, reason: "GONE_REASON_LOST" } }
    ]
  ]
  it.each(defects)("finds it when %s", (_name, defect) => {
    assert.throws(() => new Play(defect).play(scriptOf(1, 5_000)))
  })
})

describe("each phone hears each line once and in order, or is told that some are missing", () => {
  it.prop(
    "whatever happens",
    { script: scripts },
    ({ script }) => {
      new Talk().play(script)
    },
    { timeout: 60_000, arbitrary: { runs: 300, size: 300 } }
  )

  it.each([1, 2, 3, 4])("in a long script of seed %i", (seed) => {
    new Talk().play(scriptOf(seed, 5_000))
  })

  const nth = (count: number, defect: Defect): Defect => {
    let said = 0
    return (line) => (line.said !== undefined && ++said % count === 0 ? defect(line) : line)
  }
  const defects: ReadonlyArray<readonly [string, Defect]> = [
    ["a line is lost", nth(50, () => undefined)],
    ["speakers miss their id", (line) => (line.said === undefined ? line : { said: { ...line.said, id: 0 } })],
    [
      "history is not called so",
      (line) => (line.said === undefined ? line : { said: { ...line.said, history: false } })
    ],
    ["gaps are silent", (line) => (line.streams === undefined ? line : undefined)]
  ]
  it.each(defects)("finds it when %s", (_name, defect) => {
    assert.throws(() => new Talk(defect).play(scriptOf(1, 5_000)))
  })
})
