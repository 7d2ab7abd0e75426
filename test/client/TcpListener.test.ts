import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { Admission } from "../../src/client/Admission.ts"
import { type Connection, closed } from "../../src/client/Connection.ts"
import * as Deadlines from "../../src/client/Deadlines.ts"
import * as TcpListener from "../../src/client/TcpListener.ts"
import { tooLong } from "../../src/wire/Lines.ts"
import { until } from "../contract/Eventually.ts"
import { PhoneSocket } from "./PhoneSocket.ts"

const defaults = {
  host: "127.0.0.1",
  tcpPort: 0,
  tlsCert: Option.none<string>(),
  tlsKey: Option.none<string>(),
  proxies: [] as ReadonlyArray<string>,
  lineBytesMax: 8192,
  helloTimeoutMs: 5000,
  lineTimeoutMs: 10_000,
  heartbeatMs: 15_000,
  outboxBytesMax: 262_144,
  outboxStallMs: 3000,
  addressPendingMax: 0,
  addressNewPerSecond: 0,
  addressNewBurst: 0,
  addressMax: 0
}
const fixture = (name: string) => Option.some(join(import.meta.dirname, "fixtures", name))
const tls = { tlsCert: fixture("cert.pem"), tlsKey: fixture("key.pem") }

type Accept = (connection: Connection) => Effect.Effect<void>

const listen = Effect.fnUntraced(function* (given: Partial<typeof defaults>, accept: Accept) {
  const settings = { ...defaults, ...given }
  const deadlines = yield* Deadlines.make(settings)
  const admission = new Admission(settings, deadlines.now)
  return yield* TcpListener.listen({ settings, deadlines, admission, accept })
})

/** Says each line back, with the address it came from; some words it takes as orders. */
const echo: Accept = Effect.fnUntraced(function* (connection) {
  while (true) {
    const arrival = yield* connection.next
    if (arrival === closed) return
    for (const line of arrival) {
      const text = line === tooLong ? "TOO LONG" : line.toString()
      if (text === "hello") connection.helloDone()
      if (text === "die") yield* Effect.die("planted")
      if (text === "stop") yield* until("the end", () => !connection.isOpen)
      connection.outbox.answer(Buffer.from(`${connection.address} ${text}\n`))
    }
  }
})

/** A proxy's header: this phone comes from 192.0.2.7. */
const proxyHeader = Buffer.from("0d0a0d0a000d0a515549540a2111000cc00002077f000001c001125c", "hex")

describe("TcpListener", () => {
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
      const { port, connections } = yield* listen({}, (connection) =>
        Effect.gen(function* () {
          yield* connection.next
          connection.disconnect(DisconnectCode.DISCONNECT_CODE_DRAINING, { message: "bye", afterMs: 350 })
          assert.strictEqual(yield* connection.next, closed)
        })
      )
      const phone = yield* PhoneSocket.open({ port })
      phone.say("x\n".repeat(100_000))
      const line = '{"disconnect":{"code":"DISCONNECT_CODE_DRAINING","message":"bye","comeBack":true,"afterMs":350}}\n'
      assert.strictEqual(yield* phone.closes, line)
      yield* until("the fiber to end", () => connections() === 0)
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

  it.live("refuses a port that is taken", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({}, echo)
      const failed = yield* Effect.flip(listen({ tcpPort: port }, echo))
      assert.strictEqual(failed.operation, "listen")
      assert.nestedPropertyVal(failed.cause, "code", "EADDRINUSE")
    })
  )
})

