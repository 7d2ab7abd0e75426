/** What all phones of a cell that stood still in it are told at a tick: put together once, in two parts. */
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
