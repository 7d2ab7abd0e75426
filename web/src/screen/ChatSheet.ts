/** The chat sheet: three rooms with what was said in them. Owns this sheet; the lines are the chat's. */
import { type Chat, type Line, type Room, rooms } from "../talk/Chat.ts"
import type { Words } from "../Words.ts"
import { make } from "./Dom.ts"
import type { SheetContent } from "./Sheet.ts"

export interface ChatSheetEvents {
  /** Another room is looked at: what is said next goes there. */
  readonly chose: (room: Room) => void
  /** Somebody's name was pressed. */
  readonly person: (member: number) => void
}

export class ChatSheet {
  private readonly chat: Chat
  private readonly words: () => Words
  private readonly events: ChatSheetEvents
  private room: Room = "nearby"
  /** The room whose lines are on the sheet, the rows of these, and what stands below them for now. */
  private shownRoom: Room | undefined
  private readonly shown = new Map<Line, HTMLElement>()
  private passing: ReadonlyArray<HTMLElement> = []
  private parts: { readonly tabs: ReadonlyMap<Room, HTMLButtonElement>; readonly log: HTMLElement } | undefined

  constructor(chat: Chat, words: () => Words, events: ChatSheetEvents) {
    this.chat = chat
    this.words = words
    this.events = events
  }

  content(): SheetContent {
    const words = this.words()
    const tabs = new Map(rooms.map((room) => [room, this.tab(room)]))
    const log = make("div", {
      id: "chat-log",
      class: "log",
      tabIndex: 0,
      aria: { role: "tabpanel", "aria-label": words.chat }
    })
    const list = make("div", { class: "tabs", aria: { role: "tablist" } }, ...tabs.values())
    list.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0
      if (step === 0) return
      event.preventDefault()
      this.open(rooms[(rooms.indexOf(this.room) + step + rooms.length) % rooms.length] ?? "nearby")
      this.parts?.tabs.get(this.room)?.focus()
    })
    this.parts = { tabs, log }
    this.shown.clear()
    this.shownRoom = undefined
    this.chat.look(this.room)
    const focus = tabs.get(this.room)
    return {
      title: words.chat,
      body: make("div", { class: "chat" }, list, log),
      ...(focus === undefined ? {} : { focus }),
      closed: () => {
        this.parts = undefined
        this.chat.look(undefined)
      }
    }
  }

  open(room: Room): void {
    this.room = room
    this.events.chose(room)
    if (this.parts !== undefined) this.chat.look(room)
  }

  /** The lines have changed. */
  refresh(): void {
    if (this.parts === undefined) return
    const { tabs, log } = this.parts
    const words = this.words()
    for (const [room, tab] of tabs) {
      const isChosen = room === this.room
      tab.setAttribute("aria-selected", String(isChosen))
      tab.tabIndex = isChosen ? 0 : -1
      const unseen = this.chat.unseen[room]
      tab.replaceChildren(words[room], unseen === 0 ? "" : badge(unseen, words))
    }
    // It is refreshed again when it stands on the screen: before, nothing can be scrolled.
    if (!log.isConnected) return
    const isAnew = this.shownRoom !== this.room
    const isAtEnd = isAnew || log.scrollHeight - log.scrollTop - log.clientHeight < 60
    this.show(log, words)
    this.shownRoom = this.room
    if (isAtEnd) log.scrollTop = log.scrollHeight
  }

  // --- internal ---

  /** Only what is new is made, and only what is gone is taken away: a name may be in focus, or just being pressed. */
  private show(log: HTMLElement, words: Words): void {
    const lines = this.chat.lines[this.room]
    const drafts = [...this.chat.drafts].filter(({ room }) => room === this.room)
    const kept = new Set(lines)
    for (const [line, row] of this.shown) {
      if (kept.has(line)) continue
      row.remove()
      this.shown.delete(line)
    }
    for (const row of this.passing) row.remove()
    for (const line of lines) {
      if (this.shown.has(line)) continue
      const row = this.row(line, words)
      this.shown.set(line, row)
      log.append(row)
    }
    this.passing = drafts.map(({ text }) => draftRow(text, words))
    const empty = this.room === "whisper" ? words.noWhispers : words.noLines
    if (lines.length + drafts.length === 0) this.passing = [make("p", { class: "empty" }, empty)]
    log.append(...this.passing)
  }

  private tab(room: Room): HTMLButtonElement {
    const tab = make("button", { type: "button", aria: { role: "tab", "aria-controls": "chat-log" } })
    tab.addEventListener("click", () => this.open(room))
    return tab
  }

  private row(line: Line, words: Words): HTMLElement {
    if (line.isNote === true) return make("p", { class: "note" }, line.text)
    const name = line.isOwn ? (line.to === undefined ? words.you : `${words.you} → ${line.to}`) : line.nickname
    const who = make("button", { type: "button", class: "name" }, name)
    who.disabled = line.isOwn || line.member === 0
    who.addEventListener("click", () => this.events.person(line.member))
    return make(
      "div",
      { class: `line${line.isOwn ? " own" : ""}${line.isHistory ? " history" : ""}` },
      make("div", { class: "head" }, who, make("time", {}, timeOf(line.atMs))),
      make("p", { class: "text" }, line.text)
    )
  }
}

export const badge = (count: number, words: Words): HTMLElement =>
  make("span", { class: "badge", title: words.unseen(count) }, count > 99 ? "99+" : String(count))

// --- internal ---

const draftRow = (text: string, words: Words): HTMLElement =>
  make(
    "div",
    { class: "line own draft" },
    make("div", { class: "head" }, make("span", {}, words.sending)),
    make("p", { class: "text" }, text)
  )

function timeOf(atMs: number): string {
  const date = new Date(atMs)
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`
}
