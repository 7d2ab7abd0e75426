/** Lines over TCP and over WebSockets: cut and joined on the way, without end, and when sockets end. */
import { createServer, type Socket as NetSocket } from "node:net"
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { LineReader, tcp } from "../../sdk/typescript/src/Tcp.ts"
import { lineCharsMax, type SocketEvents } from "../../sdk/typescript/src/Transport.ts"
import { webSocket } from "../../sdk/typescript/src/WebSocket.ts"

/** What a socket told, in order. */
const recorded = () => {
  const told: Array<string> = []
  let lost: (why: string) => void = () => {}
  const over = new Promise<string>((resolve) => {
    lost = resolve
  })
  const events: SocketEvents = {
    opened: () => void told.push("opened"),
    received: () => {},
    heard: (line) => void told.push(line),
    lost: (why) => {
      told.push(`lost: ${why}`)
      lost(why)
    }
  }
  return { told, events, over }
}

describe("Lines over TCP", () => {
  it("are the same wherever they are cut", () => {
    const text = '{"beat":{}}\n\n{"said":{"text":"안녕"}}\n{"mo'
    for (let at = 0; at <= text.length; at++) {
      const lines: Array<string> = []
      const reader = new LineReader((line) => lines.push(line))
      assert.isTrue(reader.feed(text.slice(0, at)) && reader.feed(text.slice(at)))
      assert.deepStrictEqual(lines, ['{"beat":{}}', '{"said":{"text":"안녕"}}'])
    }
  })

  it("may be so long, and not longer", () => {
    const reader = new LineReader(() => {})
    assert.isTrue(reader.feed("x".repeat(lineCharsMax)))
    assert.isFalse(reader.feed("x"))
  })

  it.live("end with the socket, once, and why", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.callback<{ readonly port: number; readonly sockets: Array<NetSocket>; readonly close: () => void }>(
          (resume) => {
            const sockets: Array<NetSocket> = []
            const server = createServer((socket) => void sockets.push(socket.on("error", () => {})))
            server.listen(0, "127.0.0.1", () => {
              const address = server.address()
              const port = typeof address === "object" && address !== null ? address.port : 0
              resume(Effect.succeed({ port, sockets, close: () => server.close() }))
            })
          }
        ),
        ({ close }) => Effect.sync(close)
      )
      const { told, events, over } = recorded()
      const at = { host: "127.0.0.1", port: server.port }
      tcp(at)({ ...events, opened: () => server.sockets[0]?.end("안녕\n") })
      assert.strictEqual(yield* Effect.promise(() => over), "the server hung up")
      assert.deepStrictEqual(told, ["안녕", "lost: the server hung up"])
      server.close()
      const refused = recorded()
      tcp(at)(refused.events)
      assert.include(yield* Effect.promise(() => refused.over), "ECONNREFUSED")
    })
  )
})

class FakeWebSocket {
  static readonly OPEN = 1
  static last: FakeWebSocket | undefined
  readyState = 0
  bufferedAmount = 7
  readonly sent: Array<string> = []
  closed = 0
  onopen: () => void = () => {}
  onmessage: (event: { readonly data: unknown }) => void = () => {}
  onclose: (event: { readonly code: number; readonly reason: string }) => void = () => {}

  constructor() {
    FakeWebSocket.last = this
  }
  send(text: string): void {
    this.sent.push(text)
  }
  close(): void {
    this.closed++
  }
}

describe("Lines over a WebSocket", () => {
  afterEach(() => void vi.unstubAllGlobals())

  const opened = () => {
    vi.stubGlobal("WebSocket", FakeWebSocket)
    const { told, events } = recorded()
    const socket = webSocket("ws://plaza.example/ws")(events)
    const fake = FakeWebSocket.last
    if (fake === undefined) throw new Error("no WebSocket was opened")
    return { told, socket, fake }
  }

  it("come one or more in a text frame, and go one in each", () => {
    const { told, socket, fake } = opened()
    socket.write("too early\n")
    fake.readyState = FakeWebSocket.OPEN
    fake.onopen()
    fake.onmessage({ data: '{"beat":{}}\n{"said":{}}\n' })
    fake.onmessage({ data: new ArrayBuffer(1) })
    fake.onmessage({ data: "{}" })
    socket.write('{"ping":{}}\n')
    assert.deepStrictEqual(told, ["opened", '{"beat":{}}', '{"said":{}}', "{}"])
    assert.deepStrictEqual(fake.sent, ['{"ping":{}}'])
    assert.strictEqual(socket.unsentBytes(), 7)
  })

  it("end with the socket, with its code or its reason, and not at all where it was dropped from here", () => {
    const one = opened()
    one.fake.onclose({ code: 1006, reason: "" })
    assert.deepStrictEqual(one.told, ["lost: the socket closed with 1006"])
    const other = opened()
    other.socket.drop()
    other.fake.onmessage({ data: "{}" })
    other.fake.onclose({ code: 1000, reason: "" })
    assert.deepStrictEqual(other.told, [])
    assert.strictEqual(other.fake.closed, 1)
  })
})
