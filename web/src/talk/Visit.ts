/**
 * One visit to the plaza over the SDK: coming in, standing somewhere, hearing and saying. Owns the SDK's plaza and turns
 * what it tells into the crowd, the own steps and the chat; what of it is shown, and how, is the page's.
 */
import {
  connect,
  type Ending,
  type Pace,
  type Place,
  type Playground,
  type Plaza,
  PlazaError,
  type StateChange,
  webSocket
} from "@noriter/client"
import { type Emote, emoteOf } from "../art/EmoteArt.ts"
import type { Crowd, Person } from "../crowd/Crowd.ts"
import type { Steps } from "../crowd/Steps.ts"
import { layOut, type Park } from "../park/Park.ts"
import type { Chat, Line, Room } from "./Chat.ts"

export interface VisitOptions {
  readonly url: string
  readonly nickname: string
  readonly deviceSecret: string
  readonly avatar: string
}

export interface VisitEvents {
  readonly state: (change: StateChange) => void
  /** There is a session; `isResumed`: the one there was. */
  readonly session: (isResumed: boolean) => void
  /** One stands there no longer: whoever had a number there need not have it where one comes in next. */
  readonly leaves: () => void
  readonly stands: (place: Place, park: Park) => void
  readonly heard: (line: Line) => void
  readonly arrived: (person: Person) => void
  readonly emoted: (member: number, emote: Emote) => void
  readonly typed: (member: number) => void
  readonly given: (nickname: string, count: number) => void
  /** The operator said something to everybody. */
  readonly announced: (text: string, isHistory: boolean) => void
  readonly missed: () => void
  readonly ended: (ending: Ending) => void
  /** Coming in was refused; it is tried again. */
  readonly refused: (error: PlazaError) => void
}

const enterAgainMs = 2000
const typingEveryMs = 2500
/** By the arrow keys one goes through looks one after the other. */
const wearAfterMs = 600
const cellCmUsual = 1000

const memberGone = new PlazaError({
  code: "ERROR_CODE_MEMBER_GONE",
  message: "",
  definite: true,
  retryAfterMs: 0,
  issues: []
})

export class Visit {
  readonly crowd: Crowd
  readonly steps: Steps
  playgrounds: ReadonlyArray<Playground> = []
  cellCm = cellCmUsual
  private readonly options: VisitOptions
  private readonly events: VisitEvents
  private readonly chat: Chat
  private readonly plaza: Plaza
  private avatar: string
  private wanted: { readonly playground: string; readonly channel: number } = { playground: "", channel: 0 }
  private pace: Pace = "PACE_FULL"
  private typedMs = Number.NEGATIVE_INFINITY
  /** The channel and the number there; empty outside. */
  private stood = ""
  /** Ends when it is known whether one has gone where one wanted to. */
  private going: Promise<unknown> = Promise.resolve()
  private isOver = false
  private isComingIn = false

  constructor(
    options: VisitOptions,
    world: { readonly crowd: Crowd; readonly steps: Steps; readonly chat: Chat },
    events: VisitEvents
  ) {
    this.options = options
    this.events = events
    this.crowd = world.crowd
    this.steps = world.steps
    this.chat = world.chat
    this.avatar = options.avatar
    const { nickname, deviceSecret } = options
    this.plaza = connect({ transport: webSocket(options.url), nickname, deviceSecret, sdk: "noriter-page/1" })
    this.listen()
    this.plaza.closed.then((ending) => {
      if (!this.isOver) events.ended(ending)
    })
  }

  get place(): Place | undefined {
    return this.plaza.place
  }

  move(xCm: number, yCm: number): void {
    if (this.place !== undefined) this.plaza.move({ xCm, yCm })
  }

  async say(room: Room, text: string, to: { readonly member: number; readonly nickname: string }): Promise<void> {
    const done = this.chat.draft({ room, text })
    try {
      if (room !== "whisper") {
        await this.plaza.say({ text, reach: room === "all" ? "REACH_PLAYGROUND" : "REACH_NEARBY" })
        return
      }
      // Said while one is on one's way elsewhere, it would be heard by whoever has the number there.
      const { stood } = this
      await this.going
      if (this.stood !== stood) throw memberGone
      await this.plaza.whisper({ member: to.member, text })
      const { nickname } = this.options
      const member = this.place?.member ?? 0
      this.hear({ room, member, nickname, text, atMs: Date.now(), isOwn: true, isHistory: false, to: to.nickname })
    } finally {
      done()
    }
  }

  emote(kind: Emote): void {
    this.plaza.emote({ kind })
  }

  typing(): void {
    const nowMs = performance.now()
    if (nowMs - this.typedMs < typingEveryMs) return
    this.typedMs = nowMs
    this.plaza.typing()
  }

  async give(member: number): Promise<void> {
    await this.plaza.give({ member, kind: "daisy", count: 1 })
  }

  async daisies(): Promise<number> {
    const { flowers } = await this.plaza.pouch()
    return flowers.find(({ kind }) => kind === "daisy")?.count ?? 0
  }

  async look(): Promise<void> {
    const { playgrounds } = await this.plaza.listPlaygrounds()
    this.playgrounds = playgrounds
  }

  /** Goes to a playground and a channel; 0 is any. */
  async goTo(playground: string, channel: number): Promise<void> {
    const going = this.plaza.enter({ playground, channel, avatar: this.avatar })
    this.going = going.catch(() => undefined)
    await going
  }

