/**
 * The sessions this runner holds: those with a socket, and those it waits for (lost, away). Owns their deadlines and who
 * has which guest; what is true about a session is its record in the shared space.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { SessionHolderConsumer } from "../../gen/consumers.ts"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { Answer, PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { partitionOf, topicRoutes } from "../../gen/registry.ts"
import { EventBus } from "../bus/EventBus.ts"
import { generationText } from "../link/Roster.ts"
import { RunnerLink } from "../link/RunnerLink.ts"
import { TopicLog } from "../link/TopicLog.ts"
import { monotonicMs, monotonicMsOf } from "../Monotonic.ts"
import { Settings } from "../Settings.ts"
import type { Held } from "../space/Held.ts"
import { Presence } from "../space/Presence.ts"
import type { PresenceEvent } from "../space/PresenceState.ts"
import type { Regained } from "../space/Regain.ts"
import { Self } from "../space/Self.ts"
import { sessions as sessionFigures } from "../telemetry/Metrics.ts"
import { enduring } from "../Workers.ts"
import { Attendance } from "./Attendance.ts"
import type { Connection } from "./Connection.ts"
import { healing } from "./Healing.ts"
import { Registry } from "./Registry.ts"
import { Session, type SessionServices } from "./Session.ts"

/** How often deadlines are looked at. */
const sweepEvery = "250 millis"
/** So many are moved on at once. */
const atOnce = 100
/** How often it is looked which claims broke off. */
const brokenOffEvery = "1 second"
/** How often it is asked who lives, while nobody can say. */
const judgeEvery = "500 millis"
/** When a removal that could not be written is tried again, and how often: for half a minute, as a write waits, too. */
const removeAgain = "500 millis"
const removeAgainMax = 15
const warnEveryMs = 1_000

type Dismissal = readonly [code: DisconnectCode, message: string]
const replaced: Dismissal = [DisconnectCode.DISCONNECT_CODE_REPLACED, "this guest is here on a newer socket"]
const ended: Dismissal = [DisconnectCode.DISCONNECT_CODE_SESSION_ENDED, "the session has ended; say hello"]
const removed: Dismissal = [DisconnectCode.DISCONNECT_CODE_REMOVED, "an operator removed you"]
const fenced: Dismissal = [DisconnectCode.DISCONNECT_CODE_FENCED, "this runner was not heard for too long; resume"]

/** Phones are told to come back spread over this long, so that they do not all come at once. */
const comeBackSpreadMs = 2_000

export class Sessions extends Context.Service<
  Sessions,
  {
    /** A phone that has not said hello yet. */
    readonly visitor: (connection: Connection) => Session
    /** The session has its guest: it replaces another of the same guest here. */
    readonly adopt: (session: Session) => void
    readonly ofGuest: (guest: string) => Session | undefined
    readonly ofSession: (session: string) => Session | undefined
    readonly all: () => Iterable<Session>
    /**
     * Another has claimed it, or seems to, or where it stands was not written for certain: that is looked at, and again
     * until somebody can say (rules P4, P7). Nothing lasting is begun for it before (rule L7).
     */
    readonly judge: (session: Session) => void
    /** The socket is gone: from here on the grace counts (rule P5). */
    readonly lost: (session: Session) => Effect.Effect<void>
    /** Tells every phone to come back, to another runner or this one anew. */
    readonly drain: Effect.Effect<void>
  }
