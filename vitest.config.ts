/**
 * How tests run. Most files share processes, since loading what they test takes longer than testing it. Those of `apart`
 * have one each: they load the zookeeper addon, which ends a process whose worker threads are stopped early, or look at or
 * change what belongs to the whole process.
 */
import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

const all = ["test/**/*.test.ts"]
const apart = [
  "test/{contract,link,services}/**/*.test.ts",
  "test/long/{KafkaSilence,secured}.test.ts",
  // Is made of files that others load, too.
  "test/e2e/websocket.test.ts",
  "test/corpora/{port,websocket}.test.ts",
  "test/sim/plaza/*.test.ts"
]

/** Over the memory twins and a clock of the test's, or none: nothing of the machine can fail them. */
const exact = ["test/{bus,plaza,wire}/**/*.test.ts"]

/** Those that take longest begin first, and short ones fill up beside them. A clone knows nothing of earlier runs. */
const slowFirst = [
  "test/chaos/quick",
  "test/long/",
  "test/web/",
  "test/sim/",
  "test/codegen/CheckProtocol",
  "test/e2e/",
  "test/link/",
  "test/contract/",
  "test/corpora/"
]

/** Those of `apart` before the others: a process that is shared ends where its next file would have one of its own. */
class SlowFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const at = slowFirst.findIndex((part) => moduleId.includes(`/${part}`))
      return (project.name === "apart" ? 0 : slowFirst.length + 1) + (at === -1 ? slowFirst.length : at)
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}

export default defineConfig({
  test: {
    globalSetup: "test/services/Setup.ts",
    pool: "forks",
    // One more than there are cores: many wait for sessions and graces to end, and leave theirs to others.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: SlowFirst },
    // A machine that stands still for a second fails a test of real time that is right: it gets one more chance, and is
    // named at the end. Asserting less would let a fault pass that is there every time. (None for those of `exact`.)
    retry: 1,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      { extends: true, test: { name: "apart", include: apart } },
      { extends: true, test: { name: "together", include: all, exclude: [...apart, ...exact], isolate: false } },
      { extends: true, test: { name: "exact", include: exact, isolate: false, retry: 0 } }
    ]
  }
})
