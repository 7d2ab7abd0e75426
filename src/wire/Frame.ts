/**
 * Frames: what one runner says to others in one pub/sub message, one or more messages with their keys. Owns the bytes
 * around a body; the body's codec is the registry's (gen/registry.ts), who hears it is the link's.
 *
 *     version 1 · flags 1 · [trace 24] · key length 1 · key · body length 4, big-endian · body      and the next
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { readTrace, type Trace, traceBytes, writeTrace } from "./Trace.ts"

export interface Frame {
  /** The full name of the message type. */
  readonly key: string
  readonly trace: Trace | undefined
  readonly body: Uint8Array
}

/** A message that is not made of whole frames of a version we know. All of it is refused. */
export class FrameRefused extends Data.TaggedError("FrameRefused")<{
  readonly reason: "EMPTY" | "VERSION" | "FLAGS" | "KEY" | "TRUNCATED"
  /** Where in the message the frame begins. */
  readonly at: number
}> {
  override get message(): string {
    return `${this.reason} in the frame at byte ${this.at}`
  }
}

const version = 1
const tracedFlag = 1
const keyLengthMax = 255
const printable = /^[\x21-\x7e]+$/

export function encodeFrame(frame: Frame): Buffer {
  const { key, trace, body } = frame
  if (key.length > keyLengthMax || !printable.test(key)) throw new Error(`not a key: ${key}`)
  const keyAt = trace === undefined ? 3 : 3 + traceBytes
  const bodyAt = keyAt + key.length + 4
  const bytes = Buffer.allocUnsafe(bodyAt + body.length)
  bytes[0] = version
  bytes[1] = trace === undefined ? 0 : tracedFlag
  if (trace !== undefined) writeTrace(trace, bytes, 2)
  bytes[keyAt - 1] = key.length
  bytes.write(key, keyAt, "latin1")
  bytes.writeUInt32BE(body.length, bodyAt - 4)
  bytes.set(body, bodyAt)
  return bytes
}

/** Several frames as one message. */
export function joinFrames(frames: ReadonlyArray<Buffer>): Buffer {
  const [only] = frames
  return frames.length === 1 && only !== undefined ? only : Buffer.concat(frames)
}

/** The frames of a message. Their bodies are views on its bytes. */
export function decodeFrames(message: Uint8Array): Result.Result<ReadonlyArray<Frame>, FrameRefused> {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  if (bytes.length === 0) return refused("EMPTY", 0)
  const frames: Array<Frame> = []
  let at = 0
  while (at < bytes.length) {
    const start = at
    if (bytes[start] !== version) return refused("VERSION", start)
    const flags = bytes[start + 1]
    if (flags === undefined) return refused("TRUNCATED", start)
    if (flags > tracedFlag) return refused("FLAGS", start)
    const traceEnd = start + 2 + (flags === tracedFlag ? traceBytes : 0)
    const keyAt = traceEnd + 1
    const keyEnd = keyAt + (bytes[traceEnd] ?? 0)
    const bodyAt = keyEnd + 4
    if (bodyAt > bytes.length) return refused("TRUNCATED", start)
    const key = bytes.toString("latin1", keyAt, keyEnd)
    if (!printable.test(key)) return refused("KEY", start)
    at = bodyAt + bytes.readUInt32BE(keyEnd)
    if (at > bytes.length) return refused("TRUNCATED", start)
    const trace = flags === tracedFlag ? readTrace(bytes, start + 2) : undefined
    frames.push({ key, trace, body: bytes.subarray(bodyAt, at) })
  }
  return Result.succeed(frames)
}

const refused = (reason: FrameRefused["reason"], at: number) => Result.fail(new FrameRefused({ reason, at }))
