/**
 * Light and small life: lamps, strings of bulbs, lanterns and the fire at night, fireflies then, petals and butterflies by
 * day, glints on the water. Owns these sprites; the hour comes from outside.
 */
import { Container, Sprite, type Texture } from "pixi.js"
import type { Atlas } from "../art/Atlas.ts"
import { fillOval, pxPerCm, softShape } from "../art/Brush.ts"
import { chances } from "../park/Chance.ts"
import type { Park, Spot } from "../park/Park.ts"
import type { Camera } from "./Camera.ts"

export interface GlowTextures {
  readonly halo: Texture
  readonly mote: Texture
  readonly petal: Texture
  readonly flame: Texture
  readonly glint: Texture
  readonly bulb: Texture
  /** A straight piece of wire, `wirePx` long. */
  readonly wire: Texture
}

export function drawGlow(atlas: Atlas): GlowTextures {
  return {
    halo: atlas.add({ left: -64, top: -64, right: 64, bottom: 64 }, (pen) => {
      const fading = pen.createRadialGradient(0, 0, 0, 0, 0, 64)
      fading.addColorStop(0, "rgb(255 255 255 / 0.9)")
      fading.addColorStop(0.25, "rgb(255 255 255 / 0.42)")
      fading.addColorStop(0.6, "rgb(255 255 255 / 0.12)")
      fading.addColorStop(1, "rgb(255 255 255 / 0)")
      pen.fillStyle = fading
      pen.fillRect(-64, -64, 128, 128)
    }),
    mote: atlas.add({ left: -6, top: -6, right: 6, bottom: 6 }, (pen) => {
      fillOval(pen, "#ffffff44", 0, 0, 5, 5)
      fillOval(pen, "#ffffff", 0, 0, 2.2, 2.2)
    }),
    petal: atlas.add({ left: -6, top: -5, right: 6, bottom: 5 }, (pen) => {
      fillOval(pen, "#ffc4d2", 0, 0, 5, 3, 0.4)
      fillOval(pen, "#ffe3ea", -1, -0.6, 2.4, 1.3, 0.4)
    }),
    flame: atlas.add({ left: -20, top: -52, right: 20, bottom: 6 }, (pen) => {
      flame(pen, "#f2743b", 1)
      flame(pen, "#fba741", 0.72)
      flame(pen, "#ffe08a", 0.42)
    }),
    glint: atlas.add({ left: -9, top: -3, right: 9, bottom: 3 }, (pen) => fillOval(pen, "#ffffff", 0, 0, 8, 1.7)),
    bulb: atlas.add({ left: -5, top: -4, right: 5, bottom: 9 }, (pen) => {
      fillOval(pen, "#ffffff", 0, 3, 3.6, 4.4)
      fillOval(pen, "#ffffff", 0, 3, 4.4, 5)
    }),
    wire: atlas.add({ left: 0, top: -2, right: wirePx, bottom: 2 }, (pen) => {
      pen.fillStyle = "#5a5048cc"
      pen.fillRect(0, -0.8, wirePx, 1.6)
    })
  }
}

const bulbColours = [0xffd36b, 0xff9d8a, 0x8fd6c4, 0xf7b3d0, 0xfff0b8]
const wirePx = 32
/** So many straight pieces look like one that sags. */
const wirePieces = 14
const motesMax = 26
const glintsMax = 14

export class Glow {
  /** Laid over the night: what shines. */
  readonly lights = new Container({ isRenderGroup: true })
  /** Among what stands: garlands above heads. */
  readonly above = new Container({ isRenderGroup: true })
  private readonly textures: GlowTextures
  private readonly motes: Array<{ readonly sprite: Sprite; seed: number }> = []
  private readonly glints: Array<Sprite> = []
  private readonly halos: Array<{ readonly sprite: Sprite; readonly strength: number; readonly flicker: number }> = []
  private readonly flames: Array<Sprite> = []
  private park: Park | undefined

