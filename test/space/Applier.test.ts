/** The lasting path over the memory twins: rules L3 (L12, L13), L4 and L5. What is remembered: ApplierOutcomes. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import type { TopicLog } from "../../src/link/TopicLog.ts"
import type { Commit } from "../../src/space/SharedSpace.ts"
import { bucketOf } from "../../src/space/Timers.ts"
import { topicLagSeconds } from "../../src/telemetry/Metrics.ts"
import { withWallClock } from "../WallClock.ts"
import { applying, plaza } from "./Applying.ts"
import {
  appendTo,
  channelTopic,
  countedBeside,
  encoded,
  factTopic,
  found,
  guestTopic,
  line,
  outcome,
  tag,
  whisper
} from "./Asking.ts"
import { LogWatch, listen, pass, reader, settle, spaceAway, Twins, until } from "./Harness.ts"

const recordsOf = (commits: ReadonlyArray<Commit>): ReadonlyArray<number> =>
  commits.map(({ guard }) => (guard._tag === "Applied" ? guard.records.length : 0))

describe("L3: applied", () => {
  it.effect("a record read twice changes nothing, is not answered again, and is not late", () =>
    Effect.gen(function* () {
      const { twins, first, told, say } = yield* plaza()
      yield* say(line({ id: 1 }), line({ id: 2 }), line({ id: 3 }))
      yield* until("three lines", () => told().length === 3)
      const before = outcome(twins)
      const lag = topicLagSeconds.of(channelTopic)
      const lagBefore = lag.value
      yield* TestClock.adjust("1 minute")
      yield* first.reading.goBack(0)
      yield* settle
      assert.strictEqual(lag.value, lagBefore)
      assert.deepStrictEqual(outcome(twins), before)
      assert.strictEqual(before.count, 3)
      assert.lengthOf(told(), 3)
    })
  )

  /** A runner frozen before its commit, while another applies the record; how often the plaza heard of it. */
  const zombie = Effect.fnUntraced(function* (instead: (commit: Commit) => Commit) {
    const { twins, first, say } = yield* plaza()
    const heard = yield* listen(twins, tag)
    const frozen = yield* Deferred.make<void>()
    first.watch.instead = instead
    first.watch.before = () => Deferred.await(frozen)
    yield* say(line({ id: 1 }))
    yield* settle
    assert.lengthOf(heard, 0)
    twins.broker.evict("r1") // the group has not heard of it for too long; it knows nothing of that
    const second = yield* applying(twins, { id: "r2" })
    yield* until("the other has applied it", () => heard.length === 1)
    yield* Deferred.succeed(frozen, undefined)
    yield* settle
    assert.deepStrictEqual([first.decided, second.decided], [[1], [1]])
    return heard.length
  })

  it.effect("a zombie that applies the same record changes nothing", () =>
    Effect.gen(function* () {
      // First a space that ignores the mark: it must be seen.
      const ignoring = (commit: Commit): Commit => ({ ...commit, guard: { _tag: "Compared" }, reads: [], changes: [] })
      assert.strictEqual(yield* zombie(ignoring), 2)
      assert.strictEqual(yield* zombie((commit) => commit), 1)
    })
  )

  it.effect("a missing tag, or one of an older generation, applies nothing and holds nobody up (L12, L13)", () =>
    Effect.gen(function* () {
      const { twins, first, say } = yield* plaza()
      found(twins, { self: { ...first.self, generation: { era: 1, n: 0 } } }, "park/2")
      const elsewhere = ["park/3", "park/2"]
      for (const channel of elsewhere) yield* say(line({ id: 1 }, channel))
      yield* settle
      assert.deepStrictEqual(first.decided, [])
      // The same partitions go on.
      for (const channel of elsewhere) found(twins, first, channel)
      for (const channel of elsewhere) yield* say(line({ id: 2 }, channel))
      yield* until("both are applied", () => elsewhere.every((channel) => outcome(twins, channel).count === 1))
    })
  )

  it.effect("a channel that may yet be put back is waited for, with what was asked in this generation (L11)", () =>
    Effect.gen(function* () {
      const { twins, first, say } = yield* plaza()
      const { era, n } = first.self.generation
      // That something was asked there in this generation is the first that is heard of it.
      assert.strictEqual(first.self.unsettledMs(), 0)
      yield* say(
        line({ id: 1, generation: `${era}.${n - 1}` }, "park/3"),
        line({ id: 2, generation: `${era}.${n}` }, "park/3")
      )
      yield* settle
      assert.deepStrictEqual(first.decided, [])
      found(twins, first, "park/3")
      yield* TestClock.adjust("1 second")
      yield* until("the second is applied", () => outcome(twins, "park/3").count === 1)
      assert.isAbove(first.self.unsettledMs(), 0)
      // And no longer than runners take to put back what they hold: the partition goes on.
      yield* say(line({ id: 3, generation: `${era}.${n}` }, "park/4"))
      yield* pass(10)
      assert.strictEqual(first.self.unsettledMs(), 0)
      found(twins, first, "park/4")
      yield* say(line({ id: 4, generation: `${era}.${n}` }, "park/4"))
      yield* until("what came later is applied", () => outcome(twins, "park/4").count === 1)
    })
  )

  it.effect(
    "what a runner asked that had not heard of the generation yet is not applied, before and after what is (L13)",
    () =>
      Effect.gen(function* () {
        const { first, say, told } = yield* plaza()
        const { era, n } = first.self.generation
        const before = `${era}.${n - 1}`
        const now = `${era}.${n}`
        yield* say(line({ id: 1, generation: before }), line({ id: 2, generation: now }))
        const again = line({ id: 2, generation: now, ask: 6 })
        yield* say(line({ id: 3, generation: before }), again, line({ id: 4, generation: now }), line({ id: 5 }))
        yield* until("the last is applied", () => first.decided.length === 3)
        assert.deepStrictEqual(first.decided, [2, 5, 6])
        // What is remembered of the second is not taken for that of another.
        yield* until("all are answered", () => told().length === 4)
        assert.deepStrictEqual(
          told().map(({ id, answer }) => `${id} ${answer}`),
          ["2 say 2", "2 say 2", "4 say 5", "5 say 6"]
        )
      })
  )
})

