/** What a guest's tag decides about its pouch, as pure functions: at the number and one past it, and what is refused. */
import { assert, describe, it } from "@effect/vitest"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import { MailTold } from "../../../gen/noriter/runner/v1/mailbox.ts"
import type {
  FlowersPassed,
  FlowersUnwrapped,
  FlowersWrapped,
  GiftAsked,
  GiftDue
} from "../../../gen/noriter/topic/v1/social.ts"
import type { Decision, DecisionState } from "../../../src/bus/Decider.ts"
import { blockedToo, blocksKey, keptBlocks, readBlocks } from "../../../src/plaza/social/Blocks.ts"
import { changed, countOf, type Pouch, pouchKey, readPouch, writePouch } from "../../../src/plaza/social/Pouch.ts"
import { pouchDeciders, pouchFacts } from "../../../src/plaza/social/PouchDeciders.ts"

const { give, receive, unwrap } = pouchDeciders

/** A guest's tag as the deciders see it; what they put is kept. */
class Tag {
  value: Uint8Array | undefined
  blocks: Uint8Array | undefined
  holder: string | undefined = "r1-1"

  get daisies(): number {
    return countOf(readPouch(this.value), "daisy")
  }

  give(gift: Partial<GiftAsked> = {}): Decision {
    return this.decide((state) => give.decide(state, giftOf(gift)))
  }

  receive(passed: Partial<FlowersPassed> = {}): Decision {
    return this.decide((state) => receive.decide(state, { ...flowersPassed, ...passed }))
  }

  unwrap(due: GiftDue): Decision {
    return this.decide((state) => unwrap.decide(state, due))
  }

  rebuild(wrapped: FlowersWrapped): Decision {
    return this.decide((state) => pouchFacts.wrap.decide(state, wrapped))
  }

  private decide(run: (state: DecisionState) => Decision): Decision {
    const decision = run({
      read: (key) => (key === pouchKey ? this.value : key === blocksKey ? this.blocks : undefined),
      head: (stream) => (stream === "mailbox" ? 3 : 0),
      ownerOf: (key) => (key === "session" ? this.holder : undefined),
      nowMs: 9,
      appendedMs: 9,
      seq: 8
    })
    for (const { key, value } of decision.puts ?? []) if (key === pouchKey) this.value = value
    return decision
  }
}

const giftOf = (gift: Partial<GiftAsked>): GiftAsked => ({
  $type: "noriter.topic.v1.GiftAsked",
  guest: "g_a",
  asker: {
    $type: "noriter.topic.v1.Asker",
    session: "s_a",
    id: 4,
    incarnation: "r1-1",
    ask: 1,
    bodyHash: new Uint8Array(),
    generation: "",
    member: 7
  },
  receiver: "g_b",
  nickname: "바람",
  kind: "daisy",
  count: 3,
  wrappedMs: 0,
  ...gift
})

const flowersPassed: FlowersPassed = {
  $type: "noriter.topic.v1.FlowersPassed",
  guest: "g_b",
  member: 7,
  nickname: "바람",
  kind: "daisy",
  count: 3,
  atMs: 5,
  giver: "g_a"
}

const codeOf = ({ answer }: Decision): ErrorCode | string | undefined =>
  answer?.body?.$case === "refusal" ? answer.body.value.code : answer?.body?.$case

const { ERROR_CODE_INVALID, ERROR_CODE_MEMBER_GONE, ERROR_CODE_NOT_ENOUGH } = ErrorCode

