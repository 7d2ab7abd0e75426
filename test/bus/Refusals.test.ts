import { assert, it } from "@effect/vitest"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import { refusedBy } from "../../src/bus/Refusals.ts"
import { refusal } from "../../src/space/Deciding.ts"

it("an outcome that a newer release has decided is an error that can be told", () => {
  const newer: ErrorCode = JSON.parse("999")
  assert.strictEqual(refusedBy(refusal(ErrorCode.ERROR_CODE_OUTSIDE, "outside")).code, ErrorCode.ERROR_CODE_OUTSIDE)
  assert.strictEqual(refusedBy(refusal(newer, "of tomorrow")).code, ErrorCode.ERROR_CODE_INTERNAL)
  assert.strictEqual(
    refusedBy({ $type: "noriter.space.v1.Answer", body: undefined }).code,
    ErrorCode.ERROR_CODE_INTERNAL
  )
})
