import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { DisconnectCode, disconnectCodeToJSON } from "../../gen/noriter/client/v1/session.ts"
import type { Connection } from "../../src/client/Connection.ts"
import { refusedMax } from "../../src/client/Door.ts"
import { fragmentsMax, isAllowed } from "../../src/client/Gateway.ts"
import type { Visit } from "../../src/client/HttpServer.ts"
import { disconnects } from "../../src/telemetry/Metrics.ts"
import { until } from "../contract/Eventually.ts"
import { echo, listenHttp, proxyHeader, reader, tls } from "./Listening.ts"
import { PhoneSocket } from "./PhoneSocket.ts"
import { WebPhone } from "./WebPhone.ts"

const upgrade = [
  "GET /ws HTTP/1.1",
  "Host: plaza.example",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  ""
].join("\r\n")

describe("Gateway", () => {
  it.live("carries lines both ways: one or more in a message, whose end is a line's end", () =>
    Effect.gen(function* () {
      const { port } = yield* listenHttp({}, echo)
      const phone = yield* WebPhone.open({ port })
      assert.strictEqual(phone.socket.extensions, "", "no compression, though it was offered")
      phone.say("one")
      phone.say("two\nthree\r\n\n")
      phone.say("")
      phone.say(`four\n${"x".repeat(8193)}\n${"y".repeat(8192)}`)
      yield* phone.hears("y\n")
      const expected = ["one", "two", "three", "four", "TOO LONG", "y".repeat(8192)]
      assert.strictEqual(phone.heard, expected.map((line) => `127.0.0.1 ${line}\n`).join(""))
      assert.isTrue(phone.frames.every((frame) => frame.endsWith("\n")))
      phone.say("fi", { fin: false })
      phone.say("ve")
      yield* phone.hears("five")
    })
  )

  it.live("carries thousands of messages sent at once, in order, and answers with few", () =>
    Effect.gen(function* () {
      const { port } = yield* listenHttp({ outboxBytesMax: 0 }, echo)
      const phone = yield* WebPhone.open({ port })
      const lines = Array.from({ length: 20_000 }, (_, line) => `${line}`)
      for (const line of lines) phone.say(line)
      yield* phone.hears(" 19999\n")
      assert.strictEqual(phone.heard, lines.map((line) => `127.0.0.1 ${line}\n`).join(""))
      assert.isBelow(phone.frames.length, 5_000)
    })
  )

  it.live("reads no more than the session takes", () =>
    Effect.gen(function* () {
      const accepted: Array<Connection> = []
      const { port } = yield* listenHttp({}, (connection) => {
        accepted.push(connection)
        return echo(connection)
      })
      const flooding = yield* WebPhone.open({ port })
      flooding.say("stop")
      for (let message = 0; message < 1000; message++) flooding.say("x\n".repeat(30_000))
      yield* until("something to be read", () => (accepted[0]?.bytesIn ?? 0) > 5)
      const other = yield* WebPhone.open({ port })
      for (let round = 0; round < 100; round++) {
        other.say(`${round};`)
        yield* other.hears(`${round};`)
      }
      assert.isBelow(accepted[0]?.bytesIn ?? 0, 1_000_000)
    })
  )

  it.live("handles what was said before it ends, and hurts nobody else, whatever is wrong with a message", () =>
    Effect.gen(function* () {
      const messageBytesMax = 4096
      const handled: Array<string> = []
      const { port, connections } = yield* listenHttp({ messageBytesMax }, (connection) =>
        reader({
          take: (text) => {
            handled.push(text)
            connection.outbox.answer(Buffer.from(`${text}\n`))
          }
        })
      )
      const other = yield* WebPhone.open({ port })
      const ends = Effect.fnUntraced(function* (code: number, wrong: (phone: WebPhone) => void) {
        const phone = yield* WebPhone.open({ port })
        phone.say("before")
        wrong(phone)
        assert.strictEqual(yield* phone.closes, code)
      })
      yield* ends(1003, ({ socket }) => socket.send(Buffer.from("one"), { binary: true }))
      yield* ends(1007, (phone) => phone.say(Buffer.from([0x61, 0xff])))
      yield* ends(1009, (phone) => phone.say("x".repeat(messageBytesMax + 1)))
      yield* ends(1008, (phone) => {
        for (let piece = 0; piece <= fragmentsMax; piece++) phone.say("x", { fin: false })
      })
      yield* ends(1002, (phone) => phone.say("x", { mask: false }))
      assert.deepStrictEqual(handled, Array(5).fill("before"))
      other.say("x\n".repeat(messageBytesMax / 2))
      for (let piece = 1; piece < fragmentsMax; piece++) other.say("y", { fin: false })
      other.say("y")
      yield* other.hears("y".repeat(fragmentsMax))
      yield* until("the others to end", () => connections() === 1)
    })
  )

  it.live("closes as the phone does, and the session sees it", () =>
    Effect.gen(function* () {
      const { port, connections } = yield* listenHttp({}, echo)
      const phone = yield* WebPhone.open({ port })
      phone.say("one")
      yield* phone.hears("one")
      phone.socket.close(1000)
      assert.strictEqual(yield* phone.closes, 1000)
      const gone = yield* WebPhone.open({ port })
      gone.socket.terminate()
      yield* until("both to be gone", () => connections() === 0)
    })
  )

  it.live("answers a ping, which is no line: whoever says nothing else is closed", () =>
    Effect.gen(function* () {
      const { port } = yield* listenHttp({ heartbeatMs: 200 }, echo)
      const phone = yield* WebPhone.open({ port })
      phone.say("hello")
      const pinging = setInterval(() => phone.socket.ping("x"), 50)
      const code = yield* Effect.ensuring(
        phone.closes,
        Effect.sync(() => clearInterval(pinging))
      )
      assert.strictEqual(code, 4000 + DisconnectCode.DISCONNECT_CODE_HEARTBEAT)
      assert.include(phone.heard, "beat")
      assert.isAbove(phone.pongs, 1)
    })
  )

  it.live("closes who does not say hello, nor finish a message, in time", () =>
    Effect.gen(function* () {
      const { port } = yield* listenHttp({ helloTimeoutMs: 200, lineTimeoutMs: 200 }, echo)
      const silent = yield* WebPhone.open({ port })
      const halting = yield* WebPhone.open({ port })
      const patient = yield* WebPhone.open({ port })
      for (const phone of [halting, patient]) {
        phone.say("hello")
        yield* phone.hears("hello")
      }
      halting.say("unfin", { fin: false })
      patient.say("unfin", { fin: false })
      patient.say("ished")
      assert.strictEqual(yield* silent.closes, 4000 + DisconnectCode.DISCONNECT_CODE_HELLO_TIMEOUT)
      assert.strictEqual(yield* halting.closes, 4000 + DisconnectCode.DISCONNECT_CODE_LINE_TIMEOUT)
      assert.include(halting.heard, "DISCONNECT_CODE_LINE_TIMEOUT")
      patient.say("still")
      yield* patient.hears("still")
    })
  )

  const codes = Object.values(DisconnectCode).filter((code) => code !== 0)
  const ofTheRegistry: Partial<Record<DisconnectCode, number>> = {
    [DisconnectCode.DISCONNECT_CODE_DRAINING]: 1001,
    [DisconnectCode.DISCONNECT_CODE_INTERNAL]: 1011,
    [DisconnectCode.DISCONNECT_CODE_ADDRESS_LIMIT]: 1013,
    [DisconnectCode.DISCONNECT_CODE_FULL]: 1013
  }
  it.live.each(codes.map((code) => [disconnectCodeToJSON(code), code] as const))(
    "says %s, then closes",
    ([name, code]) =>
      Effect.gen(function* () {
        const { port } = yield* listenHttp({}, (connection) => reader({ take: () => connection.disconnect(code) }))
        const phone = yield* WebPhone.open({ port })
        phone.say("x")
        assert.strictEqual(yield* phone.closes, ofTheRegistry[code] ?? 4000 + code)
        assert.match(phone.heard, new RegExp(`^\\{"disconnect":\\{"code":"${name}"[^\\n]*\\n$`))
      })
  )

  it.live("lets in as many as an address may have, and says to one more when to come back", () =>
    Effect.gen(function* () {
      const counted = disconnects.of("DISCONNECT_CODE_ADDRESS_LIMIT")
      const before = counted.count
      const { port } = yield* listenHttp({ addressPendingMax: 2 }, echo)
      const [first, second] = [yield* WebPhone.open({ port }), yield* WebPhone.open({ port })]
      const refused = yield* WebPhone.open({ port })
      assert.strictEqual(yield* refused.closes, 1013)
      assert.strictEqual(counted.count - before, 1)
      assert.match(refused.heard, /^\{"disconnect":\{"code":"DISCONNECT_CODE_ADDRESS_LIMIT",.*"afterMs":1000\}\}\n$/)
      first.say("hello")
      yield* first.hears("hello")
      const next = yield* WebPhone.open({ port })
      next.say("one")
      yield* next.hears("one")
      second.say("two")
      yield* second.hears("two")
    })
  )

  it.live("keeps no more of those it refuses than it may, whatever they wanted", () =>
    Effect.gen(function* () {
      const { port } = yield* listenHttp({ addressPendingMax: 1 }, echo)
      yield* WebPhone.open({ port })
      const asking = Effect.fnUntraced(function* (path: string) {
        const phone = yield* PhoneSocket.open({ port, stays: true })
        phone.say(upgrade.replace("/ws", path))
        return phone
      })
      for (let phone = 0; phone < refusedMax; phone++) {
        const phones = phone % 2 === 0
        yield* (yield* asking(phones ? "/ws" : "/elsewhere")).hears(phones ? "ADDRESS_LIMIT" : "404")
      }
      assert.strictEqual(yield* (yield* asking("/elsewhere")).closes, "")
      assert.notInclude(yield* (yield* asking("/ws")).closes, "ADDRESS_LIMIT")
    })
  )

  it.live("closes in time who asks for what is no WebSocket, and does not read what it asked for before", () =>
    Effect.gen(function* () {
      const { port, http } = yield* listenHttp({ helloTimeoutMs: 200 }, echo)
      const closed = Promise.withResolvers<void>()
      const visit = ({ request, response }: Visit) => {
        request.socket.once("close", closed.resolve)
        response.end(Buffer.alloc(20_000_000))
        return true
      }
      yield* http.mount({ visit })
      const phone = yield* PhoneSocket.open({ port, paused: true })
      phone.say(`GET / HTTP/1.1\r\nhost: a\r\n\r\n${upgrade.replace(/Key: .*/, "Key: none")}`)
      yield* Effect.promise(() => closed.promise)
      const other = yield* PhoneSocket.open({ port })
      other.say(upgrade.replace(/Key: .*/, "Key: none"))
      assert.match(yield* other.hears("Sec-WebSocket-Key"), /^HTTP\/1\.1 400 /)
    })
  )

  it.live("refuses before it opens what cannot be a phone", () =>
    Effect.gen(function* () {
      const { port, stopAccepting } = yield* listenHttp({}, echo)
      const refused = Effect.fnUntraced(function* (options: { path?: string; origin?: string }) {
        return (yield* WebPhone.open({ port, ...options })).refusal
      })
      assert.strictEqual(yield* refused({ path: "/elsewhere" }), "Unexpected server response: 404")
      assert.strictEqual(yield* refused({ origin: "https://evil.example" }), "Unexpected server response: 403")
      assert.isUndefined(yield* refused({ origin: `http://127.0.0.1:${port}` }))
      const here = yield* WebPhone.open({ port })
      yield* stopAccepting
      assert.strictEqual(yield* refused({}), "Unexpected server response: 503")
      here.say("one")
      yield* here.hears("one")
      const plain = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/ws`))
      assert.strictEqual(plain.status, 404)
    })
  )
})

describe("origins", () => {
  const own = "play.example:4780"
  it.each([
    [undefined, own, [], true],
    ["http://play.example:4780", own, [], true],
    ["https://play.example", "play.example", [], true],
    ["https://play.example", "PLAY.example", [], true],
    ["http://play.example", own, [], false],
    ["https://evil.example", own, [], false],
    ["https://play.example.evil.example:4780", own, [], false],
    ["http://localhost:5173", own, [], true],
    ["http://127.0.0.1:5173", own, [], true],
    ["http://127.0.0.1.evil.example", own, [], false],
    ["null", own, [], false],
    ["", own, [], false],
    ["https://play.example", undefined, [], false],
    ["https://other.example", own, ["https://other.example"], true],
    ["https://other.example:444", own, ["https://other.example"], false],
    ["http://other.example", own, ["https://other.example"], false],
    ["http://play.example:4780", own, ["https://other.example"], false],
    ["https://any.example", own, ["*"], true],
    [undefined, own, ["https://other.example"], true]
  ] as const)("%s at %s, with %j allowed: %s", (origin, host, origins, allowed) => {
    assert.strictEqual(isAllowed(origin, host, origins), allowed)
  })
})

describe("Gateway, where it comes from", () => {
  const headers = { "x-forwarded-for": "198.51.100.1, 192.0.2.7, 127.0.0.1" }

  it.live("believes a proxy it knows, and nobody else", () =>
    Effect.gen(function* () {
      const { port } = yield* listenHttp({ proxies: ["127.0.0.1"] }, echo)
      const known = yield* WebPhone.open({ port, headers })
      known.say("one")
      assert.strictEqual(yield* known.hears("one"), "192.0.2.7 one\n")
      const unknown = yield* WebPhone.open({ port, headers, localAddress: "127.0.0.2" })
      unknown.say("two")
      assert.strictEqual(yield* unknown.hears("two"), "127.0.0.2 two\n")
      const silent = yield* WebPhone.open({ port, headers: { "x-forwarded-for": "not an address" } })
      silent.say("three")
      assert.strictEqual(yield* silent.hears("three"), "127.0.0.1 three\n")
    })
  )

  it.live("reads a PROXY header before HTTP, with and without TLS", () =>
    Effect.gen(function* () {
      for (const certified of [{}, tls]) {
        const { port } = yield* listenHttp({ ...certified, proxies: ["127.0.0.1"] }, echo)
        const raw = yield* PhoneSocket.open({ port, paused: true })
        yield* raw.until("it to connect", ({ socket }) => !socket.connecting)
        raw.say(proxyHeader)
        const phone = certified === tls ? yield* PhoneSocket.over(raw.socket) : raw
        phone.socket.resume()
        // A masked text frame, with a mask of zeros.
        phone.say(Buffer.concat([Buffer.from(upgrade), Buffer.from([0x81, 0x83, 0, 0, 0, 0]), Buffer.from("one")]))
        assert.include(yield* phone.hears("one"), "192.0.2.7 one\n")
      }
    })
  )

  it.live("speaks TLS with the certificate of the TCP port", () =>
    Effect.gen(function* () {
      const { port, http } = yield* listenHttp(tls, echo)
      assert.strictEqual(http.scheme, "https")
      const phone = yield* WebPhone.open({ port, secure: true })
      phone.say("one")
      yield* phone.hears("one")
    })
  )
})
