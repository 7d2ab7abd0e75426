/**
 * One phone's conversation with a plaza, as a state machine: idle → connecting → greeting → open ⇄ waiting → closed. Owns
 * ids, what is unanswered, when to come back and what a resume needs. It has no socket, no timer and no clock: it is told
 * what happened and when, and says through its owner what is to be done. README.md draws it.
 */
import {
  durable,
  type EnterResponse,
  fieldsOf,
  type Error as Refused,
  readDisconnect,
  readEnterResponse,
  readError,
  readHelloResponse,
  readNumber,
  readResumeResponse,
  readStreams,
  readTicking
} from "./gen/protocol.ts"
import * as Limits from "./Limits.ts"
import type { Ending, Guest, Owner, Session, State } from "./Owner.ts"
import { AnsweredAgain, isSamePlace, type Place, placeOf } from "./Place.ts"
import { type PlazaError, refusedByServer, refusedHere } from "./PlazaError.ts"
import { Streams } from "./Streams.ts"

const never = Number.POSITIVE_INFINITY
const utf8 = new TextEncoder()

interface Pending {
  readonly key: string
  /** The body as JSON. */
  readonly body: string
  readonly answered: (body: unknown) => void
  readonly refused: (error: PlazaError) => void
  /** Some server may have it. */
  isWritten: boolean
  uncertain: number
  /** When it is to be sent again. */
  againAt: number
}

export class Conversation {
  state: State = "idle"
  place: Place | undefined
  readonly figures = { linesIn: 0, linesOut: 0, bytesIn: 0, connects: 0, resumes: 0, lost: 0 }

  private readonly guest: Guest
  private readonly owner: Owner
  private readonly random: () => number
  private readonly streams = new Streams()
  private readonly again = new AnsweredAgain()
  private readonly wanted = new Set([...own, ...durable])
  /** In the order asked, by id. */
  private readonly pending = new Map<number, Pending>()
  private nextId = 1
  private greetingId = 0
  /** Empty: there is no session to resume. */
  private token = ""
  private hadSession = false
  private heartbeatMs = Limits.heartbeatMsDefault
  private lineBytesMax = Limits.lineBytesDefault
  private failures = 0
  private openedAt = 0
  private spokeAt = 0
  private heardAt = 0
  /** How long the server may be silent before its socket counts as dead. */
  private silenceMsMax = Limits.answerMsMax
  private dueAt = 0
  /** The server asked not to be tried before. */
  private notBefore = 0

  constructor(guest: Guest, owner: Owner, random: () => number) {
    this.guest = guest
    this.owner = owner
    this.random = random
  }

  // --- What happens ---

  begin(now: number): void {
    if (this.state === "idle") this.connect(now)
  }

  /** To be called a few times a second: does what is due. */
  tick(now: number): void {
    if (this.state === "waiting" && now >= this.dueAt) this.connect(now)
    else if (this.isOnSocket() && now - this.heardAt > this.silenceMsMax) this.lost("the server is silent", now)
    else if (this.state === "open") {
      for (const [id, each] of this.pending) if (now >= each.againAt) this.writePending(id, each, now)
      if (now - this.spokeAt >= this.heartbeatMs * Limits.quietHeartbeats) this.write(pingLine, now)
    }
  }

  /** The socket is there. */
  connected(now: number): void {
    if (this.state !== "connecting") return
    this.figures.connects++
    this.heardAt = now
    this.greet(now)
  }

  /** The socket is gone. */
  lost(why: string, now: number): void {
    if (this.isOnSocket()) this.wait(why, now, 0)
  }

  /** The network is another one: what waits tries at once, and a socket that is there must show that it lives. */
  networkChanged(now: number): void {
    if (this.state === "waiting") this.dueAt = this.notBefore
    else if (this.state === "open") {
      this.heardAt = now
      this.silenceMsMax = Math.min(this.silenceMsMax, Limits.probeMsMax)
      this.write(`{"id":${this.nextId++},"ping":{}}\n`, now)
    } else if (this.isOnSocket()) this.connect(now)
    this.tick(now)
  }

  /** Bytes came; their lines follow. */
  received(bytes: number, now: number): void {
    this.figures.bytesIn += bytes
    this.heardAt = now
    if (this.state === "open") this.silenceMsMax = this.heartbeatMs * Limits.silentHeartbeatsMax
    // A page in the background gets few ticks, but everything that is said to it.
    this.tick(now)
  }

  /** A line from the server. */
  line(text: string): void {
    this.figures.linesIn++
    // The key stands first in its line, so what nobody wants is told apart without parsing it.
    if (this.wanted.has(text.slice(2, Math.max(2, text.indexOf('"', 2))))) this.take(text, this.heardAt)
  }

  /** Lines under this key are handed on. Until then they are not even parsed. */
  want(key: string): void {
    this.wanted.add(key)
  }

  unwant(key: string): void {
    if (!durable.has(key) && !own.has(key)) this.wanted.delete(key)
  }

