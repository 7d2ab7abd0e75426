/** Where a guest stands, as a server said it: what of an answer is kept, and which two are one. */

export interface Place {
  readonly playground: string
  readonly channel: number
  /** This guest's number there. */
  readonly member: number
  readonly xCm: number
  readonly yCm: number
  /** The side of a cell; 0 until an answer to enter was heard. */
  readonly cellCm: number
  /** How often moves are told now; 0 until an answer to enter was heard. */
  readonly tickMs: number
}

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
