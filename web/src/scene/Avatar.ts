/**
 * One avatar on the ground: its parts, how it walks, breathes, blinks, waves and wades. Owns its sprites; where it is and
 * how it moves is the walker's.
 */
import { Container, Sprite } from "pixi.js"
import type { Parts } from "../art/AvatarArt.ts"
import { pxPerCm } from "../art/Brush.ts"
import type { Emote } from "../art/EmoteArt.ts"
import { crownAbove } from "../art/HeadArt.ts"
import { coatOf, type Kind, kindOf, type Side } from "../art/Kinds.ts"
import type { Walker } from "../crowd/Walker.ts"

/** Where the neck is, above the ground. */
const neckPx = -31
const waveMs = 2200
const blinkMs = 130
const blinkEveryMs = 4200
const fadePerMs = 1 / 260
/** The hat that is none. */
const bareHead = 0
/** Slower than this nobody walks. */
const restCmps = 10

export class Avatar {
  readonly root = new Container()
  readonly member: number
  private readonly parts: Parts
  private readonly kind: Kind
  private readonly pattern: number
  private readonly shadow: Sprite
  private readonly rig = new Container()
  private readonly tail: Sprite
  private readonly feet: readonly [Sprite, Sprite]
  private readonly arms: readonly [Sprite, Sprite]
  private readonly cloth: Sprite
  private readonly head: Sprite
  private readonly hat: Sprite
  private readonly ring: Sprite
  private readonly rhythm: number
  private phase = 0
  private side: Side = "front"
  private isBlinking = false
  private emote: Emote | undefined
  private emoteUntilMs = 0

  constructor(parts: Parts, member: number, avatar: string) {
    this.parts = parts
    this.member = member
    this.kind = kindOf(avatar, member)
    this.pattern = member % parts.clothes.length
    this.rhythm = (member * 977) % blinkEveryMs
    const coat = coatOf(member)
    this.shadow = new Sprite(parts.shadow)
    this.tail = new Sprite(parts.tails[this.kind])
    this.feet = [new Sprite(parts.feet[this.kind]), new Sprite(parts.feet[this.kind])]
    this.arms = [new Sprite(parts.arm), new Sprite(parts.arm)]
    this.cloth = new Sprite(this.clothes().front)
    this.head = new Sprite(parts.heads[this.kind].front)
    const hat = (member * 3) % parts.hats.length
    this.hat = new Sprite(parts.hats[hat] ?? parts.shadow)
    this.hat.visible = hat !== bareHead
    this.ring = new Sprite(parts.ring)
    for (const dyed of [...this.arms, this.cloth]) dyed.tint = coat
    this.ring.visible = false
    this.tail.y = -9
    this.rig.addChild(this.tail, this.feet[0], this.feet[1], this.arms[1], this.cloth, this.ring)
    this.rig.addChild(this.arms[0], this.head, this.hat)
    this.root.addChild(this.shadow, this.rig)
    this.root.alpha = 0
    this.turn("front")
  }

  /** A ring on the ground, so that one finds oneself in a crowd. */
  mark(): void {
    const ring = new Sprite(this.parts.ripple)
    ring.tint = 0xf4fff2
    ring.scale.set(0.86)
    this.root.addChildAt(ring, 0)
  }

  show(emote: Emote, nowMs: number): void {
    this.emote = emote
    this.emoteUntilMs = nowMs + waveMs
  }

  /** Stands where its walker is; how is for `pose` to show. */
  place(walker: Walker): void {
    const { root } = this
    root.x = walker.xCm * pxPerCm
    root.y = walker.yCm * pxPerCm
    root.zIndex = root.y
  }

  /** It walks, shows something or still appears: each frame looks different. */
  isBusy(walker: Walker): boolean {
    return walker.paceCmps > restCmps || this.emote !== undefined || this.root.alpha < 1
  }

  /** Draws a moment. */
  pose(walker: Walker, nowMs: number, elapsedMs: number, isWet: boolean): void {
    this.root.alpha = Math.min(1, this.root.alpha + elapsedMs * fadePerMs)
    this.look(walker)
    this.blink(nowMs)
    this.wade(isWet, nowMs)
    if (walker.paceCmps > restCmps) this.stride(walker.paceCmps, elapsedMs)
    else this.rest(nowMs)
    if (this.emote !== undefined) this.gesture(nowMs)
  }

  // --- internal ---

  private clothes() {
    return (
      this.parts.clothes[this.pattern] ??
      this.parts.clothes[0] ?? { front: this.parts.arm, side: this.parts.arm, back: this.parts.arm }
    )
  }

