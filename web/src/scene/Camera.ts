/** Where the screen looks: follows somebody softly, zooms softly. Owns the view's middle and scale; knows no graphics. */
import { pxPerCm } from "../art/Brush.ts"

const zoomMin = 0.45
const zoomMax = 2.4

export class Camera {
  /** The middle of the view, in pixels of the world. */
  x = 0
  y = 0
  zoom = 1
  widthPx = 1
  heightPx = 1
  /** How far above the middle of the screen one stands, in pixels, where something covers the rest. */
  liftPx = 0
  /** Follows and zooms at once, without a glide. */
  isSudden = false
  private wantedZoom = 1

  /** A screen of a phone is small: it looks from a little farther away, a large one from nearer. */
  resize(widthPx: number, heightPx: number): void {
    const isFirst = this.widthPx === 1
    this.widthPx = widthPx
    this.heightPx = heightPx
    if (!isFirst) return
    this.wantedZoom = Math.min(Math.max(Math.sqrt((widthPx * heightPx) / (1280 * 800)) * 0.92, 0.82), 1.5)
    this.zoom = this.wantedZoom
  }

  jumpTo(xCm: number, yCm: number): void {
    this.x = xCm * pxPerCm
    this.y = yCm * pxPerCm + this.liftPx / this.zoom
  }

  zoomBy(factor: number): void {
    this.wantedZoom = Math.min(Math.max(this.wantedZoom * factor, zoomMin), zoomMax)
  }

  follow(xCm: number, yCm: number, elapsedMs: number): void {
    const part = this.isSudden ? 1 : 1 - Math.exp(-elapsedMs / 140)
    this.x += (xCm * pxPerCm - this.x) * part
    this.y += (yCm * pxPerCm - 22 + this.liftPx / this.zoom - this.y) * part
    this.zoom += (this.wantedZoom - this.zoom) * (this.isSudden ? 1 : 1 - Math.exp(-elapsedMs / 110))
  }

  /** Whether a place is on the screen, or so near to it that something standing there may reach into it. */
  sees(worldX: number, worldY: number, marginPx: number): boolean {
    return (
      Math.abs(worldX - this.x) < this.widthPx / 2 / this.zoom + marginPx &&
      Math.abs(worldY - this.y) < this.heightPx / 2 / this.zoom + marginPx
    )
  }

  screenX(worldPx: number): number {
    return (worldPx - this.x) * this.zoom + this.widthPx / 2
  }

  screenY(worldPx: number): number {
    return (worldPx - this.y) * this.zoom + this.heightPx / 2
  }

  /** The place under a point of the screen, in centimetres. */
  spotAt(screenX: number, screenY: number): { readonly xCm: number; readonly yCm: number } {
    return {
      xCm: ((screenX - this.widthPx / 2) / this.zoom + this.x) / pxPerCm,
      yCm: ((screenY - this.heightPx / 2) / this.zoom + this.y) / pxPerCm
    }
  }
}
