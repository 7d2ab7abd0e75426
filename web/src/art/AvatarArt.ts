/**
 * The parts that avatars are put together from: heads of each kind seen from the front, the side and behind, feet, tails,
 * clothes and hats. Clothes are grey here and coloured by the member's number where they are shown. Owns how they look.
 */
import type { Texture } from "pixi.js"
import type { Atlas, Pen } from "./Atlas.ts"
import { fillOval, fillRound, line, shade, softShape } from "./Brush.ts"
import { hats } from "./HatArt.ts"
import { headOf } from "./HeadArt.ts"
import { furs, type Kind, type Side } from "./Kinds.ts"

export interface Parts {
  readonly heads: Readonly<Record<Kind, Readonly<Record<Side, Texture>>>>
  readonly blinks: Readonly<Record<Kind, Readonly<Record<Side, Texture>>>>
  readonly tails: Readonly<Record<Kind, Texture>>
  readonly feet: Readonly<Record<Kind, Texture>>
  /** By pattern, then by side. */
  readonly clothes: ReadonlyArray<Readonly<Record<Side, Texture>>>
  readonly arm: Texture
  readonly hats: ReadonlyArray<Texture>
  readonly shadow: Texture
  readonly ring: Texture
  readonly ripple: Texture
}

export function drawParts(atlas: Atlas): Parts {
  const bySide = (draw: (side: Side) => Texture) => ({ front: draw("front"), side: draw("side"), back: draw("back") })
  const byKind = <A>(draw: (kind: Kind) => A): Record<Kind, A> => ({
    fox: draw("fox"),
    cat: draw("cat"),
    bear: draw("bear"),
    otter: draw("otter"),
    rabbit: draw("rabbit"),
    dog: draw("dog"),
    frog: draw("frog"),
    chick: draw("chick")
  })
  const head = (kind: Kind, isBlinking: boolean) =>
    bySide((side) => atlas.add(headReach, (pen) => headOf(pen, kind, side, isBlinking)))
  return {
    heads: byKind((kind) => head(kind, false)),
    blinks: byKind((kind) => head(kind, true)),
    tails: byKind((kind) => atlas.add({ left: -22, top: -34, right: 22, bottom: 8 }, (pen) => tail(pen, kind))),
    feet: byKind((kind) => atlas.add({ left: -7, top: -12, right: 8, bottom: 4 }, (pen) => foot(pen, kind))),
    clothes: [0, 1, 2, 3].map((pattern) =>
      bySide((side) => atlas.add({ left: -17, top: -30, right: 17, bottom: 4 }, (pen) => cloth(pen, pattern, side)))
    ),
    arm: atlas.add({ left: -6, top: -4, right: 6, bottom: 18 }, arm),
    hats: hats.map((draw) => atlas.add({ left: -26, top: -34, right: 26, bottom: 10 }, draw)),
    shadow: atlas.add({ left: -20, top: -9, right: 20, bottom: 9 }, (pen) => {
      fillOval(pen, "#26342829", 0, 0, 19, 8)
      fillOval(pen, "#26342838", 0, 0, 15, 6)
    }),
    ring: atlas.add({ left: -30, top: -16, right: 30, bottom: 16 }, swimRing),
    ripple: atlas.add({ left: -36, top: -16, right: 36, bottom: 16 }, (pen) => {
      pen.beginPath()
      pen.ellipse(0, 0, 34, 14, 0, 0, Math.PI * 2)
      pen.strokeStyle = "#ffffff"
      pen.lineWidth = 2.4
      pen.stroke()
    })
  }
}

// --- internal ---

/** Round the neck, where a head sits on its body. */
const headReach = { left: -30, top: -56, right: 30, bottom: 8 }

function foot(pen: Pen, kind: Kind): void {
  const { fur, dark } = furs[kind]
  const colour = kind === "chick" ? dark : kind === "fox" ? dark : fur
  fillRound(pen, shade(colour, -0.16), -4, -11, 8, 13, 4)
  fillOval(pen, shade(colour, -0.04), 1, 0, 6, 3.6)
}

