/** What a process is: its incarnation, the generation it founds or finds, and the lease that says it lives (P7, E1, L12). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { compareEpochs } from "../../src/link/Roster.ts"
import { incarnationTag } from "../../src/space/Self.ts"
import { runner, settle, Twins } from "./Harness.ts"

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
      assert.deepStrictEqual(self.troubles(), [])
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

  it.effect("says so when it is no longer in the roster, and when the space was emptied", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { self } = yield* runner(twins)
      twins.space.reconnect()
      yield* settle
      assert.deepStrictEqual(self.troubles(), [])
      twins.ensemble.expire(self.incarnation.id)
      yield* settle
      assert.match(self.troubles().join(), /no longer in the roster/)
      twins.space.flush()
      yield* settle
      assert.match(self.troubles().join(), /generation none, not 1\.1/)
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

  it.effect("a lease that cannot be written is tried again", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { self } = yield* runner(twins)
      const saved = twins.space.save()
      // Another generation was founded: this runner's writes are refused, and it goes on trying.
      twins.space.rewind({ marker: { era: 1, n: 2 }, tags: new Map() })
      twins.space.commit({
        tag: incarnationTag(self.incarnation.id),
        token: "newer",
        generation: { era: 1, n: 2 },
        found: true,
        guard: { _tag: "Compared" },
        reads: [],
        changes: [],
        tell: []
      })
      yield* TestClock.adjust("3 seconds")
      assert.isUndefined(leaseOf(twins, self.incarnation.id))
      twins.space.rewind(saved)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(leaseOf(twins, self.incarnation.id), 4_000)
    })
  )
})
