/**
 * One run of one fault: a party on a cluster, what is done to them, and what is found. A row of the fault matrix says what
 * happens (rows/); that the party came together before, came to rest afterwards, and that every invariant held, is the
 * same for all rows and done here.
 */
import { readFile } from "node:fs/promises"
import { chance } from "../../src/command/Stroll.ts"
import {
  alternating,
  type Complaints,
  type Counts,
  fenced,
  lostOnce,
  noDefects,
  noGhosts,
  noOneLost,
  nothingLeft,
  onePlaceEach,
  percentile,
  pingsOf,
  undisturbed,
  worksAgain
} from "./Checkers.ts"
import type { Cluster, Shape } from "./Cluster.ts"
import type { PhoneLog, Picture } from "./Evidence.ts"
import { linesHeard, missedBy, type Request, requestsOf } from "./Lines.ts"
import { Party, pause, until } from "./Party.ts"
import { keptIn, pictureOf } from "./Raw.ts"
import type { Traveller } from "./Traveller.ts"

/** A row of the fault matrix. */
export interface Row {
  readonly id: string
  readonly title: string
  /** Of the cluster it is to be run on, where that is not the usual one. */
  readonly shape?: Partial<Shape>
  readonly phones: number
  /** Too many for everybody to be shown to everybody. */
  readonly isCrowded?: boolean
  /** How often it is run by `--all`. */
  readonly runs: number
  /** Of runs in which something was found: they are played again, before any other. */
  readonly seeds?: ReadonlyArray<number>
  /** Where it cannot be run: why. */
  readonly isMissing?: () => string | undefined
  readonly run: (scene: Scene, party: Party) => Promise<void>
}

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly atMost?: number
  readonly atLeast?: number
}

export interface Span {
  readonly what: string
  readonly fromMs: number
  readonly toMs: number
}

/** What became of a run, as it is printed and shown. */
export interface Finding {
  readonly row: string
  readonly title: string
  readonly run: number
  readonly seed: number
  readonly phones: number
  readonly tookMs: number
  readonly complaints: Complaints
  readonly figures: ReadonlyArray<Figure>
  readonly timeline: ReadonlyArray<Span>
  /** Of each phone that was not given all there was: how many acknowledged lines, and how often its socket went. */
  readonly missed: ReadonlyArray<{ readonly phone: string; readonly lines: number; readonly sockets: number }>
  /** The slowest ping of each second. */
  readonly pings: ReadonlyArray<readonly [second: number, ms: number]>
  readonly requests: ReadonlyArray<Request>
}

const goneMsMax = 60_000
const quickCalmMs = 200
const newcomerPauseMs = 50
const emptyMsMax = 90_000

export class Scene {
  readonly cluster: Cluster
  readonly random: () => number
  readonly seed: number
  readonly figures: Array<Figure> = []
  readonly complaints: Array<string> = []
  /** Whose runner stood still or fell: others may be told of them though they have a socket. */
  readonly excused = new Set<string>()
  private pictures: Array<Picture> = []
  private readonly timeline: Array<Span> = []
  private readonly beganMs = performance.now()

  /** Only what is found matters, not how long anything took. */
  readonly isQuick: boolean

  constructor(cluster: Cluster, seed: number, isQuick: boolean) {
    this.cluster = cluster
    this.seed = seed
    this.isQuick = isQuick
    this.random = chance(seed)
  }

  // --- For rows ---

  /** Nothing is done for so long, so that there is something to compare with. */
  async calm(ms: number): Promise<void> {
    await pause(this.isQuick ? Math.min(ms, quickCalmMs) : ms)
  }

  /** Does something to somebody, and writes down when. */
  async fault<A>(what: string, work: () => Promise<A> | A): Promise<A> {
    const fromMs = performance.now() - this.beganMs
    try {
      return await work()
    } finally {
      this.timeline.push({ what, fromMs, toMs: performance.now() - this.beganMs })
    }
  }

  note(name: string, value: number, unit: string, bound: Pick<Figure, "atMost" | "atLeast"> = {}): void {
    this.figures.push({ name, value: Math.round(value), unit, ...bound })
  }

  require(complaints: Complaints): void {
    this.complaints.push(...complaints)
  }

  /** Their runner stands still, or is taken for dead. */
  excuse(those: ReadonlyArray<PhoneLog>): void {
    for (const { name } of those) this.excused.add(name)
  }

  one<A>(of: ReadonlyArray<A>): A {
    const chosen = of[Math.floor(this.random() * of.length)]
    if (chosen === undefined) throw new Error("there is none to choose from")
    return chosen
  }

