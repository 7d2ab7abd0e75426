/** A real phone that does not read, on a real socket. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import type { Connection } from "../../src/client/Connection.ts"
import { reader, ways } from "./Listening.ts"
import { PhoneSocket } from "./PhoneSocket.ts"

describe.each(ways)("A phone that does not read, read $way", ({ listen }) => {
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
      const { port } = yield* listen({ outboxStallMs: 0 }, (connection) => {
        Effect.runFork(
          Effect.andThen(flood(connection, Buffer.alloc(100_000, "x")), Deferred.succeed(ended, connection))
        )
        return reader({})
      })
      yield* PhoneSocket.open({ port, paused: true })
      const { disconnectedWith } = yield* Deferred.await(ended)
      assert.strictEqual(disconnectedWith, DisconnectCode.DISCONNECT_CODE_SLOW)
    })
  )

  it.live("is disconnected for its stall, and gets nothing LATEST before", () =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<readonly [DisconnectCode | undefined, boolean]>()
      const chunk = Buffer.alloc(100_000, "x")
      const { port } = yield* listen({ outboxStallMs: 200, outboxBytesMax: 400_000 }, (connection) => {
        let skipped = false
        const timer = setInterval(() => {
          skipped = connection.isOpen && !connection.outbox.latest(chunk)
          connection.outbox.flush()
          if (skipped || !connection.isOpen) clearInterval(timer)
        }, 1)
        return reader({
          end: () => Deferred.doneUnsafe(ended, Effect.succeed([connection.disconnectedWith, skipped] as const))
        })
      })
      yield* PhoneSocket.open({ port, paused: true })
      assert.deepStrictEqual(yield* Deferred.await(ended), [DisconnectCode.DISCONNECT_CODE_SLOW, true])
      assert.isTrue(chunk.every((byte) => byte === 0x78))
    })
  )

  it.live("gets all, in order, when it reads again", () =>
    Effect.gen(function* () {
      const bytes = 8_000_000
      const { port } = yield* listen({ outboxBytesMax: 0 }, (connection) => {
        for (let sent = 0; sent < bytes / 1000; sent++) {
          connection.outbox.push(Buffer.from(`${sent}`.padEnd(999, ".").concat("\n")))
        }
        connection.outbox.flush()
        return reader({ take: () => connection.close() })
      })
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
