/** A few strokes that every picture is made of. Owns nothing. */
import type { Pen } from "./Atlas.ts"

/** Pixels of the world for a centimetre, at zoom 1. */
export const pxPerCm = 0.48

function oval(pen: Pen, x: number, y: number, across: number, down: number, tilt = 0): void {
  pen.beginPath()
  pen.ellipse(x, y, across, down, tilt, 0, Math.PI * 2)
}

export function fillOval(pen: Pen, colour: string, x: number, y: number, across: number, down: number, tilt = 0): void {
  oval(pen, x, y, across, down, tilt)
  pen.fillStyle = colour
  pen.fill()
}

export function fillRound(
  pen: Pen,
  colour: string,
  x: number,
  y: number,
  width: number,
  height: number,
  radius: number
): void {
  pen.beginPath()
  pen.roundRect(x, y, width, height, radius)
  pen.fillStyle = colour
  pen.fill()
}

export function line(pen: Pen, colour: string, width: number, points: ReadonlyArray<readonly [number, number]>): void {
  pen.beginPath()
  for (const [x, y] of points) pen.lineTo(x, y)
  pen.strokeStyle = colour
  pen.lineWidth = width
  pen.lineCap = "round"
  pen.lineJoin = "round"
  pen.stroke()
}

/** A path through points with soft corners, closed. */
export function softShape(pen: Pen, points: ReadonlyArray<readonly [number, number]>): void {
  pen.beginPath()
  points.forEach(([x, y], index) => {
    const [nextX, nextY] = points[(index + 1) % points.length] ?? [x, y]
    const middleX = (x + nextX) / 2
    const middleY = (y + nextY) / 2
    if (index === 0) {
      const [lastX, lastY] = points[points.length - 1] ?? [x, y]
      pen.moveTo((x + lastX) / 2, (y + lastY) / 2)
    }
    pen.quadraticCurveTo(x, y, middleX, middleY)
  })
  pen.closePath()
}

/** A soft stain that fades out. */
export function stain(pen: Pen, colour: string, x: number, y: number, radius: number): void {
  const fading = pen.createRadialGradient(x, y, 0, x, y, radius)
  fading.addColorStop(0, colour)
  fading.addColorStop(1, `${colour.slice(0, 7)}00`)
  pen.fillStyle = fading
  pen.fillRect(x - radius, y - radius, radius * 2, radius * 2)
}

/** A shadow on the ground under something that stands there. */
export function groundShadow(pen: Pen, across: number, down: number, x = 0, y = 0): void {
  pen.save()
  pen.translate(x, y)
  pen.scale(1, down / across)
  const fading = pen.createRadialGradient(0, 0, across * 0.25, 0, 0, across)
  fading.addColorStop(0, "rgb(38 52 40 / 0.26)")
  fading.addColorStop(0.75, "rgb(38 52 40 / 0.15)")
  fading.addColorStop(1, "rgb(38 52 40 / 0)")
  pen.fillStyle = fading
  pen.fillRect(-across, -across, across * 2, across * 2)
  pen.restore()
}

/** `#aabbcc` made darker (below 0) or lighter (above), by a part of the way. */
export function shade(colour: string, part: number): string {
  const target = part < 0 ? 0 : 255
  const channel = (at: number) => {
    const from = Number.parseInt(colour.slice(at, at + 2), 16)
    return Math.round(from + (target - from) * Math.abs(part))
      .toString(16)
      .padStart(2, "0")
  }
  return `#${channel(1)}${channel(3)}${channel(5)}`
}
