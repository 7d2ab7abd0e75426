/**
 * Puts back what this runner holds when it has become another incarnation, when the shared space was emptied or has gone
 * back, and after every reconnect: sessions and members are made so again in the order of rules P1 and P6, then phones are
 * told what is different. Owns that order, and which incarnations this runner listens as; what becomes of one session is
 * Presence's, what its phone is told the plaza's.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Refused } from "../bus/Caller.ts"
import { EventBus } from "../bus/EventBus.ts"
import type { Incarnation } from "../link/Roster.ts"
import { Settings } from "../Settings.ts"
import { Presence } from "../space/Presence.ts"
import type { PresenceRefused } from "../space/PresenceRefused.ts"
import { Self } from "../space/Self.ts"
import type { SpaceError } from "../space/SharedSpace.ts"
import { Attendance } from "./Attendance.ts"
import type { Session } from "./Session.ts"

/** Sessions put back at once. */
const atOnce = 100

interface Holding {
  readonly all: () => Iterable<Session>
  readonly regain: (session: Session) => Effect.Effect<unknown, PresenceRefused | SpaceError | Refused>
  /** This runner is fenced, so that others were told that its phones are gone: they come back, and need not wait until it
   * has become another (rule P9). */
  readonly comeBack: () => void
}

/** Listens as this incarnation, and heals until the scope closes. */
export const healing = Effect.fnUntraced(function* ({ all, regain, comeBack }: Holding) {
  const presence = yield* Presence
  const attendance = yield* Attendance
  const self = yield* Self
  const hear = yield* hearing

  const heal = Effect.fnUntraced(function* (formers: ReadonlyArray<Incarnation>) {
    const forgetFormers = yield* hear(self.incarnation.id)
    const sessions = [...all()]
    yield* presence.indexAll(sessions.flatMap(({ held }) => (held === undefined ? [] : [held])))
    yield* Effect.forEach(sessions, regain, { concurrency: atOnce, discard: true })
    yield* attendance.regained(sessions)
    for (const former of formers) yield* presence.unindex(former)
    yield* forgetFormers
  })
  const { id: first } = self.incarnation
  yield* hear(first)
  yield* self.onChange(heal, comeBack)
  // It may have become another before anybody listened for that.
  if (self.incarnation.id !== first) self.look()
})

/** Listens as an incarnation; what it gives ends listening as any other, when no answer is on its way to it any more. */
const hearing = Effect.gen(function* () {
  const bus = yield* EventBus
  const { topicTimeoutMs } = yield* Settings
  const parent = yield* Effect.scope
  const heard = new Map<string, Scope.Closeable>()
  const forget = (incarnation: string, scope: Scope.Closeable) => {
    heard.delete(incarnation)
    return Effect.forkIn(Effect.delay(Scope.close(scope, Exit.void), topicTimeoutMs), parent)
  }
  return Effect.fnUntraced(function* (incarnation: string) {
    if (!heard.has(incarnation)) {
      const scope = yield* Scope.fork(parent)
      yield* bus.listen(incarnation).pipe(
        Scope.provide(scope),
        Effect.onError(() => Scope.close(scope, Exit.void))
      )
      heard.set(incarnation, scope)
    }
    return Effect.suspend(() =>
      Effect.forEach(
        [...heard].filter(([other]) => other !== incarnation),
        ([other, scope]) => forget(other, scope),
        { discard: true }
      )
    )
  })
})
