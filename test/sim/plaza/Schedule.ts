/**
 * What is done and what befalls whom in one simulation, as a list of steps that a seed gives and that can be made shorter:
 * each step makes sense whatever came before it. What a step does is the nemesis'.
 */
import { Trouble } from "../Trouble.ts"

/** What phones do, what befalls processes, and what befalls servers; as often as it stands here. */
const acts = [
  ...["say", "say", "say", "say", "say", "give", "give", "whisper", "go", "walk", "drop", "drop", "forget"],
  ...["say", "say", "say", "say", "say", "give", "give", "whisper", "go", "say", "drop", "drop", "say"]
] as const
const blockings = ["block", "block", "unblock"] as const
/** Somebody goes and never comes again. */
const partings = ["part"] as const
const walks = ["walk"] as const
/** What operators do. */
const orders = ["announce", "remove"] as const
const faults = [
  ...["kill", "kill", "freeze", "freeze", "freeze", "cut", "cut", "cut", "stop", "double", "rebalance", "reconnect"],
  ...["kill watcher", "freeze watcher", "cut watcher"]
] as const
const disasters = ["flush", "flush quietly", "rewind", "rewind"] as const

export type What =
  | (typeof acts)[number]
  | (typeof blockings)[number]
  | (typeof partings)[number]
  | (typeof walks)[number]
  | (typeof orders)[number]
  | (typeof faults)[number]
  | (typeof disasters)[number]

/** `who`, `how` and `forMs` are read as the step likes. */
export interface Step {
  readonly atMs: number
  readonly what: What
  readonly who: number
  readonly how: number
  readonly forMs: number
}

/** Phones are there before anything befalls anybody. */
const beginsMs = 1_500
export const endsMs = 10_000
const forMsMax = 5_000

const actsCount = 30
const blockingsCount = 4
const partingOneIn = 2
const walksCount = 12
const ordersCount = 3
const faultsMin = 4
const faultsMax = 10
const apartBy = 1_000_000_007
/** The shared space of every so many simulations is emptied, or goes back. */
const disasterOneIn = 4

export const scheduleOf = (seed: number): ReadonlyArray<Step> => {
  const chance = new Trouble(seed)
  const step = (whats: ReadonlyArray<What>, chance: Trouble): Step => ({
    atMs: beginsMs + chance.below(endsMs - beginsMs),
    what: whats[chance.below(whats.length)] ?? "say",
    who: chance.below(1_000),
    how: chance.below(1_000),
    forMs: 100 + chance.below(forMsMax)
  })
  const steps = Array.from({ length: actsCount }, () => step(acts, chance))
  for (let left = faultsMin + chance.below(faultsMax - faultsMin + 1); left > 0; left--)
    steps.push(step(faults, chance))
  if (chance.below(disasterOneIn) === 0) steps.push(step(disasters, chance))
  // By a chance of its own, so that all else of a seed is as it was found.
  const apart = new Trouble(seed + apartBy)
  for (let left = blockingsCount; left > 0; left--) steps.push(step(blockings, apart))
  if (apart.below(partingOneIn) === 0) steps.push(step(partings, apart))
  for (let left = walksCount; left > 0; left--) steps.push(step(walks, apart))
  for (let left = ordersCount; left > 0; left--) steps.push(step(orders, apart))
  return steps.sort((a, b) => a.atMs - b.atMs)
}

export const textOf = ({ atMs, what, who, how, forMs }: Step): string =>
  `${String(atMs).padStart(6)} ms  ${what} (${who}, ${how}, ${forMs} ms)`
