/**
 * `noriter bots`: a flock as an effect. Owns how long it lives, its progress line and its summary.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { noPlayground } from "./Bot.ts"
import { Flock, type FlockOptions, type Summary } from "./Flock.ts"

/** Bots for as long as the scope is open; the effect it gives is their summary so far. */
export const flock = (options: FlockOptions) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const bots = new Flock(options)
      bots.begin()
      return bots
    }),
    (bots) => Effect.sync(() => bots.end())
  ).pipe(Effect.map((bots) => Effect.sync((): Summary => bots.summary())))

export interface BotsOptions extends FlockOptions {
  /** 0: until interrupted. */
  readonly seconds: number
}

/** Walks and talks for a while; the summary goes to stdout, however it ends. */
export const bots = Effect.fnUntraced(function* (options: BotsOptions) {
  const summary = yield* flock(options)
  const isWatched = process.stderr.isTTY
  if (isWatched) yield* Effect.forkScoped(progress(summary))
  const print = Effect.map(summary, (figures) => {
    if (isWatched) process.stderr.write(lineAnew)
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  })
  const over = options.seconds === 0 ? Effect.never : Effect.sleep(options.seconds * 1000)
  yield* Effect.ensuring(Effect.raceFirst(over, astray(summary, options.playground)), print)
}, Effect.scoped)

/** They were sent where there is nothing. */
class Astray extends Data.TaggedError("Astray")<{ readonly message: string }> {}

// --- internal ---

/** Back to the beginning of the line, and nothing in it. */
const lineAnew = "\r\x1b[K"

/** Fails once a bot has looked for its playground in vain. */
const astray = (summary: Effect.Effect<Summary>, playground: string) =>
  summary.pipe(
    Effect.repeat({
      until: ({ refused }) => refused[noPlayground] !== undefined,
      schedule: Schedule.spaced("1 second")
    }),
    Effect.andThen(new Astray({ message: `there is no playground ${playground}` }))
  )

const progress = (summary: Effect.Effect<Summary>) =>
  Effect.gen(function* () {
    let moves = 0
    while (true) {
      yield* Effect.sleep("1 second")
      const now = yield* summary
      const walking = now.moves - moves
      moves = now.moves
      const parts = [`${now.inside}/${now.bots} inside`, `${walking} moves/s`, `${now.said} said`, `${now.lost} lost`]
      process.stderr.write(`${lineAnew}${parts.join(" · ")}`)
    }
  })
