/**
 * What a line must look like: names exactly, values exactly or by their shape. A name that is not expected is found as
 * surely as one that is missing, because names on the wire are for ever.
 */
import { assert } from "@effect/vitest"
import { isRecord } from "./Phone.ts"

/** A value by its shape: why it is not of it, or undefined. */
export class Like {
  readonly whyNot: (value: unknown) => string | undefined

  constructor(whyNot: (value: unknown) => string | undefined) {
    this.whyNot = whyNot
  }
}

export const text = (lengthMax = Number.POSITIVE_INFINITY): Like =>
  new Like((value) =>
    typeof value === "string" && value !== "" && value.length <= lengthMax ? undefined : `a text ≤ ${lengthMax}`
  )

export const matching = (pattern: RegExp): Like =>
  new Like((value) => (typeof value === "string" && pattern.test(value) ? undefined : `a text like ${pattern}`))

/** proto3 JSON leaves zero out, so a figure that may be zero may be absent: say `absentOr`. */
export const whole = (min = 1, max = Number.MAX_SAFE_INTEGER): Like =>
  new Like((value) =>
    typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
      ? undefined
      : `a whole number from ${min} to ${max}`
  )

export const absentOr = (like: Like): Like =>
  new Like((value) => (value === undefined ? undefined : like.whyNot(value)))

/** Fails with every place where the value differs. */
export function assertLike(value: unknown, shape: unknown): void {
  const differences = compare(value, shape, "")
  assert.deepStrictEqual(differences, [], `in ${JSON.stringify(value)}`)
}

function compare(value: unknown, shape: unknown, path: string): ReadonlyArray<string> {
  if (shape instanceof Like) {
    const wanted = shape.whyNot(value)
    return wanted === undefined ? [] : [`${path} is not ${wanted}: ${JSON.stringify(value)}`]
  }
  if (Array.isArray(shape) && Array.isArray(value) && shape.length === value.length) {
    return shape.flatMap((item: unknown, index) => compare(value[index], item, `${path}[${index}]`))
  }
  if (isRecord(shape) && isRecord(value)) {
    return [...new Set([...Object.keys(shape), ...Object.keys(value)])].flatMap((name) =>
      name in shape ? compare(value[name], shape[name], `${path}.${name}`) : [`${path}.${name} is not expected`]
    )
  }
  return Object.is(value, shape) ? [] : [`${path} is not ${JSON.stringify(shape)}: ${JSON.stringify(value)}`]
}
