/**
 * Where log lines go and how they look: to stderr, because stdout is for the line that says ready; for people on a
 * terminal, as JSON lines otherwise. NO_COLOR is respected. The level is --log-level's.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"

export interface Sink {
  readonly isTTY: boolean
  readonly noColor: boolean
}

/** For this process's stderr. */
export const layer: Layer.Layer<never> = Layer.unwrap(
  Effect.sync(() => layerFor({ isTTY: process.stderr.isTTY === true, noColor: (process.env.NO_COLOR ?? "") !== "" }))
)

const layerFor = (sink: Sink): Layer.Layer<never> =>
  Layer.merge(
    Logger.layer([
      sink.isTTY
        ? Logger.consolePretty({ colors: !sink.noColor, mode: "tty" })
        : Logger.withConsoleError(Logger.formatJson)
    ]),
    Layer.succeed(Logger.LogToStderr, true)
  )
