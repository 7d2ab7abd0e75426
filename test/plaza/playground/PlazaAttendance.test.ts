/** What a phone that comes back is told to have missed of a channel, by a runner that has to catch up with it first. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StreamPosition } from "../../../gen/noriter/client/v1/session.ts"
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import { Attendance } from "../../../src/client/Attendance.ts"
import type { Generation } from "../../../src/link/Roster.ts"
import { Mailbox } from "../../../src/plaza/mailbox/Mailbox.ts"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import * as PlazaAttendance from "../../../src/plaza/playground/PlazaAttendance.ts"
import { View } from "../../../src/plaza/playground/View.ts"
import { Hidden } from "../../../src/plaza/social/Hidden.ts"
import { hello, house } from "../../client/House.ts"
import { Twins } from "../../space/Harness.ts"
import { snapshotOf } from "./Kept.ts"

const record = MemberRecord.fromPartial({ nickname: "바람", state: PresenceState.PRESENCE_STATE_PRESENT })
const member = { tag: "park/1", member: 1, record, version: 1 }

const newView = (): View =>
  new View({
    tag: "park/1",
    incarnation: "r1-0000000001",
    epoch: "1.1",
    framesBefore: 0,
    widthCm: 10_000,
    heightCm: 10_000,
    cellCm: 1_000,
    cellShownMax: 32,
    movesBytesPerSecond: 0
  })

/** Its view has come to line 3 of the first history; catching up, it finds this line to be the last, of that or of another. */
const comingBack = Effect.fnUntraced(function* (heard: number, found: { generation: Generation; seq: number }) {
  const view = newView()
  const loaded = (generation: Generation, seq: number) => {
    const place = { xCm: 1, yCm: 2 }
    const snapshot = snapshotOf([{ member: 1, version: 1, record, place }], 1)
    const told = LineTold.fromPartial({ channel: "park/1", seq, prev: view.head })
    const lines = [{ seq, timeMs: 1, class: "playground", value: LineTold.encode(told).finish() }]
    view.loadSnapshot({ ...snapshot, generation, head: { seq, trimmedTo: 0 }, lines })
  }
  loaded({ era: 1, n: 1 }, 3)
  const channels = Layer.mock(Channels, {
    view: () => view,
    all: () => [view],
    tickMs: () => 100,
    open: () => Effect.succeed(view),
    catchUp: () => Effect.sync(() => loaded(found.generation, found.seq))
  })
  const mailbox = Layer.mock(Mailbox, { head: () => Effect.succeed(0), follow: () => {} })
  const hidden = Layer.mock(Hidden, {
    read: () => Effect.void,
    of: () => ({ seq: 0, hidden: undefined }),
    learn: () => {},
    doubt: () => {}
  })
  const layer = PlazaAttendance.layer.pipe(Layer.provide(Layer.mergeAll(channels, mailbox, hidden)))
  const attendance = Context.get(yield* Layer.build(layer), Attendance)
  const one = yield* house(new Twins())
  yield* one.connect(hello(1))
  const [session] = one.sessions.all()
  assert.isDefined(session)
  const rejoined = yield* attendance.resumed(session, member, [
    StreamPosition.fromPartial({ name: "park/1", epoch: "1.1", seq: heard })
  ])
  return rejoined().streams.find(({ name }) => name === "park/1")
})

it.effect("whoever has heard more than the runner goes on from there, once it has caught up", () =>
  Effect.gen(function* () {
    assert.deepInclude(yield* comingBack(5, { generation: { era: 1, n: 1 }, seq: 7 }), { epoch: "1.1", seq: 5 })
  })
)

it.effect(
  "a history that was begun meanwhile is not taken for the one that was heard, whatever its lines are numbered",
  () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* comingBack(5, { generation: { era: 1, n: 2 }, seq: 7 }), { epoch: "1.2", seq: 7 })
    })
)
