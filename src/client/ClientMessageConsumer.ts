/**
 * Analyses each line of a phone and hands it by key to the consumer registered on the Event Bus. Owns what every line
 * must be before anybody else sees it: JSON, of the protocol, in its turn, within its rate. What it means is its
 * consumer's. One of these serves a runner; it keeps nothing between two lines.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { decodeClientMessage } from "../../gen/decoders.ts"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { type ClientRequest, type ClientResponse, type ClientRoute, clientRoutes } from "../../gen/registry.ts"
import { type Call, type Later, later, Refused } from "../bus/Caller.ts"
import { EventBus, type NoConsumer } from "../bus/EventBus.ts"
import { helloFirst, inDoubt, internal, outside, refusedAs } from "../bus/Refusals.ts"
import { Settings } from "../Settings.ts"
import { Presence } from "../space/Presence.ts"
import { linesIn } from "../telemetry/Metrics.ts"
import { currentTrace, isOn as isTracingOn, withNewTrace } from "../telemetry/Tracing.ts"
import { faultOf, type Line, parseLine, tooLong } from "../wire/Lines.ts"
import { Issues, readId } from "../wire/Strict.ts"
import type { Connection } from "./Connection.ts"
import { RefusedCounter } from "./Rates.ts"
import type { Reader } from "./Reading.ts"
import type { Session } from "./Session.ts"
import { Sessions } from "./Sessions.ts"

export class ClientMessageConsumer extends Context.Service<
  ClientMessageConsumer,
  {
    /** Begins a session on a socket: what handles its lines, one after another, and its end. */
    readonly serve: (connection: Connection) => Reader
  }
>()("noriter/client/ClientMessageConsumer") {
  static readonly layer = Layer.effect(
    ClientMessageConsumer,
    Effect.suspend(() => make)
  )
}

/** What handles the lines of all sockets. */
interface Desk {
  readonly take: (phone: Phone, line: Line) => Effect.Effect<void>
  readonly end: (phone: Phone) => Effect.Effect<void>
}

/** One socket, and its session. */
class Phone implements Reader {
  readonly connection: Connection
  readonly session: Session
  /** The newest token that it is known to have. */
  heldToken = 0
  /** Lines that came too often. Most phones have none. */
  private limited: RefusedCounter | undefined
  private readonly desk: Desk

  constructor(connection: Connection, session: Session, desk: Desk) {
    this.connection = connection
    this.session = session
    this.desk = desk
  }

  take(line: Line): Effect.Effect<void> {
    return this.desk.take(this, line)
  }

  /** One more line came too often: whether that is one too many of them. */
  isFlooding(nowMs: number): boolean {
    this.limited ??= new RefusedCounter(limitedMax, floodMs)
    return this.limited.add(nowMs)
  }

  end(): Effect.Effect<void> {
    return this.desk.end(this)
  }
}

/** So many lines that came too often are told so within `floodMs`; then the socket is not read for as long: each costs a decoding. */
export const limitedMax = 64
const floodMs = 1_000
/** How long a phone that was disconnected for ABUSE should stay away. */
const abuseAfterMs = 60_000

