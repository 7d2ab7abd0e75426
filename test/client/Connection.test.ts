import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { type Arrival, batchLinesMax, closed, disconnectLine, PhoneConnection } from "../../src/client/Connection.ts"
import { tooLong } from "../../src/wire/Lines.ts"
import { FakeSocket } from "./FakeSocket.ts"

interface Bench {
  readonly connection: PhoneConnection
  readonly socket: FakeSocket
  readonly clock: { now: number }
  readonly tickets: Array<"greeted" | "left">
  readonly say: (text: string) => void
}

function makeBench(room?: number): Bench {
  const socket = new FakeSocket(room)
  const clock = { now: 0 }
  const tickets: Bench["tickets"] = []
  const connection = new PhoneConnection({
    transport: socket,
    address: "192.0.2.7",
    port: 49_153,
    limits: { lineBytesMax: 16, outboxBytesMax: 1000, outboxStallMs: 1000 },
    now: () => clock.now,
    ticket: { greeted: () => tickets.push("greeted"), left: () => tickets.push("left") }
  })
  return { connection, socket, clock, tickets, say: (text) => connection.received(Buffer.from(text)) }
}

const shown = (arrival: Arrival): ReadonlyArray<string> | "closed" =>
  arrival === closed ? "closed" : arrival.map((line) => (line === tooLong ? "TOO LONG" : line.toString()))
const next = ({ connection }: Bench) => Effect.map(connection.next, shown)
const nextLater = (bench: Bench) => Effect.forkChild(next(bench), { startImmediately: true })

const draining = { message: "bye", afterMs: 350 }
const drainingLine =
  '{"disconnect":{"code":"DISCONNECT_CODE_DRAINING","message":"bye","comeBack":true,"afterMs":350}}\n'

