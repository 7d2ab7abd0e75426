/**
 * `noriter doctor audit`: what is wrong with presence and timers in the shared space, for an operator to read, and its repair. Looks
 * for as long as a verdict takes, so that whoever is only out of sight for a moment is not taken for dead. Owns what is
 * said; what counts as a defect is src/watch's.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import { Settings, type Values } from "../Settings.ts"
import { SharedSpace } from "../space/SharedSpace.ts"
import { overdue } from "../space/Timers.ts"
import { audit, type Defect, lasting, repair } from "../watch/Audit.ts"
import { ChannelList } from "../watch/ChannelList.ts"
import { Observer, type Seen } from "../watch/Observer.ts"
import { type Broom, broomOf, Sweep } from "../watch/Sweep.ts"
import { type Outside, watchedSettings } from "./Watch.ts"

export interface AuditOptions {
  readonly repair: boolean
  readonly variables: Record<string, string | undefined>
  readonly print: (line: string) => void
}

/** Defects stand. They have been said already, so only the exit code is left. */
class DefectsStand extends Data.TaggedError("DefectsStand")<{ readonly defects: number }> {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = 1
}

const lookEvery = "500 millis"
/** Between two looks at the same members. */
const auditAgain = "2 seconds"

/** Prints what is wrong, one line each; fails if any of it stays. */
export const auditPresence = Effect.fnUntraced(function* <E>(outside: Outside<E>, options: AuditOptions) {
  const { settings, watched } = yield* watchedSettings(options.variables)
  const layer = Layer.provide(outside(settings, watched), Layer.succeed(Settings, settings))
  yield* Effect.scoped(Effect.flatMap(Layer.build(layer), (services) => examine(services, settings, options)))
})

const examine = Effect.fnUntraced(function* (
  services: Context.Context<Observer | ChannelList | SharedSpace>,
  settings: Values,
  { repair: mends, print }: AuditOptions
) {
  const observer = Context.get(services, Observer)
  const seen = yield* untilSeen(observer)
  if (seen === undefined) return print("the shared space is empty")
  const channels = Context.get(services, ChannelList).all
  const space = Context.get(services, SharedSpace)
  const broom = broomOf(space, seen.generation, settings, channels)
  const isGone = (id: string) => observer.isGone(id)
  for (const { incarnation } of seen.dead) print(`dead      ${incarnation.id}: not swept yet`)
  for (const { id } of seen.nodeless) print(`nodeless  ${id}: no node in the roster, and its lease is kept`)
  const first = yield* audit(broom, isGone)
  yield* Effect.sleep(auditAgain)
  const found = yield* audit(broom, isGone)
  const defects = lasting(found, first)
  for (const { kind, channel, member, detail } of defects) print(`${kind.padEnd(9)} ${channel}/${member}: ${detail}`)
  print(`${found.members} members in all, ${defects.length} not as they must be, ${seen.dead.length} runners unswept`)
  const late = yield* overdue(space)
  if (late > 0) print(`${late} timers are overdue: runners fire them as soon as the log takes them`)
  if (!mends) return yield* failing(defects.length + seen.dead.length + late)
  yield* mend(broom, seen, defects)
  yield* Effect.sleep(auditAgain)
  const left = lasting(yield* audit(broom, isGone), found).length
  print(`repaired: ${left} are left`)
  return yield* failing(left)
})

const failing = (defects: number) => (defects === 0 ? Effect.void : Effect.fail(new DefectsStand({ defects })))

/** Looks until verdicts can be given; what cannot be read fails at once, since nothing could be said of it. */
const untilSeen = (observer: Observer["Service"]) =>
  Effect.gen(function* () {
    const seen = yield* observer.look
    return { seen, isBlind: seen !== undefined && (yield* observer.isBlind) }
  }).pipe(
    Effect.repeat({ schedule: Schedule.spaced(lookEvery), while: ({ isBlind }) => isBlind }),
    Effect.map(({ seen }) => seen)
  )

/** The dead are swept, and what is left is mended one by one. */
const mend = Effect.fnUntraced(function* (broom: Broom, { dead }: Seen, defects: ReadonlyArray<Defect>) {
  for (const one of dead) yield* new Sweep(broom, one).run()
  for (const defect of defects) yield* repair(broom, defect)
})
