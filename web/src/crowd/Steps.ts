/**
 * The guest's own steps: taken at once on this screen, told to the server a few times a second, corrected when it says so.
 * Owns where one wants to go; what keys, fingers and pointers mean is decided where they are read.
 */
import type { Park, Prop } from "../park/Park.ts"
import { Walker } from "./Walker.ts"

const walkCmps = 380
/** Well below what the server lets anyone walk. */
const runCmps = 620
const tellEveryMs = 125
const bodyCm = 18
/** One who makes no way towards a place for this long has arrived as near as it goes. */
const stuckMs = 400

export interface Aim {
  readonly x: number
  readonly y: number
}

export class Steps {
  readonly walker = new Walker(0, 0)
  /** The way asked for by keys or a stick, up to length 1; longer than 0.85 is running for a stick. */
  private pushX = 0
  private pushY = 0
  private isRunning = false
  private target: Aim | undefined
  private toldX = 0
  private toldY = 0
  private toldMs = 0
  private stuckSinceMs = 0
  private park: Park | undefined
  private obstacles: ReadonlyArray<Prop> = []
  private readonly tell: (xCm: number, yCm: number) => void

  constructor(tell: (xCm: number, yCm: number) => void) {
    this.tell = tell
  }

  enter(park: Park, xCm: number, yCm: number): void {
    this.park = park
    this.obstacles = park.props.filter(({ girth }) => girth > 0)
    this.correct(xCm, yCm)
  }

  /** The server says where one stands. */
  correct(xCm: number, yCm: number): void {
    this.walker.place(xCm, yCm)
    this.toldX = xCm
    this.toldY = yCm
    this.target = undefined
  }

  push(x: number, y: number, isRunning: boolean): void {
    this.pushX = x
    this.pushY = y
    this.isRunning = isRunning
    if (x !== 0 || y !== 0) this.target = undefined
  }

  goTo(aim: Aim): void {
    this.target = aim
    this.stuckSinceMs = 0
  }

  stop(): void {
    this.push(0, 0, false)
    this.target = undefined
  }

  advance(nowMs: number, elapsedMs: number): void {
    const { walker, park } = this
    if (park === undefined) return
    const before = { x: walker.xCm, y: walker.yCm }
    const way = this.way()
    const step = Math.min((way.pace * elapsedMs) / 1000, way.left)
    if (step > 0) {
      const free = this.around(walker.xCm + way.x * step, walker.yCm + way.y * step)
      walker.xCm = Math.min(Math.max(free.x, 40), park.widthCm - 40)
      walker.yCm = Math.min(Math.max(free.y, 40), park.heightCm - 40)
      walker.face(way.x, way.y)
    }
    const made = Math.hypot(walker.xCm - before.x, walker.yCm - before.y)
    walker.paceCmps = step > 0 ? Math.max((made / Math.max(elapsedMs, 1)) * 1000, 20) : 0
    this.giveUp(way.left, made, elapsedMs, nowMs)
    this.report(nowMs)
  }

  // --- internal ---

  private way(): { readonly x: number; readonly y: number; readonly pace: number; readonly left: number } {
    const length = Math.hypot(this.pushX, this.pushY)
    if (length > 0.05) {
      const pace = (this.isRunning ? runCmps : walkCmps) * Math.min(1, length)
      return { x: this.pushX / length, y: this.pushY / length, pace, left: Number.POSITIVE_INFINITY }
    }
    if (this.target === undefined) return { x: 0, y: 0, pace: 0, left: 0 }
    const dx = this.target.x - this.walker.xCm
    const dy = this.target.y - this.walker.yCm
    const left = Math.hypot(dx, dy)
    if (left < 4) {
      this.target = undefined
      return { x: 0, y: 0, pace: 0, left: 0 }
    }
    return { x: dx / left, y: dy / left, pace: left > 900 ? runCmps : walkCmps, left }
  }

  /** Pushed out of whatever stands there, so that one slides along it. */
  private around(x: number, y: number): Aim {
    for (const { x: atX, y: atY, girth, kind } of this.obstacles) {
      const reach = girth + bodyCm
      const dx = x - atX
      // Things are wider than deep, seen from above.
      const squash = kind === "tree" || kind === "lamp" ? 0.7 : 0.5
      const dy = (y - atY) / squash
      if (Math.abs(dx) > reach || Math.abs(dy) > reach) continue
      const far = Math.hypot(dx, dy)
      if (far >= reach || far === 0) continue
      x = atX + (dx / far) * reach
      y = atY + (dy / far) * reach * squash
    }
    return { x, y }
  }

  private giveUp(left: number, made: number, elapsedMs: number, nowMs: number): void {
    if (this.target === undefined || left === 0 || made > elapsedMs * 0.05) this.stuckSinceMs = nowMs
    else if (nowMs - this.stuckSinceMs > stuckMs) this.target = undefined
  }

  private report(nowMs: number): void {
    const xCm = Math.round(this.walker.xCm)
    const yCm = Math.round(this.walker.yCm)
    if (nowMs - this.toldMs < tellEveryMs || (xCm === this.toldX && yCm === this.toldY)) return
    this.toldMs = nowMs
    this.toldX = xCm
    this.toldY = yCm
    this.tell(xCm, yCm)
  }
}
