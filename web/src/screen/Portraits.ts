/** Small pictures of avatars and emotes for buttons and cards, drawn on canvases of their own. Owns nothing. */
import { penOf } from "../art/Atlas.ts"
import { fillOval, shade } from "../art/Brush.ts"
import { drawEmote, type Emote } from "../art/EmoteArt.ts"
import { headOf } from "../art/HeadArt.ts"
import type { Kind } from "../art/Kinds.ts"

export class Portraits {
  /** A head on a round ground of the coat's colour. */
  of(kind: Kind, coat: number, size: number): HTMLCanvasElement {
    const colour = `#${coat.toString(16).padStart(6, "0")}`
    return picture(size, 64, (pen) => {
      fillOval(pen, shade(colour, 0.62), 0, 0, 31, 31)
      fillOval(pen, colour, 0, 36, 22, 16)
      pen.beginPath()
      pen.arc(0, 0, 31, 0, Math.PI * 2)
      pen.clip()
      fillOval(pen, colour, 0, 34, 20, 15)
      pen.translate(0, 24)
      headOf(pen, kind, "front", false)
    })
  }

  emote(emote: Emote, size: number): HTMLCanvasElement {
    return picture(size, 32, (pen) => drawEmote(pen, emote))
  }
}

// --- internal ---

function picture(size: number, units: number, draw: (pen: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = document.createElement("canvas")
  canvas.className = "portrait"
  canvas.setAttribute("aria-hidden", "true")
  canvas.width = canvas.height = size * 2
  canvas.style.width = canvas.style.height = `${size}px`
  const pen = penOf(canvas)
  pen.scale((size * 2) / units, (size * 2) / units)
  pen.translate(units / 2, units / 2)
  draw(pen)
  return canvas
}
