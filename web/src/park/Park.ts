/**
 * Where everything stands in a playground: the plaza in its middle, trails, ponds, trees and what one plays on. Laid out
 * from the playground's name and size alone, so that everybody stands in the same park. Owns the plan; draws nothing.
 */
import { chanceAt, chances, hills, seedOf } from "./Chance.ts"

export interface Spot {
  readonly x: number
  readonly y: number
}

/** A round place, in centimetres like everything here. */
export interface Round extends Spot {
  readonly radius: number
}

/** A pond: an oval with a shore that wavers. */
export interface Pond extends Spot {
  readonly across: number
  readonly down: number
  readonly seed: number
}

export interface Trail {
  readonly width: number
  readonly points: ReadonlyArray<Spot>
}

export type PropKind =
  | "tree"
  | "pine"
  | "blossom"
  | "ginkgo"
  | "elder"
  | "bush"
  | "rock"
  | "bench"
  | "lamp"
  | "bed"
  | "stall"
  | "fountain"
  | "slide"
  | "swing"
  | "seesaw"
  | "campfire"
  | "log"
  | "reed"
  | "sign"

export interface Prop extends Spot {
  readonly kind: PropKind
  readonly variant: number
  /** Who walks goes round this; 0: one walks through. */
  readonly girth: number
}

export interface Park {
  readonly seed: number
  readonly widthCm: number
  readonly heightCm: number
  readonly plaza: Round
  readonly sand: Round
  readonly hearth: Round
  readonly ponds: ReadonlyArray<Pond>
  readonly trails: ReadonlyArray<Trail>
  readonly props: ReadonlyArray<Prop>
  /** Lamps in pairs, with a string of lights between the two. */
  readonly garlands: ReadonlyArray<readonly [Spot, Spot]>
}

/** The same park again is the one that was laid out last. */
export function layOut(id: string, widthCm: number, heightCm: number): Park {
  const seed = seedOf(id)
  const isLast = last?.seed === seed && last.widthCm === widthCm && last.heightCm === heightCm
  last = last !== undefined && isLast ? last : plan(seed, widthCm, heightCm)
  return last
}

/** How far inside a pond a place is: above 0 is water, 0 the shore. */
function wetness(pond: Pond, x: number, y: number): number {
  const across = (x - pond.x) / pond.across
  const down = (y - pond.y) / pond.down
  const angle = Math.atan2(down, across)
  return 1 + shoreWave(pond.seed, angle) - Math.hypot(across, down)
}

export const shoreWave = (seed: number, angle: number): number =>
  0.09 * Math.sin(2 * angle + seed) + 0.06 * Math.sin(3 * angle + seed * 2.3) + 0.03 * Math.sin(5 * angle + seed * 4.1)

/** Asked of everybody in each frame: most are far from any pond. */
export function isWet(park: Park, x: number, y: number): boolean {
  for (const pond of park.ponds) {
    const isNear = Math.abs(x - pond.x) < pond.across * 1.2 && Math.abs(y - pond.y) < pond.down * 1.2
    if (isNear && wetness(pond, x, y) > 0.06) return true
  }
  return false
}

// --- internal ---

let last: Park | undefined

function plan(seed: number, widthCm: number, heightCm: number): Park {
  const middle = { x: widthCm / 2, y: heightCm / 2 }
  const at = (x: number, y: number): Spot => ({ x: middle.x + x, y: middle.y + y })
  const plaza = { ...middle, radius: 720 }
  const sand = { ...at(-1720, 420), radius: 480 }
  const hearth = { ...at(-1180, -1480), radius: 240 }
  const ponds = [{ ...at(1780, 560), across: 690, down: 470, seed: 1 }, ...farPonds(seed, widthCm, heightCm, middle)]
  const trails = layTrails(seed, widthCm, heightCm, plaza, [sand, hearth, at(1000, 560)])
  const furniture = furnish(at, plaza)
  const open = { widthCm, heightCm, plaza, sand, hearth, ponds, trails, furniture }
  const props = [...furniture, ...shores(ponds, seed), ...plant(seed, open)]
  return { seed, widthCm, heightCm, plaza, sand, hearth, ponds, trails, props, garlands: garlandsOf(furniture) }
}

