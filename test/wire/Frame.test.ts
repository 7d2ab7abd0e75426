import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { decodeFrames, encodeFrame, type Frame, FrameRefused, joinFrames } from "../../src/wire/Frame.ts"
import type { Trace } from "../../src/wire/Trace.ts"

const trace: Trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }
const plain: Frame = { key: "noriter.runner.v1.MovesTold", trace: undefined, body: Buffer.from([0, 1, 2, 255]) }
const traced: Frame = { key: "a", trace, body: Buffer.alloc(0) }

const frames = (bytes: Uint8Array): ReadonlyArray<Frame> => Result.getOrThrow(decodeFrames(bytes))
const reason = (bytes: Uint8Array): string => {
  const decoded = decodeFrames(bytes)
  return Result.isFailure(decoded) ? decoded.failure.reason : "taken"
}
const bytesOf = (...parts: ReadonlyArray<ReadonlyArray<number>>): Buffer => Buffer.from(parts.flat())

describe("Frame", () => {
  it("comes back as it went", () => {
    assert.deepStrictEqual(frames(encodeFrame(plain)), [plain])
    assert.deepStrictEqual(frames(encodeFrame(traced)), [traced])
  })

  it("travels with others in one message, in order", () => {
    const message = joinFrames([encodeFrame(plain), encodeFrame(traced), encodeFrame(plain)])
    assert.deepStrictEqual(frames(message), [plain, traced, plain])
  })

  it("gives bodies as views, from any kind of bytes", () => {
    const message = encodeFrame(plain)
    const memory = new Uint8Array(message.length + 10)
    memory.set(message, 5)
    const [frame] = frames(memory.subarray(5, 5 + message.length))
    assert.deepStrictEqual(frame, plain)
    assert.strictEqual(frame?.body.buffer, memory.buffer)
  })

  it("is on the wire as its file says", () => {
    const message = encodeFrame({ key: "ab", trace, body: Buffer.from([9]) })
    const traceBytes = Buffer.from(trace.traceId + trace.spanId, "hex")
    assert.deepStrictEqual(message, bytesOf([1, 1], [...traceBytes], [2, 97, 98], [0, 0, 0, 1], [9]))
  })

  it("is refused when it is cut off anywhere", () => {
    for (const frame of [plain, traced]) {
      const message = encodeFrame(frame)
      for (let length = 1; length < message.length; length++) {
        assert.strictEqual(reason(message.subarray(0, length)), "TRUNCATED", `${length} bytes`)
        const second = joinFrames([message, message.subarray(0, length)])
        assert.strictEqual(reason(second), "TRUNCATED", `${length} bytes after a whole one`)
      }
    }
    assert.strictEqual(reason(Buffer.alloc(0)), "EMPTY")
  })

  it.each([
    ["another version", [2, 0, 1, 97, 0, 0, 0, 0], "VERSION"],
    ["JSON", [...Buffer.from("{}")], "VERSION"],
    ["unknown flags", [1, 2, 1, 97, 0, 0, 0, 0], "FLAGS"],
    ["no key", [1, 0, 0, 0, 0, 0, 0], "KEY"],
    ["a key with a space", [1, 0, 1, 32, 0, 0, 0, 0], "KEY"],
    ["a key that is not ASCII", [1, 0, 1, 200, 0, 0, 0, 0], "KEY"],
    ["a body longer than can be", [1, 0, 1, 97, 255, 255, 255, 255], "TRUNCATED"]
  ])("is refused with %s", (_name, bytes, expected) => {
    assert.strictEqual(reason(Buffer.from(bytes)), expected)
  })

  it("ignores a trace of zeros", () => {
    const message = bytesOf(
      [1, 1],
      Array.from({ length: 24 }, () => 0),
      [1, 97],
      [0, 0, 0, 0]
    )
    assert.deepStrictEqual(frames(message), [{ key: "a", trace: undefined, body: Buffer.alloc(0) }])
  })

  it.each(["", "a b", "키", "a".repeat(256)])("is not made with the key %j", (key) => {
    assert.throws(() => encodeFrame({ key, trace: undefined, body: Buffer.alloc(0) }))
  })

  it("is made with a key of 255 characters", () => {
    const frame = { key: "a".repeat(255), trace, body: Buffer.from("x") }
    assert.deepStrictEqual(frames(encodeFrame(frame)), [frame])
  })

  const byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
  const bytes = Schema.Array(byte)
  it.prop("refuses garbage with its own error, or takes it", { bytes }, ({ bytes }) => {
    const decoded = decodeFrames(Buffer.from([1, ...bytes]))
    return Result.isSuccess(decoded) || decoded.failure instanceof FrameRefused
  })

  const changes = Schema.Array(Schema.Tuple([Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })), byte]))
  it.prop("survives any change of a good message", { changes }, ({ changes }) => {
    const message = joinFrames([encodeFrame(plain), encodeFrame({ ...plain, trace }), encodeFrame(traced)])
    for (const [at, value] of changes) message[at % message.length] = value
    const decoded = decodeFrames(message)
    return Result.isSuccess(decoded) || decoded.failure instanceof FrameRefused
  })
})
