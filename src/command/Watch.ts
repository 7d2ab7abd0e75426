/**
 * `noriter watch`: a watcher in a process of its own, outside the runners. Owns the order of things (refuse, answer HTTP,
 * watch, say so) and its ready line; what it does is src/watch's, and the layers below it are given to it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { HttpServer } from "../client/HttpServer.ts"
import type { Roster } from "../link/Roster.ts"
import type { RunnerLink } from "../link/RunnerLink.ts"
import {
  accountRefusals,
  fromEnv,
  listeningRefusals,
  Settings,
  strangers,
  type Values,
  type Watched,
  watchedOf
} from "../Settings.ts"
import * as Figures from "../space/Figures.ts"
import type { SharedSpace } from "../space/SharedSpace.ts"
import { Process } from "../telemetry/Process.ts"
import { Workers } from "../Workers.ts"
import type { ChannelList } from "../watch/ChannelList.ts"
import type { Observer } from "../watch/Observer.ts"
import { Watcher } from "../watch/Watcher.ts"
import { address, StartRefused } from "./Start.ts"

/** What is below a watcher, over the servers that the settings name. */
export type Outside<E, R = never> = (
  settings: Values,
  watched: Watched
) => Layer.Layer<Observer | ChannelList | SharedSpace | Roster | RunnerLink, E, Settings | FileSystem.FileSystem | R>

interface Versions {
  readonly version: string
  readonly protocol: number
}

export interface WatchOptions {
  readonly variables: Record<string, string | undefined>
  /** Takes the ready line, without its end. */
  readonly announce: (line: string) => void
}

/** The settings with what they name, or why there is nothing to watch. */
export const watchedSettings = Effect.fnUntraced(function* (variables: Record<string, string | undefined>) {
  const settings = yield* fromEnv(variables)
  for (const name of strangers(variables)) yield* Effect.logWarning(`${name} is no setting of this version: ignored`)
  const half = accountRefusals(settings)
  if (half.length > 0) return yield* new StartRefused({ reasons: half })
  const watched = watchedOf(settings)
  if (watched !== undefined) return { settings, watched }
  const missing = [
    ...(Option.isNone(settings.redisUrl) ? ["NORITER_REDIS_URL"] : []),
    ...(Option.isNone(settings.zookeeper) ? ["NORITER_ZOOKEEPER"] : [])
  ]
  return yield* new StartRefused({
    reasons: [`what the runners share is watched, and ${missing.join(" and ")} missing: one by itself watches itself`]
  })
})

/** Watches until it is interrupted, or until a worker gives up. */
export const watch = Effect.fnUntraced(function* <E>(
  outside: Outside<E, Workers>,
  versions: Versions,
  options: WatchOptions
) {
  const { settings, watched } = yield* watchedSettings(options.variables)
  const reasons = listeningRefusals(settings)
  if (reasons.length > 0) return yield* new StartRefused({ reasons })
  let ready: Effect.Effect<void, ReadonlyArray<string>> = Effect.fail(["starting"])
  const http = HttpServer.layer(Effect.suspend(() => ready)).pipe(Layer.provide(Process.layer(versions)))
  const below = Layer.merge(http, Workers.layer).pipe(Layer.provideMerge(Layer.succeed(Settings, settings)))
  yield* Effect.scoped(
    Effect.gen(function* () {
      const services = yield* Layer.build(below)
      const layer = Layer.provideMerge(Watcher.layer, outside(settings, watched))
      const built = yield* Layer.build(Layer.provide(layer, Layer.succeedContext(services)))
      const watcher = Context.get(built, Watcher)
      yield* Effect.provideContext(Figures.tellAs(watcher.place), Context.merge(services, built))
      ready = watcher.ready
      const watching = Effect.gen(function* () {
        // This schedule has no end, so nothing is left to fail.
        yield* watcher.ready.pipe(Effect.retry(Schedule.spaced("20 millis")), Effect.orDie)
        options.announce(`noriter watching pid=${process.pid} http=${address(Context.get(services, HttpServer))}`)
        return yield* Effect.never
      })
      return yield* Effect.raceFirst(watching, Context.get(services, Workers).failed)
    })
  )
})
