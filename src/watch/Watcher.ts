/**
 * The supervisor outside the runners: keeps what the shared space says of presence true when nobody else can, because
 * whoever should is dead (rules P5 to P8). Any number of watchers do the same at once, without a leader: each change
 * compares before it is made. Owns when each of its works is done; what each does is in the file of its name.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import { generationText, type Incarnation, Roster, watcherPrefix } from "../link/Roster.ts"
import { monotonicMs } from "../Monotonic.ts"
import { Settings, type Values } from "../Settings.ts"
import { moveOnOverdue } from "../space/Overdue.ts"
import { SharedSpace } from "../space/SharedSpace.ts"
import { memberNumber } from "../space/Tag.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { enduring, Workers } from "../Workers.ts"
import { audit, type Found, kinds, lasting, repair } from "./Audit.ts"
import { ChannelList } from "./ChannelList.ts"
import { Observer, type Seen } from "./Observer.ts"
import { type Broom, broomOf, Sweep } from "./Sweep.ts"
import type { Dead } from "./Verdicts.ts"

export class Watcher extends Context.Service<
  Watcher,
  {
    /** Fails with the reasons why it watches nothing just now. */
    readonly ready: Effect.Effect<void, ReadonlyArray<string>>
    /** Its name in the roster, while it has a place there. */
    readonly place: () => string | undefined
  }
>()("noriter/watch/Watcher") {
  static readonly layer = Layer.effect(
    Watcher,
    Effect.suspend(() => make)
  )
}

/** How often roster and leases are looked at; at once where the roster says that it changed. */
const lookMs = 500
/** The watchers that are not the first in the roster leave it so long to the first (rule P8). */
const yieldMs = 1_000
/** What of a dead incarnation is left is looked at again after so long. */
const sweepAgainMs = 1_000
/** Incarnations swept at once. */
const sweepsAtOnce = 4
/** How often deadlines are looked at; as runners look at their own. */
const deadlinesMs = 250
/** Members moved on at once, of one channel. */
const dueMax = 500
/** What a living runner does by itself a watcher leaves to it for so long. */
const leftToOwnerMs = 2_000
/** How often all members are looked at; less often where there are many: a thousand a second. */
const auditMs = 1_000
const auditMsPerMember = 1

const make = Effect.gen(function* () {
  const roster = yield* Roster
  const workers = yield* Workers
  const space = yield* SharedSpace
  const rounds = new Rounds(space, yield* Observer, yield* ChannelList, yield* Settings)
  const { look } = yield* Observer
  const looks = yield* Queue.sliding<void>(1)
  yield* roster.onChange(() => void Queue.offerUnsafe(looks, undefined))
  yield* space.onReady(() => rounds.reconnected())

  const looking = Effect.matchEffect(look, {
    onSuccess: (seen) => rounds.saw(seen),
    onFailure: (error) => rounds.sawNothing(error.message)
  }).pipe(Effect.andThen(Effect.timeoutOption(Queue.take(looks), lookMs)))
  const name = `${watcherPrefix}${crypto.randomUUID().slice(0, 8)}`
  let placed: string | undefined
  const place = takePlace(roster, name, (id) => {
    placed = id
    rounds.placed(id)
  })
  yield* workers.run("watcher's place", Effect.forever(Effect.andThen(place, Effect.sleep(lookMs))))
  yield* workers.run("watcher's look", Effect.forever(looking))
  const sweep = rounds.untilReconnected(rounds.sweep)
  const moveOn = enduring("deadlines", rounds.untilReconnected(rounds.moveOn))
  yield* workers.run("sweep", Effect.repeat(sweep, Schedule.spaced(deadlinesMs)))
  yield* workers.run("deadlines", Effect.repeat(moveOn, Schedule.spaced(deadlinesMs)))
  yield* workers.run("audit", Effect.forever(Effect.flatMap(rounds.audit, Effect.sleep)))
  return Watcher.of({ ready: rounds.ready, place: () => placed })
})

