/**
 * A person at a phone: enters, walks, says what was typed. Owns what the commands mean and how fast one may walk; how
 * it looks and where the keys come from is Join.ts's.
 */
import { Reach } from "../../gen/noriter/client/v1/chat.ts"
import { type Answer, type Asked, type Body, Phone } from "./Phone.ts"
import { type Line, Visit } from "./Visit.ts"

export interface GuestOptions {
  readonly host: string
  readonly port: number
  readonly playground: string
  readonly nickname: string
  /** The picture has changed; `line` is what came to the chat. */
  readonly changed: (line: Line | undefined) => void
  /** The server could not be had for now, and why; it is tried again. */
  readonly waiting?: (why: string) => void
  /** It is over, and why. */
  readonly ended: (why: string) => void
}

export class Guest {
  readonly visit: Visit
  readonly phone: Phone
  private readonly options: GuestOptions
  private steppedAt = 0
  private isMoved = false
  /** What was typed before one stood in the playground. */
  private waiting: Array<string> = []
  private unanswered = 0
  private leaveWhenAnswered = false

  constructor(options: GuestOptions) {
    this.options = options
    this.visit = new Visit(options.nickname)
    const { host, port, nickname } = options
    this.phone = new Phone(
      { host, port, nickname, deviceSecret: `join-${crypto.randomUUID()}`, sdk: "noriter-join", random: Math.random },
      {
        began: (resumed, body) => this.began(resumed, body),
        heard: (key, body) => options.changed(this.visit.hear(key, body)),
        changed: (state, why) => {
          this.visit.status = why === "" || state === "open" ? state : `${state}: ${why}`
          options.changed(undefined)
          if (state === "ended") options.ended(why)
          else if (state === "waiting") options.waiting?.(why)
        }
      }
    )
  }

  /** To be called ten times a second: goes on, and tells where one walked to, merged into one move. */
  tick(now: number): void {
    this.phone.tick(now)
    const { me } = this.visit
    if (!this.isMoved || me === undefined) return
    this.isMoved = false
    this.phone.send("move", { xCm: Math.round(me.xCm), yCm: Math.round(me.yCm) })
  }

  /** One step; held keys come often and then take shorter ones, so that nobody outruns the server's limit. */
  step(dx: number, dy: number, now: number): void {
    const lengthCm = (Math.min(now - this.steppedAt, stepMsMax) / 1000) * speedCmps
    this.steppedAt = now
    this.walk(dx * lengthCm, dy * lengthCm)
  }

  /** Does what was typed: a command, or something to say to those nearby. */
  enter(typed: string): void {
    const text = typed.trim()
    if (text === "") return
    const [, command = "", rest = ""] = /^\/(\S*)\s*(.*)$/su.exec(text) ?? []
    if (command === "quit" || command === "q") this.leave()
    else if (!this.visit.isInside) this.waiting = [...this.waiting, text].slice(-waitingMax)
    else if (!text.startsWith("/")) this.ask("say", { text, reach: Reach.REACH_NEARBY })
    else this.obey(command, rest)
    this.options.changed(undefined)
  }

  leave(): void {
    if (this.visit.isInside) this.phone.send("leave", {})
    this.phone.close()
  }

  /** No more will be typed: leaves when all that was said has its answer. */
  finish(): void {
    this.leaveWhenAnswered = true
    this.leaveIfDone()
  }

  // --- internal ---

  private obey(command: string, rest: string): void {
    const [, member = "", whispered = ""] = /^#?(\d+)\s+(.+)$/su.exec(rest) ?? []
    const [, right = "", down = ""] = /^(-?\d+)\s+(-?\d+)$/u.exec(rest) ?? []
    if (command === "p" && rest !== "") this.ask("say", { text: rest, reach: Reach.REACH_PLAYGROUND })
    else if (command === "w" && member !== "") {
      this.options.changed(this.visit.note("whisper", `you → ${this.visit.nameOf(Number(member))}: ${whispered}`))
      this.ask("whisper", { member: Number(member), text: whispered })
    } else if (command === "emote" && rest !== "") this.phone.send("emote", { kind: rest })
    else if (command === "walk" && right !== "") this.goTo(Number(right) * 100, Number(down) * 100)
    else this.tellOne("there are /p TEXT, /w N TEXT, /emote KIND, /walk RIGHT DOWN (metres, at most 1), /quit")
  }

  private goTo(xCm: number, yCm: number): void {
    this.walk(Math.max(-leapCmMax, Math.min(leapCmMax, xCm)), Math.max(-leapCmMax, Math.min(leapCmMax, yCm)))
  }

  private walk(xCm: number, yCm: number): void {
    const { me, widthCm, heightCm } = this.visit
    if (me === undefined) return
    me.xCm = Math.min(Math.max(0, me.xCm + xCm), Math.max(0, widthCm - 1))
    me.yCm = Math.min(Math.max(0, me.yCm + yCm), Math.max(0, heightCm - 1))
    this.isMoved = true
    this.options.changed(undefined)
  }

  private ask<K extends "say" | "whisper">(key: K, body: Asked<K>): void {
    this.unanswered++
    const id = this.phone.ask(key, body, ({ error, body }) => {
      this.unanswered--
      if (error !== undefined) this.tellOne(refusal(error, body))
      this.leaveIfDone()
    })
    if (id !== 0) return
    this.unanswered--
    this.tellOne("too much is waiting to be said")
  }

  private leaveIfDone(): void {
    if (this.leaveWhenAnswered && this.unanswered === 0 && this.waiting.length === 0) this.leave()
  }

  private tellOne(text: string): void {
    this.options.changed(this.visit.note("note", text))
  }

  private began(resumed: boolean, body: Body): void {
    if (resumed && body.text("playground") !== "") {
      this.visit.arrive(body)
      if (!body.flag("recovered")) this.visit.note("note", "some lines may be missing here")
      this.arrived()
      return
    }
    this.visit.outside()
    this.phone.ask("listPlaygrounds", {}, (answer) => this.choose(answer))
  }

  private choose({ error, body }: Answer): void {
    const all = body.bodies("playgrounds")
    const ground = all.find((one) => one.text("id") === this.options.playground)
    if (ground === undefined) {
      const known = all.map((one) => one.text("id")).join(", ")
      this.tellOne(error === undefined ? `no such playground; there are ${known}` : refusal(error, body))
      this.leave()
      return
    }
    this.visit.ground(ground)
    this.phone.ask("enter", { playground: ground.text("id"), avatar: "fox", channel: 0 }, ({ error, body }) => {
      if (error !== undefined) {
        this.tellOne(refusal(error, body))
        this.leave()
        return
      }
      this.visit.arrive(body)
      this.arrived()
    })
  }

  private arrived(): void {
    const typed = this.waiting
    this.waiting = []
    for (const text of typed) this.enter(text)
    this.options.changed(undefined)
    this.leaveIfDone()
  }
}

const refusal = (error: string, body: Body): string => {
  const when = body.number("retryAfterMs") > 0 ? `, again in ${Math.ceil(body.number("retryAfterMs") / 1000)} s` : ""
  return `refused: ${error.replace("ERROR_CODE_", "")} ${body.text("message")}${when}`
}

/** A brisk run; the server's limit is 8 m/s and a metre. */
const speedCmps = 500
const stepMsMax = 140
const leapCmMax = 100
const waitingMax = 100
