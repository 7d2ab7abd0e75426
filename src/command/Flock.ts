/**
 * Many bots in one process on one timer: a wheel of ten spokes, one every 50 ms, so that a bot lives twice a second and
 * the work is spread evenly. Owns the timer, how fast bots arrive and what they know of each other.
 */
import type { Said } from "../../sdk/typescript/src/Plaza.ts"
import { Bot, type Company, type Figures } from "./Bot.ts"
import { chance } from "./Stroll.ts"

export interface FlockOptions {
  readonly count: number
  readonly host: string
  readonly port: number
  /** Empty: the first there is. */
  readonly playground: string
  readonly seed: number
}

export interface Summary extends Omit<Figures, "answerMs"> {
  readonly bots: number
  readonly inside: number
  readonly seconds: number
  readonly connects: number
  readonly resumes: number
  readonly lost: number
  readonly ended: number
  readonly linesIn: number
  readonly bytesIn: number
  readonly answerP50Ms: number
  readonly answerP99Ms: number
  /** Of this process, which is the server's, too, under `start --bots`. */
  readonly cpuSeconds: number
}

export class Flock implements Company {
  readonly random: () => number
  readonly patience: number
  readonly figures: Figures = { moves: 0, said: 0, heard: 0, waved: 0, corrected: 0, refused: {}, answerMs: [] }

  private readonly bots: ReadonlyArray<Bot>
  private readonly beganAt = performance.now()
  private readonly cpuBefore = process.cpuUsage()
  private spoke = 0
  private timer: NodeJS.Timeout | undefined
  /** Lines that were heard already, in two generations: of a line heard by a hundred bots the first one may answer. */
  private lines = new Set<string>()
  private olderLines = new Set<string>()

  constructor(options: FlockOptions) {
    this.random = chance(options.seed)
    this.patience = Math.max(1, options.count / chattyCount)
    this.bots = Array.from({ length: options.count }, () => new Bot(options, this))
  }

  begin(): void {
    this.timer ??= setInterval(() => this.turn(performance.now()), spokeMs)
  }

  end(): void {
    clearInterval(this.timer)
    this.timer = undefined
    for (const bot of this.bots) bot.leave()
  }

  friendOf(bot: Bot): Bot["stroll"] | undefined {
    const other = this.bots[Math.floor(this.random() * this.bots.length)]
    return other === undefined || other === bot || other.channel !== bot.channel ? undefined : other.stroll
  }

  /** Below one answer a line among bots, or they would never stop; people are answered almost always. */
  answerChance(channel: string, { seq, member }: Pick<Said, "seq" | "member">): number {
    const line = `${channel} ${seq}`
    if (this.lines.has(line) || this.olderLines.has(line)) return 0
    this.lines.add(line)
    if (this.lines.size > linesKept) {
      this.olderLines = this.lines
      this.lines = new Set()
    }
    const isBot = this.bots.some((bot) => bot.member === member && bot.channel === channel)
    return isBot ? 0.3 : 0.9
  }

  summary(): Summary {
    const { answerMs, ...figures } = this.figures
    const sorted = [...answerMs].sort((a, b) => a - b)
    const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10
    const sum = (of: (bot: Bot) => number): number => this.bots.reduce((total, bot) => total + of(bot), 0)
    const { user, system } = process.cpuUsage(this.cpuBefore)
    return {
      bots: this.bots.length,
      inside: sum((bot) => (bot.plaza.state === "open" && bot.channel !== undefined ? 1 : 0)),
      seconds: Math.round((performance.now() - this.beganAt) / 100) / 10,
      ...figures,
      answerP50Ms: at(0.5),
      answerP99Ms: at(0.99),
      connects: sum((bot) => bot.plaza.figures.connects),
      resumes: sum((bot) => bot.plaza.figures.resumes),
      lost: sum((bot) => bot.plaza.figures.lost),
      ended: sum((bot) => (bot.plaza.state === "closed" ? 1 : 0)),
      linesIn: sum((bot) => bot.plaza.figures.linesIn),
      bytesIn: sum((bot) => bot.plaza.figures.bytesIn),
      cpuSeconds: Math.round((user + system) / 10_000) / 100
    }
  }

  // --- internal ---

  private turn(now: number): void {
    const arrived = Math.min(this.bots.length, Math.ceil(((now - this.beganAt) / 1000) * arrivalsPerSecond))
    for (let i = this.spoke; i < arrived; i += spokes) this.bots[i]?.tick(now)
    this.spoke = (this.spoke + 1) % spokes
  }
}

const spokes = 10
const spokeMs = 50
/** Below what one address may open in a second. */
const arrivalsPerSecond = 80
/** So many together say about five lines a second; more of them say no more. */
const chattyCount = 200
const linesKept = 10_000
