/** The way of a socket until it is a connection: TLS, and what a proxy says before it. */

import * as Tls from "node:tls"
import { assert, describe, it, onTestFinished, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { KernelSocket } from "../../src/client/KernelSocket.ts"
import { receiveRounds } from "../../src/client/ReceiveRounds.ts"
import { echo, fixture, listen, proxyHeader, tls, ways } from "./Listening.ts"
import { PhoneSocket } from "./PhoneSocket.ts"

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

  it.live("shakes hands once a socket, however often it is asked to", () =>
    Effect.gen(function* () {
      const { port } = yield* listen(tls, echo)
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => Tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, maxVersion: "TLSv1.2" })),
        (socket) => Effect.sync(() => socket.destroy())
      )
      yield* Effect.callback<void>((resume) => void socket.once("secureConnect", () => resume(Effect.void)))
      const renegotiated = yield* Effect.callback<boolean>((resume) => {
        socket.once("error", () => resume(Effect.succeed(false)))
        socket.renegotiate({ rejectUnauthorized: false }, (failed) => resume(Effect.succeed(failed === null)))
      })
      assert.isFalse(renegotiated)
    })
  )

  it.live("refuses files that are none", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(listen({ ...tls, tlsKey: fixture("none.pem") }, echo))
      assert.strictEqual(missing.operation, "read certificate")
      const wrong = yield* Effect.flip(listen({ ...tls, tlsKey: fixture("cert.pem") }, echo))
      assert.strictEqual(wrong.operation, "read certificate")
      for (const { message } of [missing, wrong]) assert.match(message, /^NORITER_TLS_CERT and NORITER_TLS_KEY: ./)
    })
  )
})

describe.each(ways)("TcpListener behind a proxy, read $way", ({ listen, way }) => {
  it.live("believes a proxy it knows, and nobody else", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ proxies: ["10.0.0.0/8", "127.0.0.2"] }, echo)
      const known = yield* PhoneSocket.open({ port, localAddress: "127.0.0.2" })
      known.say(Buffer.concat([proxyHeader, Buffer.from("one\n")]))
      assert.strictEqual(yield* known.hears("one\n"), "192.0.2.7 one\n")
      const unknown = yield* PhoneSocket.open({ port, localAddress: "127.0.0.3" })
      unknown.say(Buffer.concat([proxyHeader, Buffer.from("\ntwo\n")]))
      const heard = yield* unknown.hears("two\n")
      assert.match(heard, /^127\.0\.0\.3 /)
      assert.notInclude(heard, "192.0.2.7")
    })
  )

  it.live.skipIf(!receiveRounds.isThere)("has the phones of a proxy read as all others are, behind their header", () =>
    Effect.gen(function* () {
      const watch = vi.spyOn(receiveRounds, "watch")
      onTestFinished(() => watch.mockRestore())
      const { port } = yield* listen({ proxies: ["127.0.0.1"] }, echo)
      const phone = yield* PhoneSocket.open({ port })
      phone.say(Buffer.concat([proxyHeader, Buffer.from("one\ntwo\n")]))
      yield* phone.hears("two\n")
      phone.say("three\n")
      yield* phone.hears("three\n")
      const sockets = watch.mock.calls.filter(([, receiver]) => receiver instanceof KernelSocket)
      assert.lengthOf(sockets, way === "in rounds" ? 1 : 0)
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
