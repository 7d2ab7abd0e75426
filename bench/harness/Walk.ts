/**
 * Phones that walk about at a set rate, so many of them in view of each. Owns one run on one system, and the world that
 * they walk in; how they walk is the load client's.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { LoadClient } from "./LoadClient.ts"
import { type Step, step } from "./Ramp.ts"
import { type Contender, noriter } from "./System.ts"

export interface Walk {
  readonly phones: number
  /** In the nine cells around a phone, on average. */
  readonly inView: number
  readonly movesPerSecond: number
  /** What each says a second, in all; 0: nobody speaks. */
  readonly linesPerSecond?: number
  /** False: each stays in its cell, as peers do that know no other. */
  readonly goesFar: boolean
  /** So many of a hundred have blocked somebody in view; absent: nobody has. */
  readonly blocking?: number
  readonly p99Max: number
  readonly settleSeconds?: number
  readonly seconds?: number
}

const cellCm = 1_000
const cellsInView = 9
/** At a walk, 1.4 m/s. */
const cmPerSecond = 140
const textBytes = 100
const worlds = join(import.meta.dirname, "../../.cache/bench")

const sideCmOf = ({ phones, inView }: Pick<Walk, "phones" | "inView">): number =>
  Math.round(Math.sqrt((phones * cellsInView) / inView) * cellCm)

/** Noriter with one playground of that size, in which everybody arrives anywhere. */
export const noriterFor = (walk: Walk, profileTo: string | undefined): Contender => {
  const side = sideCmOf(walk)
  const half = Math.round(side / 2)
  const spawn = { xCm: half, yCm: half, radiusCm: half }
  const world = [{ id: "park", name: "공원", widthCm: side, heightCm: side, spawn, capacity: 100_000 }]
  const path = join(worlds, `world-${side}.json`)
  mkdirSync(worlds, { recursive: true })
  writeFileSync(path, JSON.stringify(world))
  return noriter({ NORITER_WORLD: path }, profileTo)
}

export interface Walked {
  readonly step: Step
  readonly metrics: ReadonlyMap<string, number>
}

export async function walkOn(contender: Contender, walk: Walk, at: (what: string) => void): Promise<Walked> {
  const {
    phones,
    movesPerSecond,
    linesPerSecond = 0,
    goesFar,
    p99Max,
    settleSeconds = 4,
    seconds = 5,
    blocking = 0
  } = walk
  at(`starting ${contender.name}`)
  await using system = await contender.start()
  const { protocol, ports } = system
  const stepCm = goesFar ? cmPerSecond / movesPerSecond : 0
  const text = linesPerSecond > 0 ? { textBytes } : {}
  await using load = new LoadClient({ protocol, ports, phones, sideCm: sideCmOf(walk), stepCm, blocking, ...text })
  const { ready } = await load.connect(phones)
  if (ready < phones) throw new Error(`only ${ready} of ${phones} phones were let in by ${contender.name}`)
  await load.say(linesPerSecond)
  const rate = phones * movesPerSecond
  const taken = await step(system, load, "walk", rate, { p99Max, settleSeconds, seconds })
  const { p50, p99, serverCpu } = taken
  at(
    `${contender.name}: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, ${(serverCpu * 100).toFixed(0)} % of a core`
  )
  return { step: taken, metrics: await system.metrics() }
}
