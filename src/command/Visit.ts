/**
 * What one visitor knows of the plaza: where they stand, whom they see, what was said. Owns that picture and how each
 * line heard changes it; neither the socket (Phone.ts) nor the screen (Screen.ts).
 */
import type { Body } from "./Phone.ts"
import { clean } from "./Width.ts"

export interface Seen {
  readonly member: number
  readonly nickname: string
  xCm: number
  yCm: number
}

export type LineKind = "said" | "whisper" | "emote" | "note"

export interface Line {
  readonly kind: LineKind
  readonly text: string
}

export class Visit {
  status = "connecting"
  playground = ""
  name = ""
  channel = 0
  widthCm = 0
  heightCm = 0
  cellCm = 1000
  readonly nickname: string
  me: Seen | undefined
  /** Others in view. */
  readonly members = new Map<number, Seen>()
  /** How many more stand in cells that are too full to show all. */
  readonly crowded = new Map<number, number>()
  readonly lines: Array<Line> = []
  input = ""
  typing = false

  constructor(nickname: string) {
    this.nickname = nickname
  }

  get isInside(): boolean {
    return this.me !== undefined
  }

  /** The ground of a playground, as listPlaygrounds tells it. */
  ground(playground: Body): void {
    this.name = clean(playground.text("name"))
    this.widthCm = playground.number("widthCm")
    this.heightCm = playground.number("heightCm")
  }

  /** Stands somewhere, after entering or resuming; who is in view is told anew. */
  arrive(body: Body): void {
    this.playground = body.text("playground")
    this.channel = body.number("channel")
    this.cellCm = body.number("cellCm") || this.cellCm
    this.me = {
      member: body.number("member"),
      nickname: this.nickname,
      xCm: body.number("xCm"),
      yCm: body.number("yCm")
    }
    this.members.clear()
    this.crowded.clear()
  }

  outside(): void {
    this.me = undefined
    this.members.clear()
    this.crowded.clear()
  }

  /** A line that nobody asked for. Gives what it adds to the chat, if anything. */
  hear(key: string, body: Body): Line | undefined {
    switch (key) {
      case "appeared":
        for (const member of body.bodies("members")) this.appear(member)
        return undefined
      case "disappeared":
        for (const member of body.numbers("member")) this.members.delete(member)
        return undefined
      case "moved":
        this.moved(body)
        return undefined
      case "crowded":
        if (body.number("count") === 0) this.crowded.delete(body.number("cell"))
        else this.crowded.set(body.number("cell"), body.number("count"))
        return undefined
      case "moveCorrected":
        if (this.me !== undefined) this.me = { ...this.me, xCm: body.number("xCm"), yCm: body.number("yCm") }
        return undefined
      case "said":
        return this.note("said", `${this.called(body)}: ${clean(body.text("text"))}`)
      case "whispered":
        return this.note("whisper", `${this.called(body)} → you: ${clean(body.text("text"))}`)
      case "emoted":
        return this.note("emote", `${this.nameOf(body.number("member"))} · ${clean(body.text("kind"))}`)
      case "error":
        return this.note("note", `refused: ${clean(body.text("message") || body.text("code"))}`)
      case "streams":
        return this.note("note", "some lines may be missing here")
      default:
        return undefined
    }
  }

  note(kind: LineKind, text: string): Line {
    const line = { kind, text }
    this.lines.push(line)
    if (this.lines.length > linesMax) this.lines.splice(0, this.lines.length - linesMax)
    return line
  }

  nameOf(member: number): string {
    const seen = member === this.me?.member ? this.me : this.members.get(member)
    return seen === undefined ? `#${member}` : `${seen.nickname}#${member}`
  }

  // --- internal ---

  private called(body: Body): string {
    return `${clean(body.text("nickname"))}#${body.number("member")}`
  }

  private appear(body: Body): void {
    const member = body.number("member")
    if (member === this.me?.member || this.members.size >= membersMax) return
    const nickname = clean(body.text("nickname"))
    this.members.set(member, { member, nickname, xCm: body.number("xCm"), yCm: body.number("yCm") })
  }

  /** One's own moves come back, too: they are known already, and newer here. */
  private moved(body: Body): void {
    const xs = body.numbers("xCm")
    const ys = body.numbers("yCm")
    body.numbers("member").forEach((member, i) => {
      const seen = this.members.get(member)
      if (seen === undefined) return
      seen.xCm = xs[i] ?? seen.xCm
      seen.yCm = ys[i] ?? seen.yCm
    })
  }
}

const linesMax = 500
const membersMax = 10_000
