/**
 * A phone in tests: an outbox whose lines are read exactly as a client would, and what the client then believes. It
 * complains of what no client should have to bear: a member that appears twice, a move of somebody it does not know. A
 * `Defect` stands between the view and the phone, to show that the checks find what they are for.
 */
import { assert } from "@effect/vitest"
import { Pace } from "../../../gen/noriter/client/v1/playground.ts"
import type { Outbox } from "../../../src/client/Outbox.ts"
import type { Phone } from "../../../src/plaza/playground/Viewer.ts"

export interface Place {
  readonly xCm: number
  readonly yCm: number
}

interface Said {
  readonly seq: number
  readonly member?: number
  readonly id?: number
  readonly history?: boolean
  readonly text: string
}

interface ServerLine {
  readonly appeared?: {
    readonly members: ReadonlyArray<Place & { readonly member: number; readonly nickname: string }>
  }
  readonly disappeared?: { readonly member: ReadonlyArray<number>; readonly reason: string }
  readonly moved?: {
    readonly member: ReadonlyArray<number>
    readonly xCm: ReadonlyArray<number>
    readonly yCm: ReadonlyArray<number>
  }
  readonly crowded?: { readonly cell: number; readonly count?: number }
  readonly said?: Said
  readonly streams?: { readonly streams: ReadonlyArray<{ readonly epoch: string; readonly seq?: number }> }
  readonly emoted?: { readonly member: number; readonly kind: string }
  readonly typed?: { readonly member: number }
}

/** What becomes of a line on its way: undefined, it is lost. */
export type Defect = (line: ServerLine) => ServerLine | undefined

export const sound: Defect = (line) => line

interface ListenerOptions {
  readonly pace?: Pace
  readonly defect?: Defect
  readonly hidden?: ReadonlySet<string> | undefined
}

export class Listener implements Outbox, Phone {
  readonly member: number
  readonly session: string
  readonly pace: Pace
  readonly outbox = this
  readonly hidden: ReadonlySet<string> | undefined
  /** Its network is bad: LATEST is skipped. */
  slow = false
  /** LATEST was skipped, and nothing since. */
  skipped = false
  readonly known = new Map<number, Place>()
  /** What they are called. */
  readonly names = new Map<number, string>()
  readonly crowds = new Map<number, number>()
  self: Place
  readonly said: Array<Said> = []
  readonly gaps: Array<number> = []
  readonly signals: Array<string> = []
  /** All that it heard of members, one thing about one of them at a time, in order. */
  readonly things: Array<readonly [member: number, what: string]> = []
  /** Reasons of those who went, since it was last asked. */
  gone: Array<readonly [member: number, reason: string]> = []
  readonly chunks: Array<Uint8Array> = []
  /** What was pushed and not written yet: it is heard when it is. */
  waiting: Array<string> = []
  flushes = 0
  schedules = 0
  private readonly defect: Defect

  constructor(member: number, self: Place, options: ListenerOptions = {}) {
    this.member = member
    this.session = `s_${member}`
    this.self = self
    this.pace = options.pace ?? Pace.PACE_FULL
    this.defect = options.defect ?? sound
    this.hidden = options.hidden
  }

  readonly push = (chunk: Uint8Array): void => {
    this.chunks.push(chunk)
    const text = Buffer.from(chunk).toString()
    assert.isTrue(text.endsWith("\n"), "a chunk is whole lines")
    this.waiting.push(...text.trimEnd().split("\n"))
  }

  readonly answer = (chunk: Uint8Array): void => {
    this.push(chunk)
    this.schedule()
  }

  readonly latest = (chunk: Uint8Array): boolean => {
    if (this.slow) this.skipped = true
    else this.push(chunk)
    return !this.slow
  }

  readonly flush = (): void => {
    this.flushes++
    this.hearAll()
  }

  readonly schedule = (): void => {
    this.schedules++
    this.hearAll()
  }

  private hearAll(): void {
    const all = this.waiting
    this.waiting = []
    for (const one of all) {
      const line = this.defect(JSON.parse(one))
      if (line !== undefined) this.hear(line)
    }
  }

  private hear(line: ServerLine): void {
    for (const { member, nickname, xCm, yCm } of line.appeared?.members ?? []) {
      assert.notStrictEqual(member, this.member, "a phone knows its own member")
      assert.isFalse(this.known.has(member), `${member} appeared twice to ${this.member}`)
      this.known.set(member, { xCm, yCm })
      this.names.set(member, nickname)
      this.things.push([member, `appears at ${xCm} ${yCm}`])
    }
    for (const member of line.disappeared?.member ?? []) {
      assert.isTrue(this.known.delete(member), `${member} disappeared and was not there for ${this.member}`)
      this.gone.push([member, line.disappeared?.reason ?? ""])
      this.things.push([member, line.disappeared?.reason ?? ""])
    }
    if (line.moved !== undefined) this.hearMoved(line.moved)
    if (line.crowded !== undefined) {
      const { cell, count = 0 } = line.crowded
      assert.notStrictEqual(this.crowds.get(cell) ?? 0, count, `crowded told nothing new of ${cell}`)
      if (count === 0) this.crowds.delete(cell)
      else this.crowds.set(cell, count)
    }
    if (line.said !== undefined) {
      this.said.push(line.said)
      this.things.push([line.said.member ?? 0, `says ${line.said.seq}`])
    }
    for (const { seq = 0 } of line.streams?.streams ?? []) this.gaps.push(seq)
    if (line.emoted !== undefined) this.signal(line.emoted.member, line.emoted.kind)
    if (line.typed !== undefined) this.signal(line.typed.member, "types")
  }

  private signal(member: number, what: string): void {
    this.signals.push(`${member} ${what}`)
    this.things.push([member, what])
  }

  private hearMoved({ member, xCm, yCm }: NonNullable<ServerLine["moved"]>): void {
    assert.strictEqual(xCm.length, member.length)
    assert.strictEqual(yCm.length, member.length)
    member.forEach((number, index) => {
      const place = { xCm: xCm[index] ?? -1, yCm: yCm[index] ?? -1 }
      this.things.push([number, `at ${place.xCm} ${place.yCm}`])
      if (number === this.member) this.self = place
      else {
        assert.isTrue(this.known.has(number), `${this.member} was told of a move of ${number}, whom it does not know`)
        this.known.set(number, place)
      }
    })
  }
}
