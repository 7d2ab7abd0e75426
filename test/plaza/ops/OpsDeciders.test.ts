import { assert, describe, it } from "@effect/vitest"
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import { RemovalAsked } from "../../../gen/noriter/topic/v1/ops.ts"
import { opsDeciders } from "../../../src/plaza/ops/OpsDeciders.ts"
import { linesStream, playgroundLinesMax } from "../../../src/plaza/playground/LineStream.ts"
import { memberKey } from "../../../src/space/Tag.ts"

const record = MemberRecord.encode(MemberRecord.fromPartial({ session: "s_1", guest: "g_1" })).finish()
const state = {
  read: (key: string) => (key === memberKey(7) ? record : undefined),
  head: (stream: string) => (stream === linesStream ? 40 : 0),
  ownerOf: (key: string) => (key === memberKey(7) ? "r1-1" : undefined),
  nowMs: 1_000,
  appendedMs: 1_000,
  seq: 57
}
const channel = "park/1"

describe("what operators ask of a channel", () => {
  it("an announcement is a line of its stream that nobody said", () => {
    const asked = { $type: "noriter.topic.v1.AnnouncementAsked", channel, text: "곧 닫아요" } as const
    const { appends = [], tell, facts, answer } = opsDeciders.announce.decide(state, asked)
    const told = {
      $type: "noriter.runner.v1.LineTold",
      channel,
      seq: 57,
      prev: 40,
      member: 0,
      id: 0,
      nickname: "",
      text: "곧 닫아요",
      reach: 2,
      atMs: 1_000,
      cell: 0,
      announced: true,
      guest: ""
    } as const
    assert.deepStrictEqual(tell, [told])
    const [append] = appends
    assert.deepInclude(append, { stream: linesStream, class: "playground", countMax: playgroundLinesMax })
    assert.deepStrictEqual(LineTold.decode(append?.value ?? new Uint8Array()), told)
    const fact = {
      $type: "noriter.topic.v1.AnnouncementDecided",
      channel,
      seq: 57,
      text: "곧 닫아요",
      atMs: 1_000
    } as const
    assert.deepStrictEqual([facts, answer], [[fact], undefined])
  })

  it("a removal is told to whoever holds the session, and is on record also where nobody stands there", () => {
    const removal = (member: number, session: string) => {
      const asked = { $type: "noriter.topic.v1.RemovalAsked", channel, member, session } as const
      assert.deepStrictEqual(opsDeciders.remove.reads(asked), [memberKey(member)])
      return opsDeciders.remove.decide(state, asked)
    }
    const fact = (member: number, found: boolean) => [
      { $type: "noriter.topic.v1.RemovalDecided", channel, member, found, atMs: 1_000 } as const
    ]
    const told = { $type: "noriter.runner.v1.RemovalTold", incarnation: "r1-1", session: "s_1" } as const
    assert.deepStrictEqual(removal(7, "s_1"), { tell: [told], facts: fact(7, true) })
    assert.deepStrictEqual(removal(8, "s_1"), { facts: fact(8, false) })
    // Whoever has been given the number since is another.
    assert.deepStrictEqual(removal(7, "s_0"), { facts: fact(7, false) })
    // As 0.1.0 asked it: whoever has the number.
    const old = RemovalAsked.decode(Uint8Array.of(10, 6, ...Buffer.from(channel), 16, 7))
    assert.deepStrictEqual(opsDeciders.remove.decide(state, old), { tell: [told], facts: fact(7, true) })
  })
})
