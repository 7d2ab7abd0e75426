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
/** Pieces begin a little beyond the edge; no playground is so wide. */
const keyOffset = 64
const keyColumns = 65_536

interface Piece {
  readonly sprite: Sprite
  seenAt: number
}

export class Meadow {
  readonly root = new Container({ isRenderGroup: true })
  private readonly density: number
  private readonly pieces = new Map<number, Piece>()
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
        const key = (row + keyOffset) * keyColumns + column + keyOffset
        const known = this.pieces.get(key)
        if (known !== undefined) {
          known.seenAt = this.turn
          known.sprite.visible = true
        } else if (painted < paintedMax) {
          painted++
          this.paint(this.park, key, column, row)
        }
      }
    }
    for (const { sprite, seenAt } of this.pieces.values()) if (seenAt < this.turn) sprite.visible = false
    if (this.pieces.size > piecesMax) this.forgetOldest()
  }

  // --- internal ---

  private paint(park: Park, key: number, column: number, row: number): void {
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
    let oldest: number | undefined
    let seenAt = this.turn
    for (const [key, piece] of this.pieces) {
      if (piece.seenAt >= seenAt) continue
      seenAt = piece.seenAt
      oldest = key
    }
    if (oldest !== undefined) this.forget(oldest)
  }

  private forget(key: number): void {
    this.pieces.get(key)?.sprite.destroy({ texture: true, textureSource: true })
    this.pieces.delete(key)
  }
}