interface Open {
  readonly widthCm: number
  readonly heightCm: number
  readonly plaza: Round
  readonly sand: Round
  readonly hearth: Round
  readonly ponds: ReadonlyArray<Pond>
  readonly trails: ReadonlyArray<Trail>
  readonly furniture: ReadonlyArray<Prop>
}

const prop = (kind: PropKind, spot: Spot, variant = 0, girth = 0): Prop => ({ kind, ...spot, variant, girth })

/** What people put there: round the plaza, by the sand pit, by the fire. */
function furnish(at: (x: number, y: number) => Spot, plaza: Round): ReadonlyArray<Prop> {
  const around = (degrees: number, radius: number) => {
    const angle = (degrees * Math.PI) / 180
    return at(Math.cos(angle) * radius, Math.sin(angle) * radius)
  }
  const ring = plaza.radius
  return [
    prop("elder", at(-60, -1330), 0, 110),
    ...[30, 62, 118, 150, 210, 242, 298, 330].map((degrees) => prop("lamp", around(degrees, ring + 90), 0, 14)),
    ...[46, 134, 226, 314].map((degrees, index) => prop("bench", around(degrees, ring - 10), index % 2, 40)),
    ...[74, 106, 164, 196, 344, 16].map((degrees, index) => prop("bed", around(degrees, ring + 60), index % 3, 0)),
    prop("stall", at(660, -960), 0, 90),
    prop("fountain", at(930, -480), 0, 165),
    prop("sign", at(-330, 1010), 0, 16),
    prop("slide", at(-1880, 300), 0, 60),
    prop("swing", at(-1520, 250), 0, 60),
    prop("seesaw", at(-1760, 640), 0, 40),
    prop("campfire", at(-1180, -1470), 0, 36),
    prop("log", at(-1345, -1440), 0, 34),
    prop("log", at(-1015, -1440), 1, 34),
    prop("log", at(-1180, -1330), 0, 34),
    prop("bench", at(1150, 260), 0, 40),
    prop("lamp", at(1085, 900), 0, 14),
    prop("lamp", at(-1250, 640), 0, 14)
  ]
}

/** Neighbouring lamps of the plaza, by twos: lights hang between them. */
function garlandsOf(furniture: ReadonlyArray<Prop>): ReadonlyArray<readonly [Spot, Spot]> {
  const lamps = furniture.filter(({ kind }) => kind === "lamp").slice(0, 8)
  return lamps.flatMap((lamp, index) => {
    const next = lamps[(index + 1) % lamps.length]
    return next === undefined ? [] : [[lamp, next] as const]
  })
}

function farPonds(seed: number, widthCm: number, heightCm: number, middle: Spot): ReadonlyArray<Pond> {
  const next = chances(seed)
  const ponds: Array<Pond> = []
  for (let index = 0; index < 6; index++) {
    const x = (0.12 + 0.76 * next()) * widthCm
    const y = (0.12 + 0.76 * next()) * heightCm
    const across = 420 + 500 * next()
    if (Math.hypot(x - middle.x, y - middle.y) > 3600)
      ponds.push({ x, y, across, down: across * 0.66, seed: index + 2 })
  }
  return ponds
}

/** Four trails out of the plaza to the edges, one around at some distance, and a short one to each place to be. */
function layTrails(
  seed: number,
  widthCm: number,
  heightCm: number,
  plaza: Round,
  places: ReadonlyArray<Spot>
): ReadonlyArray<Trail> {
  const out = [0, 90, 180, 270].map((degrees) => {
    const angle = (degrees * Math.PI) / 180
    const length = (degrees % 180 === 0 ? widthCm : heightCm) / 2 - 150
    const points: Array<Spot> = []
    for (let far = plaza.radius - 60; far <= length; far += 100) {
      const sway = Math.sin((far - plaza.radius) / 700 + degrees) * Math.min(320, (far - plaza.radius) * 0.35)
      points.push({
        x: plaza.x + Math.cos(angle) * far - Math.sin(angle) * sway,
        y: plaza.y + Math.sin(angle) * far + Math.cos(angle) * sway
      })
    }
    return { width: 260, points }
  })
  const ringRadius = Math.min(widthCm, heightCm) * 0.3
  const ring = Array.from({ length: 97 }, (_, index) => {
    const angle = (index / 96) * 2 * Math.PI
    const radius = ringRadius * (1 + 0.06 * Math.sin(angle * 3 + seed) + 0.04 * Math.sin(angle * 7))
    return { x: plaza.x + Math.cos(angle) * radius, y: plaza.y + Math.sin(angle) * radius }
  })
  const short = places.map((place) => ({ width: 150, points: bend(plaza, place) }))
  return [...out, { width: 210, points: ring }, ...short]
}

