/**
 * Where one member is just now, between what the server told last and before. Owns that one's place and pace; when it is
 * told and drawn is for others.
 */

/** Longer than this nobody is on the way to a place that was told: it came late, or from far. */
const strideMaxMs = 700
const strideMinMs = 90
/** Farther than this is no walk. */
const leapCm = 900
const restMs = 900

export class Walker {
  xCm: number
  yCm: number
  /** The way last looked, of length 1. */
  headingX = 0
  headingY = 1
  /** Centimetres a second; 0 at rest. */
  paceCmps = 0
  private fromX: number
  private fromY: number
  private toX: number
  private toY: number
  private begunMs = 0
  private strideMs = 0
  private toldMs = Number.NEGATIVE_INFINITY

  constructor(xCm: number, yCm: number) {
    this.xCm = this.fromX = this.toX = xCm
    this.yCm = this.fromY = this.toY = yCm
  }

  /** Stands here at once. */
  place(xCm: number, yCm: number): void {
    this.xCm = this.fromX = this.toX = xCm
    this.yCm = this.fromY = this.toY = yCm
    this.paceCmps = 0
    this.strideMs = 0
  }

  /** Walks there in the time that lay between the last two places told, so that it neither stops nor hurries between. */
  goTo(xCm: number, yCm: number, nowMs: number): void {
    const sinceMs = nowMs - this.toldMs
    this.toldMs = nowMs
    if (Math.hypot(xCm - this.xCm, yCm - this.yCm) > leapCm) {
      this.place(xCm, yCm)
      return
    }
    this.advance(nowMs)
    this.fromX = this.xCm
    this.fromY = this.yCm
    this.toX = xCm
    this.toY = yCm
    this.begunMs = nowMs
    const wasResting = sinceMs > restMs
    this.strideMs = wasResting ? 380 : Math.min(Math.max(sinceMs * 1.12, strideMinMs), strideMaxMs)
    this.face(xCm - this.fromX, yCm - this.fromY)
    this.paceCmps = (Math.hypot(xCm - this.fromX, yCm - this.fromY) / this.strideMs) * 1000
  }

  advance(nowMs: number): void {
    if (this.strideMs === 0) return
    const part = Math.min((nowMs - this.begunMs) / this.strideMs, 1)
    this.xCm = this.fromX + (this.toX - this.fromX) * part
    this.yCm = this.fromY + (this.toY - this.fromY) * part
    if (part < 1) return
    this.strideMs = 0
    this.paceCmps = 0
  }

  face(dx: number, dy: number): void {
    const length = Math.hypot(dx, dy)
    if (length < 1) return
    this.headingX = dx / length
    this.headingY = dy / length
  }
}
