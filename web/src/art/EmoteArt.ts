/** Little pictures of feelings, 24 wide about 0, 0: above heads and on the emote wheel. Owns how they look. */
import type { Pen } from "./Atlas.ts"
import { fillOval, fillRound, line, softShape } from "./Brush.ts"

export const emotes = ["wave", "heart", "laugh", "clap", "wow", "cry", "dance", "sleep"] as const
export type Emote = (typeof emotes)[number]

/** What is shown for a kind of emote; another kind than these is a heart. */
export const emoteOf = (kind: string): Emote => emotes.find((emote) => emote === kind) ?? "heart"

export function drawEmote(pen: Pen, emote: Emote): void {
  pen.lineCap = "round"
  pictures[emote](pen)
}

// --- internal ---

const ink = "#4a3636"

const pictures: Readonly<Record<Emote, (pen: Pen) => void>> = {
  wave: (pen) => {
    for (let finger = 0; finger < 4; finger++) {
      const angle = -0.62 + finger * 0.34
      line(pen, "#f0b97f", 4.4, [
        [Math.sin(angle) * 4, 1],
        [Math.sin(angle) * 11, 2 - Math.cos(angle) * 11]
      ])
    }
    line(pen, "#f0b97f", 4.4, [
      [4, 5],
      [10, 0]
    ])
    fillOval(pen, "#f0b97f", 0, 4.6, 6.6, 6.4)
    for (const [x, y] of [
      [-11, -7],
      [-12, -1]
    ] as const)
      line(pen, "#7fb0d8", 1.8, [
        [x, y],
        [x - 2.4, y + 4]
      ])
  },
  heart: (pen) => {
    heart(pen, "#d9455f", 0, 1, 1.04)
    heart(pen, "#f4647c", 0, 0, 1)
    fillOval(pen, "#ffc2cc", -4.4, -4.4, 2.6, 1.8, -0.7)
  },
  laugh: (pen) => {
    round(pen)
    for (const x of [-4.6, 4.6]) arc(pen, x, -1, 2.6, Math.PI * 1.1, Math.PI * 1.9)
    pen.beginPath()
    pen.arc(0, 2, 5.6, 0, Math.PI)
    pen.closePath()
    pen.fillStyle = "#8f3b3b"
    pen.fill()
    fillOval(pen, "#ff8f86", 0, 6, 3, 1.6)
    for (const x of [-9, 9]) fillOval(pen, "#7fc4ee", x, 2, 1.8, 2.6)
  },
  clap: (pen) => {
    for (const side of [-1, 1]) {
      pen.save()
      pen.scale(side, 1)
      pen.rotate(0.42)
      fillRound(pen, "#e5a76b", 0.6, -7, 6.4, 15, 3)
      fillRound(pen, "#f5c48d", 0, -7, 5.8, 14, 3)
      pen.restore()
    }
    for (const [x, y] of [
      [-7, -9],
      [0, -12],
      [7, -9]
    ] as const)
      line(pen, "#f2b632", 1.9, [
        [x * 0.8, y + 2.4],
        [x, y]
      ])
  },
  wow: (pen) => {
    round(pen)
    for (const x of [-4.4, 4.4]) fillOval(pen, ink, x, -2.6, 1.6, 2.2)
    fillOval(pen, "#8f3b3b", 0, 5, 2.8, 3.4)
  },
  cry: (pen) => {
    round(pen)
    for (const x of [-4.6, 4.6]) {
      arc(pen, x, -3.4, 2.4, 0.1 * Math.PI, 0.9 * Math.PI)
      fillRound(pen, "#7fc4ee", x - 1.4, -0.6, 2.8, 9, 1.4)
    }
    arc(pen, 0, 8, 3, 1.15 * Math.PI, 1.85 * Math.PI)
  },
  dance: (pen) => {
    line(pen, "#7b62c9", 2.4, [
      [-4, 6],
      [-4, -9],
      [8, -11],
      [8, 4]
    ])
    line(pen, "#7b62c9", 3.6, [
      [-4, -8.4],
      [8, -10.4]
    ])
    fillOval(pen, "#8f76dd", -7, 6.4, 4, 3.2, -0.3)
    fillOval(pen, "#8f76dd", 5, 4.4, 4, 3.2, -0.3)
  },
  sleep: (pen) => {
    for (const [x, y, size] of [
      [-6, 5, 4],
      [1, 0, 5],
      [8, -7, 3.4]
    ] as const) {
      line(pen, "#6b86c9", 2.2, [
        [x - size / 2, y - size / 2],
        [x + size / 2, y - size / 2],
        [x - size / 2, y + size / 2],
        [x + size / 2, y + size / 2]
      ])
    }
  }
}

function round(pen: Pen): void {
  fillOval(pen, "#e9b33c", 0, 0.8, 11, 11)
  fillOval(pen, "#ffd45e", 0, 0, 11, 10.6)
  fillOval(pen, "#ffe9a3", -4, -5.4, 3.4, 2.2, -0.5)
}

function arc(pen: Pen, x: number, y: number, radius: number, from: number, to: number): void {
  pen.beginPath()
  pen.arc(x, y, radius, from, to)
  pen.strokeStyle = ink
  pen.lineWidth = 1.7
  pen.stroke()
}

function heart(pen: Pen, colour: string, x: number, y: number, size: number): void {
  softShape(
    pen,
    [
      [0, -5],
      [5, -11],
      [13, -7],
      [11, 2],
      [0, 12],
      [-11, 2],
      [-13, -7],
      [-5, -11]
    ].map(([px = 0, py = 0]) => [x + px * size, y + py * size] as const)
  )
  pen.fillStyle = colour
  pen.fill()
}
