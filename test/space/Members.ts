/**
 * Presence as somebody sees it who reads the shared space: who stands where, and what is wrong with it. And what heals
 * it, as owners and watchers do: orphans removed, the session claimed by the phone's next resume, a missing member put
 * back.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { MemberRecord, PresenceState, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import { type Generation, isSameGeneration } from "../../src/link/Roster.ts"
import type { Space } from "../../src/space/MemorySharedSpace.ts"
import { isShown } from "../../src/space/PresenceState.ts"
import { membersCounter, sessionKey } from "../../src/space/PresenceWrites.ts"
import { memberNumber, memberPrefix } from "../../src/space/Tag.ts"
import type { Runner, Twins } from "./Harness.ts"

/** What a tag of a generation that is over says is void (rule L12). */
export const isVoid = (space: Pick<Space, "readMarker">, generation: Generation | undefined): boolean => {
  const now = space.readMarker()
  return now !== undefined && generation !== undefined && !isSameGeneration(generation, now)
}

export const sessionIn = (twins: Twins, guest: string) => {
  const { generation, entries } = twins.space.read({ tag: guest, keys: [sessionKey] })
  const entry = isVoid(twins.space, generation) ? undefined : entries.get(sessionKey)
  return entry && { ...SessionRecord.decode(entry.value), owner: entry.owner, dueMs: entry.dueMs }
}

export const membersIn = (twins: Twins, tag: string) => {
  const { generation, entries } = twins.space.snapshot(tag, memberPrefix, "lines")
  return Array.from(isVoid(twins.space, generation) ? [] : entries, ([key, { value, owner, dueMs }]) => ({
    ...MemberRecord.decode(value),
    tag,
    member: memberNumber(key),
    owner,
    dueMs
  }))
}

const countIn = (twins: Twins, tag: string): number => {
  const { generation, counters } = twins.space.read({ tag, keys: [] })
  return isVoid(twins.space, generation) ? 0 : (counters.get(membersCounter) ?? 0)
}

/** Everything that is not as it must be when nothing is under way. */
export const wrongs = (
  twins: Twins,
  channels: ReadonlyArray<string>,
  guests: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const tag of channels) {
    const members = membersIn(twins, tag)
    if (countIn(twins, tag) !== members.length)
      found.push(`${tag} counts ${countIn(twins, tag)}, has ${members.length}`)
    for (const { guest, session, member, state } of members) {
      const named = sessionIn(twins, guest)
      const isNamed = named?.session === session && named.channel === tag && named.member === member
      if (!isNamed) found.push(`${tag}/${member} is an orphan, ${isShown(state) ? "shown" : "not shown"}`)
      else if (state === PresenceState.PRESENCE_STATE_HIDDEN) found.push(`${tag}/${member} is still hidden`)
    }
  }
  for (const guest of guests) {
    const named = sessionIn(twins, guest)
    if (named === undefined || named.channel === "") continue
    const member = membersIn(twins, named.channel).find((one) => one.member === named.member)
    if (member?.session !== named.session) found.push(`${guest}'s member ${named.channel}/${named.member} is missing`)
    else {
      if (named.state !== member.state) found.push(`${guest} and its member differ in state`)
      if (named.owner?.connection !== member.owner?.connection) found.push(`${guest}'s member is another connection's`)
    }
  }
  return found
}

/** What follows when a runner has died: the phone comes back to another, which looks after what it finds. */
export const heal = Effect.fnUntraced(function* (
  twins: Twins,
  { presence }: Runner,
  guest: string,
  channels: ReadonlyArray<string>
) {
  const session = sessionIn(twins, guest)
  if (session !== undefined) {
    const claim = { session: session.session, serial: session.token, id: 1_000 }
    yield* presence.resume(guest, claim)
  }
  for (const tag of channels) {
    for (const { member } of membersIn(twins, tag)) yield* presence.removeOrphan(tag, member)
  }
})

/** The reason for which presence refuses. */
export const refusal = <A, E extends { readonly _tag: string; readonly reason?: string }>(
  effect: Effect.Effect<A, E>
) =>
  Effect.map(Effect.result(effect), (result) =>
    Result.isSuccess(result) ? "granted" : (result.failure.reason ?? result.failure._tag)
  )
