/**
 * What an operator sees: playgrounds with their channels and people, who lives, and what each process counted last. Owns
 * putting it together; each part is read where it is true (the shared space, the roster, the frames of Figures). Whom it
 * is shown to is the OpsDesk's.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { BoardConsumer } from "../../../gen/consumers.ts"
import type { FiguresTold } from "../../../gen/noriter/runner/v1/ops.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { Roster } from "../../link/Roster.ts"
import { monotonicMsOf } from "../../Monotonic.ts"
import { boardChannel } from "../../space/Figures.ts"
import { SharedSpace } from "../../space/SharedSpace.ts"
import { allChannels, type OpenChannel } from "../playground/Population.ts"
import { World } from "../playground/World.ts"

/** As it is sent to the page, in JSON. */
export interface Shown {
  readonly atMs: number
  readonly playgrounds: ReadonlyArray<{
    readonly id: string
    readonly name: string
    readonly capacity: number
    readonly channels: ReadonlyArray<OpenChannel>
  }>
  /** Everyone with a place in the roster, watchers too. */
  readonly living: ReadonlyArray<{ readonly incarnation: string; readonly runner: string }>
  readonly figures: ReadonlyArray<{
    readonly incarnation: string
    readonly atMs: number
    /** How long ago it was heard, by the clock of whoever shows it. */
    readonly ageMs: number
    /** How long it was on its way, by both clocks. */
    readonly lagMs: number
    readonly values: Readonly<Record<string, number>>
  }>
  /** What could not be read just now. */
  readonly missing: ReadonlyArray<string>
}

export interface Board {
  readonly now: Effect.Effect<Shown>
}

/** A process that was not heard for so long is not shown any more. */
const silentMsMax = 10_000
/** More than any cluster has; what comes of more is not kept. */
const processesMax = 1_000

export const make = Effect.gen(function* () {
  const bus = yield* EventBus
  const roster = yield* Roster
  const space = yield* SharedSpace
  const world = yield* World
  const clock = yield* Clock.Clock
  const heard = new Map<string, { readonly told: FiguresTold; readonly heardMs: number; readonly lagMs: number }>()

  const forget = (nowMs: number): void => {
    for (const [incarnation, { heardMs }] of heard) if (nowMs - heardMs > silentMsMax) heard.delete(incarnation)
  }
  yield* bus.register(BoardConsumer, {
    note: (told) =>
      Effect.sync(() => {
        const heardMs = monotonicMsOf(clock)
        const lagMs = clock.currentTimeMillisUnsafe() - told.atMs
        forget(heardMs)
        if (heard.size < processesMax || heard.has(told.incarnation))
          heard.set(told.incarnation, { told, heardMs, lagMs })
      })
  })
  yield* bus.listen(boardChannel)

  const playgrounds = Effect.map(allChannels(space, world.playgrounds), (all) =>
    all.map(({ playground: { id, name, capacity }, channels }) => ({ id, name, capacity, channels }))
  )
  const living = Effect.map(roster.living, (all) => all.map(({ id, runner }) => ({ incarnation: id, runner })))

  const now = Effect.gen(function* () {
    const missing: Array<string> = []
    /** One server that is away leaves the rest of the board as it is. */
    const orMissing = <A, E>(what: string, read: Effect.Effect<ReadonlyArray<A>, E>) =>
      Effect.catch(read, () => {
        missing.push(what)
        return Effect.succeed<ReadonlyArray<A>>([])
      })
    const [places, alive] = yield* Effect.all(
      [orMissing("the shared space", playgrounds), orMissing("the roster", living)],
      { concurrency: "unbounded" }
    )
    const atMs = yield* Clock.currentTimeMillis
    const nowMs = monotonicMsOf(clock)
    forget(nowMs)
    const figures = [...heard.values()].map(({ told, heardMs, lagMs }) => ({
      incarnation: told.incarnation,
      atMs: told.atMs,
      ageMs: nowMs - heardMs,
      lagMs,
      values: Object.fromEntries(told.figures.map(({ name, value }) => [name, value]))
    }))
    const shown: Shown = { atMs, playgrounds: places, living: alive, figures, missing }
    return shown
  })
  const board: Board = { now }
  return board
})
