/** Rule L11: after a loss everything of the last minute is read again, and a tag that was rewound from its mark. */
import { assert, describe, it } from "@effect/vitest"
import type { LogRecord } from "../../src/link/TopicLog.ts"
import { GoingBack, goBackMs } from "../../src/space/GoingBack.ts"

/** One that says where it goes back to, at a time that the test sets. */
const going = () => {
  const clock = { nowMs: 1_000_000 }
  const seeks: Array<string> = []
  const back = new GoingBack(
    ({ topic, partition }, offset) => void seeks.push(`${topic}/${partition}/${offset}`),
    () => clock.nowMs
  )
  /** Reads these one after another, as many milliseconds apart; the space is heard of all the time. */
  const read = (offsets: ReadonlyArray<number>, everyMs: number, partition = 0) => {
    for (const offset of offsets) {
      back.reads(at(offset, partition))
      clock.nowMs += everyMs
      back.saw("heard", 0, at(offset, partition))
    }
  }
  return { back, clock, seeks, read }
}

const at = (offset: number, partition = 0): LogRecord => ({
  topic: "t",
  partition,
  offset,
  timeMs: 0,
  key: "k",
  partitionBy: "tag",
  body: new Uint8Array(0)
})

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, offset) => from + offset)

describe("going back", () => {
  it("goes to where each partition stood a minute ago, by the reader's own clock", () => {
    const { back, seeks, read } = going()
    read(upTo(100), 1_000)
    read([7], 0, 3)
    back.begin()
    // Now it is second 100: what was read at second 40 stood at 40.
    assert.deepStrictEqual(seeks, ["t/0/40", "t/3/7"])
    assert.strictEqual(back.pass, 1)
  })

  it("goes to where a partition began, if that was later", () => {
    const { back, seeks, read } = going()
    read(upTo(10, 500), 100)
    back.begin()
    assert.deepStrictEqual(seeks, ["t/0/500"])
  })

  it("goes to the last it read where nothing came for long", () => {
    const { back, clock, seeks, read } = going()
    read(upTo(5), 1_000)
    clock.nowMs += 10 * goBackMs
    back.saw("heard", 0, at(0, 3))
    back.begin()
    assert.deepStrictEqual(seeks, ["t/0/4"])
  })

  it("goes to where it stood a minute before the space went away, however long ago that is", () => {
    const { back, clock, seeks, read } = going()
    read(upTo(100), 1_000)
    back.reads(at(100))
    clock.nowMs += 10 * goBackMs
    back.begin()
    assert.deepStrictEqual(seeks, ["t/0/40"])
    // What is read anew, and not heard of again, is no reason to forget that.
    back.reads(at(40))
    clock.nowMs += 2_000
    back.begin()
    assert.deepStrictEqual(seeks, ["t/0/40", "t/0/40"])
  })

  it("does not go to where a partition stood that was another's since then", () => {
    const { back, clock, seeks, read } = going()
    read(upTo(5), 1_000)
    clock.nowMs += 24 * 60 * goBackMs
    back.saw("heard", 0, at(0, 3))
    back.assigned("t", 0)
    read(upTo(5, 1_000_000), 1_000)
    back.begin()
    assert.deepStrictEqual(seeks, ["t/0/1000000"])
  })

  it("does not go there either before anything was read of it, and does where it has it all the time", () => {
    const { back, clock, seeks, read } = going()
    read(upTo(5), 1_000)
    read(upTo(5), 1_000, 3)
    clock.nowMs += 24 * 60 * goBackMs
    back.saw("heard", 0, at(0, 7))
    back.assigned("t", 0)
    back.begin()
    assert.deepStrictEqual(seeks, ["t/3/4"])
  })

  it("goes to where a partition stood that was another's for a moment", () => {
    const { back, seeks, read } = going()
    read(upTo(100), 1_000)
    back.assigned("t", 0)
    back.begin()
    assert.deepStrictEqual(seeks, ["t/0/40"])
  })

  it("notes once a second, however much it reads, and never passes over anything", () => {
    const { back, seeks, read } = going()
    read(upTo(90_500), 1)
    back.begin()
    // One record a millisecond: half a minute and a half second after the first it stood at 30,500, noted at 30,000.
    assert.deepStrictEqual(seeks, ["t/0/30000"])
  })

  it("having gone back, it does not count as read what it has yet to reach", () => {
    const { back, clock, seeks, read } = going()
    read(upTo(30, 100), 1_000)
    back.begin()
    read([100], 0)
    // Second 70: at second 10 it stood at 110, but what lies between has been lost since.
    clock.nowMs += 40_000
    back.saw("heard", 0, at(100))
    back.begin()
    assert.deepStrictEqual(seeks, ["t/0/100", "t/0/100"])
  })

  it("having to go back twice, it does not pass over what it had yet to reach when another was there already", () => {
    const { back, clock, seeks, read } = going()
    read(upTo(100), 1_000)
    read([7], 0, 3)
    clock.nowMs += 10 * goBackMs
    back.begin()
    read([7], 0, 3)
    back.begin()
    assert.deepStrictEqual(seeks, ["t/0/40", "t/3/7", "t/0/40", "t/3/7"])
  })
})

describe("a tag whose mark is below what was seen", () => {
  it("is read again from the record after its mark", () => {
    const { back, seeks, read } = going()
    read(upTo(10), 1_000)
    assert.isTrue(back.saw("tag", 8, at(9)))
    assert.isTrue(back.saw("tag", 8, at(9)), "the same is nothing new")
    assert.isTrue(back.saw("other", 3, at(9)), "nor is another tag's")
    assert.deepStrictEqual(seeks, [])
    assert.isFalse(back.saw("tag", 5, at(9)))
    assert.deepStrictEqual(seeks, ["t/0/6"])
    assert.isTrue(back.saw("tag", 5, at(6)), "from there on it is what was seen")
  })

  it("is read again no further back than a minute, and never forwards", () => {
    const { back, seeks, read } = going()
    read(upTo(100), 1_000)
    back.saw("tag", 98, at(99))
    assert.isFalse(back.saw("tag", 2, at(99)))
    assert.deepStrictEqual(seeks, ["t/0/40"])
    back.saw("tag", 98, at(99))
    assert.isFalse(back.saw("tag", 90, at(50)))
    assert.deepStrictEqual(seeks, ["t/0/40", "t/0/50"], "what lies between has yet to be applied")
  })

  it("is forgotten when everything is read again", () => {
    const { back, seeks, read } = going()
    read([0], 0)
    back.saw("tag", 8, at(9))
    back.begin()
    assert.isTrue(back.saw("tag", 5, at(9)))
    assert.deepStrictEqual(seeks, ["t/0/0"])
  })

  it("is remembered for 20,000 tags, the one looked at longest ago forgotten first", () => {
    const { back, read } = going()
    read([0], 0)
    back.saw("first", 8, at(9))
    back.saw("second", 8, at(9))
    for (let n = 2; n < 20_000; n++) back.saw(`tag ${n}`, 1, at(9))
    back.saw("first", 8, at(9))
    back.saw("one more", 1, at(9))
    assert.isTrue(back.saw("second", 5, at(9)), "forgotten")
    assert.isFalse(back.saw("first", 5, at(9)), "remembered")
  })
})
