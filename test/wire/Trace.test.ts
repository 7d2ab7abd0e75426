import { assert, describe, it } from "@effect/vitest"
import { fromTraceparent, readTrace, toTraceparent, traceBytes, writeTrace } from "../../src/wire/Trace.ts"

const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }

describe("Trace", () => {
  it("is a W3C traceparent", () => {
    assert.strictEqual(toTraceparent(trace), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert.deepStrictEqual(fromTraceparent(toTraceparent(trace)), trace)
  })

  it.each([
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes"
  ])("is read from %s", (text) => assert.deepStrictEqual(fromTraceparent(text), trace))

  it.each([
    "",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01"
  ])("is not read from %j", (text) => assert.isUndefined(fromTraceparent(text)))

  it("is 24 bytes", () => {
    const bytes = Buffer.alloc(2 + traceBytes + 2, 0xee)
    writeTrace(trace, bytes, 2)
    assert.deepStrictEqual(readTrace(bytes, 2), trace)
    assert.strictEqual(bytes.toString("hex"), `eeee${trace.traceId}${trace.spanId}eeee`)
  })
})
