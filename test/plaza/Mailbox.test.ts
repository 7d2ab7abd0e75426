/** What comparing mailboxes finds besides mail: sessions that another has claimed, without this runner's hearing of it. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { Sessions } from "../../src/client/Sessions.ts"
import * as Mailbox from "../../src/plaza/mailbox/Mailbox.ts"
import { Workers } from "../../src/Workers.ts"
import { hello, house } from "../client/House.ts"
import { settle, Twins } from "../space/Harness.ts"

const settings = { secret: Option.some(Redacted.make("one secret for all runners")) }

it.effect("a claim that was told and not heard: the phone is told REPLACED all the same (P1, P4)", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const one = yield* house(twins, { settings })
    const two = yield* house(twins, { id: "r2", settings })
    const layer = Mailbox.deliveryLayer.pipe(
      Layer.provide(Mailbox.Mailbox.layer),
      Layer.provide(Workers.layer),
      Layer.provide(Layer.succeed(Sessions, one.sessions))
    )
    yield* Layer.build(Layer.fresh(layer)).pipe(Effect.provideContext(one.context))
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
