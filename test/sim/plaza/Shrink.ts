/** The shortest schedule that still fails: what can be left out is left out, many steps at once and then each by itself. */
import type { Step } from "./Schedule.ts"

/** Leaves out as much as it can. `fails` is asked of shorter and shorter schedules. */
export const shrunk = (
  steps: ReadonlyArray<Step>,
  fails: (steps: ReadonlyArray<Step>) => boolean
): ReadonlyArray<Step> => {
  let left = steps
  for (let count = Math.ceil(steps.length / 2); count >= 1; ) {
    const shorter = without(left, count, fails)
    // Where something could go, more may go now.
    if (shorter === undefined) count = count === 1 ? 0 : Math.ceil(count / 2)
    else left = shorter
  }
  return left
}

/** Without some steps that follow each other; undefined: each of them is needed. */
const without = (
  steps: ReadonlyArray<Step>,
  count: number,
  fails: (steps: ReadonlyArray<Step>) => boolean
): ReadonlyArray<Step> | undefined => {
  for (let at = 0; at < steps.length; at += count) {
    const shorter = [...steps.slice(0, at), ...steps.slice(at + count)]
    if (fails(shorter)) return shorter
  }
  return undefined
}
