/**
 * A guest's phone in a simulation: keeps to the rules of the wire, comes back when its socket is lost, and sends again what
 * it has no answer to. Remembers what it was told, and what was wrong with that by the rules alone; what it must have
 * heard is compared by the verdict. Decides nothing by itself but how to stay: what it does, the schedule says.
 */
import { DisconnectCode } from "../../../gen/noriter/client/v1/session.ts"
import { type Fields, isObject } from "../../../src/wire/Strict.ts"
import type { Trouble } from "../Trouble.ts"
import { Heard, type Position } from "./Heard.ts"
import type { Process } from "./Process.ts"
import { type Request, Requests } from "./Requests.ts"
import { pointOf, Sight } from "./Sight.ts"
import { Socket } from "./Socket.ts"
import type { Timeline } from "./Timeline.ts"
import { giftText } from "./Truth.ts"

/** A process that takes sockets. */
export interface Address {
  readonly process: Process
  readonly accept: (socket: Socket) => void
}

/** What a phone has around it. */
export interface Surroundings {
  readonly timeline: Timeline
  readonly trouble: Trouble
  /** A runner that takes sockets, by chance; another one than this, where there is one. */
  readonly dial: (instead: Process | undefined) => Address | undefined
  /** Whether whoever has claimed the session since is a living runner's. */
  readonly isReplacedRightly: (guest: string, process: Process) => boolean
  /** Whether an operator has had it removed. */
  readonly isRemovedRightly: (guest: string) => boolean
  /** Told of what phones hear, where anybody wants to know. */
  readonly note: ((what: string) => void) | undefined
}

const answerWithinMs = 1_000
const enteredWithinMs = 2_000
const againMs = 200

export class Device {
  readonly name: string
  readonly heard: Heard
  readonly requests: Requests
  readonly wrongs: Array<string> = []
  /** Where it wants to be; empty: nowhere. */
  wants = "park"
  /** Where it stands. */
  place: { readonly tag: string; readonly member: number } | undefined
  readonly sight = new Sight()
  guest = ""
  /** It has gone, and never comes again. */
  hasParted = false
  #around: Surroundings
  #socket: Socket | undefined
  #opening = 0
  #entering = 0
  /** Where it has been sent. */
  #next: Address | undefined
  /** The runner that it has left last: it tries elsewhere. */
  #left: Process | undefined
  #isGreeted = false
  #token: string | undefined

  constructor(name: string, around: Surroundings) {
    this.name = name
    this.#around = around
    this.heard = new Heard((stream) => (stream === "mailbox" ? this.guest : stream))
    this.requests = new Requests(name)
  }

  get isGreeted(): boolean {
    return this.#isGreeted
  }

  get process(): Process | undefined {
    return this.#socket?.process
  }

  // --- What the schedule has it do ---

  connect(): void {
    if (this.#socket !== undefined || this.hasParted) return
    const runner = this.#next ?? this.#around.dial(this.#left)
    this.#next = undefined
    if (runner === undefined) {
      this.#later(againMs, () => this.connect())
      return
    }
    const socket = new Socket(runner.process, {
      hears: (line) => this.#hears(socket, line),
      ended: (code, afterMs) => this.#ended(socket, code, afterMs)
    })
    this.#socket = socket
    runner.accept(socket)
    this.#open(socket)
    this.#later(answerWithinMs, () => {
      if (this.#socket === socket && !this.#isGreeted) this.drop(0)
    })
  }

  /** The network is gone; the runner notices after so long. */
  drop(missedAfterMs: number): void {
    const socket = this.#socket
    if (socket === undefined) return
    this.#close()
    socket.leave(missedAfterMs)
    this.#later(this.#around.trouble.below(300), () => this.connect())
  }

  /** Goes on there, at once. */
  turnTo(at: Address): void {
    const socket = this.#socket
    this.#next = at
    this.#close()
    socket?.leave(0)
    this.connect()
  }