describe("L4: facts and sources", () => {
  it.effect("a source is taken in once", () =>
    Effect.gen(function* () {
      const { twins, first, say } = yield* plaza()
      found(twins, first, "g_B")
      yield* say(whisper({ id: 1, text: "a" }), whisper({ id: 2, text: "b" }))
      const mailbox = () => outcome(twins, "g_B", "mailbox").lines
      yield* until("both are there", () => mailbox().length === 2)
      // What was caused comes again, as after an append that was not known to have happened.
      const [partition] = twins.space.read({ tag: "g_B", keys: [] }).sources.values()
      const source = { topic: channelTopic, partition: partition?.partition ?? 0, index: 0 }
      const passed = {
        $type: "noriter.topic.v1.WhisperPassed",
        guest: "g_B",
        member: 1,
        nickname: "",
        text: "again",
        atMs: 0,
        speaker: ""
      } as const
      const again = (offset: number) => encoded(passed, { ...source, offset })
      yield* first.log.append(guestTopic, [again(0), again(1), again(2)])
      yield* until("what is new is there", () => mailbox().length === 3)
      assert.deepStrictEqual(
        mailbox().map((text) => text.split(" ")[0]),
        ["a", "b", "again"]
      )
    })
  )

  it.effect("the next record is decided when the facts of this one are on the log", () =>
    Effect.gen(function* () {
      const { twins, first, say, appends } = yield* plaza()
      const gate = yield* Deferred.make<void>()
      appends.before = (topic) => (topic === factTopic ? Deferred.await(gate) : Effect.void)
      const facts = yield* reader(twins, factTopic)
      yield* say(line({ id: 1 }))
      yield* until("the first is decided", () => outcome(twins).count === 1)
      yield* say(line({ id: 2 }))
      yield* settle
      assert.deepStrictEqual(first.decided, [1])
      yield* Deferred.succeed(gate, undefined)
      yield* until("both facts are on the log", () => facts.length === 2)
      assert.deepStrictEqual(first.decided, [1, 2])
      assert.deepStrictEqual(
        facts.map(({ source }) => [source?.topic, source?.offset, source?.index]),
        [
          [channelTopic, 0, 0],
          [channelTopic, 1, 0]
        ]
      )
      assert.deepStrictEqual(twins.space.read({ tag, keys: [] }).factsWaiting, [])
    })
  )

  it.effect("facts that wait in the tag are sent by whoever comes next", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const facts = yield* reader(twins, factTopic)
      const life = yield* Scope.make()
      const log = new LogWatch()
      log.before = (topic) => (topic === factTopic ? Effect.never : Effect.void)
      const first = yield* applying(twins, { log }).pipe(Scope.provide(life))
      found(twins, first)
      yield* appendTo(first.log, line({ id: 1 }))
      yield* until("it is decided", () => outcome(twins).count === 1)
      yield* Scope.close(life, Exit.void) // the runner dies between its commit and the log
      assert.lengthOf(facts, 0)
      const second = yield* applying(twins, { id: "r2" })
      yield* until("the fact is on the log", () => facts.length === 1)
      yield* appendTo(second.log, line({ id: 2 }))
      yield* until("and the next", () => facts.length === 2)
      assert.deepStrictEqual(second.decided, [2])
    })
  )

  it.effect("what asks another tag is answered when that is on the log, sent again in the same turn too", () =>
    Effect.gen(function* () {
      const { told, first, appends } = yield* plaza()
      const gate = yield* Deferred.make<void>()
      appends.before = (topic) => (topic === guestTopic ? Deferred.await(gate) : Effect.void)
      const both = [whisper({ id: 1, ask: 10 }), whisper({ id: 1, ask: 11 })].map((one) => encoded(one))
      yield* first.log.append(channelTopic, both)
      yield* settle
      assert.deepStrictEqual(told(), [])
      yield* Deferred.succeed(gate, undefined)
      yield* until("both are answered", () => told().length === 2)
      assert.deepStrictEqual(first.decided, [1])
    })
  )
})

