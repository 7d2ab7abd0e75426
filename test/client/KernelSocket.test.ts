/** Sockets that Node knows nothing of, real ones: who is accepted, what they say and are told, and how they end. */
import { once } from "node:events"
import type * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { addon } from "../../src/client/Addon.ts"
import { acceptMax, type KernelSocket } from "../../src/client/KernelSocket.ts"
import { makeOutbox } from "../../src/client/Outbox.ts"
import { receiveRounds } from "../../src/client/ReceiveRounds.ts"
import { bareServer, carried, Listening, phoneOf, until } from "./SocketPair.ts"

const outboxOf = (socket: KernelSocket) =>
  makeOutbox({
    socket,
    outboxBytesMax: 0,
    outboxStallMs: 0,
    now: () => 0,
    owner: { slow: () => assert.fail("nobody is slow"), stirred: () => {} }
  })

/** Whether it is read by Node, as a stream is: then another may be in its place in the rounds. */
function isOutOfRounds({ descriptor }: KernelSocket): boolean {
  const isFree = receiveRounds.watch(descriptor, { received: () => {}, left: () => {} })
  if (isFree) receiveRounds.forget(descriptor)
  return isFree
}

/** More than the kernel has room for. */
const tooMuch = Buffer.alloc(16 * 1024 * 1024)

/** Everything that a phone is told until its socket ends. */
async function heardBy(phone: Net.Socket): Promise<Buffer> {
  const chunks: Array<Buffer> = []
  phone.on("data", (bytes: Buffer) => chunks.push(bytes))
  await once(phone, "end")
  return Buffer.concat(chunks)
}

