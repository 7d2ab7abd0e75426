/** What breaks a promise, and what does not: one change of a lock at a time. */
import { assert, describe, it } from "@effect/vitest"
import { breaksBetween, type Lock, type LockedField, type LockedKey } from "../../src/codegen/LockCheck.ts"

const say: LockedKey = {
  lane: "CLIENT",
  service: "ChatConsumer",
  field: "say",
  answer: "SayResponse",
  delivery: "ORDERED",
  ratePerSecond: 2,
  rateBurst: 5,
  lasting: true,
  inside: true,
  fields: {
    text: { type: "string", graphemesMin: 1, graphemesMax: 200, bytesMax: 1024 },
    count: { type: "uint32", max: 9 }
  }
}
const asked: LockedKey = {
  lane: "TOPIC",
  service: "AskedConsumer",
  topic: "asked",
  partitions: 16,
  partitionBy: "channel"
}
const released: Lock = {
  keys: { Say: say, Asked: asked },
  heard: { said: "DURABLE" },
  errors: { ERROR_CODE_INVALID: { number: 2, definite: true } },
  disconnects: { DISCONNECT_CODE_SLOW: { number: 6, comeBack: true } }
}
const withSay = (change: Partial<LockedKey>): Lock => ({
  ...released,
  keys: { Say: { ...say, ...change }, Asked: asked }
})
const withAsked = (change: Partial<LockedKey>): Lock => ({
  ...released,
  keys: { Say: say, Asked: { ...asked, ...change } }
})
const withField = (path: string, field: LockedField): Lock => withSay({ fields: { ...say.fields, [path]: field } })

const broken: ReadonlyArray<readonly [Lock, string]> = [
  [{ ...released, keys: { Say: say } }, "Asked: the key is gone"],
  [withAsked({ topic: "asked2" }), "Asked: topic was asked, is asked2"],
  [withAsked({ partitions: 32 }), "Asked: partitions was 16, is 32"],
  [withAsked({ partitionBy: "guest" }), "Asked: partitionBy was channel, is guest"],
  [withAsked({ lane: "RUNNER" }), "Asked: lane was TOPIC, is RUNNER"],
  [withSay({ delivery: "LATEST" }), "Say: delivery was ORDERED, is LATEST"],
  [withSay({ ratePerSecond: 1 }), "Say: ratePerSecond was 2, is 1"],
  [withSay({ rateBurst: 4 }), "Say: rateBurst was 5, is 4"],
  [withSay({ lasting: false }), "Say: lasting was true, is false"],
  [withSay({ inside: false }), "Say: inside was true, is false"],
  [withSay({ answer: "SaidResponse" }), "Say: answer was SayResponse, is SaidResponse"],
  [withField("count", { type: "uint32", max: 8 }), "Say: count: max was 9, is 8"],
  [withField("count", { type: "uint64", max: 9 }), "Say: count: type was uint32, is uint64"],
  [
    withField("text", { type: "string", graphemesMin: 2, graphemesMax: 200, bytesMax: 1024 }),
    "Say: text: graphemesMin was 1, is 2"
  ],
  [
    withField("text", { type: "string", graphemesMin: 1, graphemesMax: 200, bytesMax: 1023 }),
    "Say: text: bytesMax was 1024, is 1023"
  ],
  [
    withField("text", { type: "string", graphemesMin: 1, graphemesMax: 200, bytesMax: 1024, characters: "ASCII" }),
    "Say: text: characters were ANY, are ASCII"
  ],
  [withField("mood", { type: "Mood", specified: true }), "Say: mood: the field is new, and demanded: is now specified"],
  [withSay({ fields: { text: { type: "string" } } }), "Say: count: the field is gone"],
  [{ ...released, heard: {} }, "said: phones no longer hear it"],
  [{ ...released, heard: { said: "ORDERED" } }, "said: delivery was DURABLE, is ORDERED"],
  [{ ...released, errors: {} }, "ERROR_CODE_INVALID: the code is gone"],
  [
    { ...released, errors: { ERROR_CODE_INVALID: { number: 2, definite: false } } },
    "ERROR_CODE_INVALID: definite was true, is false"
  ],
  [
    { ...released, disconnects: { DISCONNECT_CODE_SLOW: { number: 6, comeBack: false } } },
    "DISCONNECT_CODE_SLOW: comeBack was true, is false"
  ]
]

const kept: ReadonlyArray<readonly [string, Lock]> = [
  ["nothing", released],
  ["a new key", { ...released, keys: { ...released.keys, Wave: say } }],
  ["another service", withSay({ service: "TalkConsumer" })],
  ["a stronger delivery", withSay({ delivery: "DURABLE" })],
  ["a higher rate", withSay({ ratePerSecond: 3, rateBurst: 9 })],
  ["a wider limit", withField("count", { type: "uint32", max: 10 })],
  ["a limit lifted", withField("text", { type: "string" })],
  ["a new field that may be left out", withField("mood", { type: "Mood", max: 3 })],
  ["a new error", { ...released, errors: { ...released.errors, NEW: { number: 30, definite: true } } }]
]

describe("breaks", () => {
  it.each(broken)("%#", (current, message) => assert.deepStrictEqual(breaksBetween(released, current), [message]))
  it.each(kept)("not: %s", (_what, current) => assert.deepStrictEqual(breaksBetween(released, current), []))
})
