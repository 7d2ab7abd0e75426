/**
 * Many runs of many rows: which cluster each is played on, with which seed, and what the log says in the end. A cluster is
 * used again for as long as nothing was found on it. Owns the clusters; says nothing by itself, what is found is told as
 * it comes.
 */
import { allConsumed, effectOnce, pouchesBalance, type ServerLog } from "./Checkers.ts"
import { Cluster, type Shape } from "./Cluster.ts"
import type { Request } from "./Lines.ts"
import { until } from "./Party.ts"
import { ledgerOf, pouchesIn } from "./Raw.ts"
import { type Finding, play, type Row } from "./Scene.ts"

export const usual: Shape = {
  runners: ["one", "two", "three"],
  watchers: 2,
  sessionMs: 6_000,
  graceMs: 15_000,
  wired: ["zookeeper"],
  inspected: false,
  variables: {}
}

export interface Part {
  readonly row: Row
  readonly runs: number
  readonly phones: number
  /** The seeds of its first runs, as findings name them; those of the others come from the campaign's. */
  readonly seeds: ReadonlyArray<number>
  /** Whether no further run is to begin. */
  readonly isOver?: () => boolean
}

export interface Told {
  readonly at: (what: string) => void
  /** With what servers printed since they began. */
  readonly found: (finding: Finding, logs: ReadonlyArray<ServerLog>) => void
}

const linesPerSecond = 10
const settledMsMax = 60_000

/** By the one seed of a campaign, so that any of its runs can be had again by itself. */
const seedOf = (seed: number, run: number): number => (Math.imul(seed + 1, 0x9e3779b1) + run * 0x85ebca6b) >>> 0

export class Campaign implements AsyncDisposable {
  private readonly shape: Shape
  private readonly told: Told
  private cluster: Cluster | undefined
  private requests: Array<Request> = []
  private runs = 0

  constructor(shape: Shape, told: Told) {
    this.shape = shape
    this.told = told
  }

  /** The parts in their order; those of one shape stand one after another. */
  static async run(parts: ReadonlyArray<Part>, seed: number, told: Told, given: Partial<Shape> = {}): Promise<void> {
    const byShape = Map.groupBy(parts, ({ row }) => JSON.stringify({ ...usual, ...row.shape, ...given }))
    for (const some of byShape.values()) {
      await using campaign = new Campaign({ ...usual, ...some[0]?.row.shape, ...given }, told)
      for (const part of some) await campaign.play(part, seed)
    }
  }

  private async play({ row, runs, phones, seeds, isOver = () => false }: Part, seed: number): Promise<void> {
    const why = row.isMissing?.()
    if (why !== undefined) return this.told.at(`${row.id} is not run: ${why}`)
    for (let run = 0; run < runs && !isOver(); run++) {
      this.told.at(`${row.id}, ${run + 1} of ${runs}: ${row.title}`)
      this.cluster ??= await Cluster.start(this.shape)
      const own = seeds[run] ?? seedOf(seed, run)
      const conditions = { cluster: this.cluster, run: this.runs++, seed: own, phones, linesPerSecond }
      const finding = await play(row, conditions)
      this.requests.push(...finding.requests)
      const isLast =
        run === runs - 1 || runs === Number.POSITIVE_INFINITY || finding.complaints.length > 0 || this.cluster.isSpent
      const complaints = isLast ? await readLog(this.cluster, this.requests.splice(0)) : []
      const all = { ...finding, complaints: [...finding.complaints, ...complaints] }
      this.told.found(all, this.cluster.logs())
      if (all.complaints.length > 0 || this.cluster.isSpent) await this.end()
    }
  }

  private async end(): Promise<void> {
    const { cluster } = this
    this.cluster = undefined
    this.requests = []
    await cluster?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }
}

/** What the log says of these requests, once everything that follows from them is on it. */
export async function readLog(
  { redis, urls, prefix }: Cluster,
  requests: ReadonlyArray<Request>
): Promise<ReadonlyArray<string>> {
  let complaints: ReadonlyArray<string> = []
  await until(settledMsMax, async () => {
    const ledger = await ledgerOf(urls.kafka, prefix)
    const pouches = await pouchesIn(redis, prefix)
    complaints = [...effectOnce(requests, ledger), ...allConsumed(ledger), ...pouchesBalance(pouches, ledger)]
    return complaints.length === 0
  }).catch((error: unknown) => {
    if (complaints.length === 0) throw error
  })
  return complaints
}
