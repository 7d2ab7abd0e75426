/**
 * What is written above heads: nameplates, speech bubbles, typing dots and emotes. Owns their pictures, which of them may
 * be read in a crowd, and how long a bubble stays. They are drawn in pixels of the screen, so that letters stay sharp.
 */
import { CanvasSource, type Container, Sprite, Texture } from "pixi.js"
import { type Pen, penOf } from "../art/Atlas.ts"
import { fillOval, fillRound } from "../art/Brush.ts"
import { drawEmote, type Emote } from "../art/EmoteArt.ts"
import { rimPx, type SignSheet } from "./SignSheet.ts"

/** Of which sort a bubble is: said nearby, to all, or whispered. */
export type Manner = "nearby" | "all" | "whisper"

const face = `"Pretendard", "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", "NanumGothic", system-ui, sans-serif`
const bubbleWidthMax = 208
const bubbleLinesMax = 5

export class SignPainter {
  private readonly density: number
  /** 1 by default; what a person who reads badly set. */
  textSize = 1
  private readonly ruler: Pen
  private readonly sheet: SignSheet
  /** What is painted for the sheet is painted here. */
  private readonly easel = document.createElement("canvas")

  constructor(density: number, sheet: SignSheet) {
    this.density = density
    this.sheet = sheet
    this.ruler = penOf(document.createElement("canvas"))
  }

  nameplateSize(name: string): { readonly width: number; readonly height: number } {
    const { size, font } = this.nameplateFont()
    this.ruler.font = font
    return { width: Math.ceil(this.ruler.measureText(name).width) + 14, height: Math.ceil(size + 7) }
  }

  nameplate(name: string, isSelf: boolean): Texture {
    const { font } = this.nameplateFont()
    const { width, height } = this.nameplateSize(name)
    return this.paint(width, height, 0.5, 0, (pen) => {
      fillRound(pen, isSelf ? "#2f6b52ee" : "#2b2f3ab8", 0, 0, width, height, height / 2)
      pen.font = font
      pen.textBaseline = "middle"
      pen.textAlign = "center"
      pen.fillStyle = "#ffffff"
      pen.fillText(name, width / 2, height / 2 + 0.5)
    })
  }

  bubble(text: string, manner: Manner): Texture {
    const size = 14 * this.textSize
    const font = `500 ${size}px ${face}`
    this.ruler.font = font
    const lines = wrapText(
      text,
      bubbleWidthMax * Math.sqrt(this.textSize),
      (part) => this.ruler.measureText(part).width
    )
    const step = size * 1.36
    const inner = Math.max(...lines.map((line) => this.ruler.measureText(line).width))
    const width = Math.ceil(Math.max(inner + 24, 36))
    const height = Math.ceil(lines.length * step + 14)
    const { paper, edge, ink } = manners[manner]
    return this.paint(width + 8, height + 16, 0.5, 1, (pen) => {
      pen.translate(4, 3)
      outline(pen, width, height)
      pen.fillStyle = "#20283226"
      pen.translate(0, 2.5)
      pen.fill()
      pen.translate(0, -2.5)
      outline(pen, width, height)
      pen.fillStyle = paper
      pen.fill()
      pen.strokeStyle = edge
      pen.lineWidth = 1.6
      pen.stroke()
      pen.font = font
      pen.textBaseline = "middle"
      pen.fillStyle = ink
      pen.textAlign = "center"
      lines.forEach((line, index) => pen.fillText(line, width / 2, 7 + step * (index + 0.5)))
    })
  }

  /** One of three pictures of dots that take turns. */
  dots(turn: number): Texture {
    return this.paint(52, 38, 0.5, 1, (pen) => {
      pen.translate(3, 3)
      outline(pen, 46, 26)
      pen.fillStyle = "#fffdf8"
      pen.fill()
      for (let dot = 0; dot < 3; dot++) {
        fillOval(pen, dot === turn ? "#6b5f59" : "#cdc3ba", 13 + dot * 10, dot === turn ? 11.5 : 13.5, 3, 3)
      }
    })
  }

  emote(emote: Emote): Texture {
    return this.paint(44, 52, 0.5, 1, (pen) => {
      pen.translate(3, 3)
      outline(pen, 38, 38)
      pen.fillStyle = "#fffdf8"
      pen.fill()
      pen.translate(19, 19)
      drawEmote(pen, emote)
    })
  }

