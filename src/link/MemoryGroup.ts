/**
 * A consumer group as the memory twin of the log keeps it: partitions divided among readers, one fiber for each, how far
 * the group has read, and what moves when a reader comes, goes or is no longer heard of. Owns no records.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { MemoryPartition } from "./MemoryPartition.ts"
import { assignedGoBackMs, type ConsumeOptions, handleRecordsMax } from "./TopicLog.ts"

/** How long a partition's new reader waits for the old one's handler to end, as Kafka does (rule L10). */
const rebalanceTimeout = "5 seconds"
/** How long a handler that has died is left alone before it is given the same records again. */
const deadHandlerPause = "1 second"

export interface Reader {
  /** The connection it reads through. */
  readonly name: string
  readonly topics: ReadonlyArray<string>
  readonly handle: ConsumeOptions["handle"]
  readonly assigned: ConsumeOptions["assigned"]
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly nowMs: () => number
  /** What it reads now. */
  pumps: ReadonlyArray<Pump>
}

/** One partition being read by one reader. */
interface Pump {
  readonly partition: MemoryPartition
  /** The group's epoch in which it was assigned: in another it reads no further and commits nothing. */
  readonly epoch: number
  position: number
  /** Where it was told to go on, while its handler was running. */
  sought: number | undefined
  /** Ends its waiting for records. */
  wake: (() => void) | undefined
  fiber: Fiber.Fiber<void> | undefined
}

export class MemoryGroup {
  private readonly partitionsOf: (topic: string) => ReadonlyArray<MemoryPartition>
  private readonly readers: Array<Reader> = []
  private readonly committed = new Map<MemoryPartition, number>()
  /** Who is woken when a partition grows. */
  private readonly pumps = new Map<MemoryPartition, Pump>()
  private epoch = 0

  constructor(partitionsOf: (topic: string) => ReadonlyArray<MemoryPartition>) {
    this.partitionsOf = partitionsOf
  }

  /** The offset up to which a partition has been read, if this group reads it. */
  readTo(partition: MemoryPartition): number | undefined {
    return this.committed.get(partition)
  }

  // --- Who reads ---

  join(reader: Reader): void {
    this.readers.push(reader)
    this.rebalance([])
  }

  /** Ends when its handlers have ended. */
  leave(reader: Reader): Effect.Effect<void> {
    const own = fibersOf(reader)
    this.remove(reader)
    this.rebalance(own)
    return Effect.asVoid(Fiber.awaitAll(own))
  }

  /** The group has not heard of a connection for too long: others read on, its own handlers know nothing of it (F21). */
  evict(name: string): ReadonlyArray<Reader> {
    const evicted = this.readers.filter((reader) => reader.name === name)
    if (evicted.length === 0) return evicted
    evicted.forEach((reader) => {
      this.remove(reader)
    })
    this.rebalance([])
    return evicted
  }

  private remove(reader: Reader): void {
    const at = this.readers.indexOf(reader)
    if (at >= 0) this.readers.splice(at, 1)
  }

  /** Stops everything, then divides the partitions anew: what was under way comes again, at its new reader. */
  private rebalance(leaving: ReadonlyArray<Fiber.Fiber<void>>): void {
    this.epoch++
    const stopped = [...leaving, ...this.readers.flatMap(fibersOf)]
    for (const fiber of stopped) fiber.interruptUnsafe()
    const shares = new Map<Reader, Array<Pump>>(this.readers.map((reader) => [reader, []]))
    for (const topic of new Set(this.readers.flatMap((reader) => reader.topics))) {
      const readers = this.readers.filter((reader) => reader.topics.includes(topic))
      this.partitionsOf(topic).forEach((partition, at) => {
        const reader = readers[at % readers.length]
        if (reader !== undefined) shares.get(reader)?.push(this.assign(partition, reader.nowMs()))
      })
    }
    const ended = stopped.filter((fiber) => fiber.pollUnsafe() === undefined)
    this.pumps.clear()
    for (const [reader, pumps] of shares) {
      reader.pumps = pumps
      for (const pump of pumps) {
        this.pumps.set(pump.partition, pump)
        reader.assigned?.(pump.partition.topic, pump.partition.partition)
        pump.fiber = reader.fork(this.run(pump, reader, ended))
      }
    }
  }

  private assign(partition: MemoryPartition, nowMs: number): Pump {
    const committed = this.committed.get(partition) ?? partition.earliest
    this.committed.set(partition, committed)
    // Of a group that was away itself, a minute before what it read last: that may be lost, too (rule L11).
    const sinceMs = Math.min(nowMs, partition.timeBefore(committed)) - assignedGoBackMs
    const position = Math.min(committed, partition.offsetAt(sinceMs))
    return { partition, epoch: this.epoch, position, sought: undefined, wake: undefined, fiber: undefined }
  }

  // --- Reading ---

  private run(pump: Pump, reader: Reader, before: ReadonlyArray<Fiber.Fiber<void>>): Effect.Effect<void> {
    const read = Effect.whileLoop({
      while: () => pump.epoch === this.epoch,
      body: () => this.step(pump, reader),
      step: () => {}
    })
    // Never in the stack of whoever joins: a handler may need the Reading that its `consume` has yet to answer.
    if (before.length === 0) return Effect.andThen(Effect.yieldNow, read)
    return Fiber.awaitAll(before).pipe(Effect.timeoutOption(rebalanceTimeout), Effect.andThen(read))
  }

  /** Hands over what has arrived meanwhile, or waits for it. */
  private step(pump: Pump, reader: Reader): Effect.Effect<void> {
    const records = pump.partition.from(pump.position, handleRecordsMax)
    const last = records.at(-1)
    if (last === undefined) {
      pump.position = Math.max(pump.position, pump.partition.earliest) // what it was to go back to may be gone
      return waiting(pump)
    }
    pump.sought = undefined
    return Effect.matchCauseEffect(reader.handle(records), {
      onSuccess: () => {
        this.handled(pump, last.offset + 1)
        return Effect.void
      },
      onFailure: (cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.logError("a handler died and is given the same records again", cause).pipe(
              Effect.andThen(Effect.sleep(deadHandlerPause))
            )
    })
  }

  private handled(pump: Pump, next: number): void {
    if (pump.epoch !== this.epoch) return // the partition is another's by now: the commit is refused
    pump.position = pump.sought ?? next
    this.committed.set(pump.partition, pump.position)
  }

  /** Wakes whoever waits for records of this partition. */
  wake(partition: MemoryPartition): void {
    this.pumps.get(partition)?.wake?.()
  }

  /** Every partition of this reader goes back to the first record of this time or later; none goes on by it. */
  goBack(reader: Reader, ms: number): void {
    for (const pump of reader.pumps) {
      const offset = pump.partition.offsetAt(ms)
      if (offset < pump.position) goTo(pump, offset)
    }
  }

  seek(reader: Reader, topic: string, partition: number, offset: number): void {
    const pump = reader.pumps.find((each) => each.partition.topic === topic && each.partition.partition === partition)
    if (pump !== undefined) goTo(pump, offset)
  }
}

// --- internal ---

const fibersOf = (reader: Reader): ReadonlyArray<Fiber.Fiber<void>> => reader.pumps.flatMap((pump) => pump.fiber ?? [])

function goTo(pump: Pump, offset: number): void {
  pump.position = offset
  pump.sought = offset // holds also against the handler that is running
  pump.wake?.()
}

const waiting = (pump: Pump): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    // Between the look and the wait the fiber may have yielded, and something have come.
    if (pump.position < pump.partition.end) return resume(Effect.void)
    pump.wake = () => {
      pump.wake = undefined
      resume(Effect.void)
    }
  })