function tail(pen: Pen, kind: Kind): void {
  const { fur, pale, dark } = furs[kind]
  if (kind === "fox") {
    softShape(pen, [
      [0, 4],
      [-14, -2],
      [-20, -18],
      [-12, -34],
      [-4, -20],
      [4, -4]
    ])
    pen.fillStyle = fur
    pen.fill()
    softShape(pen, [
      [-17, -18],
      [-12, -35],
      [-6, -22],
      [-12, -16]
    ])
    pen.fillStyle = pale
    pen.fill()
  } else if (kind === "cat" || kind === "dog") {
    line(pen, fur, 6, [
      [0, 2],
      [-10, -2],
      [-15, -12],
      [-12, -22]
    ])
    line(pen, dark, 6, [
      [-13.5, -19],
      [-12, -23]
    ])
  } else if (kind === "otter") {
    line(pen, fur, 9, [
      [0, 2],
      [-10, 2],
      [-17, -3]
    ])
  } else if (kind === "rabbit" || kind === "bear") {
    fillOval(pen, shade(fur, -0.05), -7, -2, 6.5, 6)
  } else if (kind === "chick") {
    softShape(pen, [
      [0, 2],
      [-12, -2],
      [-15, -12],
      [-4, -8]
    ])
    pen.fillStyle = shade(fur, -0.1)
    pen.fill()
  }
}

function arm(pen: Pen): void {
  fillRound(pen, "#d4d4d4", -4.6, -2, 9.2, 18, 4.6)
  fillRound(pen, "#f2f2f2", -4.2, -2, 7.4, 15, 4)
  fillOval(pen, "#ffffff", 0, 12.6, 4.6, 4.2)
}

/** A coat that widens downwards; the pattern makes it a jumper with stripes, dungarees, a dotted dress or a hood. */
function cloth(pen: Pen, pattern: number, side: Side): void {
  const half = side === "side" ? 12 : 14
  const shape = () => {
    pen.beginPath()
    pen.moveTo(-half * 0.62, -27)
    pen.quadraticCurveTo(-half * 0.9, -14, -half, -2)
    pen.quadraticCurveTo(0, 4, half, -2)
    pen.quadraticCurveTo(half * 0.9, -14, half * 0.62, -27)
    pen.closePath()
  }
  shape()
  pen.fillStyle = "#ececec"
  pen.fill()
  pen.save()
  shape()
  pen.clip()
  if (pattern === 1) for (const y of [-22, -14, -6]) fillRound(pen, "#ffffff", -half, y, half * 2, 4, 0)
  if (pattern === 2) {
    fillRound(pen, "#ffffff", -half, -30, half * 2, 14, 0)
    fillRound(pen, "#c9c9c9", -half, -17, half * 2, 3, 0)
    for (const x of [-6, 4]) fillRound(pen, "#d0d0d0", x, -30, 3, 14, 0)
  }
  if (pattern === 3)
    for (let dot = 0; dot < 9; dot++)
      fillOval(pen, "#ffffff", -11 + (dot % 3) * 10, -22 + Math.floor(dot / 3) * 8, 2, 2)
  fillOval(pen, "#00000016", half * 0.7, -8, half * 0.7, 22)
  fillOval(pen, "#00000018", 0, 4, half * 1.4, 6)
  pen.restore()
  if (side === "back") return
  const x = side === "side" ? 4 : 0
  if (pattern === 0) {
    fillOval(pen, "#ffffff", x - 3, -21, 1.4, 3.6)
    fillOval(pen, "#ffffff", x + 3, -21, 1.4, 3.6)
    line(pen, "#cfcfcf", 1.6, [
      [x - 6, -7],
      [x, -5.6],
      [x + 6, -7]
    ])
  }
}

/** Who wades through a pond wears one of these. */
function swimRing(pen: Pen): void {
  fillOval(pen, "#e0e0e0", 0, 2, 27, 12)
  fillOval(pen, "#ffffff", 0, 0, 27, 11.4)
  for (let stripe = 0; stripe < 8; stripe += 2) {
    pen.beginPath()
    pen.moveTo(0, 0)
    pen.ellipse(0, 0, 27, 11.4, 0, (stripe / 8) * Math.PI * 2, ((stripe + 1) / 8) * Math.PI * 2)
    pen.closePath()
    pen.fillStyle = "#ff9d8a"
    pen.fill()
  }
  fillOval(pen, "#00000022", 0, 0, 15, 5.6)
}
