/**
 * One session as the runner that holds it knows it: its socket, its presence as last written, the requests that wait for
 * an outcome. It ends with the socket's loss and grace, or when another claims it; what its lines mean is the consumers'.
 */
import { hash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { ErrorCode, errorCodeToJSON } from "../../gen/noriter/client/v1/error.ts"
import { Pace } from "../../gen/noriter/client/v1/playground.ts"
import type { DisconnectCode, StreamPosition } from "../../gen/noriter/client/v1/session.ts"
import { type Answer, PresenceState } from "../../gen/noriter/space/v1/records.ts"
import type { Asker } from "../../gen/noriter/topic/v1/chat.ts"
import {
  answerBody,
  type ClientResponse,
  clientRoutes,
  partitionOf,
  type ServerBody,
  serverLine,
  type TopicRecord
} from "../../gen/registry.ts"
import { type Ask, type Call, type Caller, type Later, later, type Place, Refused } from "../bus/Caller.ts"
import type { EventBus } from "../bus/EventBus.ts"
import { askAgain, away, helloFirst, idReused, inDoubt, outside, refusedAs, staleId } from "../bus/Refusals.ts"
import { forgottenUpTo, type Held } from "../space/Held.ts"
import { entersMax } from "../space/Presence.ts"
import { isChannel } from "../space/Tag.ts"
import { refused as refusedFigures } from "../telemetry/Metrics.ts"
import type { Issues } from "../wire/Strict.ts"
import type { Connection } from "./Connection.ts"
import { Lasting, type RunFork } from "./Lasting.ts"
import { Rates, RateTable, RefusedCounter } from "./Rates.ts"

/** What all sessions of a runner share. */
export interface SessionServices {
  readonly bus: EventBus["Service"]
  readonly incarnation: string
  /** Names this generation, and its histories. */
  readonly epoch: string
  /** Word from the log comes within, else UNCERTAIN; what waits so long behind another is UNAVAILABLE. */
  readonly topicTimeoutMs: number
  readonly refusedPerMinuteMax: number
  /** Monotonic. */
  readonly now: () => number
  readonly fork: RunFork
  /** Which partition of the log a record goes to, as a text that is equal for equal ones. */
  readonly partitionOf: (record: TopicRecord) => string
  /** Something of this session waits for time to pass: it is swept until nothing does. */
  readonly restless: (session: Session) => void
}

/** A lasting request that was sent and has no outcome yet. */
interface Pending {
  readonly id: number
  readonly sentMs: number
  readonly answerOf: Ask["answerOf"]
}

/** Does it only while what asked for it still counts. */
export type StillAsked = <A, E, R>(run: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Refused, R>

/** A phone that has had no answer for so long gives its socket up (sdk/typescript, Limits). */
export const answerMsMax = 10_000
const rateTable = new RateTable(Object.values(clientRoutes))

/** Counts what this process asks the log, so that an outcome finds its request. */
let asks = 0

export class Session implements Caller {
  /** Undefined when its socket is gone. */
  connection: Connection | undefined
  place: Place | undefined
  /** -1: not told of its mailbox yet. */
  mailboxSeq = -1
  mailWaits = false
  /** The highest request id decided: answered, or refused for good. */
  lastId = 0
  /** The highest request id taken. */
  seenId = 0
  /** The highest request id that was put on the log. */
  askedId = 0
  readonly lasting: Lasting
  /** Of the guest and not of its socket: coming back gives nobody new tokens. */
  rates: Rates
  refusals: RefusedCounter
  /** How often it wants to be told of moves, wherever it stands. */
  pace: Pace = Pace.PACE_FULL
  /** The generation in which its record stands, as far as this runner knows. */
  generation: string
  /** The serial of the token this socket was given, while older ones are about that the phone may still need; else 0. */
  newToken = 0
  /** When the answer went out that has it. */
  #tokenGivenMs = Number.POSITIVE_INFINITY
  /** Whether its record says so. */
  isPresent = false
  /** The channel it stands in or goes to, as its record says; empty: none. */
  channel = ""
  readonly #services: SessionServices
  #held: Held | undefined
  #claimedBack = 0
  /** Undefined: none was sent yet. */
  #pending: Map<number, Pending> | undefined
  #lock: Semaphore.Semaphore | undefined

  constructor(connection: Connection | undefined, services: SessionServices) {
    this.connection = connection
    this.#services = services
    this.generation = services.epoch
    this.lasting = new Lasting(services)
    this.rates = new Rates(rateTable)
    this.refusals = new RefusedCounter(services.refusedPerMinuteMax)
  }

  /** The guest was here a moment ago, in this session or in another. */
  inheritLimits(before: Session): void {
    this.rates = before.rates
    this.refusals = before.refusals
  }

  /** Goes on where this session was on another socket of this runner. */
  inherit(before: Session): void {
    this.inheritLimits(before)
    this.pace = before.pace
    this.lastId = Math.max(this.lastId, before.lastId)
    this.seenId = Math.max(this.seenId, before.seenId)
    this.askedId = Math.max(this.askedId, before.askedId)
  }

  /** It is another's, or over: nobody waits for an outcome any more (the phone asks again where it is now). */
  end(): void {
    this.#pending = undefined
    this.lasting.end()
  }

  /** Undefined before hello. */
  get held(): Held | undefined {
    return this.#held
  }

  set held(held: Held | undefined) {
    this.#held = held
    // Each line that comes asks for these, and each sweep of all sessions, and what they are made of is not at hand then.
    const { token = 0, tokenHeld = 0, state, channel = "" } = held?.record ?? {}
    this.isPresent = state === PresenceState.PRESENCE_STATE_PRESENT
    this.channel = channel
    if (!this.isPresent) this.#services.restless(this)
    this.newToken = token > 1 && tokenHeld < token ? token : 0
  }

  /** The answer with its newest token is on its way. */
  tokenGiven(): void {
    this.#tokenGivenMs = this.#services.now()
  }

  /** A phone that still speaks on this socket has had that answer: one that had none would have given up (0020). */
  get isTokenHeld(): boolean {
    return this.#services.now() - this.#tokenGivenMs >= answerMsMax
  }

  get session(): string {
    return this.held?.record.session ?? ""
  }

  get guest(): string {
    return this.held?.guest ?? ""
  }

  get nickname(): string {
    return this.held?.record.nickname ?? ""
  }

  get epoch(): string {
    return this.#services.epoch
  }

  /** Changes what presence says of this session, one change after another. */
  change<A, E>(run: (held: Held) => Effect.Effect<A, E>): Effect.Effect<A, E | Refused> {
    const now = Effect.suspend(
      (): Effect.Effect<A, E | Refused> => (this.held === undefined ? Effect.fail(helloFirst) : run(this.held))
    )
    return Effect.suspend(() => {
      this.#lock ??= Semaphore.makeUnsafe(1)
      return this.#lock.withPermits(1)(now)
    })
  }

  /** It was claimed back from another: what was asked here before, the phone may have asked there since. */
  wasClaimedBack(): void {
    this.#claimedBack++
  }

  /** For what is asked now: done unless the session was claimed back since. */
  askedNow(): StillAsked {
    const claimedBack = this.#claimedBack
    return <A, E, R>(run: Effect.Effect<A, E, R>) =>
      Effect.suspend(
        (): Effect.Effect<A, E | Refused, R> => (this.#claimedBack === claimedBack ? run : Effect.fail(askAgain))
      )
  }

  /** What presence says of this session now. */
  hold(held: Held): void {
    this.held = held
  }

  tell(body: ServerBody): void {
    this.#write(0, body)
  }

  answer(id: number, body: ServerBody): void {
    this.#decided(id)
    if (id !== 0) this.#write(id, body)
  }

  /** Answers what a handler returned. */
  respond(id: number, response: ClientResponse | void): void {
    if (id === 0) return
    this.#decided(id)
    this.#write(id, response === undefined ? undefined : answerBody(response))
  }

  /** Refuses a request. Without an id it is told all the same, without `re`. */
  refuse(id: number, refused: Refused, issues?: Issues): void {
    refusedFigures.of(errorCodeToJSON(refused.code)).count++
    const list = issues === undefined ? [] : [...issues.list()]
    const { code, message, retryAfterMs = 0 } = refused
    this.#write(id, {
      $case: "error",
      value: { $type: "noriter.client.v1.Error", code, message, issues: list, retryAfterMs }
    })
  }

  tellGap(streams: ReadonlyArray<StreamPosition>): void {
    this.tell({
      $case: "streams",
      value: { $type: "noriter.client.v1.Streams", recovered: false, streams: [...streams] }
    })
  }

  disconnect(code: DisconnectCode, message: string, afterMs = 0): void {
    this.connection?.disconnect(code, { message, afterMs })
  }

  placeOf(id: number): Effect.Effect<Place, Refused> {
    const enters = this.held?.record.enters ?? []
    const newest = enters.at(-1)
    const nowhere = this.#isStale(id) ? staleId : outside
    if (id === 0 || newest === undefined || id > newest.id) {
      if (this.place !== undefined) return Effect.succeed(this.place)
      // It has lost its place since, and did not leave it.
      const isOfLost = newest !== undefined && newest.channel !== "" && this.wasAsked(id)
      return isOfLost ? Effect.succeed(placeAt(newest.channel, newest.member)) : Effect.fail(nowhere)
    }
    if (enters.some((enter) => enter.id === id)) return Effect.fail(idReused)
    const before = enters.findLast((enter) => enter.id < id)
    // Where every enter is still known, nothing lies before the first.
    if (before === undefined) return Effect.fail(enters.length < entersMax ? nowhere : staleId)
    return before.channel === "" ? Effect.fail(nowhere) : Effect.succeed(placeAt(before.channel, before.member))
  }

  /** Whether it may have been put on the log before, by this runner or by one that held the session on a former socket. */
  wasAsked(id: number): boolean {
    return id !== 0 && (id <= this.askedId || id < (this.held?.record.claimId ?? 0))
  }

  /** Ids up to here may have been decided: from the log, or without it, as an enter is. */
  get decidedUpTo(): number {
    return Math.max(this.askedId, this.lastId)
  }

  /** It may have been asked where what was remembered of it is gone. */
  #isStale(id: number): boolean {
    if (id === 0 || this.held === undefined) return false
    const { record } = this.held
    // Not put back yet, it says less than it will.
    return id <= (this.generation === this.epoch ? record.staleId : forgottenUpTo(record, this.decidedUpTo))
  }

  /** Runs a lasting request in its turn; `refuse` is called instead when it waited too long. */
  submit(run: Effect.Effect<void>, refuse: (refused: Refused) => void): void {
    this.#services.restless(this)
    this.lasting.submit(run, refuse)
  }

  get settled(): Effect.Effect<void, Refused> {
    return this.lasting.settled
  }

  ask(call: Call, ask: Ask): Effect.Effect<Later, Refused> {
    const number = ++asks
    const { epoch } = this
    const record = ask.record(this.#asker(call.id, number, ask))
    const { bus, now } = this.#services
    return Effect.flatMap(this.lasting.turnOf(this.#services.partitionOf(record)), () => {
      // While it waited what was remembered of it may have gone, or a generation begun in which nobody would do it.
      const isStale = this.#isStale(call.id) && isChannel(partitionOf(record))
      if (isStale || this.epoch !== epoch) {
        this.lasting.outcome()
        return Effect.fail(isStale ? staleId : askAgain)
      }
      const isAgain = this.wasAsked(call.id)
      this.askedId = Math.max(this.askedId, call.id)
      this.#pending ??= new Map()
      this.#pending.set(number, { id: call.id, sentMs: now(), answerOf: ask.answerOf })
      bus.offer(record, call.trace, (failed) => {
        if (failed === undefined) return
        this.#settle(number, failed.certain ? (isAgain ? inDoubt(unavailable) : unavailable) : uncertain)
      })
      return Effect.succeed(later)
    })
  }

  /** The outcome of a record this session asked. */
  outcome(number: number, answer: Answer): void {
    const pending = this.#pending?.get(number)
    if (pending !== undefined) this.#settle(number, pending.answerOf(answer))
  }

  /** Tells of requests that have waited too long for word from the log; to be called a few times a second. */
  sweep(): void {
    const dueMs = this.#services.now() - this.#services.topicTimeoutMs
    // Sent in order, so the first that is not due ends the search.
    for (const [number, { sentMs }] of this.#pending ?? []) {
      if (sentMs > dueMs) break
      this.#settle(number, uncertain)
    }
    if (this.lasting.count > 0) this.lasting.sweep()
  }

  /** Whether anything of this session waits, so that it must be swept. */
  get isWaiting(): boolean {
    return this.lasting.count > 0
  }

  #settle(number: number, result: ClientResponse | Refused): void {
    const pending = this.#pending?.get(number)
    if (pending === undefined) return
    this.#pending?.delete(number)
    if (result instanceof Refused) {
      if (!undecided.has(result.code)) this.#decided(pending.id)
      this.refuse(pending.id, result)
    } else {
      this.respond(pending.id, result)
    }
    this.lasting.outcome()
  }

  #decided(id: number): void {
    if (id > this.lastId) this.lastId = id
  }

  #asker(id: number, ask: number, { member, body }: Ask): Asker {
    return {
      $type: "noriter.topic.v1.Asker",
      session: this.session,
      id,
      incarnation: this.#services.incarnation,
      ask,
      bodyHash: id === 0 ? noHash : hashOf(body),
      member,
      generation: this.epoch
    }
  }

  #write(re: number, body: ServerBody | undefined): void {
    const line = serverLine({ $type: "noriter.client.v1.ServerMessage", re, body })
    this.connection?.outbox.answer(Buffer.from(`${line}\n`))
  }
}

/** Who says hello, resumes, enters and leaves: the lines of a socket are handed on by its own session. */
export const sessionOf = ({ caller }: Call): Session => {
  if (caller instanceof Session) return caller
  throw new Error("this is for sockets only, which have a session")
}

/** The first 16 bytes of the body's SHA-256: enough that nobody meets another's by chance. */
export const hashOf = (body: Uint8Array): Uint8Array => hash("sha256", body, "buffer").subarray(0, 16)
const noHash = new Uint8Array(0)

/** `park/1` and a number, as a place. */
export const placeAt = (tag: string, member: number): Place => {
  const slash = tag.lastIndexOf("/")
  return { playground: tag.slice(0, slash), channel: Number(tag.slice(slash + 1)), tag, member }
}

/** Refused so, an id is a fresh ask when it comes again (rule L6), or nobody knows yet. */
const undecided: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.ERROR_CODE_RATE_LIMITED,
  ErrorCode.ERROR_CODE_UNAVAILABLE,
  ErrorCode.ERROR_CODE_UNCERTAIN
])

const uncertain = refusedAs(
  ErrorCode.ERROR_CODE_UNCERTAIN,
  "no word from the log yet; send it again with the same id to learn what became of it"
)

const unavailable = away("the log is away")
