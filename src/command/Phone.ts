/**
 * A phone over TCP, as bots, join and doctor need one: lines, ids, answers, coming back. Owns one socket at a time and
 * keeps what a resume needs; what to say and what to make of what is heard is the caller's.
 *
 * It has no timer, so that a thousand of them cost one: whoever owns phones calls `tick` a few times a second.
 */
import * as Net from "node:net"
import type { ClientMessage } from "../../gen/noriter/client/v1/client.ts"
import { Lines } from "../wire/Lines.ts"

type Request = NonNullable<ClientMessage["body"]>
export type Key = Request["$case"]
/** What is asked under a key, as generated: integers, and enums by number. */
export type Asked<K extends Key> = Omit<Extract<Request, { readonly $case: K }>["value"], "$type">

/** `ended`: the server said not to come back, or the owner closed it. */
export type State = "connecting" | "greeting" | "open" | "waiting" | "ended"

export interface Options {
  readonly host: string
  readonly port: number
  readonly deviceSecret: string
  readonly nickname: string
  readonly sdk: string
  /** Keys worth parsing, answers, errors and disconnects apart; undefined: all. */
  readonly wanted?: ReadonlySet<string>
  /** 0 to 1. */
  readonly random: () => number
}

export interface Owner {
  /** A session is there: anew, or the one there was (then `body` says where it stands). */
  readonly began: (resumed: boolean, body: Body) => void
  /** A line that nobody asked for. */
  readonly heard: (key: string, body: Body) => void
  readonly changed?: (state: State, why: string) => void
}

export interface Answer {
  /** Undefined: granted. Otherwise ERROR_CODE_… */
  readonly error: string | undefined
  readonly body: Body
}

interface Pending {
  readonly line: string
  readonly answered: (answer: Answer) => void
  uncertain: number
}

/** Reads proto3 JSON: what is absent is zero, and what is of another kind, too. */
export class Body {
  private readonly fields: Readonly<Record<string, unknown>>

  constructor(value: unknown) {
    this.fields = typeof value === "object" && value !== null ? { ...value } : {}
  }
  keys(): ReadonlyArray<string> {
    return Object.keys(this.fields)
  }
  number(name: string): number {
    return Number(this.fields[name] ?? 0) || 0
  }
  text(name: string): string {
    const value = this.fields[name]
    return typeof value === "string" ? value : ""
  }
  flag(name: string): boolean {
    return this.fields[name] === true
  }
  body(name: string): Body {
    return new Body(this.fields[name])
  }
  bodies(name: string): ReadonlyArray<Body> {
    return this.list(name).map((item) => new Body(item))
  }
  numbers(name: string): ReadonlyArray<number> {
    return this.list(name).map((item) => Number(item) || 0)
  }
  private list(name: string): ReadonlyArray<unknown> {
    const value = this.fields[name]
    return Array.isArray(value) ? value : []
  }
}

export class Phone {
  state: State = "waiting"
  /** Lines, bytes and comings back so far. */
  readonly figures = { linesIn: 0, linesOut: 0, bytesIn: 0, connects: 0, resumes: 0, lost: 0 }

  private readonly options: Options
  private readonly owner: Owner
  private socket: Net.Socket | undefined
  private lines = new Lines(lineBytesMax)
  private nextId = 1
  private greetingId = 0
  private token = ""
  private heartbeatMs = 15_000
  private readonly pending = new Map<number, Pending>()
  private readonly streams = new Map<string, { epoch: string; seq: number }>()
  /** The channel's stream, which `said` belongs to. */
  private channelStream = ""
  private failures = 0
  private dueAt = 0
  private spokeAt = 0
  private heardAt = 0

  constructor(options: Options, owner: Owner) {
    this.options = options
    this.owner = owner
  }

  /** Does what is due: connects, greets the silence, gives up on a dead socket. */
  tick(now: number): void {
    if (this.state === "waiting" && now >= this.dueAt) this.connect(now)
    else if (this.state === "open" && now - this.spokeAt > this.heartbeatMs * 0.6) this.ask("ping", {}, ignore)
    if (this.socket !== undefined && now - this.heardAt > this.silenceMax()) this.socket.destroy()
  }