describe("TcpListener, a phone that does not read", () => {
  const flood = (connection: Connection, chunk: Uint8Array) =>
    Effect.callback<void>((resume) => {
      const timer = setInterval(() => {
        connection.outbox.push(chunk)
        connection.outbox.flush()
        if (!connection.isOpen) resume(Effect.void)
      }, 1)
      return Effect.sync(() => clearInterval(timer))
    })

  it.live("is disconnected for the bytes that wait", () =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<Connection>()
      const { port } = yield* listen({ outboxStallMs: 0 }, (connection) =>
        flood(connection, Buffer.alloc(100_000, "x")).pipe(Effect.andThen(Deferred.succeed(ended, connection)))
      )
      yield* PhoneSocket.open({ port, paused: true })
      const { disconnectedWith } = yield* Deferred.await(ended)
      assert.strictEqual(disconnectedWith, DisconnectCode.DISCONNECT_CODE_SLOW)
    })
  )

  it.live("is disconnected for its stall, and gets nothing LATEST before", () =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<readonly [DisconnectCode | undefined, boolean]>()
      const chunk = Buffer.alloc(100_000, "x")
      const { port } = yield* listen({ outboxStallMs: 200, outboxBytesMax: 400_000 }, (connection) =>
        Effect.gen(function* () {
          let skipped = false
          yield* Effect.callback<void>((resume) => {
            const timer = setInterval(() => {
              skipped = connection.isOpen && !connection.outbox.latest(chunk)
              connection.outbox.flush()
              if (skipped) resume(Effect.void)
            }, 1)
            return Effect.sync(() => clearInterval(timer))
          })
          assert.isTrue(connection.isOpen)
          assert.strictEqual(yield* connection.next, closed)
          yield* Deferred.succeed(ended, [connection.disconnectedWith, skipped] as const)
        })
      )
      yield* PhoneSocket.open({ port, paused: true })
      assert.deepStrictEqual(yield* Deferred.await(ended), [DisconnectCode.DISCONNECT_CODE_SLOW, true])
      assert.isTrue(chunk.every((byte) => byte === 0x78))
    })
  )

  it.live("gets all, in order, when it reads again", () =>
    Effect.gen(function* () {
      const bytes = 8_000_000
      const { port } = yield* listen({ outboxBytesMax: 0 }, (connection) =>
        Effect.gen(function* () {
          for (let sent = 0; sent < bytes / 1000; sent++) {
            connection.outbox.push(Buffer.from(`${sent}`.padEnd(999, ".").concat("\n")))
          }
          connection.outbox.flush()
          yield* connection.next
        })
      )
      const phone = yield* PhoneSocket.open({ port, paused: true })
      phone.say("x")
      phone.socket.resume()
      const heard = yield* phone.until("all of it", ({ heard }) => heard.length === bytes)
      const order = heard.split("\n").map((line) => Number.parseInt(line, 10))
      assert.deepStrictEqual(
        order.slice(0, -1),
        Array.from({ length: bytes / 1000 }, (_, sent) => sent)
      )
    })
  )
})

describe("TcpListener, closing", () => {
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
      const chunk = Buffer.alloc(10_000_000, "x")
      const { listener, close } = yield* closing({ outboxBytesMax: 0 }, (connection) =>
        Effect.gen(function* () {
          connection.outbox.push(chunk)
          connection.outbox.flush()
          assert.strictEqual(yield* connection.next, closed)
          seen++
        })
      )
      const phones: Array<PhoneSocket> = []
      for (let phone = 0; phone < 5; phone++) {
        phones.push(yield* PhoneSocket.open({ port: listener.port, paused: true }))
      }
      yield* until("all to be accepted", () => listener.connections() === 5)
      yield* close
      assert.strictEqual(seen, 5)
    })
  )

  it.live("does not wait for ever for a session that does not end", () =>
    Effect.gen(function* () {
      const { listener, close } = yield* closing({}, () => Effect.never)
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

describe("TcpListener with TLS", () => {
  it.live("carries lines both ways, and says why it disconnects", () =>
    Effect.gen(function* () {
      const { port } = yield* listen(tls, echo)
      const phone = yield* PhoneSocket.open({ port, tls: true })
      const lines = Array.from({ length: 5000 }, (_, line) => `${line}\n`)
      phone.say(lines.join(""))
      assert.strictEqual(yield* phone.hears(" 4999\n"), lines.map((line) => `127.0.0.1 ${line}`).join(""))
      phone.socket.end("last\n")
      assert.include(yield* phone.closes, "last")
    })
  )

  it.live("closes on what is no handshake, or none in time, and goes on", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ ...tls, helloTimeoutMs: 200 }, echo)
      const garbage = yield* PhoneSocket.open({ port })
      garbage.say('{"hello":{}}\n')
      const silent = yield* PhoneSocket.open({ port })
      yield* garbage.closes
      yield* silent.closes
      const phone = yield* PhoneSocket.open({ port, tls: true })
      phone.say("one\n")
      yield* phone.hears("one")
    })
  )

  it.live("counts sockets of an address before their handshake", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ ...tls, addressMax: 2 }, echo)
      const shaking = yield* PhoneSocket.open({ port })
      const phone = yield* PhoneSocket.open({ port, tls: true })
      phone.say("one\n")
      yield* phone.hears("one")
      const refused = yield* PhoneSocket.open({ port, tls: true })
      assert.strictEqual(yield* refused.closes, "")
      shaking.socket.destroy()
      yield* shaking.closes
      let letIn = ""
      // The listener hears of it in its own time.
      while (letIn === "") {
        const next = yield* PhoneSocket.open({ port, tls: true })
        next.say("two\n")
        letIn = yield* next.until("word or the end", ({ heard, ended }) => ended || heard !== "")
      }
      assert.strictEqual(letIn, "127.0.0.1 two\n")
    })
  )

  it.live("refuses files that are none", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(listen({ ...tls, tlsKey: fixture("none.pem") }, echo))
      assert.strictEqual(missing.operation, "read certificate")
      const wrong = yield* Effect.flip(listen({ ...tls, tlsKey: fixture("cert.pem") }, echo))
      assert.strictEqual(wrong.operation, "read certificate")
    })
  )
})

