/** The way in: a nickname and nothing else. Owns this screen; what happens with the name is for others. */
import type { Words } from "../Words.ts"
import { make } from "./Dom.ts"

const nicknameMax = 12

export interface JoinEvents {
  readonly typed: (nickname: string) => void
  readonly join: (nickname: string) => void
}

export class JoinScreen {
  readonly root: HTMLElement
  private readonly words: Words
  private readonly input: HTMLInputElement
  private readonly button: HTMLButtonElement
  private readonly fault = make("p", { class: "fault", id: "join-fault", aria: { role: "alert" } })

  constructor(words: Words, nickname: string, events: JoinEvents) {
    this.words = words
    this.input = make("input", {
      id: "nickname",
      type: "text",
      value: nickname,
      autocomplete: "off",
      enterKeyHint: "go",
      spellcheck: false,
      maxLength: 64,
      aria: { "aria-describedby": "join-fault" }
    })
    this.button = make("button", { type: "submit", class: "button wide" }, words.enter)
    const form = make(
      "form",
      { class: "join-card", noValidate: true },
      make("h1", {}, words.title),
      make("p", { class: "tagline" }, words.tagline),
      make("label", { htmlFor: "nickname" }, words.nickname),
      this.input,
      this.fault,
      this.button
    )
    this.root = make("main", { class: "join" }, form)
    this.input.addEventListener("input", () => events.typed(this.typed))
    form.addEventListener("submit", (event) => {
      event.preventDefault()
      const name = this.input.value.normalize("NFC").trim()
      const fault = this.faultOf(name)
      this.tell(fault)
      if (fault !== "") return
      this.busy(true)
      events.join(name)
    })
  }

  /** The name as far as it is typed. */
  get typed(): string {
    return this.input.value.trim()
  }

  focus(): void {
    this.input.focus()
    this.input.select()
  }

  tell(fault: string): void {
    this.fault.textContent = fault
    this.input.setAttribute("aria-invalid", String(fault !== ""))
    if (fault === "") return
    this.busy(false)
    this.input.focus()
  }

  // --- internal ---

  /** While one comes in there is nothing to press. */
  private busy(isBusy: boolean): void {
    this.button.disabled = isBusy
    this.button.textContent = isBusy ? this.words.entering : this.words.enter
  }

  private faultOf(name: string): string {
    if (name === "") return this.words.nicknameEmpty
    const count = [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(name)].length
    return count > nicknameMax ? this.words.nicknameLong : ""
  }
}
