/**
 * Pictures drawn in code, packed on few canvases, so that hundreds of sprites are drawn in one go. Owns the pages and
 * where each picture stands on them; what is drawn is told by who adds it.
 */
import { CanvasSource, Rectangle, Texture } from "pixi.js"

/** How far a picture reaches from its foot, which is drawn at 0, 0. */
export interface Reach {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export type Pen = CanvasRenderingContext2D

const pageSize = 2048
const gap = 2

export class Atlas {
  /** Pixels of the canvas for each of the world. */
  private readonly density: number
  private readonly pages: Array<Page> = []

  constructor(density: number) {
    this.density = density
  }

  add(reach: Reach, draw: (pen: Pen) => void): Texture {
    const width = Math.ceil((reach.right - reach.left) * this.density) + gap
    const height = Math.ceil((reach.bottom - reach.top) * this.density) + gap
    const { page, x, y } = this.place(width, height)
    const { pen } = page
    pen.save()
    pen.translate(x, y)
    pen.scale(this.density, this.density)
    pen.beginPath()
    pen.rect(0, 0, (width - gap) / this.density, (height - gap) / this.density)
    pen.clip()
    pen.translate(-reach.left, -reach.top)
    draw(pen)
    pen.restore()
    const frame = new Rectangle(
      x / this.density,
      y / this.density,
      (width - gap) / this.density,
      (height - gap) / this.density
    )
    const anchor = { x: -reach.left / frame.width, y: -reach.top / frame.height }
    return new Texture({ source: page.source, frame, defaultAnchor: anchor })
  }

  /** What was drawn since is handed to the graphics card. */
  finish(): void {
    for (const { source } of this.pages) source.update()
  }

  // --- internal ---

  private place(width: number, height: number): { readonly page: Page; readonly x: number; readonly y: number } {
    for (const page of this.pages) {
      const spot = page.place(width, height)
      if (spot !== undefined) return { page, ...spot }
    }
    const page = new Page(this.density)
    this.pages.push(page)
    const spot = page.place(width, height)
    if (spot === undefined) throw new Error(`a picture of ${width} × ${height} is larger than a page`)
    return { page, ...spot }
  }
}

/** The pen of a new canvas. */
export function penOf(canvas: HTMLCanvasElement): Pen {
  const pen = canvas.getContext("2d")
  if (pen === null) throw new Error("this browser draws nothing on a canvas")
  return pen
}

/** Shelves: a picture stands to the right of the one before, or on a new shelf below. */
class Page {
  readonly pen: Pen
  readonly source: CanvasSource
  private shelfY = 0
  private shelfHeight = 0
  private nextX = 0

  constructor(density: number) {
    const canvas = document.createElement("canvas")
    canvas.width = pageSize
    canvas.height = pageSize
    this.pen = penOf(canvas)
    this.source = new CanvasSource({ resource: canvas, resolution: density, autoGenerateMipmaps: true })
  }

  place(width: number, height: number): { readonly x: number; readonly y: number } | undefined {
    if (this.nextX + width > pageSize) {
      this.shelfY += this.shelfHeight
      this.shelfHeight = 0
      this.nextX = 0
    }
    if (width > pageSize || this.shelfY + height > pageSize) return undefined
    const spot = { x: this.nextX, y: this.shelfY }
    this.nextX += width
    this.shelfHeight = Math.max(this.shelfHeight, height)
    return spot
  }
}
