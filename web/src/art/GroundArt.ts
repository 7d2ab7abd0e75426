/**
 * The ground, painted piece by piece: meadow, trails, the paved plaza, sand, ponds and what lies beyond the fence. Owns
 * how the ground looks; which pieces are wanted is the scene's to know.
 */
import { chanceAt, chances, hills } from "../park/Chance.ts"
import { type Park, type Pond, type Round, shoreWave, type Trail } from "../park/Park.ts"
import type { Pen } from "./Atlas.ts"
import { fillOval, line, pxPerCm, shade, stain } from "./Brush.ts"
import { flower } from "./ThingArt.ts"

/** The side of a piece, in centimetres. */
export const pieceCm = 1000

/** Paints the piece whose upper left corner is at `xCm`, `yCm`; the pen draws pixels of the world from there. */
export function paintPiece(pen: Pen, park: Park, xCm: number, yCm: number): void {
  const side = pieceCm * pxPerCm
  pen.fillStyle = "#a5d17c"
  pen.fillRect(0, 0, side, side)
  pen.save()
  pen.translate(-xCm * pxPerCm, -yCm * pxPerCm)
  meadow(pen, park, xCm, yCm)
  const isNear = nearPiece(xCm, yCm)
  for (const trail of park.trails) paintTrail(pen, trail, isNear)
  if (isNear(park.sand.x, park.sand.y, park.sand.radius + 60)) paintSand(pen, park.sand)
  if (isNear(park.hearth.x, park.hearth.y, park.hearth.radius + 60)) paintHearth(pen, park.hearth)
  for (const pond of park.ponds) if (isNear(pond.x, pond.y, pond.across * 1.4)) paintPond(pen, pond)
  if (isNear(park.plaza.x, park.plaza.y, park.plaza.radius + 80)) paintPlaza(pen, park.plaza)
  beyond(pen, park, xCm, yCm)
  pen.restore()
}

// --- internal ---

type IsNear = (x: number, y: number, reach: number) => boolean

const nearPiece =
  (xCm: number, yCm: number): IsNear =>
  (x, y, reach) =>
    x + reach > xCm && x - reach < xCm + pieceCm && y + reach > yCm && y - reach < yCm + pieceCm

/** Light and dark grass in soft stains, tufts, clover and small flowers. What crosses an edge is drawn on both sides. */
function meadow(pen: Pen, park: Park, xCm: number, yCm: number): void {
  const step = 125
  const margin = 4
  const cells = pieceCm / step
  const first = { column: Math.floor(xCm / step) - margin, row: Math.floor(yCm / step) - margin }
  const each = (paint: (x: number, y: number, roll: (salt: number) => number) => void) => {
    for (let row = first.row; row < first.row + cells + margin * 2; row++) {
      for (let column = first.column; column < first.column + cells + margin * 2; column++) {
        const roll = (salt: number) => chanceAt(column, row, park.seed + salt)
        paint((column + roll(20)) * step, (row + roll(21)) * step, roll)
      }
    }
  }
  each((x, y, roll) => {
    if (roll(22) > 0.5) return
    const isLight = hills(x, y, 900, park.seed + 3) > 0.5
    stain(pen, isLight ? "#bbe08a70" : "#86bf6b66", x * pxPerCm, y * pxPerCm, 90 + roll(23) * 90)
  })
  each((x, y, roll) => {
    const px = x * pxPerCm
    const py = y * pxPerCm
    const pick = roll(24)
    if (pick < 0.4) tuft(pen, px, py, roll(25))
    else if (pick < 0.46) clover(pen, px, py)
    const isBloom = hills(x, y, 700, park.seed + 4) > 0.62
    if (roll(26) < (isBloom ? 0.5 : 0.05)) bloom(pen, px, py, roll(27), roll(28))
  })
}

function tuft(pen: Pen, x: number, y: number, roll: number): void {
  const colour = roll < 0.5 ? "#83ba66" : "#93c972"
  const size = 4 + roll * 4
  for (const lean of [-1, 0, 1]) {
    line(pen, colour, 1.7, [
      [x + lean * 2, y],
      [x + lean * (3 + size * 0.4), y - size - (lean === 0 ? 3 : 0)]
    ])
  }
}

