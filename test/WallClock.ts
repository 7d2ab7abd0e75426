/** A wall clock that a test sets, beside a monotonic one that goes on as it did. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Runs a test that sets its clock by so many milliseconds when it likes. */
export const withWallClock = <A, E, R>(test: (set: (ms: number) => void) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Clock.Clock, (clock) => {
    let offMs = 0
    const set = (ms: number) => {
      offMs += ms
    }
    return Effect.provideService(
      test(set),
      Clock.Clock,
      off(clock, () => offMs)
    )
  })

const off = (clock: Clock.Clock, offMs: () => number): Clock.Clock => {
  const millis = () => clock.currentTimeMillisUnsafe() + offMs()
  const nanos = () => clock.currentTimeNanosUnsafe() + BigInt(offMs()) * 1_000_000n
  return {
    // What a test clock has besides is used, too.
    ...clock,
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
}