/** From the plaza to a place in a gentle bow. */
function bend(plaza: Round, place: Spot): ReadonlyArray<Spot> {
  const dx = place.x - plaza.x
  const dy = place.y - plaza.y
  const length = Math.hypot(dx, dy)
  const points: Array<Spot> = []
  for (let far = plaza.radius - 40; far < length; far += 40) {
    const sway = Math.sin((far / length) * Math.PI) * 60
    points.push({ x: plaza.x + (dx * far - dy * sway) / length, y: plaza.y + (dy * far + dx * sway) / length })
  }
  return points
}

function shores(ponds: ReadonlyArray<Pond>, seed: number): ReadonlyArray<Prop> {
  return ponds.flatMap((pond) => {
    const next = chances(seed + pond.seed)
    return Array.from({ length: 15 }, () => {
      const angle = next() * 2 * Math.PI
      const far = 1 + shoreWave(pond.seed, angle) + 0.02 + next() * 0.05
      const spot = { x: pond.x + Math.cos(angle) * pond.across * far, y: pond.y + Math.sin(angle) * pond.down * far }
      return prop(next() < 0.6 ? "reed" : "rock", spot, Math.floor(next() * 3), 0)
    })
  })
}

const plantStepCm = 290

/** Trees and bushes, thicker where the hills of chance are high, none where people want to be. */
function plant(seed: number, open: Open): ReadonlyArray<Prop> {
  const plants: Array<Prop> = []
  const near = nearness(open)
  for (let row = 0; row * plantStepCm < open.heightCm; row++) {
    for (let column = 0; column * plantStepCm < open.widthCm; column++) {
      const roll = (salt: number) => chanceAt(column, row, seed + salt)
      const x = (column + 0.15 + 0.7 * roll(1)) * plantStepCm
      const y = (row + 0.15 + 0.7 * roll(2)) * plantStepCm
      const rim = Math.min(x, y, open.widthCm - x, open.heightCm - y)
      const wood = hills(x, y, 1900, seed) * 0.75 + (rim < 700 ? 0.5 : 0)
      if (roll(3) > wood || near(x, y)) continue
      plants.push(grow(x, y, roll, hills(x, y, 2600, seed + 9)))
    }
  }
  return plants
}

function grow(x: number, y: number, roll: (salt: number) => number, mood: number): Prop {
  const variant = Math.floor(roll(4) * 3)
  const pick = roll(5)
  if (pick < 0.2) return prop("bush", { x, y }, variant, 0)
  if (pick < 0.25) return prop("rock", { x, y }, variant, 26)
  if (mood > 0.62) return prop(pick < 0.8 ? "blossom" : "tree", { x, y }, variant, 30)
  if (mood < 0.3) return prop("pine", { x, y }, variant, 30)
  if (mood < 0.4 && pick > 0.6) return prop("ginkgo", { x, y }, variant, 30)
  return prop("tree", { x, y }, variant, 30)
}

/** Says whether a plant there would stand in the way. */
function nearness(open: Open): (x: number, y: number) => boolean {
  const dots = new Set<number>()
  const key = (x: number, y: number) => Math.floor(x / 200) * 4096 + Math.floor(y / 200)
  for (const { points, width } of open.trails) {
    for (const { x, y } of points) {
      for (const [dx, dy] of [
        [0, 0],
        [width, 0],
        [-width, 0],
        [0, width],
        [0, -width]
      ] as const) {
        dots.add(key(x + dx * 0.8, y + dy * 0.8))
      }
    }
  }
  const isIn = (x: number, y: number, round: Round, margin: number) =>
    Math.hypot(x - round.x, y - round.y) < round.radius + margin
  return (x, y) =>
    dots.has(key(x, y)) ||
    isIn(x, y, open.plaza, 330) ||
    isIn(x, y, open.sand, 160) ||
    isIn(x, y, open.hearth, 220) ||
    open.ponds.some((pond) => wetness(pond, x, y) > -0.3) ||
    open.furniture.some((one) => Math.hypot(x - one.x, y - one.y) < (one.kind === "elder" ? 520 : 230))
}
