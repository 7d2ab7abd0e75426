/** Names that nobody else has: however many are asked for, nothing of what was drawn comes twice. */
import { assert, describe, it } from "@effect/vitest"
import { chance, drawnBytes, uniqueName } from "../src/Chance.ts"

describe("Chance", () => {
  it("gives no name twice, through many drawings", () => {
    const names = new Set(Array.from({ length: (drawnBytes / 16) * 5 }, uniqueName))
    assert.strictEqual(names.size, (drawnBytes / 16) * 5)
    for (const name of names) assert.match(name, /^[\w-]{22}$/)
  })

  it("gives as many bytes as are asked for, whatever is left of a drawing", () => {
    const pieces = Array.from({ length: 2_000 }, (_, at) => Buffer.from(chance(10 + (at % 7))).toString("hex"))
    assert.strictEqual(new Set(pieces).size, pieces.length)
    for (const [at, piece] of pieces.entries()) assert.lengthOf(piece, 2 * (10 + (at % 7)))
  })

  it("gives all of a drawing at once, and no byte more", () => {
    assert.lengthOf(chance(drawnBytes), drawnBytes)
    assert.throws(() => chance(drawnBytes + 1), RangeError)
  })
})
