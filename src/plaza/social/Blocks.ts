/**
 * Whom a guest blocks, as a value: each other guest once, under a number that is never given again. Each change names its
 * place in the log, so that of two that are known the newer holds. What is decided of it is BlockDeciders', what comes of
 * it Hidden's.
 */
import { type BlockRecord, BlocksRecord } from "../../../gen/noriter/space/v1/block.ts"
import type { Decision, Read } from "../../bus/Decider.ts"

/** The key they stand under, in the guest's own tag. */
export const blocksKey = "blocks"
/** Guests whom one guest blocks at a time. */
export const blocksMax = 100

export const readBlocks = (value: Uint8Array | undefined): BlocksRecord =>
  value === undefined ? BlocksRecord.create() : BlocksRecord.decode(value)

/** The put that keeps them. */
export const keptBlocks = (blocks: BlocksRecord) => ({ key: blocksKey, value: BlocksRecord.encode(blocks).finish() })

/** A stream whose head is the last change: where the word of one was lost, the heads of guests say so (rule C3). */
export const blocksStream = "blocks"

/** What a change of them comes to. */
export const changedBlocks = (blocks: BlocksRecord): Required<Pick<Decision, "puts" | "appends">> => ({
  puts: [keptBlocks(blocks)],
  appends: [{ stream: blocksStream, class: "blocks", value: new Uint8Array(0), countMax: 1, ageMsMax: 0 }]
})

/** With one more, under the next number: the caller has looked that there is room. */
export const blockedToo = (
  { blocks, last }: BlocksRecord,
  { guest, nickname, atMs }: Pick<BlockRecord, "guest" | "nickname" | "atMs">,
  seq: number
): BlocksRecord => {
  const block = last + 1
  const added: BlockRecord = { $type: "noriter.space.v1.BlockRecord", block, guest, nickname, atMs }
  return { $type: "noriter.space.v1.BlocksRecord", blocks: [...blocks, added], last: block, seq }
}

/** Without this one; undefined: there is none of this number. */
export const unblocked = ({ blocks, last }: BlocksRecord, block: number, seq: number): BlocksRecord | undefined => {
  const left = blocks.filter((one) => one.block !== block)
  if (left.length === blocks.length) return undefined
  return { $type: "noriter.space.v1.BlocksRecord", blocks: left, last, seq }
}

/** Whether the guest of this tag blocks another; nobody is blocked whom a runner of before did not name. */
export const isBlocked = (read: Read, other: string): boolean => {
  const value = read(blocksKey)
  return value !== undefined && readBlocks(value).blocks.some(({ guest }) => guest === other)
}
