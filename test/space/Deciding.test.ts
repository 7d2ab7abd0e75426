/** The pure half of applying (rules L2 to L6): the same records come to the same, however they are cut into turns. */
import { assert, describe, it } from "@effect/vitest"
import { ChannelAskedConsumer } from "../../gen/consumers.ts"
import type { TopicRecord } from "../../gen/registry.ts"
import { Hub } from "../../src/link/MemoryRunnerLink.ts"
import type { LogRecord, Source } from "../../src/link/TopicLog.ts"
import { type AskedRecord, decideInTurn, keysOf, outcomesOf } from "../../src/space/Deciding.ts"
import { Space } from "../../src/space/MemorySharedSpace.ts"
import { type AppliedRecord, CommitRefused, type TagState } from "../../src/space/SharedSpace.ts"
import { Trouble } from "../sim/Trouble.ts"
import { channelDecider, channelTopic, encoded, line, tag, whisper } from "./Asking.ts"

const generation = { era: 1, n: 1 }
const bindings = new Map(
  ChannelAskedConsumer.bind(channelDecider()).flatMap((binding) =>
    binding.lane === "TOPIC" ? [[binding.key, binding.decider] as const] : []
  )
)

interface At {
  readonly offset: number
  readonly timeMs?: number
  readonly source?: Source
}

/** A record as it is read, with who decides it. */
const asked = (message: TopicRecord, { offset, timeMs = offset, source }: At): AskedRecord => {
  const record: LogRecord = { ...encoded(message, source), topic: channelTopic, partition: 0, offset, timeMs }
  const decider = bindings.get(message.$type)
  return decider === undefined ? { record, by: undefined, cause: "nobody" } : { record, by: { message, decider } }
}

/** A founded channel. */
const channel = (): Space => {
  const space = new Space(new Hub())
  space.commit({
    tag,
    token: "",
    generation,
    found: true,
    guard: { _tag: "Compared" },
    reads: [],
    changes: [],
    tell: []
  })
  return space
}

const stateFor = (space: Space, records: ReadonlyArray<AskedRecord>): TagState =>
  space.read({ tag, keys: keysOf(records), outcomes: outcomesOf(records) })

/** Decides a turn and commits it, as the Applier does. */
const turn = (space: Space, records: ReadonlyArray<AskedRecord>) => {
  const applied = decideInTurn(stateFor(space, records), records)
  const { reads, changes, tell } = applied
  const guard = { _tag: "Applied", records: applied.records } as const
  const done = space.commit({ tag, token: crypto.randomUUID(), generation, found: false, guard, reads, changes, tell })
  assert.isFalse(done instanceof CommitRefused, done instanceof CommitRefused ? done.reason : "")
  return applied
}

