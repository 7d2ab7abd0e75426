/**
 * `noriter start`: one server, from its settings to its drain. Owns the order of things (refuse, warn, answer HTTP,
 * run, say ready, drain) and the ready line; what runs is given to it, because only App.ts knows the layers.
 */
import { networkInterfaces } from "node:os"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { HttpServer } from "../client/HttpServer.ts"
import { fromEnv, refusals, Settings, type SettingsError, strangers, type Values, warnings } from "../Settings.ts"
import { Process } from "../telemetry/Process.ts"
import * as Tracing from "../telemetry/Tracing.ts"
import { Workers } from "../Workers.ts"
import { flock } from "./Bots.ts"

/** What start needs to know of what runs. */
export interface Running {
  /** Where phones connect to, as bound. */
  readonly tcp: { readonly host: string; readonly port: number }
  /** Whether a browser finds a page. */
  readonly hasPage: boolean
  /** Fails with the reasons why phones should go elsewhere. */
  readonly ready: Effect.Effect<void, ReadonlyArray<string>>
  /** Lets phones go in good order. The layer is closed after it. */
  readonly drain: Effect.Effect<void>
}

/** The runner's service and the layer that provides it. */
export interface Server<Id, E> {
  readonly runner: Context.Key<Id, Running>
  readonly layer: Layer.Layer<Id, E, Settings | Workers | HttpServer | FileSystem.FileSystem>
  readonly version: string
  readonly protocol: number
}

/** Start is refused, for reasons that an operator can mend. */
export class StartRefused extends Data.TaggedError("StartRefused")<{ readonly reasons: ReadonlyArray<string> }> {
  override get message(): string {
    return this.reasons.join("; ")
  }
}

export interface StartOptions {
  /** Bots that walk in this very process, over real sockets. */
  readonly bots: number
  readonly variables: Record<string, string | undefined>
  /** Takes the ready line, without its end, and what it says. */
  readonly announce: (line: string, at: Addresses) => void
  /** Takes what is said to a person who looks on, where one does. */
  readonly invite?: ((line: string) => void) | undefined
}

/** Where phones connect to, and where operators look, as bound. */
export interface Addresses {
  readonly tcp: Address
  readonly http: Address
}

interface Address {
  readonly host: string
  readonly port: number
}

/** Runs until it is interrupted, which drains, or until a worker gives up. */
export const start = Effect.fnUntraced(function* <Id, E>(server: Server<Id, E>, options: StartOptions) {
  const settings = yield* judged(options.variables)
  const readiness: { now: Readiness } = { now: starting }
  const http = HttpServer.layer(Effect.suspend(() => readiness.now)).pipe(Layer.provide(Process.layer(server)))
  // HTTP is up first and down last, so that an orchestrator sees why a server is not ready, and that it drains.
  const below = Layer.merge(http, Workers.layer).pipe(Layer.provideMerge(Layer.succeed(Settings, settings)))
  yield* Effect.scoped(
    Effect.gen(function* () {
      const services = yield* Layer.build(below)
      const running = yield* Layer.build(Layer.provide(server.layer, Layer.succeedContext(services)))
      const runner = Context.get(running, server.runner)
      const { failed } = Context.get(services, Workers)
      readiness.now = runner.ready
      const serve = Effect.gen(function* () {
        // This schedule has no end, so nothing is left to fail.
        yield* runner.ready.pipe(Effect.retry(Schedule.spaced("20 millis")), Effect.orDie)
        const http = Context.get(services, HttpServer)
        const at: Addresses = { tcp: runner.tcp, http }
        options.announce(`noriter ready pid=${process.pid} tcp=${address(at.tcp)} http=${address(at.http)}`, at)
        if (runner.hasPage) options.invite?.(`open ${pagesAt(http).join(" or ")}`)
        if (options.bots > 0) yield* flock({ ...botsAt(runner.tcp), count: options.bots })
        return yield* Effect.never
      })
      const drain = Effect.suspend(() => {
        readiness.now = draining
        return Effect.andThen(Effect.logInfo("draining; a second signal ends the process at once"), runner.drain)
      })
      yield* Effect.onInterrupt(Effect.raceFirst(serve, failed), () => drain)
    })
  ).pipe(Effect.provide(Tracing.layer({ url: settings.otlpUrl, version: server.version })))
})

// --- internal ---

type Readiness = Running["ready"]
const starting: Readiness = Effect.fail(["starting"])
const draining: Readiness = Effect.fail(["draining"])

/** The settings, warned of aloud, or the reasons against them. */
const judged = Effect.fnUntraced(function* (
  variables: Record<string, string | undefined>
): Effect.fn.Return<Values, SettingsError | StartRefused> {
  const settings = yield* fromEnv(variables)
  const reasons = refusals(settings)
  if (reasons.length > 0) return yield* new StartRefused({ reasons })
  for (const name of strangers(variables)) yield* Effect.logWarning(`${name} is no setting of this version: ignored`)
  for (const warning of warnings(settings)) yield* Effect.logWarning(warning)
  return settings
})

/** As it stands in a ready line. */
export const address = ({ host, port }: Address): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

/** What to type into a browser: on this machine, and on those around it where they reach it. */
const pagesAt = ({ scheme, host, port }: HttpServer["Service"]): ReadonlyArray<string> => {
  const around = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ family, internal, address }) => (internal || family !== "IPv4" ? [] : [address]))
  const hosts = isEverywhere(host) ? ["127.0.0.1", ...around] : [host]
  return hosts.map((host) => `${scheme}://${address({ host, port })}/`)
}

const isEverywhere = (host: string): boolean => host === "0.0.0.0" || host === "::"

/** One cannot connect to an address that stands for all addresses, but everywhere there is loopback. */
const botsAt = ({ host, port }: Running["tcp"]) => ({
  host: host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host,
  port,
  playground: "",
  seed: process.pid
})
