/** What tests of sessions see of the shared space, and how they have time pass. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { isObject } from "../../src/wire/Strict.ts"
import { settle, type Twins } from "../space/Harness.ts"
import { membersIn, sessionIn } from "../space/Members.ts"
import type { FakeConnection } from "./FakeConnection.ts"

/** Of the members in the first park. */
export const statesIn = (twins: Twins) => membersIn(twins, "park/1").map(({ state }) => state)

export const isGuest = (tag: string): boolean => tag.startsWith("g_")
/** Of all guests. */
export const sessionsIn = (twins: Twins) =>
  [...twins.space.save().tags.keys()].filter(isGuest).flatMap((guest) => sessionIn(twins, guest) ?? [])

export const tokenIn = ({ heard: [line] }: FakeConnection): string => {
  const said = line?.hello
  return isObject(said) ? String(said.resumeToken) : assert.fail("it has heard no hello")
}

/** Time passes a quarter of a second at a time, and what follows from it happens. */
export const pass = Effect.fnUntraced(function* (ms: number) {
  for (let left = ms; left > 0; left -= 250) {
    yield* TestClock.adjust(Math.min(left, 250))
    yield* settle
  }
})

/** Jitter of nothing: the test clock stays at whole milliseconds, as real ones do. */
export const unmoved = { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => 0.5 }
