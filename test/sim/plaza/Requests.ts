/**
 * The lasting requests of one phone: each with an id that rises, sent again under it until it has an answer, and what the
 * answers were. Owns what they promise: answered alike, and refused for good is refused for good.
 */
import type { Fields } from "../../../src/wire/Strict.ts"

export interface Request {
  readonly kind: "say" | "whisper" | "give" | "block" | "unblock"
  /** 0: it wants no answer. */
  readonly id: number
  /** Known by it wherever it is heard. */
  readonly text: string
  readonly body: object
  sends: number
  isOpen: boolean
  /** What it was answered. */
  answer: Fields | undefined
  /** It has not happened, and will not: this is a definite error, however often it was sent. */
  isRefused: boolean
}

/** After these nobody knows what became of it, or it is a fresh ask. */
const undecided: ReadonlySet<unknown> = new Set(["ERROR_CODE_UNCERTAIN", "ERROR_CODE_UNAVAILABLE"])

export class Requests {
  readonly all: Array<Request> = []
  readonly wrongs: Array<string> = []
  /** Of which nobody could say any more what became of them. */
  readonly forgotten: Array<string> = []
  readonly #name: string
  #id = 0

  constructor(name: string) {
    this.#name = name
  }

  nextId(): number {
    return ++this.#id
  }

  /** In the order they were made. */
  get open(): ReadonlyArray<Request> {
    return this.all.filter(({ isOpen }) => isOpen)
  }

  make(kind: Request["kind"], body: (text: string) => object, hasId = true): Request {
    const number = this.nextId()
    const text = `${this.#name}'s ${number}`
    const id = hasId ? number : 0
    return { kind, id, text, body: body(text), sends: 0, isOpen: true, answer: undefined, isRefused: false }
  }

  add(request: Request): void {
    this.all.push(request)
  }

  /** The session is over: what was not answered never will be. */
  giveUp(): void {
    for (const request of this.open) request.isOpen = false
  }

  /** An answer. What it gives is to be sent again. */
  answered(id: number, name: string, answer: Fields): Request | undefined {
    const request = this.all.find((one) => one.id === id)
    if (request === undefined) return undefined
    if (name === "error" && undecided.has(answer.code)) return request.isOpen ? request : undefined
    if (name === "error" && answer.code === "ERROR_CODE_ID_REUSED") {
      this.wrongs.push(`${request.text} is another's by its id`)
    }
    const isKnown = name === "error" && answer.code === "ERROR_CODE_STALE_ID"
    if (isKnown) this.forgotten.push(`${request.text} is forgotten`)
    const said = JSON.stringify({ [name]: answer })
    const before = request.answer
    if (before !== undefined && JSON.stringify(before) !== said && name !== "error" && before.error === undefined) {
      this.wrongs.push(`${request.text} was answered ${JSON.stringify(before)}, then ${said}`)
    }
    if (before !== undefined) return undefined
    request.answer = { [name]: answer }
    request.isRefused = name === "error" && !isKnown
    request.isOpen = false
    return undefined
  }
}
