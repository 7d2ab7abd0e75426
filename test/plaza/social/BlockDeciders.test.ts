/**
 * What a guest's tag decides about whom the guest blocks, as pure functions: at the number and one past it, what is answered
 * alike, and that facts alone come to the same.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import type { BlockAsked, UnblockAsked } from "../../../gen/noriter/topic/v1/block.ts"
import type { TopicRecord } from "../../../gen/registry.ts"
import type { Decision, DecisionState } from "../../../src/bus/Decider.ts"
import { blockDeciders, blockFacts } from "../../../src/plaza/social/BlockDeciders.ts"
import { blocksKey, blocksMax, isBlocked, readBlocks } from "../../../src/plaza/social/Blocks.ts"

const { block, unblock } = blockDeciders

/** A guest's tag as the deciders see it; what they put is kept. */
class Tag {
  value: Uint8Array | undefined
  holder: string | undefined = "r1-1"
  seq = 0

  get guests(): ReadonlyArray<string> {
    return readBlocks(this.value).blocks.map(({ guest }) => guest)
  }

  block(blocked: string, nickname = "구름"): Decision {
    return this.decide((state) => block.decide(state, blockAsked(blocked, nickname)))
  }

  unblock(number: number): Decision {
    return this.decide((state) => unblock.decide(state, unblockAsked(number)))
  }

  /** As a rebuild does it, at the place of the record that the fact came from. */
  apply(fact: TopicRecord, seq: number): void {
    this.seq = seq - 1
    this.decide((state) => {
      if (fact.$type === "noriter.topic.v1.GuestBlocked") return blockFacts.block.decide(state, fact)
      assert.strictEqual(fact.$type, "noriter.topic.v1.GuestUnblocked")
      return fact.$type === "noriter.topic.v1.GuestUnblocked" ? blockFacts.unblock.decide(state, fact) : {}
    })
  }

  private decide(run: (state: DecisionState) => Decision): Decision {
    const decision = run({
      read: (key) => (key === blocksKey ? this.value : undefined),
      head: () => 0,
      ownerOf: (key) => (key === "session" ? this.holder : undefined),
      nowMs: 9,
      appendedMs: 9,
      seq: ++this.seq
    })
    for (const { key, value } of decision.puts ?? []) if (key === blocksKey) this.value = value
    return decision
  }
}

const asker = {
  $type: "noriter.topic.v1.Asker",
  session: "s_a",
  id: 4,
  incarnation: "r1-1",
  ask: 1,
  bodyHash: new Uint8Array(),
  generation: "",
  member: 7
} as const
const blockAsked = (blocked: string, nickname: string): BlockAsked => ({
  $type: "noriter.topic.v1.BlockAsked",
  guest: "g_a",
  asker,
  blocked,
  nickname
})
const unblockAsked = (number: number): UnblockAsked => ({
  $type: "noriter.topic.v1.UnblockAsked",
  guest: "g_a",
  asker,
  block: number
})

const answerOf = ({ answer }: Decision): unknown => {
  const { body } = answer ?? {}
  if (body?.$case === "refusal") return body.value.code
  return body?.$case === "block" ? [body.value.block, body.value.seq] : body?.$case
}
const { ERROR_CODE_INVALID, ERROR_CODE_MEMBER_GONE, ERROR_CODE_TOO_MANY } = ErrorCode

describe("blocking", () => {
  it("keeps the guest under a number, tells the holder all of them, and is answered when it is on the log", () => {
    const tag = new Tag()
    tag.block("g_b")
    const { answer, facts, answerAfterFacts, tell } = tag.block("g_c", "바람")
    assert.deepStrictEqual(tag.guests, ["g_b", "g_c"])
    assert.deepStrictEqual(answer?.body?.value, { $type: "noriter.space.v1.BlockAnswer", block: 2, seq: 2 })
    assert.isTrue(answerAfterFacts)
    assert.deepStrictEqual(tell, [
      { $type: "noriter.runner.v1.BlocksTold", incarnation: "r1-1", guest: "g_a", seq: 2, hidden: ["g_b", "g_c"] }
    ])
    assert.deepStrictEqual(facts, [
      {
        $type: "noriter.topic.v1.GuestBlocked",
        guest: "g_a",
        block: 2,
        blocked: "g_c",
        nickname: "바람",
        atMs: 9,
        refused: 0
      }
    ])
    assert.deepInclude(readBlocks(tag.value).blocks[1], { block: 2, nickname: "바람", atMs: 9 })
  })

  it("one who is blocked already changes nothing, and is answered with the number and the nickname of then", () => {
    const tag = new Tag()
    tag.block("g_b", "구름")
    const again = tag.block("g_b", "번개")
    assert.deepStrictEqual([answerOf(again), again.puts, again.tell], [[1, 1], undefined, undefined])
    assert.deepInclude(again.facts?.[0], { block: 1, blocked: "g_b", nickname: "구름" })
    assert.isTrue(again.answerAfterFacts)
  })

  it("nobody, and oneself, is refused and changes nothing; a short fact is left, and then the answer", () => {
    const tag = new Tag()
    const refused = [tag.block(""), tag.block("g_a")]
    const codes = [ERROR_CODE_MEMBER_GONE, ERROR_CODE_INVALID] as const
    assert.deepStrictEqual(refused.map(answerOf), [...codes])
    for (const [at, { puts, facts, tell, answerAfterFacts }] of refused.entries()) {
      assert.deepStrictEqual([puts, tell, answerAfterFacts], [undefined, undefined, true])
      assert.deepInclude(facts?.[0], { block: 0, blocked: "", nickname: "", refused: codes[at] ?? 0 })
    }
  })

  it("a hundred may be blocked at a time, and not one more; one of them may be blocked again", () => {
    const tag = new Tag()
    const codes = Array.from({ length: blocksMax }, (_, at) => answerOf(tag.block(`g_${at}`)))
    assert.deepStrictEqual([blocksMax, codes.at(-1)], [100, [100, 100]])
    assert.strictEqual(answerOf(tag.block("g_z")), ERROR_CODE_TOO_MANY)
    assert.deepStrictEqual(answerOf(tag.block("g_7")), [8, 100])
    tag.unblock(8)
    assert.deepStrictEqual(answerOf(tag.block("g_z")), [101, tag.seq])
    assert.lengthOf(tag.guests, blocksMax)
  })

  it("is decided for a guest who is not there, whom nobody is told of", () => {
    const tag = new Tag()
    tag.holder = undefined
    assert.deepStrictEqual(tag.block("g_b").tell, [])
    assert.deepStrictEqual(tag.guests, ["g_b"])
  })
})