/** A place among the watchers, as long as it lasts. */
const takePlace = (roster: Roster["Service"], name: string, placed: (id: string | undefined) => void) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { incarnation, expired } = yield* roster.join(name)
      placed(incarnation.id)
      yield* expired
    })
  ).pipe(
    Effect.catch((cause) => Effect.logWarning("the watcher has no place in the roster", cause)),
    Effect.ensuring(Effect.sync(() => placed(undefined)))
  )

/** A dead incarnation, and what was done about it so far. */
interface Doomed {
  readonly sweep: Sweep
  /** When this watcher found it dead. */
  readonly foundMs: number
  /** When to sweep it next. */
  dueMs: number
  isFenced: boolean
}

/** What a watcher knows between one round and the next, and its works on it. */
class Rounds {
  readonly #space: SharedSpace["Service"]
  readonly #observer: Observer["Service"]
  readonly #channels: ChannelList["Service"]
  readonly #settings: Values
  readonly #doomed = new Map<string, Doomed>()
  /** Those that an operator was told of. */
  #nodeless: ReadonlySet<string> = new Set()
  #place: string | undefined
  #seen: Seen | undefined
  /** Undefined where there is nothing to be kept clean. */
  #broom: Broom | undefined
  #trouble: string | undefined = "nothing was looked at yet"
  #before: Found = { defects: [], members: 0 }
  #reconnect = Deferred.makeUnsafe<void>()

  constructor(
    space: SharedSpace["Service"],
    observer: Observer["Service"],
    channels: ChannelList["Service"],
    settings: Values
  ) {
    this.#space = space
    this.#observer = observer
    this.#channels = channels
    this.#settings = settings
  }

  /** Fails with why it watches nothing just now. */
  readonly ready = Effect.suspend(() =>
    this.#trouble === undefined ? Effect.void : Effect.fail<ReadonlyArray<string>>([this.#trouble])
  )

  placed(id: string | undefined): void {
    this.#place = id
  }