  portOf(id: string): number {
    return this.cluster.portOf(id)
  }

  /** Looks at Redis, and remembers. */
  async look(): Promise<Picture> {
    const picture = await pictureOf(this.cluster.redis, this.cluster.prefix)
    this.pictures.push(picture)
    return picture
  }

  /** What lies in Redis may be older than what was seen there. */
  forget(): void {
    this.pictures = []
  }

  /** Until these are shown nowhere, in Redis and in any view; how long since then. */
  async gone(party: Party, those: ReadonlyArray<Traveller>, sinceMs: number): Promise<number> {
    const names = new Set(those.map(({ name }) => name))
    const isShownIn = (picture: Picture) =>
      picture.members.some(({ nickname, state }) => names.has(nickname) && state !== "away" && state !== "hidden")
    // Who stands on a runner that stands still sees what they saw.
    const others = () => party.inside.filter(({ name }) => !names.has(name))
    const isSeen = () => others().some(({ view }) => [...view.values()].some((name) => names.has(name)))
    await until(goneMsMax, async () => !isSeen() && !isShownIn(await this.look()), "all who are away are gone")
    return performance.now() - sinceMs
  }

  /** How long each of these took to stand in the channel again, at most. */
  async back(those: ReadonlyArray<Traveller>, sinceMs: number): Promise<number> {
    const cameBack = ({ events }: PhoneLog) =>
      events.findLast(({ kind, atMs }) => atMs >= sinceMs && (kind === "resumed" || kind === "entered"))?.atMs
    await until(goneMsMax, () => those.every((one) => one.isInside && cameBack(one) !== undefined), "all are back")
    return Math.max(...those.map((one) => (cameBack(one) ?? sinceMs) - sinceMs))
  }

  /** How long until Redis shows whoever has a socket, and nobody else. */
  async presence(party: Party, sinceMs: number, atMost: number): Promise<void> {
    let wrong: Complaints = []
    await until(goneMsMax, async () => {
      wrong = noGhosts(party.travellers, await this.look(), true)
      return wrong.length === 0
    }).catch(() => this.require(wrong))
    this.note("presence is as the sockets after", performance.now() - sinceMs, "ms", { atMost })
  }

  /** How long until a line is taken and heard by everybody. */
  async works(party: Party, sinceMs: number, atMost: number): Promise<void> {
    await party.rest()
    this.note("a line is heard by all after", performance.now() - sinceMs, "ms", { atMost })
    party.talk()
  }

  /** Bytes that each runner has in memory. */
  async memory(): Promise<ReadonlyArray<number>> {
    return await Promise.all(
      this.cluster.runners.map(async (id) => {
        const status = await readFile(`/proc/${this.cluster.server(id).pid}/status`, "utf8").catch(() => "")
        return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024
      })
    )
  }

  /** By how much the runner that grew most has grown. */
  async grown(before: ReadonlyArray<number>, atMostMiB: number): Promise<void> {
    const after = await this.memory()
    const most = Math.max(...after.map((bytes, at) => bytes - (before[at] ?? bytes)))
    this.note("resident memory of a runner grew by", most / 1_048_576, "MiB", { atMost: atMostMiB })
  }

  /** None of them lost its socket since then. */
  undisturbed(those: ReadonlyArray<PhoneLog>, sinceMs: number): void {
    this.require(undisturbed(those, sinceMs))
  }

  /** What pings of these took while it was calm, and since; and that none of them lost its socket. */
  bystanders(those: ReadonlyArray<PhoneLog>, calmMs: number, sinceMs: number): void {
    const [calm, since] = [pingsOf(those, calmMs, sinceMs), pingsOf(those, sinceMs, performance.now())]
    const [before, after] = [percentile(calm, 0.99), percentile(since, 0.99)]
    this.figures.push({ name: "bystanders' ping p99, calm", value: Number(before.toFixed(1)), unit: "ms" })
    this.figures.push({
      name: "bystanders' ping p99",
      value: Number(after.toFixed(1)),
      unit: "ms",
      atMost: Number((2 * before).toFixed(1))
    })
    this.require(undisturbed(those, sinceMs))
  }

  // --- The same for all ---

  /** I11: when all is healed somebody new comes in, speaks and is heard. */
  async newcomer(party: Party): Promise<void> {
    const healedMs = performance.now()
    const [newcomer] = party.add(1)
    if (newcomer === undefined) return
    const isHeard = () => worksAgain(newcomer, healedMs, goneMsMax).length === 0
    await until(goneMsMax, async () => {
      if (newcomer.isInside && newcomer.waiting === 0 && !isHeard()) newcomer.say()
      await pause(newcomerPauseMs)
      return isHeard()
    }).catch(() => this.require(worksAgain(newcomer, healedMs, goneMsMax)))
    this.note("somebody new is heard after", performance.now() - healedMs, "ms", { atMost: 10_000 })
  }

