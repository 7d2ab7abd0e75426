/**
 * A member of a group for as long as its scope is open (rules L10, L11): when it joins, where it begins in what it is
 * assigned, who runs what when partitions come and go, what is committed, and beginning anew when the client gives up.
 * Owns no records: those are with the partitions (AssignedPartition).
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { assignedGoBackMs, type ConsumeOptions } from "../TopicLog.ts"
import { AssignedPartition, type Handle } from "./AssignedPartition.ts"
import {
  type Admin,
  type Consumer,
  type Incoming,
  type KafkaClient,
  type TopicPartition,
  within
} from "./KafkaClient.ts"
import { incoming } from "./RecordHeaders.ts"

/** A starting reader leaves the others alone for so long: joining stops everybody's partitions (rule L10). */
const joinPause = "4 seconds"
const restartPause = "500 millis"
const askAgainPause = "500 millis"
/** The group's offset is a hint, so it is written now and then (rule L11). */
const commitPause = "1 second"
/** How long a partition's new fiber waits for the handler of the old one (rule L10). */
const rebalanceTimeout = "5 seconds"
const askTimeoutMs = 5_000
/** What is not done by then goes on behind: a process that ends need not wait for a broker that does not answer. */
const closeTimeoutMs = 3_000

export interface ReaderOptions {
  readonly client: KafkaClient
  /** Names as the broker has them. */
  readonly group: string
  readonly topics: ReadonlyArray<string>
  /** The name that a topic of the broker's has for everybody else. */
  readonly ownName: (brokerTopic: string) => string
  readonly handle: Handle
  readonly assigned: ConsumeOptions["assigned"]
}

/** Where a partition is begun: at the lesser. */
interface Position {
  readonly at: TopicPartition
  readonly next: number
  readonly committed: number
}

export class Reader {
  private readonly options: ReaderOptions
  private readonly fork: <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>
  private partitions: ReadonlyArray<AssignedPartition> = []
  /** What runs: finding where to begin, then one fiber for each partition; of former assignments what has yet to end. */
  private readonly fibers = new Set<Fiber.Fiber<unknown>>()
  /** Counts the assignments and their ends. */
  private assignment = 0
  /** When all had to go back for the last time, and how far: so far goes, too, what is assigned just then. */
  private wentBack = { atMs: Number.NEGATIVE_INFINITY, toMs: 0 }
  /** The broker is being asked where that is, and asked anew should they have to go back again meanwhile. */
  private isGoingBack = false
  /** Whose word counts: one that is leaving may be assigned something yet. */
  private consumer: Consumer | undefined

  constructor(options: ReaderOptions, context: Context.Context<never>) {
    this.options = options
    this.fork = Effect.runForkWith(context)
  }

  /** Reads until it is interrupted; then leaves the group before anything else stops. */
  readonly run: Effect.Effect<never> = Effect.suspend(() =>
    Effect.andThen(
      this.turn,
      Effect.forever(
        this.membership.pipe(
          Effect.catchCause((cause) => Effect.logWarning(`reading as ${this.options.group} is begun anew`, cause)),
          Effect.andThen(Effect.sleep(restartPause))
        )
      )
    )
  )

