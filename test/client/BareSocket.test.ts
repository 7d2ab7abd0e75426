import { once } from "node:events"
import * as Net from "node:net"
import { assert, describe, it, onTestFinished } from "@effect/vitest"
import { acceptBare, type BareSocket } from "../../src/client/BareSocket.ts"
import { bareOptions } from "../../src/client/Door.ts"
import { receiveRounds } from "../../src/client/ReceiveRounds.ts"
import { bareServer, Listening, pair, phoneOf, until } from "./SocketPair.ts"

describe("BareSocket", () => {
  it("gives what came before it was taken as data, and then reads into memory that all share", async () => {
    await using first = await pair()
    await using second = await pair()
    const early: Array<string> = []
    first.server.on("data", (bytes: Buffer) => early.push(bytes.toString()))
    first.phone.write("early")
    await once(first.server, "data")
    assert.deepStrictEqual(early, ["early"])
    const memories: Array<ArrayBufferLike> = []
    const taken = (socket: BareSocket) =>
      new Promise<string>((resolve) => {
        socket.takenBy((bytes) => {
          memories.push(bytes.buffer)
          resolve(bytes.toString())
        })
        socket.resume()
      })
    const both = Promise.all([taken(first.server), taken(second.server)])
    first.phone.write("one")
    second.phone.write("two")
    assert.deepStrictEqual(await both, ["one", "two"])
    assert.strictEqual(memories[0], memories[1])
  })

  for (const [socketsMax, letIn] of [
    [1, 1],
    [0, 2]
  ] as const) {
    it(`lets in ${letIn} of two where ${socketsMax || "any number"} may be open`, async () => {
      const opened: Array<BareSocket> = []
      const { port, close } = await bareServer({ opened: (socket) => opened.push(socket), socketsMax })
      const phones = [Net.connect({ host: "127.0.0.1", port }), Net.connect({ host: "127.0.0.1", port })]
      for (const phone of phones) phone.on("error", () => {})
      await Promise.all(phones.map((phone) => once(phone, "connect")))
      if (letIn < phones.length) await Promise.race(phones.map((phone) => once(phone.resume(), "close")))
      else await until(() => opened.length === letIn)
      assert.lengthOf(opened, letIn)
      for (const socket of opened) socket.destroy()
      for (const phone of phones) phone.destroy()
      close()
    })
  }

  it("has room again when one is closed", async () => {
    const opened: Array<BareSocket> = []
    const { port, close } = await bareServer({ opened: (socket) => opened.push(socket), socketsMax: 1 })
    const first = Net.connect({ host: "127.0.0.1", port })
    await once(first, "connect")
    first.end()
    await until(() => opened.length === 1)
    opened[0]?.resume()
    opened[0]?.end()
    await once(opened[0] ?? first, "close")
    const second = Net.connect({ host: "127.0.0.1", port })
    await once(second, "connect")
    await until(() => opened.length === 2)
    assert.lengthOf(opened, 2)
    for (const socket of [...opened, first, second]) socket.destroy()
    close()
  })

  it.skipIf(!receiveRounds.isThere)("is who comes while so many may be, and no stream is who is one more", async () => {
    const opened: Array<"bare" | "of many"> = []
    const sockets: Array<{ readonly destroy: () => unknown }> = []
    const keep = (kind: "bare" | "of many") => (socket: { readonly destroy: () => unknown }) => {
      opened.push(kind)
      sockets.push(socket)
    }
    const given = { opened: keep("bare"), openedAsOneOfMany: keep("of many"), readAloneMax: 2 }
    const { port, close } = await bareServer(given)
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      close()
    })
    for (const kind of ["bare", "bare", "of many", "of many"]) {
      const before = opened.length
      sockets.push(await phoneOf(port))
      await until(() => opened.length > before)
      assert.strictEqual(opened.at(-1), kind)
    }
  })

  it.skipIf(!receiveRounds.isThere)(
    "is the kernel's alone when it is released, with what was read before",
    async () => {
      const accepted = Promise.withResolvers<BareSocket>()
      const { port, close } = await bareServer({ opened: accepted.resolve })
      const phone = await phoneOf(port)
      const socket = await accepted.promise
      const read = once(socket, "readable")
      phone.write("early, ")
      await read
      const released = socket.release()
      if (released === undefined) return assert.fail("one more than may be read alone is released")
      assert.isTrue(socket.destroyed)
      assert.strictEqual(String(released.early), "early, ")
      const listening = new Listening()
      released.socket.carriedBy(listening)
      released.socket.resume()
      phone.write("and late")
      await until(() => listening.heard.length > 7)
      assert.strictEqual(listening.heard.toString(), "and late")
      for (const each of [released.socket, phone]) each.destroy()
      close()
    }
  )

  it("is not to be had of a server that does not listen: those are node:net's", () => {
    const accepting = { options: bareOptions, socketsMax: 0, readAloneMax: 0, opened: () => {} }
    assert.isFalse(acceptBare(Net.createServer(), { ...accepting, openedAsOneOfMany: undefined }))
  })
})
