/**
 * What hands do on the plaza: keys, taps, a held pointer, a thumb that pushes, two fingers or a wheel that zoom. Owns these
 * gestures; where they lead is told to whoever was given.
 */
import { make } from "./Dom.ts"

export interface HandEvents {
  /** The way to walk, up to length 1; 0, 0 stops. */
  readonly push: (x: number, y: number, isRunning: boolean) => void
  readonly tap: (x: number, y: number) => void
  /** A mouse is held: walk where it points. */
  readonly lead: (x: number, y: number) => void
  readonly zoom: (factor: number) => void
  /** A key that means something to the page. */
  readonly key: (key: string) => void
}

const thumbPx = 56
const tapPx = 10
const tapMs = 350

const ways: Readonly<Record<string, readonly [number, number]>> = {
  KeyW: [0, -1],
  ArrowUp: [0, -1],
  KeyS: [0, 1],
  ArrowDown: [0, 1],
  KeyA: [-1, 0],
  ArrowLeft: [-1, 0],
  KeyD: [1, 0],
  ArrowRight: [1, 0]
}

interface Touch {
  readonly id: number
  readonly startX: number
  readonly startY: number
  readonly atMs: number
  readonly isMouse: boolean
  x: number
  y: number
  hasMoved: boolean
}

export class Hands {
  readonly stick: HTMLElement
  private readonly knob = make("div", { class: "knob" })
  private readonly stage: HTMLElement
  private readonly events: HandEvents
  private readonly held = new Set<string>()
  private readonly touches = new Map<number, Touch>()
  private readonly over = new AbortController()
  private pinch = 0

  constructor(stage: HTMLElement, events: HandEvents) {
    this.stage = stage
    this.events = events
    this.stick = make("div", { class: "stick", hidden: true }, this.knob)
    const { signal } = this.over
    stage.addEventListener("pointerdown", (event) => this.down(event), { signal })
    stage.addEventListener("pointermove", (event) => this.move(event), { signal })
    stage.addEventListener("pointerup", (event) => this.up(event), { signal })
    stage.addEventListener("pointercancel", (event) => this.up(event), { signal })
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false, signal })
    stage.addEventListener("contextmenu", (event) => event.preventDefault(), { signal })
    window.addEventListener("keydown", (event) => this.keyDown(event), { signal })
    window.addEventListener("keyup", (event) => this.keyUp(event), { signal })
    window.addEventListener("blur", () => this.release(), { signal })
  }

  /** Hears nothing from now on. */
  end(): void {
    this.release()
    this.over.abort()
  }

  /** Nothing is held any more: the window is another's. */
  release(): void {
    this.held.clear()
    this.touches.clear()
    this.stick.hidden = true
    this.events.push(0, 0, false)
  }

  // --- internal ---

  private keyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return
    const isArrow = event.code.startsWith("Arrow")
    if (ways[event.code] !== undefined) {
      // Within a list or a choice the arrows are its own.
      if (isArrow && event.target !== this.stage && event.target !== document.body) return
      event.preventDefault()
      this.held.add(event.code)
      this.steer(event.shiftKey)
    } else if (event.key === "Enter" && event.target !== this.stage && event.target !== document.body) return
    else if (!event.repeat) this.plain(event)
  }

  private plain(event: KeyboardEvent): void {
    if (event.key === "Shift") this.steer(true)
    const isMeant = event.key === "Enter" || event.key === "Escape" || /^(Key[CPME]|Digit[1-8])$/.test(event.code)
    if (!isMeant) return
    event.preventDefault()
    this.events.key(event.key.length > 1 ? event.key : event.code)
  }

  private keyUp(event: KeyboardEvent): void {
    if (event.key === "Shift") this.steer(false)
    if (!this.held.delete(event.code)) return
    this.steer(event.shiftKey)
  }

  private steer(isRunning: boolean): void {
    let x = 0
    let y = 0
    for (const code of this.held) {
      const [dx, dy] = ways[code] ?? [0, 0]
      x += dx
      y += dy
    }
    const length = Math.max(1, Math.hypot(x, y))
    this.events.push(x / length, y / length, isRunning)
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0) return
    this.stage.focus({ preventScroll: true })
    this.stage.setPointerCapture(event.pointerId)
    const { clientX: x, clientY: y, pointerId: id } = event
    const isMouse = event.pointerType === "mouse"
    this.touches.set(id, { id, startX: x, startY: y, atMs: event.timeStamp, isMouse, x, y, hasMoved: false })
    if (this.touches.size === 2) {
      this.pinch = this.span()
      this.stick.hidden = true
      this.events.push(0, 0, false)
    }
  }

  private move(event: PointerEvent): void {
    const touch = this.touches.get(event.pointerId)
    if (touch === undefined) return
    touch.x = event.clientX
    touch.y = event.clientY
    if (this.touches.size === 2) {
      const span = this.span()
      if (this.pinch > 0) this.events.zoom(span / this.pinch)
      this.pinch = span
      for (const one of this.touches.values()) one.hasMoved = true
      return
    }
    if (Math.hypot(touch.x - touch.startX, touch.y - touch.startY) > tapPx) touch.hasMoved = true
    if (!touch.hasMoved) return
    if (touch.isMouse) this.events.lead(touch.x, touch.y)
    else this.thumb(touch)
  }

  private up(event: PointerEvent): void {
    const touch = this.touches.get(event.pointerId)
    if (touch === undefined) return
    this.touches.delete(event.pointerId)
    this.pinch = 0
    this.stick.hidden = true
    if (touch.hasMoved) {
      if (!touch.isMouse) this.events.push(0, 0, false)
    } else if (event.type === "pointerup" && event.timeStamp - touch.atMs < tapMs * 3) this.events.tap(touch.x, touch.y)
  }

  /** A stick appears under the thumb, wherever it was put down. */
  private thumb(touch: Touch): void {
    const dx = touch.x - touch.startX
    const dy = touch.y - touch.startY
    const far = Math.hypot(dx, dy)
    const part = Math.min(1, far / thumbPx)
    this.stick.hidden = false
    this.stick.style.left = `${touch.startX}px`
    this.stick.style.top = `${touch.startY}px`
    const [x, y] = [(dx / Math.max(far, 1)) * part, (dy / Math.max(far, 1)) * part]
    this.knob.style.transform = `translate(${x * thumbPx}px, ${y * thumbPx}px)`
    this.events.push(x, y, far > thumbPx * 1.35)
  }

  private span(): number {
    const [one, other] = [...this.touches.values()]
    return one === undefined || other === undefined ? 0 : Math.hypot(one.x - other.x, one.y - other.y)
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault()
    this.events.zoom(Math.exp(-event.deltaY * (event.deltaMode === 0 ? 0.0014 : 0.05)))
  }
}

// --- internal ---

/** Letters typed somewhere are that place's own. */
const isWriting = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement
    ? target.type !== "radio" && target.type !== "checkbox"
    : target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement
