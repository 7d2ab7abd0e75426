/** Whose word counts on where a member stands: that of the runner that owns it (rule P3), whoever else speaks for it. */
import { assert, describe, it } from "@effect/vitest"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import type { View } from "../../../src/plaza/playground/View.ts"
import { snapshotOf } from "./Kept.ts"
import { Listener } from "./Listener.ts"
import { enter, viewOf } from "./Standing.ts"

const member = 7
const record = MemberRecord.fromPartial({ state: PresenceState.PRESENCE_STATE_PRESENT, xCm: 100, yCm: 100 })

/** What a runner says, as its first incarnation or a later one, of where the member stands. */
const say = (view: View, runner: string, number: number, xCm: number, sequence = "0000000001"): void => {
  const incarnation = `${runner}-${sequence}`
  const told = { channel: view.tag, incarnation, number, key: true, member: [member], xCm: [xCm], yCm: [100] }
  view.applyMoves({ $type: "noriter.runner.v1.MovesTold", ...told })
}

/** A view that has heard that the member is a runner's. */
const viewOfOwned = (runner: string): View => {
  const view = viewOf()
  view.memberChanged(member, 1, record, 0, runner)
  return view
}

describe("where a member stands says the runner that owns it", () => {
  it("and none that was out of touch and goes on speaking for it", () => {
    const view = viewOfOwned("here-2")
    say(view, "here-2", 1, 200)
    view.memberChanged(member, 2, record, 0, "here-3")
    say(view, "here-3", 1, 300)
    say(view, "here-2", 2, 400)
    assert.deepStrictEqual(view.positionOf(member), { xCm: 300, yCm: 100 })
    assert.isFalse(view.isKeyFrameDue(0))
  })

  const now = snapshotOf([{ member, version: 2, record, place: { xCm: 100, yCm: 100 }, runner: "here-3" }], 2)
  const news: ReadonlyArray<readonly [string, (view: View) => void]> = [
    ["hearing so", (view) => view.memberChanged(member, 2, record, 0, "here-3")],
    ["reading so", (view) => void view.loadSnapshot(now, view.known, { places: true })]
  ]
  it.each(news)("who is asked on %s, where it has spoken before that", (_, hear) => {
    const view = viewOfOwned("here-2")
    say(view, "here-3", 1, 300)
    say(view, "here-2", 1, 400)
    assert.isFalse(view.isKeyFrameDue(0))
    hear(view)
    assert.isTrue(view.isKeyFrameDue(0))
    assert.isFalse(view.isKeyFrameDue(2_000))
    say(view, "here-3", 2, 300)
    assert.deepStrictEqual(view.positionOf(member), { xCm: 300, yCm: 100 })
  })

  it("who is asked where it has spoken before anybody was known to stand there, and not where they are gone", () => {
    const view = viewOf()
    say(view, "here-3", 1, 300)
    assert.isFalse(view.isKeyFrameDue(0))
    view.loadSnapshot(now, view.known, { places: true })
    assert.isTrue(view.isKeyFrameDue(0))
    view.memberChanged(member, 3, undefined, 0)
    say(view, "here-3", 2, 400)
    view.memberChanged(member + 1, 4, record, 0, "here-3")
    assert.isFalse(view.isKeyFrameDue(2_000))
  })

  it("which says so when they come back there: others may have heard of a later step before its former runner died", () => {
    const view = viewOfOwned("here-2")
    say(view, "here-2", 1, 200)
    view.memberWritten(member, 2, record)
    view.rejoin(new Listener(member, { xCm: 200, yCm: 100 }), [])
    const { member: members, xCm } = view.takeMoves() ?? assert.fail("it says something")
    assert.deepStrictEqual([members, xCm], [[member], [200]])
  })

  it("and by any of its incarnations", () => {
    const view = viewOfOwned("here-2")
    for (const [at, sequence] of ["0000000001", "0000000009"].entries()) {
      say(view, "here-2", 1, 200 + at, sequence)
      assert.deepStrictEqual(view.positionOf(member), { xCm: 200 + at, yCm: 100 })
    }
  })

  it("or anybody, where a runner of 0.1.0 has told of it", () => {
    const view = viewOfOwned("here-2")
    view.memberChanged(member, 2, record, 0)
    for (const [at, runner] of ["here-2", "here-3"].entries()) {
      say(view, runner, 1, 200 + at)
      assert.deepStrictEqual(view.positionOf(member), { xCm: 200 + at, yCm: 100 })
    }
  })

  it("and no more who has heard that it is another's", () => {
    const view = viewOf()
    const phone = enter(view, member, 100, 100)
    view.moved(member, 200, 100)
    view.leave(member, phone)
    view.keyFrameAsked()
    assert.deepStrictEqual(view.takeMoves()?.member, [member])
    view.memberChanged(member, 100, record, 0, "here-2")
    view.keyFrameAsked()
    assert.deepStrictEqual(view.takeMoves()?.member, [])
  })
})
