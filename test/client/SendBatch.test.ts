import { once } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import { makeOutbox, type OutboxSocket, writeBytesMax } from "../../src/client/Outbox.ts"
import { batchMax, SendBatch, sendBatch } from "../../src/client/SendBatch.ts"
import { Random } from "../wire/Messages.ts"
import { FakeSocket } from "./FakeSocket.ts"
import { pair } from "./SocketPair.ts"

const chunk = (text: string): Uint8Array => Buffer.from(text)
const limits = { outboxBytesMax: 100_000, outboxStallMs: 3_000 }

/** A batch over a kernel that takes as many bytes of each chunk as `room` says, and shows what it was given. */
function fakeBatch(room = Number.POSITIVE_INFINITY) {
  const given: Array<{ readonly descriptor: number; readonly text: string }> = []
  const batch = new SendBatch((descriptors, chunks, sent, count) => {
    for (const [index, bytes] of chunks.slice(0, count).entries()) {
      const taken = Math.min(room, bytes.length)
      given.push({ descriptor: descriptors[index] ?? -1, text: Buffer.from(bytes.subarray(0, taken)).toString() })
      sent[index] = taken
    }
  })
  return { batch, given }
}

class Described extends FakeSocket {
  descriptor = 7
}

const seed = Number(process.env.NORITER_SEED ?? Date.now() % 0xffff_ffff)

/** A socket over a kernel with as much room as it is made: what a batch sends goes past what waits in the socket. */
class Wire implements OutboxSocket {
  text = ""
  readonly descriptor = 7
  readonly bytesWritten = 0
  readonly writableNeedDrain = false
  private room = 0
  private waiting = ""

  readonly batch = new SendBatch((_descriptors, chunks, sent, count) => {
    for (let index = 0; index < count; index++) {
      const bytes = Buffer.from(chunks[index] ?? chunk("")).toString()
      sent[index] = this.take(bytes)
    }
  })

  get writableLength(): number {
    return this.waiting.length
  }

  write(bytes: Uint8Array): boolean {
    this.waiting += Buffer.from(bytes).toString()
    this.make(0)
    return true
  }

  make(room: number): void {
    this.room += room
    this.waiting = this.waiting.slice(this.take(this.waiting))
  }

  private take(bytes: string): number {
    const taken = Math.min(this.room, bytes.length)
    this.room -= taken
    this.text += bytes.slice(0, taken)
    return taken
  }
}

const neverSlow = { slow: () => assert.fail("slow"), stirred: () => {} }

describe("a batch", () => {
  it("sends nothing twice where sending failed", () => {
    const sent: Array<string> = []
    const batch = new SendBatch((_descriptors, chunks) => {
      sent.push(...chunks.map((bytes) => Buffer.from(bytes).toString()))
      if (sent.length === 1) throw new Error("planted")
    })
    const sender = { sent: () => {} }
    batch.add(7, chunk("a"), sender)
    assert.throws(() => batch.end(), "planted")
    batch.add(7, chunk("b"), sender)
    batch.end()
    assert.deepStrictEqual(sent, ["a", "b"])
  })
})