describe("L5: read, decide, commit", () => {
  it.effect("a version that has changed is decided anew; after eight times it waits a while", () =>
    Effect.gen(function* () {
      for (const conflicts of [1, 7, 8]) {
        const { twins, first, say } = yield* plaza()
        let left = conflicts
        first.watch.before = () =>
          Effect.sync(() => {
            if (left-- > 0) twins.space.commit(countedBeside(first, 10 * (conflicts - left)))
          })
        yield* say(line({ id: 1 }))
        yield* settle
        assert.lengthOf(first.decided, Math.min(conflicts + 1, 8))
        yield* TestClock.adjust("100 millis")
        yield* until("it is decided", () => first.decided.length === conflicts + 1)
        assert.strictEqual(outcome(twins).count, 10 * conflicts + 1)
        assert.lengthOf(outcome(twins).lines, 1)
      }
    })
  )

  it.effect("consecutive records of one tag go in one commit, at most 100, each with its own seq and answer", () =>
    Effect.gen(function* () {
      const { twins, first, told } = yield* plaza()
      yield* first.log.append(
        channelTopic,
        Array.from({ length: 250 }, (_, at) => encoded(line({ id: at + 1, session: `s${at}` })))
      )
      yield* until("all are answered", () => told().length === 250)
      assert.deepStrictEqual(recordsOf(first.watch.commits), [100, 100, 50])
      assert.deepStrictEqual(
        told(),
        Array.from({ length: 250 }, (_, at) => ({ id: at + 1, ask: at + 1, answer: `say ${at + 1}` }))
      )
      // Each line names the one before it, over the bounds of commits too.
      assert.deepStrictEqual(
        outcome(twins).lines.map((text) => text.split(" ").slice(-2).map(Number)),
        Array.from({ length: 250 }, (_, at) => [at + 1, at])
      )
      assert.strictEqual(outcome(twins).count, 250)
    })
  )

  it.effect("records of two tags are not mixed", () =>
    Effect.gen(function* () {
      const { twins, first, told } = yield* plaza()
      const other = sameChannelPartition(first)
      found(twins, first, other)
      const channels = [tag, tag, other, tag]
      yield* first.log.append(
        channelTopic,
        channels.map((channel, at) => encoded(line({ id: at + 1 }, channel)))
      )
      yield* until("all are answered", () => told().length === 4)
      assert.deepStrictEqual(
        first.watch.commits.map(({ tag: to }) => to),
        [tag, other, tag]
      )
      assert.deepStrictEqual([outcome(twins).count, outcome(twins, other).count], [3, 1])
    })
  )

  it.effect("a timer is named in its bucket before it is set, and again when its record is read again (T1)", () =>
    Effect.gen(function* () {
      const { twins, first, say, told } = yield* plaza()
      const bucket = bucketOf(tag)
      const named = () => twins.space.due(bucket, Number.MAX_SAFE_INTEGER, 9)
      yield* say(line({ id: 1, text: `timer ${tag}` }))
      yield* until("it is answered", () => told().length === 1)
      assert.deepStrictEqual(first.watch.tags, [bucket, tag])
      const [key = ""] = named()
      assert.strictEqual(key, `${tag}/${(twins.space.due(tag, Number.MAX_SAFE_INTEGER, 9)[0] ?? "").slice(6)}`)
      // The node of a cluster that holds the bucket has lost it.
      twins.space.commit({ ...countedBeside(first, 0), tag: bucket, changes: [{ _tag: "Delete", key }] })
      assert.deepStrictEqual(named(), [])
      yield* first.reading.goBack(0)
      yield* until("it is named again", () => named().length === 1)
      assert.deepStrictEqual([named(), first.decided.length, told().length], [[key], 1, 1])
    })
  )

  it.effect("a passing fault is retried in place (L8)", () =>
    Effect.gen(function* () {
      const { twins, first, say, told } = yield* plaza()
      let faults = 5
      first.watch.before = () => Effect.suspend(() => (faults-- > 0 ? Effect.fail(spaceAway) : Effect.void))
      yield* say(line({ id: 1 }), line({ id: 2 }))
      yield* settle
      assert.strictEqual(outcome(twins).count, 0)
      for (let second = 0; second < 5; second++) yield* TestClock.adjust("1 second")
      yield* until("both are answered", () => told().length === 2)
      assert.strictEqual(outcome(twins).count, 2)
    })
  )
})