function clover(pen: Pen, x: number, y: number): void {
  for (let leaf = 0; leaf < 9; leaf++) {
    const angle = leaf * 2.4
    const far = Math.sqrt(leaf) * 4
    fillOval(pen, leaf % 2 === 0 ? "#7fba68" : "#90c873", x + Math.cos(angle) * far, y + Math.sin(angle) * far, 3, 2.6)
  }
}

const bloomColours = ["#ffffff", "#ffe58a", "#f9b8c8", "#cdb6f2", "#ffb59a"]

function bloom(pen: Pen, x: number, y: number, pick: number, size: number): void {
  const colour = bloomColours[Math.floor(pick * bloomColours.length)] ?? "#ffffff"
  const count = 1 + Math.floor(size * 3)
  for (let index = 0; index < count; index++) {
    const angle = index * 2.1 + pick * 6
    const [dx, dy] = [Math.cos(angle) * 8 * Math.min(index, 1), Math.sin(angle) * 7 * Math.min(index, 1)]
    fillOval(pen, "#6fa85966", x + dx + 0.5, y + dy + 2.5, 3, 1.6)
    flower(pen, colour, x + dx, y + dy, 3 + size * 1.4)
  }
}

function paintTrail(pen: Pen, trail: Trail, isNear: IsNear): void {
  const reach = trail.width + 120
  const points = trail.points.map(({ x, y }) => [x * pxPerCm, y * pxPerCm] as const)
  // Only the stretch that can be seen here is drawn: a trail is long and a piece is small.
  const stretches: Array<Array<readonly [number, number]>> = []
  let open: Array<readonly [number, number]> | undefined
  trail.points.forEach(({ x, y }, index) => {
    const point = points[index]
    if (point === undefined) return
    if (!isNear(x, y, reach + 700)) open = undefined
    else if (open !== undefined) open.push(point)
    else {
      open = [point]
      stretches.push(open)
    }
  })
  const width = trail.width * pxPerCm
  for (const stretch of stretches) {
    line(pen, "#84b56799", width + 12, stretch)
    line(pen, "#d6bd8c", width + 2, stretch)
    line(pen, "#ead5a6", width - 6, stretch)
    line(pen, "#f1e0b6", width * 0.62, stretch)
  }
  for (const [index, point] of trail.points.entries()) {
    if (isNear(point.x, point.y, reach)) pebbles(pen, point.x * pxPerCm, point.y * pxPerCm, width, index)
  }
}

function pebbles(pen: Pen, x: number, y: number, width: number, seed: number): void {
  const next = chances(seed * 31 + 5)
  for (let index = 0; index < 7; index++) {
    const colour = ["#dcc596", "#cfb683", "#fbefd0"][Math.floor(next() * 3)] ?? ""
    const size = 1.4 + next() * 3
    fillOval(
      pen,
      colour,
      x + (next() - 0.5) * width * 0.9,
      y + (next() - 0.5) * width * 0.9,
      size,
      size * 0.7,
      next() * 3
    )
  }
}

function paintPlaza(pen: Pen, plaza: Round): void {
  const x = plaza.x * pxPerCm
  const y = plaza.y * pxPerCm
  const radius = plaza.radius * pxPerCm
  fillOval(pen, "#7fae6377", x, y + 6, radius + 14, radius + 12)
  fillOval(pen, "#cbb088", x, y, radius + 6, radius + 6)
  fillOval(pen, "#e3d2b2", x, y, radius, radius)
  const tints = ["#efe1c6", "#f4e8d2", "#e9d8b8", "#f0dcc0", "#ecdfcb"]
  const rings = 12
  const inner = radius * 0.3
  for (let ring = 0; ring < rings; ring++) {
    const from = inner + ((radius - 4 - inner) * ring) / rings
    const to = inner + ((radius - 4 - inner) * (ring + 1)) / rings
    const stones = Math.round((from * Math.PI * 2) / 36)
    for (let stone = 0; stone < stones; stone++) {
      const turn = (ring % 2) * 0.5
      const begin = ((stone + turn) / stones) * Math.PI * 2
      const end = ((stone + turn + 1) / stones) * Math.PI * 2
      const isBand = ring === 3 || ring === 9
      const tint = isBand
        ? (["#e9b79c", "#e6c9a2"][stone % 2] ?? "")
        : (tints[Math.floor(chanceAt(ring, stone, 9) * tints.length)] ?? "")
      pen.beginPath()
      pen.arc(x, y, to - 1.2, begin + 1.1 / from, end - 1.1 / from)
      pen.arc(x, y, from + 1.2, end - 1.1 / from, begin + 1.1 / from, true)
      pen.closePath()
      pen.fillStyle = tint
      pen.fill()
    }
  }
  mosaic(pen, x, y, inner)
}