describe("giving", () => {
  it("takes the flowers out, passes them on, then says so, and is answered when that is on the log", () => {
    const tag = new Tag()
    const { answer, facts, answerAfterFacts, tell, appends } = tag.give()
    assert.strictEqual(tag.daisies, 7)
    assert.strictEqual(answer?.body?.$case, "give")
    assert.isTrue(answerAfterFacts)
    assert.deepStrictEqual(facts, [
      { ...flowersPassed, atMs: 9 },
      { $type: "noriter.topic.v1.FlowersGiven", guest: "g_a", kind: "daisy", count: 3, atMs: 9, refused: 0 }
    ])
    assert.deepStrictEqual([tell, appends], [undefined, undefined])
  })

  it("all that there is may be given, and not one more; an emptied pouch is not a new one", () => {
    const tag = new Tag()
    assert.deepStrictEqual([tag.give({ count: 10 }), tag.give({ count: 1 })].map(codeOf), [
      "give",
      ERROR_CODE_NOT_ENOUGH
    ])
    assert.deepStrictEqual(readPouch(tag.value), [])
    assert.deepStrictEqual([new Tag().give({ count: 11 }), new Tag().give({ kind: "rose" })].map(codeOf), [
      ERROR_CODE_NOT_ENOUGH,
      ERROR_CODE_NOT_ENOUGH
    ])
  })

  it("of wrapped flowers takes them out and sets a timer, by which alone they are passed on", () => {
    const tag = new Tag()
    const { answer, facts, timer, answerAfterFacts } = tag.give({ wrappedMs: 1_000 })
    assert.deepStrictEqual([tag.daisies, answer?.body?.$case, answerAfterFacts], [7, "give", true])
    const due: GiftDue = {
      $type: "noriter.topic.v1.GiftDue",
      guest: "g_a",
      timer: 8,
      receiver: "g_b",
      member: 7,
      nickname: "바람",
      kind: "daisy",
      count: 3
    }
    assert.deepStrictEqual(timer, { dueMs: 1_009, record: due })
    assert.deepStrictEqual(facts, [
      { $type: "noriter.topic.v1.FlowersWrapped", guest: "g_a", dueMs: 1_009, due, atMs: 9 }
    ])
    assert.deepStrictEqual([unwrap.timer?.(due), unwrap.reads(due)], [8, []])
    assert.deepStrictEqual(tag.unwrap(due), {
      facts: [
        { ...flowersPassed, atMs: 9 },
        { $type: "noriter.topic.v1.FlowersUnwrapped", guest: "g_a", timer: 8, atMs: 9 }
      ]
    })
    assert.strictEqual(tag.daisies, 7)
  })

  it("of wrapped flowers is rebuilt from its facts: out of the pouch, and the timer set, until they were passed on", () => {
    const [tag, rebuilt] = [new Tag(), new Tag()]
    const { facts, timer } = tag.give({ wrappedMs: 1_000 })
    const wrapped = facts?.[0]
    assert(wrapped?.$type === "noriter.topic.v1.FlowersWrapped")
    assert.deepStrictEqual(rebuilt.rebuild(wrapped).timer, timer)
    assert.deepStrictEqual(readPouch(rebuilt.value), readPouch(tag.value))
    const unwrapped: FlowersUnwrapped = { $type: "noriter.topic.v1.FlowersUnwrapped", guest: "g_a", timer: 8, atMs: 9 }
    assert.strictEqual(pouchFacts.unwrap.timer?.(unwrapped), 8)
  })

  it("to nobody, and to oneself, is refused and changes nothing; a short fact is left, and then the answer", () => {
    const tag = new Tag()
    const refused = [tag.give({ receiver: "" }), tag.give({ receiver: "g_a" }), tag.give({ kind: "rose" })]
    const codes = [ERROR_CODE_MEMBER_GONE, ERROR_CODE_INVALID, ERROR_CODE_NOT_ENOUGH]
    assert.deepStrictEqual(refused.map(codeOf), codes)
    for (const [at, { puts, facts, answerAfterFacts }] of refused.entries()) {
      assert.deepStrictEqual([puts, answerAfterFacts], [undefined, true])
      assert.deepStrictEqual(facts, [
        {
          $type: "noriter.topic.v1.FlowersGiven",
          guest: "g_a",
          kind: "",
          count: 0,
          atMs: 9,
          refused: codes[at] ?? 0
        }
      ])
    }
  })

  it("reads the pouch, and is asked by a session", () => {
    assert.deepStrictEqual(give.reads(giftOf({})), ["pouch"])
    assert.strictEqual(give.asker(giftOf({}))?.session, "s_a")
  })
})

describe("receiving", () => {
  it("puts the flowers into the pouch and a mail into the mailbox, tells the holder, and says so", () => {
    const tag = new Tag()
    const { appends, tell, facts, answer } = tag.receive()
    assert.strictEqual(tag.daisies, 13)
    const kept = MailTold.decode(appends?.[0]?.value ?? new Uint8Array())
    assert.deepInclude(kept, { incarnation: "", guest: "g_b", seq: 8, prev: 3, atMs: 5 })
    assert.deepStrictEqual(kept.body?.value, {
      $type: "noriter.runner.v1.GiftMail",
      member: 7,
      nickname: "바람",
      kind: "daisy",
      count: 3
    })
    assert.deepStrictEqual(tell, [{ ...kept, incarnation: "r1-1" }])
    assert.deepStrictEqual(facts, [
      { $type: "noriter.topic.v1.FlowersReceived", guest: "g_b", kind: "daisy", count: 3, atMs: 9 }
    ])
    assert.isUndefined(answer)
  })

  it("puts them into the pouch and tells nobody when the guest blocks the giver", () => {
    const tag = new Tag()
    tag.blocks = keptBlocks(blockedToo(readBlocks(undefined), { guest: "g_a", nickname: "바람", atMs: 1 }, 3)).value
    const { appends, tell, facts } = tag.receive()
    assert.deepStrictEqual([tag.daisies, appends, tell, facts?.length], [13, undefined, undefined, 1])
    assert.lengthOf(tag.receive({ giver: "g_c" }).appends ?? [], 1)
  })

  it("is kept for a guest who is not there", () => {
    const tag = new Tag()
    tag.holder = undefined
    const { appends, tell } = tag.receive()
    assert.strictEqual(tag.daisies, 13)
    assert.deepStrictEqual([appends?.length, tell], [1, []])
  })

  it("reads the pouch, and the session, which names whom to tell; nobody has asked", () => {
    assert.deepStrictEqual(receive.reads(flowersPassed), ["pouch", "blocks", "session"])
    assert.isUndefined(receive.asker(flowersPassed))
  })
})

describe("a pouch", () => {
  const kinds = (pouch: Pouch) => pouch.map(({ kind, count }) => `${count} ${kind}`)

  it("that is not kept is full, and one that is kept without anything is empty", () => {
    assert.deepStrictEqual(kinds(readPouch(undefined)), ["10 daisy"])
    assert.deepStrictEqual(kinds(readPouch(writePouch([]))), [])
  })

  it("holds each kind once, and none of which there is none", () => {
    const withRoses = changed(changed(readPouch(undefined), "rose", 2), "rose", 1)
    assert.sameMembers(kinds(withRoses), ["10 daisy", "3 rose"])
    assert.deepStrictEqual(kinds(changed(withRoses, "daisy", -10)), ["3 rose"])
    assert.sameMembers(kinds(readPouch(writePouch(withRoses))), ["10 daisy", "3 rose"])
  })
})