describe("an outbox in a batch", () => {
  it("gives all that waits as one write, and the socket nothing", () => {
    const { batch, given } = fakeBatch()
    const socket = new Described()
    const outbox = makeOutbox({ socket, ...limits, now: () => 0, owner: neverSlow })
    outbox.push(chunk("a\n"))
    outbox.push(chunk("b\n"))
    outbox.flush(batch)
    assert.lengthOf(given, 0)
    batch.end()
    assert.deepStrictEqual(given, [{ descriptor: 7, text: "a\nb\n" }])
    assert.lengthOf(socket.writes, 0)
    assert.strictEqual(outbox.written, 4)
    outbox.flush(batch)
    batch.end()
    assert.lengthOf(given, 1)
  })

  for (const room of [0, 1, 3]) {
    it(`gives the socket what the kernel did not take, of which it took ${room} bytes, and waits behind it`, () => {
      const { batch, given } = fakeBatch(room)
      const socket = new Described(0)
      const outbox = makeOutbox({ socket, ...limits, now: () => 0, owner: neverSlow })
      outbox.push(chunk("abc\n"))
      outbox.flush(batch)
      batch.end()
      assert.strictEqual((given[0]?.text ?? "") + socket.text, "abc\n")
      // What comes now must not overtake what waits in the socket.
      outbox.push(chunk("def\n"))
      outbox.flush(batch)
      batch.end()
      assert.lengthOf(given, 1)
      assert.strictEqual((given[0]?.text ?? "") + socket.text, "abc\ndef\n")
    })
  }

  it(`says everything in order, however it is flushed and whatever the kernel takes (NORITER_SEED=${seed})`, () => {
    const random = new Random(seed)
    for (let round = 0; round < 2_000; round++) {
      const wire = new Wire()
      const { batch } = wire
      const outbox = makeOutbox({ socket: wire, ...limits, now: () => 0, owner: neverSlow })
      let said = ""
      for (let step = 0; step < 12; step++) {
        const acts = [
          () => {
            said += `${step}${"-".repeat(random.below(4))}`
            outbox.push(chunk(said.slice(said.lastIndexOf(`${step}`))))
          },
          () => outbox.flush(batch),
          () => outbox.flush(),
          () => batch.end(),
          () => wire.make(random.below(6))
        ]
        acts[random.below(acts.length)]?.()
      }
      outbox.finish(chunk("bye"))
      batch.end()
      wire.make(1_000)
      assert.strictEqual(wire.text, `${said}bye`)
    }
  })

  it("writes what is more than one write at once, in order", () => {
    const { batch, given } = fakeBatch()
    const socket = new Described()
    const outbox = makeOutbox({ socket, ...limits, now: () => 0, owner: neverSlow })
    const lines = ["x", "y", "z"].map((letter) => `${letter.repeat(writeBytesMax / 2)}\n`)
    for (const line of lines) outbox.push(chunk(line))
    outbox.flush(batch)
    batch.end()
    assert.strictEqual((given[0]?.text ?? "") + socket.text, lines.join(""))
  })

  it("is not slow while the kernel takes what it sends, however long something always waits", () => {
    const { batch } = fakeBatch()
    let slow = 0
    const outbox = makeOutbox({
      socket: new Described(),
      ...limits,
      now: () => 0,
      owner: { slow: () => slow++, stirred: () => {} }
    })
    for (let now = 0; now <= 10_000; now += 500) {
      outbox.push(chunk("moved\n"))
      outbox.flush(batch)
      batch.end()
      outbox.push(chunk("more\n"))
      outbox.check(now)
    }
    assert.strictEqual(slow, 0)
  })

  it("writes by itself where the socket has no number, or the addon is not there", () => {
    const { batch, given } = fakeBatch()
    for (const [socket, into] of [
      [new FakeSocket(), batch],
      [new Described(), new SendBatch(undefined)]
    ] as const) {
      const outbox = makeOutbox({ socket, ...limits, now: () => 0, owner: neverSlow })
      outbox.push(chunk("a\n"))
      outbox.flush(into)
      into.end()
      assert.strictEqual(socket.text, "a\n")
    }
    assert.lengthOf(given, 0)
  })

  for (const count of [batchMax, batchMax + 1]) {
    it(`sends to ${count}, of whom ${batchMax} are one batch`, () => {
      const counts: Array<number> = []
      const batch = new SendBatch((_descriptors, chunks, sent, size) => {
        counts.push(size)
        for (let index = 0; index < size; index++) sent[index] = chunks[index]?.length ?? 0
      })
      for (let index = 0; index < count; index++) {
        batch.add(index, chunk("a"), { sent: (_chunk, bytes) => assert.strictEqual(bytes, 1) })
      }
      batch.end()
      assert.deepStrictEqual(counts, count > batchMax ? [batchMax, count - batchMax] : [batchMax])
    })
  }
})

describe("native/send", () => {
  it("gives each socket its own, in order, and says what one that is full did not take", async () => {
    assert.isTrue(sendBatch.isThere, "the addon is built by npm ci")
    await using sockets = await pair()
    const { server, phone } = sockets
    let sent = ""
    let refused: Uint8Array | undefined
    const sender = {
      sent: (given: Uint8Array, bytes: number) => {
        sent += Buffer.from(given.subarray(0, bytes)).toString()
        if (bytes < given.length) refused = given
      }
    }
    // Nobody reads: some time the kernel has no room.
    for (let line = 0; refused === undefined; line++) {
      sendBatch.add(server.descriptor, chunk(`${line}${"-".repeat(9_000)}\n`), sender)
      sendBatch.end()
    }
    const heard: Array<Buffer> = []
    phone.on("data", (bytes: Buffer) => heard.push(bytes))
    server.destroy()
    await once(phone, "close")
    assert.strictEqual(Buffer.concat(heard).toString(), sent)
  })

  it("has no number of a socket that is closed, and sends nothing where there is none", async () => {
    await using sockets = await pair()
    const { server } = sockets
    const known = server.descriptor
    assert.isAbove(known, 0)
    server.destroy()
    assert.strictEqual(server.descriptor, -1)
    let taken: number | undefined
    sendBatch.add(-1, chunk("a"), { sent: (_chunk, bytes) => (taken = bytes) })
    sendBatch.end()
    assert.strictEqual(taken, 0)
  })

  it("keeps to itself what one socket of a batch fails with", async () => {
    await using broken = await pair()
    await using whole = await pair()
    const failed = once(broken.server.resume(), "error")
    broken.phone.resetAndDestroy()
    await failed
    const taken: Array<number> = []
    const sender = { sent: (_chunk: Uint8Array, bytes: number) => taken.push(bytes) }
    sendBatch.add(broken.server.descriptor, chunk("one"), sender)
    sendBatch.add(whole.server.descriptor, chunk("two"), sender)
    sendBatch.end()
    const [heard] = await once(whole.phone, "data")
    assert.strictEqual(String(heard), "two")
    assert.deepStrictEqual(taken, [0, 3])
  })
})
