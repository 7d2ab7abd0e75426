/**
 * How often moves are told: at every beat of the set tick or, while this process has too much to do, at every second, then
 * at every fourth, and then without emotes. What is said, and who comes and goes, is never left out. Owns the steps up and
 * down; what is told at a tick is the views'.
 */

/** What is done at each step: at every how many beats there is a tick, and whether emotes are left out. */
const steps: ReadonlyArray<{ readonly beats: number; readonly shedsSignals: boolean }> = [
  { beats: 1, shedsSignals: false },
  { beats: 2, shedsSignals: false },
  { beats: 4, shedsSignals: false },
  { beats: 4, shedsSignals: true }
]

/** So many more beats were too late than ticks were in time: a step up. A collection of all memory takes most of a second. */
export const strainMax = 10
/** The part of what a tick writes that may be left at the next: more, and it was not done in its time. */
export const leftPart = 0.5
/** So many beats were in time, and there is reckoned to be time for more: a step down. */
export const calmBeats = 30
/** Where that step did not hold for as long, twice as many the next time, up to a minute of them. */
const calmBeatsMax = 600
/** One that was not takes away so many: a single pause does not keep everybody waiting for three seconds more. */
export const calmLost = 6
/** The part of its time that a tick may be reckoned to take for there to be more of them again. */
const calmPart = 0.85

export class Tempo {
  private readonly beatMs: number
  private readonly lagMsMax: number
  private step = 0
  private beats = 0
  private beatAtMs: number | undefined
  private strain = 0
  private calm = 0
  private calmNeeded = calmBeats
  /** Beats since the last step down, until it has held for as long as was waited before it. */
  private trial: number | undefined
  private composeMs = 0
  private writeMs = 0

  /** `beatMs`: the set tick. `lagMsMax`: what comes later than this is too late; 0: nothing ever is. */
  constructor(beatMs: number, lagMsMax: number) {
    this.beatMs = beatMs
    this.lagMsMax = lagMsMax
  }

  get tickMs(): number {
    return this.beatMs * this.at.beats
  }

  get shedsSignals(): boolean {
    return this.at.shedsSignals
  }

  /** Whether there is a tick at this beat. */
  get isDue(): boolean {
    return this.beats % this.at.beats === 0
  }

  /** Whether there will be one at the next, as long as nothing changes. */
  get isNextDue(): boolean {
    return (this.beats + 1) % this.at.beats === 0
  }

  /** A tick took so long to put together and to write to phones, without what came in between. */
  told(composeMs: number, writeMs: number): void {
    this.composeMs = composeMs
    this.writeMs = writeMs
  }

  /**
   * The next beat, and how long it took to write what the tick before had left: writing goes on between other things, so
   * that beats are in time although ticks are not. True: there are more or fewer ticks from here on.
   */
  beat(nowMs: number, leftMs = 0): boolean {
    this.beats++
    const lagMs = this.beatAtMs === undefined ? 0 : nowMs - this.beatAtMs - this.beatMs
    this.beatAtMs = nowMs
    if (this.lagMsMax === 0) return false
    const isLate = lagMs > this.lagMsMax || leftMs > this.writeMs * leftPart
    if (isLate) this.strain++
    else if (this.isDue) this.strain = Math.max(0, this.strain - 1)
    const isCalm = !isLate && this.isLight
    this.calm = isCalm ? this.calm + 1 : Math.max(0, this.calm - calmLost)
    if (this.trial !== undefined && ++this.trial >= this.calmNeeded) this.endTrial(calmBeats)
    const before = this.tickMs
    if (this.strain >= strainMax) this.stepUp()
    else if (this.calm >= this.calmNeeded && this.step > 0) this.stepDown()
    return this.tickMs !== before
  }

  /** Whether there is time for the ticks of a step further down: of half as many moves each, and of as many writes. */
  private get isLight(): boolean {
    const { beats } = steps[this.step - 1] ?? this.at
    const composeMs = (this.composeMs * beats) / this.at.beats
    return composeMs + this.writeMs <= this.beatMs * beats * calmPart
  }

  private get at() {
    return steps[this.step] ?? { beats: 1, shedsSignals: false }
  }

  private stepUp(): void {
    if (this.trial !== undefined) this.endTrial(Math.min(calmBeatsMax, this.calmNeeded * 2))
    this.go(Math.min(steps.length - 1, this.step + 1))
  }

  private stepDown(): void {
    this.trial = 0
    this.go(this.step - 1)
  }

  private endTrial(calmNeeded: number): void {
    this.calmNeeded = calmNeeded
    this.trial = undefined
  }

  private go(step: number): void {
    this.step = step
    this.strain = 0
    this.calm = 0
  }
}
