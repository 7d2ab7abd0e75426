/** What is remembered of requests, and what cannot be decided, over the memory twins: rules L6 and L8. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import type { LogRecord, NewRecord } from "../../src/link/TopicLog.ts"
import { deadTopicOf } from "../../src/link/Topics.ts"
import { plaza } from "./Applying.ts"
import { channelTopic, countedBeside, encoded, line, outcome, raw } from "./Asking.ts"
import { reader, settle, until } from "./Harness.ts"

describe("L6: outcomes", () => {
  const { ERROR_CODE_ID_REUSED, ERROR_CODE_STALE_ID, ERROR_CODE_RATE_LIMITED } = ErrorCode

  it.effect("a request sent again is answered alike, for whom it was sent again, and takes effect once", () =>
    Effect.gen(function* () {
      const { twins, first, say, told } = yield* plaza()
      yield* say(line({ id: 1, ask: 10 }))
      yield* until("the first answer", () => told().length === 1)
      yield* first.log.append(
        channelTopic,
        [11, 12].map((ask) => encoded(line({ id: 1, ask })))
      ) // and in one turn
      yield* until("the others", () => told().length === 3)
      assert.deepStrictEqual(
        told().map(({ ask, answer }) => [ask, answer]),
        [
          [10, "say 1"],
          [11, "say 1"],
          [12, "say 1"]
        ]
      )
      assert.strictEqual(outcome(twins).count, 1)
      yield* say(line({ id: 1, hash: 99 }), line({ id: 1, session: "t" }))
      yield* until("two more", () => told().length === 5)
      assert.deepStrictEqual(
        told()
          .slice(3)
          .map(({ answer }) => answer),
        [`refused ${ERROR_CODE_ID_REUSED}`, "say 5"]
      )
      assert.strictEqual(outcome(twins).count, 2)
    })
  )

  it.effect("the last 64 are remembered, an older one is STALE; without an id nothing is", () =>
    Effect.gen(function* () {
      const { first, told, twins } = yield* plaza()
      const ids = Array.from({ length: 65 }, (_, at) => at + 1)
      yield* first.log.append(
        channelTopic,
        ids.map((id) => encoded(line({ id })))
      )
      yield* until("all are answered", () => told().length === 65)
      yield* first.log.append(
        channelTopic,
        [1, 2, 0, 0].map((id) => encoded(line({ id })))
      )
      yield* until("four more", () => told().length === 69)
      assert.deepStrictEqual(
        told()
          .slice(65)
          .map(({ answer }) => answer),
        [`refused ${ERROR_CODE_STALE_ID}`, "say 2", "say 68", "say 69"]
      )
      assert.strictEqual(outcome(twins).count, 67)
    })
  )

  it.effect("what was refused for its rate is a fresh ask", () =>
    Effect.gen(function* () {
      const { say, told } = yield* plaza()
      yield* say(line({ id: 7, text: "busy" }), line({ id: 7, hash: 8, text: "now" }))
      yield* until("both are answered", () => told().length === 2)
      assert.deepStrictEqual(
        told().map(({ answer }) => answer),
        [`refused ${ERROR_CODE_RATE_LIMITED}`, "say 2"]
      )
    })
  )

  it.effect("a session that has ended is forgotten", () =>
    Effect.gen(function* () {
      const { twins, first, say, told } = yield* plaza()
      yield* say(line({ id: 1 }))
      yield* until("the answer", () => told().length === 1)
      twins.space.commit({ ...countedBeside(first, 0), changes: [{ _tag: "Forget", session: "s" }] })
      yield* say(line({ id: 1, hash: 2 }))
      yield* until("an answer", () => told().length === 2)
      assert.strictEqual(told()[1]?.answer, "say 2")
    })
  )
})

describe("L8: poison", () => {
  const dead = (records: ReadonlyArray<LogRecord>) =>
    records.map(({ key, body, dead: why }) => [key, body.length, why?.topic, why?.offset, why?.reason])
  const silent = Logger.layer([])

  const cases: ReadonlyArray<readonly [string, NewRecord, RegExp]> = [
    ["bytes that are no message", raw("noriter.topic.v1.LineAsked", [0x0a, 0xff]), /EOF|index|range/i],
    ["a key that nobody decides", raw("noriter.topic.v1.NeverSeen", [1, 2]), /nobody here decides/],
    ["a decision that throws", encoded(line({ id: 2, text: "throw" })), /as the test will have it/],
    ["a decision that no tag can keep", encoded(line({ id: 2, text: "huge" })), /Oversize|CommitRefused/],
    ["a decision that speaks for another channel", encoded(line({ id: 2, text: "foreign" })), /Foreign|CommitRefused/]
  ]

  it.effect.each(cases)("%s lies in the dead letters, and the partition goes on", ([, poison, reason]) =>
    Effect.gen(function* () {
      const { twins, first, told } = yield* plaza()
      const letters = yield* reader(twins, deadTopicOf(channelTopic))
      // In a row with good ones, and read again.
      yield* first.log.append(channelTopic, [encoded(line({ id: 1 })), poison, encoded(line({ id: 3 }))])
      yield* until("the good ones are answered", () => told().length === 2)
      yield* first.reading.goBack(60_000)
      yield* settle
      assert.deepStrictEqual(
        dead(letters).map((letter) => letter.slice(0, 4)),
        [[poison.key, poison.body.length, channelTopic, 1]]
      )
      assert.match(`${letters[0]?.dead?.reason}`, reason)
      assert.deepStrictEqual(letters[0]?.body, new Uint8Array(poison.body))
      assert.deepStrictEqual(
        told().map(({ answer }) => answer),
        ["say 1", "say 3"]
      )
      assert.strictEqual(outcome(twins).count, 2)
      assert.strictEqual(outcome(twins).applied, 2)
    }).pipe(Effect.provide(silent))
  )

  it.effect("a record that names no tag lies there, too", () =>
    Effect.gen(function* () {
      const { twins, first } = yield* plaza()
      const letters = yield* reader(twins, deadTopicOf(channelTopic))
      yield* first.log.append(
        channelTopic,
        ["", "{park/1}", "a b"].map((name) => ({ ...encoded(line()), partitionBy: name }))
      )
      yield* until("all three are buried", () => letters.length === 3)
      assert.deepStrictEqual(first.decided, [])
    }).pipe(Effect.provide(silent))
  )
})