describe("taking a block back", () => {
  it("tells the holder who is left; the number is not given again", () => {
    const tag = new Tag()
    tag.block("g_b")
    tag.block("g_c")
    const { answer, facts, tell, answerAfterFacts } = tag.unblock(1)
    assert.deepStrictEqual(answer?.body?.value, { $type: "noriter.space.v1.UnblockAnswer", seq: 3 })
    assert.deepInclude(tell?.[0], { seq: 3, hidden: ["g_c"] })
    assert.deepStrictEqual(facts, [{ $type: "noriter.topic.v1.GuestUnblocked", guest: "g_a", block: 1, atMs: 9 }])
    assert.isTrue(answerAfterFacts)
    assert.deepStrictEqual(answerOf(tag.block("g_b")), [3, 4])
  })

  it("that there is not, or not any more, changes nothing and is answered alike", () => {
    const tag = new Tag()
    tag.block("g_b")
    tag.unblock(1)
    for (const none of [tag.unblock(1), tag.unblock(77)]) {
      assert.deepStrictEqual(none.answer?.body?.value, { $type: "noriter.space.v1.UnblockAnswer", seq: 2 })
      assert.deepStrictEqual([none.puts, none.tell, none.answerAfterFacts], [undefined, undefined, true])
    }
  })
})

describe("blocks", () => {
  it("are read with the session, which names whom to tell, and asked by a session", () => {
    assert.deepStrictEqual(block.reads(blockAsked("g_b", "")), ["blocks", "session"])
    assert.deepStrictEqual(unblock.reads(unblockAsked(1)), ["blocks", "session"])
    assert.strictEqual(block.asker(blockAsked("g_b", ""))?.session, "s_a")
    assert.strictEqual(unblock.asker(unblockAsked(1))?.session, "s_a")
  })

  it("hide nobody who has no name, as records of the release before have none", () => {
    const tag = new Tag()
    tag.block("g_b")
    const read = () => tag.value
    assert.deepStrictEqual(
      ["g_b", "g_c", ""].map((guest) => isBlocked(read, guest)),
      [true, false, false]
    )
    assert.isFalse(isBlocked(() => undefined, "g_b"))
  })

  const number = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 }))
  const asks = Arbitrary.array(Arbitrary.schema(Schema.Tuple([number, number])), { minLength: 0, maxLength: 60 })
  it.prop(
    "come to the same by their facts alone, read as often as one likes; each guest stands once, under its own number",
    { asks },
    ({ asks }) => {
      const tag = new Tag()
      const facts: Array<readonly [TopicRecord, number]> = []
      for (const [what, whom] of asks) {
        const decision = what % 3 > 0 ? tag.block(whom % 9 === 0 ? "" : `g_${whom % 9}`) : tag.unblock(whom % 12)
        for (const fact of decision.facts ?? []) facts.push([fact, tag.seq])
        assert.isAtLeast(decision.facts?.length ?? 0, 1, "every record leaves a fact (rule L13)")
      }
      const { blocks } = readBlocks(tag.value)
      for (const of of [blocks.map((one) => one.guest), blocks.map((one) => `${one.block}`)]) {
        assert.strictEqual(new Set(of).size, of.length)
      }
      const rebuilt = new Tag()
      for (const [fact, seq] of facts) rebuilt.apply(fact, seq)
      assert.deepStrictEqual(rebuilt.value, tag.value)
      if (tag.value === undefined) return
      // Whoever is read again, from the beginning, is there already.
      for (const [fact, seq] of facts) if (fact.$type === "noriter.topic.v1.GuestBlocked") rebuilt.apply(fact, seq)
      assert.deepStrictEqual(rebuilt.value, tag.value)
    }
  )
})