  /** The space may have gone back: whoever holds what the dead held then must first say so. They are found again. */
  reconnected(): void {
    this.#doomed.clear()
    Deferred.doneUnsafe(this.#reconnect, Exit.void)
    this.#reconnect = Deferred.makeUnsafe()
  }

  /** Gives up what is under way when the space is reached anew: it goes by who seemed dead or overdue before. */
  untilReconnected<E>(work: Effect.Effect<void, E>): Effect.Effect<void, E> {
    return Effect.suspend(() => Effect.raceFirst(work, Deferred.await(this.#reconnect)))
  }

  // --- Who is there ---

  saw(seen: Seen | undefined): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (this.#trouble !== undefined) yield* Effect.logInfo("the watcher sees roster and shared space")
      this.#trouble = undefined
      Metrics.watcherBlind.of().value = (yield* this.#observer.isBlind) ? 1 : 0
      if (textOf(seen) !== textOf(this.#seen)) this.#begin(seen)
      this.#seen = seen
      if (seen === undefined) return
      const nowMs = yield* monotonicMs
      for (const dead of seen.dead) yield* this.#doom(dead, nowMs)
      const left = new Set(seen.enrolled.map(({ id }) => id))
      for (const id of this.#doomed.keys()) if (!left.has(id)) this.#doomed.delete(id)
      yield* this.#tellOf(seen.nodeless)
      this.#count(seen, nowMs)
    })
  }

  sawNothing(why: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isNews = this.#trouble === undefined
      this.#trouble = why
      Metrics.watcherBlind.of().value = 1
      return isNews ? Effect.logWarning(`the watcher does not see, and judges nobody: ${why}`) : Effect.void
    })
  }

  /** What was known of another generation is void. */
  #begin(seen: Seen | undefined): void {
    this.#doomed.clear()
    this.#broom = undefined
    if (seen !== undefined) {
      this.#broom = broomOf(this.#space, seen.generation, this.#settings, this.#channels.all)
    }
  }

  #doom(dead: Dead, nowMs: number): Effect.Effect<void> {
    const { id } = dead.incarnation
    if (this.#broom === undefined || this.#doomed.has(id)) return Effect.void
    const sweep = new Sweep(this.#broom, dead)
    this.#doomed.set(id, { sweep, foundMs: nowMs, dueMs: nowMs + (this.#isFirst ? 0 : yieldMs), isFenced: false })
    return Effect.logWarning(`${id} is dead: no node, and a lease that nobody refreshes`)
  }

  get #isFirst(): boolean {
    const first = this.#seen?.living.find(({ runner }) => runner.startsWith(watcherPrefix))
    return first !== undefined && first.id === this.#place
  }

  #tellOf(nodeless: ReadonlyArray<Incarnation>): Effect.Effect<void> {
    const known = this.#nodeless
    this.#nodeless = new Set(nodeless.map(({ id }) => id))
    const news = [...this.#nodeless].filter((id) => !known.has(id))
    return Effect.forEach(
      news,
      (id) => Effect.logError(`${id} has had no node for over a minute, and keeps its lease`),
      { discard: true }
    )
  }

  #count({ enrolled, nodeless }: Seen, nowMs: number): void {
    const unswept = [...this.#doomed.values()].filter(({ isFenced }) => !isFenced)
    Metrics.unsweptSeconds.value = Math.max(0, ...unswept.map(({ foundMs }) => nowMs - foundMs)) / 1000
    Metrics.incarnations.of("dead").value = this.#doomed.size
    Metrics.incarnations.of("nodeless").value = nodeless.length
    Metrics.incarnations.of("living").value = enrolled.length - this.#doomed.size
  }

  // --- What is done ---

  readonly sweep = Effect.suspend(() =>
    Effect.flatMap(monotonicMs, (nowMs) =>
      Effect.forEach(
        [...this.#doomed].filter(([, { dueMs }]) => dueMs <= nowMs),
        ([id, doomed]) => this.#sweepOne(id, doomed),
        { concurrency: sweepsAtOnce, discard: true }
      )
    )
  )

  #sweepOne(id: string, doomed: Doomed): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const swept = yield* doomed.sweep.run()
      Metrics.sweeps.of(swept).count++
      if (!doomed.isFenced) yield* Effect.logInfo(`${id} is swept: nobody sees those it held`)
      doomed.isFenced = true
      if (swept === "swept") this.#doomed.delete(id)
    }).pipe(
      Effect.catch((cause) => {
        Metrics.sweeps.of("failed").count++
        return Effect.logWarning(`${id} could not be swept this time`, cause)
      }),
      Effect.andThen(monotonicMs),
      Effect.map((nowMs) => {
        doomed.dueMs = nowMs + sweepAgainMs
      })
    )
  }

  /** Members whose time has come, and whose runner is not there to see it (rule P5). */
  readonly moveOn = Effect.gen({ self: this }, function* () {
    const broom = this.#broom
    // Behind a reconnect whoever seems overdue may have come back in what the space has lost (rules P7, L11).
    if (broom === undefined || (yield* this.#observer.isBlind)) return
    const nowMs = yield* Clock.currentTimeMillis
    const moveOn = moveOnOverdue(broom.writes, this.#settings)
    for (const [channel, keys] of yield* broom.space.due(yield* broom.channels, nowMs, dueMax)) {
      for (const key of keys) {
        const member = memberNumber(key)
        const entry = yield* broom.writes.readMember(channel, member)
        const isLeft = entry?.owner === undefined || this.#observer.isGone(entry.owner.incarnation)
        if (isLeft || nowMs >= (entry.dueMs ?? 0) + leftToOwnerMs) yield* moveOn(channel, member, nowMs)
      }
    }
  })

  /** Ends with how long to wait for the next. */
  readonly audit = Effect.gen({ self: this }, function* () {
    const broom = this.#broom
    if (broom === undefined || this.#trouble !== undefined) return auditMs
    const now = yield* audit(broom, (id) => this.#observer.isGone(id))
    const defects = lasting(now, this.#before)
    this.#before = now
    for (const kind of kinds) Metrics.defects.of(kind).value = defects.filter((defect) => defect.kind === kind).length
    for (const defect of defects) {
      if (yield* repair(broom, defect)) Metrics.repairs.of(defect.kind).count++
    }
    return Math.max(auditMs, now.members * auditMsPerMember)
  }).pipe(Effect.catch((cause) => Effect.as(Effect.logWarning("audit: not this time", cause), auditMs)))
}

const textOf = (seen: Seen | undefined): string => (seen === undefined ? "" : generationText(seen.generation))
