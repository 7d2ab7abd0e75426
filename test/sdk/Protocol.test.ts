/** What the generated readers make of lines: of all that is absent, of another kind, or unknown. */
import { assert, describe, it } from "@effect/vitest"
import { readDisconnect, readEnterResponse, readers, readHelloResponse } from "../../sdk/typescript/src/gen/protocol.ts"

describe("A reader", () => {
  it("takes what is absent, and what is of another kind, for zero", () => {
    const nothing = {
      seq: 0,
      member: 0,
      id: 0,
      nickname: "",
      text: "",
      reach: "REACH_UNSPECIFIED",
      atMs: 0,
      history: false
    }
    for (const value of [undefined, null, 7, "said", [], {}, { seq: "x", text: 7, history: "true", reach: 1 }]) {
      assert.deepStrictEqual(readers.said(value), nothing)
    }
  })

  it("takes a name it does not know for the unspecified one, and leaves out fields it does not know", () => {
    const gone = readers.disappeared({ member: [7, "8", null], reason: "GONE_REASON_OF_TOMORROW", why: "?" })
    assert.deepStrictEqual(gone, { member: [7, 8, 0], reason: "GONE_REASON_UNSPECIFIED" })
    assert.strictEqual(readDisconnect({ code: "DISCONNECT_CODE_SLOW" }).code, "DISCONNECT_CODE_SLOW")
  })

  it("reads 64-bit numbers as numbers and as decimal text, and messages within messages", () => {
    assert.strictEqual(readers.said({ seq: "9007199254740991" }).seq, Number.MAX_SAFE_INTEGER)
    assert.deepStrictEqual(readEnterResponse({ streams: [{ name: "park/1", seq: "41" }] }).streams, [
      { name: "park/1", epoch: "", seq: 41 }
    ])
    assert.isUndefined(readHelloResponse({}).limits)
    assert.deepStrictEqual(readHelloResponse({ limits: { lineBytes: 8192 } }).limits, {
      lineBytes: 8192,
      movesPerSecond: 0
    })
  })
})
