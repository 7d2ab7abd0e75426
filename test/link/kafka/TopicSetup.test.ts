/** Topics of a broker that does as the test says. For a real one see test/link/KafkaTopicLog. */
import { setImmediate } from "node:timers/promises"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import type { Admin, KafkaClient, TopicShape } from "../../../src/link/kafka/KafkaClient.ts"
import { setUp, shapeOf } from "../../../src/link/kafka/TopicSetup.ts"

const shapes = ["noriter.a", "noriter.b"].map((name) => shapeOf({ name, partitions: 4, retentionHours: 1 }, name))

/** Says what was asked of it. */
class FakeClient implements KafkaClient {
  readonly did: Array<string> = []
  readonly there: ReadonlyArray<TopicShape>
  /** How often it still does not lead the second of the topics. */
  leadsNot = 0

  constructor(there: ReadonlyArray<TopicShape>) {
    this.there = there
  }

  producer = () => assert.fail("nobody appends")
  consumer = () => assert.fail("nobody reads")

  admin = async (): Promise<Admin> => ({
    create: async () => void this.did.push("create"),
    describe: async () => this.there,
    offsetsAt: async (topic) => {
      if (topic === "noriter.b" && this.leadsNot-- > 0) throw new Error("planted: not the leader")
      this.did.push(`ask ${topic}`)
      return new Map()
    },
    hasMembers: () => assert.fail("no group is looked at"),
    committed: () => assert.fail("no group is looked at"),
    close: async () => void this.did.push("close")
  })
}

it.live("ends when the leaders of all topics answer, and not before", () =>
  Effect.gen(function* () {
    const client = new FakeClient(shapes)
    client.leadsNot = 1
    yield* setUp(client, shapes)
    const asked = ["create", "ask noriter.a"]
    assert.deepStrictEqual(client.did, [...asked, "close", ...asked, "ask noriter.b", "close"])
  })
)

it.effect("leaders that never answer are an error when it has waited for 8 s", () =>
  Effect.gen(function* () {
    const client = new FakeClient(shapes)
    client.leadsNot = Number.POSITIVE_INFINITY
    const waiting = yield* Effect.forkChild(Effect.flip(setUp(client, shapes)))
    while (waiting.pollUnsafe() === undefined) {
      yield* Effect.promise(() => setImmediate())
      yield* TestClock.adjust("250 millis")
    }
    const refused = yield* Fiber.join(waiting)
    assert.strictEqual(refused.operation, "connect")
    assert.include(String(refused.cause), "not the leader")
  })
)

it.live("topics that differ are refused at once, whoever leads them", () =>
  Effect.gen(function* () {
    const client = new FakeClient(shapes.map((shape) => ({ ...shape, partitions: 5 })))
    const refused = yield* Effect.flip(setUp(client, shapes))
    assert.strictEqual(refused.operation, "topics")
    assert.deepStrictEqual(client.did, ["create", "close"])
  })
)
