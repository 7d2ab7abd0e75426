/**
 * How often a session may ask what: a token bucket per key, and the count of its refused lines. Owns the arithmetic;
 * the rates are the proto's (gen/registry.ts), what is said and done to who is over them is the session's.
 */

/** What a route of the registry says. A rate of 0 is no bound. */
export interface Rated {
  readonly key: string
  readonly ratePerSecond: number
  readonly rateBurst: number
}

/** The rates of all keys, read once; sessions hold their buckets only. */
export class RateTable {
  readonly buckets: number
  private readonly rates = new Map<string, Rate>()

  constructor(rates: Iterable<Rated>) {
    for (const { key, ratePerSecond, rateBurst } of rates) {
      if (ratePerSecond === 0) continue
      const intervalMs = 1000 / ratePerSecond
      this.rates.set(key, { bucket: this.rates.size, intervalMs, aheadMs: (rateBurst - 1) * intervalMs })
    }
    this.buckets = this.rates.size
  }

  of(key: string): Rate | undefined {
    return this.rates.get(key)
  }
}

interface Rate {
  readonly bucket: number
  /** In which time there is one token more. */
  readonly intervalMs: number
  /** How far from full a bucket may be that still has one. */
  readonly aheadMs: number
}

/** Less than any clock tells: a phone that waited as long as it was told is not refused for a rounding. */
const roundingMs = 1e-6

/** One session's buckets. Of each it keeps when it will be full again: that says how many tokens it has at any time. */
export class Rates {
  private readonly table: RateTable
  /** Undefined: nothing was taken yet, and all are full. */
  private fullAt: Array<number> | undefined

  constructor(table: RateTable) {
    this.table = table
  }

  /** Takes a token of a key: 0, or in how many milliseconds there will be one. `nowMs` is monotonic. */
  take(key: string, nowMs: number): number {
    const rate = this.table.of(key)
    if (rate === undefined) return 0
    this.fullAt ??= new Array<number>(this.table.buckets).fill(nowMs)
    const fullAt = Math.max(this.fullAt[rate.bucket] ?? nowMs, nowMs)
    const afterMs = fullAt - rate.aheadMs - nowMs
    if (afterMs > roundingMs) return Math.ceil(afterMs - roundingMs)
    this.fullAt[rate.bucket] = fullAt + rate.intervalMs
    return 0
  }
}

const minuteMs = 60_000

/** Refused lines within a minute, or another time. */
export class RefusedCounter {
  private readonly max: number
  private readonly withinMs: number
  private count = 0
  private since = 0

  /** 0: no bound. */
  constructor(max: number, withinMs = minuteMs) {
    this.max = max
    this.withinMs = withinMs
  }

  /** Counts one. True when it is one too many. The minute begins with the first refused line. */
  add(nowMs: number): boolean {
    if (this.count === 0 || nowMs - this.since >= this.withinMs) {
      this.count = 0
      this.since = nowMs
    }
    this.count++
    return this.max > 0 && this.count > this.max
  }
}
