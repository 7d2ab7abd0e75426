/** A member of a group whose client does as the test says: beginning, beginning anew, and leaving (rules L10, L11). */
import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import type { Admin, Consumer, ConsumerEvents, Incoming, KafkaClient } from "../../../src/link/kafka/KafkaClient.ts"
import { Reader } from "../../../src/link/kafka/Reader.ts"
import { until } from "../../contract/Eventually.ts"

const topic = "prefix.noriter.t"
const at = { topic, partition: 2 }

const recordAt = (offset: number): Incoming => ({
  offset,
  timeMs: 1,
  key: "a",
  value: new Uint8Array(),
  header: () => undefined
})

/** Says what was asked of it; the group has committed offset 10, stood at `from` before, and 60 s ago the end was at 4. */
class FakeClient implements KafkaClient {
  readonly did: Array<string> = []
  readonly members: Array<ConsumerEvents> = []
  adminsAway = 0
  asks = 0
  asksOfLongAgo = 0
  from = 10
  /** The first offset of a time long ago, when that is said. */
  longAgo = Promise.resolve(1)

  producer = () => assert.fail("nobody appends")

  consumer = (_: string, __: ReadonlyArray<string>, events: ConsumerEvents): Consumer => {
    const say = (word: string) => void this.did.push(word)
    this.members.push(events)
    return {
      start: async () => say("start"),
      seek: (_, offset) => say(`seek ${offset}`),
      pause: () => say("pause"),
      resume: () => say("resume"),
      commit: async (offsets) => say(`commit ${offsets.map(({ offset }) => offset).join()}`),
      close: async () => say("close")
    }
  }

  admin = async (): Promise<Admin> => {
    this.asks++
    if (this.adminsAway-- > 0) throw new Error("planted: away")
    return {
      create: () => assert.fail("no topics are made"),
      describe: () => assert.fail("no topics are looked at"),
      hasMembers: async () => false,
      offsetsAt: async (_, ms) => {
        if (ms > 1_000) return new Map([[at.partition, 4]])
        this.asksOfLongAgo++
        return new Map([[at.partition, await this.longAgo]])
      },
      committed: async () => new Map([[at.partition, { offset: 10, from: this.from }]]),
      close: async () => {}
    }
  }
}

const starting = Effect.fnUntraced(function* (also: Reader["options"]["handle"] = () => Effect.void) {
  const client = new FakeClient()
  const handled: Array<string> = []
  const assigned: Array<string> = []
  const handle: Reader["options"]["handle"] = (records) =>
    Effect.andThen(
      Effect.sync(() => void handled.push(...records.map((record) => `${record.topic} ${record.offset}`))),
      Effect.suspend(() => also(records))
    )
  const ownName = (name: string) => name.slice("prefix.".length)
  const context = yield* Effect.context<never>()
  const options = { client, group: "g", topics: [topic], ownName, handle }
  const reader = new Reader({ ...options, assigned: (...at) => void assigned.push(at.join(" ")) }, context)
  const running = yield* Effect.forkScoped(reader.run)
  yield* until("a member", () => client.did.includes("start"))
  const [member] = client.members
  if (member === undefined) return assert.fail("no member")
  return { client, reader, member, assigned, handled, running }
})

it.live("begins where 60 s ago the end was, hands on by the name the topic has here, and commits when it leaves", () =>
  Effect.gen(function* () {
    const { client, assigned, handled, member, running } = yield* starting()
    member.assigned([at])
    yield* until("the beginning", () => client.did.includes("resume"))
    assert.deepStrictEqual(assigned, ["noriter.t 2"])
    member.received(at, [recordAt(4), recordAt(5)])
    member.received({ topic, partition: 0 }, [recordAt(9)]) // not its own
    yield* until("the records", () => handled.length === 2)
    assert.deepStrictEqual(handled, ["noriter.t 4", "noriter.t 5"])
    yield* Fiber.interrupt(running)
    assert.deepStrictEqual(client.did, ["start", "seek 4", "resume", "commit 6", "close"])
  })
)

it.live("begins where the group stood a minute before it read the last, where that is less", () =>
  Effect.gen(function* () {
    const { client, member } = yield* starting()
    client.from = 3
    member.assigned([at])
    yield* until("the beginning", () => client.did.includes("resume"))
    assert.deepStrictEqual(client.did, ["start", "seek 3", "resume"])
  })
)

it.live("a broker that cannot be asked is asked again, and nothing is read until it has answered", () =>
  Effect.gen(function* () {
    const { client, member } = yield* starting()
    client.adminsAway = 1
    member.assigned([at])
    yield* until("the first question", () => client.asks === 2)
    assert.deepStrictEqual(client.did, ["start"])
    yield* until("the beginning", () => client.did.includes("resume"))
  })
)

