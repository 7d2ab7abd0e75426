/** What a process is: its incarnation, the generation it founds or finds, and the lease that says it lives (P7, E1, L12). */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { compareEpochs, type Incarnation } from "../../src/link/Roster.ts"
import { incarnationTag } from "../../src/space/Lease.ts"
import { commitOf } from "../contract/SharedSpaceCommits.ts"
import { pass, runner, settle, Twins } from "./Harness.ts"

const leaseOf = ({ space }: Twins, incarnation: string) => {
  const entry = space.read({ tag: incarnationTag(incarnation), keys: ["lease"] }).entries.get("lease")
  return entry && Number(Buffer.from(entry.value).readBigUInt64BE())
}

describe("Self", () => {
  it.effect("founds an empty space once; who comes later finds the generation", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const first = yield* runner(twins, { id: "r1" })
      const second = yield* runner(twins, { id: "r2" })
      assert.deepStrictEqual(first.self.generation, { era: 1, n: 1 })
      assert.deepStrictEqual(second.self.generation, first.self.generation)
      assert.deepStrictEqual(twins.space.readMarker(), first.self.generation)
    })
  )

  it.effect("a marker of another era is of another ensemble: a new generation begins (rule E1)", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      twins.space.writeMarker({ era: 0, n: 7 })
      const { self } = yield* runner(twins)
      assert.deepStrictEqual(self.generation, { era: 1, n: 1 })
      assert.deepStrictEqual(twins.space.readMarker(), self.generation)
      assert.isAbove(self.unsettledMs(), 0, "others may hold what that generation had")
    })
  )

  it.effect("several that find it empty at once go on in one generation", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const first = yield* runner(twins, { id: "r1" })
      // As if the second had raised it before the first wrote its marker: the one that stands is the one that counts.
      twins.ensemble.raise(first.self.generation)
      const second = yield* runner(twins, { id: "r2" })
      assert.deepStrictEqual(second.self.generation, first.self.generation)
      assert.deepStrictEqual(twins.space.writeMarker({ era: 1, n: 2 }), first.self.generation)
    })
  )

  it.effect(
    "takes another place when its own has expired, and the lease of the former goes on until all is taken over",
    () =>
      Effect.gen(function* () {
        const twins = new Twins()
        const { self } = yield* runner(twins)
        const former = self.incarnation
        const healed = Deferred.makeUnsafe<void>()
        const changes: Array<ReadonlyArray<Incarnation>> = []
        yield* self.onChange((formers) =>
          Effect.andThen(
            Deferred.await(healed),
            Effect.sync(() => changes.push(formers))
          )
        )
        twins.ensemble.expire(former.id)
        yield* pass(3)
        assert.deepStrictEqual(twins.ensemble.living(), [self.incarnation])
        assert.isAbove(compareEpochs(self.incarnation.epoch, former.epoch), 0)
        assert.deepStrictEqual([leaseOf(twins, former.id), leaseOf(twins, self.incarnation.id)], [3_000, 3_000])
        assert.match(self.troubles().join(), /being put back/)
        Deferred.doneUnsafe(healed, Effect.void)
        yield* pass(3)
        assert.deepStrictEqual(changes, [[former]])
        assert.deepStrictEqual([leaseOf(twins, former.id), leaseOf(twins, self.incarnation.id)], [3_000, 6_000])
        assert.deepStrictEqual(self.troubles(), [])
      })
  )

  it.effect("keeps the lease of the former while the roster does not answer", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      let asked = -1
      const asking = Effect.suspend(() => (asked >= 0 && ++asked > 1 ? Effect.sleep("5 seconds") : Effect.void))
      const { self } = yield* runner(twins, { asking })
      const former = self.incarnation
      yield* self.onChange(() => Effect.never)
      yield* pass(3)
      // It has a place in the roster again, and then no more word from there.
      asked = 0
      twins.ensemble.expire(former.id)
      yield* pass(2)
      for (let second = 0; second < 6; second++) {
        const before = leaseOf(twins, former.id)
        yield* pass(2)
        assert.isAbove(leaseOf(twins, former.id) ?? 0, before ?? 0, `after ${2 * second} s`)
      }
      assert.isAbove(asked, 1)
    })
  )

  it.effect("takes another place when it was fenced, and says so", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { self } = yield* runner(twins)
      const former = self.incarnation
      const changes: Array<ReadonlyArray<Incarnation> | "fenced"> = []
      yield* self.onChange(
        (formers) => Effect.sync(() => changes.push(formers)),
        () => void changes.push("fenced")
      )
      const { runner: fenced, epoch } = former
      twins.space.commit({
        tag: incarnationTag(former.id),
        token: "fence",
        generation: self.generation,
        found: false,
        guard: { _tag: "Compared" },
        reads: [],
        changes: [{ _tag: "Fence", runner: fenced, epoch: { ...epoch, node: epoch.node + 1 } }],
        tell: []
      })
      yield* pass(2)
      assert.notStrictEqual(self.incarnation.id, former.id)
      assert.deepStrictEqual(changes, ["fenced", [former]])
      assert.strictEqual(leaseOf(twins, former.id), 0)
    })
  )

  it.effect("raises the generation of a space that was emptied, reconnected or not; all learn the same", () =>
    Effect.gen(function* () {
      for (const empty of [(twins: Twins) => twins.space.flush(), (twins: Twins) => twins.space.flushQuietly()]) {
        const twins = new Twins()
        const [{ self: one }, { self: two }] = [yield* runner(twins, { id: "r1" }), yield* runner(twins, { id: "r2" })]
        let heals = 0
        yield* one.onChange(() => Effect.sync(() => void heals++))
        empty(twins)
        yield* pass(2)
        assert.deepStrictEqual(
          [one.generation, two.generation],
          [
            { era: 1, n: 2 },
            { era: 1, n: 2 }
          ]
        )
        assert.deepStrictEqual(twins.space.readMarker(), { era: 1, n: 2 })
        assert.isAbove(heals, 0)
        assert.isAbove(one.unsettledMs(), 0)
        yield* pass(5)
        assert.deepStrictEqual([one.unsettledMs(), one.troubles()], [0, []])
      }
    })
  )

  it.effect("whoever starts while the others put back what they hold waits with them (rule E2)", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      yield* runner(twins, { id: "r1" })
      assert.strictEqual((yield* runner(twins, { id: "r2" })).self.unsettledMs(), 0, "nobody came before the first")
      twins.space.flush()
      yield* settle
      const third = yield* runner(twins, { id: "r3" })
      assert.strictEqual(third.self.generation.n, 2)
      assert.isAbove(third.self.unsettledMs(), 0)
      yield* pass(6)
      assert.strictEqual((yield* runner(twins, { id: "r4" })).self.unsettledMs(), 0)
    })
  )

  it.effect("learns a generation only with a place in the roster (rule E2)", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { self } = yield* runner(twins)
      const former = self.incarnation
      // Nobody has told it: its place is gone, as a frozen runner's is.
      twins.ensemble.forget(former.id)
      twins.space.flushQuietly()
      yield* pass(2)
      assert.deepStrictEqual(self.generation, { era: 1, n: 2 })
      assert.notStrictEqual(self.incarnation.id, former.id)
      assert.deepStrictEqual(twins.ensemble.living(), [self.incarnation])
    })
  )

  it.effect("a space that has gone back behind its lease is of the same generation, and everything is put back", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { self } = yield* runner(twins)
      let heals = 0
      const saved = twins.space.save()
      yield* pass(3)
      yield* self.onChange(() => Effect.sync(() => void heals++))
      twins.space.rewind(saved)
      yield* settle
      assert.deepStrictEqual(self.generation, { era: 1, n: 1 })
      assert.isAbove(self.unsettledMs(), 0)
      assert.isAbove(heals, 0)
    })
  )

  it.effect("waits no longer for what is put back though the clock is set back meanwhile", () =>
    Effect.gen(function* () {
      const { self } = yield* runner(new Twins())
      yield* pass(60)
      self.look("it has gone back")
      assert.strictEqual(self.unsettledMs(), 5_000)
      yield* TestClock.setTime(0)
      assert.strictEqual(self.unsettledMs(), 5_000)
      yield* pass(5)
      assert.strictEqual(self.unsettledMs(), 0)
    })
  )

  it.effect("is enrolled again behind a reconnect, where only the list has gone back behind it (P8, L11)", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { self } = yield* runner(twins)
      const enrolled = () => [...twins.space.snapshot("incarnations", "", "").entries.keys()]
      assert.deepStrictEqual(enrolled(), [self.incarnation.id])
      const struck = { _tag: "Delete", key: self.incarnation.id } as const
      twins.space.commit(commitOf("incarnations", { generation: self.generation, changes: [struck] }))
      assert.deepStrictEqual(enrolled(), [])
      twins.space.reconnect()
      yield* pass(1)
      assert.deepStrictEqual(enrolled(), [self.incarnation.id])
    })
  )

  it.effect("each life is another incarnation, with a higher epoch", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const life = yield* Scope.make()
      const first = yield* runner(twins).pipe(Scope.provide(life))
      yield* Scope.close(life, Exit.void)
      assert.deepStrictEqual(twins.ensemble.living(), [])
      const second = yield* runner(twins)
      assert.notStrictEqual(second.self.incarnation.id, first.self.incarnation.id)
      assert.isAbove(compareEpochs(second.self.incarnation.epoch, first.self.incarnation.epoch), 0)
      assert.deepStrictEqual(twins.ensemble.living(), [second.self.incarnation])
    })
  )

  it.effect("the lease is refreshed each second, and no longer when the process has ended", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const life = yield* Scope.make()
      const { self } = yield* runner(twins).pipe(Scope.provide(life))
      const { id } = self.incarnation
      assert.strictEqual(leaseOf(twins, id), 0)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(leaseOf(twins, id), 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(leaseOf(twins, id), 1_000)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(leaseOf(twins, id), 11_000)
      yield* Scope.close(life, Exit.void)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(leaseOf(twins, id), 11_000)
    })
  )

  it.effect("a lease that cannot be written is tried again, and a generation that others have raised is learnt", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { self } = yield* runner(twins)
      twins.space.rewind({ marker: { era: 1, n: 2 }, tags: new Map() })
      yield* pass(1)
      assert.deepStrictEqual(self.generation, { era: 1, n: 2 })
      assert.strictEqual(leaseOf(twins, self.incarnation.id), 1_000)
    })
  )
})
