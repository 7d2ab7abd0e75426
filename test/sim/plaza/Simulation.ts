/**
 * A whole plaza under simulation: three runners and two watchers of real code over the twins in memory, five guests whose
 * phones speak the lines of the wire, and a schedule of what befalls them. First what may never happen is looked for while
 * nearly everything goes wrong, then everything works again and what must come to be is waited for. A seed determines all.
 */
import { City } from "./City.ts"
import { Device, type Surroundings } from "./Device.ts"
import { faked } from "./Faked.ts"
import { Nemesis } from "./Nemesis.ts"
import { endsMs, type Step, scheduleOf, textOf } from "./Schedule.ts"
import { startMs, Timeline } from "./Timeline.ts"
import { broken, unsettled } from "./Verdict.ts"

const runners = ["r1", "r2", "r3"]
const watchers = ["w1", "w2"]
const guests = ["g0", "g1", "g2", "g3", "g4"]

/** How long all may take to become well when everything works again, how often it is looked, and that it stays so. */
const settledWithinMs = 75_000
const lookMs = 500
const stillMs = 2_000

export interface Came {
  readonly wrongs: ReadonlyArray<string>
  /** How long it took to become well. */
  readonly settledMs: number
}

/** One run of a seed, with its own schedule or a shorter one; `onNote` is told all that happens. */
export const simulate = (
  seed: number,
  steps: ReadonlyArray<Step> = scheduleOf(seed),
  onNote?: (what: string) => void
): Came => {
  const timeline = new Timeline()
  const city = new City(timeline, seed)
  const note = onNote && ((what: string) => onNote(`${timeline.nowMs - startMs} ${what}`))
  return faked(
    timeline,
    () => city.trouble.random(),
    () => {
      city.space.onCommit = note
      const devices = guests.map((name) => new Device(name, surroundings(city, note)))
      const nemesis = new Nemesis(city, devices)
      for (const id of runners) city.startRunner(id)
      for (const id of watchers) city.startWatcher(id)
      devices.forEach((device, at) => timeline.after(200 + at * 50, () => device.connect()))
      for (const step of steps) {
        timeline.after(step.atMs, () => {
          note?.(textOf(step))
          nemesis.do(step)
        })
      }
      timeline.run(startMs + endsMs)
      city.calmDown()
      const settledMs = settle(timeline, () => unsettled(city, devices))
      const wrongs = [...broken(city, devices, nemesis.isFlushed), ...unsettled(city, devices)]
      return { wrongs: [...new Set(wrongs)], settledMs }
    }
  )
}

/** Goes on until nothing is wrong for a while, or too long. */
function settle(timeline: Timeline, wrong: () => ReadonlyArray<string>): number {
  const beganMs = timeline.nowMs
  let wellMs = 0
  while (wellMs < stillMs && timeline.nowMs - beganMs < settledWithinMs) {
    timeline.run(timeline.nowMs + lookMs)
    wellMs = wrong().length === 0 ? wellMs + lookMs : 0
  }
  return timeline.nowMs - beganMs
}

const surroundings = (city: City, note: Surroundings["note"]): Surroundings => ({
  timeline: city.timeline,
  trouble: city.trouble,
  dial: (instead) => {
    const all = city.runners.filter(({ accept }) => accept !== undefined)
    const others = all.filter(({ process }) => process !== instead)
    const listening = others.length > 0 ? others : all
    const runner = listening[city.trouble.below(listening.length)]
    return runner?.accept === undefined ? undefined : { process: runner.process, accept: runner.accept }
  },
  isReplacedRightly: (guest, { name }) => {
    const claims = city.space.claims.get(guest) ?? []
    const own = claims.findLastIndex(({ incarnation }) => incarnation.startsWith(`${name.split("#")[0]}-`))
    // A former life of the same process has claimed it for another socket there; or others have, one of them living.
    return own === claims.length - 1 || claims.slice(own + 1).some(({ isLiving }) => isLiving)
  },
  isRemovedRightly: (guest) => city.removals.has(guest),
  note
})
