/**
 * Being in the plaza: the bar, the buttons, the sheets and the hands, and what is shown of what the visit hears. Owns these
 * while one stands there.
 */
import { type Ending, PlazaError, type StateChange } from "@noriter/client"
import { type Emote, emotes } from "../art/EmoteArt.ts"
import type { Crowd, Person } from "../crowd/Crowd.ts"
import type { Steps } from "../crowd/Steps.ts"
import type { Preferences } from "../Preferences.ts"
import type { Scene } from "../scene/Scene.ts"
import type { Chat, Line } from "../talk/Chat.ts"
import type { Visit, VisitEvents } from "../talk/Visit.ts"
import type { Words } from "../Words.ts"
import type { Announcer } from "./Announcer.ts"
import { ChatSheet } from "./ChatSheet.ts"
import { Composer, type Target } from "./Composer.ts"
import { icon, iconButton, make } from "./Dom.ts"
import { EmoteWheel } from "./EmoteWheel.ts"
import { Hands } from "./Hands.ts"
import type { Notices } from "./Notices.ts"
import { type PersonEvents, peopleSheet, personCard } from "./PeopleSheet.ts"
import { placesSheet } from "./PlacesSheet.ts"
import { Portraits } from "./Portraits.ts"
import { reasonOf } from "./Refusals.ts"
import { settingsSheet } from "./SettingsSheet.ts"
import { Sheets } from "./Sheet.ts"
import type { Sound } from "./Sound.ts"

/** A wait shorter than this is not worth a number. */
const laterMs = 3000

/** The page around a stay. */
export interface Surroundings {
  readonly preferences: Preferences
  readonly words: Words
  readonly scene: Scene
  readonly stage: HTMLElement
  readonly crowd: Crowd
  readonly steps: Steps
  readonly chat: Chat
  readonly announcer: Announcer
  readonly notices: Notices
  readonly sound: Sound
  readonly prefer: (change: Partial<Preferences>) => void
  /** Back to the way in, with what was wrong with the name. */
  readonly showJoin: (fault?: string) => void
  /** Comes in again under the same name. */
  readonly comeBack: () => void
}

export class Stay {
  readonly root = make("div", { class: "stay" })
  visit: Visit | undefined
  private readonly page: Surroundings
  private readonly portraits = new Portraits()
  private readonly sheets: Sheets
  private readonly chatSheet: ChatSheet
  private readonly place = make("button", { type: "button", class: "chip" })
  private readonly hands: Hands
  private composer: Composer
  private wheel: EmoteWheel
  private hasBeenOpen = false
  private daisies: number | undefined

  constructor(page: Surroundings) {
    this.page = page
    const words = () => page.words
    this.sheets = new Sheets(
      () => words().close,
      (name) => this.sheetChanged(name)
    )
    this.chatSheet = new ChatSheet(page.chat, words, {
      chose: (room) => this.composer.choose(room),
      person: (member) => this.openMember(member)
    })
    this.place.addEventListener("click", () => this.openPlaces())
    this.hands = this.makeHands()
    this.composer = this.makeComposer()
    this.wheel = this.makeWheel()
    this.build()
  }

  /** What the visit tells, and what is made of it; `arrived` is called when one stands in the plaza. */
  visitEvents(arrived: () => void): VisitEvents {
    const { page } = this
    const { cast } = page.scene
    return {
      state: (change) => this.connection(change),
      session: (isResumed) => this.connected(isResumed),
      leaves: () => this.forgetNumbers(),
      stands: (place, park) => {
        cast.self = place.member
        page.scene.enter(park, this.visit?.cellCm ?? 1000)
        page.scene.camera.jumpTo(place.xCm, place.yCm)
        this.showPlace()
        arrived()
      },
      heard: (line) => this.heard(line),
      arrived: (person) => page.announcer.arrived(person.nickname),
      emoted: (member, emote) => {
        cast.emote(member, emote, performance.now())
        page.sound.play("emote")
      },
      typed: (member) => cast.typing(member, performance.now()),
      given: (nickname, count) => {
        const text = page.words.gotFlowers(nickname, count)
        page.notices.tell(text)
        page.sound.play("flower")
        const note = { member: 0, nickname, text, isOwn: false, isHistory: false, isNote: true }
        page.chat.add({ room: "whisper", atMs: Date.now(), ...note })
      },
      announced: (text, isHistory) => {
        if (!isHistory) page.notices.tell(page.words.announced(text))
      },
      missed: () => page.notices.tell(page.words.missed),
      ended: (ending) => this.ended(ending),
      refused: (error) => page.notices.tell(reasonOf(page.words, error))
    }
  }

  chatChanged(): void {
    this.chatSheet.refresh()
    this.composer.unseen(this.page.chat.unseenInAll)
  }

