/**
 * What a random mix does and when, from a seed alone: the same seed, the same schedule, whatever happens when it is played.
 * Pure; who plays it is rows/Mix.
 */
import { chance } from "../../src/command/Stroll.ts"

export const deeds = [
  "kill a runner",
  "kill two runners",
  "stop a runner",
  "freeze a runner shortly",
  "freeze a runner past its session",
  "kill a watcher",
  "freeze a watcher",
  "restart ZooKeeper",
  "freeze ZooKeeper",
  "silence ZooKeeper for a runner",
  "restart Redis",
  "empty Redis",
  "pause Redis",
  "cut subscribers",
  "restart Kafka",
  "freeze Kafka",
  "switch phones",
  "lose phones"
] as const

export type Deed = (typeof deeds)[number]

export interface Step {
  readonly deed: Deed
  /** After the step before has begun. */
  readonly afterMs: number
  /** How long, of what lasts. */
  readonly forMs: number
  /** Which of them, 0 to 1. */
  readonly whom: number
}

const stepsMin = 3
const stepsMore = 4
const afterMsMax = 8_000
const forMsMin = 500
const forMsMore = 9_500

export function scheduleOf(seed: number): ReadonlyArray<Step> {
  const random = chance(seed)
  const count = stepsMin + Math.floor(random() * stepsMore)
  return Array.from({ length: count }, () => ({
    deed: deeds[Math.floor(random() * deeds.length)] ?? "lose phones",
    afterMs: Math.round(random() * afterMsMax),
    forMs: forMsMin + Math.round(random() * forMsMore),
    whom: random()
  }))
}