  private look(walker: Walker): void {
    const { headingX, headingY } = walker
    if (Math.abs(headingX) > 0.5) this.rig.scale.x = headingX < 0 ? -1 : 1
    const side = Math.abs(headingX) > Math.abs(headingY) * 0.8 ? "side" : headingY < 0 ? "back" : "front"
    if (side !== this.side) this.turn(side)
  }

  private turn(side: Side): void {
    this.side = side
    this.cloth.texture = this.clothes()[side]
    this.head.texture = (this.isBlinking ? this.parts.blinks : this.parts.heads)[this.kind][side]
    this.tail.visible = side !== "front" || this.kind === "fox"
    this.tail.x = side === "side" ? -8 : side === "front" ? -6 : 0
    const apart = side === "side" ? 4 : 6
    this.feet[0].x = -apart
    this.feet[1].x = apart
    const shoulder = side === "side" ? 2 : 11
    this.arms[0].x = -shoulder
    this.arms[1].x = shoulder
    this.arms[0].y = this.arms[1].y = -25
  }

  private blink(nowMs: number): void {
    const isBlinking = (nowMs + this.rhythm) % blinkEveryMs < blinkMs
    if (isBlinking === this.isBlinking) return
    this.isBlinking = isBlinking
    this.head.texture = (isBlinking ? this.parts.blinks : this.parts.heads)[this.kind][this.side]
  }

  private wade(isWet: boolean, nowMs: number): void {
    this.ring.visible = isWet
    this.shadow.visible = !isWet
    for (const foot of this.feet) foot.visible = !isWet
    this.ring.y = -4
    this.rig.y = isWet ? 8 + Math.sin(nowMs / 420 + this.rhythm) * 2 : 0
  }

  private stride(paceCmps: number, elapsedMs: number): void {
    this.phase += (elapsedMs / 1000) * (5 + Math.min(paceCmps, 600) * 0.018)
    const swing = Math.sin(this.phase)
    const lift = Math.abs(Math.cos(this.phase))
    this.feet[0].y = -Math.max(0, swing) * 6
    this.feet[1].y = -Math.max(0, -swing) * 6
    this.rig.y -= lift * 3.4
    this.rig.rotation = swing * 0.035
    this.cloth.scale.set(1, 1 - lift * 0.03)
    this.hold(neckPx + 0.6 - lift, swing * 0.04)
    this.arms[0].rotation = swing * 0.75 + 0.12
    this.arms[1].rotation = -swing * 0.75 - 0.12
    this.tail.rotation = swing * 0.18
  }

  private rest(nowMs: number): void {
    const breath = Math.sin(nowMs / 620 + this.rhythm)
    this.phase = 0
    this.feet[0].y = this.feet[1].y = 0
    this.rig.rotation = 0
    this.cloth.scale.set(1 - breath * 0.012, 1 + breath * 0.022)
    this.hold(neckPx - breath * 0.8, Math.sin(nowMs / 1900 + this.rhythm) * 0.03)
    this.arms[0].rotation = 0.2 + breath * 0.04
    this.arms[1].rotation = -0.2 - breath * 0.04
    this.tail.rotation = Math.sin(nowMs / 480 + this.rhythm) * 0.16
  }

  private hold(headY: number, tilt: number): void {
    this.head.y = headY
    this.head.rotation = tilt
    this.hat.rotation = tilt
    this.hat.x = tilt * crownAbove[this.kind]
    this.hat.y = headY - crownAbove[this.kind]
  }

  private gesture(nowMs: number): void {
    const leftMs = this.emoteUntilMs - nowMs
    if (leftMs <= 0) {
      this.emote = undefined
      return
    }
    const beat = nowMs / 90
    if (this.emote === "wave") this.arms[1].rotation = -2.5 + Math.sin(beat) * 0.4
    else if (this.emote === "clap") {
      this.arms[0].rotation = -0.9 - Math.abs(Math.sin(beat)) * 0.6
      this.arms[1].rotation = 0.9 + Math.abs(Math.sin(beat)) * 0.6
    } else if (this.emote === "sleep") this.hold(neckPx + 2, 0.2)
    else if (this.emote === "cry") this.hold(neckPx + 1.5, Math.sin(beat) * 0.06)
    else {
      this.rig.y -= Math.abs(Math.sin(nowMs / 150)) * (this.emote === "wow" ? 5 : 8)
      if (this.emote === "dance") this.rig.rotation = Math.sin(nowMs / 170) * 0.16
      this.arms[0].rotation = 2.2 + Math.sin(beat) * 0.3
      this.arms[1].rotation = -2.2 - Math.sin(beat) * 0.3
    }
  }
}