  /** The picture is shown nowhere any more. */
  takeBack(texture: Texture): void {
    if (!this.sheet.takeBack(texture)) texture.destroy(true)
  }

  // --- internal ---

  private nameplateFont(): { readonly size: number; readonly font: string } {
    const size = 12.5 * this.textSize
    return { size, font: `600 ${size}px ${face}` }
  }

  private paint(width: number, height: number, anchorX: number, anchorY: number, draw: (pen: Pen) => void): Texture {
    const anchor = { x: anchorX, y: anchorY }
    const size = { width: Math.ceil(width * this.density), height: Math.ceil(height * this.density) }
    this.drawOn(this.easel, size, rimPx, draw)
    const shared = this.sheet.put(this.easel, anchor)
    if (shared !== undefined) return shared
    // No room is left: then it is a picture of its own.
    const canvas = document.createElement("canvas")
    this.drawOn(canvas, size, 0, draw)
    const source = new CanvasSource({ resource: canvas, resolution: this.density })
    return new Texture({ source, defaultAnchor: anchor })
  }

  private drawOn(
    canvas: HTMLCanvasElement,
    { width, height }: { readonly width: number; readonly height: number },
    rim: number,
    draw: (pen: Pen) => void
  ): void {
    // Another size, or the same again: either leaves it empty.
    canvas.width = width + 2 * rim
    canvas.height = height + 2 * rim
    const pen = penOf(canvas)
    pen.translate(rim, rim)
    pen.scale(this.density, this.density)
    draw(pen)
  }
}

/** A picture with a place of its own on the screen. */
export class Sign {
  readonly sprite: Sprite
  private readonly painter: SignPainter | undefined

  /** `painter`: takes the picture back, if it is this sign's alone. */
  constructor(layer: Container, texture: Texture, painter?: SignPainter) {
    this.sprite = new Sprite(texture)
    this.painter = painter
    layer.addChild(this.sprite)
  }

  destroy(): void {
    const { texture } = this.sprite
    this.sprite.destroy()
    this.painter?.takeBack(texture)
  }
}

/** Breaks at spaces where there are some, anywhere else; what is too long ends in an ellipsis. */
function wrapText(text: string, width: number, measure: (text: string) => number): ReadonlyArray<string> {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(/(\s+)/u)) {
    if (measure(line + word) <= width) {
      line += word
      continue
    }
    if (line.trim() !== "") lines.push(line.trim())
    line = ""
    for (const { segment } of graphemes.segment(word.trimStart())) {
      if (measure(line + segment) > width && line !== "") {
        lines.push(line)
        line = ""
      }
      line += segment
    }
  }
  if (line.trim() !== "") lines.push(line.trim())
  if (lines.length <= bubbleLinesMax) return lines.length === 0 ? [""] : lines
  const kept = lines.slice(0, bubbleLinesMax)
  kept[bubbleLinesMax - 1] = `${kept[bubbleLinesMax - 1] ?? ""}…`
  return kept
}

// --- internal ---

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

const manners: Readonly<Record<Manner, { readonly paper: string; readonly edge: string; readonly ink: string }>> = {
  nearby: { paper: "#fffdf8", edge: "#e8dcc8", ink: "#3a2f2a" },
  all: { paper: "#fff3d2", edge: "#efcf86", ink: "#3a2f2a" },
  whisper: { paper: "#efe8ff", edge: "#c9b6f0", ink: "#39305a" }
}

/** A round card with a small tail below its middle. */
function outline(pen: Pen, width: number, height: number): void {
  const radius = Math.min(14, height / 2)
  const middle = width / 2
  pen.beginPath()
  pen.moveTo(radius, 0)
  pen.arcTo(width, 0, width, height, radius)
  pen.arcTo(width, height, 0, height, radius)
  pen.lineTo(middle + 7, height)
  pen.quadraticCurveTo(middle + 2, height + 3, middle, height + 9)
  pen.quadraticCurveTo(middle - 2, height + 3, middle - 7, height)
  pen.arcTo(0, height, 0, 0, radius)
  pen.arcTo(0, 0, width, 0, radius)
  pen.closePath()
}
