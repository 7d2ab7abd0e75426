/**
 * The page: joins the scene, the visit and the sheets. Owns the frame loop and which screen is shown; what each part does is
 * its own.
 */
import { newDeviceSecret } from "@noriter/client"
import { Crowd } from "./crowd/Crowd.ts"
import { Steps } from "./crowd/Steps.ts"
import { keepPreferences, type Preferences, readPreferences, textSizes } from "./Preferences.ts"
import { layOut } from "./park/Park.ts"
import { Scene } from "./scene/Scene.ts"
import { Announcer } from "./screen/Announcer.ts"
import { make } from "./screen/Dom.ts"
import { type JoinEvents, JoinScreen } from "./screen/JoinScreen.ts"
import { Notices } from "./screen/Notices.ts"
import { Sound } from "./screen/Sound.ts"
import { Stay } from "./screen/Stay.ts"
import { Chat } from "./talk/Chat.ts"
import { Visit } from "./talk/Visit.ts"
import { type Words, wordsOf } from "./Words.ts"

/** The park seen behind the way in, before anybody said how large it is. */
const usualPark = { id: "park", widthCm: 20_000, heightCm: 20_000 }
/** After a longer pause one goes on from where one stood. */
const frameMsMax = 250
const pauseMs = 3000

export class Page {
  readonly crowd: Crowd
  readonly steps = new Steps((xCm, yCm) => this.visit?.move(xCm, yCm))
  readonly chat = new Chat(() => this.stay?.chatChanged())
  readonly announcer = new Announcer(() => this.words)
  readonly notices = new Notices(this.announcer)
  readonly sound = new Sound()
  readonly stage: HTMLCanvasElement
  preferences: Preferences
  words: Words
  scene: Scene
  private readonly root: HTMLElement
  private visit: Visit | undefined
  private stay: Stay | undefined
  private join: JoinScreen | undefined
  private readonly joinEvents: JoinEvents
  private lastMs = performance.now()

  private constructor(
    root: HTMLElement,
    stage: HTMLCanvasElement,
    scene: Scene,
    preferences: Preferences,
    crowd: Crowd,
    join: { readonly screen: JoinScreen; readonly events: JoinEvents }
  ) {
    this.root = root
    this.stage = stage
    this.scene = scene
    this.preferences = preferences
    this.crowd = crowd
    this.words = wordsOf(preferences.tongue)
    this.join = join.screen
    this.joinEvents = join.events
  }

  /** The way in is there at once, to be typed in, and the plaza is drawn behind it meanwhile. */
  static async open(root: HTMLElement): Promise<void> {
    const preferences = readPreferences(newDeviceSecret)
    const words = wordsOf(preferences.tongue)
    const { promise: opened, resolve } = Promise.withResolvers<Page>()
    const events: JoinEvents = {
      typed: (name) => void opened.then(({ scene }) => scene.cast.rename(0, name)),
      join: (name) => void opened.then((page) => page.comeIn(name))
    }
    const screen = new JoinScreen(words, preferences.nickname, events)
    const stage = make("canvas", { class: "stage", tabIndex: 0, aria: { role: "application" } })
    dress(preferences, words)
    root.append(stage, screen.root)
    screen.focus()
    await painted()
    const crowd = new Crowd()
    try {
      const scene = await Scene.open(stage, crowd, preferences.sharp)
      const page = new Page(root, stage, scene, preferences, crowd, { screen, events })
      page.begin()
      resolve(page)
    } catch (cause) {
      screen.tell(words.cannotDraw)
      throw cause
    }
  }

  /** Something was chosen in the settings: kept, and done at once. */
  prefer(change: Partial<Preferences>): void {
    this.preferences = { ...this.preferences, ...change }
    keepPreferences(this.preferences)
    this.apply()
  }

  /** The way in is shown again. */
  showJoin(fault = ""): void {
    this.visit?.leave()
    this.visit = undefined
    this.stay?.end()
    this.stay = undefined
    this.notices.show(undefined)
    this.join?.root.remove()
    const { nickname } = this.preferences
    const join = new JoinScreen(this.words, nickname, this.joinEvents)
    this.join = join
    this.root.append(join.root)
    this.stand(nickname)
    join.tell(fault)
    join.focus()
  }

