/** What the shared space says of a channel, read when something may have been missed, and what phones are told of it. */
import { assert, describe, it } from "@effect/vitest"
import { GoneReason } from "../../../gen/noriter/client/v1/playground.ts"
import { MemberRecord, PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import type { Snapshot } from "../../../src/space/SharedSpace.ts"
import { Listener } from "./Listener.ts"
import { enter, put, viewOf } from "./Standing.ts"

/** Members by number and version, at a place of their own. */
const snapshotOf = (members: ReadonlyArray<readonly [number, number]>, generation = 1, version = 10): Snapshot => {
  const state = PresenceState.PRESENCE_STATE_PRESENT
  const value = MemberRecord.encode(MemberRecord.fromPartial({ nickname: "구름", state, xCm: 600, yCm: 500 })).finish()
  return {
    generation: { era: 1, n: generation },
    version,
    entries: new Map(
      members.map(([member, version]) => [`member/${member}`, { version, value, owner: undefined, dueMs: undefined }])
    ),
    positions: new Map(members.map(([member]) => [member, { xCm: 500 + member, yCm: 500 }])),
    counters: new Map(),
    head: { seq: 5, trimmedTo: 0 },
    lines: []
  }
}

describe("a snapshot", () => {
  it("a snapshot of another generation counts from anew, and phones hear of the new history", () => {
    const view = viewOf()
    const phone = enter(view, 9, 500, 500)
    view.tick(100)
    const snapshot = snapshotOf([[3, 1]], 2)
    view.loadSnapshot(snapshot)
    view.loadSnapshot(snapshot)
    view.tick(200)
    assert.deepStrictEqual([...phone.known], [[3, { xCm: 503, yCm: 500 }]])
    assert.deepStrictEqual(phone.gaps, [5])
    assert.strictEqual(view.epoch, "1.2")
    assert.strictEqual(view.head, 5)
  })

  it("a number that was given to another in a new generation is another's: phones are told so, and where they came in", () => {
    const view = viewOf()
    const phone = enter(view, 9, 500, 500)
    const own = enter(view, 3, 600, 500)
    view.leave(3, own)
    view.tick(100)
    assert.deepStrictEqual(phone.known.get(3), { xCm: 600, yCm: 500 })
    const { entries, ...rest } = snapshotOf([[3, 1]], 2)
    const record = { session: "s_other", nickname: "비", state: PresenceState.PRESENCE_STATE_PRESENT }
    const value = MemberRecord.encode(MemberRecord.fromPartial(record)).finish()
    const other = { version: 1, value, owner: undefined, dueMs: undefined }
    view.loadSnapshot({ ...rest, entries: new Map([["member/3", other]]) }, view.known, { missing: true, places: true })
    view.tick(200)
    assert.deepStrictEqual(phone.known.get(3), { xCm: 503, yCm: 500 })
    assert.strictEqual(phone.names.get(3), "비")
    // And that of a phone that is here still, also after all were put back: it is told to come back.
    const all = new Map([...snapshotOf([[12, 5]]).entries, ["member/9", other]])
    const mine = { ...rest, generation: { era: 1, n: 3 }, entries: all }
    const newcomer = enter(view, 12, 500, 500)
    view.tick(300)
    view.loadSnapshot(mine, view.known)
    view.leave(9, phone)
    view.loadSnapshot(mine, view.known)
    view.tick(400)
    assert.strictEqual(newcomer.names.get(9), "비")
  })

  it("a number that its runner has given to another, behind which the space had gone back, is another's at once", () => {
    const view = viewOf()
    const phone = enter(view, 9, 500, 500)
    const state = PresenceState.PRESENCE_STATE_PRESENT
    const record = (session: string, nickname: string, xCm: number) =>
      MemberRecord.fromPartial({ session, nickname, state, xCm, yCm: 500 })
    view.memberChanged(3, 5, record("s_before", "구름", 600), 0)
    view.tick(100)
    assert.strictEqual(phone.names.get(3), "구름")
    view.memberWritten(3, 2, record("s_now", "비", 700))
    view.tick(200)
    assert.strictEqual(phone.names.get(3), "비")
    assert.deepStrictEqual(phone.known.get(3), { xCm: 700, yCm: 500 })
    // Also where a phone of who had it before is here still, which is yet to be told to come back.
    const former = new Listener(3, { xCm: 700, yCm: 500 })
    view.join(former, { history: 0 })
    view.memberWritten(3, 1, record("s_last", "달", 800))
    const last = new Listener(3, { xCm: 800, yCm: 500 })
    view.join(last, { history: 0 })
    view.leave(3, former)
    view.tick(300)
    assert.strictEqual(phone.names.get(3), "달")
    assert.deepStrictEqual(phone.known.get(3), { xCm: 800, yCm: 500 })
    assert.strictEqual(view.phoneCount, 2)
  })

  it("a channel that the space has gone back behind counts from anew, and keeps those that are missing (L11)", () => {
    const view = viewOf()
    const phone = enter(view, 9, 500, 500)
    put(view, 3, 600, 500)
    view.tick(100)
    const missing = { ...snapshotOf([]), generation: undefined, version: 0 }
    assert.isTrue(view.loadSnapshot(missing, view.known))
    assert.isFalse(view.loadSnapshot(missing, view.known), "said once")
    // Founded anew, and put back with the versions it had.
    assert.isFalse(view.loadSnapshot(snapshotOf([[3, 3]], 1, 3), view.known))
    view.tick(200)
    assert.isTrue(phone.known.has(3))
  })

  it("whoever was told to be gone is there: the space has gone back behind that (L11)", () => {
    const view = viewOf()
    const phone = enter(view, 9, 500, 500)
    put(view, 3, 600, 500)
    view.memberChanged(3, 10, undefined, GoneReason.GONE_REASON_LEFT)
    const back = snapshotOf([
      [3, 10],
      [9, 9]
    ])
    assert.isTrue(view.loadSnapshot(back, view.known))
    view.tick(100)
    assert.isTrue(phone.known.has(3))
    // Also one whose phone is here.
    view.memberChanged(9, 11, undefined, GoneReason.GONE_REASON_LEFT)
    const again = snapshotOf(
      [
        [3, 10],
        [9, 11]
      ],
      1,
      11
    )
    assert.isTrue(view.loadSnapshot(again, view.known))
  })

  it("whoever was unknown to the last snapshot is there, and is no newer: the space has gone back behind their going (L11)", () => {
    const view = viewOf()
    const phone = enter(view, 9, 500, 500)
    assert.isFalse(view.loadSnapshot(snapshotOf([[9, 9]]), view.known))
    const meanwhile = view.known
    const back = snapshotOf([
      [3, 5],
      [9, 9]
    ])
    assert.isTrue(view.loadSnapshot(back, view.known))
    view.tick(100)
    assert.isTrue(phone.known.has(3))
    // One that was read before, and came later, says nothing of that.
    assert.isFalse(view.loadSnapshot(snapshotOf([[9, 9]]), view.known))
    assert.isFalse(
      view.loadSnapshot(
        snapshotOf([
          [4, 5],
          [9, 9]
        ]),
        meanwhile
      )
    )
  })

  it("of one version the snapshot's record counts: the space may have gone back since it was heard of (L11)", () => {
    const view = viewOf()
    const phone = enter(view, 9, 500, 500)
    put(view, 3, 600, 500)
    const state = PresenceState.PRESENCE_STATE_AWAY
    view.memberChanged(3, 4, MemberRecord.fromPartial({ state }), GoneReason.GONE_REASON_LOST)
    view.tick(100)
    assert.isFalse(phone.known.has(3))
    view.loadSnapshot(
      snapshotOf([
        [3, 4],
        [9, 9]
      ]),
      view.known
    )
    view.tick(200)
    assert.isTrue(phone.known.has(3))
  })

  it("a snapshot tells of whom it does not know when they went", () => {
    const view = viewOf()
    for (const member of [1, 2, 6]) put(view, member, 500, 500)
    const before = view.known
    for (const member of [4, 8]) put(view, member, 500, 500)
    // 6 was heard of before it was asked for, 4 is older than what it knows, 8 has come since.
    view.loadSnapshot(
      snapshotOf([
        [1, 1],
        [2, 5]
      ]),
      before
    )
    const phone = enter(view, 9, 500, 500)
    // These were gone before, and their frames come late.
    put(view, 3, 500, 500)
    put(view, 5, 500, 500)
    view.tick(100)
    assert.deepStrictEqual([...phone.known.keys()], [1, 2, 8])
  })

  it("one that is read on the side moves nobody back who has walked since places were written", () => {
    const view = viewOf()
    const phone = enter(view, 9, 500, 500)
    put(view, 3, 600, 500)
    const frame = { channel: "park/1", incarnation: "r2", number: 1, key: true, member: [3], xCm: [700], yCm: [500] }
    view.applyMoves({ $type: "noriter.runner.v1.MovesTold", ...frame })
    const snapshot = snapshotOf([
      [3, 3],
      [4, 4],
      [9, 9]
    ])
    view.loadSnapshot(snapshot, view.known, { places: true })
    view.tick(100)
    assert.deepStrictEqual(phone.known.get(3), { xCm: 700, yCm: 500 })
    assert.deepStrictEqual(phone.known.get(4), { xCm: 504, yCm: 500 })
    view.loadSnapshot(snapshot, view.known)
    view.tick(200)
    assert.deepStrictEqual(phone.known.get(3), { xCm: 503, yCm: 500 }, "it was asked where all stand")
  })
})
