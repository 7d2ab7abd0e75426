/**
 * One who walks and talks like a person, over a real socket. Owns its plaza and its stroll, and decides what to say when;
 * the flock (Flock.ts) gives it time and tells it who else is there.
 */
import { type Place, Plaza, PlazaError, type Said } from "../../sdk/typescript/src/Plaza.ts"
import { tcp } from "../../sdk/typescript/src/Tcp.ts"
import { nickname, phrase, type Tongue, tongueOf } from "./Phrases.ts"
import { type Ground, type Spot, Stroll } from "./Stroll.ts"

/** What bots know of each other: they are in one process and need not look. */
export interface Company {
  readonly random: () => number
  /** 1 in a small company, more in a large one: where everybody arrives, all must not talk at once. */
  readonly patience: number
  /** Somebody to stand with. */
  readonly friendOf: (bot: Bot) => Spot | undefined
  /** How likely this bot answers a line: one line must not be answered by everybody who hears it. */
  readonly answerChance: (channel: string, said: Said) => number
  readonly figures: Figures
}

/** What a bot counts as refused where there is no such playground. */
export const noPlayground = "NO_PLAYGROUND"

/** What all bots of a flock have done. */
export interface Figures {
  moves: number
  said: number
  heard: number
  waved: number
  corrected: number
  readonly refused: Record<string, number>
  /** From asking to the answer, milliseconds, the latest ones. */
  readonly answerMs: Array<number>
}

export class Bot {
  readonly plaza: Plaza
  readonly stroll: Stroll
  /** `park/1`; undefined outside. */
  channel: string | undefined
  member = 0

  private readonly company: Company
  private readonly playground: string
  private readonly tongue: Tongue
  private ground: Ground = { widthCm: 0, heightCm: 0 }
  private enterAt = 0
  private speakAt = 0
  private toSay: (() => string) | undefined

  constructor(at: { readonly host: string; readonly port: number; readonly playground: string }, company: Company) {
    const { random } = company
    this.company = company
    this.playground = at.playground
    this.tongue = random() < 0.6 ? "ko" : "en"
    this.stroll = new Stroll(random)
    this.plaza = new Plaza({
      transport: tcp(at),
      nickname: nickname(this.tongue, random),
      sdk: "noriter-bots",
      random
    })
    this.plaza.on("place", (place) => this.stand(place))
    this.plaza.on("session", ({ resumed }) => {
      // After a resume the answer to enter may still be on its way.
      if (!resumed) this.enterAt = 0
    })
    this.plaza.on("said", (said) => this.heard(said))
    this.plaza.on("moveCorrected", (spot) => {
      company.figures.corrected++
      this.stroll.place(spot, performance.now())
    })
  }

  /** Half a second of life. */
  tick(now: number): void {
    this.plaza.connect()
    if (this.plaza.state !== "open") return
    if (this.channel === undefined) {
      if (now >= this.enterAt) void this.enter(now)
      return
    }
    if (this.stroll.advance(now, this.ground, () => this.company.friendOf(this))) {
      this.company.figures.moves++
      this.plaza.move({ xCm: Math.round(this.stroll.xCm), yCm: Math.round(this.stroll.yCm) })
    }
    if (now >= this.speakAt) this.speak(now)
  }

  /** Says goodbye, so that nobody sees it lost. */
  leave(): void {
    // Its answer is not waited for: what is written last is still sent.
    if (this.channel !== undefined) this.plaza.leave().catch(() => {})
    this.plaza.close()
  }

  // --- internal ---

  private stand(place: Place | undefined): void {
    this.channel = place && `${place.playground}/${place.channel}`
    this.member = place?.member ?? 0
    if (place !== undefined) this.stroll.place(place, performance.now())
  }

  /** Tries again after a while, until it stands in a playground. */
  private async enter(now: number): Promise<void> {
    this.enterAt = now + 10_000
    const { random, patience } = this.company
    try {
      const { playgrounds } = await this.plaza.listPlaygrounds()
      const ground = playgrounds.find(({ id }) => this.playground === "" || id === this.playground)
      if (ground === undefined) return this.refused(noPlayground)
      this.ground = ground
      await this.plaza.enter({ playground: ground.id, avatar: avatars[Math.floor(random() * avatars.length)] ?? "" })
      this.plan(performance.now(), 2000 + random() * 20_000 * patience, () => phrase(this.tongue, "greet", random))
    } catch (error) {
      this.refused(codeOf(error))
    }
  }

  private heard(said: Said): void {
    if (said.member === this.member || said.history) return
    this.company.figures.heard++
    const { random } = this.company
    if (this.channel === undefined || random() >= this.company.answerChance(this.channel, said)) return
    const tongue = tongueOf(said.text)
    this.plan(performance.now(), 1500 + random() * 3000, () => phrase(tongue, "reply", random))
  }

  private plan(now: number, afterMs: number, toSay: () => string): void {
    this.speakAt = now + afterMs
    this.toSay = toSay
  }

  /** Says what was planned; now and then waves instead; and thinks of something for later. */
  private speak(now: number): void {
    const { random, figures, patience } = this.company
    const toSay = this.toSay
    this.plan(now, (20_000 + random() * 40_000) * patience, () => phrase(this.tongue, "open", random))
    if (toSay === undefined) return
    if (random() < 0.15) {
      figures.waved++
      this.plaza.emote({ kind: "wave" })
    } else void this.say(toSay())
  }

  private async say(text: string): Promise<void> {
    const { random, figures } = this.company
    const asked = performance.now()
    try {
      await this.plaza.say({ text, reach: random() < 0.05 ? "REACH_PLAYGROUND" : "REACH_NEARBY" })
      figures.said++
      figures.answerMs.push(performance.now() - asked)
      if (figures.answerMs.length > answersKept) figures.answerMs.splice(0, answersKept / 2)
    } catch (error) {
      this.refused(codeOf(error))
    }
  }

  private refused(code: string): void {
    const { refused } = this.company.figures
    refused[code] = (refused[code] ?? 0) + 1
  }
}

const avatars = ["fox", "cat", "bear", "otter", "rabbit"]
const answersKept = 20_000

/** What a request was refused with; anything else that is thrown is a bug. */
const codeOf = (error: unknown): string => {
  if (error instanceof PlazaError) return error.code
  throw error
}
