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
import { EventBus } from "../bus/EventBus.ts"
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

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { opsToken } = yield* Settings
    if (Option.isNone(opsToken)) return
    const bus = yield* EventBus
    const self = yield* Self
    const workers = yield* Workers
    const tell = Effect.gen(function* () {
      const atMs = yield* Clock.currentTimeMillis
      const { user, system } = process.cpuUsage()
      const read = [
        ...meter.read(names),
        ["noriter_cpu_seconds_total", (user + system) / 1e6] as const,
        ["noriter_resident_bytes", process.memoryUsage.rss()] as const
      ]
      yield* bus.publish({
        $type: "noriter.runner.v1.FiguresTold",
        board: boardChannel,
        incarnation: self.incarnation.id,
        atMs,
        figures: read.map(([name, value]) => ({ $type: "noriter.runner.v1.Figure", name, value }))
      })
    })
    yield* workers.run("figures", Effect.repeat(enduring("figures", tell), Schedule.spaced(every)))
  })
)
