/** A runner that applies what is asked of the log, and what a test of it looks at. */
import * as Effect from "effect/Effect"
import type { TopicRecord } from "../../gen/registry.ts"
import { answers, appendTo, decide, found } from "./Asking.ts"
import { apply, LogWatch, type RunnerOptions, runner, Twins } from "./Harness.ts"

/** A runner that applies. */
export const applying = Effect.fnUntraced(function* (twins: Twins, options: RunnerOptions = {}) {
  const decided: Array<number> = []
  const built = yield* runner(twins, options)
  yield* decide(built, decided)
  return { ...built, decided, reading: yield* apply(built) }
})

/** One that applies to park/1, and what a test looks at. */
export const plaza = Effect.fnUntraced(function* (options: RunnerOptions = {}) {
  const twins = new Twins()
  const log = options.log ?? new LogWatch()
  const told = yield* answers(twins)
  const first = yield* applying(twins, { ...options, log })
  found(twins, first)
  const say = (...messages: ReadonlyArray<TopicRecord>) => appendTo(first.log, ...messages)
  return { twins, first, told, say, appends: log }
})
