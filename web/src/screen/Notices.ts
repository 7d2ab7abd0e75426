/**
 * What the page has to say for itself: short notices that go by themselves, a banner while the connection is away, and a
 * dialog when there is no going on without a decision. Owns these.
 */
import type { Announcer } from "./Announcer.ts"
import { make, textButton } from "./Dom.ts"

const noticeMs = 4200
const noticesMax = 3

export class Notices {
  readonly root: HTMLElement
  private readonly banner = make("p", { class: "banner", hidden: true })
  private readonly list = make("div", { class: "notices" })
  private readonly announcer: Announcer

  constructor(announcer: Announcer) {
    this.announcer = announcer
    this.root = make("div", { class: "notice-area" }, this.banner, this.list)
  }

  tell(text: string): void {
    const notice = make("p", { class: "notice" }, text)
    this.list.append(notice)
    while (this.list.childElementCount > noticesMax) this.list.firstElementChild?.remove()
    setTimeout(() => notice.remove(), noticeMs)
    this.announcer.now(text)
  }

  /** Stays until it is told otherwise. */
  show(text: string | undefined): void {
    if (text !== undefined && this.banner.textContent !== text) this.announcer.now(text)
    this.banner.textContent = text ?? ""
    this.banner.hidden = text === undefined
  }

  ask(title: string, text: string, choice: string, chosen: () => void): void {
    const dialog = make("dialog", { class: "ask", aria: { "aria-labelledby": "ask-title" } })
    const button = textButton(choice, () => {
      dialog.close()
      dialog.remove()
      chosen()
    })
    dialog.append(make("h2", { id: "ask-title" }, title), make("p", {}, text), button)
    dialog.addEventListener("cancel", (event) => event.preventDefault())
    document.body.append(dialog)
    dialog.showModal()
    button.focus()
  }
}
