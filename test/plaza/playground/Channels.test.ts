/** The channels of a runner over the memory twins: what it hears of itself by what it writes for them. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import type { GoneReason } from "../../../gen/noriter/client/v1/playground.ts"
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import { EventBus } from "../../../src/bus/EventBus.ts"
import { generationText } from "../../../src/link/Roster.ts"
import { LinkError } from "../../../src/link/RunnerLink.ts"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import { show } from "../../../src/plaza/playground/Entrance.ts"
import { Cell, Member } from "../../../src/plaza/playground/Member.ts"
import type { View } from "../../../src/plaza/playground/View.ts"
import { Viewer } from "../../../src/plaza/playground/Viewer.ts"
import { park, World } from "../../../src/plaza/playground/World.ts"
import { CommitRefused, SharedSpace, type SpaceError } from "../../../src/space/SharedSpace.ts"
import { Workers } from "../../../src/Workers.ts"
import { type Runner, runner, settle, Twins, Watch } from "../../space/Harness.ts"
import { Listener } from "./Listener.ts"

/** The channels of a runner whose shared space, and bus, are what is made of them. */
const channelsOver = Effect.fnUntraced(function* (
  { context }: Runner,
  around: (space: SharedSpace["Service"]) => Partial<SharedSpace["Service"]>,
  aroundBus: (bus: EventBus["Service"]) => Partial<EventBus["Service"]> = () => ({})
) {
  const space = Context.get(context, SharedSpace)
  const bus = Context.get(context, EventBus)
  const changed = Layer.mergeAll(
    Layer.succeed(SharedSpace, SharedSpace.of({ ...space, ...around(space) })),
    Layer.succeed(EventBus, EventBus.of({ ...bus, ...aroundBus(bus) }))
  )
  const world = Layer.succeed(World, World.of({ playgrounds: [park], find: () => park }))
  const layer = Channels.layer.pipe(Layer.provide(Layer.mergeAll(world, Workers.layer, changed)))
  return Context.get(yield* Effect.provideContext(Layer.build(layer), context), Channels)
})

const moverIn = (view: View, member: number): void => {
  const record = MemberRecord.fromPartial({ nickname: "바람", state: PresenceState.PRESENCE_STATE_PRESENT })
  view.memberChanged(member, 1, record, 0)
  view.moved(member, 300, 300)
}

it.effect("where one channel refuses positions, those of the others are written", () =>
  Effect.gen(function* () {
    const written: Array<string> = []
    const channels = yield* channelsOver(yield* runner(new Twins()), () => ({
      writePositions: ({ tag }) =>
        tag === "park/1"
          ? Effect.fail(new CommitRefused({ tag, reason: "Missing", applied: 0, key: "" }))
          : Effect.sync(() => written.push(tag))
    }))
    for (const tag of ["park/1", "park/2"]) moverIn(yield* channels.open(tag), 1)
    yield* TestClock.adjust("1 second")
    yield* settle
    assert.deepStrictEqual(written, ["park/2"])
  })
)

it.effect("where everything is read anew while positions are written, the next write says where all stand", () =>
  Effect.gen(function* () {
    const written: Array<ReadonlyArray<number>> = []
    let meanwhile: Effect.Effect<void, SpaceError> = Effect.void
    const channels = yield* channelsOver(yield* runner(new Twins()), () => ({
      // Whoever stands there is known from frames alone.
      snapshot: () => Effect.never,
      writePositions: ({ member }) => Effect.as(meanwhile, written.push(member))
    }))
    yield* Effect.forkChild(channels.open("park/1"))
    yield* settle
    const view = channels.view("park/1") ?? assert.fail("it is open")
    moverIn(view, 1)
    moverIn(view, 2)
    // It goes no further than to say that all is to be written.
    meanwhile = Effect.asVoid(Effect.forkChild(channels.reload, { startImmediately: true }))
    yield* TestClock.adjust("1 second")
    yield* settle
    meanwhile = Effect.void
    view.moved(1, 400, 400)
    yield* TestClock.adjust("1 second")
    yield* settle
    assert.deepStrictEqual(written, [
      [1, 2],
      [1, 2]
    ])
  })
)

