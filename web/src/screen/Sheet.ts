/**
 * A sheet: one panel with a title that opens beside the plaza and closes again. At most one is open. Owns opening, closing
 * and where the focus goes; what is on a sheet is its own.
 */
import { iconButton, make } from "./Dom.ts"

export interface SheetContent {
  readonly title: string
  readonly body: HTMLElement
  /** What to focus first; the sheet itself if there is nothing. */
  readonly focus?: HTMLElement
  readonly closed?: () => void
}

export class Sheets {
  readonly root = make("div", { class: "sheets" })
  private open: { readonly name: string; readonly content: SheetContent } | undefined
  private opener: Element | null = null
  private readonly closeLabel: () => string
  private readonly changed: (name: string | undefined) => void

  constructor(closeLabel: () => string, changed: (name: string | undefined) => void) {
    this.closeLabel = closeLabel
    this.changed = changed
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return
      event.stopPropagation()
      this.close()
    })
  }

  get current(): string | undefined {
    return this.open?.name
  }

  /** How much of the lower screen is covered by a sheet as wide as the screen: one stands in the middle of the rest. */
  get coveredPx(): number {
    const box = this.root.firstElementChild?.getBoundingClientRect()
    return box === undefined || box.width < window.innerWidth * 0.8 ? 0 : window.innerHeight - box.top
  }

  toggle(name: string, content: () => SheetContent): void {
    if (this.current === name) this.close()
    else this.show(name, content())
  }

  show(name: string, content: SheetContent): void {
    if (this.open === undefined) this.opener = document.activeElement
    // What is only shown anew does not come in anew.
    const again = this.current === name ? " again" : ""
    this.open?.content.closed?.()
    this.open = { name, content }
    const title = make("h2", { id: "sheet-title" }, content.title)
    const close = iconButton("close", this.closeLabel(), () => this.close())
    const sheet = make(
      "section",
      {
        class: `sheet sheet-${name}${again}`,
        tabIndex: -1,
        aria: { role: "dialog", "aria-labelledby": "sheet-title" }
      },
      make("header", {}, title, close),
      content.body
    )
    this.root.replaceChildren(sheet)
    ;(content.focus ?? sheet).focus()
    this.changed(name)
  }

  close(): void {
    if (this.open === undefined) return
    const { content } = this.open
    const hadFocus = this.root.contains(document.activeElement)
    this.open = undefined
    this.root.replaceChildren()
    content.closed?.()
    if (hadFocus && this.opener instanceof HTMLElement) this.opener.focus()
    this.changed(undefined)
  }
}
