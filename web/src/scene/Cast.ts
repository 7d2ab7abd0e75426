/**
 * Everybody on the ground with what is written above them: an avatar, a nameplate and perhaps a bubble for each member in
 * view. Owns these; who is in view is the crowd's, where the screen looks the camera's.
 */
import { Container, type Texture } from "pixi.js"
import type { Parts } from "../art/AvatarArt.ts"
import type { Emote } from "../art/EmoteArt.ts"
import type { Crowd, Person } from "../crowd/Crowd.ts"
import type { Walker } from "../crowd/Walker.ts"
import { isWet, type Park } from "../park/Park.ts"
import { Avatar } from "./Avatar.ts"
import type { Camera } from "./Camera.ts"
import { type Box, Readable } from "./Readable.ts"
import { type Manner, Sign, type SignPainter } from "./Signs.ts"

const typingMs = 4000
const emoteMs = 2200
/** Above the ground, where what is written begins. */
const overHeadPx = 74
const plateBelowPx = 5
/** Who rests only breathes, which is slow: drawn anew in each of so many frames. */
const restingTurns = 3
const declutterEveryMs = 200
/** Somebody so far beyond the edge of the screen still reaches into it: with a bubble, a hat, a shadow. */
const reachPx = 90

interface Player {
  readonly member: number
  readonly avatar: Avatar
  readonly look: string
  readonly isSelf: boolean
  walker: Walker
  nickname: string
  /** Where the name would stand. */
  readonly box: Box
  /** Written when it is to be read for the first time. */
  plate: Sign | undefined
  bubble: Sign | undefined
  bubbleUntilMs: number
  bubbleSinceMs: number
  dots: Sign | undefined
  dotsUntilMs: number
  /** The higher, the sooner this name is shown. */
  interest: number
}

export class Cast {
  /** Names and bubbles, in pixels of the screen; bubbles over names. */
  readonly signs = new Container({ isRenderGroup: true })
  private readonly plates = new Container()
  private readonly bubbles = new Container()
  private readonly ground: Container
  private readonly parts: Parts
  private readonly painter: SignPainter
  private readonly players = new Map<number, Player>()
  private readonly boxes: Array<Box> = []
  private readonly readable = new Readable()
  private dotTextures: ReadonlyArray<Texture> = []
  private version = -1
  private declutterAtMs = 0
  private turn = 0
  /** This phone's own member, and one that is looked at. */
  self = 0
  chosen = 0

  constructor(ground: Container, parts: Parts, painter: SignPainter) {
    this.ground = ground
    this.parts = parts
    this.painter = painter
    this.rewrite()
    this.signs.addChild(this.plates, this.bubbles)
  }

  rename(member: number, nickname: string): void {
    const player = this.players.get(member)
    if (player === undefined) return
    player.nickname = nickname
    this.unwrite(player)
  }

  /** All is written anew: in another size, or because the graphics card has forgotten it. */
  rewrite(): void {
    for (const texture of this.dotTextures) this.painter.takeBack(texture)
    this.dotTextures = [0, 1, 2].map((turn) => this.painter.dots(turn))
    for (const player of this.players.values()) {
      this.unwrite(player)
      player.bubble?.destroy()
      player.bubble = undefined
    }
  }

  say(member: number, text: string, manner: Manner, nowMs: number): void {
    const player = this.players.get(member)
    if (player === undefined) return
    this.put(player, new Sign(this.bubbles, this.painter.bubble(text, manner), this.painter), nowMs, readingMs(text))
    player.interest = nowMs
  }

  emote(member: number, emote: Emote, nowMs: number): void {
    const player = this.players.get(member)
    if (player === undefined) return
    player.avatar.show(emote, nowMs)
    this.put(player, new Sign(this.bubbles, this.painter.emote(emote), this.painter), nowMs, emoteMs)
  }

  typing(member: number, nowMs: number): void {
    const player = this.players.get(member)
    const texture = this.dotTextures[0]
    if (player === undefined || texture === undefined) return
    player.dots ??= new Sign(this.bubbles, texture)
    player.dotsUntilMs = nowMs + typingMs
  }

  update(crowd: Crowd, camera: Camera, park: Park, nowMs: number, elapsedMs: number): void {
    if (crowd.version !== this.version) this.meet(crowd)
    this.turn++
    for (const player of this.players.values()) {
      const { walker, avatar } = player
      if (!player.isSelf) walker.advance(nowMs)
      avatar.place(walker)
      const isSeen = camera.sees(avatar.root.x, avatar.root.y, reachPx)
      avatar.root.visible = isSeen
      if (isSeen && (avatar.isBusy(walker) || (this.turn + player.member) % restingTurns === 0))
        avatar.pose(walker, nowMs, elapsedMs, isWet(park, walker.xCm, walker.yCm))
      this.write(player, camera, nowMs)
    }
    if (nowMs < this.declutterAtMs) return
    this.declutterAtMs = nowMs + declutterEveryMs
    this.declutter(camera, nowMs)
  }

