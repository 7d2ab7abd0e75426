/** The way of records to a broker that does as the test says: what is sent when, and what is said of each (rule L9). */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Appended, KafkaClient, Outgoing, Producer } from "../../../src/link/kafka/KafkaClient.ts"
import { Sender } from "../../../src/link/kafka/Sender.ts"
import { AppendFailed, batchBytesMax, batchRecordsMax, type Position } from "../../../src/link/TopicLog.ts"
import { until } from "../../contract/Eventually.ts"

interface Send {
  readonly topic: string
  readonly records: ReadonlyArray<Outgoing>
  readonly succeed: () => void
  readonly fail: () => void
}

/** Answers what it is told to, when it is told to. */
class FakeBroker implements KafkaClient {
  readonly sends: Array<Send> = []
  connects = 0
  closes = 0
  isAway = false
  private end = 0

  async producer(): Promise<Producer> {
    this.connects++
    if (this.isAway) throw new Error("planted: away")
    return { send: (topic, records) => this.send(topic, records), close: () => void this.closes++ }
  }

  private send(topic: string, records: ReadonlyArray<Outgoing>) {
    return new Promise<ReadonlyArray<Appended>>((resolve, reject) => {
      const succeed = () => {
        resolve([{ partition: 0, baseOffset: this.end, timeMs: 1 }])
        this.end += records.length
      }
      this.sends.push({ topic, records, succeed, fail: () => reject(new Error("planted: no answer")) })
    })
  }

  consumer = () => assert.fail("nobody reads")
  admin = () => assert.fail("nobody asks")
}

const starting = Effect.gen(function* () {
  const broker = new FakeBroker()
  const sender = new Sender(broker, "noriter.t", "prefix.noriter.t")
  const running = yield* Effect.forkScoped(sender.run)
  const said: Array<Position | AppendFailed> = []
  const offer = (count = 1, bytes = 1) => {
    const refused = sender.refusal(count, count * bytes)
    if (refused !== undefined) return refused
    const record = { partition: 0, key: "a", value: new Uint8Array(bytes), headers: {} }
    sender.offer(Array.from({ length: count }, () => ({ record, settled: (result) => void said.push(result) })))
    return undefined
  }
  return { broker, sender, running, said, offer }
})

const certainty = (said: ReadonlyArray<Position | AppendFailed>) =>
  said.map((each) => (each instanceof AppendFailed ? each.certain : "appended"))

it.live(
  "connects before there is anything to send, and sends one batch at a time: the next is what came meanwhile",
  () =>
    Effect.gen(function* () {
      const { broker, offer, said } = yield* starting
      yield* until("a connection", () => broker.connects === 1)
      offer()
      offer()
      yield* until("the first send", () => broker.sends.length === 1)
      for (let n = 0; n < 3; n++) offer()
      yield* Effect.sleep("20 millis")
      assert.strictEqual(broker.sends.length, 1)
      broker.sends[0]?.succeed()
      yield* until("the second send", () => broker.sends.length === 2)
      broker.sends[1]?.succeed()
      yield* until("word of all", () => said.length === 5)
      assert.deepStrictEqual(
        broker.sends.map(({ topic, records }) => [topic, records.length]),
        [
          ["prefix.noriter.t", 2],
          ["prefix.noriter.t", 3]
        ]
      )
      assert.deepStrictEqual(
        said,
        [0, 1, 2, 3, 4].map((offset) => ({ partition: 0, offset, timeMs: 1 }))
      )
      assert.strictEqual(broker.connects, 1)
    })
)

it.live("a send that fails is uncertain, is not repeated, and what waits goes by a new connection", () =>
  Effect.gen(function* () {
    const { broker, offer, said } = yield* starting
    offer(2)
    yield* until("the first send", () => broker.sends.length === 1)
    offer()
    broker.sends[0]?.fail()
    yield* until("the second send", () => broker.sends.length === 2)
    assert.deepStrictEqual(certainty(said), [false, false])
    assert.deepStrictEqual([broker.connects, broker.closes], [2, 1])
    assert.strictEqual(broker.sends[1]?.records.length, 1)
    // The first is answered after all: nobody hears of it twice.
    broker.sends[0]?.succeed()
    broker.sends[1]?.succeed()
    yield* until("word of the third", () => said.length === 3)
    assert.deepStrictEqual(certainty(said), [false, false, "appended"])
  })
)

it.live("a send without an answer is uncertain within 3 s, also for who came just behind it", () =>
  Effect.gen(function* () {
    const { broker, offer, said } = yield* starting
    offer()
    yield* until("the first send", () => broker.sends.length === 1)
    broker.isAway = true
    offer()
    const beganMs = performance.now()
    while (said.length < 2) yield* Effect.sleep("10 millis")
    assert.isBelow(performance.now() - beganMs, 3_000)
    assert.deepStrictEqual(certainty(said), [false, true])
  })
)

it.live("while the broker is away all is refused, certainly, and goes again when it is back", () =>
  Effect.gen(function* () {
    const { broker, offer, said } = yield* starting
    offer()
    yield* until("the first send", () => broker.sends.length === 1)
    broker.isAway = true
    broker.sends[0]?.fail()
    yield* until("a try", () => broker.connects === 2)
    offer()
    yield* until("word of it", () => said.length === 2)
    assert.deepStrictEqual(certainty(said), [false, true])
    broker.isAway = false
    offer()
    yield* until("a send", () => broker.sends.length === 2)
    broker.sends[1]?.succeed()
  })
)

it.live("holds the most records and the most bytes, and one more is refused", () =>
  Effect.gen(function* () {
    const { broker, offer, said } = yield* starting
    offer()
    yield* until("the first send", () => broker.sends.length === 1)
    assert.isUndefined(offer(batchRecordsMax - 1))
    assert.isUndefined(offer())
    assert.isTrue(offer()?.certain)
    broker.sends[0]?.succeed()
    yield* until("the second send", () => broker.sends.length === 2)
    assert.strictEqual(broker.sends[1]?.records.length, batchRecordsMax)
    assert.isUndefined(offer(1, batchBytesMax - 1))
    assert.isTrue(offer(1, 2)?.certain)
    assert.isUndefined(offer(1, 1))
    assert.strictEqual(said.length, 1)
    broker.sends[1]?.succeed()
    yield* until("the third send", () => broker.sends.length === 3)
    broker.sends[2]?.succeed()
  })
)

it.live("stopping waits for the send under way; what waits is refused, certainly, and so is what comes later", () =>
  Effect.gen(function* () {
    const { broker, offer, running, said, sender } = yield* starting
    offer()
    yield* until("the first send", () => broker.sends.length === 1)
    offer()
    const stopping = yield* Effect.forkChild(Fiber.interrupt(running), { startImmediately: true })
    broker.sends[0]?.succeed()
    yield* Fiber.join(stopping)
    sender.close()
    assert.deepStrictEqual(certainty(said), ["appended", true])
    assert.isTrue(offer()?.certain)
    assert.strictEqual(broker.closes, 1)
  })
)
