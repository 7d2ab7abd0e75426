/**
 * How finely and how often the plaza is drawn: as the screen can show it, and more coarsely step by step where frames come
 * late, down to where half of the time is left for everything else. Where the processor draws it begins with the coarsest.
 * Owns these two numbers; a device that once was too slow stays with what it could do.
 */

const coarsest = 0.5
const stepsBelow: ReadonlyArray<number> = [1, 0.75, coarsest]
const framesWatched = 12
const lateMs = 48
const restMsMax = 250

export class Sharpness {
  /** Pixels drawn for each of the page. */
  value: number
  /** How long to leave the device to others after a frame. */
  restMs = 0
  /** As fine as the screen, however late frames come. */
  private isFixed = false
  private readonly finest: number
  private frames = 0
  private sumMs = 0

  constructor(screenDensity: number, isByProcessor: boolean) {
    this.finest = Math.min(screenDensity, 2)
    this.value = isByProcessor ? coarsest : this.finest
  }

  fix(isFixed: boolean): void {
    this.isFixed = isFixed
    if (isFixed) this.value = this.finest
  }

  /** Takes how long after the one before a frame came; says whether the value changed. */
  watch(frameMs: number): boolean {
    this.frames++
    this.sumMs += frameMs - this.restMs
    if (this.frames < framesWatched) return false
    const meanMs = this.sumMs / this.frames
    this.frames = 0
    this.sumMs = 0
    this.restMs = 0
    if (meanMs <= lateMs) return false
    const coarser = this.isFixed ? undefined : stepsBelow.find((step) => step < this.value)
    if (coarser === undefined) this.restMs = Math.min(meanMs, restMsMax)
    else this.value = coarser
    return coarser !== undefined
  }
}
