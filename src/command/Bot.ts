/**
 * One who walks and talks like a person, over a real socket. Owns a phone and a stroll, and decides what to say when;
 * the flock (Flock.ts) gives it time and tells it who else is there.
 */
import { Reach } from "../../gen/noriter/client/v1/chat.ts"
import { type Body, Phone } from "./Phone.ts"
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
  readonly answerChance: (channel: string, body: Body) => number
  readonly figures: Figures
}

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
  readonly phone: Phone
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
    this.phone = new Phone(
      {
        host: at.host,
        port: at.port,
        deviceSecret: `bot-${crypto.randomUUID()}`,
        nickname: nickname(this.tongue, random),
        sdk: "noriter-bots",
        wanted,
        random
      },
      { began: (resumed, body) => this.began(resumed, body), heard: (key, body) => this.heard(key, body) }
    )
  }

  /** Half a second of life. */
  tick(now: number): void {
    this.phone.tick(now)
    if (this.phone.state !== "open") return
    if (this.channel === undefined) {
      if (now >= this.enterAt) this.enter(now)
      return
    }
    if (this.stroll.advance(now, this.ground, () => this.company.friendOf(this))) {
      this.company.figures.moves++
      this.phone.send("move", { xCm: Math.round(this.stroll.xCm), yCm: Math.round(this.stroll.yCm) })
    }
    if (now >= this.speakAt) this.speak(now)
  }

  /** Says goodbye, so that nobody sees it lost. */
  leave(): void {
    if (this.channel !== undefined) this.phone.send("leave", {})
    this.phone.close()
  }

  // --- internal ---

  private began(resumed: boolean, body: Body): void {
    const playground = body.text("playground")
    if (resumed && playground !== "") {
      this.channel = `${playground}/${body.number("channel")}`
      this.member = body.number("member")
      this.stroll.place(spotOf(body), Date.now())
      return
    }
    this.channel = undefined
    this.enterAt = 0
  }

  /** Tries again after a while, until it stands in a playground. */
  private enter(now: number): void {
    this.enterAt = now + 10_000
    this.phone.ask("listPlaygrounds", {}, ({ error, body }) => {
      const all = body.bodies("playgrounds")
      const ground = all.find((one) => one.text("id") === this.playground) ?? all[0]
      if (error !== undefined || ground === undefined) this.refused(error ?? "NO_PLAYGROUND")
      else this.enterGround(ground)
    })
  }

  private enterGround(ground: Body): void {
    this.ground = { widthCm: ground.number("widthCm"), heightCm: ground.number("heightCm") }
    const { random } = this.company
    const avatar = avatars[Math.floor(random() * avatars.length)] ?? ""
    this.phone.ask("enter", { playground: ground.text("id"), avatar, channel: 0 }, ({ error, body }) => {
      if (error !== undefined) {
        this.refused(error)
        return
      }
      const now = Date.now()
      this.channel = `${body.text("playground")}/${body.number("channel")}`
      this.member = body.number("member")
      this.stroll.place(spotOf(body), now)
      this.plan(now, 2000 + random() * 20_000 * this.company.patience, () => phrase(this.tongue, "greet", random))
    })
  }

  private heard(key: string, body: Body): void {
    if (key === "moveCorrected") {
      this.company.figures.corrected++
      this.stroll.place(spotOf(body), Date.now())
    } else if (key === "said" && body.number("member") !== this.member && !body.flag("history")) {
      this.company.figures.heard++
      const { random } = this.company
      if (this.channel === undefined || random() >= this.company.answerChance(this.channel, body)) return
      const tongue = tongueOf(body.text("text"))
      this.plan(Date.now(), 1500 + random() * 3000, () => phrase(tongue, "reply", random))
    }
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
      this.phone.send("emote", { kind: "wave" })
      return
    }
    const asked = performance.now()
    const reach = random() < 0.05 ? Reach.REACH_PLAYGROUND : Reach.REACH_NEARBY
    this.phone.ask("say", { text: toSay(), reach }, ({ error }) => {
      if (error !== undefined) this.refused(error)
      else {
        figures.said++
        figures.answerMs.push(performance.now() - asked)
        if (figures.answerMs.length > answersKept) figures.answerMs.splice(0, answersKept / 2)
      }
    })
  }

  private refused(code: string): void {
    const { refused } = this.company.figures
    refused[code] = (refused[code] ?? 0) + 1
  }
}

const wanted: ReadonlySet<string> = new Set(["said", "moveCorrected"])
const avatars = ["fox", "cat", "bear", "otter", "rabbit"]
const answersKept = 20_000

const spotOf = (body: Body): Spot => ({ xCm: body.number("xCm"), yCm: body.number("yCm") })
