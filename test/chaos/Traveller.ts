/**
 * A phone that comes back: whatever happens to its socket, it tries the next runner, resumes, and sends again what was not
 * answered, as any phone should. It speaks for itself and not by the SDK, which hides what a checker must see: ids, each
 * sending, places in streams. Owns its socket, its log and what it waits for; when it speaks is its party's to say.
 */
import { isRecord } from "../e2e/Phone.ts"
import { open, type Way } from "../e2e/Way.ts"
import type { Event, PhoneLog, Position, Told } from "./Evidence.ts"
import { codeOf, fieldOf, type Heard, listOf, membersIn, numberOf, positionsIn } from "./Heard.ts"

/** Where it may go, best first; asked anew at each try. */
export type Addresses = () => ReadonlyArray<number>

/** Hello, resume and enter are answered within, else the next runner is tried. */
const greetingMsMax = 8_000
const againMs = 250
const backoffMs = [20, 100, 250, 500] as const
const noId = 0

interface Pending {
  readonly key: string
  readonly body: object
  readonly text: string
  sent: number
}

const enter = { playground: "park", avatar: "fox" } as const

export class Traveller implements PhoneLog {
  readonly name: string
  readonly events: Array<Event> = []
  /** Whether it stands in the channel, on an open socket. */
  isInside = false
  /** Whether it has gone for good. */
  hasLeft = false
  member = 0
  port = 0
  /** Who it sees, itself perhaps too. Kept to wait by; what is judged is the log. */
  readonly view = new Map<number, string>()
  /** The last text heard. */
  lastHeard = ""
  private readonly addresses: Addresses
  private readonly random: () => number
  private readonly watchesSteps: boolean
  private readonly pending = new Map<number, Pending>()
  private readonly streams = new Map<string, Position>()
  private readonly pings = new Map<number, number>()
  private steppedMs = 0
  private step = 0
  private way: Way | undefined
  private unfinished = ""
  private token = ""
  private session = ""
  private nextId = 1
  private lines = 0
  private greeting = noId
  private entering = noId
  private tries = 0
  private attempts = 0
  private home: number | undefined
  private timer: NodeJS.Timeout | undefined
  private isGone = false
  private why = ""

  constructor(name: string, addresses: Addresses, random: () => number, watchesSteps: boolean) {
    this.name = name
    this.addresses = addresses
    this.random = random
    this.watchesSteps = watchesSteps
  }

  /** Requests that are not answered for good. */
  get waiting(): number {
    return this.pending.size
  }

  // --- What it is told to do ---

  /** Comes in, by this runner first; and from now on comes back until it leaves. */
  start(port: number): void {
    this.home = port
    void this.connect()
  }

  /** A line all its own; its text. */
  say(padding = ""): string {
    const text = `${this.name} ${this.lines++} ${padding}`.trimEnd()
    this.ask("say", { text, reach: "REACH_PLAYGROUND" }, text)
    return text
  }

  give(member: number): void {
    this.ask("give", { member, kind: "daisy", count: 1 }, "")
  }

  move(): void {
    const [xCm, yCm] = [9_200 + Math.floor(this.random() * 1_600), 9_200 + Math.floor(this.random() * 1_600)]
    if (!this.isInside) return
    this.step = xCm
    this.steppedMs = performance.now()
    this.write({ move: { xCm, yCm } })
  }

  ping(): void {
    if (!this.isInside) return
    const id = this.nextId++
    this.pings.set(id, performance.now())
    this.write({ id, ping: {} })
  }

  /** Loses its socket without a word, and comes back after so long, to another runner than the one it was on. */
  lose(afterMs: number): void {
    this.home = this.addresses().find((port) => port !== this.port)
    this.dropped("")
    this.later(afterMs)
  }

  /** Is somewhere else at once, its old socket still open. */
  switchTo(port: number): void {
    const former = this.way
    this.dropped("switched", false)
    this.home = port
    void this.connect().finally(() => setTimeout(() => former?.destroy(), 2_000).unref())
  }

  /** Does not come back: its socket, if it has one, is dropped now. */
  depart(): void {
    this.isGone = true
    clearTimeout(this.timer)
    this.dropped("")
    this.goForGood()
  }

  /** Will not come back when its socket is gone. */
  stayAway(): void {
    this.isGone = true
  }

  /** Reads nothing more, and says nothing. */
  stopReading(): void {
    this.isGone = true
    this.way?.pause()
  }

