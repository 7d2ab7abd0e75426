/** Whom an order to remove means: who stood there when it was asked, or when its operator looked; nobody who came later. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { OpsAskedConsumer } from "../../../gen/consumers.ts"
import { RemovalDecided } from "../../../gen/noriter/topic/v1/ops.ts"
import { opsDeciders } from "../../../src/plaza/ops/OpsDeciders.ts"
import * as Orders from "../../../src/plaza/ops/Orders.ts"
import * as Playground from "../../../src/plaza/playground/World.ts"
import { apply, reader, runner, Twins, until } from "../../space/Harness.ts"
import { named, park } from "../../space/Standing.ts"

const channel = "park/1"
const world = Playground.World.of({ playgrounds: [Playground.park], find: () => Playground.park })

const plaza = Effect.gen(function* () {
  const twins = new Twins()
  const first = yield* runner(twins)
  const orders = yield* Orders.make.pipe(
    Effect.provideService(Playground.World, world),
    Effect.provideContext(first.context)
  )
  const enter = Effect.fnUntraced(function* (guest: string, session: string) {
    const held = yield* first.presence.begin(guest, named(session))
    return (yield* first.presence.enter(held, park(1))).member.member
  })
  const seenAs = Effect.fnUntraced(function* (member: number, tag = channel) {
    return (yield* orders.members(tag)).find((one) => one.member === member)?.seen
  })
  const statusOf = (order: Effect.Effect<unknown, Orders.OrderRefused>) =>
    Effect.match(order, { onSuccess: () => 200, onFailure: ({ status }) => status })
  return { twins, first, orders, enter, seenAs, statusOf }
})

/** What Redis has lost counts as never having been: the number that somebody had been given goes to another. */
const givenAnew = Effect.gen(function* () {
  const all = yield* plaza
  const { twins, enter } = all
  yield* enter("g_A", "s_1")
  const saved = twins.space.save()
  const member = yield* enter("g_B", "s_2")
  const again = Effect.gen(function* () {
    twins.space.rewind(saved)
    assert.strictEqual(yield* enter("g_C", "s_3"), member)
  })
  return { ...all, member, again }
})

describe("an order to remove", () => {
  it.effect("means who stood there when it was asked, and not who has the number when it is decided", () =>
    Effect.gen(function* () {
      const { twins, first, orders, member, again } = yield* givenAnew
      const happened = yield* reader(twins, "noriter.ops.happened")
      yield* orders.remove({ channel, member })
      yield* again
      yield* orders.remove({ channel, member })
      yield* first.bus.register(OpsAskedConsumer, opsDeciders)
      yield* apply(first)
      yield* until("both decisions", () => happened.length === 2)
      const found = happened.map(({ body }) => RemovalDecided.decode(body).found)
      assert.deepStrictEqual(found, [false, true])
    })
  )

  it.effect("that repeats what its operator saw means whom they saw", () =>
    Effect.gen(function* () {
      const { orders, member, again, seenAs, statusOf } = yield* givenAnew
      const seen = yield* seenAs(member)
      assert.strictEqual(yield* statusOf(orders.remove({ channel, member, seen })), 200)
      yield* again
      assert.strictEqual(yield* statusOf(orders.remove({ channel, member, seen })), 404)
      const now = yield* seenAs(member)
      assert.strictEqual(yield* statusOf(orders.remove({ channel, member, seen: now })), 200)
    })
  )

  it.effect("of nobody is refused", () =>
    Effect.gen(function* () {
      const { orders, enter, statusOf } = yield* plaza
      const member = yield* enter("g_A", "s_1")
      assert.strictEqual(yield* statusOf(orders.remove({ channel, member })), 200)
      assert.strictEqual(yield* statusOf(orders.remove({ channel, member: member + 1 })), 404)
    })
  )
})

it.effect(
  "what an operator sees of a member is the same for as long as they stand there, and leads from there to nobody",
  () =>
    Effect.gen(function* () {
      const { enter, first, seenAs } = yield* plaza
      const held = yield* first.presence.begin("g_A", named("s_1"))
      const here = yield* first.presence.enter(held, park(1))
      const seen = yield* seenAs(here.member.member)
      yield* enter("g_B", "s_2")
      assert.strictEqual(yield* seenAs(here.member.member), seen)
      const there = yield* first.presence.enter(here.held, park(2, 3))
      const seenThere = yield* seenAs(there.member.member, "park/2")
      assert.match(`${seen} ${seenThere}`, /^[\w-]{22} [\w-]{22}$/)
      assert.notStrictEqual(seenThere, seen)
    })
)
