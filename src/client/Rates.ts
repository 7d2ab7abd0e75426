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
  readonly all: ReadonlyArray<Rated>
  private readonly places = new Map<string, number>()

  constructor(rates: Iterable<Rated>) {
    this.all = Array.from(rates).filter((rated) => rated.ratePerSecond > 0)
    for (const [place, rated] of this.all.entries()) this.places.set(rated.key, place)
  }

  place(key: string): number | undefined {
    return this.places.get(key)
  }
}

/** One session's buckets, two numbers each: the tokens left, and when that was so. */
export class Rates {
  private readonly table: RateTable
  private readonly buckets: Array<number> = []

  constructor(table: RateTable, nowMs: number) {
    this.table = table
    for (const rated of table.all) this.buckets.push(rated.rateBurst, nowMs)
  }

  /** Takes a token of a key: 0, or in how many milliseconds there will be one. `nowMs` is monotonic. */
  take(key: string, nowMs: number): number {
    const place = this.table.place(key)
    if (place === undefined) return 0
    const rated = this.table.all[place]
    const left = this.buckets[2 * place]
    const at = this.buckets[2 * place + 1]
    if (rated === undefined || left === undefined || at === undefined) return 0
    const tokens = Math.min(left + ((nowMs - at) * rated.ratePerSecond) / 1000, rated.rateBurst)
    this.buckets[2 * place + 1] = nowMs
    if (tokens >= 1) {
      this.buckets[2 * place] = tokens - 1
      return 0
    }
    this.buckets[2 * place] = tokens
    return Math.max(1, Math.ceil(((1 - tokens) * 1000) / rated.ratePerSecond))
  }
}

const minuteMs = 60_000

/** Refused lines of one socket within a minute. Those refused for their rate are not told to it. */
export class RefusedCounter {
  private readonly perMinuteMax: number
  private count = 0
  private since = 0

  /** 0: no bound. */
  constructor(perMinuteMax: number) {
    this.perMinuteMax = perMinuteMax
  }

  /** Counts one. True when it is one too many: ABUSE. The minute begins with the first refused line. */
  add(nowMs: number): boolean {
    if (this.count === 0 || nowMs - this.since >= minuteMs) {
      this.count = 0
      this.since = nowMs
    }
    this.count++
    return this.perMinuteMax > 0 && this.count > this.perMinuteMax
  }
}
