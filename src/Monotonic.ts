/**
 * Time for what this process measures by itself: how long ago something was, when to look again. A wall clock that is set
 * back by an hour would have all that wait for the hour. Owns the one reading for whoever goes by Effect's clock; where none
 * is at hand, `performance.now()` is the same. What others read, too, goes by `Clock.currentTimeMillis`: deadlines in the
 * shared space, times of records. It says nothing but differences, and may stand still with a machine that is suspended.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export const monotonicMsOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / nanosPerMs)

export const monotonicMs: Effect.Effect<number> = Clock.clockWith((clock) => Effect.sync(() => monotonicMsOf(clock)))

const nanosPerMs = 1_000_000n
