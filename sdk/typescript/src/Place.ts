/** Where a guest stands, as a server said it: what of an answer is kept, which two are one, and which answer counts. */
import type { EnterResponse } from "./gen/protocol.ts"

/** `cellCm` and `tickMs` are 0 until an answer to enter was heard. */
export type Place = Omit<EnterResponse, "streams">

/** No more than that of what was answered. */
export const placeOf = ({ playground, channel, member, xCm, yCm, cellCm, tickMs }: Place): Place => ({
  playground,
  channel,
  member,
  xCm,
  yCm,
  cellCm,
  tickMs
})

export const isSamePlace = (one: Place, other: Place): boolean =>
  one.playground === other.playground && one.channel === other.channel && one.member === other.member

/**
 * Enters and leaves that are answered again behind a resume, which has told where the guest stands since. They are answered
 * in order, so the last that says something counts, when all are answered or refused. Others count at once.
 */
export class AnsweredAgain {
  private readonly ids = new Set<number>()
  private last: (() => void) | undefined

  /** A session is there, and this is unanswered. */
  begin(pending: Iterable<readonly [id: number, { readonly key: string }]>): void {
    this.ids.clear()
    this.last = undefined
    for (const [id, { key }] of pending) if (key === "enter" || key === "leave") this.ids.add(id)
  }

  /** `says` is undefined where it was refused: nothing has changed then. */
  answered(id: number, says: (() => void) | undefined): void {
    if (!this.ids.delete(id)) {
      if (says !== undefined) this.last = undefined
      says?.()
      return
    }
    this.last = says ?? this.last
    if (this.ids.size > 0) return
    const { last } = this
    this.last = undefined
    last?.()
  }
}