/** A large flower of small stones in the middle of the plaza. */
function mosaic(pen: Pen, x: number, y: number, radius: number): void {
  fillOval(pen, "#c9a988", x, y, radius + 1, radius + 1)
  fillOval(pen, "#f7ecd8", x, y, radius - 3, radius - 3)
  for (let petal = 0; petal < 24; petal++) {
    const angle = (petal / 24) * Math.PI * 2
    const colour = petal % 2 === 0 ? "#8fc0b5" : "#b5d8c9"
    fillOval(pen, colour, x + Math.cos(angle) * radius * 0.87, y + Math.sin(angle) * radius * 0.87, 8, 5, angle + 1.57)
  }
  for (let petal = 0; petal < 5; petal++) {
    const angle = (petal / 5) * Math.PI * 2 - Math.PI / 2
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)]
    fillOval(pen, "#e58d9c", x + dx * radius * 0.42, y + dy * radius * 0.42, radius * 0.36, radius * 0.27, angle)
    fillOval(pen, "#f3b3bb", x + dx * radius * 0.45, y + dy * radius * 0.45, radius * 0.27, radius * 0.19, angle)
    fillOval(pen, "#c95a72", x + dx * radius * 0.2, y + dy * radius * 0.2, radius * 0.12, radius * 0.07, angle)
  }
  fillOval(pen, "#f5cf63", x, y, radius * 0.15, radius * 0.15)
  fillOval(pen, "#fbe59a", x, y, radius * 0.08, radius * 0.08)
}

function paintSand(pen: Pen, sand: Round): void {
  const x = sand.x * pxPerCm
  const y = sand.y * pxPerCm
  const radius = sand.radius * pxPerCm
  fillOval(pen, "#7fae6377", x, y + 5, radius + 12, radius * 0.86 + 12)
  fillOval(pen, "#b98557", x, y, radius + 6, radius * 0.86 + 6)
  fillOval(pen, "#d6a473", x, y - 2, radius + 4, radius * 0.86 + 3)
  fillOval(pen, "#e3c98f", x, y + 2, radius - 5, radius * 0.86 - 6)
  fillOval(pen, "#f3dfab", x, y + 6, radius - 9, radius * 0.86 - 11)
  const next = chances(811)
  for (let index = 0; index < 90; index++) {
    const angle = next() * Math.PI * 2
    const far = Math.sqrt(next()) * (radius - 16)
    const colour = next() < 0.5 ? "#e6cd93" : "#fbeec6"
    fillOval(pen, colour, x + Math.cos(angle) * far, y + Math.sin(angle) * far * 0.84, 3 + next() * 6, 1.6 + next() * 2)
  }
}

function paintHearth(pen: Pen, hearth: Round): void {
  const x = hearth.x * pxPerCm
  const y = hearth.y * pxPerCm
  const radius = hearth.radius * pxPerCm
  for (const [grow, colour] of [
    [18, "#b9a06e66"],
    [4, "#cdb27d"],
    [-14, "#d9c08d"]
  ] as const) {
    fillOval(pen, colour, x, y, radius + grow, (radius + grow) * 0.8)
  }
}

