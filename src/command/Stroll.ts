/**
 * How one walks about: to a place at the pace of a person, a while there, and on. Owns one walker's place and plans;
 * time, chance and where the others are come from outside, so that the same seed walks the same way.
 */

export interface Ground {
  readonly widthCm: number
  readonly heightCm: number
}

export interface Spot {
  readonly xCm: number
  readonly yCm: number
}

/** 0 to 1, the same sequence for the same seed (mulberry32). */
export const chance = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const speedMinCmps = 100
export const speedMaxCmps = 160

export class Stroll {
  xCm = 0
  yCm = 0
  private readonly random: () => number
  private target: Spot = { xCm: 0, yCm: 0 }
  private speedCmps = speedMinCmps
  private restUntil = 0
  private at = 0

  constructor(random: () => number) {
    this.random = random
  }

  /** Stands here now, whatever was planned. */
  place(spot: Spot, now: number): void {
    this.xCm = spot.xCm
    this.yCm = spot.yCm
    this.target = spot
    this.at = now
    this.restUntil = now + 1000 + this.random() * 4000
  }

  get isResting(): boolean {
    return this.target.xCm === this.xCm && this.target.yCm === this.yCm
  }

  /** Walks up to now; `friend` is somebody to stand with, if there is anybody. Says whether the place is another. */
  advance(now: number, ground: Ground, friend: () => Spot | undefined): boolean {
    // After a long silence one goes on from where one stood: nobody makes up for the time with a leap.
    const elapsedMs = Math.min(now - this.at, 1000)
    this.at = now
    if (this.isResting) {
      if (now < this.restUntil) return false
      this.choose(ground, friend())
    }
    const dx = this.target.xCm - this.xCm
    const dy = this.target.yCm - this.yCm
    const left = Math.hypot(dx, dy)
    const step = (this.speedCmps * elapsedMs) / 1000
    if (step >= left) {
      this.xCm = this.target.xCm
      this.yCm = this.target.yCm
      this.restUntil = now + 3000 + this.random() ** 2 * 30_000
    } else {
      this.xCm += (dx / left) * step
      this.yCm += (dy / left) * step
    }
    return elapsedMs > 0
  }

  /** Mostly to somebody, to stand an arm's length or three away; else somewhere within a stroll. */
  private choose(ground: Ground, friend: Spot | undefined): void {
    this.speedCmps = speedMinCmps + this.random() * (speedMaxCmps - speedMinCmps)
    const to = friend !== undefined && this.random() < 0.6 ? friend : undefined
    const angle = this.random() * 2 * Math.PI
    const distance = to === undefined ? 300 + this.random() * 3000 : 80 + this.random() * 220
    const from = to ?? this
    this.target = {
      xCm: clamp(Math.round(from.xCm + Math.cos(angle) * distance), ground.widthCm),
      yCm: clamp(Math.round(from.yCm + Math.sin(angle) * distance), ground.heightCm)
    }
  }
}

// --- internal ---

const clamp = (value: number, max: number): number => Math.min(Math.max(value, 0), Math.max(0, max - 1))