  /** Asks for an answer, which is given exactly once. 0: too much is waiting, and it was not asked. */
  ask<K extends Key>(key: K, body: Asked<K>, answered: (answer: Answer) => void): number {
    if (this.pending.size >= pendingMax || this.state === "ended") return 0
    const id = this.nextId++
    const line = `${JSON.stringify({ id, [key]: body })}\n`
    this.pending.set(id, { line, answered, uncertain: 0 })
    if (this.state === "open") this.write(line)
    return id
  }

  /** Says what needs no answer, when there is a session; otherwise not at all. */
  send<K extends Key>(key: K, body: Asked<K>): void {
    if (this.state === "open") this.write(`${JSON.stringify({ [key]: body })}\n`)
  }

  /** Hangs up for good. The session goes on for its grace. */
  close(): void {
    this.end("closed")
  }

  /** Cuts the socket, as a tunnel does: the phone comes back by itself. */
  cut(): void {
    this.socket?.destroy()
  }

  // --- The socket ---

  private connect(now: number): void {
    this.become("connecting", `${this.options.host}:${this.options.port}`)
    this.lines = new Lines(lineBytesMax)
    this.heardAt = now
    const socket = Net.connect({ host: this.options.host, port: this.options.port, noDelay: true })
    this.socket = socket
    let why = "the server hung up"
    socket.on("connect", () => {
      this.figures.connects++
      this.greet()
    })
    socket.on("data", (bytes) => this.read(bytes))
    socket.on("error", (error) => {
      why = error.message
    })
    socket.on("close", () => {
      if (this.socket !== socket) return
      this.socket = undefined
      if (this.state !== "ended") this.wait(why)
    })
  }

  /** Says hello, or resume where there is a token. */
  private greet(): void {
    this.become("greeting", "")
    const id = this.nextId++
    this.greetingId = id
    const { deviceSecret, nickname, sdk } = this.options
    const streams = Array.from(this.streams, ([name, at]) => ({ name, ...at })).slice(-streamsMax)
    const greeting =
      this.token === ""
        ? { id, hello: { deviceSecret, nickname, sdk } }
        : { id, resume: { resumeToken: this.token, streams } }
    this.write(`${JSON.stringify(greeting)}\n`)
  }

  private write(line: string): void {
    this.spokeAt = Date.now()
    this.figures.linesOut++
    this.socket?.write(line)
  }

  private wait(why: string, atLeastMs = 0): void {
    if (this.state === "open") this.figures.lost++
    const backoff = Math.min(backoffMaxMs, backoffMinMs * 2 ** this.failures++) * (0.5 + this.options.random() / 2)
    this.dueAt = Date.now() + Math.max(atLeastMs, backoff)
    this.socket?.destroy()
    this.socket = undefined
    this.become("waiting", why)
  }

  private end(why: string): void {
    this.become("ended", why)
    this.socket?.end()
    this.socket = undefined
    for (const { answered } of this.pending.values()) answered({ error: "PHONE_ENDED", body: new Body({}) })
    this.pending.clear()
  }

  private become(state: State, why: string): void {
    this.state = state
    this.owner.changed?.(state, why)
  }

  private silenceMax(): number {
    return this.state === "open" ? this.heartbeatMs * 3 : greetingMaxMs
  }

  // --- What is heard ---

  private read(bytes: Buffer): void {
    const socket = this.socket
    this.heardAt = Date.now()
    this.figures.bytesIn += bytes.length
    this.lines.feed(bytes, this.heardAt)
    for (let line = this.lines.next(); line !== undefined; line = this.lines.next()) {
      this.figures.linesIn++
      if (typeof line === "string" && this.isWanted(line)) this.take(line)
      if (this.socket !== socket) return
    }
  }

  /** The key stands first in its line, so what nobody wants is told apart without parsing it. */
  private isWanted(line: string): boolean {
    if (this.options.wanted === undefined) return true
    const key = line.slice(2, Math.max(2, line.indexOf('"', 2)))
    return this.options.wanted.has(key) || always.has(key)
  }

