/** How a connection of kafkajs waits once it is mended (KafkaJs): for what cannot be sent yet, and for nothing else. */
import { afterEach, assert, beforeEach, it, vi } from "@effect/vitest"
import RequestQueue from "kafkajs/src/network/requestQueue/index.js"
import "../../../src/link/kafka/KafkaJs.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function open() {
  const queue = new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 1_000, logger: { debug: () => {} } })
  const sent: Array<number> = []
  const push = (correlationId: number) => {
    const sendRequest = () => sent.push(correlationId)
    queue.push({ entry: { correlationId, resolve: () => {} }, expectResponse: true, sendRequest })
  }
  const answer = (correlationId: number) => queue.fulfillRequest({ correlationId, payload: Buffer.alloc(0), size: 0 })
  return { queue, sent, push, answer }
}

it("waits for nothing when all is sent, and all is answered", () => {
  const { sent, push, answer } = open()
  push(1)
  assert.strictEqual(vi.getTimerCount(), 0)
  answer(1)
  assert.deepStrictEqual([sent, vi.getTimerCount()], [[1], 0])
})

it("sends what waits when there is room for it", () => {
  const { sent, push, answer } = open()
  push(1)
  push(2)
  assert.deepStrictEqual(sent, [1])
  answer(1)
  assert.deepStrictEqual(sent, [1, 2])
  vi.advanceTimersByTime(100)
  assert.strictEqual(vi.getTimerCount(), 0)
})

it("sends what waits when the broker's pause is over", () => {
  const { queue, sent, push } = open()
  queue.maybeThrottle(50)
  push(1)
  vi.advanceTimersByTime(49)
  assert.deepStrictEqual(sent, [])
  vi.advanceTimersByTime(20)
  assert.deepStrictEqual([sent, vi.getTimerCount()], [[1], 0])
})
