/**
 * The bar at the bottom where one writes: to whom, what, and send. Owns the bar; what is said goes to whoever was given.
 */
import { type Room, rooms } from "../talk/Chat.ts"
import type { Words } from "../Words.ts"
import { badge } from "./ChatSheet.ts"
import { icon, iconButton, make } from "./Dom.ts"

export interface Target {
  readonly room: Room
  /** Whom to whisper to. */
  readonly member: number
  readonly nickname: string
}

export interface ComposerEvents {
  readonly say: (text: string, target: Target) => void
  /** A line was not sent, and why: it is too long, or whom it was for is here no longer. */
  readonly kept: (why: "tooLong" | "memberGone") => void
  readonly typing: () => void
  readonly chat: () => void
  readonly emotes: () => void
  readonly left: () => void
}

/** What a line may have (design, Limits). */
const graphemesMax = 200
const bytesMax = 1024

export class Composer {
  readonly root: HTMLElement
  private readonly words: Words
  private readonly input: HTMLInputElement
  private readonly reach: HTMLSelectElement
  private readonly chatButton: HTMLButtonElement
  /** Member 0: is here no longer, and what is written to them must not go to others. */
  private whisperTo: { readonly member: number; readonly nickname: string } | undefined

  constructor(words: Words, events: ComposerEvents) {
    this.words = words
    // Named by what is written in it, because the number of lines unseen is.
    this.chatButton = make("button", { type: "button", class: "round", title: words.chat }, icon("chat"))
    this.chatButton.append(make("span", { class: "for-readers" }, words.chat))
    this.chatButton.addEventListener("click", events.chat)
    this.reach = make("select", { title: words.reach, aria: { "aria-label": words.reach } })
    this.input = make("input", {
      type: "text",
      placeholder: words.sayHere,
      autocomplete: "off",
      enterKeyHint: "send",
      maxLength: 600,
      aria: { "aria-label": words.say }
    })
    const send = make("button", {
      type: "submit",
      class: "round strong",
      title: words.send,
      aria: { "aria-label": words.send }
    })
    send.append(icon("send"))
    const form = make("form", { class: "say" }, this.reach, this.input, send)
    form.addEventListener("submit", (event) => {
      event.preventDefault()
      const text = this.input.value.trim().normalize("NFC")
      const { target } = this
      if (text === "") return
      if (isTooLong(text)) return events.kept("tooLong")
      if (target.room === "whisper" && target.member === 0) return events.kept("memberGone")
      this.input.value = ""
      events.say(text, target)
    })
    this.input.addEventListener("input", () => {
      if (this.input.value !== "") events.typing()
    })
    this.input.addEventListener("keydown", (event) => {
      event.stopPropagation()
      if (event.key === "Escape") events.left()
    })
    this.reach.addEventListener("keydown", (event) => event.stopPropagation())
    this.root = make("div", { class: "bar" }, this.chatButton, form, iconButton("smile", words.emotes, events.emotes))
    this.options("nearby")
  }

  get target(): Target {
    const room = rooms.find((one) => one === this.reach.value) ?? "nearby"
    return { room, member: this.whisperTo?.member ?? 0, nickname: this.whisperTo?.nickname ?? "" }
  }

  focus(): void {
    this.input.focus()
  }

  /** What is said next goes there; a whisper needs somebody. */
  choose(room: Room): void {
    if (room !== "whisper" || this.whisperTo !== undefined) this.options(room)
  }

  whisper(member: number, nickname: string): void {
    this.whisperTo = { member, nickname }
    this.options("whisper")
    this.focus()
  }

  /** Who was whispered to is no longer to be reached. */
  forget(): void {
    const { room, nickname } = this.target
    this.whisperTo = room === "whisper" ? { member: 0, nickname } : undefined
    this.options(room)
  }

  /** What could not be said is put back, for whom it was, unless something else was begun. */
  restore(text: string, { room, member, nickname }: Target): void {
    const isWhispering = this.target.room === "whisper"
    // Whom one is about to whisper to counts as begun.
    if (this.input.value !== "" || (isWhispering && room !== "whisper")) return
    this.input.value = text
    const isTo = this.whisperTo?.member === member && this.whisperTo.nickname === nickname
    if (room === "whisper" && !isTo) this.whisperTo = { member: 0, nickname }
    this.options(room)
  }

  /** In another language: what is written, and to whom, stays. */
  takeOver({ input, whisperTo, target }: Composer): void {
    this.input.value = input.value
    this.whisperTo = whisperTo
    this.options(target.room)
  }

  unseen(count: number): void {
    this.chatButton.querySelector(".badge")?.remove()
    if (count > 0) this.chatButton.append(badge(count, this.words))
  }

  // --- internal ---

  private options(chosen: Room): void {
    const option = (room: Room, label: string) => make("option", { value: room, selected: room === chosen }, label)
    this.reach.replaceChildren(option("nearby", this.words.nearby), option("all", this.words.all))
    if (this.whisperTo !== undefined)
      this.reach.append(option("whisper", this.words.whisperTo(this.whisperTo.nickname)))
  }
}

// --- internal ---

/** A flag or a family counts as one. */
const isTooLong = (text: string): boolean =>
  new TextEncoder().encode(text).length > bytesMax ||
  [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].length > graphemesMax
