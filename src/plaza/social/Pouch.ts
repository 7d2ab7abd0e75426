/**
 * A guest's pouch, as a value: what is in it, and what is left or added. Flowers are never made here: a pouch begins
 * full, and from then on what comes into one went out of another. So its kinds are few, and its counts have a sum.
 */
import type { Flowers } from "../../../gen/noriter/client/v1/social.ts"
import { PouchRecord } from "../../../gen/noriter/space/v1/social.ts"

/** The key it stands under, in the guest's own tag. */
export const pouchKey = "pouch"

export type Pouch = ReadonlyArray<Flowers>

const flowers = (kind: string, count: number): Flowers => ({ $type: "noriter.client.v1.Flowers", kind, count })

/** What everybody begins with. */
const full: Pouch = [flowers("daisy", 10)]

/** A pouch that is not kept is a full one; one that is kept without anything is empty. */
export const readPouch = (value: Uint8Array | undefined): Pouch =>
  value === undefined ? full : PouchRecord.decode(value).flowers

export const writePouch = (pouch: Pouch): Uint8Array =>
  PouchRecord.encode({ $type: "noriter.space.v1.PouchRecord", flowers: [...pouch] }).finish()

export const countOf = (pouch: Pouch, kind: string): number => pouch.find((some) => some.kind === kind)?.count ?? 0

/** The pouch with so many more of this kind, or fewer: the caller has looked that there are so many. */
export const changed = (pouch: Pouch, kind: string, by: number): Pouch => {
  const count = countOf(pouch, kind) + by
  const others = pouch.filter((some) => some.kind !== kind)
  return count === 0 ? others : [...others, flowers(kind, count)]
}
