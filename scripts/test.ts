/**
 * `npm test`: all but what takes long (test/long), or those whose path contains one of the arguments; `npm run test:long`
 * is the rest. The last line of stdout is always `N passed, N failed`, with `, N skipped` where some were, so that a reader
 * and a machine find the verdict alike.
 */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { startVitest, type Vitest } from "vitest/node"
import { bundle } from "./bundle.ts"

const root = join(import.meta.dirname, "..")
// Hundreds of processes load the same modules: what V8 makes of them is kept for the next, here and in the next run.
process.env.NODE_COMPILE_CACHE ??= join(root, ".cache/compiled")

/** Where it all is, but what takes long. */
const usual = (): ReadonlyArray<string> =>
  readdirSync(join(root, "test"), { withFileTypes: true })
    .filter(({ name }) => name !== "long")
    .map((entry) => `test/${entry.name}${entry.isDirectory() ? "/" : ""}`)

interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** What did not even load counts as a failure, and so does an error that no test caught. */
function count(vitest: Vitest): Counts {
  const counts: Counts = { passed: 0, failed: vitest.state.getUnhandledErrors().length, skipped: 0 }
  for (const module of vitest.state.getTestModules()) {
    if (module.errors().length > 0) counts.failed++
    for (const suite of module.children.allSuites()) if (suite.errors().length > 0) counts.failed++
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      counts[state === "pending" ? "failed" : state]++
    }
  }
  return counts
}

/** Tests that failed once and passed when they were run again: each is told, for there is something to mend in it. */
function* unsteady(vitest: Vitest): Generator<string> {
  for (const module of vitest.state.getTestModules()) {
    for (const test of module.children.allTests()) {
      if (test.diagnostic()?.flaky !== true) continue
      const [error] = test.result().errors ?? []
      yield `unsteady: ${module.relativeModuleId} > ${test.fullName}: ${error?.message ?? "failed once"}\n`
    }
  }
}

const given = process.argv.slice(2)
// Both start servers by the dozen.
if (given.length === 0 || given.includes("test/long/")) process.env.SERVER_BUNDLE = await bundle()
const vitest = await startVitest("test", [...(given.length === 0 ? usual() : given)], {
  run: true,
  watch: false,
  reporters: ["default"]
})
const { passed, failed, skipped } = count(vitest)
const again = [...unsteady(vitest)]
await vitest.close()
const verdict = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`
// Exits by itself: a test may have left something open, and that must not hold up the verdict.
process.stdout.write(`\n${again.join("")}${verdict}\n`, () => process.exit(failed === 0 && passed > 0 ? 0 : 1))