  /** Takes what will be answered exactly once: when it is sent, and sent again, is decided here. */
  ask(
    key: string,
    request: object,
    answered: (body: unknown) => void,
    refused: (error: PlazaError) => void,
    now: number
  ): void {
    if (this.state === "closed") refused(refusedHere("CLOSED", "the plaza is closed", true))
    else if (this.pending.size >= Limits.pendingMax) {
      refused(refusedHere("QUEUE_FULL", `${Limits.pendingMax} requests wait for their answers already`, true))
    } else {
      const body = JSON.stringify(request)
      const pending = { key, body, answered, refused, isWritten: false, uncertain: 0, againAt: never }
      const id = this.nextId++
      this.pending.set(id, pending)
      if (this.state === "open") this.writePending(id, pending, now)
    }
  }

  /** Says what needs no answer, when somebody is there to hear it; otherwise not at all. */
  send(key: string, request: object, now: number): void {
    if (this.state !== "open" || this.owner.unsentBytes() > Limits.unsentBytesMax) return
    this.write(`${JSON.stringify({ [key]: request })}\n`, now)
  }

  /** Hangs up for good. The session goes on for its grace. */
  close(): void {
    if (this.state !== "closed") this.end({ code: "CLOSED", message: "closed by its owner" })
  }

  // --- Sockets come and go ---

  /** Asked after each change that is told: whoever listens may have closed, or changed the network. */
  private is(state: State): boolean {
    return this.state === state
  }

  private isOnSocket(): boolean {
    return this.is("connecting") || this.is("greeting") || this.is("open")
  }

  private connect(now: number): void {
    this.heardAt = now
    this.silenceMsMax = Limits.answerMsMax
    this.become("connecting", "", 0)
    if (this.is("connecting")) this.owner.open()
  }

  /** Says hello, or resume where there is a session to go on with. */
  private greet(now: number): void {
    this.greetingId = this.nextId++
    this.become("greeting", "", 0)
    if (!this.is("greeting")) return
    const resume = { resumeToken: this.token, streams: this.streams.list() }
    const greeting = this.token === "" ? { hello: this.guest } : { resume }
    this.write(`${JSON.stringify({ id: this.greetingId, ...greeting })}\n`, now)
  }

  private wait(why: string, now: number, atLeastMs: number): void {
    if (this.state === "open") {
      this.figures.lost++
      // A server that takes phones in and throws them out again is not asked as often as one that was merely lost.
      if (now - this.openedAt >= Limits.steadyMs) this.failures = 0
    }
    const backoffMs =
      Math.min(Limits.backoffMsMax, Limits.backoffMsMin * 2 ** this.failures++) * (0.5 + this.random() / 2)
    this.notBefore = now + atLeastMs
    this.dueAt = now + Math.max(atLeastMs, backoffMs)
    this.owner.drop()
    this.become("waiting", why, this.dueAt - now)
  }

  private end(ending: Ending): void {
    this.become("closed", `${ending.code} ${ending.message}`.trim(), 0)
    this.owner.hangUp()
    const unanswered = [...this.pending.values()]
    this.pending.clear()
    for (const { refused, isWritten } of unanswered) refused(refusedHere("CLOSED", ending.message, !isWritten))
    this.owner.ended(ending)
  }

  private become(state: State, why: string, waitMs: number): void {
    this.state = state
    this.owner.changed({ state, why, waitMs })
  }

  private write(line: string, now: number): void {
    this.spokeAt = now
    this.figures.linesOut++
    this.owner.write(line)
  }

  private writePending(id: number, pending: Pending, now: number): void {
    if (utf8.encode(pending.body).length + Limits.envelopeBytesMax > this.lineBytesMax) {
      // The server would skip it unread, and could not say whose it was.
      this.pending.delete(id)
      pending.refused(refusedHere("ERROR_CODE_LINE_TOO_LONG", `a line has ${this.lineBytesMax} bytes at most`, true))
      this.again.answered(id, undefined)
      return
    }
    pending.isWritten = true
    pending.againAt = never
    this.write(`{"id":${id},"${pending.key}":${pending.body}}\n`, now)
  }

  // --- What is heard ---

  private take(text: string, now: number): void {
    const message = parse(text)
    if (message === undefined) return // Nobody's answer: what it was is asked again after the next resume.
    const { re } = message
    const [key = "", body] = Object.entries(message).find(([name]) => name !== "re") ?? []
    if (typeof re === "number" && re !== 0) {
      if (re === this.greetingId) this.greeted(key, body, now)
      else this.answer(re, key, body, now)
    } else if (key === "disconnect") this.disconnected(body, now)
    else if (key === "error") this.owner.refused(refusedByServer(body))
    else if (key === "streams") this.gap(body)
    else if (key !== "" && this.isNew(key, body)) {
      if (key === "ticking" && this.place !== undefined) this.place = { ...this.place, ...readTicking(body) }
      this.owner.heard(key, body)
    }
  }

  private greeted(key: string, body: unknown, now: number): void {
    this.greetingId = 0
    if (key === "hello") this.began({ resumed: false, ...readHelloResponse(body) }, now)
    else if (key === "resume") this.began({ resumed: true, ...readResumeResponse(body) }, now)
    else if (key === "error") this.greetingRefused(readError(body), now)
  }

