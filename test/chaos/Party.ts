/**
 * The phones of a run: comes in together, walks, pings and talks all the while, and comes to rest at the end, when nothing
 * is unanswered and everybody has heard the last line. Owns its travellers and the beat they live by.
 */
import { requestsOf } from "./Lines.ts"
import { type Addresses, Traveller } from "./Traveller.ts"

/** How often what is due is done; a phone's turn comes by its number. */
const beatMs = 50
/** A phone pings once in so many beats, and takes a step. */
const pingEvery = 20
const stepEvery = 12
/** Of whose steps it is known how long they take to come back: reading all moves of all would be most of the work. */
const steppersMax = 6
const lookMs = 20

export interface Gathering {
  readonly name: string
  readonly size: number
  readonly addresses: Addresses
  readonly random: () => number
  readonly linesPerSecond: number
  /** Too many for everybody to be shown to everybody. */
  readonly isCrowded?: boolean
}

export class Party {
  readonly travellers: Array<Traveller> = []
  private readonly gathering: Gathering
  private readonly timer: NodeJS.Timeout
  private beats = 0
  private due = 0
  private giftsDue = 0
  private talks = true
  /** How many flowers are given among them. */
  giftsPerSecond = 0

  constructor(gathering: Gathering) {
    this.gathering = gathering
    this.timer = setInterval(() => this.beat(), beatMs)
  }

  /** Ends when all are in, and see each other. */
  async comeIn(withinMs = 60_000): Promise<void> {
    this.add(this.gathering.size)
    await this.all("see each other", withinMs, () => this.seesAll())
  }

  /** More of them, shared out among the runners, or wherever they are said to be. */
  add(count: number, addresses = this.gathering.addresses): ReadonlyArray<Traveller> {
    const { name, random } = this.gathering
    const ports = addresses()
    return Array.from({ length: count }, () => {
      const at = this.travellers.length
      const traveller = new Traveller(`${name}.${at}`, addresses, random, at < steppersMax)
      this.travellers.push(traveller)
      traveller.start(ports[at % ports.length] ?? 0)
      return traveller
    })
  }

  get inside(): ReadonlyArray<Traveller> {
    return this.travellers.filter(({ isInside }) => isInside)
  }

  on(port: number): ReadonlyArray<Traveller> {
    return this.travellers.filter((traveller) => traveller.isInside && traveller.port === port)
  }

  pick(): Traveller | undefined {
    const { inside } = this
    return inside[Math.floor(this.gathering.random() * inside.length)]
  }

  /** Everybody who is to be in is, and everybody's view holds them all and nobody else. */
  seesAll(): boolean {
    const { inside } = this
    const numbers = new Set(inside.map(({ member }) => member))
    const isIn = inside.length === this.travellers.filter((traveller) => !traveller.hasLeft).length
    if (!isIn || this.gathering.isCrowded) return isIn
    return inside.every(({ view, member }) => {
      const others = view.has(member) ? numbers.size : numbers.size - 1
      return view.size === others && [...view.keys()].every((one) => numbers.has(one))
    })
  }

  hush(): void {
    this.talks = false
  }

  talk(): void {
    this.talks = true
  }

  /**
   * Ends when nothing is unanswered and all inside have heard one last line. Throws when that takes longer: then something
   * was never answered, or never heard.
   */
  async rest(withinMs = 60_000): Promise<void> {
    this.hush()
    await this.all("are answered", withinMs, () => this.inside.every(({ waiting }) => waiting === 0))
    await this.all("are in", withinMs, () => this.travellers.every((one) => one.hasLeft || one.isInside))
    const said = await this.speak(withinMs)
    await this.all(`have heard ${said}`, withinMs, () => this.isAtRest(said))
  }

  /** Whoever lost its socket while it spoke says so again later: what all hear last need not be what was said last. */
  private isAtRest(said: string): boolean {
    const { inside } = this
    const [last] = inside
    const isQuiet = inside.every(({ waiting, lastHeard }) => waiting === 0 && lastHeard === last?.lastHeard)
    return isQuiet && inside.some(({ events }) => events.some((one) => one.kind === "heard" && one.text === said))
  }

  /** Says lines until one is taken; its text. */
  private async speak(withinMs: number): Promise<string> {
    for (const dueMs = performance.now() + withinMs; performance.now() < dueMs; await pause(100)) {
      const speaker = this.pick()
      const text = speaker?.say()
      if (speaker === undefined || text === undefined) continue
      await this.all("is answered", withinMs, () => !this.inside.includes(speaker) || speaker.waiting === 0)
      if (requestsOf(speaker).some((one) => one.text === text && one.outcome === "done")) return text
    }
    throw new Error("no line is taken")
  }

  private async all(what: string, withinMs: number, isSo: () => boolean): Promise<void> {
    await until(withinMs, isSo).catch(() => {
      const { inside } = this
      const views = inside.map(({ view }) => view.size)
      const waiting = inside.filter((one) => one.waiting > 0).map(({ name, waiting }) => `${name} ${waiting}`)
      const heard = Map.groupBy(inside, ({ lastHeard }) => lastHeard)
      const last = Array.from(heard, ([text, those]) => `${text} by ${those.length} (${those[0]?.name})`)
      throw new Error(
        `not all ${what} within ${withinMs} ms: ${inside.length} of ${this.travellers.length} are in, views of ` +
          `${Math.min(...views)} to ${Math.max(...views)}, unanswered: ${waiting.slice(0, 5).join(", ") || "none"}, ` +
          `heard last: ${last.slice(0, 5).join(", ")}`
      )
    })
  }

  private beat(): void {
    this.beats++
    for (const [at, traveller] of this.travellers.entries()) {
      if ((at + this.beats) % pingEvery === 0) traveller.ping()
      if ((at + this.beats) % stepEvery === 0) traveller.move()
    }
    if (!this.talks) return
    this.due += (this.gathering.linesPerSecond * beatMs) / 1_000
    for (; this.due >= 1; this.due--) this.pick()?.say()
    this.giftsDue += (this.giftsPerSecond * beatMs) / 1_000
    for (; this.giftsDue >= 1; this.giftsDue--) this.give()
  }

  /** Somebody gives somebody else a flower. */
  give(): Traveller | undefined {
    const [giver, other] = [this.pick(), this.pick()]
    if (giver === undefined || other === undefined || giver === other) return undefined
    giver.give(other.member)
    return giver
  }

  /** All leave, and hang up. */
  async leave(): Promise<void> {
    this.hush()
    for (const traveller of this.travellers) traveller.leave()
    await pause(200)
    this.close()
  }

  close(): void {
    clearInterval(this.timer)
    for (const traveller of this.travellers) traveller.close()
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Looks until it is so; how long that took. */
export async function until(withinMs: number, isSo: () => boolean | Promise<boolean>, what = "it"): Promise<number> {
  const beganMs = performance.now()
  while (!(await isSo())) {
    if (performance.now() - beganMs > withinMs) throw new Error(`${what}: not within ${withinMs} ms`)
    await pause(lookMs)
  }
  return performance.now() - beganMs
}
