/** Trees, bushes and other green that grows in the park, each with its foot at 0, 0. Owns how they look. */
import { chances } from "../park/Chance.ts"
import type { Pen, Reach } from "./Atlas.ts"
import { fillOval, fillRound, groundShadow, line, shade, softShape } from "./Brush.ts"

export interface Drawing {
  readonly reach: Reach
  readonly draw: (pen: Pen) => void
}

interface Leaves {
  readonly dark: string
  readonly middle: string
  readonly light: string
  readonly spark: string
}

const greens: ReadonlyArray<Leaves> = [
  { dark: "#3f8a5a", middle: "#5aa864", light: "#7fc274", spark: "#a9dc8c" },
  { dark: "#4b8f4c", middle: "#6fb257", light: "#95c968", spark: "#bfe08a" },
  { dark: "#35806b", middle: "#4d9f7c", light: "#70bb8d", spark: "#9fd9ab" }
]
const pinks: ReadonlyArray<Leaves> = [
  { dark: "#d97f9b", middle: "#f0a3b6", light: "#f9c3cf", spark: "#ffe3e8" },
  { dark: "#cf86b4", middle: "#e5a6cb", light: "#f2c6df", spark: "#ffe6f4" },
  { dark: "#de8a86", middle: "#f3aca2", light: "#fbcabf", spark: "#ffe8df" }
]
const golds: Leaves = { dark: "#cf962f", middle: "#ecb944", light: "#f7d36b", spark: "#fdeaa2" }
const bark = "#84583f"

export const tree = (variant: number): Drawing => leafy(variant, greens, 1)
export const blossom = (variant: number): Drawing => leafy(variant + 10, pinks, 0.96)
export const ginkgo = (variant: number): Drawing => leafy(variant + 20, [golds], 0.98)

/** The old tree by the plaza, with a wooden deck about its trunk where people sit in the shade. */
export const elder: Drawing = {
  reach: { left: -250, top: -470, right: 250, bottom: 90 },
  draw: (pen) => {
    groundShadow(pen, 240, 80, 10, 10)
    deck(pen)
    trunk(pen, 40, 210)
    const leaves = greens[1] ?? golds
    crown(pen, leaves, chances(501), [
      [0, -330, 120],
      [-120, -260, 95],
      [118, -262, 98],
      [-175, -190, 66],
      [178, -196, 68],
      [-60, -210, 92],
      [66, -206, 92],
      [0, -180, 70]
    ])
    for (const [x, y] of [
      [-96, -150],
      [88, -146],
      [10, -128]
    ] as const)
      lantern(pen, x, y)
  }
}

export const pine = (variant: number): Drawing => ({
  reach: { left: -80, top: -250, right: 80, bottom: 26 },
  draw: (pen) => {
    const tall = 1 + variant * 0.07
    groundShadow(pen, 62, 22)
    fillRound(pen, bark, -8, -52, 16, 54, 6)
    const tiers = [
      [62, -34, 74],
      [52, -84, 70],
      [40, -134, 64],
      [26, -178, 52]
    ] as const
    for (const [half, base, height] of tiers) {
      tier(pen, shade("#3d7f63", -0.16), half + 3, base * tall + 5, height)
      tier(pen, "#45906d", half, base * tall, height)
      tier(pen, "#6bb287", half * 0.55, base * tall - height * 0.3, height * 0.62, -half * 0.16)
    }
  }
})

export const bush = (variant: number): Drawing => ({
  reach: { left: -52, top: -62, right: 52, bottom: 18 },
  draw: (pen) => {
    const leaves = greens[variant % greens.length] ?? golds
    groundShadow(pen, 46, 16)
    crown(pen, leaves, chances(variant + 40), [
      [-20, -20, 22],
      [20, -20, 22],
      [0, -32, 24]
    ])
    const next = chances(variant + 60)
    const berry = ["#f4786b", "#ffd66b", "#f6a5c0"][variant % 3] ?? ""
    for (let index = 0; index < 7; index++) {
      const x = (next() - 0.5) * 64
      const y = -12 - next() * 34
      fillOval(pen, berry, x, y, 3.6, 3.6)
      fillOval(pen, "#ffffffaa", x - 1, y - 1.2, 1.2, 1.2)
    }
  }
})

export const rock = (variant: number): Drawing => ({
  reach: { left: -34, top: -36, right: 34, bottom: 12 },
  draw: (pen) => {
    const wide = 20 + variant * 4
    groundShadow(pen, wide + 8, 11)
    const shape = [
      [-wide, -2],
      [-wide * 0.8, -18],
      [-wide * 0.2, -27],
      [wide * 0.6, -22],
      [wide, -6],
      [wide * 0.5, 4],
      [-wide * 0.6, 4]
    ] as const
    softShape(pen, shape)
    pen.fillStyle = "#a4a79c"
    pen.fill()
    softShape(
      pen,
      shape.map(([x, y]) => [x * 0.74 - 3, y * 0.72 - 6] as const)
    )
    pen.fillStyle = "#bfc2b5"
    pen.fill()
    fillOval(pen, "#8dba72cc", wide * 0.35, -4, 8, 4)
  }
})

export const reed = (variant: number): Drawing => ({
  reach: { left: -22, top: -64, right: 22, bottom: 6 },
  draw: (pen) => {
    const next = chances(variant + 90)
    for (let index = 0; index < 7; index++) {
      const lean = (next() - 0.5) * 26
      const tall = 26 + next() * 28
      const foot = (next() - 0.5) * 16
      line(pen, index % 2 === 0 ? "#5f9d58" : "#7db567", 3, [
        [foot, 2],
        [foot + lean * 0.3, -tall * 0.6],
        [foot + lean, -tall]
      ])
      if (index % 3 === 0) fillOval(pen, "#8a5f43", foot + lean, -tall, 3.2, 8, lean * 0.02)
    }
  }
})

