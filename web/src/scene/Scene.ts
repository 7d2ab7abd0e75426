/**
 * The plaza on the screen: ground, scenery, everybody, light and what is written above heads, drawn each frame. Owns the
 * graphics and the camera; who is there comes from the crowd, and steps are taken elsewhere.
 */
import "pixi.js/unsafe-eval"
import { Container, Sprite, Texture, Ticker, WebGLRenderer } from "pixi.js"
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
import { SignSheet } from "./SignSheet.ts"
import { SignPainter } from "./Signs.ts"
import { Throng } from "./Throng.ts"

/** Pixels of the pictures for each of the world: finer than the screen, because one may look from nearer. */
const fine = { ground: 1.25, art: Math.min(window.devicePixelRatio * 1.5, 2) }
/** Where the processor draws, coarsely. */
const coarse = { ground: 1, art: 1 }
/** A batch chooses among its textures for every pixel, which is what a weak phone takes longest for. */
const texturesAtOnce = 3
/** The light changes slower than anybody sees. */
const lightEveryMs = 5000

export class Scene {
  readonly camera = new Camera()
  readonly cast: Cast
  readonly sharpness: Sharpness
  private readonly painter: SignPainter
  private readonly renderer: WebGLRenderer
  private readonly stage = new Container()
  private readonly world = new Container()
  private readonly standing = new Container({ isRenderGroup: true, sortableChildren: true })
  private readonly overlay = new Container()
  private readonly dusk = new Sprite(Texture.WHITE)
  private readonly meadow: Meadow
  private readonly scenery: Scenery
  private readonly glow: Glow
  private readonly throng: Throng
  private readonly crowd: Crowd
  private park: Park | undefined
  private cellCm = 1000
  private isStill = false
  private light = lightAt(12)
  private lightUntilMs = 0

  private constructor(renderer: WebGLRenderer, crowd: Crowd, isSharp: boolean) {
    this.renderer = renderer
    this.crowd = crowd
    const isCoarse = isByProcessor(renderer) && !isSharp
    this.sharpness = new Sharpness(window.devicePixelRatio, isCoarse)
    const { ground, art } = isCoarse ? coarse : fine
    this.meadow = new Meadow(ground)
    const atlas = new Atlas(art)
    const parts = drawParts(atlas)
    const density = Math.min(window.devicePixelRatio, 2)
    this.painter = new SignPainter(density, new SignSheet(renderer, density))
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

  static async open(canvas: HTMLCanvasElement, crowd: Crowd, isSharp: boolean): Promise<Scene> {
    const renderer = new WebGLRenderer()
    // Its housekeeping goes with our frames, not on a loop of its own.
    Ticker.system.autoStart = false
    await renderer.init({
      // What it would fetch besides (text, filters, pointers, accessibility) is not drawn with here.
      skipExtensionImports: true,
      canvas,
      antialias: false,
      background: "#8fbf6b",
      resolution: Math.min(window.devicePixelRatio, 2),
      autoDensity: false,
      width: canvas.clientWidth,
      height: canvas.clientHeight
    })
    renderer.limits.maxBatchableTextures = texturesAtOnce
    const scene = new Scene(renderer, crowd, isSharp)
    canvas.addEventListener("webglcontextrestored", () => scene.cast.rewrite())
    return scene
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

  draw(self: Walker, nowMs: number, elapsedMs: number): void {
    const { camera, park } = this
    if (park === undefined) return
    camera.follow(self.xCm, self.yCm, elapsedMs)
    for (const layer of [this.world, this.overlay]) {
      layer.scale.set(camera.zoom)
      layer.position.set(camera.widthPx / 2 - camera.x * camera.zoom, camera.heightPx / 2 - camera.y * camera.zoom)
    }
    if (nowMs >= this.lightUntilMs) this.lighten(nowMs)
    this.meadow.update(camera)
    this.scenery.update(camera, { x: self.xCm, y: self.yCm }, nowMs, this.isStill)
    this.glow.update(camera, this.light.lamps, nowMs, this.isStill)
    this.throng.update(this.crowd, camera, this.cellCm, park.widthCm)
    this.cast.update(this.crowd, camera, park, nowMs, elapsedMs)
    Ticker.system.update(nowMs)
    this.renderer.render(this.stage)
  }

  private lighten(nowMs: number): void {
    this.lightUntilMs = nowMs + lightEveryMs
    this.light = lightAt(hourOf(new Date()))
    this.dusk.tint = this.light.colour
    this.dusk.visible = this.light.colour !== 0xffffff
  }

  /** Where above a member's head a sheet may point, in pixels of the screen. */
  headOf(walker: Walker): { readonly x: number; readonly y: number } {
    return { x: this.camera.screenX(walker.xCm * pxPerCm), y: this.camera.screenY(walker.yCm * pxPerCm) }
  }
}

// --- internal ---

/** There is no graphics card, or none that the browser trusts. */
function isByProcessor({ gl }: WebGLRenderer): boolean {
  const names = gl.getExtension("WEBGL_debug_renderer_info")
  const name = String(gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER))
  return /SwiftShader|llvmpipe|softpipe|Software|Basic Render/i.test(name)
}
