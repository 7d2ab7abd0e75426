/**
 * Hello, resume, ping: how a socket gets its session. Owns what a phone is told about itself; who may claim a session is
 * Presence's, what stands in a token Tokens'.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SessionConsumer } from "../../gen/consumers.ts"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import {
  DisconnectCode,
  type HelloRequest,
  type HelloResponse,
  type ResumeRequest
} from "../../gen/noriter/client/v1/session.ts"
import { clientRoutes } from "../../gen/registry.ts"
import { type Call, type Later, later, type Refused } from "../bus/Caller.ts"
import { EventBus } from "../bus/EventBus.ts"
import { away, refusedAs } from "../bus/Refusals.ts"
import { Settings } from "../Settings.ts"
import { Presence } from "../space/Presence.ts"
import type { PresenceRefused } from "../space/PresenceRefused.ts"
import type { SpaceError } from "../space/SharedSpace.ts"
import { Attendance } from "./Attendance.ts"
import { heartbeatOf } from "./Deadlines.ts"
import { type Session, sessionOf } from "./Session.ts"
import { Sessions } from "./Sessions.ts"
import { newSessionId, Tokens } from "./Tokens.ts"
import { Turnstile } from "./Turnstile.ts"

/** The protocol's version. */
export const protocol = 1

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const clock = yield* Clock.Clock
    yield* bus.register(SessionConsumer, {
      hello: yield* makeHello,
      resume: yield* makeResume,
      // Done at once: it is all that most phones say.
      ping: () =>
        Effect.succeed({ $type: "noriter.client.v1.PingResponse", serverTimeMs: clock.currentTimeMillisUnsafe() })
    })
  })
)

const makeHello = Effect.gen(function* () {
  const settings = yield* Settings
  const presence = yield* Presence
  const sessions = yield* Sessions
  const attendance = yield* Attendance
  const tokens = yield* Tokens
  const turnstile = yield* Turnstile
  return Effect.fnUntraced(function* (request: HelloRequest, call: Call): Effect.fn.Return<Later, Refused> {
    const session = sessionOf(call)
    if (settings.upgradeRequired.includes(request.sdk)) {
      session.disconnect(DisconnectCode.DISCONNECT_CODE_UPGRADE_REQUIRED, `${request.sdk} is no longer served here`)
      return later
    }
    const nowMs = yield* Clock.currentTimeMillis
    const guest = tokens.guestOf(request.deviceSecret)
    const { nickname } = request
    const before = sessions.ofGuest(guest)
    const held = yield* presence
      .begin(guest, { id: newSessionId(nowMs), nickname, claimId: call.id })
      .pipe(unavailable, turnstile.pass(session))
    session.held = held
    if (before !== undefined) session.inheritLimits(before)
    session.connection?.helloDone()
    sessions.adopt(session)
    yield* attendance.began(session).pipe(unavailable, orComeBack(session))
    const answer: HelloResponse = {
      $type: "noriter.client.v1.HelloResponse",
      guestId: guest,
      sessionId: held.record.session,
      resumeToken: tokens.sign({ guest, session: held.record.session, serial: held.record.token, issuedMs: nowMs }),
      heartbeatMs: heartbeatOf(settings),
      resumeGraceMs: settings.resumeGraceMs,
      serverTimeMs: nowMs,
      protocol,
      limits: {
        $type: "noriter.client.v1.Limits",
        lineBytes: settings.lineBytesMax,
        movesPerSecond: clientRoutes["noriter.client.v1.MoveRequest"].ratePerSecond
      }
    }
    session.answer(call.id, { $case: "hello", value: answer })
    return later
  })
})

const makeResume = Effect.gen(function* () {
  const presence = yield* Presence
  const sessions = yield* Sessions
  const attendance = yield* Attendance
  const tokens = yield* Tokens
  const turnstile = yield* Turnstile
  return Effect.fnUntraced(function* (request: ResumeRequest, call: Call): Effect.fn.Return<Later, Refused> {
    const session = sessionOf(call)
    const nowMs = yield* Clock.currentTimeMillis
    const token = tokens.read(request.resumeToken, nowMs)
    if (token === undefined) return yield* tokenRefused
    const before = sessions.ofSession(token.session)
    const { held, member } = yield* presence
      .resume(token.guest, { session: token.session, serial: token.serial, id: call.id })
      .pipe(unavailable, turnstile.pass(session))
    session.held = held
    session.lastId = held.record.lastId
    if (before !== undefined) session.inherit(before)
    session.connection?.helloDone()
    sessions.adopt(session)
    const rejoin = yield* attendance.resumed(session, member, request.streams).pipe(unavailable, orComeBack(session))
    const rejoined = rejoin()
    session.place = rejoined.place
    const { guest, session: sessionId } = token
    session.answer(call.id, {
      $case: "resume",
      value: {
        $type: "noriter.client.v1.ResumeResponse",
        resumeToken: tokens.sign({ guest, session: sessionId, serial: session.held.record.token, issuedMs: nowMs }),
        guestId: guest,
        sessionId,
        recovered: rejoined.recovered,
        playground: rejoined.place?.playground ?? "",
        channel: rejoined.place?.channel ?? 0,
        member: rejoined.place?.member ?? 0,
        xCm: rejoined.xCm,
        yCm: rejoined.yCm,
        lastId: session.lastId,
        streams: [...rejoined.streams]
      }
    })
    session.tokenGiven()
    rejoined.replay()
    return later
  })
})

/** The socket has its session, and its phone cannot be told so: it tries again on one that has none yet. */
const orComeBack =
  (session: Session) =>
  <A>(effect: Effect.Effect<A, Refused>): Effect.Effect<A, Refused> =>
    Effect.tapError(effect, () =>
      Effect.sync(() =>
        session.disconnect(DisconnectCode.DISCONNECT_CODE_INTERNAL, "the session could not be begun", 1000)
      )
    )

const tokenRefused = refusedAs(
  ErrorCode.ERROR_CODE_TOKEN_REFUSED,
  "this token is not one of ours, or was used up; say hello"
)

/** What presence's refusals mean for a phone that has no session yet. */
const unavailable = <A>(effect: Effect.Effect<A, PresenceRefused | SpaceError>): Effect.Effect<A, Refused> =>
  Effect.mapError(effect, refusalOf)

const refusalOf = (error: PresenceRefused | SpaceError): Refused => {
  if (error._tag === "SpaceError") return sessionsAway
  switch (error.reason) {
    case "Ended":
      return ended
    case "Spent":
      return tokenRefused
    case "Stale":
      return stale
    default:
      return sessionsAway
  }
}

const ended = refusedAs(ErrorCode.ERROR_CODE_SESSION_ENDED, "this session has ended; say hello")

const stale = refusedAs(
  ErrorCode.ERROR_CODE_STALE_ID,
  "a later hello or resume of this session was accepted already; ids rise"
)

const sessionsAway = away("sessions cannot be kept just now")