describe("a turn", () => {
  it("is a function of state and records", () => {
    const space = channel()
    const records = [line({ id: 1 }), whisper({ id: 2 }), line({ id: 1, ask: 9 })].map((one, offset) =>
      asked(one, { offset })
    )
    const state = stateFor(space, records)
    assert.deepStrictEqual(decideInTurn(state, records), decideInTurn(state, records))
  })

  it("now never runs back, within a turn and over it (L2)", () => {
    const space = channel()
    const first = turn(space, [
      asked(line({ id: 1 }), { offset: 0, timeMs: 50 }),
      asked(line({ id: 2 }), { offset: 1, timeMs: 40 })
    ])
    assert.deepStrictEqual(
      first.records.map(({ timeMs }) => timeMs),
      [50, 50]
    )
    assert.deepStrictEqual(turn(space, [asked(line({ id: 3 }), { offset: 2, timeMs: 45 })]).records[0]?.timeMs, 50)
  })

  it("takes a source in once, within a turn and over it; what comes late changes nothing (L4)", () => {
    const space = channel()
    const from = (offset: number, index = 0): Source => ({ topic: "t", partition: 0, offset, index })
    const sources = [from(5), from(5), from(5, 1), from(4), from(6)]
    const first = turn(
      space,
      sources.map((source, offset) => asked(line(), { offset, source }))
    )
    assert.deepStrictEqual(first.changes.filter(({ _tag }) => _tag === "Append").length, 3)
    assert.strictEqual(turn(space, [asked(line(), { offset: 9, source: from(6) })]).changes.length, 0)
    assert.strictEqual(
      turn(space, [asked(line(), { offset: 10, source: { ...from(0), partition: 1 } })]).changes.length,
      2
    )
  })

  it("gives each fact the record and its place as source", () => {
    const { records } = turn(channel(), [
      asked(line({ id: 1 }), { offset: 3 }),
      asked(whisper({ id: 2 }), { offset: 4 })
    ])
    assert.deepStrictEqual(
      records.map(({ facts }) => facts.map(({ record }) => record.source)),
      [
        [{ topic: channelTopic, partition: 0, offset: 3, index: 0 }],
        [{ topic: channelTopic, partition: 0, offset: 4, index: 0 }]
      ]
    )
  })

  it("a record without decider, and one whose decision throws, are poison and applied without effect (L8)", () => {
    const space = channel()
    const lost: AskedRecord = { ...asked(line(), { offset: 1 }), by: undefined, cause: "nobody" }
    const applied = turn(space, [
      asked(line({ id: 1 }), { offset: 0 }),
      lost,
      asked(line({ id: 2, text: "throw" }), { offset: 2 })
    ])
    assert.deepStrictEqual(
      applied.poison.map(({ record, cause }) => [record.offset, String(cause)]),
      [
        [1, "nobody"],
        [2, "Error: as the test will have it"]
      ]
    )
    assert.strictEqual(space.read({ tag, keys: [] }).applied, 2)
    assert.strictEqual(applied.upTo, 2)
  })

  it("what a timer asks is decided while that stands, once, and a timer asks no tag but its own (T1)", () => {
    const space = channel()
    const set = (of = tag) => asked(line({ text: `timer ${of}` }), { offset: 3 })
    assert.deepStrictEqual(
      turn(space, [set("park/9")]).poison.map(({ cause }) => `${cause}`),
      ["Error: a timer of park/1 for park/9"]
    )
    const due = (offset: number, id = 5) => asked(whisper({ id, text: "due" }), { offset })
    const [first] = turn(space, [asked(line({ text: `timer ${tag}` }), { offset: 4 })]).timers
    assert.deepStrictEqual(
      [first?.number, first?.record.tag, first?.record.key, first?.record.dueMs],
      [5, tag, "noriter.topic.v1.WhisperAsked", 104]
    )
    assert.deepStrictEqual(keysOf([due(5)]), ["timer/5"])
    const isDecided = ({ records }: { records: ReadonlyArray<AppliedRecord> }) =>
      records.map(({ facts }) => facts.length)
    assert.deepStrictEqual(isDecided(turn(space, [due(5, 4), due(6), due(7)])), [0, 1, 0])
    assert.deepStrictEqual(isDecided(turn(space, [due(8)])), [0])
    // Set and due in one turn: nothing is left to be armed.
    const both = turn(space, [asked(line({ text: `timer ${tag}` }), { offset: 9 }), due(10, 10)])
    assert.deepStrictEqual([isDecided(both), both.timers], [[1, 1], []])
    assert.deepStrictEqual(space.due(tag, Number.MAX_SAFE_INTEGER, 9), [])
  })

  it("reads what its deciders read, in the version it saw, and no counters", () => {
    const space = channel()
    turn(space, [asked(line({ id: 1 }), { offset: 0 })])
    const { reads } = turn(space, [asked(line({ id: 2 }), { offset: 1 }), asked(line({ id: 3 }), { offset: 2 })])
    assert.deepStrictEqual(reads, [{ key: "count", version: 1 }])
  })
})

/** What a tag holds that somebody can see. Tokens are of how it was written. */
const seen = (space: Space) => {
  const state = space.save().tags.get(tag)
  return state && { ...state, tokens: undefined }
}

const randomRecord = (random: Trouble, offset: number): AskedRecord => {
  const text = ["a", "b", "busy", "throw"][random.below(4)] ?? ""
  const asking = { id: random.below(8), session: `s${random.below(2)}`, hash: random.below(3), text }
  const source = random.chance(0.2)
    ? { topic: "t", partition: random.below(2), offset: random.below(50), index: 0 }
    : undefined
  const at = { offset, timeMs: random.below(100), ...(source === undefined ? {} : { source }) }
  return asked(random.chance(0.8) ? line(asking) : whisper(asking), at)
}

describe("cut into turns", () => {
  /** The same records one by one, and in turns of any length. */
  const compare = (seed: number, decide: typeof turn): boolean => {
    const random = new Trouble(seed)
    const records = Array.from({ length: 60 }, (_, at) => randomRecord(random, at + random.below(2) * 100 * (at + 1)))
      .sort((a, b) => a.record.offset - b.record.offset)
      .filter(({ record }, at, all) => record.offset !== all[at - 1]?.record.offset)
    const [one, many] = [channel(), channel()]
    for (const record of records) turn(one, [record])
    for (let at = 0; at < records.length; ) {
      const some = records.slice(at, at + 1 + random.below(10))
      decide(many, some)
      at += some.length
    }
    return Buffer.from(JSON.stringify(plain(seen(one)))).equals(Buffer.from(JSON.stringify(plain(seen(many)))))
  }

  it("comes to the same", () => {
    // First a turn that forgets what it has just taken in: it must be seen.
    const forgetful: typeof turn = (space, records) => {
      const state = stateFor(space, records)
      const parts = records.map((record) => decideInTurn(state, [record]))
      const [first] = parts
      if (first === undefined) throw new Error("no records")
      const guard = { _tag: "Applied", records: parts.flatMap((part) => part.records) } as const
      const changes = parts.flatMap((part) => part.changes)
      space.commit({ tag, token: crypto.randomUUID(), generation, found: false, guard, reads: [], changes, tell: [] })
      return first
    }
    assert.isFalse(compare(1, forgetful))
    for (let seed = 1; seed <= 100; seed++) assert.isTrue(compare(seed, turn), `seed ${seed}`)
  })
})

/** Maps and bytes as JSON has them. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex")
  if (value instanceof Map) return [...value].map(plain)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === "object" && value !== null) return Object.entries(value).map(plain)
  return value
}
