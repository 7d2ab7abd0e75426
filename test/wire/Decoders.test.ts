/** The generated decoders and writers on the real protocol: what official encoders write comes in whole, and out again. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { decodeClientMessage } from "../../gen/decoders.ts"
import { ClientMessage, ServerMessage } from "../../gen/noriter/client/v1/client.ts"
import { serverLine } from "../../gen/registry.ts"
import { Issues } from "../../src/wire/Strict.ts"
import { arbitraryLine, lawfulRequest, Random } from "./Messages.ts"

const issuesOf = (line: string): ReadonlyArray<string> => {
  const issues = new Issues()
  const message = decodeClientMessage(JSON.parse(line), issues)
  assert.strictEqual(message === undefined, issues.count > 0)
  return issues.list().map((issue) => `${issue.rule} ${issue.path}`)
}

describe("refusals", () => {
  it.each([
    ["{}", ["ONE_KEY "]],
    [`{"id":1}`, ["ONE_KEY "]],
    [`{"ping":{},"leave":{}}`, ["ONE_KEY leave"]],
    [`{"ping":null}`, ["ONE_KEY "]],
    [`{"dance":{}}`, ["UNKNOWN_FIELD dance"]],
    [`{"dance":null,"ping":{}}`, ["UNKNOWN_FIELD dance"]],
    [`{"":{},"ping":{}}`, [`UNKNOWN_FIELD ""`]],
    [`{"id":-1,"ping":{}}`, ["RANGE id"]],
    [`{"ping":[]}`, ["TYPE ping"]],
    [`{"ping":{"a":1}}`, ["UNKNOWN_FIELD ping.a"]],
    [`{"say":{"text":7}}`, ["TYPE say.text"]],
    [`{"say":{"text":"a","reach":"constructor"}}`, ["ENUM say.reach"]],
    [`{"say":{"text":"a","reach":3}}`, ["ENUM say.reach"]],
    [`{"say":{"text":"a","reach":"1"}}`, ["ENUM say.reach"]],
    [`{"say":{"text":"a","reach":"reach_nearby"}}`, ["ENUM say.reach"]],
    [`{"move":{"x_cm":1}}`, ["UNKNOWN_FIELD move.x_cm"]],
    [`{"move":{"__proto__":{"xCm":1}}}`, ["UNKNOWN_FIELD move.__proto__"]],
    [`{"__proto__":{"move":{}},"ping":{}}`, ["UNKNOWN_FIELD __proto__"]],
    [`{"constructor":{},"ping":{}}`, ["UNKNOWN_FIELD constructor"]],
    [
      `{"move":{"toString":1,"hasOwnProperty":2}}`,
      ["UNKNOWN_FIELD move.toString", "UNKNOWN_FIELD move.hasOwnProperty"]
    ],
    [
      `{"resume":{"resumeToken":"t","streams":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d","seq":1.5}]}}`,
      ["TYPE resume.streams[3].seq"]
    ],
    [`{"say":{"text":${"[".repeat(14)}${"]".repeat(14)}}}`, ["TYPE say.text"]],
    [`{"say":{"text":${"[".repeat(15)}${"]".repeat(15)}}}`, ["DEPTH "]],
    [`${"[".repeat(17)}${"]".repeat(17)}`, ["DEPTH "]],
    [`{"ping":{},"x":${`{"a":`.repeat(16)}1${"}".repeat(16)}}`, ["DEPTH "]]
  ])("%s", (line, issues) => assert.deepStrictEqual(issuesOf(line), issues))

  it("takes null for absent, and two keys where one is null", () => {
    assert.deepStrictEqual(issuesOf(`{"id":null,"ping":{},"leave":null,"move":null}`), [])
    assert.deepStrictEqual(issuesOf(`{"move":{"xCm":null}}`), [])
  })

  it("names at most 16 of many, with names cut", () => {
    const fields = Array.from({ length: 40 }, (_, index) => `"${"x".repeat(100)}${index}":1`).join(",")
    const issues = issuesOf(`{"move":{${fields}}}`)
    assert.strictEqual(issues.length, 16)
    for (const issue of issues) assert.strictEqual(issue.length, "UNKNOWN_FIELD ".length + 64)
  })

  it("leaves the prototype of everything alone", () => {
    issuesOf(`{"move":{"__proto__":{"polluted":1}},"__proto__":{"polluted":1}}`)
    assert.isUndefined(Reflect.get({}, "polluted"))
  })
})

const seed = Number(process.env.NORITER_SEED ?? Date.now() % 0xffff_ffff)

describe(`messages at random (NORITER_SEED=${seed})`, () => {
  it("what an official encoder writes is decoded to the same", () => {
    const random = new Random(seed)
    for (let round = 0; round < 2000; round++) {
      const message = lawfulRequest(random)
      const line = JSON.stringify(ClientMessage.toJSON(message))
      const issues = new Issues()
      const decoded = decodeClientMessage(JSON.parse(line), issues)
      assert.deepStrictEqual(issues.list(), [], line)
      assert.deepStrictEqual(decoded, message, line)
      assert.deepStrictEqual(ClientMessage.decode(ClientMessage.encode(message).finish()), message)
    }
  })

  it("serverLine writes what an official encoder writes", () => {
    const random = new Random(seed)
    for (let round = 0; round < 2000; round++) {
      const message = arbitraryLine(random)
      const official = JSON.stringify(ServerMessage.toJSON(message))
      assert.deepStrictEqual(JSON.parse(serverLine(message)), JSON.parse(official), official)
    }
  })

  it("one changed place never throws, and is either taken or named", () => {
    const random = new Random(seed)
    const wrong: ReadonlyArray<unknown> = [null, true, -1, 0.5, 1e300, "", "x".repeat(2000), [], [null], {}, { a: 1 }]
    for (let round = 0; round < 2000; round++) {
      const line = JSON.parse(JSON.stringify(ClientMessage.toJSON(lawfulRequest(random))))
      const within = Object.values(line).find((value) => typeof value === "object") ?? line
      Reflect.set(within ?? line, random.of([...Object.keys(within ?? {}), "other"]), random.of(wrong))
      issuesOf(JSON.stringify(line))
    }
  })
})

describe("the manual", () => {
  it("has only examples that are taken", () => {
    const manual = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8")
    const examples = manual.split("\n").filter((line) => line.startsWith("> {"))
    assert.isAtLeast(examples.length, 12)
    for (const example of examples) assert.deepStrictEqual(issuesOf(example.slice(2)), [], example)
  })
})