  /** Looks different from now on, which others see when one comes in anew. Tried until it may be, or another is wanted. */
  async wear(avatar: string): Promise<void> {
    this.avatar = avatar
    for (let waitMs = wearAfterMs; ; ) {
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      const { place } = this
      if (place === undefined || this.avatar !== avatar) return
      try {
        return await this.goTo(place.playground, place.channel)
      } catch (error) {
        if (!(error instanceof PlazaError) || error.retryAfterMs === 0) throw error
        waitMs = error.retryAfterMs
      }
    }
  }

  /** How often moves are wanted: none while nobody looks. */
  setPace(pace: Pace): void {
    this.pace = pace
    this.plaza.pace({ pace })
  }

  /** Says goodbye, so that nobody sees this guest lost. */
  leave(): void {
    this.isOver = true
    // Nobody waits for the answer: the socket is closed behind the request, and a refusal changes nothing.
    if (this.place !== undefined) this.plaza.leave().catch(() => undefined)
    this.plaza.close()
  }

  // --- internal ---

  private listen(): void {
    const { plaza, crowd, steps, events } = this
    plaza.on("state", events.state)
    plaza.on("session", (session) => {
      events.session(session.resumed)
      // Whatever it is: the runner may not know of it, or of a former one.
      plaza.pace({ pace: this.pace })
      if (!session.resumed || session.playground === "") void this.comeIn()
    })
    plaza.on("place", (place) => this.stand(place))
    plaza.on("missed", events.missed)
    plaza.on("appeared", ({ members }) => {
      for (const one of members) {
        if (one.member === this.place?.member) continue
        const isNew = !crowd.people.has(one.member)
        const person = crowd.appeared(one)
        if (isNew) events.arrived(person)
      }
    })
    plaza.on("moved", ({ member, xCm, yCm }) => {
      const nowMs = performance.now()
      for (let index = 0; index < member.length; index++) {
        const [who, x, y] = [member[index], xCm[index], yCm[index]]
        if (who === undefined || x === undefined || y === undefined || who === this.place?.member) continue
        crowd.moved(who, x, y, nowMs)
      }
    })
    plaza.on("disappeared", ({ member }) => {
      for (const who of member) if (who !== this.place?.member) crowd.disappeared(who)
    })
    plaza.on("crowded", ({ cell, count }) => crowd.crowded(cell, count))
    plaza.on("moveCorrected", ({ xCm, yCm }) => steps.correct(xCm, yCm))
    this.listenToTalk()
  }

  private listenToTalk(): void {
    const { plaza, events } = this
    plaza.on("said", ({ member, nickname, text, reach, atMs, history }) => {
      const room = reach === "REACH_PLAYGROUND" ? "all" : "nearby"
      this.hear({ room, member, nickname, text, atMs, isOwn: member === this.place?.member, isHistory: history })
    })
    plaza.on("whispered", ({ member, nickname, text, atMs }) =>
      this.hear({ room: "whisper", member, nickname, text, atMs, isOwn: false, isHistory: false })
    )
    plaza.on("emoted", ({ member, kind }) => events.emoted(member, emoteOf(kind)))
    plaza.on("typed", ({ member }) => events.typed(member))
    plaza.on("announced", ({ text, atMs, history }) => {
      const nobody = { member: 0, nickname: "", isOwn: false, isNote: true }
      this.chat.add({ room: "all", text, atMs, isHistory: history, ...nobody })
      events.announced(text, history)
    })
    plaza.on("given", ({ nickname, count }) => events.given(nickname, count))
  }

  private hear(line: Line): void {
    this.chat.add(line)
    this.events.heard(line)
  }

  /** Comes in, in one session after the other if need be: a later one does not come in once more. */
  private async comeIn(): Promise<void> {
    if (this.isComingIn) return
    this.isComingIn = true
    await this.enterSomewhere()
    this.isComingIn = false
  }

  /** Enters where one was or wanted to be, else the first playground there is; tries until one stands somewhere. */
  private async enterSomewhere(): Promise<void> {
    while (this.plaza.state !== "closed" && this.place === undefined) {
      try {
        await this.look()
        const known = this.playgrounds.find(({ id }) => id === this.wanted.playground) ?? this.playgrounds[0]
        if (known !== undefined) {
          await this.goTo(known.id, this.wanted.channel)
        }
      } catch (error) {
        if (!(error instanceof PlazaError)) throw error
        if (error.code === "CLOSED") return
        if (error.code === "SESSION_LOST") continue
        this.wanted = { playground: this.wanted.playground, channel: 0 }
        this.events.refused(error)
        await new Promise((resolve) => setTimeout(resolve, Math.max(error.retryAfterMs, enterAgainMs)))
      }
    }
  }

  private stand(place: Place | undefined): void {
    const { crowd } = this
    crowd.clear()
    const before = this.stood
    this.stood = place === undefined ? "" : `${place.playground}/${place.channel}/${place.member}`
    const isElsewhere = this.stood !== before
    if (isElsewhere) this.events.leaves()
    if (place === undefined) return
    const { playground: id, member, xCm, yCm } = place
    if (place.cellCm > 0) this.cellCm = place.cellCm
    // Whoever comes in is told the last lines anew, and has another number than before.
    if (isElsewhere) this.chat.leaveChannel()
    this.wanted = { playground: id, channel: place.channel }
    const known = this.playgrounds.find((one) => one.id === id)
    const park = layOut(id, known?.widthCm ?? 20_000, known?.heightCm ?? 20_000)
    this.steps.enter(park, xCm, yCm)
    crowd.join({ member, nickname: this.options.nickname, avatar: this.avatar, walker: this.steps.walker })
    this.events.stands(place, park)
  }
}
