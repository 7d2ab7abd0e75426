/** What comparing mailboxes finds besides mail: sessions that another has claimed, without this runner's hearing of it. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { MailTold } from "../../gen/noriter/runner/v1/mailbox.ts"
import { frameOf } from "../../src/bus/EventBus.ts"
import type { Session } from "../../src/client/Session.ts"
import { Sessions } from "../../src/client/Sessions.ts"
import * as Mailbox from "../../src/plaza/mailbox/Mailbox.ts"
import { mailboxMax, mailboxStream } from "../../src/plaza/mailbox/MailStream.ts"
import { changedBlocks, readBlocks } from "../../src/plaza/social/Blocks.ts"
import { Hidden } from "../../src/plaza/social/Hidden.ts"
import { counted } from "../../src/space/PresenceWrites.ts"
import { Self } from "../../src/space/Self.ts"
import { SharedSpace } from "../../src/space/SharedSpace.ts"
import { Workers } from "../../src/Workers.ts"
import { isObject } from "../../src/wire/Strict.ts"
import { hello, house } from "../client/House.ts"
import { commitOf } from "../contract/SharedSpaceCommits.ts"
import { type Runner, settle, Twins } from "../space/Harness.ts"

const settings = { secret: Option.some(Redacted.make("one secret for all runners")) }

/** Delivers to the phones of a runner, until the test ends; blocks are read into `readOf`. */
const deliver = ({ context }: Pick<Runner, "context">, sessions: Sessions["Service"], readOf: Array<Session> = []) =>
  Layer.build(
    Layer.fresh(
      Mailbox.deliveryLayer.pipe(
        Layer.provideMerge(Mailbox.Mailbox.layer),
        Layer.provide(
          Layer.mergeAll(
            Workers.layer,
            Layer.mock(Hidden, {
              of: () => ({ seq: 6, hidden: undefined }),
              learn: () => {},
              doubt: () => {},
              read: (session) => Effect.sync(() => void readOf.push(session))
            })
          )
        ),
        Layer.provide(Layer.succeed(Sessions, sessions))
      )
    )
  ).pipe(
    Effect.provideContext(context),
    Effect.map((services) => Context.get(services, Mailbox.Mailbox))
  )

/** A whisper is put into a guest's mailbox and, where it is not lost on its way, told. */
const mailed = (twins: Twins, { self }: Pick<Runner, "self">, guest: string, seq: number, isLost = false) => {
  const mail = MailTold.fromPartial({
    incarnation: self.incarnation.id,
    guest,
    seq,
    prev: seq - 1,
    body: { $case: "whisper", value: { member: 7, text: `${seq}` } }
  })
  const append = { stream: mailboxStream, class: "mail", countMax: mailboxMax, ageMsMax: 0, seq, timeMs: 1 }
  twins.space.commit(
    commitOf(guest, {
      generation: self.generation,
      changes: [{ _tag: "Append", value: MailTold.encode(mail).finish(), ...append }],
      tell: isLost ? [] : [frameOf(mail, undefined)]
    })
  )
}

/** A runner with a phone, and the mailbox that its mail is delivered from. */
const following = Effect.gen(function* () {
  const twins = new Twins()
  const one = yield* house(twins, { settings })
  const mailbox = yield* deliver(one, one.sessions)
  const phone = yield* one.connect(hello(1))
  const [session] = one.sessions.all()
  assert(session !== undefined)
  return { twins, one, mailbox, phone, session }
})

it.effect("a claim that was told and not heard: the phone is told REPLACED all the same (P1, P4)", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const one = yield* house(twins, { settings })
    const two = yield* house(twins, { id: "r2", settings })
    yield* deliver(one, one.sessions)
    const phone = yield* one.connect(hello(1))
    for (const session of one.sessions.all()) session.mailboxSeq = 0
    two.watch.instead = (commit) => ({ ...commit, tell: [] })
    yield* two.connect(hello(2))
    assert.isUndefined(phone.disconnectedWith)
    yield* TestClock.adjust("30 seconds")
    yield* settle
    assert.strictEqual(phone.disconnectedWith, DisconnectCode.DISCONNECT_CODE_REPLACED)
  })
)