  constructor(textures: GlowTextures) {
    this.textures = textures
  }

  open(park: Park): void {
    this.park = park
    for (const layer of [this.lights, this.above]) for (const child of layer.removeChildren()) child.destroy()
    this.halos.length = this.motes.length = this.glints.length = this.flames.length = 0
    this.halo(park.plaza, 0, 0xffc27d, 6.5, 0.3)
    for (const prop of park.props) {
      if (prop.kind === "lamp") this.halo(prop, -130, 0xffd98f, 1.7, 0.75)
      else if (prop.kind === "campfire") this.fire(prop)
      else if (prop.kind === "stall") this.halo(prop, -90, 0xffc07a, 2, 0.6)
      else if (prop.kind === "elder")
        for (const dx of [-96, 88, 10]) this.halo({ x: prop.x + dx / pxPerCm, y: prop.y }, -144, 0xff9a76, 1, 0.7)
    }
    for (const [from, to] of park.garlands) this.garland(from, to)
    for (let index = 0; index < glintsMax; index++) this.glint(index)
    for (let index = 0; index < motesMax; index++) this.mote(index)
  }

  update(camera: Camera, lamps: number, nowMs: number, isStill: boolean): void {
    const strength = Math.max(0, lamps)
    for (const { sprite, strength: full, flicker } of this.halos) {
      const tremble =
        isStill || flicker === 0 ? 1 : 1 + Math.sin(nowMs / 90 + flicker) * 0.07 + Math.sin(nowMs / 37) * 0.03
      sprite.alpha = full * strength * tremble
      sprite.visible = strength > 0.02
    }
    this.flames.forEach((flameSprite, index) => {
      if (isStill) return
      flameSprite.scale.set(1 + Math.sin(nowMs / 110 + index) * 0.08, 1 + Math.sin(nowMs / 83 + index * 2) * 0.12)
    })
    this.glints.forEach((sprite, index) => {
      sprite.alpha = isStill ? 0.3 : Math.max(0, Math.sin(nowMs / 900 + index * 1.7)) * 0.75 * (1 - strength * 0.5)
    })
    this.drift(camera, strength, nowMs, isStill)
  }

  // --- internal ---

  private halo(spot: Spot, abovePx: number, colour: number, size: number, strength: number, flicker = 0): void {
    const sprite = new Sprite(this.textures.halo)
    sprite.position.set(spot.x * pxPerCm, spot.y * pxPerCm + abovePx)
    sprite.tint = colour
    sprite.scale.set(size)
    sprite.blendMode = "add"
    this.lights.addChild(sprite)
    this.halos.push({ sprite, strength, flicker })
    if (abovePx > -100) return
    const pool = new Sprite(this.textures.halo)
    pool.position.set(spot.x * pxPerCm, spot.y * pxPerCm)
    pool.tint = colour
    pool.scale.set(size * 2.1, size * 1.1)
    pool.blendMode = "add"
    this.lights.addChild(pool)
    this.halos.push({ sprite: pool, strength: strength * 0.62, flicker })
  }

  private fire(spot: Spot): void {
    const sprite = new Sprite(this.textures.flame)
    sprite.position.set(spot.x * pxPerCm, spot.y * pxPerCm - 4)
    this.lights.addChild(sprite)
    this.flames.push(sprite)
    this.halo(spot, -20, 0xff9c4a, 3.4, 0.85, 3)
  }

