/**
 * What a view should know and show, said as simply as it can be: members by the newest version heard, cells as lists in
 * the order of arrival. Slow, and without a thought for phones.
 */
import type { Place } from "./Listener.ts"

export interface TruthOptions {
  readonly sizeCm: number
  readonly cellCm: number
  readonly cellShownMax: number
}

export interface TrueMember {
  version: number
  heard: number
  recorded: boolean
  standing: boolean
  placed: boolean
  own: boolean
  held: boolean
  place: Place
}

export interface TrueRecord {
  readonly version: number
  readonly shown: boolean
  readonly place: Place
}

export class Truth {
  readonly members = new Map<number, TrueMember>()
  heard = 0
  /** Own members that have moved since somebody asked. */
  readonly untold = new Set<number>()
  /** Why members went, since somebody asked. */
  readonly reasons = new Map<number, ReadonlyArray<string>>()
  /** What a snapshot did not know and is not newer was gone before it. */
  private floor = 0
  private readonly options: TruthOptions
  private readonly cells = new Map<number, Array<number>>()

  constructor(options: TruthOptions) {
    this.options = options
  }

  member(number: number): TrueMember {
    const known = this.members.get(number)
    if (known !== undefined) return known
    const member: TrueMember = {
      version: 0,
      heard: 0,
      recorded: false,
      standing: false,
      placed: false,
      own: false,
      held: false,
      place: { xCm: 0, yCm: 0 }
    }
    this.members.set(number, member)
    return member
  }

  changed(number: number, version: number, record: TrueRecord | undefined, reason: string): void {
    const member = this.member(number)
    if (version <= (member.recorded ? member.version : Math.max(member.version, this.floor))) return
    member.version = version
    member.heard = ++this.heard
    if (record === undefined) {
      this.removed(number, reason)
      return
    }
    member.recorded = true
    if (!member.placed) this.placed(number, record.place)
    this.stand(number, record.shown, reason)
    if (!record.shown && !member.held) member.own = false
  }

  removed(number: number, reason: string): void {
    const member = this.member(number)
    this.stand(number, false, reason)
    member.recorded = false
    if (!member.held) this.forget(number)
  }

  placed(number: number, place: Place): void {
    const member = this.member(number)
    const crosses = member.standing && this.cellOf(place) !== this.cellOf(member.place)
    if (crosses) this.line(member.place).splice(this.line(member.place).indexOf(number), 1)
    member.place = place
    member.placed = true
    if (crosses) this.line(place).push(number)
  }

  moved(number: number, place: Place): void {
    const member = this.members.get(number)
    if (member === undefined || !(member.recorded || member.held)) return
    member.own = true
    const { xCm, yCm } = member.place
    if (!member.placed || xCm !== place.xCm || yCm !== place.yCm) this.untold.add(number)
    this.placed(number, place)
  }

  /** Another runner's word. */
  told(number: number, place: Place): void {
    const member = this.members.get(number)
    if (member === undefined || !member.recorded || member.held) return
    member.own = false
    this.placed(number, place)
  }

  loaded(records: ReadonlyMap<number, TrueRecord>, heardBefore: number): void {
    let newest = 0
    for (const [number, record] of [...records].sort(([a], [b]) => a - b)) {
      newest = Math.max(newest, record.version)
      this.changed(number, record.version, record, "GONE_REASON_LOST")
      const member = this.member(number)
      if (member.recorded && !member.own) this.placed(number, record.place)
    }
    for (const [number, member] of this.members) {
      if (!member.recorded || records.has(number)) continue
      if (member.version <= newest || member.heard <= heardBefore) this.removed(number, "GONE_REASON_LEFT")
    }
    this.floor = Math.max(this.floor, newest)
  }

  joined(number: number): void {
    const member = this.member(number)
    member.held = true
    member.own = true
  }

  left(number: number): void {
    const member = this.member(number)
    member.held = false
    if (!member.recorded) this.forget(number)
    else if (!member.standing) member.own = false
  }

  /** Who is shown in the nine cells around a place, but for one. */
  shownAround(place: Place, but: number): ReadonlyMap<number, Place> {
    const shown = new Map<number, Place>()
    for (const cell of this.around(place)) {
      for (const number of (this.cells.get(cell) ?? []).slice(0, this.options.cellShownMax)) {
        if (number !== but) shown.set(number, this.member(number).place)
      }
    }
    return shown
  }

  crowdsAround(place: Place): ReadonlyMap<number, number> {
    const crowds = new Map<number, number>()
    for (const cell of this.around(place)) {
      const more = (this.cells.get(cell) ?? []).length - this.options.cellShownMax
      if (more > 0) crowds.set(cell, more)
    }
    return crowds
  }

  cellOf({ xCm, yCm }: Place): number {
    const { cellCm } = this.options
    return Math.floor(yCm / cellCm) * this.columns + Math.floor(xCm / cellCm)
  }

  private get columns(): number {
    return Math.ceil(this.options.sizeCm / this.options.cellCm)
  }

  private around(place: Place): ReadonlyArray<number> {
    const { columns } = this
    const at = this.cellOf(place)
    const far = (a: number, b: number): boolean => Math.abs(a - b) > 1
    return Array.from({ length: columns * columns }, (_, cell) => cell).filter(
      (cell) => !far(cell % columns, at % columns) && !far(Math.floor(cell / columns), Math.floor(at / columns))
    )
  }

  private stand(number: number, standing: boolean, reason: string): void {
    const member = this.member(number)
    if (member.standing === standing) return
    member.standing = standing
    const line = this.line(member.place)
    if (standing) line.push(number)
    else {
      line.splice(line.indexOf(number), 1)
      this.reasons.set(number, [...(this.reasons.get(number) ?? []), reason])
    }
  }

  private line(place: Place): Array<number> {
    const cell = this.cellOf(place)
    const line = this.cells.get(cell) ?? []
    this.cells.set(cell, line)
    return line
  }

  /** All but its version: it may be put back. */
  private forget(number: number): void {
    const { version } = this.member(number)
    this.members.delete(number)
    this.untold.delete(number)
    this.member(number).version = version
  }
}
