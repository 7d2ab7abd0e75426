/**
 * What one visitor knows of the plaza: where they stand, whom they see, what was said. Owns that picture and how each
 * line heard changes it; neither the socket (the SDK's) nor the screen (Screen.ts).
 */
import type * as Client from "../../sdk/typescript/src/Plaza.ts"
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
  ground({ name, widthCm, heightCm }: Pick<Client.Playground, "name" | "widthCm" | "heightCm">): void {
    this.name = clean(name)
    this.widthCm = widthCm
    this.heightCm = heightCm
  }

  /** Stands somewhere, after entering or resuming, or outside; who is in view is told anew. */
  stand(place: Client.Place | undefined): void {
    this.members.clear()
    this.crowded.clear()
    this.me = place && { member: place.member, nickname: this.nickname, xCm: place.xCm, yCm: place.yCm }
    if (place === undefined) return
    this.playground = place.playground
    this.channel = place.channel
    this.cellCm = place.cellCm || this.cellCm
  }

  // --- What is heard; what comes to the chat is given back ---

  appeared({ members }: Client.Appeared): void {
    for (const { member, nickname, xCm, yCm } of members) {
      if (member === this.me?.member || this.members.size >= membersMax) continue
      this.members.set(member, { member, nickname: clean(nickname), xCm, yCm })
    }
  }

  disappeared({ member }: Client.Disappeared): void {
    for (const each of member) this.members.delete(each)
  }

  /** One's own moves come back, too: they are known already, and newer here. */
  moved({ member, xCm, yCm }: Client.Moved): void {
    member.forEach((each, i) => {
      const seen = this.members.get(each)
      if (seen === undefined) return
      seen.xCm = xCm[i] ?? seen.xCm
      seen.yCm = yCm[i] ?? seen.yCm
    })
  }

  crowd({ cell, count }: Client.Crowded): void {
    if (count === 0) this.crowded.delete(cell)
    else this.crowded.set(cell, count)
  }

  corrected({ xCm, yCm }: Client.MoveCorrected): void {
    if (this.me !== undefined) this.me = { ...this.me, xCm, yCm }
  }

  announced({ text }: Client.Announced): Line {
    return this.note("note", clean(text))
  }

  said({ nickname, member, text }: Client.Said): Line {
    return this.note("said", `${clean(nickname)}#${member}: ${clean(text)}`)
  }

  whispered({ nickname, member, text }: Client.Whispered): Line {
    return this.note("whisper", `${clean(nickname)}#${member} → you: ${clean(text)}`)
  }

  emoted({ member, kind }: Client.Emoted): Line {
    return this.note("emote", `${this.nameOf(member)} · ${clean(kind)}`)
  }

  missed(): Line {
    return this.note("note", "some lines may be missing here")
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
}

const linesMax = 500
const membersMax = 10_000