  end(): void {
    this.sheets.close()
    this.hands.end()
    this.root.remove()
  }

  // --- What is on the screen ---

  private build(): void {
    const { words } = this.page
    const top = make(
      "nav",
      { class: "top", aria: { "aria-label": words.places } },
      this.place,
      make(
        "div",
        { class: "buttons" },
        iconButton("people", words.people, () => this.sheets.toggle("people", () => this.people())),
        iconButton("gear", words.settings, () => this.sheets.toggle("settings", () => this.settings()))
      )
    )
    this.root.replaceChildren(top, this.sheets.root, this.hands.stick, this.wheel.root, this.composer.root)
    this.chatChanged()
    this.showPlace()
  }

  private makeComposer(): Composer {
    return new Composer(this.page.words, {
      say: (text, target) => void this.say(text, target),
      kept: (why) => this.page.notices.tell(this.page.words[why]),
      typing: () => this.visit?.typing(),
      chat: () => this.toggleChat(),
      emotes: () => this.wheel.toggle(),
      left: () => this.page.stage.focus()
    })
  }

  private makeWheel(): EmoteWheel {
    return new EmoteWheel(this.page.words, this.portraits, (emote) => this.emote(emote))
  }

  private makeHands(): Hands {
    const { steps, scene, stage } = this.page
    return new Hands(stage, {
      push: (x, y, isRunning) => steps.push(x, y, isRunning),
      tap: (x, y) => this.tapped(x, y),
      lead: (x, y) => {
        const { xCm, yCm } = scene.camera.spotAt(x, y)
        steps.goTo({ x: xCm, y: yCm })
      },
      zoom: (factor) => scene.camera.zoomBy(factor),
      key: (key) => this.pressed(key)
    })
  }

  /** The numbers of the channel one stood in are others' here. */
  private forgetNumbers(): void {
    this.composer.forget()
    if (this.sheets.current === "person" || this.sheets.current === "people") this.sheets.close()
  }

  private showPlace(): void {
    const place = this.visit?.place
    if (place === undefined) return
    const { words } = this.page
    const known = this.visit?.playgrounds.find(({ id }) => id === place.playground)
    const name = `${known?.name ?? place.playground} · ${words.channel(place.channel)}`
    this.place.replaceChildren(icon("map"), make("span", {}, name))
  }

  private sheetChanged(name: string | undefined): void {
    this.root.dataset.sheet = name ?? ""
    this.page.scene.cast.chosen = 0
    this.page.scene.camera.liftPx = this.sheets.coveredPx / 2
    if (name === "chat") this.chatSheet.refresh()
  }

  // --- What hands ask for ---

  private pressed(key: string): void {
    const digit = /^Digit([1-8])$/.exec(key)?.[1]
    const emote = digit === undefined ? undefined : emotes[Number(digit) - 1]
    if (emote !== undefined) this.emote(emote)
    else if (key === "Enter") this.composer.focus()
    else if (key === "Escape") this.sheets.close()
    else if (key === "KeyE") this.wheel.toggle()
    else if (key === "KeyC") this.toggleChat()
    else if (key === "KeyP") this.sheets.toggle("people", () => this.people())
    else if (key === "KeyM") this.openPlaces()
  }

  private tapped(x: number, y: number): void {
    const { scene, crowd, steps } = this.page
    const member = scene.cast.memberAt(scene.camera, x, y)
    const person = member === undefined ? undefined : crowd.people.get(member)
    if (person !== undefined) {
      this.openPerson(person)
      return
    }
    const { xCm, yCm } = scene.camera.spotAt(x, y)
    steps.goTo({ x: xCm, y: yCm })
  }

  private toggleChat(): void {
    this.sheets.toggle("chat", () => this.chatSheet.content())
  }

  private people() {
    const { crowd, words } = this.page
    const others = crowd.around(this.visit?.place?.member ?? 0)
    return peopleSheet(words, others, this.portraits, this.personEvents())
  }

  private openMember(member: number): void {
    const person = this.page.crowd.people.get(member)
    if (person === undefined) this.page.notices.tell(this.page.words.memberGone)
    else this.openPerson(person)
  }

  private openPerson(person: Person): void {
    let shown: number | undefined
    const show = () => {
      shown = this.daisies
      this.sheets.show("person", personCard(this.page.words, person, shown, this.portraits, this.personEvents()))
    }
    show()
    this.page.scene.cast.chosen = person.member
    this.visit
      ?.daisies()
      .then((count) => {
        this.daisies = count
        // Another may have been opened meanwhile.
        if (count === shown || this.sheets.current !== "person" || this.page.scene.cast.chosen !== person.member) return
        show()
        this.page.scene.cast.chosen = person.member
      })
      .catch((error: unknown) => this.tellRefusal(error))
  }

