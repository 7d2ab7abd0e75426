/** Every check of the plugin on the protos: one place of a good protocol is changed, and the refusal names it. */
import { assert, describe, it } from "@effect/vitest"
import { Plaza } from "../../sdk/typescript/src/Plaza.ts"
import { ownMembers } from "../../src/codegen/Sdk.ts"
import { changed, generate, small } from "./protos.ts"

/** What is refused: the change, and the line the plugin ends with. */
const refusals: ReadonlyArray<readonly [what: string, from: string, to: string, message: string]> = [
  [
    "no lane",
    "  option (noriter.options.v1.lane) = LANE_RUNNER;\n",
    "",
    "service noriter.client.v1.WaveViewConsumer: has no lane"
  ],
  [
    "a topic without the TOPIC lane",
    "= LANE_TOPIC",
    "= LANE_RUNNER",
    "service noriter.client.v1.WaveAskedConsumer: names a topic, but is not on the TOPIC lane"
  ],
  [
    "no topic",
    `  option (noriter.options.v1.topic) = {name: "noriter.wave.asked", partitions: 4, retention_hours: 24};\n`,
    "",
    "service noriter.client.v1.WaveAskedConsumer: is on the TOPIC lane and names no topic"
  ],
  [
    "no partitions",
    "partitions: 4, ",
    "",
    "service noriter.client.v1.WaveAskedConsumer: its topic needs a name, partitions and retention_hours"
  ],
  [
    "no partition_by",
    `    option (noriter.options.v1.partition_by) = "channel";\n`,
    "",
    "rpc noriter.client.v1.WaveViewConsumer.See: has no partition_by"
  ],
  [
    "partition_by nothing",
    `partition_by) = "tag"`,
    `partition_by) = "room"`,
    "rpc noriter.client.v1.WaveAskedConsumer.Record: partition_by names no field of WaveAsked: room"
  ],
  [
    "partition_by a number",
    `partition_by) = "channel"`,
    `partition_by) = "member"`,
    "rpc noriter.client.v1.WaveViewConsumer.See: partition_by must name a plain string field: member"
  ],
  [
    "a record that answers",
    "rpc Record(WaveAsked) returns (google.protobuf.Empty)",
    "rpc Record(WaveAsked) returns (WaveResponse)",
    "rpc noriter.client.v1.WaveAskedConsumer.Record: answers with WaveResponse; only phones are answered"
  ],
  [
    "a stream",
    "rpc See(WaveTold)",
    "rpc See(stream WaveTold)",
    "rpc noriter.client.v1.WaveViewConsumer.See: streams; a key is one message"
  ],
  [
    "no rate",
    "    option (noriter.options.v1.rate) = {per_second_hundredths: 50, burst: 3};\n",
    "",
    "rpc noriter.client.v1.WaveConsumer.Wave: has no rate (per_second_hundredths and burst)"
  ],
  [
    "no delivery",
    "    option (noriter.options.v1.delivery) = DELIVERY_LATEST;\n",
    "",
    "rpc noriter.client.v1.WaveConsumer.Walk: has no delivery"
  ],
  [
    "a message consumed twice",
    "  // A wave was seen.",
    `  // Also.
  rpc Look(WaveTold) returns (google.protobuf.Empty) {
    option (noriter.options.v1.partition_by) = "channel";
  }
  // A wave was seen.`,
    "rpc noriter.client.v1.WaveViewConsumer.See: noriter.client.v1.WaveTold is consumed by rpc noriter.client.v1.WaveViewConsumer.Look already"
  ],
  [
    "a request outside the envelope",
    "rpc Walk(WalkRequest)",
    "rpc Walk(WaveAsked)",
    "rpc noriter.client.v1.WaveConsumer.Walk: WaveAsked is not in the oneof of ClientMessage"
  ],
  [
    "an answer under another name",
    "WaveResponse wave = 2;",
    "WaveResponse waving = 2;",
    "rpc noriter.client.v1.WaveConsumer.Wave: WaveResponse is not in the oneof of ServerMessage under the name wave"
  ],
  [
    "a key nobody consumes",
    "    WalkRequest walk = 3;",
    "    WalkRequest walk = 3;\n    Hand hand = 4;",
    "field noriter.client.v1.ClientMessage.hand: no service consumes it"
  ],
  [
    "a line that says not how it is heard",
    "  option (noriter.options.v1.heard) = DELIVERY_ORDERED;\n",
    "",
    "message noriter.client.v1.Waved: phones hear it, but it does not say how (heard)"
  ],
  [
    "required of a plain scalar",
    "  bool loud = 8;",
    "  bool loud = 8 [(noriter.options.v1.rules) = {required: true}];",
    "field noriter.client.v1.WaveRequest.loud: required on a field whose absence cannot be seen: encoders omit zeros"
  ],
  [
    "a map",
    "  string tag = 1;",
    "  string tag = 1;\n  map<string, uint32> marks = 2;",
    "field noriter.client.v1.WaveAsked.marks: is a map; use a repeated message"
  ],
  [
    "a Timestamp",
    "  string tag = 1;",
    "  string tag = 1;\n  google.protobuf.Timestamp at = 2;",
    "field noriter.client.v1.WaveAsked.at: is a Timestamp, whose JSON is its own; use fields of ours (a uint64 …_ms for a time)"
  ],
  [
    "a message within a message",
    "  string tag = 1;",
    "  string tag = 1;\n  message Inner {}\n  Inner inner = 2;",
    "message noriter.client.v1.WaveAsked.Inner: is declared within a message; what is generated knows the names of a file only"
  ],
  [
    "an enum within a message",
    "  uint32 x_cm = 1;",
    "  uint32 x_cm = 1;\n  enum Pace {\n    PACE_UNSPECIFIED = 0;\n  }\n  Pace pace = 2;",
    "enum noriter.client.v1.WalkRequest.Pace: is declared within a message; what is generated knows the names of a file only"
  ],
  [
    "a name of its own in JSON",
    "  uint32 x_cm = 1;",
    `  uint32 x_cm = 1 [json_name = "x-cm"];`,
    "field noriter.client.v1.WalkRequest.x_cm: x-cm is no name in lowerCamelCase"
  ],
  [
    "text beside the key of an envelope",
    "  uint32 id = 1;",
    "  uint32 id = 1;\n  string trace = 9;",
    "field noriter.client.v1.ClientMessage.trace: beside its key an envelope has plain whole numbers only"
  ],
  [
    "a list beside the key of an envelope",
    "  uint32 id = 1;",
    "  uint32 id = 1;\n  repeated uint32 ids = 9 [(noriter.options.v1.rules) = {items_max: 3}];",
    "field noriter.client.v1.ClientMessage.ids: beside its key an envelope has plain whole numbers only"
  ],
  [
    "bytes that phones hear beside a list",
    "  uint64 seq = 1;",
    "  repeated uint64 seq = 1;\n  bytes picture = 2;",
    "field noriter.client.v1.WaveResponse.picture: bytes is nothing that phones hear"
  ],
  [
    "max of a truth",
    "  bool loud = 8;",
    "  bool loud = 8 [(noriter.options.v1.rules) = {max: 1}];",
    "field noriter.client.v1.WaveRequest.loud: max is for whole numbers"
  ],
  [
    "text of a number",
    "(noriter.options.v1.rules) = {max: 900}",
    "(noriter.options.v1.rules) = {text: {bytes_max: 4}}",
    "field noriter.client.v1.WaveRequest.member: text is for strings"
  ],
  [
    "items_max of one",
    "(noriter.options.v1.rules) = {max: 900}",
    "(noriter.options.v1.rules) = {items_max: 4}",
    "field noriter.client.v1.WaveRequest.member: items_max is for repeated fields"
  ],
  [
    "specified of a number",
    "(noriter.options.v1.rules) = {max: 900}",
    "(noriter.options.v1.rules) = {specified: true}",
    "field noriter.client.v1.WaveRequest.member: specified is for enums"
  ],
  [
    "bounds that cross",
    "graphemes_min: 1, graphemes_max: 9",
    "graphemes_min: 10, graphemes_max: 9",
    "field noriter.client.v1.WaveRequest.text: graphemes_min is above graphemes_max"
  ],
  [
    "rules where no phone speaks",
    "  string tag = 1;",
    "  string tag = 1 [(noriter.options.v1.rules) = {text: {bytes_max: 4}}];",
    "field noriter.client.v1.WaveAsked.tag: has rules, but no phone sends it"
  ],
  [
    "a list without a bound",
    "repeated Hand hands = 4 [(noriter.options.v1.rules) = {items_max: 2}];",
    "repeated Hand hands = 4;",
    "field noriter.client.v1.WaveRequest.hands: is repeated without items_max: nothing a phone sends is unbounded"
  ],
  [
    "a fraction from a phone",
    "  bool left = 1;",
    "  double left = 1;",
    "field noriter.client.v1.Hand.left: double has no strict decoder"
  ],
  [
    "a name of every object",
    "  bool left = 1;",
    "  bool constructor = 1;",
    "field noriter.client.v1.Hand.constructor: constructor is a name that every JavaScript object has"
  ],
  [
    "a message within itself",
    "  bool left = 1;",
    "  Hand left = 1;",
    "message noriter.client.v1.Hand: contains itself: its depth has no bound"
  ],
  [
    "a oneof within a request",
    "  bool left = 1;",
    "  oneof side {\n    bool left = 1;\n  }",
    "message noriter.client.v1.Hand: a oneof inside a request has no strict decoder"
  ],
  [
    "a rate between servers",
    `partition_by) = "tag";`,
    `partition_by) = "tag";\n    option (noriter.options.v1.rate) = {per_second_hundredths: 50, burst: 3};`,
    "rpc noriter.client.v1.WaveAskedConsumer.Record: rate means nothing outside the CLIENT lane"
  ],
  [
    "a partition of a phone's request",
    "option (noriter.options.v1.lasting) = true;",
    `option (noriter.options.v1.partition_by) = "text";`,
    "rpc noriter.client.v1.WaveConsumer.Wave: partition_by means nothing on the CLIENT lane"
  ],
  [
    "two opinions of one topic",
    "// ClientMessage is one line from a phone.",
    `// Also.
service WaveHappenedConsumer {
  option (noriter.options.v1.lane) = LANE_TOPIC;
  option (noriter.options.v1.topic) = {name: "noriter.wave.asked", partitions: 8, retention_hours: 24};
  // Also.
  rpc Note(WaveNoted) returns (google.protobuf.Empty) {
    option (noriter.options.v1.partition_by) = "tag";
  }
}
message WaveNoted {
  string tag = 1;
}
// ClientMessage is one line from a phone.`,
    "service noriter.client.v1.WaveHappenedConsumer: says otherwise of the topic noriter.wave.asked than another service"
  ],
  [
    "an answer that says how it is heard",
    "message WaveResponse {",
    "message WaveResponse {\n  option (noriter.options.v1.heard) = DELIVERY_LATEST;",
    "message noriter.client.v1.WaveResponse: is an answer: those are ORDERED, `heard` means nothing here"
  ],
  [
    "a max above the type",
    "repeated int32 order = 7 [(noriter.options.v1.rules) = {items_max: 3}];",
    "repeated int32 order = 7 [(noriter.options.v1.rules) = {items_max: 3, max: 4000000000}];",
    "field noriter.client.v1.WaveRequest.order: max 4000000000 is above what the type holds"
  ],
  [
    "a key named like an event of the SDKs",
    "    Waved waved = 3;",
    "    Waved missed = 3;",
    "message noriter.client.v1.Waved: is heard as missed, which is an event of the SDKs themselves"
  ],
  [
    "a key named like what a plaza of the SDKs does",
    "    WalkRequest walk = 3;",
    "    WalkRequest send = 3;",
    "rpc noriter.client.v1.WaveConsumer.Walk: is asked as send, which the SDKs have of their own"
  ],
  [
    "a message named like a type of the SDKs",
    "  uint32 x_cm = 1;\n}",
    "  Requests x_cm = 1;\n}\nmessage Requests {}",
    "message noriter.client.v1.Requests: is a name that the SDKs have of their own"
  ],
  [
    "a depth beyond that of lines",
    "  uint32 x_cm = 1;\n}",
    `  L0 deep = 1;\n}\n${Array.from({ length: 16 }, (_, level) => `message L${level} {\n  ${level === 15 ? "uint32" : `L${level + 1}`} in = 1;\n}\n`).join("")}`,
    "field noriter.client.v1.L13.in: lies deeper than 16"
  ]
]

it("the plugin knows all that a plaza of the SDK has of its own", () => {
  const plaza = new Plaza({
    transport: () => ({ write() {}, drop() {}, close() {}, unsentBytes: () => 0 }),
    nickname: "바람"
  })
  const members = [...Object.keys(plaza), ...Object.getOwnPropertyNames(Plaza.prototype)]
  assert.deepStrictEqual([...ownMembers].sort(), members.sort())
})

describe("what the plugin refuses", () => {
  it.each(refusals)("%s", async (_what, from, to, message) => {
    const error = await generate(changed(from, to)).then(
      () => undefined,
      (cause: unknown) => cause
    )
    assert.instanceOf(error, Error)
    assert.strictEqual(error.message, message)
  })

  it("nothing of the good one", async () => {
    assert.deepStrictEqual([...(await generate(small)).keys()].toSorted(), [
      "docs/protocol.md",
      "gen/consumers.ts",
      "gen/decoders.ts",
      "gen/registry.ts",
      "protocol.lock.json",
      "sdk/typescript/src/gen/protocol.ts"
    ])
  })
})
