/**
 * How finely the plaza is drawn: as finely as the screen can show, and more coarsely step by step where frames come late.
 * Owns this one number; a phone that once was too slow stays with what it could do.
 */

const stepsBelow: ReadonlyArray<number> = [1, 0.75, 0.5]
const framesWatched = 16
const lateMs = 48
const restMs = 60

export class Sharpness {
  /** Pixels drawn for each of the page. */
  value: number
  /** How long to leave the device to others after a frame: it has more to do than to draw. */
  restMs = 0
  /** As fine as the screen, however late frames come. */
  private isFixed = false
  private readonly finest: number
  private frames = 0
  private sumMs = 0

  constructor(screenDensity: number) {
    this.finest = Math.min(screenDensity, 2)
    this.value = this.finest
  }

  fix(isFixed: boolean): void {
    this.isFixed = isFixed
    if (isFixed) this.value = this.finest
    this.restMs = 0
  }

  /** Says whether the value changed. */
  watch(frameMs: number): boolean {
    if (this.isFixed) return false
    this.frames++
    this.sumMs += frameMs
    if (this.frames < framesWatched) return false
    const isLate = this.sumMs / this.frames > lateMs
    this.frames = 0
    this.sumMs = 0
    const coarser = stepsBelow.find((step) => step < this.value)
    if (isLate && coarser === undefined) this.restMs = restMs
    if (!isLate || coarser === undefined) return false
    this.value = coarser
    return true
  }
}