  /** Leaves in good order; what it waited for is given up. */
  leave(): void {
    if (this.isInside) this.write({ id: this.nextId++, leave: {} })
    this.isGone = true
    clearTimeout(this.timer)
    this.isInside = false
    this.goForGood()
  }

  /** Hangs up, whatever was said. */
  close(): void {
    this.isGone = true
    clearTimeout(this.timer)
    this.way?.destroy()
  }

  // --- Sockets ---

  private later(ms: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.connect(), ms)
  }

  private tryAgain(): void {
    const most = backoffMs[Math.min(this.tries++, backoffMs.length - 1)] ?? 0
    this.later(most * (0.5 + this.random() / 2))
  }

  private async connect(): Promise<void> {
    if (this.isGone) return
    const ports = this.addresses()
    const home = this.home
    this.home = undefined
    const port = home !== undefined && ports.includes(home) ? home : ports[Math.floor(this.random() * ports.length)]
    if (port === undefined) return this.tryAgain()
    // Refused is an answer; what is not answered at all is found by the greeting's bound.
    const attempt = ++this.attempts
    const way = await open(port).catch(() => undefined)
    // It may have been told to go elsewhere meanwhile.
    if (this.isGone || attempt !== this.attempts) return way?.destroy()
    if (way === undefined) return this.tryAgain()
    this.port = port
    this.way = way
    this.unfinished = ""
    this.note({ kind: "opened", port })
    way.onText = (text) => this.way === way && this.receive(text)
    way.onClose = () => {
      if (this.way !== way) return
      this.dropped(this.why)
      if (!this.isGone) this.tryAgain()
      else this.goForGood()
    }
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.dropped("greeting not answered")
      this.tryAgain()
    }, greetingMsMax)
    this.greet()
  }

  /** The socket is no longer its own. */
  private dropped(why: string, isDestroyed = true): void {
    const { way } = this
    if (way === undefined) return
    this.way = undefined
    this.why = ""
    this.isInside = false
    this.pings.clear()
    this.view.clear()
    this.note({ kind: "closed", why })
    if (isDestroyed) way.destroy()
  }

  private greet(): void {
    this.greeting = this.nextId++
    const streams = [...this.streams.values()]
    if (this.token === "") {
      const deviceSecret = `chaos-device-${process.pid}-${this.name}`
      this.write({ id: this.greeting, hello: { deviceSecret, nickname: this.name, sdk: "chaos/1" } })
    } else this.write({ id: this.greeting, resume: { resumeToken: this.token, streams } })
  }

  private write(line: object): void {
    this.way?.write(`${JSON.stringify(line)}\n`)
  }

  // --- Requests ---

  private ask(key: string, body: object, text: string): void {
    if (!this.isInside) return
    const id = this.nextId++
    this.pending.set(id, { key, body, text, sent: 0 })
    this.send(id)
  }

  private send(id: number): void {
    const asked = this.pending.get(id)
    if (asked === undefined || !this.isInside) return
    const { key, body, text } = asked
    asked.sent++
    this.note({ kind: "asked", session: this.session, id, key, text })
    this.write({ id, [key]: body })
  }

  /** What is uncertain is sent again by its id; so is what was refused for now after it was sent more than once. */
  private answered(id: number, asked: Pending, line: Heard): void {
    const code = codeOf(line)
    this.note({ kind: "answered", session: this.session, id, code, seq: numberOf(fieldOf(line[asked.key], "seq")) })
    const isOpen = code === "ERROR_CODE_UNCERTAIN" || (code === "ERROR_CODE_UNAVAILABLE" && asked.sent > 1)
    if (!isOpen) this.pending.delete(id)
    else setTimeout(() => this.send(id), againMs).unref()
  }

  // --- What it hears ---

  private receive(text: string): void {
    const lines = (this.unfinished + text).split("\n")
    this.unfinished = lines.pop() ?? ""
    for (const line of lines) {
      // Most of what is heard, and looked into by few.
      if (line.startsWith('{"moved"') && (!this.watchesSteps || this.step === 0)) continue
      const heard: unknown = JSON.parse(line)
      if (isRecord(heard)) this.hear(heard)
    }
  }

  private hear(line: Heard): void {
    if (line.re !== undefined || line.error !== undefined) this.hearAnswer(Number(line.re ?? noId), line)
    else if (isRecord(line.said)) this.hearSaid(line.said)
    else if (isRecord(line.appeared)) {
      const members = membersIn(line.appeared)
      for (const [member, nickname] of members) this.view.set(member, nickname)
      this.note({ kind: "appeared", members })
    } else if (isRecord(line.disappeared)) {
      const members = listOf(line.disappeared.member).map(numberOf)
      for (const member of members) this.view.delete(member)
      this.note({ kind: "disappeared", members, reason: String(line.disappeared.reason) })
    } else if (isRecord(line.streams)) {
      const streams = positionsIn(line.streams)
      for (const position of streams) this.streams.set(position.name, position)
      this.note({ kind: "gap", streams })
    } else if (isRecord(line.moved)) this.hearMoved(line.moved)
    else if (isRecord(line.given)) this.stands("mailbox", numberOf(line.given.seq))
    else if (isRecord(line.disconnect)) this.why = String(line.disconnect.code)
  }

  private hearSaid(said: Heard): void {
    const [seq, text, stream] = [numberOf(said.seq), String(said.text), "park/1"]
    if (said.history === true) return
    this.stands(stream, seq)
    this.lastHeard = text
    this.note({ kind: "heard", stream, seq, text })
  }

  private hearMoved(moved: Heard): void {
    const at = listOf(moved.member).indexOf(this.member)
    if (at === -1 || listOf(moved.xCm)[at] !== this.step) return
    this.note({ kind: "step", tookMs: performance.now() - this.steppedMs })
    this.step = 0
  }

  private stands(name: string, seq: number): void {
    const position = this.streams.get(name)
    if (position !== undefined) this.streams.set(name, { ...position, seq: Math.max(seq, position.seq) })
  }

  private hearAnswer(id: number, line: Heard): void {
    const pinged = this.pings.get(id)
    const asked = this.pending.get(id)
    if (pinged !== undefined) {
      this.pings.delete(id)
      this.note({ kind: "ping", tookMs: performance.now() - pinged })
    } else if (asked !== undefined) this.answered(id, asked, line)
    else if (id === this.greeting) this.greeted(line)
    else if (id === this.entering) this.entered(line)
  }

  private greeted(line: Heard): void {
    const code = codeOf(line)
    if (code === undefined && isRecord(line.hello)) {
      this.token = String(line.hello.resumeToken)
      this.session = String(line.hello.sessionId)
      // Those of the session before: nobody can ask for them any more.
      this.pending.clear()
      this.goIn()
    } else if (code === undefined && isRecord(line.resume)) this.resumed(line.resume)
    else {
      if (code === "ERROR_CODE_UNAVAILABLE") return void this.after(line, () => this.greet())
      // Its session is over, or the token is not known: as somebody new.
      this.token = ""
      this.dropped(code ?? "")
      this.tryAgain()
    }
  }

  private resumed(resume: Heard): void {
    this.token = String(resume.resumeToken)
    if (numberOf(resume.member) === 0) return void this.goIn()
    const streams = positionsIn(resume)
    const recovered = resume.recovered === true
    for (const position of streams) {
      const known = this.streams.get(position.name)
      if (!recovered || known === undefined || known.epoch !== position.epoch) this.streams.set(position.name, position)
    }
    this.comeIn(numberOf(resume.member))
    this.note({ kind: "resumed", session: this.session, member: this.member, recovered, streams })
    for (const id of this.pending.keys()) this.send(id)
  }

  private goIn(): void {
    this.entering = this.nextId++
    this.write({ id: this.entering, enter })
  }

  private entered(line: Heard): void {
    if (!isRecord(line.enter)) {
      const code = codeOf(line)
      if (code === "ERROR_CODE_UNAVAILABLE" || code === "ERROR_CODE_UNCERTAIN") {
        return void this.after(line, () => this.goIn())
      }
      this.dropped(code ?? "")
      return void this.tryAgain()
    }
    const streams = positionsIn(line.enter)
    for (const position of streams) this.streams.set(position.name, position)
    this.comeIn(numberOf(line.enter.member))
    this.note({ kind: "entered", session: this.session, member: this.member, streams })
    for (const id of this.pending.keys()) this.send(id)
  }

  private comeIn(member: number): void {
    clearTimeout(this.timer)
    this.tries = 0
    this.isInside = true
    this.member = member
    this.view.clear()
    this.step = 0
    if (!this.watchesSteps) this.write({ pace: { pace: "PACE_CALM" } })
  }

  private after(line: Heard, then: () => void): void {
    const { way } = this
    setTimeout(() => this.way === way && then(), numberOf(fieldOf(line.error, "retryAfterMs")) || againMs).unref()
  }

  private goForGood(): void {
    if (this.hasLeft) return
    this.hasLeft = true
    this.note({ kind: "left" })
  }

  private note(told: Told): void {
    this.events.push({ atMs: performance.now(), ...told })
  }
}
