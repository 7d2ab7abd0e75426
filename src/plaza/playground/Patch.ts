/** What an audience keeps of a cell: what has changed in it since the last tick, and what was made of that for its phones. */
import type { Member } from "./Member.ts"

export class Patch {
  /** How many were told not to be shown. */
  crowded = 0
  crowdedDirty = false
  /** Of this tick: who is shown here now and was not, who was and is not, and who has moved. */
  readonly arrivals: Array<Member> = []
  readonly departures: Array<Member> = []
  readonly movers: Array<Member> = []
  signals: Array<Uint8Array> = []
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
  /** ORDERED: who came and went. */
  readonly ordered: Uint8Array
  /** LATEST: who moved. */
  readonly latest: Uint8Array
  /** False: it was too much, and only the moves in the cell itself are told; the others are owed. */
  readonly whole: boolean
  /** How many came. */
  readonly came: number
}

export const empty = new Uint8Array(0)
export const nothing: Chunk = { all: empty, ordered: empty, latest: empty, whole: true, came: 0 }

/** Whole lines: the first of them ORDERED, up to `ordered`. */
export const cut = (all: Uint8Array, ordered: number, whole: boolean, came: number): Chunk => ({
  all,
  ordered: ordered === 0 ? empty : all.subarray(0, ordered),
  latest: ordered === 0 ? all : all.subarray(ordered),
  whole,
  came
})