  /** Comes in again under the same name, here instead of elsewhere. */
  comeBack(): void {
    this.visit = undefined
    this.stay?.end()
    this.stay = undefined
    this.comeIn(this.preferences.nickname)
  }

  // --- internal ---

  private begin(): void {
    this.root.append(this.notices.root, this.announcer.root)
    new ResizeObserver(() => this.resize()).observe(this.stage)
    this.resize()
    this.apply()
    this.stand(this.join?.typed ?? "")
    const frame = (nowMs: number) => {
      this.draw(nowMs)
      const { restMs } = this.scene.sharpness
      if (restMs === 0) requestAnimationFrame(frame)
      else setTimeout(() => requestAnimationFrame(frame), restMs)
    }
    requestAnimationFrame(frame)
    document.addEventListener("visibilitychange", () =>
      this.visit?.setPace(document.hidden ? "PACE_LINES" : "PACE_FULL")
    )
    window.addEventListener("pagehide", (event) => {
      if (!event.persisted) this.visit?.leave()
    })
  }

  private apply(): void {
    const { tongue, lessMotion, textSize, sound, sharp } = this.preferences
    this.words = wordsOf(tongue)
    dress(this.preferences, this.words)
    this.stage.setAttribute("aria-label", this.words.plaza)
    this.scene.calm(lessMotion)
    this.scene.drawSharply(sharp)
    this.scene.setTextSize(textSizes[textSize] ?? 1)
    this.sound.isOn = sound
  }

  /** On the way in one sees oneself in the plaza already, under the name that is being typed. */
  private stand(nickname: string): void {
    const park = layOut(usualPark.id, usualPark.widthCm, usualPark.heightCm)
    this.crowd.clear()
    this.scene.enter(park, 1000)
    this.scene.cast.self = 0
    this.steps.enter(park, park.plaza.x, park.plaza.y + 330)
    this.steps.walker.face(0, 1)
    this.crowd.join({ member: 0, nickname, avatar: this.preferences.kind, walker: this.steps.walker })
    const { clientWidth, clientHeight } = this.stage
    // The card stands below, or beside where the screen is low.
    this.scene.camera.liftPx =
      clientHeight <= 520 && clientWidth > clientHeight ? 0 : Math.min(clientHeight * 0.22, 170)
    this.scene.camera.jumpTo(this.steps.walker.xCm, this.steps.walker.yCm)
  }

  private comeIn(nickname: string): void {
    this.prefer({ nickname })
    const url = new URL("ws", location.href)
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:"
    const { deviceSecret, kind } = this.preferences
    const stay = new Stay(this)
    const visit = new Visit(
      { url: url.href, nickname, deviceSecret, avatar: kind },
      this,
      stay.visitEvents(() => this.arrive(stay))
    )
    stay.visit = visit
    this.visit = visit
    // From here on, and not from the arrival: it has hands already, which end with it also where one is not let in.
    this.stay = stay
    if (document.hidden) visit.setPace("PACE_LINES")
  }

  /** One stands in the plaza: the way in goes, the bar comes. */
  private arrive(stay: Stay): void {
    if (stay.root.isConnected) return
    this.join?.root.remove()
    this.join = undefined
    this.scene.camera.liftPx = 0
    this.root.append(stay.root)
    this.stage.focus()
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.stage
    this.scene.resize(clientWidth, clientHeight)
  }

  private draw(nowMs: number): void {
    const frameMs = Math.max(nowMs - this.lastMs, 0)
    const elapsedMs = Math.min(frameMs, frameMsMax)
    this.lastMs = nowMs
    // A frame after a long pause was not slow: nobody looked.
    if (frameMs < pauseMs) this.scene.pace(frameMs)
    this.steps.advance(nowMs, elapsedMs)
    this.scene.draw(this.steps.walker, nowMs, elapsedMs)
  }
}

// --- internal ---

/** The document as one likes it. */
function dress({ tongue, lessMotion, textSize }: Preferences, words: Words): void {
  document.documentElement.lang = tongue
  document.title = words.title
  document.documentElement.dataset.motion = lessMotion ? "less" : "full"
  document.documentElement.dataset.textSize = String(textSize)
}

/** What was put on the page is on the screen: the frame after it begins. Only then comes what takes long. */
const painted = (): Promise<void> =>
  new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())))
