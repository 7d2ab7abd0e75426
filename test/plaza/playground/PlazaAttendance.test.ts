/** What a phone that comes back is told to have missed of a channel, and is told of that. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Reach } from "../../../gen/noriter/client/v1/chat.ts"
import { StreamPosition } from "../../../gen/noriter/client/v1/session.ts"
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import { Attendance } from "../../../src/client/Attendance.ts"
import { Mailbox, mailboxName } from "../../../src/plaza/mailbox/Mailbox.ts"
import { Channels } from "../../../src/plaza/playground/Channels.ts"
import * as PlazaAttendance from "../../../src/plaza/playground/PlazaAttendance.ts"
import { openChannels } from "../../../src/plaza/playground/Population.ts"
import { park } from "../../../src/plaza/playground/World.ts"
import { Hidden } from "../../../src/plaza/social/Hidden.ts"
import { hello, house } from "../../client/House.ts"
import { settle, Twins } from "../../space/Harness.ts"
import { snapshotOf } from "./Kept.ts"
import { viewOf } from "./Standing.ts"

const record = MemberRecord.fromPartial({ nickname: "바람", state: PresenceState.PRESENCE_STATE_PRESENT })
const member = { tag: "park/1", member: 1, record, version: 1 }
const member1 = { member: 1, version: 1, record, place: { xCm: 1, yCm: 2 } }

const lineAt = (seq: number, prev: number, more: Partial<LineTold> = {}): LineTold =>
  LineTold.fromPartial({ channel: "park/1", seq, prev, reach: Reach.REACH_PLAYGROUND, atMs: 1_000 * seq, ...more })

/** A phone with a session; `catchUp` is what the runner finds when it is behind what that has heard. */
const attending = Effect.fnUntraced(function* (view: ReturnType<typeof viewOf>, catchUp = () => {}) {
  const channels = Layer.mock(Channels, {
    view: () => view,
    all: () => [view],
    tickMs: () => 100,
    open: () => Effect.succeed(view),
    reload: Effect.void,
    catchUp: () => Effect.sync(catchUp)
  })
  const mailbox = Layer.mock(Mailbox, {
    missed: () => Effect.succeed({ recovered: true, from: 0, seq: 0, mails: [] }),
    compareHistories: () => Effect.void,
    follow: () => {}
  })
  const hidden = Layer.mock(Hidden, {
    read: () => Effect.void,
    of: () => ({ seq: 0, hidden: undefined }),
    learn: () => {},
    doubt: () => {}
  })
  const layer = PlazaAttendance.layer.pipe(Layer.provide(Layer.mergeAll(channels, mailbox, hidden)))
  const one = yield* house(new Twins())
  const attendance = Context.get(yield* Effect.provideContext(Layer.build(layer), one.context), Attendance)
  const phone = yield* one.connect(hello(1))
  const [session] = one.sessions.all()
  assert.isDefined(session)
  return { one, phone, session, attendance }
})

/** What a phone is told that has heard up to this line of the first history. */
const comingBack = Effect.fnUntraced(function* (view: ReturnType<typeof viewOf>, heard: number, catchUp = () => {}) {
  const { phone, session, attendance } = yield* attending(view, catchUp)
  const positions = [
    StreamPosition.fromPartial({ name: "park/1", epoch: "1.1", seq: heard }),
    StreamPosition.fromPartial({ name: mailboxName, epoch: session.epoch })
  ]
  const { recovered, streams, replay } = (yield* attendance.resumed(session, member, positions))()
  replay()
  yield* settle
  const said = phone.heard.flatMap(({ said }) => (said === undefined ? [] : [Object(said).seq]))
  const at = streams.find(({ name }) => name === "park/1")
  return { recovered, at: `${at?.epoch} ${at?.seq}`, said }
})

it.effect("whoever has heard more than the runner hears the rest, once it has caught up", () =>
  Effect.gen(function* () {
    const view = viewOf()
    view.heard(lineAt(3, 0))
    const back = yield* comingBack(view, 5, () => {
      view.heard(lineAt(5, 3))
      view.heard(lineAt(7, 5))
    })
    assert.deepStrictEqual(back, { recovered: true, at: "1.1 7", said: [7] })
  })
)

it.effect("a history that was begun meanwhile is not taken for the one that was heard, however it is numbered", () =>
  Effect.gen(function* () {
    const view = viewOf()
    view.heard(lineAt(3, 0))
    const lines = [{ seq: 7, timeMs: 1, class: "playground", value: LineTold.encode(lineAt(7, 0)).finish() }]
    const anew = { ...snapshotOf([member1], 1), generation: { era: 1, n: 2 }, head: { seq: 7, trimmedTo: 0 }, lines }
    const back = yield* comingBack(view, 5, () => void view.loadSnapshot(anew))
    assert.deepStrictEqual(back, { recovered: false, at: "1.2 7", said: [] })
  })
)

it.effect("what is kept is told, and from where, also where something before it is gone", () =>
  Effect.gen(function* () {
    const view = viewOf()
    const elsewhere = { reach: Reach.REACH_NEARBY, cell: 99 }
    view.heard(lineAt(1, 0))
    // Somebody talks at the other end, and the first of that is kept no more: nobody knows whether it was for this phone.
    view.heard(lineAt(2, 1, elsewhere))
    view.heard(lineAt(3, 2))
    view.heard(lineAt(90, 3, elsewhere))
    view.heard(lineAt(91, 90, { atMs: 60_000 }))
    const back = yield* comingBack(view, 1)
    assert.deepStrictEqual(back, { recovered: false, at: "1.1 1", said: [3, 91] })
  })
)

it.effect("what would be too much at once is not told, and it is said from where it goes on", () =>
  Effect.gen(function* () {
    const view = viewOf(0, 1_000)
    for (let seq = 1; seq <= 5; seq++) view.heard(lineAt(seq, seq - 1, { text: "a".repeat(400) }))
    const back = yield* comingBack(view, 1)
    assert.deepStrictEqual(back, { recovered: false, at: "1.1 3", said: [4, 5] })
  })
)

it.effect("where phones stand in a space that was emptied, the channels below theirs are there again, too", () =>
  Effect.gen(function* () {
    const { one, session, attendance } = yield* attending(viewOf())
    session.channel = "park/3"
    yield* attendance.regained([session])
    assert.lengthOf(yield* openChannels(one.space, park), 2)
  })
)
