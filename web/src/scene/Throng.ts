/**
 * Crowded cells: members whom the server does not show one by one stand as a pale throng with their number above it. Owns
 * these sprites; how many there are is the crowd's.
 */
import { Container, Sprite } from "pixi.js"
import type { Parts } from "../art/AvatarArt.ts"
import { pxPerCm } from "../art/Brush.ts"
import { coatOf, kinds } from "../art/Kinds.ts"
import type { Crowd } from "../crowd/Crowd.ts"
import { chances } from "../park/Chance.ts"
import type { Camera } from "./Camera.ts"
import { Sign, type SignPainter } from "./Signs.ts"

const figuresMax = 26

interface Group {
  readonly count: number
  readonly figures: ReadonlyArray<Container>
  readonly sign: Sign
  readonly x: number
  readonly y: number
}

export class Throng {
  readonly signs = new Container()
  private readonly ground: Container
  private readonly parts: Parts
  private readonly painter: SignPainter
  private readonly groups = new Map<number, Group>()

  constructor(ground: Container, parts: Parts, painter: SignPainter) {
    this.ground = ground
    this.parts = parts
    this.painter = painter
  }

  update(crowd: Crowd, camera: Camera, cellCm: number, widthCm: number): void {
    for (const [cell, group] of this.groups) {
      if (crowd.unseen.get(cell) === group.count) continue
      for (const figure of group.figures) figure.destroy({ children: true })
      group.sign.destroy()
      this.groups.delete(cell)
    }
    const columns = Math.ceil(widthCm / cellCm)
    for (const [cell, count] of crowd.unseen) {
      if (!this.groups.has(cell)) this.groups.set(cell, this.gather(cell, count, columns, cellCm))
    }
    for (const { sign, x, y } of this.groups.values()) {
      sign.sprite.position.set(Math.round(camera.screenX(x)), Math.round(camera.screenY(y)))
    }
  }

  // --- internal ---

  private gather(cell: number, count: number, columns: number, cellCm: number): Group {
    const next = chances(cell + 31)
    const left = (cell % columns) * cellCm * pxPerCm
    const top = Math.floor(cell / columns) * cellCm * pxPerCm
    const side = cellCm * pxPerCm
    const figures = Array.from({ length: Math.min(count, figuresMax) }, (_, index) => {
      const figure = new Container()
      const kind = kinds[Math.floor(next() * kinds.length)] ?? "fox"
      const cloth = new Sprite(this.parts.clothes[0]?.front ?? this.parts.arm)
      cloth.tint = coatOf(cell + index)
      const head = new Sprite(this.parts.heads[kind].front)
      head.y = -31
      figure.addChild(new Sprite(this.parts.shadow), cloth, head)
      figure.position.set(left + side * (0.1 + next() * 0.8), top + side * (0.1 + next() * 0.8))
      figure.zIndex = figure.y
      figure.alpha = 0.42
      this.ground.addChild(figure)
      return figure
    })
    const sign = new Sign(this.signs, this.painter.nameplate(`+${count}`, false), this.painter)
    return { count, figures, sign, x: left + side / 2, y: top + side / 2 }
  }
}
