/**
 * The pieces of ground around the view: painted when they come near, a few at most a moment, and forgotten when they are
 * far. Owns these sprites and their canvases.
 */
import { CanvasSource, Container, Sprite, Texture } from "pixi.js"
import { penOf } from "../art/Atlas.ts"
import { pxPerCm } from "../art/Brush.ts"
import { paintPiece, pieceCm } from "../art/GroundArt.ts"
import type { Park } from "../park/Park.ts"
import type { Camera } from "./Camera.ts"

const piecesMax = 60
const piecePx = pieceCm * pxPerCm

interface Piece {
  readonly sprite: Sprite
  seenAt: number
}

export class Meadow {
  readonly root = new Container()
  private readonly density: number
  private readonly pieces = new Map<string, Piece>()
  private park: Park | undefined
  private turn = 0

  constructor(density: number) {
    this.density = density
  }

  /** Another playground: all of it is painted anew. */
  open(park: Park): void {
    this.park = park
    for (const key of [...this.pieces.keys()]) this.forget(key)
  }

  /** Paints what is in sight and missing: all of it when the screen would be empty, else one piece a frame. */
  update(camera: Camera): void {
    if (this.park === undefined) return
    this.turn++
    let painted = 0
    const paintedMax = this.pieces.size === 0 ? piecesMax : 1
    const halfWidth = camera.widthPx / 2 / camera.zoom + 60
    const halfHeight = camera.heightPx / 2 / camera.zoom + 60
    for (let row = Math.floor((camera.y - halfHeight) / piecePx); row * piecePx < camera.y + halfHeight; row++) {
      for (
        let column = Math.floor((camera.x - halfWidth) / piecePx);
        column * piecePx < camera.x + halfWidth;
        column++
      ) {
        const key = `${column}/${row}`
        const known = this.pieces.get(key)
        if (known !== undefined) known.seenAt = this.turn
        else if (painted < paintedMax) {
          painted++
          this.paint(this.park, key, column, row)
        }
      }
    }
    if (this.pieces.size > piecesMax) this.forgetOldest()
  }

  // --- internal ---

  private paint(park: Park, key: string, column: number, row: number): void {
    const canvas = document.createElement("canvas")
    canvas.width = canvas.height = Math.ceil(piecePx * this.density)
    const pen = penOf(canvas)
    pen.scale(canvas.width / piecePx, canvas.height / piecePx)
    paintPiece(pen, park, column * pieceCm, row * pieceCm)
    const source = new CanvasSource({ resource: canvas, resolution: canvas.width / piecePx })
    const sprite = new Sprite(new Texture({ source }))
    sprite.position.set(column * piecePx, row * piecePx)
    // A hair larger than its place, so that no seam shows between two pieces.
    sprite.width = sprite.height = piecePx + 0.6
    this.root.addChild(sprite)
    this.pieces.set(key, { sprite, seenAt: this.turn })
  }

  private forgetOldest(): void {
    let oldest: string | undefined
    let seenAt = this.turn
    for (const [key, piece] of this.pieces) {
      if (piece.seenAt >= seenAt) continue
      seenAt = piece.seenAt
      oldest = key
    }
    if (oldest !== undefined) this.forget(oldest)
  }

  private forget(key: string): void {
    this.pieces.get(key)?.sprite.destroy({ texture: true, textureSource: true })
    this.pieces.delete(key)
  }
}
