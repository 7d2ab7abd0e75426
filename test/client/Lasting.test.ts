/** The order of a session's lasting requests (rule L7), by a clock that the test turns. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import type { Refused } from "../../src/bus/Caller.ts"
import { Lasting, lastingMax } from "../../src/client/Lasting.ts"
import { settle } from "../space/Harness.ts"

const make = () => {
  const clock = { nowMs: 0 }
  const lasting = new Lasting({ topicTimeoutMs: 3_000, now: () => clock.nowMs, fork: Effect.runFork })
  const done: Array<string> = []
  const ended = (name: string) => (result: { readonly _tag: string } | undefined) =>
    void done.push(result === undefined ? name : `${name} refused`)
  /** A request that goes to a partition, and says when it was sent. */
  const ask = (name: string, partition: string): void => {
    const sent = Effect.match(lasting.turnOf(partition), {
      onSuccess: () => ended(name)(undefined),
      onFailure: ended(name)
    })
    lasting.submit(sent, ended(name))
  }
  return { clock, lasting, done, ask, ended }
}

describe("order", () => {
  it.effect("what goes to one partition is not held up; another waits for the outcome of all before it", () =>
    Effect.gen(function* () {
      const { lasting, done, ask } = make()
      for (const [name, partition] of [
        ["a", "p"],
        ["b", "p"],
        ["c", "q"],
        ["d", "p"]
      ] as const)
        ask(name, partition)
      yield* settle
      assert.deepStrictEqual(done, ["a", "b"])
      lasting.outcome()
      yield* settle
      assert.deepStrictEqual(done, ["a", "b"])
      lasting.outcome()
      yield* settle
      assert.deepStrictEqual(done, ["a", "b", "c"], "d goes to the partition of a and b, but after c")
      lasting.outcome()
      yield* settle
      assert.deepStrictEqual(done, ["a", "b", "c", "d"])
    })
  )

  it.effect("nothing begins while it is paused; what was abandoned never does", () =>
    Effect.gen(function* () {
      const { lasting, done, ask } = make()
      lasting.pause()
      ask("a", "p")
      yield* settle
      assert.deepStrictEqual(done, [])
      assert.strictEqual(lasting.count, 1)
      lasting.goOn()
      yield* settle
      assert.deepStrictEqual(done, ["a"])
      lasting.outcome()
      lasting.pause()
      ask("b", "p")
      lasting.abandon()
      lasting.goOn()
      ask("c", "p")
      yield* settle
      assert.deepStrictEqual(done, ["a", "c"])
    })
  )

  it.effect("a request that takes its time holds up those after it; one that fails does not", () =>
    Effect.gen(function* () {
      const { lasting, done, ask } = make()
      const gate = yield* Deferred.make<void>()
      lasting.submit(Deferred.await(gate), () => {})
      lasting.submit(Effect.die("broken"), () => {})
      ask("a", "p")
      yield* settle
      assert.deepStrictEqual(done, [])
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.deepStrictEqual(done, ["a"])
    })
  )

  it.effect("settled waits for every outcome: so enter and leave do", () =>
    Effect.gen(function* () {
      const { lasting, done, ask, ended } = make()
      ask("a", "p")
      ask("b", "p")
      lasting.submit(
        Effect.match(lasting.settled, { onSuccess: () => ended("enter")(undefined), onFailure: ended("enter") }),
        ended("enter")
      )
      ask("c", "p")
      yield* settle
      lasting.outcome()
      yield* settle
      assert.deepStrictEqual(done, ["a", "b"])
      lasting.outcome()
      yield* settle
      assert.deepStrictEqual(done, ["a", "b", "enter", "c"])
    })
  )
})

describe("bounds", () => {
  it.effect("32 wait, and not one more is read until one has its outcome", () =>
    Effect.gen(function* () {
      const { lasting, ask } = make()
      for (let at = 1; at < lastingMax; at++) ask(`${at}`, "p")
      yield* settle
      assert.deepStrictEqual([lasting.count, lasting.isFull], [31, false])
      ask("32", "p")
      yield* settle
      assert.deepStrictEqual([lasting.count, lasting.isFull], [32, true])
      const read: Array<string> = []
      yield* Effect.forkChild(
        Effect.andThen(
          lasting.room,
          Effect.sync(() => void read.push("more"))
        )
      )
      yield* settle
      assert.deepStrictEqual(read, [])
      lasting.outcome()
      yield* settle
      assert.deepStrictEqual(read, ["more"])
    })
  )

  it.effect("what waits 3 s behind another is UNAVAILABLE: still queued, or about to be sent", () =>
    Effect.gen(function* () {
      const { clock, lasting, done, ask } = make()
      ask("sent", "p")
      ask("at the gate", "q")
      ask("queued", "q")
      const codes: Array<ErrorCode> = []
      lasting.submit(Effect.void, (refused: Refused) => void codes.push(refused.code))
      clock.nowMs = 2_999
      lasting.sweep()
      yield* settle
      assert.deepStrictEqual([done, codes], [["sent"], []])
      clock.nowMs = 3_000
      lasting.sweep()
      yield* settle
      assert.deepStrictEqual([...done].sort(), ["at the gate refused", "queued refused", "sent"])
      assert.deepStrictEqual(codes, [ErrorCode.ERROR_CODE_UNAVAILABLE])
      assert.strictEqual(lasting.count, 1, "only what was sent still waits for word")
      lasting.outcome()
      ask("later", "q")
      yield* settle
      assert.strictEqual(done.at(-1), "later")
    })
  )
})
