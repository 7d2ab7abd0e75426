import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { disconnectLine, PhoneConnection } from "../../src/client/Connection.ts"
import { linesAtOnce } from "../../src/client/Reading.ts"
import { until } from "../contract/Eventually.ts"
import { FakeSocket } from "./FakeSocket.ts"
import { Taker } from "./Taker.ts"

/** A connection whose lines are kept; with `begun` false nobody takes them yet. */
function makeBench({ room, begun = true }: { readonly room?: number; readonly begun?: boolean } = {}) {
  const socket = new FakeSocket(room)
  const clock = { now: 0 }
  const tickets: Array<"greeted" | "left"> = []
  const taker = new Taker()
  const counts = { gone: 0, done: 0 }
  const connection = new PhoneConnection({
    transport: socket,
    address: "192.0.2.7",
    port: 49_153,
    limits: { lineBytesMax: 16, outboxBytesMax: 1000, outboxStallMs: 1000 },
    now: () => clock.now,
    onStirred: () => {},
    ticket: { greeted: () => tickets.push("greeted"), left: () => tickets.push("left") },
    run: Effect.runFork,
    onGone: () => counts.gone++,
    onDone: () => counts.done++
  })
  if (begun) connection.begin(taker)
  return {
    connection,
    socket,
    clock,
    tickets,
    taker,
    counts,
    say: (text: string) => connection.received(Buffer.from(text))
  }
}

const draining = { message: "bye", afterMs: 350 }
const drainingLine =
  '{"disconnect":{"code":"DISCONNECT_CODE_DRAINING","message":"bye","comeBack":true,"afterMs":350}}\n'

describe("Connection", () => {
  it("hands over what came before anybody took it, and what comes from then on", () => {
    const { connection, taker, say } = makeBench({ begun: false })
    say("one\ntwo\nthr")
    connection.begin(taker)
    assert.deepStrictEqual(taker.taken, ["one", "two"])
    say("e")
    say("e\n")
    assert.deepStrictEqual(taker.taken, ["one", "two", "three"])
    say(`${"x".repeat(17)}\nfour\n`)
    assert.deepStrictEqual(taker.taken.slice(3), ["TOO LONG", "four"])
    assert.strictEqual(connection.bytesIn, 11 + 3 + 23)
  })

  it("hands over one line when the one before is done with, and reads no more until then", () => {
    const { connection, socket, taker, say } = makeBench()
    taker.slow = true
    say("one\n")
    assert.isTrue(connection.isReading)
    say("two\nthree\n")
    assert.isFalse(connection.isReading)
    assert.deepStrictEqual(taker.taken, ["one"])
    taker.goOn()
    assert.deepStrictEqual(taker.taken, ["one", "two"])
    taker.slow = false
    taker.goOn()
    assert.deepStrictEqual(taker.taken, ["one", "two", "three"])
    assert.isTrue(connection.isReading)
    assert.deepStrictEqual(socket.calls, ["pause", "resume"])
  })

  it.live("has others handled between many lines of one phone, and loses none", () =>
    Effect.gen(function* () {
      const { connection, taker, say } = makeBench()
      say("x\n".repeat(2 * linesAtOnce + 1))
      assert.lengthOf(taker.taken, linesAtOnce)
      yield* until("the rest", () => taker.taken.length === 2 * linesAtOnce + 1)
      assert.isTrue(connection.isReading)
    })
  )

  it("does not stop reading while the session keeps up", () => {
    const { socket, taker, say } = makeBench()
    for (let round = 0; round < 10; round++) {
      say("one\ntwo")
      say("\n")
    }
    assert.lengthOf(taker.taken, 20)
    assert.deepStrictEqual(socket.calls, [])
  })

  it("forgives the phone the time in which it was not read", () => {
    const { connection, clock, taker, say } = makeBench()
    taker.slow = true
    say("one\n")
    say("two\nth")
    clock.now = 60_000
    taker.slow = false
    taker.goOn()
    assert.strictEqual(connection.unfinishedSince, 60_000)
    assert.strictEqual(connection.lastLineAt, 60_000)
  })

  it("knows when a line last came", () => {
    const { connection, clock, say } = makeBench()
    clock.now = 5
    say("one\n")
    assert.strictEqual(connection.lastLineAt, 5)
    clock.now = 6
    say("unfinished")
    assert.strictEqual(connection.lastLineAt, 5)
    clock.now = 7
    say("\n")
    assert.strictEqual(connection.lastLineAt, 7)
  })

  it("hands over the lines of a phone that has hung up, and then the end, once", () => {
    const { connection, counts, taker, say } = makeBench({ begun: false })
    say("one\nunfinished")
    connection.receivedEnd()
    connection.begin(taker)
    assert.strictEqual(counts.gone, 0)
    connection.gone()
    assert.deepStrictEqual([taker.taken, taker.ends, counts.done, counts.gone], [["one"], 1, 1, 1])
  })

  it("takes the end only when the line before it is done with", () => {
    const { connection, counts, taker, say } = makeBench()
    taker.slow = true
    say("one\ntwo\n")
    connection.gone()
    assert.deepStrictEqual([taker.taken, taker.ends, counts.done], [["one"], 0, 0])
    taker.goOn()
    assert.deepStrictEqual([taker.taken, taker.ends, counts.done], [["one"], 1, 1])
  })

  it("says why as the last line, and ends", () => {
    const { connection, socket, taker, say } = makeBench()
    connection.outbox.push(Buffer.from("pushed\n"))
    connection.disconnect(DisconnectCode.DISCONNECT_CODE_DRAINING, draining)
    connection.outbox.answer(Buffer.from("after\n"))
    connection.disconnect(DisconnectCode.DISCONNECT_CODE_ABUSE)
    connection.close()
    say("not heard\n")
    assert.deepStrictEqual([taker.taken, taker.ends], [[], 1])
    assert.strictEqual(socket.text, `pushed\n${drainingLine}`)
    assert.strictEqual(connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_DRAINING)
    assert.isFalse(connection.isOpen)
    assert.deepStrictEqual(socket.calls, ["end", "resume"])
  })

  it("closes without a word, after what waits", () => {
    const { connection, socket, taker } = makeBench()
    connection.outbox.push(Buffer.from("pushed\n"))
    connection.close()
    assert.strictEqual(taker.ends, 1)
    assert.strictEqual(socket.text, "pushed\n")
    assert.isUndefined(connection.disconnectedWith)
  })

  it.live("closes the socket of a reader that fails, at once or later, and gives it the end", () =>
    Effect.gen(function* () {
      const failing = [
        () => {
          throw new Error("planted")
        },
        () => Effect.die("planted"),
        () => Effect.andThen(Effect.yieldNow, Effect.die("planted"))
      ]
      for (const take of failing) {
        const { connection, counts, taker, say } = makeBench({ begun: false })
        connection.begin({ take, end: () => taker.end() })
        say("one\n")
        yield* until("the end", () => counts.done === 1)
        assert.strictEqual(connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_INTERNAL)
        assert.strictEqual(taker.ends, 1)
      }
    })
  )

  it("reads on at the end, so that its last line arrives", () => {
    const bench = makeBench()
    bench.taker.slow = true
    bench.say("x\nx\n")
    assert.strictEqual(bench.socket.calls.at(-1), "pause")
    bench.connection.disconnect(DisconnectCode.DISCONNECT_CODE_DRAINING)
    assert.strictEqual(bench.socket.calls.at(-1), "resume")
  })

  it("disconnects a phone that is too slow", () => {
    const bench = makeBench({ room: 0 })
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
