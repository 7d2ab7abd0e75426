/** The emote wheel: eight gestures in a ring, by pointer, by arrow keys or by their numbers. Owns this ring. */
import { type Emote, emotes } from "../art/EmoteArt.ts"
import type { Words } from "../Words.ts"
import { make } from "./Dom.ts"
import type { Portraits } from "./Portraits.ts"

const radiusPx = 88

export class EmoteWheel {
  /** Takes the focus itself where a press gives its button none, as in Safari: else it would be gone before the click. */
  readonly root = make("div", { class: "wheel", hidden: true, tabIndex: -1, aria: { role: "menu" } })
  private readonly buttons: ReadonlyArray<HTMLButtonElement>
  private opener: Element | null = null

  constructor(words: Words, portraits: Portraits, chosen: (emote: Emote) => void) {
    this.root.setAttribute("aria-label", words.emotes)
    this.buttons = emotes.map((emote, index) => {
      const label = words.emote[emote]
      const button = make(
        "button",
        {
          type: "button",
          class: "wheel-button",
          title: `${label} (${index + 1})`,
          aria: { role: "menuitem", "aria-label": label }
        },
        portraits.emote(emote, 40)
      )
      const angle = (index / emotes.length) * Math.PI * 2 - Math.PI / 2
      button.style.left = `calc(50% + ${Math.cos(angle) * radiusPx}px)`
      button.style.top = `calc(50% + ${Math.sin(angle) * radiusPx}px)`
      button.addEventListener("click", () => {
        this.close()
        chosen(emote)
      })
      return button
    })
    this.root.append(...this.buttons)
    this.root.addEventListener("keydown", (event) => this.key(event))
    this.root.addEventListener("focusout", (event) => {
      // What opened it closes it when it is pressed again, and not before.
      if (event.relatedTarget !== null && event.relatedTarget === this.opener) return
      if (!(event.relatedTarget instanceof Node && this.root.contains(event.relatedTarget))) this.root.hidden = true
    })
  }

  toggle(): void {
    if (!this.root.hidden) {
      this.close()
      return
    }
    this.opener = document.activeElement
    this.root.hidden = false
    this.buttons[0]?.focus()
  }

  close(): void {
    if (this.root.hidden) return
    this.root.hidden = true
    if (this.opener instanceof HTMLElement) this.opener.focus()
  }

  // --- internal ---

  private key(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (event.key === "Escape") this.close()
    else if (step === undefined) return
    else {
      const at = this.buttons.findIndex((button) => button.matches(":focus"))
      this.buttons[(at + step + this.buttons.length) % this.buttons.length]?.focus()
    }
    event.preventDefault()
    event.stopPropagation()
  }
}