  /** Every partition goes back to the first record of this time or later; asks until the broker has answered. */
  goBack(ms: number): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
      // Whoever has yet to go back goes as far as the furthest.
      this.wentBack = { atMs: nowMs, toMs: this.isGoingBack ? Math.min(ms, this.wentBack.toMs) : ms }
      if (this.isGoingBack) return Effect.void
      this.isGoingBack = true
      return Effect.ensuring(
        this.goingBack,
        Effect.sync(() => {
          this.isGoingBack = false
        })
      )
    })
  }

  private get goingBack(): Effect.Effect<void> {
    const { partitions, wentBack } = this
    if (partitions.length === 0) return Effect.void
    return Effect.flatMap(
      this.asked((admin) => offsetsAt(admin, partitions, this.wentBack.toMs)),
      (offsets) => {
        // As they are now: one that was assigned anew meanwhile may stand before where it stood when this was asked.
        for (const partition of this.partitions) partition.goBack(offsets.get(nameOf(partition)) ?? partitionEnd)
        return wentBack === this.wentBack ? Effect.void : this.goingBack
      }
    )
  }

  seek(topic: string, partition: number, offset: number): void {
    this.partitions.find((each) => each.topic === topic && each.partition === partition)?.seek(offset)
  }

  // --- In the group ---

  private readonly turn: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(
      this.asked((admin) => admin.hasMembers(this.options.group)),
      (hasMembers) => (hasMembers ? Effect.sleep(joinPause) : Effect.void)
    )
  )

  /** One life of a consumer. */
  private readonly membership: Effect.Effect<void, unknown> = Effect.suspend(() => {
    const failed = Deferred.makeUnsafe<never, unknown>()
    const consumer = this.options.client.consumer(this.options.group, this.options.topics, {
      assigned: (partitions) => this.consumer === consumer && this.assigned(consumer, partitions),
      revoked: () => this.consumer === consumer && this.revoked(),
      received: (at, records) => this.consumer === consumer && this.received(at, records),
      failed: (cause) => Deferred.doneUnsafe(failed, Effect.fail(cause))
    })
    this.consumer = consumer
    const reading = Effect.andThen(
      Effect.tryPromise({ try: () => consumer.start(), catch: (cause) => cause }),
      Effect.forever(Effect.andThen(Effect.sleep(commitPause), this.commit(consumer)))
    )
    return Effect.raceFirst(Deferred.await(failed), reading).pipe(Effect.ensuring(this.leave(consumer)))
  })

  private leave(consumer: Consumer): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.consumer = undefined
      yield* Effect.timeoutOption(Fiber.awaitAll(this.revoked()), rebalanceTimeout)
      yield* this.commit(consumer)
      this.partitions = []
      yield* Effect.ignore(Effect.tryPromise(() => within(closeTimeoutMs, "leaving", consumer.close())))
    })
  }

  /** Failing matters little: the next reader goes back far enough. */
  private commit(consumer: Consumer): Effect.Effect<void> {
    return Effect.suspend(() => {
      const offsets = this.partitions.flatMap((partition) => partition.toCommit() ?? [])
      if (offsets.length === 0) return Effect.void
      return Effect.tryPromise(() => within(closeTimeoutMs, "committing", consumer.commit(offsets))).pipe(
        Effect.catch(({ cause }) => Effect.logDebug("offsets were not committed", cause))
      )
    })
  }

  // --- What is assigned ---

  private assigned(consumer: Consumer, assigned: ReadonlyArray<TopicPartition>): void {
    const before = this.revoked()
    this.partitions = []
    const assignment = ++this.assignment
    const begin = Effect.map(this.positions(assigned), (partitionsAt) => {
      if (assignment !== this.assignment) return
      this.partitions = partitionsAt.map(({ at, next, committed }) => {
        this.options.assigned?.(this.options.ownName(at.topic), at.partition)
        const partition = new AssignedPartition(consumer, at, committed)
        partition.goBack(next)
        return partition
      })
      const ended = Effect.timeoutOption(Fiber.awaitAll(before), rebalanceTimeout)
      for (const partition of this.partitions) this.start(Effect.andThen(ended, partition.run(this.options.handle)))
      consumer.resume(assigned)
    })
    this.start(begin)
  }

  private start(effect: Effect.Effect<unknown>): void {
    const fiber = this.fork(effect)
    this.fibers.add(fiber)
    fiber.addObserver(() => this.fibers.delete(fiber))
  }

  /** Interrupts what is under way, so that it comes again at whoever is assigned it. Answers what has to end, also where it
   * was interrupted before: the client tells of an end, and then of what is assigned anew, perhaps several times. */
  private revoked(): ReadonlyArray<Fiber.Fiber<unknown>> {
    this.assignment++
    for (const fiber of this.fibers) fiber.interruptUnsafe()
    return [...this.fibers]
  }

  private received({ topic, partition }: TopicPartition, records: ReadonlyArray<Incoming>): void {
    const at = { topic: this.options.ownName(topic), partition }
    this.partitions
      .find((each) => each.topic === topic && each.partition === partition)
      ?.received(records.map((record) => incoming(record, at)))
  }

  /**
   * Where the group has come to, and the least of: where 60 s ago the end was, or so long ago as all had to go back since
   * then, and where it stood 60 s before what it handled last, which may be lost where it was away itself.
   */
  private positions(assigned: ReadonlyArray<TopicPartition>): Effect.Effect<ReadonlyArray<Position>> {
    const { group } = this.options
    const { wentBack } = this
    const found = Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
      const minuteAgoMs = nowMs - assignedGoBackMs
      const sinceMs = wentBack.atMs > minuteAgoMs ? Math.min(minuteAgoMs, wentBack.toMs) : minuteAgoMs
      return this.asked(async (admin) => {
        const then = await offsetsAt(admin, assigned, sinceMs)
        const committed = await perTopic(assigned, (topic) => admin.committed(group, topic))
        return assigned.map((at) => {
          const { offset, from } = committed.get(nameOf(at)) ?? fromTheBeginning
          return { at, next: Math.min(then.get(nameOf(at)) ?? partitionEnd, from), committed: offset }
        })
      })
    })
    // Had they to go back meanwhile, these were in nobody's hands.
    return Effect.flatMap(found, (all) => (wentBack === this.wentBack ? Effect.succeed(all) : this.positions(assigned)))
  }

  /** Asks the broker something, until it has answered. */
  private asked<A>(question: (admin: Admin) => Promise<A>): Effect.Effect<A> {
    const ask = async () => {
      const admin = await this.options.client.admin()
      return question(admin).finally(() => void admin.close().catch(() => {}))
    }
    const again: Effect.Effect<A> = Effect.tryPromise(() => within(askTimeoutMs, "asking", ask())).pipe(
      Effect.catch(({ cause }) =>
        Effect.logWarning("the broker could not be asked, and is asked again", cause).pipe(
          Effect.andThen(Effect.sleep(askAgainPause)),
          Effect.andThen(Effect.suspend(() => again))
        )
      )
    )
    return again
  }
}

// --- internal ---

const partitionEnd = Number.POSITIVE_INFINITY
const fromTheBeginning = { offset: 0, from: 0 }

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

const offsetsAt = (admin: Admin, of: ReadonlyArray<TopicPartition>, ms: number) =>
  perTopic(of, (topic) => admin.offsetsAt(topic, ms))

async function perTopic<A>(
  of: ReadonlyArray<TopicPartition>,
  ask: (topic: string) => Promise<ReadonlyMap<number, A>>
): Promise<ReadonlyMap<string, A>> {
  const topics = [...new Set(of.map(({ topic }) => topic))]
  const answers = await Promise.all(topics.map(async (topic) => [topic, await ask(topic)] as const))
  return new Map(
    answers.flatMap(([topic, byPartition]) =>
      Array.from(byPartition, ([partition, value]) => [nameOf({ topic, partition }), value] as const)
    )
  )
}