  /** Comes to rest and judges; whatever it finds is in the finding. */
  async judge(party: Party, isCrowded: boolean): Promise<void> {
    await party.rest()
    const logs = party.travellers
    // Views follow Redis, and what is told is on its way for a moment: what counts is what stays so.
    let ghosts: Complaints = []
    await until(goneMsMax, async () => {
      ghosts = noGhosts(logs, await this.look(), isCrowded)
      return ghosts.length === 0
    }).catch(() => this.require(ghosts))
    const last = this.pictures.at(-1)
    if (last !== undefined) this.require(onePlaceEach(last))
    this.require(alternating(logs))
    this.require(noOneLost(logs, this.excused))
    this.require(linesHeard(logs))
    this.require(fenced(this.pictures))
    this.require(noDefects(this.cluster.logs()))
  }

  /** I2 for rows in which each is lost once at most. */
  lostOnce(logs: ReadonlyArray<PhoneLog>, subjects: ReadonlyArray<PhoneLog>): void {
    this.require(lostOnce(logs, new Set(subjects.map(({ name }) => name))))
  }

  /** All leave, and nothing of them stays, nor of runners that are no more (I9). */
  async empty(party: Party, before: Counts): Promise<void> {
    await party.leave()
    await until(emptyMsMax, async () => (await this.look()).members.length === 0).catch(async () => {
      const { members } = await this.look()
      this.require(members.map(({ nickname, state, incarnation }) => `${nickname} is left, ${state}, ${incarnation}`))
    })
    const left = async () => nothingLeft(before, await keptIn(this.cluster.redis, this.cluster.prefix))
    await until(emptyMsMax, async () => (await left()).length === 0).catch(async () => this.require(await left()))
  }

  finding(row: Row, run: number, party: Party): Finding {
    const requests = party.travellers.flatMap(requestsOf)
    const acked = requests.flatMap(({ key, seqs: [seq] }) => (key === "say" && seq !== undefined ? [seq] : []))
    const missed = party.travellers.flatMap((log) => {
      const lines = missedBy(log, acked)
      const sockets = log.events.filter(({ kind }) => kind === "closed").length
      return lines > 0 || sockets > 0 ? [{ phone: log.name, lines, sockets }] : []
    })
    return {
      row: row.id,
      title: row.title,
      run,
      seed: this.seed,
      phones: party.travellers.length,
      tookMs: Math.round(performance.now() - this.beganMs),
      complaints: this.complaints.slice(0, complaintsMax),
      figures: this.figures,
      timeline: this.timeline,
      missed,
      pings: this.slowest(party.travellers),
      requests
    }
  }

  private slowest(logs: ReadonlyArray<PhoneLog>): ReadonlyArray<readonly [number, number]> {
    const seconds = new Map<number, number>()
    for (const { events } of logs) {
      for (const event of events) {
        if (event.kind !== "ping") continue
        const second = Math.floor((event.atMs - this.beganMs) / 1_000)
        seconds.set(second, Math.max(seconds.get(second) ?? 0, Math.round(event.tookMs)))
      }
    }
    return [...seconds].toSorted(([one], [other]) => one - other)
  }
}

const complaintsMax = 50

export interface Conditions {
  readonly cluster: Cluster
  readonly run: number
  readonly seed: number
  readonly phones: number
  readonly linesPerSecond: number
  readonly isQuick?: boolean
}

/** Runs a row once. Whatever throws is a complaint, too: then the cluster may not be what it was. */
export async function play(row: Row, conditions: Conditions): Promise<Finding> {
  const { cluster, run, seed, phones, linesPerSecond, isQuick = false } = conditions
  const scene = new Scene(cluster, seed, isQuick)
  const { isCrowded = false } = row
  const party = new Party({
    name: `${run}`,
    size: phones,
    addresses: cluster.addresses,
    random: scene.random,
    linesPerSecond,
    isCrowded
  })
  try {
    const before = await keptIn(cluster.redis, cluster.prefix)
    await party.comeIn()
    await row.run(scene, party)
    await scene.fault("all servers are there again", () => cluster.complete())
    await scene.newcomer(party)
    await scene.judge(party, isCrowded)
    await scene.empty(party, before)
  } catch (error) {
    scene.require([error instanceof Error ? error.message : String(error)])
  } finally {
    party.close()
  }
  return scene.finding(row, run, party)
}
