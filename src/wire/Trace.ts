/**
 * Which trace a message belongs to, in the three forms it travels in: two texts, 24 bytes in a frame, a W3C traceparent
 * on the log. Owns the forms; whether a message is traced is telemetry's.
 */

/** A trace and the span in it that caused this. Lower-case hexadecimal, neither all zeros. */
export interface Trace {
  /** 32 digits. */
  readonly traceId: string
  /** 16 digits. */
  readonly spanId: string
}

export const traceBytes = 24

/** Version 00, sampled: what is not sampled is not sent at all. */
export const toTraceparent = (trace: Trace): string => `00-${trace.traceId}-${trace.spanId}-01`

const traceparent = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/

/** Undefined for what is none, as W3C asks: a bad one is ignored. Later versions may be longer than ours. */
export function fromTraceparent(text: string): Trace | undefined {
  const [whole, version, traceId, spanId, more] = traceparent.exec(text) ?? []
  if (whole === undefined || traceId === undefined || spanId === undefined) return undefined
  if (version === "00" && more !== undefined) return undefined
  return isTrace(traceId, spanId) ? { traceId, spanId } : undefined
}

export function writeTrace(trace: Trace, into: Buffer, at: number): void {
  into.write(trace.traceId, at, 16, "hex")
  into.write(trace.spanId, at + 16, 8, "hex")
}

/** Undefined where one of the two is all zeros. The caller has checked that the bytes are there. */
export function readTrace(from: Buffer, at: number): Trace | undefined {
  const traceId = from.toString("hex", at, at + 16)
  const spanId = from.toString("hex", at + 16, at + traceBytes)
  return isTrace(traceId, spanId) ? { traceId, spanId } : undefined
}

const zeros = /^0+$/
const isTrace = (traceId: string, spanId: string): boolean => !zeros.test(traceId) && !zeros.test(spanId)
