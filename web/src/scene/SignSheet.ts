/**
 * One picture with room for many signs, so that all names and bubbles of a crowd are drawn in one go instead of each by
 * itself. Owns the picture and which part of it is whose; what is on a sign is its painter's.
 */
import { Rectangle, Texture, TextureSource, type WebGLRenderer } from "pixi.js"

/** The side in pixels of the screen: room for the names of a crowd and for what many of it say. */
const sidePx = 1024
/** Parts are of few sizes, so that one that is free fits another sign. */
const stepWidth = 32
const stepHeight = 16
/** Left empty round a sign, so that its neighbour does not shine in. */
export const rimPx = 1

interface Part {
  readonly x: number
  readonly y: number
  /** All parts of a size are under one number. */
  readonly size: number
}

interface Shelf {
  readonly y: number
  readonly height: number
  nextX: number
}

export class SignSheet {
  private readonly renderer: WebGLRenderer
  private readonly source: TextureSource
  private readonly parts = new Map<Texture, Part>()
  private readonly free = new Map<number, Array<Part>>()
  private readonly shelves: Array<Shelf> = []

  constructor(renderer: WebGLRenderer, density: number) {
    this.renderer = renderer
    const side = { width: sidePx, height: sidePx, resolution: density }
    // What is on it is nowhere else to be had again: it is not given back when nobody looked at it for a while.
    this.source = new TextureSource({ ...side, autoGarbageCollect: false })
  }

  /** Keeps what was drawn on a canvas, without its rim. Undefined: there is no room left for its size. */
  put(canvas: HTMLCanvasElement, anchor: { readonly x: number; readonly y: number }): Texture | undefined {
    const part = this.partFor(canvas.width, canvas.height)
    if (part === undefined) return undefined
    this.upload(canvas, part)
    const { resolution } = this.source
    const frame = new Rectangle(
      (part.x + rimPx) / resolution,
      (part.y + rimPx) / resolution,
      (canvas.width - 2 * rimPx) / resolution,
      (canvas.height - 2 * rimPx) / resolution
    )
    const texture = new Texture({ source: this.source, frame, defaultAnchor: anchor })
    this.parts.set(texture, part)
    return texture
  }

  /** Says whether the sign was on this sheet; its place is free then. */
  takeBack(texture: Texture): boolean {
    const part = this.parts.get(texture)
    if (part === undefined) return false
    this.parts.delete(texture)
    const free = this.free.get(part.size)
    if (free === undefined) this.free.set(part.size, [part])
    else free.push(part)
    texture.destroy()
    return true
  }

  // --- internal ---

  private partFor(wantedWidth: number, wantedHeight: number): Part | undefined {
    const width = Math.ceil(wantedWidth / stepWidth) * stepWidth
    const height = Math.ceil(wantedHeight / stepHeight) * stepHeight
    const size = width * this.source.pixelWidth + height
    const known = this.free.get(size)?.pop()
    if (known !== undefined) return known
    const shelf = this.shelfFor(width, height)
    if (shelf === undefined) return undefined
    const part = { x: shelf.nextX, y: shelf.y, size }
    shelf.nextX += width
    return part
  }

  private shelfFor(width: number, height: number): Shelf | undefined {
    const known = this.shelves.find((shelf) => shelf.height === height && shelf.nextX + width <= this.source.pixelWidth)
    if (known !== undefined) return known
    const last = this.shelves.at(-1)
    const y = last === undefined ? 0 : last.y + last.height
    if (y + height > this.source.pixelHeight || width > this.source.pixelWidth) return undefined
    const shelf = { y, height, nextX: 0 }
    this.shelves.push(shelf)
    return shelf
  }

  /** Only this part goes to the graphics card. */
  private upload(canvas: HTMLCanvasElement, { x, y }: Part): void {
    const { gl, texture } = this.renderer
    // Bound anew in any case, so that it is the one that is written to.
    texture.unbind(this.source)
    texture.bind(this.source, 0)
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true)
    gl.texSubImage2D(gl.TEXTURE_2D, 0, x, y, gl.RGBA, gl.UNSIGNED_BYTE, canvas)
  }
}