it.live("goes back by time, never forwards; what is not its own is not sought", () =>
  Effect.gen(function* () {
    const { client, member, reader } = yield* starting()
    member.assigned([at])
    yield* until("the beginning", () => client.did.includes("resume"))
    yield* reader.goBack(5_000)
    yield* reader.goBack(0)
    reader.seek(topic, 0, 7)
    reader.seek(topic, at.partition, 7)
    assert.deepStrictEqual(client.did, ["start", "seek 4", "resume", "seek 1", "seek 7"])
  })
)

it.live("having to go back again and again while the broker is away, it asks once, and for the furthest of all", () =>
  Effect.gen(function* () {
    const { client, member, reader } = yield* starting()
    member.assigned([at])
    yield* until("the beginning", () => client.did.includes("resume"))
    const asks = client.asks
    client.adminsAway = 1_000
    for (const ms of [500, ...Array.from({ length: 9 }, () => 5_000)]) yield* Effect.forkChild(reader.goBack(ms))
    yield* until("the second question", () => client.asks >= asks + 2)
    assert.isAtMost(client.asks, asks + 3)
    client.adminsAway = 0
    yield* until("the going back", () => client.did.includes("seek 1"))
  })
)

it.live("does not go back where it was assigned anew meanwhile: there that would be forwards", () =>
  Effect.gen(function* () {
    const { client, handled, member, reader } = yield* starting()
    member.assigned([at])
    yield* until("the beginning", () => client.did.includes("resume"))
    member.received(
      at,
      [4, 5, 6, 7].map((offset) => recordAt(offset))
    )
    yield* until("the records", () => handled.length === 4)
    const said = Promise.withResolvers<number>()
    client.longAgo = said.promise
    const going = yield* Effect.forkChild(reader.goBack(0), { startImmediately: true })
    yield* until("the question", () => client.asksOfLongAgo === 1)
    client.longAgo = Promise.resolve(4)
    member.revoked()
    member.assigned([at])
    yield* until("the next beginning", () => client.did.length === 5)
    said.resolve(6)
    yield* Fiber.join(going)
    assert.deepStrictEqual(client.did, ["start", "seek 4", "resume", "seek 4", "resume"])
  })
)

it.live(
  "what is just being assigned goes back as far as all had to within the minute, and what is assigned later does not",
  () =>
    Effect.gen(function* () {
      const { client, member, reader } = yield* starting()
      member.assigned([at])
      yield* reader.goBack(500)
      yield* until("the beginning", () => client.did.includes("resume"))
      assert.deepStrictEqual(client.did, ["start", "seek 1", "resume"])
      member.assigned([at])
      // In 1970.
      yield* Effect.provide(reader.goBack(500), TestClock.layer())
      yield* until("the next beginning", () => client.did.length === 5)
      assert.deepStrictEqual(client.did.slice(3), ["seek 4", "resume"])
    })
)

it.live("a member that has ended is closed, another takes its place, and what the first still says is nothing", () =>
  Effect.gen(function* () {
    const { client, handled, member } = yield* starting()
    member.assigned([at])
    yield* until("the beginning", () => client.did.includes("resume"))
    member.failed(new Error("planted: gave up"))
    yield* until("another member", () => client.members.length === 2)
    const asks = client.asks
    member.assigned([at])
    member.received(at, [recordAt(4)])
    yield* Effect.sleep("20 millis")
    assert.deepStrictEqual([client.asks, handled.length], [asks, 0])
    assert.deepStrictEqual(client.did, ["start", "seek 4", "resume", "commit 4", "close", "start"])
  })
)

it.live("what it is assigned anew waits for the handler that was running when it was taken away", () =>
  Effect.gen(function* () {
    const [begun, ended] = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()]
    const slow = Effect.uninterruptible(Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(ended)))
    const { client, handled, member } = yield* starting((records) => (records[0]?.offset === 4 ? slow : Effect.void))
    member.assigned([at])
    yield* until("the beginning", () => client.did.includes("resume"))
    member.received(at, [recordAt(4)])
    yield* Deferred.await(begun)
    // Twice, as when one runner after the other comes: the second time nothing has begun yet.
    for (let times = 0; times < 2; times++) {
      member.revoked()
      member.assigned([at])
    }
    yield* until("the next beginning", () => client.did.at(-1) === "resume" && client.did.length === 5)
    member.received(at, [recordAt(5)])
    yield* Effect.sleep("20 millis")
    assert.deepStrictEqual(handled, ["noriter.t 4"])
    Deferred.doneUnsafe(ended, Effect.void)
    yield* until("the record", () => handled.length === 2)
  })
)

it.live("what it is assigned while it leaves is nothing to it", () =>
  Effect.gen(function* () {
    const { client, member, running } = yield* starting()
    const leaving = yield* Effect.forkChild(Fiber.interrupt(running), { startImmediately: true })
    member.assigned([at])
    yield* Fiber.join(leaving)
    member.assigned([at])
    yield* Effect.sleep("20 millis")
    assert.strictEqual(client.asks, 1)
    assert.deepStrictEqual(client.did, ["start", "close"])
  })
)