it.effect("lines of which none can be taken in are asked for once at each look", () =>
  Effect.gen(function* () {
    let asked = 0
    const line = LineTold.fromPartial({ channel: "park/1", seq: 9, prev: 8 })
    const entries = [{ seq: 9, timeMs: 1, class: "playground", value: LineTold.encode(line).finish() }]
    const channels = yield* channelsOver(yield* runner(new Twins()), () => ({
      history: () => (++asked > 9 ? Effect.interrupt : Effect.succeed({ head: { seq: 9, trimmedTo: 0 }, entries }))
    }))
    yield* channels.open("park/1")
    yield* channels.catchUp("park/1", 9)
    assert.strictEqual(asked, 1)
  })
)

it.effect("who comes back while lines are being fetched waits for them, and nobody else asks for them again", () =>
  Effect.gen(function* () {
    let asked = 0
    const answer = yield* Deferred.make<void>()
    const line = LineTold.fromPartial({ channel: "park/1", seq: 9, prev: 0 })
    const entries = [{ seq: 9, timeMs: 1, class: "playground", value: LineTold.encode(line).finish() }]
    const channels = yield* channelsOver(yield* runner(new Twins()), () => ({
      history: () => {
        asked++
        return Effect.as(Deferred.await(answer), { head: { seq: 9, trimmedTo: 0 }, entries })
      }
    }))
    const view = yield* channels.open("park/1")
    const heads: Array<number> = []
    const comeBack = Effect.map(channels.catchUp("park/1", 9), () => heads.push(view.head))
    const phones = yield* Effect.forkChild(Effect.all([comeBack, comeBack], { concurrency: "unbounded" }))
    yield* settle
    yield* Deferred.succeed(answer, undefined)
    yield* Fiber.join(phones)
    assert.deepStrictEqual([heads, asked], [[9, 9], 1])
  })
)

it.effect("whoever has gone has gone, also for a reason that a newer release gives", () =>
  Effect.gen(function* () {
    const r1 = yield* runner(new Twins())
    const channels = yield* channelsOver(r1, () => ({}))
    const view = yield* channels.open("park/1")
    for (const member of [1, 2]) moverIn(view, member)
    const phone = new Listener(1, { xCm: 300, yCm: 300 })
    view.join(phone, { history: 0 })
    view.tick(1_000)
    assert.isTrue(phone.known.has(2))
    const reason: GoneReason = JSON.parse("99")
    const told = { channel: "park/1", member: 2, version: 2, record: undefined, reason, runner: "" }
    yield* r1.bus.publish({ $type: "noriter.runner.v1.MemberTold", ...told })
    yield* settle
    view.tick(2_000)
    assert.isFalse(phone.known.has(2))
  })
)

it.effect("the missed lines of a phone take half of what may wait for it, at most", () =>
  Effect.gen(function* () {
    const channels = yield* channelsOver(
      yield* runner(new Twins(), { settings: { outboxBytesMax: 4_096 } }),
      () => ({})
    )
    const view = yield* channels.open("park/1")
    const text = "a".repeat(900)
    for (let seq = 1; seq <= 5; seq++)
      view.heard(LineTold.fromPartial({ channel: "park/1", seq, prev: seq - 1, reach: 2, text, atMs: 1 }))
    assert.strictEqual(view.missed(new Listener(1, { xCm: 0, yCm: 0 }), 0).from, 3)
  })
)

