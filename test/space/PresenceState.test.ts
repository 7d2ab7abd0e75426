/** The state machine of presence (rule P5, design 6): every state under every event, and the deadlines to the millisecond. */
import { assert, describe, it } from "@effect/vitest"
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"
import {
  type Graces,
  hidden,
  hiddenMs,
  isShown,
  next,
  type PresenceEvent,
  type PresenceOf,
  present
} from "../../src/space/PresenceState.ts"

const graces: Graces = { lostShownMs: 5_000, resumeGraceMs: 30_000 }
const at = 1_000_000
const seen = (afterMs: number): PresenceEvent => ({ _tag: "DeadlineSeen", nowMs: at + afterMs })
const died = (afterMs: number): PresenceEvent => ({ _tag: "RunnerDied", nowMs: at + afterMs, diedMs: at })
const lost: PresenceOf = { state: PresenceState.PRESENCE_STATE_LOST, lostMs: at, dueMs: at + 5_000 }
const away: PresenceOf = { state: PresenceState.PRESENCE_STATE_AWAY, lostMs: at, dueMs: at + 30_000 }
const put = hidden(at)

const rows: ReadonlyArray<readonly [string, PresenceOf, PresenceEvent, PresenceOf | "ended"]> = [
  ["a hidden member is shown", put, { _tag: "Shown" }, present],
  ["what is shown is shown already", lost, { _tag: "Shown" }, lost],
  ["a socket is lost", present, { _tag: "SocketLost", nowMs: at }, lost],
  ["a socket is lost once", lost, { _tag: "SocketLost", nowMs: at + 9 }, lost],
  ["and not again while away", away, { _tag: "SocketLost", nowMs: at + 9 }, away],
  ["a hidden member's socket is no socket", put, { _tag: "SocketLost", nowMs: at }, put],
  ["a claim makes present: lost", lost, { _tag: "Claimed" }, present],
  ["a claim makes present: away", away, { _tag: "Claimed" }, present],
  ["present has no deadline", present, seen(1e9), present],
  ["lost is shown to the last millisecond", lost, seen(4_999), lost],
  ["then it is away", lost, seen(5_000), away],
  ["looked at late, away still ends on time", lost, seen(29_999), away],
  ["looked at very late, it skips away", lost, seen(30_000), "ended"],
  ["away to the last millisecond", away, seen(29_999), away],
  ["then it has ended", away, seen(30_000), "ended"],
  ["its runner died: away since then", present, died(9_000), away],
  ["its runner died long ago", present, died(30_000), "ended"],
  ["its runner died while it was lost: shown as long as any that is", lost, died(4_999), lost],
  ["and away after that", lost, died(5_000), away],
  ["its runner died while it was away", away, died(29_999), away],
  ["and its grace was over", away, died(30_000), "ended"],
  ["a hidden member's runner died", put, died(hiddenMs - 1), put],
  ["a hidden member waits", put, seen(hiddenMs - 1), put],
  ["and is abandoned", put, seen(hiddenMs), "ended"]
]

describe("next", () => {
  it.each(rows)("%s", (_, before, event, after) => {
    assert.deepStrictEqual(next(before, event, graces), after)
  })

  it("without a grace a loss ends at the first look, without being shown it is away at once", () => {
    const none = { lostShownMs: 5_000, resumeGraceMs: 0 }
    const after = next(present, { _tag: "SocketLost", nowMs: at }, none)
    assert.deepStrictEqual(after, { ...lost, dueMs: at })
    assert.strictEqual(next(lost, seen(0), none), "ended")
    assert.deepStrictEqual(next(lost, seen(0), { lostShownMs: 0, resumeGraceMs: 30_000 }), away)
  })
})

describe("isShown", () => {
  it("present and lost are seen by others, away and hidden are not", () => {
    const shown = Object.values(PresenceState).filter((state) => typeof state === "number" && isShown(state))
    assert.deepStrictEqual(shown, [PresenceState.PRESENCE_STATE_PRESENT, PresenceState.PRESENCE_STATE_LOST])
  })
})