it.effect("an enter that came to nothing raises the count of claims, and its session is left in peace", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const one = yield* house(twins, { settings })
    let judged = 0
    yield* deliver(one, { ...one.sessions, judge: () => void judged++ })
    yield* one.connect(hello(1))
    const [session] = one.sessions.all()
    assert(session?.held !== undefined)
    session.mailboxSeq = 0
    const { owner } = session.held
    const changes = [counted({ ...owner, connection: owner.connection + 1 })]
    twins.space.commit(commitOf(session.guest, { generation: one.self.generation, changes }))
    yield* TestClock.adjust("30 seconds")
    yield* settle
    assert.strictEqual(judged, 0)
  })
)

it.effect("whom a guest blocks is read where the word of it was lost, and nobody asks for an answer (C3)", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const one = yield* house(twins, { settings })
    const readOf: Array<Session> = []
    yield* deliver(one, one.sessions, readOf)
    yield* one.connect(hello(1))
    const [session] = one.sessions.all()
    assert(session !== undefined)
    session.mailboxSeq = 0
    for (const [seq, times] of [
      [6, 0],
      [7, 1]
    ] as const) {
      const [append] = changedBlocks(readBlocks(undefined)).appends
      assert(append !== undefined)
      const changes = [{ _tag: "Append", ...append, seq, timeMs: 1 } as const]
      twins.space.commit(commitOf(session.guest, { generation: one.self.generation, changes }))
      yield* TestClock.adjust("30 seconds")
      yield* settle
      assert.lengthOf(readOf, times)
    }
  })
)

it.effect("mail that was told before the phone followed its mailbox is told then, and once", () =>
  Effect.gen(function* () {
    const { twins, one, mailbox, phone, session } = yield* following
    const write = (seq: number) => mailed(twins, one, session.guest, seq)
    const heard = () => phone.heard.flatMap(({ whispered }) => (isObject(whispered) ? [whispered.text] : []))
    write(1)
    yield* settle
    assert.deepStrictEqual(heard(), [])
    mailbox.follow(session, 0, [])
    yield* settle
    assert.deepStrictEqual(heard(), ["1"])
    write(2)
    yield* settle
    assert.deepStrictEqual(heard(), ["1", "2"])
    mailbox.follow(session, 2, [])
    yield* settle
    assert.deepStrictEqual(heard(), ["1", "2"])
  })
)

it.effect(
  "whoever has missed more than is kept is told so from where that begins, and then all that is kept (C4)",
  () =>
    Effect.gen(function* () {
      const { twins, one, mailbox, phone, session } = yield* following
      mailbox.follow(session, 0, [])
      const lostMax = mailboxMax + 2
      for (let seq = 1; seq <= lostMax; seq++) mailed(twins, one, session.guest, seq, true)
      mailed(twins, one, session.guest, lostMax + 1)
      yield* settle
      const told = phone.heard.flatMap(({ streams, whispered }) =>
        isObject(streams) ? [streams.streams] : isObject(whispered) ? [whispered.seq] : []
      )
      const [gap, ...seqs] = told
      assert.deepStrictEqual(gap, [{ name: "mailbox", epoch: session.epoch, seq: 3 }])
      assert.deepStrictEqual(
        seqs,
        Array.from({ length: mailboxMax }, (_, index) => index + 4)
      )
    })
)

it.effect("mail that is told while another history is looked at is told once", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const one = yield* house(twins, { settings })
    const space = Context.get(one.context, SharedSpace)
    const self = Context.get(one.context, Self)
    let { generation } = self
    let meanwhile = () => {}
    const changed = Context.make(SharedSpace, {
      ...space,
      heads: (tags) =>
        Effect.tap(space.heads(tags), () =>
          Effect.andThen(
            Effect.sync(() => meanwhile()),
            settle
          )
        )
    }).pipe(
      Context.add(Self, {
        ...self,
        get generation() {
          return generation
        }
      })
    )
    const mailbox = yield* deliver({ context: Context.merge(one.context, changed) }, one.sessions)
    const phone = yield* one.connect(hello(1))
    const [session] = one.sessions.all()
    assert(session?.held !== undefined)
    const { guest } = session
    mailbox.follow(session, 0, [])
    meanwhile = () => {
      meanwhile = () => {}
      mailed(twins, one, guest, 1)
    }
    generation = { ...generation, n: generation.n + 1 }
    yield* mailbox.compareHistories([session])
    yield* TestClock.adjust("30 seconds")
    yield* settle
    const heard = phone.heard.flatMap(({ streams, whispered }) =>
      isObject(streams) ? ["gap"] : isObject(whispered) ? [whispered.seq] : []
    )
    assert.deepStrictEqual(heard, [1, "gap"])
  })
)