function paintPond(pen: Pen, pond: Pond): void {
  const layers = [
    [1.1, "#8fbf6b88"],
    [1.06, "#d8c48f"],
    [1.03, "#efdfae"],
    [0.99, "#a8dfe0"],
    [0.95, "#86cfda"],
    [0.84, "#6dbfd3"],
    [0.62, "#5aafca"],
    [0.36, "#4c9fc0"]
  ] as const
  for (const [size, colour] of layers) {
    shore(pen, pond, size)
    pen.fillStyle = colour
    pen.fill()
  }
  const next = chances(pond.seed * 97)
  const spot = (far: number) => {
    const angle = next() * Math.PI * 2
    const reach = far * (1 + shoreWave(pond.seed, angle))
    return {
      x: (pond.x + Math.cos(angle) * pond.across * reach) * pxPerCm,
      y: (pond.y + Math.sin(angle) * pond.down * reach) * pxPerCm
    }
  }
  for (let index = 0; index < 16; index++) {
    const { x, y } = spot(0.2 + next() * 0.65)
    line(pen, "#ffffff3d", 2, [
      [x - 10 - next() * 12, y],
      [x + 10 + next() * 12, y]
    ])
  }
  for (let index = 0; index < 15; index++) {
    const { x, y } = spot(0.55 + next() * 0.34)
    lilyPad(pen, x, y, 8 + next() * 8, next(), index % 4 === 0)
  }
}

function shore(pen: Pen, pond: Pond, size: number): void {
  pen.beginPath()
  for (let step = 0; step <= 60; step++) {
    const angle = (step / 60) * Math.PI * 2
    const far = size + shoreWave(pond.seed, angle)
    pen.lineTo(
      (pond.x + Math.cos(angle) * pond.across * far) * pxPerCm,
      (pond.y + Math.sin(angle) * pond.down * far) * pxPerCm
    )
  }
  pen.closePath()
}

function lilyPad(pen: Pen, x: number, y: number, size: number, turn: number, blooms: boolean): void {
  fillOval(pen, "#3f8ba855", x + 1, y + 3, size, size * 0.7)
  pen.beginPath()
  pen.moveTo(x, y)
  pen.ellipse(x, y, size, size * 0.72, 0, turn * 6, turn * 6 + Math.PI * 1.8)
  pen.closePath()
  pen.fillStyle = "#5fae6a"
  pen.fill()
  fillOval(pen, "#7cc37c", x - size * 0.2, y - size * 0.16, size * 0.5, size * 0.34)
  if (!blooms) return
  for (let petal = 0; petal < 6; petal++) {
    const angle = (petal / 6) * Math.PI * 2
    fillOval(
      pen,
      petal % 2 === 0 ? "#ffd5e1" : "#fff0f4",
      x + Math.cos(angle) * 4,
      y - 3 + Math.sin(angle) * 3,
      4,
      2.6,
      angle
    )
  }
  fillOval(pen, "#ffdf7e", x, y - 3, 2.4, 2)
}

/** A hedge stands along the edge; past it is nothing but wood. */
function beyond(pen: Pen, park: Park, xCm: number, yCm: number): void {
  const right = park.widthCm * pxPerCm
  const bottom = park.heightCm * pxPerCm
  if (xCm >= 0 && yCm >= 0 && xCm + pieceCm <= park.widthCm && yCm + pieceCm <= park.heightCm) return
  const far = pieceCm * 3 * pxPerCm
  pen.fillStyle = "#4e8c55"
  pen.fillRect(-far, -far, right + far * 2, far)
  pen.fillRect(-far, bottom, right + far * 2, far)
  pen.fillRect(-far, 0, far, bottom)
  pen.fillRect(right, 0, far, bottom)
  for (let row = -2; row < pieceCm / 90 + 2; row++) {
    for (let column = -2; column < pieceCm / 90 + 2; column++) {
      const x = (Math.floor(xCm / 90) + column) * 90
      const y = (Math.floor(yCm / 90) + row) * 90
      if (x > 20 && y > 20 && x < park.widthCm - 20 && y < park.heightCm - 20) continue
      const roll = chanceAt(x, y, 5)
      const tint = shade("#57995c", (roll - 0.5) * 0.3)
      fillOval(pen, tint, (x + roll * 60) * pxPerCm, (y + roll * 40) * pxPerCm, 26 + roll * 18, 22 + roll * 14)
    }
  }
  pen.strokeStyle = "#3f7a4a"
  pen.lineWidth = 10
  pen.strokeRect(-4, -4, right + 8, bottom + 8)
}