const make = Effect.gen(function* () {
  const bus = yield* EventBus
  const sessions = yield* Sessions
  const presence = yield* Presence
  const { rateLimits } = yield* Settings
  const figures = new Map(Object.keys(clientRoutes).map((key) => [key, linesIn.of(key)]))
  const isTracing = yield* isTracingOn
  const now = () => performance.now()
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  /** Those of the line that is handled now. */
  const issues = new Issues()

  const refuse = (phone: Phone, id: number, refused: Refused, issues?: Issues): Effect.Effect<void> => {
    phone.session.refuse(id, refused, issues)
    if (!noFaultOfPhones.has(refused.code) && phone.session.refusals.add(now())) {
      phone.session.disconnect(DisconnectCode.DISCONNECT_CODE_ABUSE, "too many refused lines", abuseAfterMs)
    }
    return Effect.void
  }

  /** What refuses this sending only says nothing of one before it, which may have taken effect: nothing definite is told. */
  const refuseAsked = (phone: Phone, request: ClientRequest, id: number, refused: Refused): Effect.Effect<void> => {
    const mayBeDone = clientRoutes[request.$type].lasting && phone.session.wasAsked(id)
    return refuse(phone, id, mayBeDone && ofThisSending.has(refused.code) ? inDoubt(refused) : refused)
  }

  const answer = (phone: Phone, id: number, response: ClientResponse | Later | void): Effect.Effect<void> => {
    if (response !== later) phone.session.respond(id, response)
    return Effect.void
  }

  /** Hands a request to its consumer, and answers what it returns. */
  const dispatch = (phone: Phone, request: ClientRequest, call: Call): Effect.Effect<void> => {
    const handled = attempted(bus, request, call)
    // Most lines are moves and pings, which are done when their handler returns: no fiber for those.
    if (isDone(handled)) return answer(phone, call.id, handled.value)
    return Effect.matchCauseEffect(handled, {
      onSuccess: (response) => answer(phone, call.id, response),
      onFailure: (cause) =>
        Effect.flatMap(refusalOf(request.$type, cause), (refused) => refuseAsked(phone, request, call.id, refused))
    })
  }

  /** In a trace of its own, which what follows from it carries from here to whoever hears of it. */
  const dispatchTraced = (phone: Phone, request: ClientRequest, id: number): Effect.Effect<void> => {
    if (!isTracing) return dispatch(phone, request, { id, trace: undefined, caller: phone.session })
    const traced = Effect.flatMap(currentTrace, (trace) =>
      dispatch(phone, request, { id, trace, caller: phone.session })
    )
    return withNewTrace(request.$type, traced)
  }

  /** Lasting requests take effect in the order sent and wait for one another; the socket is read on meanwhile. */
  const queue = (phone: Phone, request: ClientRequest, id: number): Effect.Effect<void> => {
    const { session } = phone
    const asked = session.askedNow()
    const run = asked(Effect.suspend(() => dispatchTraced(phone, request, id))).pipe(
      Effect.catch((refused) => refuseAsked(phone, request, id, refused))
    )
    // Sent again it belongs where it was first asked, wherever the session stands now (rule L7).
    const placed = Effect.matchEffect(
      Effect.suspend(() => session.placeOf(id)),
      {
        onSuccess: () => run,
        onFailure: (refused) => refuseAsked(phone, request, id, refused)
      }
    )
    session.submit(clientRoutes[request.$type].inside ? placed : run, (refused) =>
      refuseAsked(phone, request, id, refused)
    )
    return session.lasting.isFull ? session.lasting.room : Effect.void
  }

  const take = (phone: Phone, request: ClientRequest, id: number): Effect.Effect<void> => {
    const { session } = phone
    const route = clientRoutes[request.$type]
    const figure = figures.get(request.$type)
    if (figure !== undefined) figure.count++
    const early = outOfTurn(request, session.held !== undefined)
    if (early !== undefined) return refuse(phone, id, early)
    const retryAfterMs = rateLimits ? session.rates.take(route.key, now()) : 0
    if (retryAfterMs > 0) {
      const told = refuseAsked(phone, request, id, tooOften(route, retryAfterMs))
      return phone.isFlooding(now()) ? Effect.sleep(floodMs) : told
    }
    session.seenId = Math.max(session.seenId, id)
    if (session.held === undefined) return dispatchTraced(phone, request, id)
    if (route.lasting) return queue(phone, request, id)
    if (route.inside && session.place === undefined) return refuse(phone, id, outside)
    return dispatch(phone, request, { id, trace: undefined, caller: session })
  }

  const handle = (phone: Phone, line: Line): Effect.Effect<void> => {
    if (line === tooLong) return refuse(phone, 0, lineTooLong)
    issues.clear()
    const fields = parseLine(line)
    if (fields === undefined) {
      const { rule, message } = faultOf(line)
      issues.add("", rule, message)
      return refuse(phone, 0, malformed, issues)
    }
    const message = decodeClientMessage(fields, issues)
    if (message?.body === undefined) return refuse(phone, readId(fields), invalid(issues), issues)
    return take(phone, message.body.value, message.id)
  }

  /** The phone has the newest token: older ones are spent. */
  const tokenHeld = (phone: Phone, session: Session): Effect.Effect<void> =>
    session
      .change((held) => Effect.map(presence.tokenHeld(held), (after) => session.hold(after)))
      .pipe(
        // Said again with a later line: until it is written, older tokens are good.
        Effect.catchCause(() =>
          Effect.sync(() => {
            phone.heldToken = 0
          })
        )
      )

  const desk: Desk = {
    take: (phone, line) => {
      const { session } = phone
      if (session.newToken > phone.heldToken && session.isTokenHeld) {
        phone.heldToken = session.newToken
        // Not waited for: what is said is not about the token.
        fork(tokenHeld(phone, session))
      }
      return handle(phone, line)
    },
    end: ({ connection, session }) =>
      // It may have said all it wanted and still listen.
      Effect.andThen(connection.isOpen ? session.lasting.idle : Effect.void, () => {
        connection.close()
        session.lasting.abandon()
        // From here on the grace counts, else nobody would ever move this session on.
        return session.held === undefined ? Effect.void : sessions.lost(session)
      })
  }

  return ClientMessageConsumer.of({
    serve: (connection) => new Phone(connection, sessions.visitor(connection), desk)
  })
})

