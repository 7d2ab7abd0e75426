/**
 * The plaza on the screen: ground, scenery, everybody, light and what is written above heads, drawn each frame. Owns the
 * graphics and the camera; who is there comes from the crowd, and steps are taken elsewhere.
 */
import "pixi.js/unsafe-eval"
import { Container, Sprite, Texture, WebGLRenderer } from "pixi.js"
import { Atlas } from "../art/Atlas.ts"
import { drawParts } from "../art/AvatarArt.ts"
import { pxPerCm } from "../art/Brush.ts"
import type { Crowd } from "../crowd/Crowd.ts"
import type { Walker } from "../crowd/Walker.ts"
import type { Park } from "../park/Park.ts"
import { Camera } from "./Camera.ts"
import { Cast } from "./Cast.ts"
import { hourOf, lightAt } from "./Daylight.ts"
import { drawGlow, Glow } from "./Glow.ts"
import { Meadow } from "./Meadow.ts"
import { drawProps, Scenery } from "./Scenery.ts"
import { Sharpness } from "./Sharpness.ts"
import { SignPainter } from "./Signs.ts"
import { Throng } from "./Throng.ts"

const groundDensity = 1.25
const artDensity = 2
/** A batch chooses among its textures for every pixel, which is what a weak phone takes longest for. */
const texturesAtOnce = 3

export class Scene {
  readonly camera = new Camera()
  readonly cast: Cast
  readonly sharpness = new Sharpness(window.devicePixelRatio)
  private readonly painter: SignPainter
  private readonly renderer: WebGLRenderer
  private readonly stage = new Container()
  private readonly world = new Container()
  private readonly standing = new Container({ sortableChildren: true })
  private readonly overlay = new Container()
  private readonly dusk = new Sprite(Texture.WHITE)
  private readonly meadow = new Meadow(groundDensity)
  private readonly scenery: Scenery
  private readonly glow: Glow
  private readonly throng: Throng
  private readonly crowd: Crowd
  private park: Park | undefined
  private cellCm = 1000
  private isStill = false

  private constructor(renderer: WebGLRenderer, crowd: Crowd) {
    this.renderer = renderer
    this.crowd = crowd
    const density = Math.min(window.devicePixelRatio, 2)
    const atlas = new Atlas(artDensity)
    const parts = drawParts(atlas)
    this.painter = new SignPainter(density)
    this.scenery = new Scenery(this.standing, drawProps(atlas))
    this.glow = new Glow(drawGlow(atlas))
    atlas.finish()
    this.cast = new Cast(this.standing, parts, this.painter)
    this.throng = new Throng(this.standing, parts, this.painter)
    this.dusk.blendMode = "multiply"
    this.world.addChild(this.meadow.root, this.standing, this.glow.above)
    this.overlay.addChild(this.glow.lights)
    this.stage.addChild(this.world, this.dusk, this.overlay, this.throng.signs, this.cast.signs)
  }

  static async open(canvas: HTMLCanvasElement, crowd: Crowd): Promise<Scene> {
    const renderer = new WebGLRenderer()
    await renderer.init({
      canvas,
      antialias: false,
      background: "#8fbf6b",
      resolution: Math.min(window.devicePixelRatio, 2),
      autoDensity: false,
      width: canvas.clientWidth,
      height: canvas.clientHeight
    })
    renderer.limits.maxBatchableTextures = texturesAtOnce
    return new Scene(renderer, crowd)
  }

  enter(park: Park, cellCm: number): void {
    this.cellCm = cellCm
    if (park === this.park) return
    this.park = park
    this.meadow.open(park)
    this.scenery.open(park)
    this.glow.open(park)
  }

  /** Nothing sways or drifts for those who asked for less motion. */
  calm(isStill: boolean): void {
    this.isStill = isStill
    this.camera.isSudden = isStill
  }

  drawSharply(isAlways: boolean): void {
    this.sharpness.fix(isAlways)
    this.resize(this.camera.widthPx, this.camera.heightPx)
  }

  setTextSize(size: number): void {
    this.painter.textSize = size
    this.cast.rewrite()
  }

  resize(widthPx: number, heightPx: number): void {
    if (widthPx < 2 || heightPx < 2) return
    this.renderer.resize(widthPx, heightPx, this.sharpness.value)
    this.camera.resize(widthPx, heightPx)
    this.dusk.width = widthPx
    this.dusk.height = heightPx
  }

  /** Takes how long after the one before a frame comes. */
  pace(frameMs: number): void {
    if (this.sharpness.watch(frameMs)) this.resize(this.camera.widthPx, this.camera.heightPx)
  }

  draw(self: Walker, nowMs: number, elapsedMs: number, now: Date): void {
    const { camera, park } = this
    if (park === undefined) return
    camera.follow(self.xCm, self.yCm, elapsedMs)
    for (const layer of [this.world, this.overlay]) {
      layer.scale.set(camera.zoom)
      layer.position.set(camera.widthPx / 2 - camera.x * camera.zoom, camera.heightPx / 2 - camera.y * camera.zoom)
    }
    const light = lightAt(hourOf(now))
    this.dusk.tint = light.colour
    this.dusk.visible = light.colour !== 0xffffff
    this.meadow.update(camera)
    this.scenery.update(camera, { x: self.xCm, y: self.yCm }, nowMs, this.isStill)
    this.glow.update(camera, light.lamps, nowMs, this.isStill)
    this.throng.update(this.crowd, camera, this.cellCm, park.widthCm)
    this.cast.update(this.crowd, camera, park, nowMs, elapsedMs)
    this.renderer.render(this.stage)
  }

  /** Where above a member's head a sheet may point, in pixels of the screen. */
  headOf(walker: Walker): { readonly x: number; readonly y: number } {
    return { x: this.camera.screenX(walker.xCm * pxPerCm), y: this.camera.screenY(walker.yCm * pxPerCm) }
  }
}