describe.skipIf(!receiveRounds.isThere)("KernelSocket", () => {
  it("says where its phone is, for both families", async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const accepted = Promise.withResolvers<KernelSocket>()
      const { port, close } = await bareServer({ openedAsOneOfMany: accepted.resolve }, host)
      const phone = await phoneOf(port, host)
      const socket = await accepted.promise
      assert.deepStrictEqual([socket.address, socket.port], [host, phone.localPort])
      socket.destroy()
      phone.destroy()
      close()
    }
  })

  it(`is each of ${2 * acceptMax + 1} that came at once, of whom ${acceptMax} are accepted at once`, async () => {
    const sockets: Array<KernelSocket> = []
    const { port, close } = await bareServer({ openedAsOneOfMany: (socket) => sockets.push(socket) })
    const phones = await Promise.all(Array.from({ length: 2 * acceptMax + 1 }, () => phoneOf(port)))
    await until(() => sockets.length === phones.length)
    const ports = new Set(phones.map(({ localPort }) => localPort))
    assert.deepStrictEqual(new Set(sockets.map((socket) => socket.port)), ports)
    assert.strictEqual(new Set(sockets.map(({ descriptor }) => descriptor)).size, phones.length)
    for (const socket of [...sockets, ...phones]) socket.destroy()
    close()
  })

  it("is none more than may be open: who comes then is closed without a word, until there is room", async () => {
    const sockets: Array<KernelSocket> = []
    const opened = (socket: KernelSocket) => {
      socket.carriedBy(new Listening())
      sockets.push(socket)
    }
    const { port, close } = await bareServer({ openedAsOneOfMany: opened, socketsMax: 2 })
    const phones = await Promise.all(Array.from({ length: 3 }, () => phoneOf(port)))
    await Promise.race(phones.map((phone) => once(phone.resume(), "close")))
    assert.lengthOf(sockets, 2)
    const [first] = sockets
    const closed = Promise.race(phones.filter((phone) => !phone.destroyed).map((phone) => once(phone, "close")))
    first?.destroy()
    await closed
    phones.push(await phoneOf(port))
    await until(() => sockets.length === 3)
    for (const socket of [...sockets, ...phones]) socket.destroy()
    close()
  })

  it("hears a phone and answers it, and no stream was made for it", async () => {
    await using one = await carried()
    const outbox = outboxOf(one.server)
    one.phone.write("question")
    await one.heard(8)
    outbox.answer(Buffer.from("answer"))
    const [answer] = await once(one.phone, "data")
    assert.strictEqual(String(answer), "answer")
    assert.strictEqual(one.server.bytesWritten, 0)
    outbox.push(Buffer.from("by itself"))
    outbox.flush()
    assert.strictEqual(String((await once(one.phone, "data"))[0]), "by itself")
    assert.strictEqual(one.server.bytesWritten, 9)
    assert.isFalse(isOutOfRounds(one.server))
  })

  it("gives a phone that does not read all of it later, in order, and says when there is room", async () => {
    await using one = await carried()
    const outbox = outboxOf(one.server)
    let said = ""
    for (let line = 0; outbox.bytes === 0; line++) {
      const text = `${line}${"-".repeat(9_000)}\n`
      said += text
      outbox.answer(Buffer.from(text))
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.isAbove(one.server.writableLength, 0)
    const heard = heardBy(one.phone)
    await until(() => one.server.writableLength === 0)
    outbox.answer(Buffer.from("and last"))
    await new Promise((resolve) => setImmediate(resolve))
    one.server.end()
    assert.isTrue((await heard).equals(Buffer.from(`${said}and last`)))
  })

  it("tells its carrier that what waited was taken", async () => {
    await using one = await carried()
    assert.isFalse(one.server.write(tooMuch))
    assert.isTrue(one.server.writableNeedDrain)
    one.phone.resume()
    await until(() => one.listening.events.length > 0)
    assert.deepStrictEqual(one.listening.events, ["drained"])
  })

  it("hears what was said before the end, then the end, and still answers", async () => {
    await using one = await carried()
    one.phone.end("the last line")
    await until(() => one.listening.events.includes("end"))
    assert.strictEqual(one.listening.heard.toString(), "the last line")
    const heard = heardBy(one.phone)
    one.server.write(Buffer.from("heard"))
    one.server.end()
    assert.strictEqual(String(await heard), "heard")
    await until(() => one.server.descriptor === -1)
    assert.deepStrictEqual(one.listening.events, ["end", "gone"])
  })

  it("is closed when its phone has broken off", async () => {
    await using one = await carried()
    one.phone.resetAndDestroy()
    await until(() => one.listening.events.length > 0)
    assert.deepStrictEqual(one.listening.events, ["gone"])
    assert.strictEqual(one.server.descriptor, -1)
  })

  for (const isStream of [false, true]) {
    it(`is destroyed once, ${isStream ? "as a stream" : "as it is"}, and then does nothing any more`, async () => {
      await using one = await carried()
      if (isStream) one.server.write(tooMuch)
      one.server.destroy()
      assert.strictEqual(one.server.descriptor, -1)
      assert.deepStrictEqual(one.listening.events, [])
      await once(one.phone.resume(), "close")
      one.server.destroy()
      assert.isFalse(one.server.write(Buffer.from("b")))
      one.server.pause()
      one.server.resume()
      one.server.end()
      await until(() => one.listening.events.length > 0)
      assert.deepStrictEqual(one.listening.events, ["gone"])
    })
  }

  it("hears and says nothing on the next socket that is given its number", async () => {
    const sockets: Array<KernelSocket> = []
    const { port, close } = await bareServer({ openedAsOneOfMany: (socket) => sockets.push(socket) })
    const phones = [await phoneOf(port), await phoneOf(port)]
    await until(() => sockets.length === phones.length)
    const former = [...sockets]
    const numbers = former.map(({ descriptor }) => descriptor)
    const listenings = former.map((socket) => {
      const listening = new Listening()
      socket.carriedBy(listening)
      socket.resume()
      return listening
    })
    // It has its own number before theirs are free: one of them is Node's for a moment, the other is taken over.
    const connecting = phoneOf(port)
    for (const socket of former) socket.destroy()
    const phone = await connecting
    await until(() => sockets.length === 3)
    const next = sockets[2] ?? assert.fail("accepted")
    assert.include(numbers, next.descriptor)
    const listening = new Listening()
    next.carriedBy(listening)
    next.resume()
    for (const socket of former) {
      socket.destroy()
      socket.pause()
      assert.isFalse(socket.write(Buffer.from("nobody's")))
    }
    phone.write("mine")
    await until(() => listening.heard.length === 4)
    assert.deepStrictEqual(
      listenings.map(({ heard }) => heard.length),
      [0, 0]
    )
    for (const socket of [next, phone, ...phones]) socket.destroy()
    close()
  })

  it("stays paused as a stream where it was paused, and hears all of it when it is resumed", async () => {
    await using one = await carried({ isPaused: true })
    one.server.write(tooMuch)
    one.phone.write("b")
    await once(one.phone, "data")
    await new Promise((resolve) => setImmediate(resolve))
    assert.strictEqual(one.listening.heard.length, 0)
    one.server.resume()
    await one.heard(1)
  })
})

describe.skipIf(!receiveRounds.isThere)("native/accept", () => {
  const native = addon("accept")
  const call = (...given: ReadonlyArray<unknown>): unknown =>
    typeof native === "function" ? Reflect.apply(native, undefined, given) : assert.fail("the addon is built by npm ci")
  const two = () => new Int32Array(2)

  it("accepts nobody where the first is none", () => {
    assert.deepStrictEqual(call(-1, -1, two(), two()), [])
  })

  it("refuses what it cannot fill", () => {
    assert.throws(() => call(-1, -1, two()), "takes 4 arguments")
    assert.throws(() => call("a", -1, two(), two()), "are numbers")
    assert.throws(() => call(-1, -1, new Int32Array(0), two()), "of one length")
    assert.throws(() => call(-1, -1, two(), new Int32Array(1)), "of one length")
    assert.throws(() => call(-1, -1, new Uint8Array(2), two()), "of one length")
  })
})
