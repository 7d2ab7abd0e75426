import { once } from "node:events"
import * as Net from "node:net"
import { assert, describe, it, onTestFinished, vi } from "@effect/vitest"
import { acceptBare, type BareSocket } from "../../src/client/BareSocket.ts"
import { bareOptions } from "../../src/client/Door.ts"
import { receiveRounds } from "../../src/client/ReceiveRounds.ts"
import { bareServer, pair } from "./SocketPair.ts"

/** Turns of the event loop pass, not time. */
const until = async (is: () => boolean) => {
  while (!is()) await new Promise((resolve) => setImmediate(resolve))
}

describe("BareSocket", () => {
  it("gives what came before it was taken as data, and then reads into memory that all share", async () => {
    await using first = await pair(1)
    await using second = await pair(1)
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
      const { port, close } = await bareServer((socket) => opened.push(socket), socketsMax)
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
    const { port, close } = await bareServer((socket) => opened.push(socket), 1)
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

  it.skipIf(!receiveRounds.isThere)(
    "is read alone where so many may be, and in rounds where it is one more",
    async () => {
      const watch = vi.spyOn(receiveRounds, "watch")
      const opened: Array<BareSocket> = []
      const { port, close } = await bareServer((socket) => opened.push(socket), 0, 1)
      const phones: Array<Net.Socket> = []
      onTestFinished(() => {
        watch.mockRestore()
        for (const socket of [...opened, ...phones]) socket.destroy()
        close()
      })
      for (const isWatched of [false, true]) {
        const phone = Net.connect({ host: "127.0.0.1", port })
        phones.push(phone)
        await once(phone, "connect")
        await until(() => opened.length === phones.length)
        const server = opened.at(-1)
        const heard = new Promise((resolve) => server?.takenBy(resolve))
        server?.resume()
        phone.write("line\n")
        await heard
        const { length } = watch.mock.calls.filter(([, receiver]) => receiver === server)
        assert.strictEqual(length, isWatched ? 1 : 0)
      }
    }
  )

  it("is not to be had of a server that does not listen: those are node:net's", () => {
    assert.isFalse(
      acceptBare(Net.createServer(), { options: bareOptions, socketsMax: 0, readAloneMax: 0, opened: () => {} })
    )
  })
})