  private personEvents(): PersonEvents {
    const { page } = this
    return {
      open: (person) => this.openPerson(person),
      whisper: ({ member, nickname }) => {
        this.sheets.close()
        this.composer.whisper(member, nickname)
      },
      give: (person) => {
        this.visit
          ?.give(person.member)
          .then(() => page.notices.tell(page.words.given(person.nickname)))
          .catch((error: unknown) => this.tellRefusal(error))
        this.sheets.close()
      },
      walkTo: ({ walker }) => {
        this.sheets.close()
        const { steps } = page
        const side = Math.sign(steps.walker.xCm - walker.xCm) || 1
        steps.goTo({ x: walker.xCm + side * 90, y: walker.yCm + 10 })
      }
    }
  }

  private openPlaces(): void {
    const { visit } = this
    if (visit === undefined) return
    const show = () =>
      this.sheets.show(
        "places",
        placesSheet(this.page.words, visit.playgrounds, visit.place, (playground, channel) => {
          this.sheets.close()
          visit.goTo(playground, channel).catch((error: unknown) => this.tellRefusal(error))
        })
      )
    if (this.sheets.current === "places") {
      this.sheets.close()
      return
    }
    show()
    visit
      .look()
      .then(() => {
        if (this.sheets.current === "places") show()
      })
      .catch((error: unknown) => this.tellRefusal(error))
  }

  private settings() {
    const { page } = this
    return settingsSheet(page.words, page.preferences, this.visit?.place?.member ?? 0, this.portraits, {
      changed: (change) => this.prefer(change),
      leave: () => page.showJoin()
    })
  }

  private prefer(change: Partial<Preferences>): void {
    this.page.prefer(change)
    if (change.kind !== undefined) this.visit?.wear(change.kind).catch((error: unknown) => this.tellRefusal(error))
    if (change.tongue === undefined) return
    const before = this.composer
    this.composer = this.makeComposer()
    this.composer.takeOver(before)
    this.wheel = this.makeWheel()
    this.build()
    this.sheets.show("settings", this.settings())
  }

  // --- What is said and heard ---

  private emote(emote: Emote): void {
    this.visit?.emote(emote)
  }

  private async say(text: string, target: Target): Promise<void> {
    try {
      await this.visit?.say(target.room, text, target)
    } catch (error) {
      this.composer.restore(text, target)
      this.tellRefusal(error)
    }
  }

  private heard(line: Line): void {
    const { page } = this
    if (line.isHistory) return
    const isOwnWhisper = line.isOwn && line.room === "whisper"
    if (!isOwnWhisper) page.scene.cast.say(line.member, line.text, line.room, performance.now())
    if (line.isOwn) return
    const { says, whispers } = page.words
    page.announcer.line((line.room === "whisper" ? whispers : says)(line.nickname, line.text))
    page.sound.play(line.room === "whisper" ? "whisper" : "line")
    if (line.room === "whisper" && this.sheets.current !== "chat") page.notices.tell(whispers(line.nickname, line.text))
  }

  private tellRefusal(error: unknown): void {
    if (!(error instanceof PlazaError)) throw error
    this.page.notices.tell(reasonOf(this.page.words, error))
  }

  // --- How the connection is ---

  private connection({ state, why, waitMs }: StateChange): void {
    const { page } = this
    if (state === "waiting") {
      const isAsked = waitMs > laterMs && why.startsWith("DISCONNECT_CODE_")
      const seconds = Math.ceil(waitMs / 1000)
      const { comeBackLater, reconnecting, connecting } = page.words
      page.notices.show(isAsked ? comeBackLater(seconds) : this.hasBeenOpen ? reconnecting : connecting)
      page.steps.stop()
    }
  }

  private connected(isResumed: boolean): void {
    this.page.notices.show(undefined)
    if (this.hasBeenOpen && !isResumed) this.page.notices.tell(this.page.words.missed)
    else if (this.hasBeenOpen) this.page.notices.tell(this.page.words.back)
    this.hasBeenOpen = true
  }

  private ended({ code, message }: Ending): void {
    const { page } = this
    const { words } = page
    if (code === "ERROR_CODE_INVALID") page.showJoin(words.nicknameRefused)
    else if (code === "DISCONNECT_CODE_REPLACED") {
      page.notices.ask(words.replacedTitle, words.replaced, words.takeBack, () => page.comeBack())
    } else if (code === "DISCONNECT_CODE_UPGRADE_REQUIRED") {
      page.notices.ask(words.upgradeTitle, words.upgrade, words.reload, () => location.reload())
    } else if (code === "DISCONNECT_CODE_REMOVED") {
      page.notices.ask(words.endedTitle, words.removed, words.reload, () => location.reload())
    } else page.notices.ask(words.endedTitle, message, words.reload, () => location.reload())
  }
}
