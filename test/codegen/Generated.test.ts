/** What is generated for the real protocol, at work: consumers bound by key, codecs and partitions of the registry. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { PlaygroundViewConsumer } from "../../gen/consumers.ts"
import { Said } from "../../gen/noriter/client/v1/chat.ts"
import { KeyFrameAsked, MovesTold } from "../../gen/noriter/runner/v1/playground.ts"
import { LineAsked } from "../../gen/noriter/topic/v1/chat.ts"
import {
  answerBody,
  clientRoutes,
  decodeRunner,
  decodeTopic,
  encodeBody,
  heard,
  partitionOf,
  topicRoutes,
  topics
} from "../../gen/registry.ts"

describe("consumers", () => {
  const heardBy: Array<string> = []
  const consumer: PlaygroundViewConsumer = {
    move: (message) => Effect.sync(() => void heardBy.push(`move ${message.incarnation}`)),
    change: () => Effect.void,
    sendKey: (message) => Effect.sync(() => void heardBy.push(`key ${message.incarnation}`))
  }

  it("are bound key by key", () => {
    const bindings = PlaygroundViewConsumer.bind(consumer)
    assert.deepStrictEqual(
      bindings.map((binding) => binding.key),
      ["noriter.runner.v1.MovesTold", "noriter.runner.v1.MemberTold", "noriter.runner.v1.KeyFrameAsked"]
    )
    for (const binding of bindings) {
      if (binding.lane !== "RUNNER" || binding.key !== "noriter.runner.v1.KeyFrameAsked") continue
      Effect.runSync(binding.run(KeyFrameAsked.create({ incarnation: "a.1" }), undefined))
      assert.throws(() => binding.run(MovesTold.create(), undefined), "was handed noriter.runner.v1.MovesTold")
    }
    assert.deepStrictEqual(heardBy, ["key a.1"])
  })

  it("do not compile with a handler missing", () => {
    // @ts-expect-error Property 'sendKey' is missing
    const missing: PlaygroundViewConsumer = { move: consumer.move, change: consumer.change }
    assert.isDefined(missing)
  })
})

describe("registry", () => {
  const moves = MovesTold.create({
    channel: "park/1",
    incarnation: "a.1",
    number: 7,
    member: [1, 2],
    xCm: [3, 4],
    yCm: [5, 6]
  })
  const line = LineAsked.create({ channel: "park/1", text: "안녕", reach: 2 })

  it("reads what it wrote", () => {
    assert.deepStrictEqual(decodeRunner(moves.$type, encodeBody(moves)), moves)
    assert.deepStrictEqual(decodeTopic(line.$type, encodeBody(line)), line)
    assert.isUndefined(decodeRunner(line.$type, encodeBody(line)))
    assert.isUndefined(decodeTopic("noriter.topic.v1.Unknown", new Uint8Array()))
    assert.throws(() => decodeRunner(moves.$type, new Uint8Array([0x0a, 0xff])))
  })

  it("is not spoilt by a message that cannot be written", () => {
    assert.throws(() => encodeBody({ ...moves, number: -1 }))
    assert.deepStrictEqual(decodeTopic(line.$type, encodeBody(line)), line)
  })

  it("partitions by the field the proto names", () => {
    assert.strictEqual(partitionOf(moves), "park/1")
    assert.strictEqual(partitionOf(line), "park/1")
    assert.include(
      topics.map((topic) => topic.name),
      topicRoutes[line.$type].topic
    )
  })

  it("knows what a phone may count on", () => {
    const { field, ratePerSecond, delivery } = clientRoutes["noriter.client.v1.MoveRequest"]
    assert.deepStrictEqual([field, ratePerSecond, delivery], ["move", 10, "LATEST"])
    assert.strictEqual(heard.said, "DURABLE")
    const answer = answerBody({ $type: "noriter.client.v1.SayResponse", seq: 7 })
    assert.strictEqual(answer.$case, "say")
    assert.strictEqual(Said.create().$type, "noriter.client.v1.Said")
  })
})