  /** Whose avatar is under a point of the screen: the frontmost. */
  memberAt(camera: Camera, screenX: number, screenY: number): number | undefined {
    let found: { readonly member: number; readonly y: number } | undefined
    for (const [member, { avatar }] of this.players) {
      const { x, y } = avatar.root
      const dx = Math.abs(camera.screenX(x) - screenX) / camera.zoom
      const dy = (camera.screenY(y) - screenY) / camera.zoom
      if (member === this.self || dx > 26 || dy < -8 || dy > 76) continue
      if (found === undefined || y > found.y) found = { member, y }
    }
    return found?.member
  }

  // --- internal ---

  private meet(crowd: Crowd): void {
    this.version = crowd.version
    for (const [member, player] of this.players) {
      const person = crowd.people.get(member)
      // The same number may come back as somebody else, or as oneself.
      const isSelf = member === this.self
      // Who stands in on the way in is called what one types.
      const isNamed = member === 0 || person?.nickname === player.nickname
      const isSame = isNamed && person?.avatar === player.look && player.isSelf === isSelf
      if (isSame) continue
      player.avatar.root.destroy({ children: true })
      for (const sign of [player.plate, player.bubble, player.dots]) sign?.destroy()
      this.players.delete(member)
    }
    for (const person of crowd.people.values()) {
      const player = this.players.get(person.member)
      if (player === undefined) this.join(person)
      else player.walker = person.walker
    }
    this.boxes.length = 0
    for (const { box } of this.players.values()) this.boxes.push(box)
  }

  private join({ member, nickname, avatar, walker }: Person): void {
    const isSelf = member === this.self
    const drawn = new Avatar(this.parts, member, avatar)
    if (isSelf) drawn.mark()
    this.ground.addChild(drawn.root)
    this.players.set(member, {
      member,
      avatar: drawn,
      look: avatar,
      isSelf,
      walker,
      nickname,
      box: { isShown: false, rank: 0, x: 0, y: 0, ...this.painter.nameplateSize(nickname) },
      plate: undefined,
      bubble: undefined,
      bubbleUntilMs: 0,
      bubbleSinceMs: 0,
      dots: undefined,
      dotsUntilMs: 0,
      interest: 0
    })
  }

  /** The name is measured anew, and written when it is to be read. */
  private unwrite(player: Player): void {
    player.plate?.destroy()
    player.plate = undefined
    player.box.isShown = false
    Object.assign(player.box, this.painter.nameplateSize(player.nickname))
    this.declutterAtMs = 0
  }

  private put(player: Player, sign: Sign, nowMs: number, forMs: number): void {
    player.bubble?.destroy()
    player.bubble = sign
    player.bubbleSinceMs = nowMs
    player.bubbleUntilMs = nowMs + forMs
    player.dotsUntilMs = 0
  }

  private write(player: Player, camera: Camera, nowMs: number): void {
    const { root } = player.avatar
    const x = Math.round(camera.screenX(root.x))
    const head = camera.screenY(root.y) - overHeadPx * camera.zoom
    if (player.box.isShown)
      player.plate?.sprite.position.set(x, Math.round(camera.screenY(root.y) + plateBelowPx * camera.zoom))
    if (player.bubble !== undefined) {
      const age = nowMs - player.bubbleSinceMs
      const left = player.bubbleUntilMs - nowMs
      player.bubble.sprite.position.set(x, Math.round(head))
      player.bubble.sprite.scale.set(age < 160 ? 0.6 + 0.4 * Math.sin(((age / 160) * Math.PI) / 2) : 1)
      player.bubble.sprite.alpha = Math.min(1, left / 250)
      if (left <= 0) {
        player.bubble.destroy()
        player.bubble = undefined
      }
    }
    if (player.dots === undefined) return
    if (nowMs > player.dotsUntilMs) {
      player.dots.destroy()
      player.dots = undefined
      return
    }
    player.dots.sprite.visible = player.bubble === undefined
    player.dots.sprite.position.set(x, head)
    const texture = this.dotTextures[Math.floor(nowMs / 260) % 3]
    if (texture !== undefined) player.dots.sprite.texture = texture
  }

  /** In a crowd not every name can be read: the own, the chosen, those who spoke and those near come first. */
  private declutter(camera: Camera, nowMs: number): void {
    for (const { member, avatar, box, interest, isSelf } of this.players.values()) {
      const x = camera.screenX(avatar.root.x)
      const y = camera.screenY(avatar.root.y)
      const spoke = Math.max(0, 1 - (nowMs - interest) / 20_000)
      const far = (Math.abs(x - camera.widthPx / 2) + Math.abs(y - camera.heightPx / 2)) / 1000
      box.rank = isSelf ? 100 : member === this.chosen ? 90 : spoke * 3 - far + (box.isShown ? 0.2 : 0)
      box.x = x - box.width / 2
      box.y = y + plateBelowPx * camera.zoom
    }
    this.readable.choose(this.boxes, camera.widthPx, camera.heightPx)
    for (const player of this.players.values()) {
      // Who has no name yet has no plate to be seen.
      if (player.box.isShown && player.nickname !== "")
        player.plate ??= new Sign(this.plates, this.painter.nameplate(player.nickname, player.isSelf), this.painter)
      if (player.plate !== undefined) player.plate.sprite.visible = player.box.isShown
    }
  }
}

const readingMs = (text: string): number => Math.min(3200 + text.length * 70, 11_000)