/** Two lines are said and answered, and the space is saved as it was a second before the second. */
const savedBetween = Effect.gen(function* () {
  const { twins, first, say, told } = yield* plaza()
  yield* say(line({ id: 1 }))
  yield* until("it is answered", () => told().length === 1)
  const saved = twins.space.save()
  yield* TestClock.adjust("1 second")
  yield* say(line({ id: 2 }))
  yield* until("it is answered", () => told().length === 2)
  return { twins, first, say, saved }
})

describe("L11: going back", () => {
  it.effect("what a space has lost that was away for minutes is applied again, and in its order", () =>
    Effect.gen(function* () {
      const { twins, first, say, saved } = yield* savedBetween
      let isAway = true
      first.watch.before = () => Effect.suspend(() => (isAway ? Effect.fail(spaceAway) : Effect.void))
      yield* TestClock.adjust("1 second")
      yield* say(line({ id: 3 }))
      for (let second = 0; second < 90; second++) yield* TestClock.adjust("1 second")
      // Without its last second.
      twins.space.rewind(saved)
      isAway = false
      for (let second = 0; second < 3; second++) yield* TestClock.adjust("1 second")
      yield* until("the last is applied", () => outcome(twins).applied === 2)
      assert.strictEqual(outcome(twins).count, 3)
    })
  )

  it.effect("what a space has lost is applied again also where every runner was started anew, minutes later", () =>
    Effect.gen(function* () {
      const { twins, saved } = yield* Effect.scoped(savedBetween)
      twins.space.rewind(saved)
      yield* TestClock.adjust("10 minutes")
      yield* applying(twins, { id: "r2" })
      yield* until("the second is applied again", () => outcome(twins).applied === 1)
      assert.strictEqual(outcome(twins).count, 2)
    })
  )

  it.effect(
    "goes back on the log by the clock of its records, a minute before the space was heard of, and no further",
    () =>
      withWallClock((set) =>
        Effect.gen(function* () {
          set(24 * 3_600_000)
          const { twins, told, say, appends } = yield* plaza()
          yield* TestClock.adjust("10 minutes")
          yield* say(line({ id: 1 }))
          yield* until("it is answered", () => told().length === 1)
          twins.space.reconnect()
          assert.deepStrictEqual(appends.wentBackTo, [24 * 3_600_000 + 600_000 - 60_000])
        })
      )
  )
})

/** Another channel whose records lie in the same partition. */
const sameChannelPartition = ({ log }: { readonly log: TopicLog["Service"] }): string => {
  for (let channel = 2; ; channel++) {
    const other = `park/${channel}`
    if (log.partitionOf(channelTopic, other) === log.partitionOf(channelTopic, tag)) return other
  }
}
