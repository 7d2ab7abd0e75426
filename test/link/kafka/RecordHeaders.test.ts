/** What of a record that somebody else has written is taken for what it says. */
import { assert, it } from "@effect/vitest"
import type { Incoming } from "../../../src/link/kafka/KafkaClient.ts"
import { incoming, outgoing } from "../../../src/link/kafka/RecordHeaders.ts"

const at = { topic: "noriter.t", partition: 3 }

const read = (headers: Readonly<Record<string, string>>) => {
  const record: Incoming = { offset: 7, timeMs: 1, key: "a", value: new Uint8Array(), header: (name) => headers[name] }
  return incoming(record, at)
}

it("what was written is read", () => {
  const source = { topic: "noriter.other", partition: 0, offset: 2 ** 52, index: 0 }
  const dead = { topic: "noriter.other", partition: 1, offset: 0, reason: "" }
  const record = { key: "k", partitionBy: "a", body: new Uint8Array(), trace: "00-1-2-01", source, dead }
  const { headers } = outgoing(record, 3)
  assert.deepStrictEqual(read(headers), { ...record, ...at, offset: 7, timeMs: 1 })
})

it.each([
  {},
  { source: "" },
  { source: "noriter.other/1/2" },
  { source: "noriter.other/1/2/-3" },
  { dead: "noriter.other/1" },
  { "dead-reason": "alone" }
])("headers that are not ours are none: %o", (headers) => {
  assert.deepStrictEqual(read(headers), {
    key: "",
    partitionBy: "a",
    body: new Uint8Array(),
    ...at,
    offset: 7,
    timeMs: 1
  })
})