  /** Goes for good, whatever is under way. */
  part(missedAfterMs: number): void {
    this.hasParted = true
    this.#forgetSession()
    this.drop(missedAfterMs)
  }

  /** Begins anew, as after the app was installed again; there, where it is sent somewhere. */
  forget(missedAfterMs: number, at?: Address): void {
    this.#next = at
    this.#forgetSession()
    if (this.#socket === undefined) this.connect()
    else this.drop(missedAfterMs)
  }

  /** Goes to another playground, or out. */
  go(playground: string): void {
    this.wants = playground
    if (this.#isGreeted) this.#settle()
  }

  ask(request: Request): void {
    this.requests.add(request)
    if (this.#isGreeted) this.#send(request)
  }

  walk(xCm: number, yCm: number): void {
    if (this.place !== undefined) this.#socket?.tell({ move: { xCm, yCm } })
  }

  // --- Coming ---

  #open(socket: Socket): void {
    const id = this.requests.nextId()
    this.#opening = id
    const deviceSecret = `the-secret-device-of-${this.name}`
    socket.tell(
      this.#token === undefined
        ? { id, hello: { deviceSecret, nickname: this.name } }
        : { id, resume: { resumeToken: this.#token, streams: this.heard.positions } }
    )
  }

  #close(): void {
    this.#left = this.process
    this.#socket = undefined
    this.#isGreeted = false
    this.#entering = 0
    this.sight.begin(undefined)
  }

  #forgetSession(): void {
    this.#token = undefined
    this.place = undefined
    this.heard.endAll()
    this.requests.giveUp()
  }

  #greeted(answer: Fields): void {
    this.#isGreeted = true
    this.#token = text(answer.resumeToken)
    this.guest = text(answer.guestId)
    for (const request of this.requests.open) this.#send(request)
    this.#settle()
  }

  #resumed(answer: Fields): void {
    const member = number(answer.member)
    this.place = member === 0 ? undefined : { tag: `${text(answer.playground)}/${number(answer.channel)}`, member }
    const kept = new Set(this.heard.positions.map(({ name }) => name))
    const streams = positionsOf(answer)
    // Told that it has missed nothing, it goes on where it was.
    this.heard.begin(answer.recovered === true ? streams.filter(({ name }) => !kept.has(name)) : streams)
    for (const name of kept) if (!streams.some((stream) => stream.name === name)) this.heard.end(name)
    this.sight.begin(this.place && pointOf(answer))
    this.#greeted(answer)
  }

