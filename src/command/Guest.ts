/**
 * A person at a phone: enters, walks, says what was typed. Owns what the commands mean and how fast one may walk; how
 * it looks and where the keys come from is Join.ts's.
 */
import { type Place, Plaza, PlazaError } from "../../sdk/typescript/src/Plaza.ts"
import { tcp } from "../../sdk/typescript/src/Tcp.ts"
import { type Line, Visit } from "./Visit.ts"
import { clean } from "./Width.ts"

export interface GuestOptions {
  readonly host: string
  readonly port: number
  /** Empty: the first there is. */
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
  readonly plaza: Plaza
  private readonly options: GuestOptions
  private steppedAt = 0
  /** When it asks again to be let in. */
  private chooseAt = Number.POSITIVE_INFINITY
  /** It stood somewhere, and does no more. */
  private isPutOut = false
  private isMoved = false
  /** What was typed before one stood in the playground. */
  private waiting: Array<string> = []
  private unanswered = 0
  private leaveWhenAnswered = false

  constructor(options: GuestOptions) {
    this.options = options
    this.visit = new Visit(options.nickname)
    const { host, port, nickname } = options
    this.plaza = new Plaza({ transport: tcp({ host, port }), nickname, sdk: "noriter-join" })
    this.listen()
  }

  /** Connects; what happens is told from now on. */
  begin(): void {
    this.plaza.connect()
  }

  /** To be called ten times a second: tells where one walked to, merged into one move, and asks again to be let in. */
  tick(): void {
    if (performance.now() >= this.chooseAt) void this.choose()
    const { me } = this.visit
    if (!this.isMoved || me === undefined) return
    this.isMoved = false
    this.plaza.move({ xCm: Math.round(me.xCm), yCm: Math.round(me.yCm) })
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
    else if (!text.startsWith("/")) void this.said(this.plaza.say({ text, reach: "REACH_NEARBY" }))
    else this.obey(command, rest)
    this.options.changed(undefined)
  }

  leave(): void {
    // Its answer is not waited for: what is written last is still sent.
    if (this.visit.isInside) this.plaza.leave().catch(() => {})
    this.plaza.close()
  }

  /** No more will be typed: leaves when all that was said has its answer. */
  finish(): void {
    this.leaveWhenAnswered = true
    this.leaveIfDone()
  }

  // --- internal ---

  private listen(): void {
    const { plaza, visit, options } = this
    plaza.on("state", ({ state, why }) => {
      visit.status = why === "" || state === "open" ? state : `${state}: ${why}`
      options.changed(undefined)
      if (state === "waiting") options.waiting?.(why)
    })
    void plaza.closed.then(({ code, message }) => options.ended(code === "CLOSED" ? "closed" : `${code} ${message}`))
    plaza.on("place", (place) => this.stand(place))
    plaza.on("session", ({ resumed }) => {
      // After a resume the answer to enter is still on its way, if one does not stand somewhere and never did.
      if (!resumed || this.isPutOut) void this.choose()
    })
    plaza.on("missed", () => options.changed(visit.missed()))
    plaza.on("refused", (error) => this.tellOne(refusal(error)))
    plaza.on("said", (said) => options.changed(visit.said(said)))
    plaza.on("announced", (announced) => options.changed(visit.announced(announced)))
    plaza.on("whispered", (whispered) => options.changed(visit.whispered(whispered)))
    plaza.on("emoted", (emoted) => options.changed(visit.emoted(emoted)))
    // What only changes the picture, and adds nothing to the chat.
    plaza.on("appeared", (appeared) => options.changed(void visit.appeared(appeared)))
    plaza.on("disappeared", (disappeared) => options.changed(void visit.disappeared(disappeared)))
    plaza.on("moved", (moved) => options.changed(void visit.moved(moved)))
    plaza.on("crowded", (crowded) => options.changed(void visit.crowd(crowded)))
    plaza.on("moveCorrected", (corrected) => options.changed(void visit.corrected(corrected)))
  }

