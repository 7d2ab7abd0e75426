/**
 * What is looked up before a guest's own tag is asked: who stands under a number, so that no phone ever learns which guest
 * that is; what the guest has, once all that lasts is there; and whether everybody who may decide it knows of it.
 */
import * as Effect from "effect/Effect"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import type { Refused } from "../../bus/Caller.ts"
import { away } from "../../bus/Refusals.ts"
import { older } from "../../space/Enrolment.ts"
import { Founding, wholeKey } from "../../space/Founding.ts"
import { Self } from "../../space/Self.ts"
import { SharedSpace } from "../../space/SharedSpace.ts"
import { memberKey } from "../../space/Tag.ts"

/** Whoever stands under a number, as a decision names them. */
export type Standing = Pick<MemberRecord, "guest" | "nickname">

export const makeAsking = Effect.gen(function* () {
  const space = yield* SharedSpace
  const founding = yield* Founding
  const self = yield* Self

  return {
    /** A member, lost or away too; without a name where nobody stands, or one who was never shown. */
    memberAt: (tag: string, member: number): Effect.Effect<Standing, Refused> => {
      const key = memberKey(member)
      return space.read({ tag, keys: [key] }).pipe(
        Effect.map(({ entries }) => standing(entries.get(key)?.value)),
        Effect.mapError(() => unread)
      )
    },
    /** What is kept of the guest; refused while it may have been forgotten and is not rebuilt (rule E2). */
    ownOf: (guest: string, key: string): Effect.Effect<Uint8Array | undefined, Refused> =>
      space.read({ tag: guest, keys: [key, wholeKey] }).pipe(
        Effect.flatMap((state) =>
          Effect.map(founding.counts(state), (counts) => ({ counts, value: state.entries.get(key)?.value }))
        ),
        Effect.mapError(() => unread),
        Effect.flatMap(({ counts, value }) => (counts ? Effect.succeed(value) : Effect.fail(notRebuilt)))
      ),
    /** Runners of the release before would bury it. */
    isUnderstood: Effect.gen(function* () {
      for (const incarnation of yield* Effect.mapError(older(space), () => unread)) {
        if ((yield* self.lifeOf(incarnation)) !== "dead") return yield* notYet
      }
    })
  }
})

const standing = (value: Uint8Array | undefined): Standing => {
  const record = value === undefined ? undefined : MemberRecord.decode(value)
  return record === undefined || record.state === PresenceState.PRESENCE_STATE_HIDDEN ? nobody : record
}
const nobody: Standing = { guest: "", nickname: "" }

const unread = away("what guests have cannot be read just now")
const notYet = away("this plaza is being renewed, and knows of this when it is")
const notRebuilt = away("what guests have is being put together again")
