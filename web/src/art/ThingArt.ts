/** What people built in the park: lamps, benches, the bakery cart, swings, the fire. Foot at 0, 0. Owns how they look. */
import { chances } from "../park/Chance.ts"
import type { Pen } from "./Atlas.ts"
import { fillOval, fillRound, groundShadow, line, shade, softShape } from "./Brush.ts"
import type { Drawing } from "./TreeArt.ts"

const wood = "#c28b58"
const iron = "#4a4f5c"

export const lamp: Drawing = {
  reach: { left: -24, top: -150, right: 24, bottom: 12 },
  draw: (pen) => {
    groundShadow(pen, 16, 7)
    fillRound(pen, iron, -7, -8, 14, 9, 3)
    fillRound(pen, iron, -2.6, -124, 5.2, 120, 2)
    line(pen, iron, 4, [
      [-13, -112],
      [13, -112]
    ])
    fillOval(pen, "#fff0c4", 0, -130, 11, 12)
    fillOval(pen, "#ffffff", -3, -133, 4, 5)
    softShape(pen, [
      [-16, -138],
      [0, -154],
      [16, -138],
      [0, -140]
    ])
    pen.fillStyle = shade(iron, 0.1)
    pen.fill()
  }
}

export const bench = (variant: number): Drawing => ({
  reach: { left: -54, top: -50, right: 54, bottom: 14 },
  draw: (pen) => {
    const paint = variant === 0 ? wood : "#7fb0a4"
    groundShadow(pen, 50, 13, 0, 2)
    for (const x of [-38, 34]) fillRound(pen, iron, x, -22, 5, 25, 2)
    for (const y of [-44, -33]) {
      fillRound(pen, shade(paint, -0.2), -46, y + 2, 92, 8, 4)
      fillRound(pen, paint, -46, y, 92, 8, 4)
    }
    fillRound(pen, shade(paint, -0.25), -49, -19, 98, 10, 4)
    fillRound(pen, shade(paint, 0.12), -49, -23, 98, 10, 4)
    line(pen, shade(paint, -0.1), 1.2, [
      [-44, -18],
      [44, -18]
    ])
  }
})

export const bed = (variant: number): Drawing => ({
  reach: { left: -62, top: -42, right: 62, bottom: 18 },
  draw: (pen) => {
    const next = chances(variant + 300)
    fillOval(pen, "#5d8f4c", 0, 0, 56, 15)
    fillOval(pen, "#8a6346", 0, -2, 50, 12)
    const colours =
      [
        ["#f47c7c", "#ffb3a7"],
        ["#f7c948", "#fff0a8"],
        ["#b48be0", "#e3d0ff"]
      ][variant % 3] ?? []
    for (let index = 0; index < 26; index++) {
      const x = (next() - 0.5) * 92
      const y = -4 + (next() - 0.5) * 14
      const tall = 8 + next() * 13
      line(pen, "#6aa656", 2, [
        [x, y],
        [x + next() * 4 - 2, y - tall]
      ])
      flower(pen, colours[index % 2] ?? "", x, y - tall, 4.2)
    }
  }
})

/** A cart that bakes fish-shaped buns. */
export const stall: Drawing = {
  reach: { left: -92, top: -176, right: 92, bottom: 24 },
  draw: (pen) => {
    groundShadow(pen, 88, 20, 0, 4)
    for (const x of [-52, 52]) {
      fillOval(pen, "#55463f", x, -6, 15, 15)
      fillOval(pen, "#cbb79b", x, -6, 7, 7)
    }
    for (const x of [-70, 66]) fillRound(pen, "#96653f", x, -126, 5, 90, 2)
    fillRound(pen, "#b9774a", -76, -66, 152, 54, 8)
    fillRound(pen, "#d79a62", -76, -70, 152, 14, 6)
    fillRound(pen, "#fff4dc", -62, -50, 124, 30, 6)
    fish(pen, "#e8a45c", -34, -35)
    fish(pen, "#e8a45c", 34, -35)
    line(pen, "#e06f5c", 3, [
      [-6, -35],
      [6, -35]
    ])
    for (const x of [-44, -14, 16, 46]) fish(pen, "#d88f45", x, -78)
    const half = 90
    for (let index = 0; index < 9; index++) {
      const x = -half + index * 20
      softShape(pen, [
        [x + 4, -152],
        [x + 16, -152],
        [x + 20, -120],
        [x + 10, -110],
        [x, -120]
      ])
      pen.fillStyle = index % 2 === 0 ? "#ec7064" : "#fff6e6"
      pen.fill()
    }
    fillRound(pen, "#d85c52", -half + 2, -162, half * 2 - 4, 16, 8)
  }
}

