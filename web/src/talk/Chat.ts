/**
 * What was said, in three rooms: nearby, to all, and whispered. Owns the lines that are kept, those on their way, and how
 * many nobody has looked at; where they are shown is the sheet's.
 */
export const rooms = ["nearby", "all", "whisper"] as const
export type Room = (typeof rooms)[number]

export interface Line {
  readonly room: Room
  /** 0: nobody who could be found by it. */
  readonly member: number
  readonly nickname: string
  readonly text: string
  readonly atMs: number
  readonly isOwn: boolean
  /** Said before this guest came. */
  readonly isHistory: boolean
  /** To whom an own whisper went. */
  readonly to?: string
  /** A note of this page, not a line of anybody. */
  readonly isNote?: boolean
}

/** On its way: not heard by anybody yet. */
export interface Draft {
  readonly room: Room
  readonly text: string
}

const linesMax = 300

export class Chat {
  readonly lines: Record<Room, Array<Line>> = { nearby: [], all: [], whisper: [] }
  readonly unseen: Record<Room, number> = { nearby: 0, all: 0, whisper: 0 }
  readonly drafts = new Set<Draft>()
  /** The room that is looked at; undefined while the sheet is closed. */
  private seen: Room | undefined
  private readonly changed: () => void

  constructor(changed: () => void) {
    this.changed = changed
  }

  add(line: Line): void {
    const lines = this.lines[line.room]
    lines.push(line)
    if (lines.length > linesMax) lines.shift()
    if (line.room !== this.seen && !line.isOwn && !line.isHistory && line.isNote !== true) this.unseen[line.room]++
    this.changed()
  }

  /** Another channel: its lines are others. Whispers stay, but their numbers are others' now. */
  leaveChannel(): void {
    this.lines.nearby = []
    this.lines.all = []
    this.lines.whisper = this.lines.whisper.map((line) => ({ ...line, member: 0 }))
    this.unseen.nearby = this.unseen.all = 0
    this.changed()
  }

  /** Something is on its way until the result is called. */
  draft(draft: Draft): () => void {
    this.drafts.add(draft)
    this.changed()
    return () => {
      this.drafts.delete(draft)
      this.changed()
    }
  }

  look(room: Room | undefined): void {
    this.seen = room
    if (room !== undefined) this.unseen[room] = 0
    this.changed()
  }

  get unseenInAll(): number {
    return this.unseen.nearby + this.unseen.all + this.unseen.whisper
  }
}