  private obey(command: string, rest: string): void {
    const [, member = "", whispered = ""] = /^#?(\d+)\s+(.+)$/su.exec(rest) ?? []
    const isNumber = /^\d+$/u.test(rest)
    const [, right = "", down = ""] = /^(-?\d+)\s+(-?\d+)$/u.exec(rest) ?? []
    if (command === "p" && rest !== "") void this.said(this.plaza.say({ text: rest, reach: "REACH_PLAYGROUND" }))
    else if (command === "w" && member !== "") {
      this.options.changed(this.visit.note("whisper", `you → ${this.visit.nameOf(Number(member))}: ${whispered}`))
      void this.said(this.plaza.whisper({ member: Number(member), text: whispered }))
    } else if (command === "emote" && rest !== "") this.plaza.emote({ kind: rest })
    else if (command === "walk" && right !== "") this.goTo(Number(right) * 100, Number(down) * 100)
    else if (command === "block" && isNumber) void this.said(this.block(Number(rest)))
    else if (command === "unblock" && isNumber) void this.said(this.unblock(Number(rest)))
    else if (command === "blocks") void this.said(this.listBlocks())
    else this.tellOne(`there are ${commands}`)
  }

  private async block(member: number): Promise<void> {
    const name = this.visit.nameOf(member)
    const { block } = await this.plaza.block({ member })
    this.tellOne(`${name} is blocked; /unblock ${block} takes it back`)
  }

  private async unblock(block: number): Promise<void> {
    await this.plaza.unblock({ block })
    this.tellOne(`block ${block} is taken back`)
  }

  private async listBlocks(): Promise<void> {
    const { blocks } = await this.plaza.blocks()
    const names = blocks.map(({ block, nickname }) => `${block} ${clean(nickname)}`)
    this.tellOne(names.length === 0 ? "you block nobody" : `you block ${names.join(", ")}`)
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

  /** Waits for what was said to be answered, and tells where it was refused. */
  private async said(answer: Promise<unknown>): Promise<void> {
    this.unanswered++
    await answer.catch((error) => this.tellOne(refusal(error)))
    this.unanswered--
    this.leaveIfDone()
  }

  private leaveIfDone(): void {
    if (this.leaveWhenAnswered && this.unanswered === 0 && this.waiting.length === 0) this.leave()
  }

  private tellOne(text: string): void {
    this.options.changed(this.visit.note("note", text))
  }

  private async choose(): Promise<void> {
    this.chooseAt = Number.POSITIVE_INFINITY
    this.isPutOut = false
    try {
      const { playgrounds } = await this.plaza.listPlaygrounds()
      const { playground } = this.options
      const ground = playgrounds.find(({ id }) => playground === "" || id === playground)
      if (ground === undefined) {
        const ids = playgrounds.map(({ id }) => clean(id)).join(", ")
        return this.giveUp(`there is no playground ${playground}; there are ${ids}`)
      }
      this.visit.ground(ground)
      await this.plaza.enter({ playground: ground.id, avatar: "fox" })
    } catch (error) {
      // A session that was lost meanwhile begins anew, and so does this; why a plaza is closed is told with that.
      if (error instanceof PlazaError && (error.code === "SESSION_LOST" || error.code === "CLOSED")) return
      if (!(error instanceof PlazaError) || error.retryAfterMs === 0) return this.giveUp(refusal(error))
      this.chooseAt = performance.now() + error.retryAfterMs
      this.tellOne(refusal(error))
    }
  }

  /** Ends without having got in: the screen goes with it, so the reason is for whoever started this. */
  private giveUp(why: string): void {
    this.options.ended(why)
    this.leave()
  }

  private stand(place: Place | undefined): void {
    this.visit.stand(place)
    this.isPutOut = place === undefined
    if (place !== undefined) {
      const typed = this.waiting
      this.waiting = []
      for (const text of typed) this.enter(text)
    }
    this.options.changed(undefined)
    if (place !== undefined) this.leaveIfDone()
  }
}

const commands =
  "/p TEXT, /w N TEXT, /emote KIND, /walk RIGHT DOWN (metres, at most 1), /block N, /unblock NUMBER, /blocks, /quit"

const refusal = (error: unknown): string => {
  if (!(error instanceof PlazaError)) throw error
  const when = error.retryAfterMs > 0 ? `, again in ${Math.ceil(error.retryAfterMs / 1000)} s` : ""
  return `refused: ${clean(error.message.replace("ERROR_CODE_", ""))}${when}`
}

/** A brisk run; the server's limit is 8 m/s and a metre. */
const speedCmps = 500
const stepMsMax = 140
const leapCmMax = 100
const waitingMax = 100