/** Two bowls of stone, and water that falls from the upper into the lower one. */
export const fountain: Drawing = {
  reach: { left: -96, top: -130, right: 96, bottom: 44 },
  draw: (pen) => {
    groundShadow(pen, 94, 40, 0, 4)
    fillOval(pen, "#b3a58e", 0, 4, 84, 36)
    fillOval(pen, "#d8ccb6", 0, -6, 84, 36)
    fillOval(pen, "#7fcbe0", 0, -6, 74, 30)
    fillOval(pen, "#a6e0ec", -8, -10, 50, 18)
    fillRound(pen, "#cbbda4", -10, -66, 20, 62, 6)
    fillRound(pen, "#e3d8c4", -10, -66, 7, 62, 3)
    fillOval(pen, "#b3a58e", 0, -64, 38, 15)
    fillOval(pen, "#d8ccb6", 0, -69, 38, 15)
    fillOval(pen, "#8fd5e6", 0, -70, 31, 11)
    fillRound(pen, "#e3d8c4", -5, -96, 10, 26, 4)
    fillOval(pen, "#d8ccb6", 0, -97, 8, 5)
    for (const [side, far] of [
      [-1, 34],
      [1, 34],
      [-1, 16],
      [1, 16]
    ] as const) {
      pen.beginPath()
      pen.moveTo(side * 2, -98)
      pen.quadraticCurveTo(side * far * 0.6, -128, side * far * 0.8, -70)
      pen.moveTo(side * far, -64)
      pen.quadraticCurveTo(side * (far + 16), -50, side * (far + 17), -8)
      pen.strokeStyle = "#e9fbffcc"
      pen.lineWidth = 3
      pen.lineCap = "round"
      pen.stroke()
      fillOval(pen, "#ffffff99", side * (far + 17), -5, 8, 3)
    }
  }
}

export const sign: Drawing = {
  reach: { left: -46, top: -76, right: 46, bottom: 10 },
  draw: (pen) => {
    groundShadow(pen, 20, 7)
    fillRound(pen, "#8b5e3d", -4, -44, 8, 46, 3)
    fillRound(pen, "#a8744a", -40, -72, 80, 34, 8)
    fillRound(pen, "#e6c08a", -36, -69, 72, 28, 6)
    flower(pen, "#f47c7c", -22, -55, 6)
    flower(pen, "#f7c948", 22, -55, 6)
    line(pen, "#8b5e3d", 4, [
      [-8, -55],
      [8, -55],
      [3, -60]
    ])
    line(pen, "#8b5e3d", 4, [
      [8, -55],
      [3, -50]
    ])
  }
}

export const slide: Drawing = {
  reach: { left: -110, top: -160, right: 100, bottom: 22 },
  draw: (pen) => {
    groundShadow(pen, 96, 22, 0, 2)
    for (const x of [34, 72]) fillRound(pen, "#e9a13b", x, -112, 7, 114, 3)
    for (let rung = 0; rung < 5; rung++) {
      line(pen, "#f3c365", 5, [
        [38, -16 - rung * 20],
        [76, -16 - rung * 20]
      ])
    }
    fillRound(pen, "#5fa8c7", 24, -112, 60, 10, 4)
    softShape(pen, [
      [24, -116],
      [46, -116],
      [-60, -6],
      [-100, -2],
      [-98, -16],
      [-66, -22]
    ])
    pen.fillStyle = "#d95f52"
    pen.fill()
    softShape(pen, [
      [26, -112],
      [38, -112],
      [-62, -10],
      [-94, -6],
      [-94, -12],
      [-64, -18]
    ])
    pen.fillStyle = "#f58a72"
    pen.fill()
    softShape(pen, [
      [18, -132],
      [54, -164],
      [90, -132],
      [54, -128]
    ])
    pen.fillStyle = "#66b58f"
    pen.fill()
    for (const x of [26, 78]) fillRound(pen, "#e9a13b", x, -138, 5, 30, 2)
  }
}

