import v8 from "node:v8"
import { assert, describe, it } from "@effect/vitest"

v8.setFlagsFromString("--allow-natives-syntax")
const isFast = new Function("return %HasFastProperties(String.prototype)")

describe("a process with a client of Redis", () => {
  it("reads texts as fast as without", async () => {
    // The defect first: else the promise below could not fail.
    await import("ioredis")
    assert.isFalse(isFast())
    await import("../../src/link/Redis.ts")
    assert.isTrue(isFast())
  })
})