it.effect("ticks while there is a channel, and again when one is opened after all were closed", () =>
  Effect.gen(function* () {
    const { context } = yield* runner(new Twins())
    const world = Layer.succeed(World, World.of({ playgrounds: [park], find: () => park }))
    const layer = Channels.layer.pipe(Layer.provide(Layer.mergeAll(world, Workers.layer)))
    const channels = Context.get(yield* Effect.provideContext(Layer.build(layer), context), Channels)
    for (let time = 0; time < 2; time++) {
      yield* TestClock.adjust("5 seconds")
      const view = yield* channels.open("park/1")
      let ticks = 0
      view.tick = () => void ticks++
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.approximately(ticks, 10, 1)
      // Nobody looks at it.
      yield* TestClock.adjust("15 seconds")
      yield* settle
      assert.isUndefined(channels.view("park/1"))
    }
  })
)

it.effect(
  "tells phones of moves less often where a tick begins too late because the one before is still to be written",
  () =>
    Effect.gen(function* () {
      const channels = yield* channelsOver(yield* runner(new Twins()), () => ({}))
      const view = yield* channels.open("park/1")
      const flush = () => {
        for (const until = performance.now() + 0.15; performance.now() < until; );
      }
      const outbox = { answer: () => {}, push: () => {}, latest: () => true, flush, schedule: () => {} }
      const viewer = new Viewer({ member: 1, session: "s", pace: 1, outbox }, new Member(1, new Cell(0, 0, 0)))
      // So many that writing to them takes longer than a tick, and not so long that the next beat itself is too late.
      const crowd = Array.from({ length: 700 }, () => viewer)
      view.tick = (_, write) => write?.(crowd)
      yield* TestClock.adjust("2 seconds")
      yield* settle
      assert.isAbove(channels.tickMs(), 100)
    })
)

it.effect("where somebody has walked in a channel in which the runner is fenced, it hears of that", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const { context, presence, self } = yield* runner(twins)
    const world = Layer.succeed(World, World.of({ playgrounds: [park], find: () => park }))
    const layer = Channels.layer.pipe(Layer.provide(Layer.mergeAll(world, Workers.layer)))
    const built = yield* Effect.provideContext(Layer.build(layer), context)
    const view = yield* Context.get(built, Channels).open("park/1")
    const held = yield* presence.begin("g1", { id: "s1", nickname: "mina", claimId: 1 })
    const request = { id: 2, bodyHash: new Uint8Array(16), tag: "park/1", capacity: 10, avatar: "fox", xCm: 1, yCm: 2 }
    const { member } = yield* presence.enter(held, request)
    show(view, member)
    const { runner: id, epoch } = self.incarnation
    // In the channel only, so that nothing else is refused.
    twins.space.commit({
      tag: "park/1",
      token: "fence",
      generation: self.generation,
      found: false,
      guard: { _tag: "Compared" },
      reads: [],
      changes: [{ _tag: "Fence", runner: id, epoch: { ...epoch, node: epoch.node + 1 } }],
      tell: []
    })
    twins.ensemble.join = () => assert.fail("planted: the roster is away")
    yield* TestClock.adjust("2 seconds")
    yield* settle
    assert.isFalse(self.isFenced(), "nothing was written")
    view.moved(member.member, 300, 300)
    yield* TestClock.adjust("2 seconds")
    yield* settle
    assert.isTrue(self.isFenced())
  })
)