describe("TcpListener behind a proxy", () => {
  it.live("believes a proxy it knows, and nobody else", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ proxies: ["10.0.0.0/8", "127.0.0.2"] }, echo)
      const known = yield* PhoneSocket.open({ port, localAddress: "127.0.0.2" })
      known.say(Buffer.concat([proxyHeader, Buffer.from("one\n")]))
      assert.strictEqual(yield* known.hears("one\n"), "192.0.2.7 one\n")
      const unknown = yield* PhoneSocket.open({ port, localAddress: "127.0.0.3" })
      unknown.say(Buffer.concat([proxyHeader, Buffer.from("two\n")]))
      const heard = yield* unknown.hears("two\n")
      assert.match(heard, /^127\.0\.0\.3 /)
      assert.notInclude(heard, "192.0.2.7")
    })
  )

  it.live("reads a header that comes byte by byte", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ proxies: ["127.0.0.1"] }, echo)
      const phone = yield* PhoneSocket.open({ port })
      phone.socket.setNoDelay(true)
      for (const byte of Buffer.concat([proxyHeader, Buffer.from("one\n")])) {
        yield* Effect.callback<void>((resume) => {
          phone.socket.write(Buffer.from([byte]), () => setImmediate(() => resume(Effect.void)))
        })
      }
      assert.strictEqual(yield* phone.hears("one\n"), "192.0.2.7 one\n")
    })
  )

  it.live("closes on what is no header, or none in time", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ proxies: ["127.0.0.1"], helloTimeoutMs: 200 }, echo)
      const garbage = yield* PhoneSocket.open({ port })
      garbage.say('{"hello":{}}\n')
      const silent = yield* PhoneSocket.open({ port })
      assert.strictEqual(yield* garbage.closes, "")
      assert.strictEqual(yield* silent.closes, "")
    })
  )

  it.live("counts by the address that the proxy says", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ proxies: ["127.0.0.1"], addressMax: 1 }, echo)
      const other = Buffer.from(proxyHeader)
      other[16 + 3] = 8
      const [first, second] = [yield* PhoneSocket.open({ port }), yield* PhoneSocket.open({ port })]
      first.say(Buffer.concat([proxyHeader, Buffer.from("one\n")]))
      second.say(Buffer.concat([other, Buffer.from("two\n")]))
      yield* first.hears("192.0.2.7 one")
      yield* second.hears("192.0.2.8 two")
      const refused = yield* PhoneSocket.open({ port })
      refused.say(proxyHeader)
      assert.include(yield* refused.closes, "DISCONNECT_CODE_ADDRESS_LIMIT")
    })
  )

  it.live("goes on with TLS after the header", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ ...tls, proxies: ["127.0.0.1"] }, echo)
      for (const together of [true, false]) {
        const raw = yield* PhoneSocket.open({ port, paused: true })
        yield* raw.until("it to connect", ({ socket }) => !socket.connecting)
        if (together) raw.socket.cork()
        raw.say(proxyHeader)
        const secure = yield* PhoneSocket.over(raw.socket)
        if (together) setImmediate(() => raw.socket.uncork())
        secure.say("one\n")
        assert.strictEqual(yield* secure.hears("one\n"), "192.0.2.7 one\n")
      }
    })
  )
})