  /** A token that is no longer good costs the session, not the guest: hello, on this very socket. */
  private greetingRefused({ code, message, retryAfterMs }: Refused, now: number): void {
    if (this.token !== "" && sessionIsOver.has(code)) {
      this.token = ""
      this.greet(now)
    } else if (code === "ERROR_CODE_INVALID") this.end({ code, message })
    else this.wait(`${code} ${message}`.trim(), now, retryAfterMs)
  }

  private began(session: Session, now: number): void {
    this.token = session.resumeToken || this.token
    if (!session.resumed) {
      this.heartbeatMs = session.heartbeatMs || Limits.heartbeatMsDefault
      this.lineBytesMax = session.limits?.lineBytes || Limits.lineBytesDefault
    }
    this.silenceMsMax = this.heartbeatMs * Limits.silentHeartbeatsMax
    this.openedAt = now
    if (session.resumed) {
      this.figures.resumes++
      const { cellCm = 0, tickMs = 0 } = this.place ?? {}
      this.stand(session.playground === "" ? undefined : { ...session, cellCm, tickMs })
      this.streams.follow(session.streams, session.recovered)
    } else this.startOver()
    if (!this.is("greeting")) return
    this.again.begin(session.resumed ? this.pending : [])
    // What is unanswered goes first, in order, and before anybody can ask on an open session: nothing new overtakes it.
    for (const [id, pending] of this.pending) this.writePending(id, pending, now)
    this.become("open", "", 0)
    if (!this.is("open")) return
    this.owner.began(session)
    if (session.resumed && !session.recovered) this.owner.missed(session.streams)
  }

  /** A first session takes what was asked before it, under ids above its hello's; a later one knows nothing of the lost one. */
  private startOver(): void {
    const unanswered = [...this.pending.values()]
    this.pending.clear()
    for (const pending of unanswered) {
      if (!this.hadSession) this.pending.set(this.nextId++, pending)
      else pending.refused(refusedHere("SESSION_LOST", "the session ended before the answer came", !pending.isWritten))
    }
    this.hadSession = true
    this.streams.clear()
    this.stand(undefined)
  }

  private answer(re: number, key: string, body: unknown, now: number): void {
    const pending = this.pending.get(re)
    if (pending === undefined) return
    if (key === "error") {
      const error = refusedByServer(body)
      if (error.code === "ERROR_CODE_UNCERTAIN" && pending.uncertain++ < Limits.uncertainMax) {
        if (error.retryAfterMs > 0) pending.againAt = now + error.retryAfterMs
        else this.writePending(re, pending, now)
        return
      }
      this.pending.delete(re)
      pending.refused(error)
      // Where nobody knows what came of it, what the resume has told holds.
      this.again.answered(re, error.code === "ERROR_CODE_UNCERTAIN" ? () => {} : undefined)
      return
    }
    this.pending.delete(re)
    if (pending.key === "enter") this.again.answered(re, () => this.entered(readEnterResponse(body)))
    else if (pending.key === "leave") this.again.answered(re, () => this.stand(undefined))
    pending.answered(body)
  }

  /** A place that a resume has told is not told again: neither is who is in view. */
  private entered(entered: EnterResponse): void {
    const { cellCm, tickMs } = entered
    if (this.place !== undefined && isSamePlace(this.place, entered)) this.place = { ...this.place, cellCm, tickMs }
    else {
      this.stand(entered)
      this.streams.follow(entered.streams, true)
    }
  }

  private stand(place: Place | undefined): void {
    const wasOutside = this.place === undefined
    this.streams.standIn(place === undefined ? "" : `${place.playground}/${place.channel}`)
    this.place = place && placeOf(place)
    if (place !== undefined || !wasOutside) this.owner.stands(this.place)
  }

  private disconnected(body: unknown, now: number): void {
    const { code, message, comeBack, afterMs } = readDisconnect(body)
    if (!comeBack) this.end({ code, message })
    else {
      if (code === "DISCONNECT_CODE_SESSION_ENDED") this.token = ""
      this.wait(`${code} ${message}`.trim(), now, afterMs)
    }
  }

  private gap(body: unknown): void {
    const { recovered, streams } = readStreams(body)
    this.streams.follow(streams, recovered)
    if (!recovered) this.owner.missed(streams)
  }

  /** A line of a stream that was heard already is dropped; what was said before one entered is no part of it. */
  private isNew(key: string, body: unknown): boolean {
    if (!durable.has(key)) return true
    const { seq, history } = fieldsOf(body)
    return history === true || this.streams.hear(key, readNumber(seq))
  }
}

// --- internal ---

const parse = (text: string): { readonly re?: unknown } | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** No id: nothing waits for it, and the server's own beat says that it lives. */
const pingLine = '{"ping":{}}\n'
/** What a conversation is about in any case; `re` stands before the key of an answer. */
const own: ReadonlySet<string> = new Set(["re", "hello", "resume", "error", "disconnect", "streams", "ticking"])
const sessionIsOver: ReadonlySet<string> = new Set(["ERROR_CODE_TOKEN_REFUSED", "ERROR_CODE_SESSION_ENDED"])
