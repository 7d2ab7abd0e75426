import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import type { Connection } from "../../src/client/Connection.ts"
import { refusedMax } from "../../src/client/Door.ts"
import { disconnects } from "../../src/telemetry/Metrics.ts"
import { until } from "../contract/Eventually.ts"
import { type Accept, type defaults, echo, proxyHeader, reader, tls, ways } from "./Listening.ts"
import { PhoneSocket } from "./PhoneSocket.ts"

describe.each(ways)("TcpListener, read $way", ({ listen }) => {
  it.live("carries lines both ways, in order", () =>
    Effect.gen(function* () {
      const { port, host } = yield* listen({}, echo)
      assert.strictEqual(host, "127.0.0.1")
      const phone = yield* PhoneSocket.open({ port })
      phone.say("one\ntwo\r\n\nthr")
      yield* phone.hears("two\n")
      phone.say(`ee\n${"x".repeat(8193)}\n${"y".repeat(8192)}\n`)
      const heard = yield* phone.hears("y\n")
      const expected = ["one", "two", "three", "TOO LONG", "y".repeat(8192)]
      assert.strictEqual(heard, expected.map((line) => `127.0.0.1 ${line}\n`).join(""))
    })
  )

  it.live("answers a phone that hangs up after its last line", () =>
    Effect.gen(function* () {
      const { port, connections } = yield* listen({}, echo)
      const phone = yield* PhoneSocket.open({ port })
      phone.socket.end("one\n")
      assert.strictEqual(yield* phone.closes, "127.0.0.1 one\n")
      yield* until("the fiber to end", () => connections() === 0)
    })
  )

  it.live("carries thousands of lines sent at once", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({}, echo)
      const phone = yield* PhoneSocket.open({ port })
      const lines = Array.from({ length: 20_000 }, (_, line) => `${line}\n`)
      phone.socket.end(lines.join(""))
      assert.strictEqual(yield* phone.closes, lines.map((line) => `127.0.0.1 ${line}`).join(""))
    })
  )

  it.live("reads no more than the session takes", () =>
    Effect.gen(function* () {
      const accepted: Array<Connection> = []
      const { port } = yield* listen({}, (connection) => {
        accepted.push(connection)
        return echo(connection)
      })
      const flooding = yield* PhoneSocket.open({ port })
      yield* until("it to be accepted", () => accepted.length === 1)
      const bytesIn = () => accepted[0]?.bytesIn ?? 0
      flooding.say("stop\n")
      flooding.say(Buffer.alloc(50_000_000, "x\n"))
      yield* until("something to be read", () => bytesIn() > 5)
      // As long as this takes, all of the flood would have been read, too.
      const other = yield* PhoneSocket.open({ port })
      for (let round = 0; round < 100; round++) {
        other.say(`${round};\n`)
        yield* other.hears(`${round};`)
      }
      assert.isBelow(bytesIn(), 500_000)
    })
  )

  it.live("keeps what a session has not taken yet, whatever other phones say meanwhile", () =>
    Effect.gen(function* () {
      let waits = true
      const { port } = yield* listen({}, (connection) => {
        const echoing = echo(connection)
        return {
          ...echoing,
          take: (line) => (line === "wait" ? until("the others to have spoken", () => !waits) : echoing.take(line))
        }
      })
      const [patient, other] = [yield* PhoneSocket.open({ port }), yield* PhoneSocket.open({ port })]
      patient.say("wait\nmine, and nobody else's\n")
      for (let round = 0; round < 20; round++) {
        other.say(`${"x".repeat(200)}${round};\n`)
        yield* other.hears(`x${round};`)
      }
      waits = false
      assert.strictEqual(yield* patient.hears("else's"), "127.0.0.1 mine, and nobody else's\n")
    })
  )

  it.live("closes a socket whose session failed, and hurts nobody else", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({}, echo)
      const [dying, other] = [yield* PhoneSocket.open({ port }), yield* PhoneSocket.open({ port })]
      other.say("first\n")
      dying.say("die\n")
      assert.include(yield* dying.closes, "DISCONNECT_CODE_INTERNAL")
      other.say("second\n")
      yield* other.hears("second")
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
  )

  it.live("says why it disconnects, although the phone is still talking", () =>
    Effect.gen(function* () {
      const taken: Array<string> = []
      const { port, connections } = yield* listen({}, (connection) =>
        reader({
          take: (text) => {
            taken.push(text)
            connection.disconnect(DisconnectCode.DISCONNECT_CODE_DRAINING, { message: "bye", afterMs: 350 })
          }
        })
      )
      const phone = yield* PhoneSocket.open({ port })
      phone.say("x\n".repeat(100_000))
      const line = '{"disconnect":{"code":"DISCONNECT_CODE_DRAINING","message":"bye","comeBack":true,"afterMs":350}}\n'
      assert.strictEqual(yield* phone.closes, line)
      yield* until("the end to be taken", () => connections() === 0)
      assert.deepStrictEqual(taken, ["x"])
    })
  )

  it.live("disconnects who does not say hello, nor finish a line, in time", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ helloTimeoutMs: 100, lineTimeoutMs: 100 }, echo)
      const silent = yield* PhoneSocket.open({ port })
      const halting = yield* PhoneSocket.open({ port })
      halting.say("hello\nunfin")
      assert.include(yield* silent.closes, "DISCONNECT_CODE_HELLO_TIMEOUT")
      assert.include(yield* halting.closes, "DISCONNECT_CODE_LINE_TIMEOUT")
    })
  )

  it.live("lets in as many as an address may have before hello, and one more when one has said it", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ addressPendingMax: 64 }, echo)
      const phones: Array<PhoneSocket> = []
      for (let phone = 0; phone < 64; phone++) phones.push(yield* PhoneSocket.open({ port }))
      const refused = yield* PhoneSocket.open({ port })
      const heard = yield* refused.closes
      assert.match(
        heard,
        /^\{"disconnect":\{"code":"DISCONNECT_CODE_ADDRESS_LIMIT",.*"comeBack":true,"afterMs":1000\}\}\n$/
      )
      phones[0]?.say("hello\n")
      yield* phones[0]?.hears("hello") ?? Effect.void
      const next = yield* PhoneSocket.open({ port })
      next.say("one\n")
      yield* next.hears("one")
      const another = yield* PhoneSocket.open({ port })
      assert.include(yield* another.closes, "DISCONNECT_CODE_ADDRESS_LIMIT")
    })
  )

  it.live("has room for others, however many it has refused that do not go", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ socketsMax: 2, addressPendingMax: 1 }, echo)
      const counted = disconnects.of("DISCONNECT_CODE_ADDRESS_LIMIT")
      const before = counted.count
      const refused: Array<PhoneSocket> = []
      for (let phone = 0; phone < 2 + refusedMax; phone++) refused.push(yield* PhoneSocket.open({ port, stays: true }))
      yield* Effect.forEach(refused.slice(1), ({ closes }) => closes)
      const other = yield* PhoneSocket.open({ port, localAddress: "127.0.0.2" })
      other.say("one\n")
      yield* other.hears("one")
      const told = refused.filter(({ heard }) => heard.includes("DISCONNECT_CODE_ADDRESS_LIMIT"))
      assert.lengthOf(told, refusedMax)
      assert.strictEqual(counted.count - before, refused.length - 1)
    })
  )

  it.live("refuses a port that is taken", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({}, echo)
      const failed = yield* Effect.flip(listen({ tcpPort: port }, echo))
      assert.strictEqual(failed.operation, "listen")
      assert.nestedPropertyVal(failed.cause, "code", "EADDRINUSE")
    })
  )
})

