/**
 * How tests run: each file in a process of its own, because the zookeeper addon ends a process whose worker threads are
 * stopped early. Files that start real servers take longest, so they begin first and short ones fill up beside them.
 */
import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

const slowFirst = ["test/e2e/", "test/chaos/", "test/sim/", "test/contract/"]

class SlowFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const isSlow = (file: TestSpecification) => slowFirst.some((folder) => file.moduleId.includes(`/${folder}`))
    const sorted = await super.sort(files)
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))]
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/services/Setup.ts",
    pool: "forks",
    maxWorkers: Math.max(2, availableParallelism()),
    sequence: { sequencer: SlowFirst },
    // A machine that stands still for a second fails a test of real time that is right: it gets one more chance, and is
    // named at the end. Asserting less would let a fault pass that is there every time.
    retry: 1,
    testTimeout: 20_000,
    hookTimeout: 20_000
  }
})