it.effect("what it reads because it has missed somebody moves nobody back", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const positions = new Map([[1, { xCm: 1, yCm: 2 }]])
    const channels = yield* channelsOver(yield* runner(twins), (space) => ({
      snapshot: (...of) => Effect.map(space.snapshot(...of), (snapshot) => ({ ...snapshot, positions }))
    }))
    const watch = new Watch()
    const { presence } = yield* runner(twins, { id: "r2", watch })
    const come = Effect.fnUntraced(function* (guest: string) {
      const held = yield* presence.begin(guest, { id: guest, nickname: "mina", claimId: 1 })
      const request = { id: 2, bodyHash: new Uint8Array(16), tag: "park/1", capacity: 10, avatar: "fox" }
      const { member } = yield* presence.enter(held, { ...request, xCm: 1, yCm: 2 })
      return member.member
    })
    const view = yield* channels.open("park/1")
    const member = yield* come("g1")
    const frame = { channel: "park/1", incarnation: "r2-1", number: 1, key: true }
    view.applyMoves({ $type: "noriter.runner.v1.MovesTold", ...frame, member: [member], xCm: [500], yCm: [500] })
    watch.instead = (commit) => ({ ...commit, tell: [] })
    yield* come("g2")
    yield* TestClock.adjust("2 seconds")
    yield* settle
    assert.strictEqual(view.recordCount, 2)
    assert.deepStrictEqual(view.positionOf(member), { xCm: 500, yCm: 500 })
  })
)

it.effect("where a frame of moves could not be sent, a later one says where all stand", () =>
  Effect.gen(function* () {
    const sent: Array<ReadonlyArray<number>> = []
    let isAway = true
    const publish: EventBus["Service"]["publish"] = (message) => {
      if (isAway)
        return Effect.fail(new LinkError({ operation: "publish", cause: new Error("as the test will have it") }))
      if (message.$type === "noriter.runner.v1.MovesTold" && message.key) sent.push(message.member)
      return Effect.void
    }
    const channels = yield* channelsOver(
      yield* runner(new Twins()),
      () => ({}),
      () => ({ publish })
    )
    moverIn(yield* channels.open("park/1"), 7)
    yield* TestClock.adjust("200 millis")
    yield* settle
    isAway = false
    yield* TestClock.adjust("500 millis")
    yield* settle
    assert.deepStrictEqual(sent, [[7]])
  })
)

it.effect("what is read anew says where its own members stand: others may have asked while nobody heard them", () =>
  Effect.gen(function* () {
    const sent: Array<ReadonlyArray<number>> = []
    const channels = yield* channelsOver(
      yield* runner(new Twins()),
      () => ({}),
      (bus) => ({
        publish: (message, trace) => {
          if (message.$type === "noriter.runner.v1.MovesTold" && message.key) sent.push(message.member)
          return bus.publish(message, trace)
        }
      })
    )
    moverIn(yield* channels.open("park/1"), 7)
    yield* TestClock.adjust("200 millis")
    yield* settle
    assert.deepStrictEqual(sent, [])
    yield* channels.reload
    yield* TestClock.adjust("200 millis")
    yield* settle
    assert.deepStrictEqual(sent, [[7]])
  })
)

it.effect("a channel that nobody has founded in a new generation is of that one, and nobody is in it", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const one = yield* runner(twins)
    const view = yield* (yield* channelsOver(one, () => ({}))).open("park/1")
    moverIn(view, 1)
    const { epoch } = view
    twins.space.flush()
    yield* TestClock.adjust("3 seconds")
    yield* settle
    assert.strictEqual(view.epoch, generationText(one.self.generation))
    assert.notStrictEqual(view.epoch, epoch)
    assert.strictEqual(view.memberCount, 1, "it may yet be put back")
    yield* TestClock.adjust("5 seconds")
    yield* settle
    assert.strictEqual(view.memberCount, 0)
  })
)

it.effect("a runner that leaves asks the others where those stand who have gone to them", () =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const one = yield* runner(new Twins())
    const over = Effect.gen(function* () {
      const channels = yield* channelsOver(
        one,
        () => ({}),
        (bus) => ({
          publish: (message, trace) => {
            if (message.$type === "noriter.runner.v1.KeyFrameAsked") asked.push(message.channel)
            return bus.publish(message, trace)
          }
        })
      )
      for (const tag of ["park/1", "park/2"]) yield* channels.open(tag)
      asked.length = 0
    })
    yield* Effect.scoped(over)
    assert.deepStrictEqual(asked, ["park/1", "park/2"])
  })
)
