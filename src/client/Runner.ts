/**
 * A runner as its operator sees it: where phones connect, whether it is ready, how it leaves. Owns the listeners and the
 * order of leaving; what phones say is ClientMessageConsumer's.
 */
import { fileURLToPath } from "node:url"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { Settings, type Values } from "../Settings.ts"
import { Canary } from "../space/Canary.ts"
import { fileDescriptorShares } from "../telemetry/FileDescriptors.ts"
import { Admission } from "./Admission.ts"
import { ClientMessageConsumer } from "./ClientMessageConsumer.ts"
import * as Connections from "./Connections.ts"
import * as Deadlines from "./Deadlines.ts"
import * as Gateway from "./Gateway.ts"
import { HttpServer } from "./HttpServer.ts"
import * as Page from "./Page.ts"
import { Sessions } from "./Sessions.ts"
import * as TcpListener from "./TcpListener.ts"

export class Runner extends Context.Service<
  Runner,
  {
    /** Where phones connect to, as bound. */
    readonly tcp: { readonly host: string; readonly port: number }
    /** Whether a browser finds a page on the HTTP port. */
    readonly hasPage: boolean
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

/** Where the page is built to. */
const pageFolder = fileURLToPath(new URL("../../web/dist", import.meta.url))

/** How long what was asked may take to be answered before phones are sent away. */
const answeringMsMax = 1_000
/** How long phones may take to close after they were told to. */
const leavingMsMax = 3_000

const make = Effect.gen(function* () {
  const settings = yield* withinFileDescriptors(yield* Settings)
  const sessions = yield* Sessions
  const { serve } = yield* ClientMessageConsumer
  const canary = yield* Canary
  const deadlines = yield* Deadlines.make(settings)
  const admission = new Admission(settings, () => performance.now())
  deadlines.onSweep(() => admission.sweep())
  const connections = yield* Connections.make({ settings, deadlines, accept: serve })
  const http = yield* HttpServer
  const listener = yield* TcpListener.listen({ settings, admission, connections })
  const gateway = yield* Gateway.open({ settings, http, admission, connections })
  const page = yield* Page.load(pageFolder)
  yield* http.mount(page)

  const answered = Effect.sync(() => [...sessions.all()].every((session) => !session.isWaiting))
  // A session whose loss is not written stays present, and is taken for held, until a watcher finds this runner dead.
  const gone = Effect.sync(() => connections.size === 0 && [...sessions.all()].every(({ isPresent }) => !isPresent))
  return Runner.of({
    tcp: { host: listener.host, port: listener.port },
    hasPage: page.isBuilt,
    ready: Effect.suspend(() => {
      const reasons = canary.reasons()
      return reasons.length === 0 ? Effect.void : Effect.fail(reasons)
    }),
    drain: Effect.gen(function* () {
      yield* listener.stopAccepting
      yield* gateway.stopAccepting
      yield* until(answered, answeringMsMax)
      yield* sessions.drain
      yield* until(gone, leavingMsMax)
    })
  })
})

/** No more sockets than there are file descriptors for: so whoever is one too many is told to come back, not cut off. */
const withinFileDescriptors = Effect.fnUntraced(function* (settings: Values) {
  const { socketsMax } = settings
  const { phones: most } = fileDescriptorShares()
  if (socketsMax <= most) return settings
  yield* Effect.logWarning(`NORITER_SOCKETS_MAX is ${most} and not ${socketsMax}: there are no more file descriptors`)
  return { ...settings, socketsMax: most }
})

/** Looks until it is so, or the time is over. */
const until = (isSo: Effect.Effect<boolean>, msMax: number): Effect.Effect<void> =>
  isSo.pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (so) => so }),
    Effect.timeoutOption(msMax),
    Effect.asVoid
  )