describe.each(ways)("TcpListener, closing, read $way", ({ listen }) => {
  const closing = Effect.fnUntraced(function* (given: Partial<typeof defaults>, accept: Accept) {
    const scope = yield* Scope.make()
    const listener = yield* listen(given, accept).pipe(Scope.provide(scope))
    return { listener, close: Scope.close(scope, Exit.void) }
  })

  it.live("keeps those who are here when it stops accepting", () =>
    Effect.gen(function* () {
      const { port, stopAccepting } = yield* listen({}, echo)
      const phone = yield* PhoneSocket.open({ port })
      phone.say("one\n")
      yield* phone.hears("one")
      yield* stopAccepting
      yield* stopAccepting
      const late = yield* PhoneSocket.open({ port })
      assert.strictEqual(yield* late.closes, "")
      phone.say("two\n")
      yield* phone.hears("two")
    })
  )

  it.live("ends phones that do not read, and sessions see it", () =>
    Effect.gen(function* () {
      let seen = 0
      const chunk = Buffer.alloc(50_000_000, "x")
      const { listener, close } = yield* closing({ outboxBytesMax: 0 }, (connection) => {
        connection.outbox.push(chunk)
        connection.outbox.flush()
        return reader({ end: () => void seen++ })
      })
      const phones: Array<PhoneSocket> = []
      for (let phone = 0; phone < 5; phone++) {
        phones.push(yield* PhoneSocket.open({ port: listener.port, paused: true }))
      }
      yield* until("all to be accepted", () => listener.connections() === 5)
      yield* close
      assert.strictEqual(seen, 5)
      // What waited in our process for them is gone with it.
      phones[0]?.socket.resume()
      const heard = yield* phones[0]?.closes ?? Effect.succeed("")
      assert.isBelow(heard.length, chunk.length)
    })
  )

  it.live("does not wait for ever for a session that does not end", () =>
    Effect.gen(function* () {
      const { listener, close } = yield* closing({}, () => ({ take: () => Effect.void, end: () => Effect.never }))
      const phone = yield* PhoneSocket.open({ port: listener.port })
      yield* until("it to be accepted", () => listener.connections() === 1)
      yield* close
      yield* phone.closes
      assert.strictEqual(listener.connections(), 0)
    })
  )

  it.live("ends sockets that are still opening", () =>
    Effect.gen(function* () {
      const { listener, close } = yield* closing({ ...tls, proxies: ["127.0.0.1"] }, echo)
      const phones: Array<PhoneSocket> = []
      for (const bytes of ["", proxyHeader.subarray(0, 20), proxyHeader]) {
        const phone = yield* PhoneSocket.open({ port: listener.port })
        phone.say(bytes)
        phones.push(phone)
      }
      yield* Effect.forEach(phones, (phone) => phone.until("it to connect", ({ socket }) => !socket.connecting))
      yield* close
      for (const phone of phones) yield* phone.closes
    })
  )
})