/** Nothing of it is left to be run. */
const isDone = <A, E>(effect: Effect.Effect<A, E>): effect is Exit.Success<A, E> =>
  Exit.isExit(effect) && Exit.isSuccess(effect)

/** A handler that throws before it gives an effect has failed like any other. */
const attempted = (bus: EventBus["Service"], request: ClientRequest, call: Call) => {
  try {
    return bus.dispatch(request, call)
  } catch (cause) {
    return Effect.die(cause)
  }
}

/** These refuse this sending only: nothing is said of one before it under the same id. */
const ofThisSending: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.ERROR_CODE_RATE_LIMITED,
  ErrorCode.ERROR_CODE_UNAVAILABLE,
  ErrorCode.ERROR_CODE_UNCERTAIN,
  ErrorCode.ERROR_CODE_INTERNAL
])

/** None of these counts towards ABUSE: a log that is away is no fault of whoever asks it, nor that what they asked before
 * they came back was forgotten. */
const noFaultOfPhones: ReadonlySet<ErrorCode> = new Set([...ofThisSending, ErrorCode.ERROR_CODE_STALE_ID])

/** What is wrong with a request at this point of a socket's life, if anything is. */
const outOfTurn = (request: ClientRequest, greeted: boolean): Refused | undefined => {
  switch (request.$type) {
    case "noriter.client.v1.HelloRequest":
    case "noriter.client.v1.ResumeRequest":
      return greeted ? helloTwice : undefined
    case "noriter.client.v1.EnterRequest":
      return greeted ? undefined : sessionRequired
    default:
      return greeted ? undefined : helloFirst
  }
}

/** A failed handler has refused; a broken one is the server's fault, and its operator is told where. */
const refusalOf = (key: string, cause: Cause.Cause<Refused | NoConsumer>): Effect.Effect<Refused> => {
  const error = Cause.findErrorOption(cause)
  if (Option.isSome(error) && error.value instanceof Refused) return Effect.succeed(error.value)
  return Effect.as(Effect.logError(`the consumer of ${key} failed`, cause), internal)
}

const malformed = refusedAs(ErrorCode.ERROR_CODE_MALFORMED, "the line is not one JSON object in UTF-8")
const lineTooLong = refusedAs(ErrorCode.ERROR_CODE_LINE_TOO_LONG, "the line is too long, and was skipped")
const helloTwice = refusedAs(ErrorCode.ERROR_CODE_HELLO_TWICE, "this socket has its session already")
const sessionRequired = refusedAs(ErrorCode.ERROR_CODE_SESSION_REQUIRED, "entering needs a session; say hello first")
const tooOften = ({ field }: ClientRoute, retryAfterMs: number): Refused =>
  refusedAs(ErrorCode.ERROR_CODE_RATE_LIMITED, `${field} is sent too often`, retryAfterMs)

/** The first issue is the message: `say.text must be a string`. */
const invalid = (issues: Issues): Refused => {
  const [first] = issues.list()
  const message = first === undefined ? "the line is not of the protocol" : `${first.path} ${first.message}`.trim()
  return refusedAs(ErrorCode.ERROR_CODE_INVALID, message)
}