>()("noriter/client/Sessions") {
  static readonly layer = Layer.effect(
    Sessions,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const bus = yield* EventBus
  const presence = yield* Presence
  const attendance = yield* Attendance
  const link = yield* RunnerLink
  const self = yield* Self
  const registry = new Registry()
  /** Of whom something waits, or did at the last sweep: most have a socket, and ask for nothing lasting. */
  const restless = new Set<Session>()
  const services = yield* sessionServices(restless)
  const fork = yield* FiberSet.makeRuntime()
  const judging = new Set<Session>()
  let warnedMs = Number.NEGATIVE_INFINITY
  /** Once for all of them: while the space is away, none of thousands can be moved on or judged. */
  const warn = Effect.fnUntraced(function* (what: string, cause: unknown) {
    const nowMs = yield* monotonicMs
    if (nowMs < warnedMs + warnEveryMs) return
    warnedMs = nowMs
    yield* Effect.logWarning(what, cause)
  })

  const moveOn = (session: Session, event: PresenceEvent) =>
    session
      .change((held) =>
        // Fenced, nothing is its to change. What has happened meanwhile is looked at again when it is put back.
        self.isFenced()
          ? Effect.void
          : Effect.map(presence.moveOn(held, event, session.lastId, attendance.positionOf(session)), (moved) =>
              adopt(session, moved)
            )
      )
      .pipe(
        // It is another's, or this incarnation may not any more: what the record says goes.
        Effect.catchTag("PresenceRefused", () => regain(session)),
        // The deadline stands in the shared space: what could not be moved on now is looked at again.
        Effect.catchCause((cause) => warn("a session could not be moved on", cause))
      )
  const lookAt = (session: Session) =>
    Effect.flatMap(Clock.currentTimeMillis, (nowMs) =>
      moveOn(session, { _tag: session.isPresent ? "SocketLost" : "DeadlineSeen", nowMs })
    )
  const adopt = (session: Session, moved: Session["held"] | "ended"): void => {
    if (moved === "ended") forget(session)
    else session.held = moved
  }
  const forget = (session: Session): void => {
    attendance.detached(session)
    session.end()
    registry.delete(session)
  }
  const dismiss = (session: Session, code: DisconnectCode, message: string): void => {
    forget(session)
    session.disconnect(code, message)
    session.connection = undefined
  }
  const replace = (session: Session): void => {
    dismiss(session, ...replaced)
    attendance.replaced(session)
  }
  /** Has the shared space say what is held here, or this runner hold no more than that says. */
  const regainOr = (whenEnded: Dismissal) => (session: Session) => {
    const come = (regained: Regained, generation: string): boolean => {
      if (regained._tag === "Unjudged") {
        judge(session)
        return false
      }
      if (regained._tag === "Replaced") replace(session)
      else if (regained._tag === "Ended") dismiss(session, ...whenEnded)
      else {
        // This runner was no longer known: others may have had the session, though a space that went back does not say so.
        const wasAway = regained.held.owner.incarnation !== session.held?.owner.incarnation
        if (regained.isClaimedBack || wasAway) session.wasClaimedBack()
        session.held = regained.held
        session.generation = generation
        if (regained._tag === "Swept") session.disconnect(...fenced)
      }
      return true
    }
    return session.change((held) => {
      // Whoever looked just before may have found that it is another's: nothing is claimed back for a phone that is gone.
      if (!registry.has(session)) return Effect.succeed(true)
      // What is written stands in this one, or in none when there is another by then.
      const { epoch } = services
      const regained = presence.regain(held, session.decidedUpTo, attendance.positionOf(session))
      return Effect.map(regained, (regained) => come(regained, epoch))
    })
  }
  const regain = regainOr(ended)
  const judge = (session: Session): void => {
    if (judging.has(session)) return
    judging.add(session)
    session.lasting.pause()
    const judged = Effect.catchCause(regain(session), (cause) =>
      Effect.as(warn(`${judging.size} sessions cannot be judged yet`, cause), false)
    )
    const again = Schedule.spaced(judgeEvery)
    // A runner that leaves begins nothing any more.
    const over = Effect.sync(() => {
      judging.delete(session)
      session.lasting.goOn()
    })
    fork(Effect.andThen(Effect.repeat(judged, { schedule: again, until: (isJudged) => isJudged }), over))
  }
  /**
   * Its member is gone where it is refused as outside, perhaps with the session: then what it had asked is forgotten, and was
   * decided as if it were new (rule L6). Nothing is said before it is known, and nothing of a session that is over.
   */
  const outcome = (session: Session, ask: number, answer: Answer): void => {
    if (isOutside(answer)) {
      const look = Effect.map(regain(session), (isJudged) => isJudged && session.outcome(ask, answer))
      fork(Effect.catchCause(look, (cause) => warn("a session could not be looked at", cause)))
    } else session.outcome(ask, answer)
  }
  /** Nobody is told of a removal again: it is tried until the session, on whichever socket, is not here any more. */
  const removal = (id: string) => {
    const remove = Effect.suspend(() => {
      const session = registry.ofSession(id)
      if (session === undefined) return Effect.void
      return session
        .change((held) => Effect.map(presence.remove(held), () => dismiss(session, ...removed)))
        .pipe(
          // It is another's, or was ended by a try that broke off half-way.
          Effect.catchTag("PresenceRefused", () => regainOr(removed)(session))
        )
    })
    const isOver = () => registry.ofSession(id) === undefined
    const again = Schedule.spaced(removeAgain)
    return Effect.repeat(enduring("a removal", remove), { schedule: again, times: removeAgainMax, until: isOver })
  }

  yield* bus.register(SessionHolderConsumer, {
    answer: (told) =>
      Effect.sync(() => {
        const session = registry.ofSession(told.session)
        if (session !== undefined) outcome(session, told.ask, Answer.decode(told.answer))
      }),
    remove: (told) =>
      Effect.sync(() => {
        if (registry.ofSession(told.session) !== undefined) fork(removal(told.session))
      }),
    yield: (told) =>
      Effect.sync(() => {
        const session = registry.ofGuest(told.guest)
        // This runner's own claim is told like any other, and concerns only what it replaced.
        if (session === undefined || (session.held?.owner.connection ?? 0) >= told.connection) return
        judge(session)
      })
  })
  let isDraining = false
  const leaveOff = (session: Session): void => {
    const afterMs = Math.floor(Math.random() * comeBackSpreadMs)
    session.disconnect(DisconnectCode.DISCONNECT_CODE_DRAINING, "this runner is leaving", afterMs)
  }
  const comeBack = () => {
    for (const session of registry.all()) session.disconnect(...fenced)
  }
  const take = (session: Session): void => {
    const before = registry.ofGuest(session.guest)
    // Whoever claimed it later may be done with it sooner, and has it.
    if (before !== undefined && isClaimedAfter(before, session)) {
      replace(session)
      return
    }
    if (before !== undefined && before !== session) replace(before)
    registry.add(session)
    // It had connected before, and was not told.
    if (isDraining) leaveOff(session)
    // Claimed by what this runner was a moment ago, or in a space that is gone: to be put back like all the others.
    const isOld = session.held?.owner.incarnation !== self.incarnation.id || session.generation !== services.epoch
    if (isOld) self.look()
  }
  /** A claim broke off, and its phone may not come again: as if its socket had been lost. */
  const takeIn = (held: Held): void => {
    const before = registry.ofGuest(held.guest)?.held
    // It is looked after, or the phone has come again meanwhile.
    if ((before?.owner.connection ?? 0) >= held.owner.connection) return
    // Whoever is here is entering: that claims, too, and gives no new token.
    const { session, token } = held.record
    if (before?.record.session === session && before.record.token === token) return
    const left = new Session(undefined, services)
    left.held = held
    restless.add(left)
    take(left)
  }
  yield* healing({ regain, comeBack, all: () => registry.all() })
  // A claim that was told while the link was away was not heard: the record says whose a session is (rule P1).
  yield* link.onReady(() => self.look())
  const moving = yield* FiberHandle.make<void>()
  const round = Effect.suspend(() => {
    const waitedFor = sweep(registry, restless)
    if (waitedFor.length === 0) return Effect.void
    // Apart, and not before those of the last round are: a slow space holds up no word to those who wait for the log's.
    const moveAll = Effect.forEach(waitedFor, lookAt, { concurrency: atOnce, discard: true })
    return Effect.asVoid(FiberHandle.run(moving, moveAll, { onlyIfMissing: true }))
  })
  yield* round.pipe(
    Effect.catchCause((cause) => Effect.logError("sessions could not be looked after", cause)),
    Effect.delay(sweepEvery),
    Effect.forever,
    Effect.forkScoped
  )

  yield* Effect.map(presence.brokenOff, (found) => found.forEach(takeIn)).pipe(
    Effect.catchCause((cause) => warn("claims that broke off could not be looked at", cause)),
    Effect.delay(brokenOffEvery),
    Effect.forever,
    Effect.forkScoped
  )

  return Sessions.of({
    visitor: (connection) => new Session(connection, services),
    adopt: take,
    ofGuest: (guest) => registry.ofGuest(guest),
    ofSession: (session) => registry.ofSession(session),
    all: () => registry.all(),
    judge,
    lost: Effect.fnUntraced(function* (session) {
      session.connection = undefined
      restless.add(session)
      attendance.detached(session)
      if (!registry.has(session)) return
      yield* moveOn(session, { _tag: "SocketLost", nowMs: yield* Clock.currentTimeMillis })
    }),
    drain: Effect.sync(() => {
      isDraining = true
      for (const session of registry.all()) leaveOff(session)
    })
  })
})

