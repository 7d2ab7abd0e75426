/** A view of the park with members and phones in it, for tests of what phones get. */
import { Pace } from "../../../gen/noriter/client/v1/playground.ts"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import { View } from "../../../src/plaza/playground/View.ts"
import { Listener } from "./Listener.ts"

export const viewOf = (movesBytesPerSecond = 0, missedBytesMax = 0): View =>
  new View({
    tag: "park/1",
    incarnation: "r1",
    epoch: "1.1",
    widthCm: 10_000,
    heightCm: 10_000,
    cellCm: 1_000,
    cellShownMax: 32,
    movesBytesPerSecond,
    missedBytesMax
  })

export const put = (view: View, member: number, xCm: number, yCm: number): void => {
  const state = PresenceState.PRESENCE_STATE_PRESENT
  view.memberChanged(member, member, MemberRecord.fromPartial({ nickname: "바람", avatar: "fox", state, xCm, yCm }), 0)
}

export const enter = (view: View, member: number, xCm: number, yCm: number, pace: Pace = Pace.PACE_FULL): Listener => {
  put(view, member, xCm, yCm)
  const listener = new Listener(member, { xCm, yCm }, { pace })
  view.join(listener, { history: 50 })
  return listener
}