  /** Enters, goes elsewhere, or leaves. */
  #settle(): void {
    const is = this.place?.tag.split("/")[0] ?? ""
    if (is === this.wants || this.#entering !== 0) return
    this.#entering = this.requests.nextId()
    const id = this.#entering
    const enter = { playground: this.wants, avatar: "fox" }
    this.#socket?.tell(this.wants === "" ? { id, leave: {} } : { id, enter })
    // Nobody waits for ever: it tries elsewhere.
    this.#later(enteredWithinMs, () => {
      if (this.#entering === id) this.drop(0)
    })
  }

  // --- Hearing ---

  #hears(socket: Socket, line: Fields): void {
    if (socket !== this.#socket) return
    this.#around.note?.(`${this.name} hears ${JSON.stringify(line)}`)
    const { re = 0, ...rest } = line
    const [[name, value] = ["", undefined]] = Object.entries(rest)
    if (!isObject(value)) return
    if (re === 0) this.#told(name, value)
    else if (re === this.#opening) this.#opened(name, value)
    else if (re === this.#entering) this.#entered(name, value)
    else this.#answered(number(re), name, value)
  }

  #opened(name: string, answer: Fields): void {
    if (name === "hello") this.#greeted(answer)
    else if (name === "resume") this.#resumed(answer)
    else if (answer.code === "ERROR_CODE_UNAVAILABLE") this.#again(this.#open)
    else {
      // The session is over: it begins another, on this socket.
      this.#forgetSession()
      this.#again(this.#open)
    }
  }

  #entered(name: string, answer: Fields): void {
    this.#entering = 0
    if (name === "error") {
      if (answer.code !== "ERROR_CODE_UNAVAILABLE") this.wrongs.push(`was refused a place: ${JSON.stringify(answer)}`)
      this.#again(this.#settle)
      return
    }
    const before = this.place
    if (before !== undefined) this.heard.end(before.tag)
    this.place = undefined
    this.sight.begin(name === "enter" ? pointOf(answer) : undefined)
    if (name === "enter") {
      this.place = { tag: `${text(answer.playground)}/${number(answer.channel)}`, member: number(answer.member) }
      const mailbox = this.heard.positions.some((position) => position.name === "mailbox")
      this.heard.begin(positionsOf(answer).filter((position) => position.name !== "mailbox" || !mailbox))
    }
    this.#settle()
  }

  #answered(id: number, name: string, answer: Fields): void {
    const wish = this.requests.answered(id, name, answer)
    if (wish !== undefined) this.#again(() => this.#isGreeted && wish.isOpen && this.#send(wish))
  }

  #told(name: string, value: Fields): void {
    if ((name === "said" || name === "announced") && value.history !== true) this.#said(value)
    else if (name === "whispered") this.#mailed(value, text(value.text))
    else if (name === "given") {
      this.#mailed(value, giftText({ nickname: text(value.nickname), count: number(value.count) }))
    } else if (name === "streams") this.heard.begin(positionsOf(value))
    else if (name === "appeared") this.sight.appeared(value)
    else if (name === "disappeared") this.sight.disappeared(value)
    else if (name === "moved") this.sight.moved(value, this.place?.member ?? 0)
    else if (name === "moveCorrected") this.sight.at = pointOf(value)
    else if (name === "crowded") this.sight.crowded(value)
  }

  #mailed({ seq }: Fields, said: string): void {
    this.heard.hear("mailbox", { seq: number(seq), text: said })
  }

  #said(value: Fields): void {
    if (this.place !== undefined) this.heard.hear(this.place.tag, { seq: number(value.seq), text: text(value.text) })
  }

  #ended(socket: Socket, code: DisconnectCode | undefined, afterMs: number): void {
    if (socket !== this.#socket) return
    this.#around.note?.(`${this.name} is disconnected, ${code}`)
    this.#close()
    if (code === DisconnectCode.DISCONNECT_CODE_REPLACED) {
      if (!this.#around.isReplacedRightly(this.guest, socket.process)) this.wrongs.push("was replaced by nobody")
      this.#forgetSession()
    }
    if (code === DisconnectCode.DISCONNECT_CODE_REMOVED) {
      if (!this.#around.isRemovedRightly(this.guest)) this.wrongs.push("was removed by nobody")
      this.#forgetSession()
    }
    this.#later(afterMs + againMs, () => this.connect())
  }

  // --- Sending ---

  #send(request: Request): void {
    request.sends++
    this.#socket?.tell(request.id === 0 ? request.body : { id: request.id, ...request.body })
    if (request.id === 0) request.isOpen = false
  }

  /** A little later, on the same socket. */
  #again(job: (this: this, socket: Socket) => unknown): void {
    const socket = this.#socket
    this.#later(againMs, () => {
      if (socket !== undefined && this.#socket === socket) job.call(this, socket)
    })
  }

  #later(ms: number, job: () => void): void {
    this.#around.timeline.after(ms, job)
  }
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")
const number = (value: unknown): number => (typeof value === "number" ? value : 0)
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const positionsOf = (answer: Fields): ReadonlyArray<Position> =>
  list(answer.streams)
    .filter(isObject)
    .map(({ name, epoch, seq }) => ({ name: text(name), epoch: text(epoch), seq: number(seq) }))
