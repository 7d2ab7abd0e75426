/**
 * Heads: a large round one for each kind, with a face that turns. The neck is at 0, 0. Owns how heads look; which kind a
 * member is and where it looks is for others to say.
 */
import type { Pen } from "./Atlas.ts"
import { fillOval, line, shade, softShape } from "./Brush.ts"
import { furs, type Kind, type Side } from "./Kinds.ts"

/** Where the crown of a head is, above the neck, for hats. */
export const crownAbove: Readonly<Record<Kind, number>> = {
  fox: 34,
  cat: 34,
  bear: 34,
  otter: 33,
  rabbit: 34,
  dog: 34,
  frog: 41,
  chick: 36
}

export function headOf(pen: Pen, kind: Kind, side: Side, isBlinking: boolean): void {
  const turn = side === "side" ? 1 : 0
  if (kind !== "dog") ears(pen, kind, turn, side)
  skull(pen, kind)
  if (kind === "dog") ears(pen, kind, turn, side)
  if (side === "back") return
  pen.save()
  pen.translate(turn * 6, 0)
  mask(pen, kind, turn)
  face(pen, kind, turn, isBlinking)
  pen.restore()
}

// --- internal ---

const middleY = -17

function skull(pen: Pen, kind: Kind): void {
  const { fur } = furs[kind]
  const draw = (colour: string, x: number, y: number, size: number) => {
    softShape(
      pen,
      [
        [-19, -26],
        [-10, -36],
        [10, -36],
        [19, -26],
        [24, -11],
        [14, 2],
        [-14, 2],
        [-24, -11]
      ].map(([px = 0, py = 0]) => [px * size + x, (py - middleY) * size + middleY + y] as const)
    )
    pen.fillStyle = colour
    pen.fill()
  }
  draw(shade(fur, -0.17), 0, 1.2, 1.03)
  draw(fur, 0, 0, 1)
  fillOval(pen, `${shade(fur, 0.4)}88`, -7, -28, 8, 4, -0.4)
}

function ears(pen: Pen, kind: Kind, turn: number, side: Side): void {
  const { fur, pale, dark } = furs[kind]
  const inner = side === "back" ? shade(fur, -0.1) : kind === "rabbit" ? "#f7c3c6" : kind === "bear" ? pale : "#f4b9a8"
  for (const hand of [-1, 1]) {
    const x = hand * 14 - turn * 3
    const isFar = turn === 1 && hand === 1
    const squeeze = isFar ? 0.82 : 1
    if (kind === "fox" || kind === "cat")
      pointed(pen, x, hand, squeeze, kind === "fox" ? 14 : 11, fur, inner, kind === "fox" ? dark : fur)
    else if (kind === "bear" || kind === "otter") {
      const size = kind === "bear" ? 8 : 5
      const far = kind === "bear" ? 1 : 1.2
      fillOval(pen, shade(fur, -0.14), x * far, -31, size * squeeze, size)
      fillOval(pen, fur, x * far, -30.6, (size - 1) * squeeze, size - 1)
      fillOval(pen, inner, x * far, -30, size * 0.55 * squeeze, size * 0.55)
    } else if (kind === "rabbit") {
      const lean = hand * 0.16
      fillOval(pen, shade(fur, -0.12), x * 0.62, -43, 6.4 * squeeze, 15, lean)
      fillOval(pen, fur, x * 0.62, -42.6, 5.6 * squeeze, 14, lean)
      fillOval(pen, inner, x * 0.62, -41, 3 * squeeze, 10, lean)
    } else if (kind === "dog") {
      softShape(pen, [
        [hand * 12 - turn * 3, -35],
        [hand * 21 - turn * 3, -32],
        [hand * 27 - turn * 3, -14],
        [hand * 22 - turn * 3, -7],
        [hand * 16 - turn * 3, -16]
      ])
      pen.fillStyle = dark
      pen.fill()
    } else if (kind === "frog") {
      fillOval(pen, shade(fur, -0.15), hand * 11 - turn * 1, -33, 9 * squeeze, 9)
      fillOval(pen, fur, hand * 11 - turn * 1, -33, 8 * squeeze, 8)
    }
  }
  if (kind === "chick") {
    for (const lean of [-0.5, 0, 0.5]) fillOval(pen, shade(fur, -0.06), lean * 8, -38, 2.4, 6, lean)
  }
}

function pointed(
  pen: Pen,
  x: number,
  hand: number,
  squeeze: number,
  tall: number,
  fur: string,
  inner: string,
  tip: string
): void {
  const triangle = (colour: string, size: number) => {
    pen.beginPath()
    pen.moveTo(x - 9 * size * squeeze, -27)
    pen.quadraticCurveTo(x + hand * 3 - 4 * size, -32 - tall * size * 0.7, x + hand * 5, -31 - tall * size)
    pen.quadraticCurveTo(x + hand * 5 + 5 * size, -32 - tall * size * 0.5, x + 9 * size * squeeze, -25)
    pen.closePath()
    pen.fillStyle = colour
    pen.fill()
  }
  triangle(shade(fur, -0.16), 1.1)
  triangle(fur, 1)
  if (tip !== fur) fillOval(pen, tip, x + hand * 4.6, -29 - tall * 0.86, 2.6, 4.4, hand * 0.3)
  triangle(inner, 0.56)
}

