/**
 * A runner as its operator sees it: where phones connect, whether it is ready, how it leaves. Owns the listener and the
 * order of leaving; what phones say is ClientMessageConsumer's.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { Settings } from "../Settings.ts"
import { Canary } from "../space/Canary.ts"
import { Admission } from "./Admission.ts"
import { ClientMessageConsumer } from "./ClientMessageConsumer.ts"
import * as Deadlines from "./Deadlines.ts"
import { Sessions } from "./Sessions.ts"
import * as TcpListener from "./TcpListener.ts"

export class Runner extends Context.Service<
  Runner,
  {
    /** Where phones connect to, as bound. */
    readonly tcp: { readonly host: string; readonly port: number }
    /** Fails with the reasons why phones should go elsewhere. */
    readonly ready: Effect.Effect<void, ReadonlyArray<string>>
    /** Accepts nobody new, finishes what was asked, and tells every phone when to come back. */
    readonly drain: Effect.Effect<void>
  }
>()("noriter/client/Runner") {
  static readonly layer = Layer.effect(
    Runner,
    Effect.suspend(() => make)
  )
}

/** How long what was asked may take to be answered before phones are sent away. */
const answeringMsMax = 1_000
/** How long phones may take to close after they were told to. */
const leavingMsMax = 3_000

const make = Effect.gen(function* () {
  const settings = yield* Settings
  const sessions = yield* Sessions
  const { serve } = yield* ClientMessageConsumer
  const canary = yield* Canary
  const deadlines = yield* Deadlines.make(settings)
  const admission = new Admission(settings, () => performance.now())
  deadlines.onSweep(() => admission.sweep())
  const listener = yield* TcpListener.listen({ settings, deadlines, admission, accept: serve })
  let leaving = false

  const answered = Effect.sync(() => [...sessions.all()].every((session) => !session.isWaiting))
  // A session whose loss is not written stays present, and is taken for held, until a watcher finds this runner dead.
  const gone = Effect.sync(
    () => listener.connections() === 0 && [...sessions.all()].every(({ isPresent }) => !isPresent)
  )
  return Runner.of({
    tcp: { host: listener.host, port: listener.port },
    ready: Effect.suspend(() => {
      const reasons = leaving ? ["leaving"] : canary.reasons()
      return reasons.length === 0 ? Effect.void : Effect.fail(reasons)
    }),
    drain: Effect.gen(function* () {
      leaving = true
      yield* listener.stopAccepting
      yield* until(answered, answeringMsMax)
      yield* sessions.drain
      yield* until(gone, leavingMsMax)
    })
  })
})

/** Looks until it is so, or the time is over. */
const until = (isSo: Effect.Effect<boolean>, msMax: number): Effect.Effect<void> =>
  isSo.pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (so) => so }),
    Effect.timeoutOption(msMax),
    Effect.asVoid
  )
