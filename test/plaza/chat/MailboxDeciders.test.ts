/** What a guest's tag takes into its mailbox: kept in order, told to whoever holds the session. */
import { assert, describe, it } from "@effect/vitest"
import { MailTold } from "../../../gen/noriter/runner/v1/mailbox.ts"
import type { WhisperPassed } from "../../../gen/noriter/topic/v1/chat.ts"
import type { DecisionState } from "../../../src/bus/Decider.ts"
import { mailboxDeciders } from "../../../src/plaza/chat/MailboxDeciders.ts"
import { mailboxMax, mailboxStream } from "../../../src/plaza/mailbox/MailStream.ts"
import { blockedToo, blocksKey, keptBlocks, readBlocks } from "../../../src/plaza/social/Blocks.ts"

const passed: WhisperPassed = {
  $type: "noriter.topic.v1.WhisperPassed",
  guest: "g_b",
  member: 7,
  nickname: "구름",
  text: "둘만",
  atMs: 5,
  speaker: "g_a"
}
const state = (holder: string | undefined): DecisionState => ({
  read: () => undefined,
  head: (stream) => (stream === mailboxStream ? 3 : 0),
  ownerOf: (key) => (key === "session" ? holder : undefined),
  nowMs: 9,
  appendedMs: 9,
  seq: 8
})

describe("the mailbox", () => {
  it("keeps what is passed with the entry before it, and tells the incarnation that holds the session", () => {
    const { appends, tell, answer, facts } = mailboxDeciders.deliver.decide(state("r1-1"), passed)
    const [append] = appends ?? []
    assert.deepStrictEqual([append?.stream, append?.countMax, append?.ageMsMax], [mailboxStream, mailboxMax, 0])
    const kept = MailTold.decode(append?.value ?? new Uint8Array())
    assert.deepInclude(kept, { incarnation: "", guest: "g_b", seq: 8, prev: 3, atMs: 5 })
    assert.deepStrictEqual(kept.body?.value, {
      $type: "noriter.runner.v1.WhisperMail",
      member: 7,
      nickname: "구름",
      text: "둘만"
    })
    assert.deepStrictEqual(tell, [{ ...kept, incarnation: "r1-1" }])
    assert.deepStrictEqual([answer, facts], [undefined, undefined])
  })

  it("keeps it for a guest who is not there", () => {
    const { appends, tell } = mailboxDeciders.deliver.decide(state(undefined), passed)
    assert.lengthOf(appends ?? [], 1)
    assert.deepStrictEqual(tell, [])
  })

  it("takes in nothing of whom the guest blocks, and all from whoever a runner of before does not name", () => {
    const blocks = blockedToo(readBlocks(undefined), { guest: "g_a", nickname: "구름", atMs: 1 }, 3)
    const blocking = {
      ...state("r1-1"),
      read: (key: string) => (key === blocksKey ? keptBlocks(blocks).value : undefined)
    }
    assert.deepStrictEqual(mailboxDeciders.deliver.decide(blocking, passed), {})
    for (const speaker of ["g_c", ""]) {
      assert.lengthOf(mailboxDeciders.deliver.decide(blocking, { ...passed, speaker }).appends ?? [], 1)
    }
  })

  it("reads the blocks and the session, which names whom to tell, and nobody has asked", () => {
    assert.deepStrictEqual(mailboxDeciders.deliver.reads(passed), ["blocks", "session"])
    assert.isUndefined(mailboxDeciders.deliver.asker(passed))
  })
})
