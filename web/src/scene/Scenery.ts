/**
 * Trees, benches and all else that stands in the park: sprites for those near the view, given back when they are far.
 * Owns these sprites; where things stand is the park's.
 */
import { type Container, Sprite, type Texture } from "pixi.js"
import type { Atlas } from "../art/Atlas.ts"
import { pxPerCm } from "../art/Brush.ts"
import * as Things from "../art/ThingArt.ts"
import * as Trees from "../art/TreeArt.ts"
import type { Park, Prop, PropKind, Spot } from "../park/Park.ts"
import type { Camera } from "./Camera.ts"

const regionCm = 1000
/** Trees are tall: what stands this far below the view still reaches into it. */
const marginPx = 480
const lookEveryMs = 160

export type PropTextures = Readonly<Record<PropKind, ReadonlyArray<Texture>>>

export function drawProps(atlas: Atlas): PropTextures {
  const one = ({ reach, draw }: Trees.Drawing) => [atlas.add(reach, draw)]
  const three = (drawing: (variant: number) => Trees.Drawing) => [0, 1, 2].flatMap((variant) => one(drawing(variant)))
  return {
    tree: three(Trees.tree),
    pine: three(Trees.pine),
    blossom: three(Trees.blossom),
    ginkgo: three(Trees.ginkgo),
    elder: one(Trees.elder),
    bush: three(Trees.bush),
    rock: three(Trees.rock),
    reed: three(Trees.reed),
    bench: three(Things.bench),
    lamp: one(Things.lamp),
    bed: three(Things.bed),
    stall: one(Things.stall),
    fountain: one(Things.fountain),
    slide: one(Things.slide),
    swing: one(Things.swing),
    seesaw: one(Things.seesaw),
    campfire: one(Things.campfire),
    log: three(Things.log),
    sign: one(Things.sign)
  }
}

const canopies: ReadonlySet<PropKind> = new Set(["tree", "pine", "blossom", "ginkgo", "elder"])
const swaying: ReadonlySet<PropKind> = new Set(["tree", "pine", "blossom", "ginkgo", "bush", "reed"])

/** Leaves sway so slowly that each needs it only once in so many frames. */
const swayTurns = 4

interface Standing {
  readonly sprite: Sprite
  readonly sways: boolean
  /** How far its leaves hide who walks behind; 0: it has none. */
  readonly reach: number
  readonly rhythm: number
}

export class Scenery {
  private readonly layer: Container
  private readonly textures: PropTextures
  private readonly shown = new Map<Prop, Standing>()
  private turn = 0
  private regions = new Map<string, Array<Prop>>()
  private lookAtMs = 0

  constructor(layer: Container, textures: PropTextures) {
    this.layer = layer
    this.textures = textures
  }

  open(park: Park): void {
    for (const { sprite } of this.shown.values()) sprite.destroy()
    this.shown.clear()
    this.regions = new Map()
    for (const prop of park.props) {
      const key = `${Math.floor(prop.x / regionCm)}/${Math.floor(prop.y / regionCm)}`
      const region = this.regions.get(key)
      if (region === undefined) this.regions.set(key, [prop])
      else region.push(prop)
    }
    this.lookAtMs = 0
  }

  /** `self` is seen through the leaves it walks behind. */
  update(camera: Camera, self: Spot, nowMs: number, isStill: boolean): void {
    if (nowMs >= this.lookAtMs) {
      this.lookAtMs = nowMs + lookEveryMs
      this.look(camera)
    }
    const x = self.x * pxPerCm
    const y = self.y * pxPerCm
    let turn = this.turn++
    for (const { sprite, sways, reach, rhythm } of this.shown.values()) {
      if (sways && !isStill && turn++ % swayTurns === 0) sprite.rotation = Math.sin(nowMs / 1500 + rhythm) * 0.012
      if (reach === 0) continue
      const isBehind = Math.abs(sprite.x - x) < reach && sprite.y > y && sprite.y - y < reach * 2.1
      const left = (isBehind ? 0.38 : 1) - sprite.alpha
      if (left !== 0) sprite.alpha += Math.abs(left) < 0.01 ? left : left * 0.14
    }
  }

  // --- internal ---

  private look(camera: Camera): void {
    const halfWidth = camera.widthPx / 2 / camera.zoom + 140
    const halfHeight = camera.heightPx / 2 / camera.zoom
    const isIn = (x: number, y: number) =>
      Math.abs(x - camera.x) < halfWidth + 160 && y > camera.y - halfHeight - 60 && y < camera.y + halfHeight + marginPx
    for (const [prop, { sprite }] of this.shown) {
      if (isIn(sprite.x, sprite.y)) continue
      sprite.destroy()
      this.shown.delete(prop)
    }
    const regionPx = regionCm * pxPerCm
    const firstRow = Math.floor((camera.y - halfHeight) / regionPx) - 1
    const lastRow = Math.floor((camera.y + halfHeight + marginPx) / regionPx)
    const firstColumn = Math.floor((camera.x - halfWidth) / regionPx) - 1
    const lastColumn = Math.floor((camera.x + halfWidth) / regionPx) + 1
    for (let row = firstRow; row <= lastRow; row++) {
      for (let column = firstColumn; column <= lastColumn; column++) {
        for (const prop of this.regions.get(`${column}/${row}`) ?? []) {
          if (!this.shown.has(prop) && isIn(prop.x * pxPerCm, prop.y * pxPerCm)) this.show(prop)
        }
      }
    }
  }

  private show(prop: Prop): void {
    const textures = this.textures[prop.kind]
    const texture = textures[prop.variant % textures.length]
    if (texture === undefined) return
    const sprite = new Sprite(texture)
    sprite.position.set(prop.x * pxPerCm, prop.y * pxPerCm)
    // What lies flat is walked over; the deck of the old tree is stood upon.
    sprite.zIndex =
      sprite.y - (prop.kind === "bed" ? 8 : 0) + (prop.kind === "elder" ? -20 : 0) - (prop.kind === "fountain" ? 14 : 0)
    if (swaying.has(prop.kind) && Math.floor(prop.x) % 2 === 0) sprite.scale.x = -1
    this.layer.addChild(sprite)
    const reach = canopies.has(prop.kind) ? (prop.kind === "elder" ? 200 : 84) : 0
    this.shown.set(prop, { sprite, sways: swaying.has(prop.kind), reach, rhythm: prop.x })
  }
}
