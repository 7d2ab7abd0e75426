/** What an audience keeps of a cell: what has changed in it since the last tick, and what was made of that for its phones. */
import type { Member } from "./Member.ts"

/** A line of a member to all who see it. */
export interface Signal {
  readonly member: Member
  readonly line: Uint8Array
}

export class Patch {
  /** Those of the cell and of the cells around it. */
  near: ReadonlyArray<Patch> = []
  /** How many were told not to be shown. */
  crowded = 0
  crowdedDirty = false
  /** Somebody came or went, or it is crowded otherwise: what nearly no cell has at a tick. */
  differs = false
  /** Of this tick: who is shown here now and was not, who was and is not, and who has moved. */
  readonly arrivals: Array<Member> = []
  readonly departures: Array<Member> = []
  readonly movers: Array<Member> = []
  signals: Array<Signal> = []
  touched = false
  /** The tick that the frame, the chunk and the places below are of. */
  frameTick = 0
  frameStart = 0
  frameEnd = 0
  chunkTick = 0
  chunkMs = 0
  chunk: Chunk = nothing
  placesTick = 0
  places: Uint8Array = empty
  /** Bytes that may be told of moves to a phone here. */
  allowance = 0
  /** Phones here were not told of all moves of the last tick. */
  owing = false
}

/** What all phones of a cell are told that stood still in it. */
export interface Chunk {
  readonly all: Uint8Array
  /** So many bytes of it are ORDERED: who came and went. The others are LATEST: who moved. */
  readonly orderedBytes: number
  /** False: it was too much, and only the moves in the cell itself are told; the others are owed. */
  readonly whole: boolean
  /** How many came. */
  readonly came: number
}

export const empty = new Uint8Array(0)
export const nothing: Chunk = { all: empty, orderedBytes: 0, whole: true, came: 0 }

export const orderedOf = ({ all, orderedBytes }: Chunk): Uint8Array => all.subarray(0, orderedBytes)

export const latestOf = ({ all, orderedBytes }: Chunk): Uint8Array =>
  orderedBytes === 0 ? all : all.subarray(orderedBytes)
