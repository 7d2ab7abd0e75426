/**
 * Says once a second, by the runner lane, what this process counts, so that an operator at any runner sees all of them.
 * Owns which figures are said; they are counted by whom they are about, and shown by the board (plaza/ops). Says nothing
 * where no operator may look.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { Figure } from "../../gen/noriter/runner/v1/ops.ts"
import { frameOf } from "../bus/EventBus.ts"
import { RunnerLink } from "../link/RunnerLink.ts"
import { Settings } from "../Settings.ts"
import { meter } from "../telemetry/Metrics.ts"
import { enduring, Workers } from "../Workers.ts"
import { Self } from "./Self.ts"

/** The pub/sub channel that boards listen to. */
export const boardChannel = "ops"

const every = "1 second"

const names: ReadonlyArray<string> = [
  "noriter_sockets_open",
  "noriter_sessions",
  "noriter_lines_in_total",
  "noriter_socket_writes_total",
  "noriter_bytes_out_total",
  "noriter_outbox_bytes",
  "noriter_refused_total",
  "noriter_disconnects_total",
  "noriter_topic_lag_seconds",
  "noriter_commits_total",
  "noriter_commit_duration_seconds",
  "noriter_tick_duration_seconds",
  "noriter_dead_letters_total",
  // Of watchers.
  "noriter_defects",
  "noriter_repairs_total"
]

/** What a runner counts. */
export const layer = Layer.effectDiscard(Effect.flatMap(Self, (self) => tellAs(() => self.incarnation.id)))

/** Tells what this process counts, under its place in the roster, while it has one. */
export const tellAs = Effect.fnUntraced(function* (place: () => string | undefined) {
  const { opsToken } = yield* Settings
  if (Option.isNone(opsToken)) return
  const link = yield* RunnerLink
  const workers = yield* Workers
  const tell = Effect.gen(function* () {
    const incarnation = place()
    if (incarnation === undefined) return
    const figures = figuresNow()
    const atMs = yield* Clock.currentTimeMillis
    const told = { $type: "noriter.runner.v1.FiguresTold", board: boardChannel, incarnation, atMs, figures } as const
    const { channel, bytes } = frameOf(told, undefined)
    yield* link.publish(channel, bytes)
  })
  yield* workers.run("figures", Effect.repeat(enduring("figures", tell), Schedule.spaced(every)))
})

const figuresNow = (): Array<Figure> => {
  const { user, system } = process.cpuUsage()
  const read = [
    ...meter.read(names),
    ["noriter_cpu_seconds_total", (user + system) / 1e6] as const,
    ["noriter_resident_bytes", process.memoryUsage.rss()] as const
  ]
  return read.map(([name, value]) => ({ $type: "noriter.runner.v1.Figure", name, value }))
}
