/**
 * Waiting for what a real service does in its own time: looked at again and again, with a bound. Not for what can be
 * awaited.
 */
import * as Effect from "effect/Effect"

const looksMax = 2_000
const between = "5 millis"

/** Ends with the first value that is there; dies, with what it was waiting for, after 10 s. */
const eventually = Effect.fnUntraced(function* <A>(what: string, look: () => A | undefined) {
  for (let looks = 0; looks < looksMax; looks++) {
    const found = look()
    if (found !== undefined) return found
    yield* Effect.sleep(between)
  }
  return yield* Effect.die(new Error(`waited in vain for ${what}`))
})

/** Ends when it is so. */
export const until = (what: string, isSo: () => boolean): Effect.Effect<void> =>
  Effect.asVoid(eventually(what, () => (isSo() ? true : undefined)))

let names = 0

/** A name that no other test and no earlier run has used: real services keep what was written. */
export const unique = (prefix: string): string =>
  `${prefix}-${process.pid}-${Date.now().toString(36)}-${(names++).toString(36)}`