// --- internal ---

type Blob = readonly [x: number, y: number, radius: number]

function leafy(seed: number, palette: ReadonlyArray<Leaves>, size: number): Drawing {
  const leaves = palette[seed % palette.length] ?? golds
  const next = chances(seed + 7)
  const tall = 92 + next() * 22
  const blobs: Array<Blob> = [[0, -tall - 52, 54]]
  for (let index = 0; index < 5; index++) {
    const angle = (index / 5) * Math.PI * 2 + next()
    blobs.push([Math.cos(angle) * 42, -tall - 34 + Math.sin(angle) * 26, 34 + next() * 10])
  }
  return {
    reach: { left: -112, top: -250, right: 112, bottom: 34 },
    draw: (pen) => {
      pen.scale(size, size)
      groundShadow(pen, 78, 27, 4, 2)
      trunk(pen, 13, tall)
      crown(pen, leaves, next, blobs)
    }
  }
}

function trunk(pen: Pen, half: number, tall: number): void {
  const bend = half * 0.35
  softShape(pen, [
    [-half * 1.5, 4],
    [-half * 0.9, -tall * 0.2],
    [-half * 0.8 + bend, -tall],
    [half * 0.8 + bend, -tall],
    [half * 0.9, -tall * 0.2],
    [half * 1.5, 4]
  ])
  pen.fillStyle = bark
  pen.fill()
  line(pen, shade(bark, -0.22), half * 0.3, [
    [half * 0.5, -4],
    [half * 0.45, -tall * 0.4],
    [half * 0.6 + bend, -tall * 0.8]
  ])
  line(pen, shade(bark, 0.22), half * 0.22, [
    [-half * 0.5, -6],
    [-half * 0.4, -tall * 0.5]
  ])
}

/** Clouds of leaves: a dark side below, light from the upper left, single leaves that catch it. */
function crown(pen: Pen, leaves: Leaves, next: () => number, blobs: ReadonlyArray<Blob>): void {
  for (const [x, y, radius] of blobs) scallop(pen, shade(leaves.dark, -0.12), x + 3, y + radius * 0.16, radius, next)
  for (const [x, y, radius] of blobs) scallop(pen, leaves.dark, x, y + 4, radius * 0.98, next)
  for (const [x, y, radius] of blobs) {
    scallop(pen, leaves.middle, x - radius * 0.08, y - radius * 0.12, radius * 0.86, next)
  }
  for (const [x, y, radius] of blobs) {
    scallop(pen, leaves.light, x - radius * 0.22, y - radius * 0.3, radius * 0.56, next)
  }
  for (const [x, y, radius] of blobs) {
    for (let index = 0; index < radius / 3; index++) {
      const angle = next() * Math.PI * 2
      const far = Math.sqrt(next()) * radius * 0.92
      const colour = next() < 0.42 ? leaves.spark : next() < 0.5 ? leaves.dark : leaves.middle
      const dx = Math.cos(angle) * far
      const dy = Math.sin(angle) * far
      fillOval(pen, colour, x + dx, y + dy, 3.4, 1.9, next() * Math.PI)
    }
  }
}

function scallop(pen: Pen, colour: string, x: number, y: number, radius: number, next: () => number): void {
  const bumps = Math.max(7, Math.round(radius / 7))
  const turn = next() * Math.PI
  pen.fillStyle = colour
  pen.beginPath()
  pen.ellipse(x, y, radius * 0.9, radius * 0.86, 0, 0, Math.PI * 2)
  pen.fill()
  for (let index = 0; index < bumps; index++) {
    const angle = turn + (index / bumps) * Math.PI * 2
    const size = radius * (0.24 + next() * 0.08)
    fillOval(pen, colour, x + Math.cos(angle) * radius * 0.82, y + Math.sin(angle) * radius * 0.78, size, size)
  }
}

function tier(pen: Pen, colour: string, half: number, base: number, height: number, shift = 0): void {
  softShape(pen, [
    [shift, base - height * 1.15],
    [shift + half * 0.55, base - height * 0.35],
    [shift + half * 1.12, base + 2],
    [shift + half * 0.4, base + 8],
    [shift - half * 0.4, base + 8],
    [shift - half * 1.12, base + 2],
    [shift - half * 0.55, base - height * 0.35]
  ])
  pen.fillStyle = colour
  pen.fill()
}

function deck(pen: Pen): void {
  fillRound(pen, "#7d5438", -118, -18, 236, 62, 12)
  fillRound(pen, "#c9935f", -122, -36, 244, 62, 12)
  for (let index = 0; index < 6; index++) {
    line(pen, "#b07d4c", 1.6, [
      [-116, -27 + index * 9.4],
      [116, -27 + index * 9.4]
    ])
  }
  fillRound(pen, "#dba975", -122, -36, 244, 7, 4)
  for (const [x, y, colour] of [
    [-86, 6, "#e9776b"],
    [80, 8, "#6fb7b0"],
    [-48, 16, "#f1c35c"]
  ] as const) {
    fillRound(pen, shade(colour, -0.2), x - 17, y - 5, 34, 16, 7)
    fillRound(pen, colour, x - 17, y - 9, 34, 16, 7)
  }
}

function lantern(pen: Pen, x: number, y: number): void {
  line(pen, "#5b4636", 1.5, [
    [x, y - 26],
    [x, y - 12]
  ])
  fillOval(pen, "#e8655a", x, y, 10, 12)
  fillOval(pen, "#ffb199", x - 3, y - 3, 4, 6)
  fillRound(pen, "#f5cf73", x - 5, y - 14, 10, 4, 2)
  fillRound(pen, "#f5cf73", x - 5, y + 10, 10, 4, 2)
}
