/** What avatars wear on their heads, the crown of the head at 0, 0. Owns how it looks; the first is nothing at all. */
import type { Pen } from "./Atlas.ts"
import { fillOval, fillRound, line, shade, softShape } from "./Brush.ts"
import { flower } from "./ThingArt.ts"

export const hats: ReadonlyArray<(pen: Pen) => void> = [
  () => undefined,
  sprout,
  (pen) => flower(pen, "#ff8fa3", 12, 2, 8),
  straw,
  (pen) => beanie(pen, "#e8695f", "#fff3e0"),
  ribbon,
  (pen) => beanie(pen, "#5f8fc9", "#ffe08a"),
  crown
]

// --- internal ---

function sprout(pen: Pen): void {
  line(pen, "#6aa84f", 2.6, [
    [0, 4],
    [0, -8]
  ])
  fillOval(pen, "#7cc15a", -7, -11, 8, 4.4, 0.5)
  fillOval(pen, "#93d46e", 7, -12, 8, 4.4, -0.5)
  line(pen, "#5f9f48", 1, [
    [-12, -13],
    [0, -8],
    [12, -14]
  ])
}

function straw(pen: Pen): void {
  fillOval(pen, "#c9974e", 0, 5, 25, 6.4)
  fillOval(pen, "#e6bd72", 0, 3, 25, 6)
  pen.beginPath()
  pen.ellipse(0, 1, 14, 14, 0, Math.PI, 0)
  pen.fillStyle = "#efcb85"
  pen.fill()
  fillRound(pen, "#d9655b", -14, -2.5, 28, 4.6, 1)
  fillOval(pen, "#f9e2ae", -5, -7, 4, 2.4, -0.5)
}

function beanie(pen: Pen, colour: string, trim: string): void {
  pen.beginPath()
  pen.ellipse(0, 4, 18, 17, 0, Math.PI, 0)
  pen.fillStyle = colour
  pen.fill()
  fillOval(pen, shade(colour, 0.25), -6, -6, 5, 3, -0.5)
  fillRound(pen, trim, -20, 1, 40, 7.4, 3.7)
  fillOval(pen, trim, 0, -14, 5.6, 5.6)
  fillOval(pen, "#ffffff88", -1.5, -15.5, 2, 2)
}

function ribbon(pen: Pen): void {
  for (const side of [-1, 1]) {
    softShape(pen, [
      [11, 0],
      [11 + side * 14, -8],
      [11 + side * 13, 8]
    ])
    pen.fillStyle = side < 0 ? "#f2758f" : "#ff91a6"
    pen.fill()
  }
  fillOval(pen, "#d9587a", 11, 0, 3.4, 3.8)
}

function crown(pen: Pen): void {
  for (let index = 0; index < 7; index++) {
    const x = -17 + index * 5.7
    const y = 3.4 - Math.sin((index / 6) * Math.PI) * 5
    fillOval(pen, "#79b866", x + 2, y + 2, 4, 2.4)
    flower(pen, ["#ffffff", "#ffd97a", "#ffb3c4"][index % 3] ?? "", x, y, 5)
  }
}