/** What is lighter about the face, and what is drawn on it. */
function mask(pen: Pen, kind: Kind, turn: number): void {
  const { pale, dark, fur } = furs[kind]
  if (kind === "fox") {
    softShape(pen, [
      [-19 + turn * 3, -12],
      [-8, -13],
      [0, -19],
      [8, -13],
      [18 - turn * 4, -12],
      [12 - turn * 2, 1],
      [0, 3],
      [-12, 1]
    ])
    pen.fillStyle = pale
    pen.fill()
  } else if (kind === "cat") {
    fillOval(pen, pale, 0, -6, 11 - turn, 7)
    for (const x of [-5, 0, 5])
      line(pen, dark, 2.4, [
        [x, -34],
        [x * 0.8, -29]
      ])
  } else if (kind === "bear" || kind === "dog") {
    fillOval(pen, pale, 0, -7, 10 - turn, 7.4)
    if (kind === "dog") fillOval(pen, pale, 0, -26, 4, 9)
  } else if (kind === "otter") {
    fillOval(pen, pale, 0, -6, 15 - turn * 2, 8.6)
  } else if (kind === "frog") {
    fillOval(pen, pale, 0, -4, 15 - turn * 2, 5.6)
    for (const hand of [-1, 1]) fillOval(pen, "#ffffff", hand * 11 - turn * 5, -33, 5.4, 5.6)
  } else if (kind === "chick") {
    fillOval(pen, shade(fur, 0.3), 0, -8, 15, 9)
  }
}

function face(pen: Pen, kind: Kind, turn: number, isBlinking: boolean): void {
  const isFrog = kind === "frog"
  const eyeY = isFrog ? -33 : -16
  const apart = isFrog ? 11 : 10
  for (const hand of [-1, 1]) {
    const x = hand * (apart - turn * (isFrog ? 0 : 1)) - (isFrog ? turn * 5 : 0) + (isFrog ? turn * 1.4 : 0)
    eye(pen, x, eyeY, isFrog ? 0.8 : turn === 1 && hand === 1 ? 0.86 : 1, isBlinking)
    fillOval(pen, "#ff8f8666", hand * (14 - turn * 1.5), -8.6, 4.4, 2.8)
  }
  snout(pen, kind)
}

function eye(pen: Pen, x: number, y: number, size: number, isBlinking: boolean): void {
  if (isBlinking) {
    pen.beginPath()
    pen.arc(x, y - 1, 3.4 * size, 0.15 * Math.PI, 0.85 * Math.PI)
    pen.strokeStyle = "#3c2c2c"
    pen.lineWidth = 1.9
    pen.lineCap = "round"
    pen.stroke()
    return
  }
  fillOval(pen, "#33272a", x, y, 3.2 * size, 4.3 * size)
  fillOval(pen, "#ffffff", x - 0.9, y - 1.6, 1.3 * size, 1.6 * size)
  fillOval(pen, "#ffffffaa", x + 1.1, y + 1.7, 0.8, 0.8)
}

function snout(pen: Pen, kind: Kind): void {
  if (kind === "chick") {
    softShape(pen, [
      [-6, -10],
      [0, -14],
      [6, -10],
      [0, -4]
    ])
    pen.fillStyle = "#f08a3c"
    pen.fill()
    line(pen, "#c9662a", 1.2, [
      [-4.4, -9.4],
      [4.4, -9.4]
    ])
    return
  }
  if (kind === "frog") {
    smile(pen, -4, 9)
    return
  }
  const nose = kind === "rabbit" ? "#ef9aa4" : kind === "cat" ? "#d98695" : "#43302f"
  const wide = kind === "bear" || kind === "dog" || kind === "otter" ? 3.8 : 2.8
  fillOval(pen, nose, 0, -10, wide, wide * 0.74)
  fillOval(pen, "#ffffff77", -1, -11, 1.1, 0.7)
  smile(pen, -6.6, 3.2)
  if (kind === "rabbit") fillOval(pen, "#ffffff", 0, -2.6, 1.8, 2)
  if (kind === "cat" || kind === "otter") whiskers(pen)
}

function smile(pen: Pen, y: number, half: number): void {
  pen.beginPath()
  if (half > 5) pen.arc(0, y - 7, half, 0.24 * Math.PI, 0.76 * Math.PI)
  else {
    pen.arc(-half / 2, y - 0.6, half / 2, 0, Math.PI)
    pen.moveTo(half, y - 0.6)
    pen.arc(half / 2, y - 0.6, half / 2, 0, Math.PI)
  }
  pen.strokeStyle = "#4b3634"
  pen.lineWidth = 1.5
  pen.lineCap = "round"
  pen.stroke()
}

function whiskers(pen: Pen): void {
  for (const hand of [-1, 1]) {
    for (const lean of [-1, 1]) {
      line(pen, "#ffffffcc", 1, [
        [hand * 10, -6 + lean],
        [hand * 19, -7 + lean * 3]
      ])
    }
  }
}
