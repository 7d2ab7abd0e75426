/**
 * Each guarantee of the design at least once under the fault that threatens it most, with real processes: a few phones, two
 * runners, a watcher, and Redis and Kafka of their own, and the rows of `npm run chaos` once each. What is judged is what
 * came of it, never how long anything took. The seed is printed with what is found; the whole matrix is
 * `npm run chaos -- --all`.
 */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { withServices } from "../services/Services.ts"
import { readLog, usual } from "./Campaign.ts"
import { Cluster } from "./Cluster.ts"
import type { Request } from "./Lines.ts"
import { consumerKilled } from "./rows/Kafka.ts"
import { reconnects } from "./rows/Phones.ts"
import { emptied } from "./rows/Redis.ts"
import { killed, stopped, zombie } from "./rows/Runners.ts"
import { play, type Row } from "./Scene.ts"

const startMs = 300_000
const testMs = 240_000
const phones = 8
const seed = 20_261_123

/** What is promised, and the row that would show it broken. */
const guarantees: ReadonlyArray<readonly [promise: string, row: Row]> = [
  ["resume anywhere: place, number, and what was missed", reconnects],
  ["Redis can be emptied: presence is back, and all are told", emptied],
  ["no ghosts, no one lost, when a runner is killed", killed],
  ["fenced: a frozen runner that comes back changes nothing", zombie],
  ["effect once: whoever reads the log is killed between effect and mark", consumerKilled],
  ["a graceful stop hands over at once", stopped]
]

await withServices("under chaos", ["redis", "kafka", "zookeeper"], ({ zookeeper }) => {
  let cluster: Cluster
  const requests: Array<Request> = []

  beforeAll(async () => {
    cluster = await Cluster.start({
      ...usual,
      runners: ["one", "two"],
      watchers: 1,
      sessionMs: 4_000,
      graceMs: 10_000,
      wired: [],
      // No row of these does anything to it.
      given: { zookeeper }
    })
  }, startMs)
  afterAll(() => cluster?.[Symbol.asyncDispose](), startMs)

  it.each([...guarantees.entries()].map(([run, [promise, row]]) => [promise, row.id, row, run] as const))(
    "%s (%s)",
    { timeout: testMs },
    async (_, id, row, run) => {
      const finding = await play(row, { cluster, run, seed: seed + run, phones, linesPerSecond: 10, isQuick: true })
      requests.push(...finding.requests)
      assert.deepStrictEqual(finding.complaints, [], `${id}, seed ${seed + run}`)
    }
  )

  it("and the log says of every request what its phone was told", { timeout: testMs }, async () => {
    assert.isNotEmpty(requests.filter(({ key, outcome }) => key === "say" && outcome === "done"))
    assert.isNotEmpty(requests.filter(({ key }) => key === "give"))
    assert.deepStrictEqual(await readLog(cluster, requests), [])
  })
})