  /** A sagging string of coloured bulbs from one lamp to the next. */
  private garland(from: Spot, to: Spot): void {
    const [x0, y0, x1, y1] = [from.x, from.y, to.x, to.y].map((cm) => cm * pxPerCm)
    if (x0 === undefined || y0 === undefined || x1 === undefined || y1 === undefined) return
    const high = -112
    const length = Math.hypot(x1 - x0, y1 - y0)
    const sag = Math.min(length * 0.12, 46)
    const at = (part: number) => ({
      x: x0 + (x1 - x0) * part,
      y: y0 + (y1 - y0) * part + high + Math.sin(part * Math.PI) * sag
    })
    for (let piece = 0; piece < wirePieces; piece++) this.wire(at(piece / wirePieces), at((piece + 1) / wirePieces))
    const count = Math.max(3, Math.round(length / 46))
    for (let index = 1; index < count; index++) {
      const spot = at(index / count)
      const colour = bulbColours[index % bulbColours.length] ?? 0xffffff
      const bulb = new Sprite(this.textures.bulb)
      bulb.position.set(spot.x, spot.y)
      bulb.tint = colour
      this.above.addChild(bulb)
      this.halo({ x: spot.x / pxPerCm, y: spot.y / pxPerCm }, 4, colour, 0.42, 0.9)
    }
  }

  /** From one point to the next, in pixels of the world. */
  private wire(from: Spot, to: Spot): void {
    const sprite = new Sprite(this.textures.wire)
    const [dx, dy] = [to.x - from.x, to.y - from.y]
    sprite.position.set(from.x, from.y)
    sprite.rotation = Math.atan2(dy, dx)
    sprite.scale.x = Math.hypot(dx, dy) / wirePx
    this.above.addChild(sprite)
  }

  private glint(index: number): void {
    const pond = this.park?.ponds[0]
    if (pond === undefined) return
    const next = chances(index + 1000)
    const angle = next() * Math.PI * 2
    const far = 0.2 + next() * 0.6
    const sprite = new Sprite(this.textures.glint)
    const x = pond.x + Math.cos(angle) * pond.across * far
    const y = pond.y + Math.sin(angle) * pond.down * far
    sprite.position.set(x * pxPerCm, y * pxPerCm)
    this.lights.addChild(sprite)
    this.glints.push(sprite)
  }

  private mote(index: number): void {
    const sprite = new Sprite(this.textures.petal)
    this.lights.addChild(sprite)
    this.motes.push({ sprite, seed: index * 137.5 })
  }

  /** Petals fall by day; at night the same few are fireflies. They wrap about the view, so that there are always some. */
  private drift(camera: Camera, lamps: number, nowMs: number, isStill: boolean): void {
    const isNight = lamps > 0.55
    const width = camera.widthPx / camera.zoom + 80
    const height = camera.heightPx / camera.zoom + 80
    const left = camera.x - width / 2
    const top = camera.y - height / 2
    this.motes.forEach(({ sprite, seed }, index) => {
      sprite.visible = !isStill && (isNight || index < motesMax / 2)
      if (!sprite.visible) return
      const speed = isNight ? 0.005 : 0.016
      const across = seed * 7.3 + nowMs * speed * 0.6 + Math.sin(nowMs / 1300 + seed) * 26
      const down = seed * 3.1 + nowMs * speed + Math.sin(nowMs / 900 + seed) * 12
      sprite.x = left + wrap(across - left, width)
      sprite.y = top + wrap(down - top, height)
      sprite.texture = isNight ? this.textures.mote : this.textures.petal
      sprite.tint = isNight ? 0xf4ff9a : 0xffffff
      sprite.alpha = isNight ? 0.25 + 0.75 * Math.max(0, Math.sin(nowMs / 700 + seed)) : 0.85
      sprite.rotation = isNight ? 0 : nowMs / 900 + seed
    })
  }
}

const wrap = (value: number, size: number): number => ((value % size) + size) % size

function flame(pen: CanvasRenderingContext2D, colour: string, size: number): void {
  softShape(
    pen,
    [
      [0, -50],
      [9, -30],
      [17, -12],
      [10, 4],
      [-10, 4],
      [-17, -12],
      [-7, -28]
    ].map(([x = 0, y = 0]) => [x * size, y * size] as const)
  )
  pen.fillStyle = colour
  pen.fill()
}
