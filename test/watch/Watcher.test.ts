/** When a watcher does what: of a dead runner, however its own clock is set meanwhile (rules P7, P8). */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"
import type { Held } from "../../src/space/Held.ts"
import { incarnationTag } from "../../src/space/Lease.ts"
import { Workers } from "../../src/Workers.ts"
import { ChannelList } from "../../src/watch/ChannelList.ts"
import { Observer } from "../../src/watch/Observer.ts"
import { Watcher } from "../../src/watch/Watcher.ts"
import { pass, type Runner, runner, settle, Twins } from "../space/Harness.ts"
import { sessionIn } from "../space/Members.ts"
import { guest, lost, named, park, stateOf } from "../space/Standing.ts"
import { withWallClock } from "../WallClock.ts"

/** A runner that lives as long as `life`, and one beside it whose services the watcher has, too. */
const watched = Effect.gen(function* () {
  const twins = new Twins()
  const beside = yield* runner(twins, { id: "r2" })
  const channels = Layer.succeed(ChannelList, { all: Effect.succeed(["park/1"]) })
  const watcher = Watcher.layer.pipe(Layer.provide(Layer.mergeAll(Observer.layer, channels, Workers.layer)))
  yield* Effect.provideContext(Layer.build(Layer.fresh(watcher)), beside.context)
  const life = yield* Scope.make()
  const { presence, self, watch } = yield* Scope.provide(runner(twins, { id: "r1" }), life)
  return { twins, beside, life, presence, self, watch }
})

/** Somebody is lost, and then their runner dies. */
const bereft = Effect.gen(function* () {
  const { twins, beside, life, presence, self } = yield* watched
  const { held } = yield* presence.enter(yield* presence.begin(guest, named("s_1")), park(1))
  yield* presence.moveOn(held, yield* lost, 0)
  yield* Scope.close(life, Exit.void)
  twins.ensemble.expire(self.incarnation.id)
  yield* pass(12)
  return { twins, beside, self }
})

const nothingForgotten = Effect.fnUntraced(function* (by: Runner, held: Held) {
  const regained = yield* by.presence.regain(held, 0, undefined)
  assert(regained._tag === "Held")
  assert.strictEqual(regained.held.record.staleId, 0, "nothing of it is forgotten")
})

describe("a watcher", () => {
  it.effect("ends nobody behind a reconnect who came back in what the space has lost", () =>
    Effect.gen(function* () {
      const { twins, beside } = yield* bereft
      const saved = twins.space.save()
      const again = yield* beside.presence.resume(guest, { session: "s_1", serial: 1, id: 3 })
      yield* pass(20)
      twins.space.rewind(saved)
      yield* pass(2)
      yield* nothingForgotten(beside, again.held)
      assert.deepStrictEqual(stateOf(twins, "park/1"), [PresenceState.PRESENCE_STATE_PRESENT])
    })
  )

  it.effect("goes on with no sweep behind a reconnect, which it had begun before", () =>
    Effect.gen(function* () {
      const { twins, beside, self } = yield* bereft
      const saved = twins.space.save()
      const goOn = yield* Deferred.make<void>()
      beside.watch.before = ({ tag }) =>
        tag === incarnationTag(self.incarnation.id) ? Deferred.await(goOn) : Effect.void
      const again = yield* beside.presence.resume(guest, { session: "s_1", serial: 1, id: 3 })
      yield* pass(20)
      twins.space.rewind(saved)
      yield* Deferred.succeed(goOn, undefined)
      yield* settle
      yield* nothingForgotten(beside, again.held)
    })
  )

  it.effect("sweeps who is dead in time, and again until nothing is left, though its clock is set back", () =>
    withWallClock((set) =>
      Effect.gen(function* () {
        set(24 * 3_600_000)
        const { twins, beside, life, presence, self } = yield* watched
        yield* presence.enter(yield* presence.begin(guest, named("s_1")), park(1))
        yield* pass(10)
        assert.lengthOf(stateOf(twins, "park/1"), 1)
        yield* Scope.close(life, Exit.void)
        twins.ensemble.expire(self.incarnation.id)
        yield* pass(1)
        set(-3_600_000)
        yield* pass(4)
        assert.deepStrictEqual(stateOf(twins, "park/1"), [PresenceState.PRESENCE_STATE_AWAY])
        set(-3_600_000)
        // Whom it held is elsewhere now.
        yield* beside.presence.begin(guest, named("s_2"))
        yield* pass(2)
        assert.strictEqual(twins.space.snapshot(incarnationTag(self.incarnation.id), "", "").entries.size, 0)
      })
    )
  )

  it.effect("has the claim of a runner that it swept refused, however late, also of a guest nobody knew (P8)", () =>
    Effect.gen(function* () {
      for (const comesElsewhere of [false, true]) {
        const { twins, beside, presence, self, watch } = yield* watched
        const goOn = yield* Deferred.make<void>()
        watch.before = ({ tag }) => (tag === guest ? Deferred.await(goOn) : Effect.void)
        yield* Effect.forkChild(Effect.ignore(presence.begin(guest, named("s_1"))))
        yield* settle
        // It is frozen with its claim on the way.
        watch.isAway = true
        twins.ensemble.forget(self.incarnation.id)
        yield* pass(14)
        assert.strictEqual(twins.space.snapshot(incarnationTag(self.incarnation.id), "", "").entries.size, 0)
        if (comesElsewhere) yield* beside.presence.begin(guest, named("s_2"))
        watch.isAway = false
        yield* Deferred.succeed(goOn, undefined)
        yield* settle
        assert.strictEqual(sessionIn(twins, guest)?.session, comesElsewhere ? "s_2" : undefined)
      }
    })
  )
})