describe("Connection", () => {
  it.effect("gives what came before it was asked, and what comes while it is waited", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      bench.say("one\ntwo\nthr")
      assert.deepStrictEqual(yield* next(bench), ["one", "two"])
      const waiting = yield* nextLater(bench)
      bench.say("e")
      bench.say("e\n")
      assert.deepStrictEqual(yield* Fiber.join(waiting), ["three"])
      bench.say(`${"x".repeat(17)}\nfour\n`)
      assert.deepStrictEqual(yield* next(bench), ["TOO LONG", "four"])
      assert.strictEqual(bench.connection.bytesIn, 11 + 3 + 23)
    })
  )

  it.effect("hands over so many lines at a time, and reads no more until they are taken", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      bench.say("x\n".repeat(2 * batchLinesMax + 1))
      assert.isFalse(bench.connection.isReading)
      for (const count of [batchLinesMax, batchLinesMax, 1]) {
        assert.strictEqual((yield* next(bench)).length, count)
      }
      assert.isTrue(bench.connection.isReading)
      assert.deepStrictEqual(bench.socket.calls, ["pause", "resume"])
    })
  )

  it.effect("does not stop reading while the session keeps up", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      for (let round = 0; round < 10; round++) {
        const waiting = yield* nextLater(bench)
        bench.say("one\ntwo")
        bench.say("\n")
        assert.deepStrictEqual(yield* Fiber.join(waiting), ["one"])
        assert.deepStrictEqual(yield* next(bench), ["two"])
      }
      assert.isBelow(bench.socket.calls.filter((call) => call === "pause").length, 11)
    })
  )

  it.effect("reads nothing while it is paused, and gives nothing but the end", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      bench.say("one\n")
      bench.connection.pause()
      const waiting = yield* nextLater(bench)
      assert.isFalse(bench.connection.isReading)
      bench.connection.resume()
      assert.deepStrictEqual(yield* Fiber.join(waiting), ["one"])
      assert.isTrue(bench.connection.isReading)
      bench.connection.pause()
      bench.say("two\n")
      const ending = yield* nextLater(bench)
      bench.connection.gone()
      assert.strictEqual(yield* Fiber.join(ending), "closed")
    })
  )

  it.effect("does not lose lines to a reader that was interrupted", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      yield* Fiber.interrupt(yield* nextLater(bench))
      bench.say("one\n")
      assert.deepStrictEqual(yield* next(bench), ["one"])
    })
  )

  it.effect("forgives the phone the time in which it was not read", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      bench.say("one\ntw")
      yield* next(bench)
      assert.strictEqual(bench.connection.unfinishedSince, 0)
      bench.connection.pause()
      bench.clock.now = 60_000
      bench.connection.resume()
      assert.strictEqual(bench.connection.unfinishedSince, 60_000)
      assert.strictEqual(bench.connection.lastLineAt, 60_000)
    })
  )

  it.effect("knows when a line last came", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      bench.clock.now = 5
      bench.say("one\n")
      yield* next(bench)
      assert.strictEqual(bench.connection.lastLineAt, 5)
      bench.clock.now = 6
      const waiting = yield* nextLater(bench)
      bench.say("unfinished")
      assert.strictEqual(bench.connection.lastLineAt, 5)
      bench.clock.now = 7
      bench.say("\n")
      yield* Fiber.join(waiting)
      assert.strictEqual(bench.connection.lastLineAt, 7)
    })
  )

  it.effect("gives the lines of a phone that has hung up, and then the end", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      bench.say("one\nunfinished")
      bench.connection.receivedEnd()
      assert.deepStrictEqual(yield* next(bench), ["one"])
      assert.strictEqual(yield* next(bench), "closed")
      assert.strictEqual(yield* next(bench), "closed")
      assert.isTrue(bench.connection.isOpen)
    })
  )

  it.effect("says why as the last line, and ends", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      const waiting = yield* nextLater(bench)
      bench.connection.outbox.push(Buffer.from("pushed\n"))
      bench.connection.disconnect(DisconnectCode.DISCONNECT_CODE_DRAINING, draining)
      assert.strictEqual(yield* Fiber.join(waiting), "closed")
      bench.connection.outbox.answer(Buffer.from("after\n"))
      bench.connection.disconnect(DisconnectCode.DISCONNECT_CODE_ABUSE)
      bench.connection.close()
      bench.say("not heard\n")
      assert.strictEqual(yield* next(bench), "closed")
      assert.strictEqual(bench.socket.text, `pushed\n${drainingLine}`)
      assert.strictEqual(bench.connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_DRAINING)
      assert.isFalse(bench.connection.isOpen)
      assert.deepStrictEqual(bench.socket.calls, ["end", "resume"])
    })
  )

  it.effect("closes without a word, after what waits", () =>
    Effect.gen(function* () {
      const bench = makeBench()
      bench.connection.outbox.push(Buffer.from("pushed\n"))
      bench.connection.close()
      assert.strictEqual(yield* next(bench), "closed")
      assert.strictEqual(bench.socket.text, "pushed\n")
      assert.isUndefined(bench.connection.disconnectedWith)
    })
  )

  it("reads on at the end, so that its last line arrives", () => {
    const bench = makeBench()
    bench.say("x\n")
    bench.connection.pause()
    bench.connection.disconnect(DisconnectCode.DISCONNECT_CODE_DRAINING)
    assert.strictEqual(bench.socket.calls.at(-1), "resume")
  })

  it("disconnects a phone that is too slow", () => {
    const bench = makeBench(0)
    bench.connection.outbox.push(Buffer.alloc(1000, "x"))
    assert.isTrue(bench.connection.isOpen)
    bench.connection.outbox.push(Buffer.alloc(1, "x"))
    assert.strictEqual(bench.connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_SLOW)
    assert.isTrue(bench.socket.text.endsWith('"comeBack":true}}\n'))
  })

  it("gives its place among the sockets of its address back once", () => {
    const bench = makeBench()
    bench.connection.helloDone()
    bench.connection.helloDone()
    bench.connection.close()
    bench.connection.gone()
    assert.deepStrictEqual(bench.tickets, ["greeted", "left"])
  })

  it("says whether to come back as the proto does", () => {
    const proto = readFileSync(join(import.meta.dirname, "../../proto/noriter/client/v1/session.proto"), "utf8")
    const declared = [...proto.matchAll(/^ {2}(DISCONNECT_CODE_\w+) = \d+(.*);$/gm)]
    assert.strictEqual(declared.length, Object.keys(DisconnectCode).length)
    for (const [code, number] of Object.entries(DisconnectCode)) {
      if (number === DisconnectCode.DISCONNECT_CODE_UNSPECIFIED) continue
      const comeBack = declared.some(([, name, options]) => name === code && options?.includes("come_back) = true"))
      const disconnect = comeBack ? { code, comeBack } : { code }
      assert.deepStrictEqual(JSON.parse(disconnectLine(number).toString()), { disconnect })
    }
  })
})