  private take(text: string): void {
    let message: Body
    try {
      message = new Body(JSON.parse(text))
    } catch {
      return // Not ours to mend; what it answered is asked again after the next resume.
    }
    const re = message.number("re")
    const key = message.keys().find((name) => name !== "re") ?? ""
    const body = message.body(key)
    if (re !== 0 && re === this.greetingId) this.greeted(key, body)
    else if (re !== 0) this.answer(re, key, body)
    else if (key === "disconnect") this.disconnected(body)
    else {
      this.follow(key, body)
      this.owner.heard(key, body)
    }
  }

  private greeted(key: string, body: Body): void {
    this.greetingId = 0
    if (key === "error") {
      this.greetingRefused(body)
      return
    }
    const resumed = key === "resume"
    if (!resumed) this.streams.clear()
    this.token = body.text("resumeToken") || this.token
    this.heartbeatMs = body.number("heartbeatMs") || this.heartbeatMs
    this.failures = 0
    if (resumed) {
      this.figures.resumes++
      this.channelStream = body.text("playground") === "" ? "" : `${body.text("playground")}/${body.number("channel")}`
      this.startFrom(body.bodies("streams"), !body.flag("recovered"))
    }
    this.become("open", resumed ? "resumed" : "hello")
    // What is unanswered goes first, in order, so that nothing new overtakes it. A new session knows none of it.
    const unanswered = [...this.pending]
    for (const [id, { line, answered }] of unanswered) {
      if (resumed) this.write(line)
      else {
        this.pending.delete(id)
        answered({ error: "ERROR_CODE_SESSION_ENDED", body: new Body({}) })
      }
    }
    this.owner.began(resumed, body)
  }

  /** A token that is no longer good costs the session, not the guest: hello, on this very socket. */
  private greetingRefused(body: Body): void {
    const code = body.text("code")
    if (this.token !== "" && (code === "ERROR_CODE_TOKEN_REFUSED" || code === "ERROR_CODE_SESSION_ENDED")) {
      this.token = ""
      this.greet()
    } else if (code === "ERROR_CODE_INVALID") this.end(`refused: ${body.text("message")}`)
    else this.wait(`refused: ${code} ${body.text("message")}`, body.number("retryAfterMs"))
  }

  private answer(re: number, key: string, body: Body): void {
    const pending = this.pending.get(re)
    if (pending === undefined) return
    const error = key === "error" ? body.text("code") || "ERROR_CODE_UNSPECIFIED" : undefined
    if (error === "ERROR_CODE_UNCERTAIN" && pending.uncertain++ < uncertainMax) {
      this.write(pending.line)
      return
    }
    this.pending.delete(re)
    if (key === "enter") {
      this.channelStream = `${body.text("playground")}/${body.number("channel")}`
      this.startFrom(body.bodies("streams"), true)
    }
    pending.answered({ error, body })
  }

  private disconnected(body: Body): void {
    const why = `${body.text("code")} ${body.text("message")}`.trim()
    if (body.flag("comeBack")) this.wait(why, body.number("afterMs"))
    else this.end(why)
  }

  /** Keeps the last line heard of each stream, which a resume asks from. */
  private follow(key: string, body: Body): void {
    if (key === "streams") this.startFrom(body.bodies("streams"), true)
    const name = key === "said" ? this.channelStream : key === "whispered" ? "mailbox" : ""
    const stream = this.streams.get(name)
    if (stream !== undefined) stream.seq = Math.max(stream.seq, body.number("seq"))
  }

  private startFrom(positions: ReadonlyArray<Body>, anew: boolean): void {
    for (const position of positions) {
      const name = position.text("name")
      const epoch = position.text("epoch")
      if (!anew && this.streams.get(name)?.epoch === epoch) continue
      this.streams.set(name, { epoch, seq: position.number("seq") })
    }
    // An old channel's stream means nothing any more.
    for (const name of this.streams.keys()) {
      if (name.includes("/") && name !== this.channelStream) this.streams.delete(name)
    }
  }
}

// --- internal ---

const lineBytesMax = 1_048_576
const pendingMax = 32
/** A resume names no more than this. */
const streamsMax = 16
const uncertainMax = 5
const backoffMinMs = 250
const backoffMaxMs = 10_000
/** A server that answers neither connect nor hello for so long is tried anew. */
const greetingMaxMs = 10_000
const always: ReadonlySet<string> = new Set(["re", "hello", "resume", "error", "disconnect", "streams"])
const ignore = (): void => {}
