/** What commits of presence tell: messages for the runner that held a session, and for the views of a channel. */
import type { GoneReason } from "../../gen/noriter/client/v1/playground.ts"
import type { MemberTold } from "../../gen/noriter/runner/v1/playground.ts"
import type { ClaimTold } from "../../gen/noriter/runner/v1/session.ts"
import type { SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import type { Claimable } from "./Held.ts"
import type { Owner, Tag } from "./SharedSpace.ts"

/** A claim for another socket shows by its session or its token; entering claims for the same one, and is no news. */
export const claimTold = (
  guest: string,
  before: Claimable | undefined,
  owner: Owner,
  after: SessionRecord
): ReadonlyArray<ClaimTold> => {
  if (before === undefined) return []
  const { session, token } = before.record
  if (session === after.session && token === after.token) return []
  const { incarnation } = before.owner
  const { connection, incarnation: claimant } = owner
  return [{ $type: "noriter.runner.v1.ClaimTold", incarnation, guest, session, connection, claimant }]
}

export const memberTold = (
  tag: Tag,
  member: number,
  version: number,
  record: Uint8Array | undefined,
  reason: GoneReason,
  runner: string
): MemberTold => ({ $type: "noriter.runner.v1.MemberTold", channel: tag, member, version, record, reason, runner })