export const swing: Drawing = {
  reach: { left: -92, top: -150, right: 92, bottom: 18 },
  draw: (pen) => {
    groundShadow(pen, 84, 18, 0, 2)
    for (const side of [-1, 1]) {
      line(pen, "#5aa6a6", 7, [
        [side * 84, 2],
        [side * 66, -138],
        [side * 52, 0]
      ])
    }
    line(pen, "#418a8a", 8, [
      [-68, -138],
      [68, -138]
    ])
    for (const x of [-30, 30]) {
      for (const side of [-11, 11]) {
        line(pen, "#7b6a58", 2, [
          [x + side, -136],
          [x + side, -34]
        ])
      }
      fillRound(pen, x < 0 ? "#f2b84b" : "#ef7f6d", x - 16, -36, 32, 8, 3)
    }
  }
}

export const seesaw: Drawing = {
  reach: { left: -92, top: -56, right: 92, bottom: 14 },
  draw: (pen) => {
    groundShadow(pen, 84, 14, 0, 2)
    softShape(pen, [
      [-20, 4],
      [-6, -26],
      [6, -26],
      [20, 4]
    ])
    pen.fillStyle = "#6c8fc7"
    pen.fill()
    line(pen, "#d88d3f", 9, [
      [-82, -6],
      [82, -42]
    ])
    line(pen, "#f4b860", 4, [
      [-80, -8],
      [80, -44]
    ])
    for (const [x, y] of [
      [-62, -12],
      [62, -40]
    ] as const) {
      line(pen, "#5a4b43", 4, [
        [x, y],
        [x, y - 14]
      ])
    }
  }
}

export const campfire: Drawing = {
  reach: { left: -44, top: -20, right: 44, bottom: 20 },
  draw: (pen) => {
    fillOval(pen, "#6a5a4c", 0, 0, 34, 13)
    for (let index = 0; index < 11; index++) {
      const angle = (index / 11) * Math.PI * 2
      fillOval(pen, index % 2 === 0 ? "#a8a196" : "#8f887e", Math.cos(angle) * 34, Math.sin(angle) * 13, 8, 6)
    }
    for (const turn of [-0.5, 0.5, 0]) {
      pen.save()
      pen.rotate(turn)
      fillRound(pen, turn === 0 ? "#8a5a3a" : "#6f4630", -22, -8, 44, 9, 4)
      pen.restore()
    }
  }
}

export const log = (variant: number): Drawing => ({
  reach: { left: -40, top: -30, right: 40, bottom: 12 },
  draw: (pen) => {
    groundShadow(pen, 38, 10, 0, 1)
    fillRound(pen, "#7a5138", -34, -22, 68, 22, 10)
    fillRound(pen, "#966646", -34, -24, 68, 12, 6)
    const end = variant === 0 ? 26 : -26
    fillOval(pen, "#e0b98a", end, -12, 8, 11)
    fillOval(pen, "#b98a5c", end, -12, 4, 6)
  }
})

/** A little round flower, seen from above. */
export function flower(pen: Pen, colour: string, x: number, y: number, size: number): void {
  for (let petal = 0; petal < 5; petal++) {
    const angle = (petal / 5) * Math.PI * 2
    fillOval(pen, colour, x + Math.cos(angle) * size * 0.6, y + Math.sin(angle) * size * 0.6, size * 0.5, size * 0.5)
  }
  fillOval(pen, "#ffe27a", x, y, size * 0.36, size * 0.36)
}

// --- internal ---

function fish(pen: Pen, colour: string, x: number, y: number): void {
  fillOval(pen, shade(colour, -0.18), x, y + 1.5, 12, 7.5)
  fillOval(pen, colour, x, y, 12, 7)
  softShape(pen, [
    [x + 8, y],
    [x + 18, y - 8],
    [x + 16, y],
    [x + 18, y + 8]
  ])
  pen.fillStyle = colour
  pen.fill()
  fillOval(pen, "#6b4023", x - 6, y - 1.5, 1.3, 1.3)
  line(pen, shade(colour, -0.25), 1, [
    [x - 1, y - 4],
    [x + 2, y],
    [x - 1, y + 4]
  ])
}