const isOutside = ({ body }: Answer): boolean =>
  body?.$case === "refusal" && body.value.code === ErrorCode.ERROR_CODE_OUTSIDE

const sessionServices = Effect.fnUntraced(function* (restless: Set<Session>) {
  const bus = yield* EventBus
  const log = yield* TopicLog
  const self = yield* Self
  const clock = yield* Clock.Clock
  const { topicTimeoutMs, refusedPerMinuteMax } = yield* Settings
  let named = self.generation
  let epoch = generationText(named)
  const services: SessionServices = {
    bus,
    get incarnation() {
      return self.incarnation.id
    },
    get epoch() {
      // Asked for with each lasting line, and hardly ever another.
      if (self.generation !== named) {
        named = self.generation
        epoch = generationText(named)
      }
      return epoch
    },
    topicTimeoutMs,
    refusedPerMinuteMax,
    now: () => monotonicMsOf(clock),
    fork: Effect.runForkWith(yield* Effect.context<never>()),
    partitionOf: (record) => {
      const { topic } = topicRoutes[record.$type]
      return `${topic}/${log.partitionOf(topic, partitionOf(record))}`
    },
    restless: (session) => void restless.add(session)
  }
  return services
})

/** Connections of one runner rise with its claims; ids of sessions need not, which are made before. */
const isClaimedAfter = ({ held: after }: Session, { held: before }: Session): boolean =>
  after !== undefined && before !== undefined && after.owner.connection > before.owner.connection

/** Tells who has waited too long for word from the log, and counts; gives those to be moved on, and looks at nobody else. */
const sweep = (registry: Registry, restless: Set<Session>): ReadonlyArray<Session> => {
  const counts = { present: registry.size, lost: 0, away: 0 }
  const waitedFor: Array<Session> = []
  for (const session of restless) {
    if (!registry.has(session)) {
      restless.delete(session)
      continue
    }
    if (session.isWaiting) session.sweep()
    // Its loss could not be written when it happened: else nobody would ever move it on.
    if (!session.isPresent || session.connection === undefined) waitedFor.push(session)
    else if (!session.isWaiting) restless.delete(session)
    if (session.isPresent) continue
    counts.present--
    if (session.held?.record.state === PresenceState.PRESENCE_STATE_LOST) counts.lost++
    else counts.away++
  }
  for (const [state, count] of Object.entries(counts)) sessionFigures.of(state).value = count
  return waitedFor
}
