/** A channel as the shared space has it, read for a view: members and lines out of their bytes. */
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import { generationText } from "../../link/Roster.ts"
import type { Snapshot } from "../../space/SharedSpace.ts"
import { memberNumber, memberPrefix } from "../../space/Tag.ts"

export interface KnownMember {
  readonly member: number
  readonly version: number
  readonly record: MemberRecord
  /** The runner that owns it. */
  readonly runner: string
}

export interface ViewSnapshot {
  /** Undefined: the channel was never founded in this generation. */
  readonly epoch: string | undefined
  /** Those with the lowest number first: they are there longest. */
  readonly members: ReadonlyArray<KnownMember>
  /** In order. */
  readonly lines: ReadonlyArray<LineTold>
}

export const readSnapshot = ({ generation, entries, lines }: Snapshot): ViewSnapshot => {
  const members: Array<KnownMember> = []
  for (const [key, { version, value, owner }] of entries) {
    if (!key.startsWith(memberPrefix)) continue
    const member = memberNumber(key)
    members.push({ member, version, record: MemberRecord.decode(value), runner: owner?.runner ?? "" })
  }
  return {
    epoch: generation === undefined ? undefined : generationText(generation),
    members: members.sort((a, b) => a.member - b.member),
    lines: lines.map(({ value }) => LineTold.decode(value)).sort((a, b) => a.seq - b.seq)
  }
}
