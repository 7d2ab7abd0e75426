/** What the shared space says of a channel in tests of views: its members, whose they are, and where they stood last. */
import { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import { ownerOf } from "../../../src/space/Lease.ts"
import type { Snapshot } from "../../../src/space/SharedSpace.ts"
import { memberKey } from "../../../src/space/Tag.ts"
import type { Place } from "./Listener.ts"

export interface KeptMember {
  readonly member: number
  readonly version: number
  readonly record: MemberRecord
  readonly place: Place
  /** Its owner's, where that matters. */
  readonly runner?: string
}

/** `version`: the highest that was given out. */
export const snapshotOf = (all: ReadonlyArray<KeptMember>, version: number): Snapshot => ({
  generation: { era: 1, n: 1 },
  version,
  entries: new Map(
    all.map(({ member, version, record, runner }) => {
      const incarnation = runner && { id: `${runner}-0000000001`, runner, epoch: { era: 1, node: 1 } }
      const owner = incarnation ? ownerOf(incarnation) : undefined
      return [memberKey(member), { version, value: MemberRecord.encode(record).finish(), owner, dueMs: undefined }]
    })
  ),
  positions: new Map(all.map(({ member, place }) => [member, place])),
  counters: new Map(),
  head: { seq: 0, trimmedTo: 0 },
  lines: []
})
