import { once } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import { addon } from "../../src/client/Addon.ts"
import { makeOutbox, type OutboxSocket, writeBytesMax } from "../../src/client/Outbox.ts"
import { batchBytesMax, batchMax, SendBatch, type Sender, sendBatch } from "../../src/client/SendBatch.ts"
import { Random } from "../wire/Messages.ts"
import { FakeSocket } from "./FakeSocket.ts"
import { pair } from "./SocketPair.ts"

const chunk = (text: string): Uint8Array => Buffer.from(text)
const limits = { outboxBytesMax: 100_000, outboxStallMs: 3_000 }

interface Given {
  readonly descriptor: number
  readonly text: string
}

/** A batch over a kernel that is given them all, and says how many bytes it takes of each. */
const batchOver = (take: (given: Given) => number): SendBatch =>
  new SendBatch((descriptors, bytes, starts, ends, sent, count) => {
    for (let index = 0; index < count; index++) {
      const text = Buffer.from(bytes.subarray(starts[index], ends[index])).toString()
      sent[index] = take({ descriptor: descriptors[index] ?? -1, text })
    }
  })

/** A batch over a kernel that takes as many bytes of each chunk as `room` says, and shows what it was given. */
function fakeBatch(room = Number.POSITIVE_INFINITY) {
  const given: Array<Given> = []
  const batch = batchOver(({ descriptor, text }) => {
    const taken = Math.min(room, text.length)
    given.push({ descriptor, text: text.slice(0, taken) })
    return taken
  })
  return { batch, given }
}

/** One chunk by itself. */
const add = (batch: SendBatch, descriptor: number, bytes: Uint8Array, sent: Sender["sent"] = () => {}): void =>
  batch.add(descriptor, [bytes], bytes.length, { sent })

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

  readonly batch = batchOver(({ text }) => this.take(text))

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
    const batch = batchOver(({ text }) => {
      sent.push(text)
      if (sent.length === 1) throw new Error("planted")
      return text.length
    })
    add(batch, 7, chunk("a"))
    assert.throws(() => batch.end(), "planted")
    add(batch, 7, chunk("b"))
    batch.end()
    assert.deepStrictEqual(sent, ["a", "b"])
  })

  it("sends the same to many, and something else between them", () => {
    const { batch, given } = fakeBatch()
    const [shared, own] = [chunk("shared"), chunk("own")]
    for (const bytes of [shared, shared, own, shared]) add(batch, given.length, bytes)
    batch.add(7, [own, shared], own.length + shared.length, { sent: () => {} })
    add(batch, 7, own)
    batch.end()
    const texts = given.map(({ text }) => text)
    assert.deepStrictEqual(texts, ["shared", "shared", "own", "shared", "ownshared", "own"])
  })

  it("gives each its own rest, also where the first to hear of it sends to somebody else", () => {
    const { batch } = fakeBatch(1)
    const rests: Array<string> = []
    const note = (rest: Uint8Array | undefined) => rests.push(Buffer.from(rest ?? "").toString())
    add(batch, 7, chunk("one"), (rest) => {
      note(rest)
      add(batch, 9, chunk("x"))
      batch.end()
    })
    add(batch, 8, chunk("two"), note)
    batch.end()
    assert.deepStrictEqual(rests, ["ne", "wo"])
  })

  for (const last of [1, 2]) {
    it(`sends ${batchBytesMax - 1} bytes and ${last} more, of which ${batchBytesMax} are one batch`, () => {
      const counts: Array<number> = []
      const batch = new SendBatch((_descriptors, _bytes, starts, ends, sent, count) => {
        counts.push(count)
        for (let index = 0; index < count; index++) sent[index] = (ends[index] ?? 0) - (starts[index] ?? 0)
      })
      add(batch, 7, Buffer.alloc(batchBytesMax - 1))
      add(batch, 8, Buffer.alloc(last))
      batch.end()
      assert.deepStrictEqual(counts, last === 1 ? [2] : [1, 1])
    })
  }
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

  for (const length of [writeBytesMax, writeBytesMax + 1]) {
    it(`gives the ${length < writeBytesMax + 1 ? "batch" : "socket"} one chunk of ${length} bytes`, () => {
      const { batch, given } = fakeBatch()
      const socket = new Described()
      const outbox = makeOutbox({ socket, ...limits, now: () => 0, owner: neverSlow })
      outbox.push(Buffer.alloc(length, "x"))
      outbox.flush(batch)
      batch.end()
      assert.strictEqual(given.length, length <= writeBytesMax ? 1 : 0)
      assert.strictEqual((given[0]?.text ?? socket.text).length, length)
    })
  }

  for (const count of [batchMax, batchMax + 1]) {
    it(`sends to ${count}, of whom ${batchMax} are one batch`, () => {
      const counts: Array<number> = []
      const batch = new SendBatch((_descriptors, _bytes, starts, ends, sent, size) => {
        counts.push(size)
        for (let index = 0; index < size; index++) sent[index] = (ends[index] ?? 0) - (starts[index] ?? 0)
      })
      for (let index = 0; index < count; index++) {
        add(batch, index, chunk("a"), (rest) => assert.isUndefined(rest))
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
    let isFull = false
    // Nobody reads: some time the kernel has no room.
    for (let line = 0; !isFull; line++) {
      const text = `${line}${"-".repeat(9_000)}\n`
      add(sendBatch, server.descriptor, chunk(text), (rest) => {
        sent += text.slice(0, text.length - (rest?.length ?? 0))
        isFull = rest !== undefined
        assert.isTrue(text.endsWith(Buffer.from(rest ?? "").toString()))
      })
      sendBatch.end()
    }
    const heard: Array<Buffer> = []
    phone.on("data", (bytes: Buffer) => heard.push(bytes))
    server.destroy()
    await once(phone, "close")
    assert.strictEqual(Buffer.concat(heard).toString(), sent)
  })

  it("writes to one alone at once, and gives back what it did not take", async () => {
    await using sockets = await pair()
    const { server, phone } = sockets
    assert.isUndefined(sendBatch.alone(server.descriptor, chunk("alone, ")))
    const much = Buffer.alloc(16 * 1024 * 1024, "x")
    const rest = sendBatch.alone(server.descriptor, much) ?? assert.fail("more than the kernel has room for")
    const heard: Array<Buffer> = []
    phone.on("data", (bytes: Buffer) => heard.push(bytes))
    server.write(rest)
    server.end()
    await once(phone, "end")
    assert.strictEqual(Buffer.compare(Buffer.concat(heard), Buffer.concat([Buffer.from("alone, "), much])), 0)
    // Nothing was taken.
    assert.strictEqual(sendBatch.alone(-1, much)?.length, much.length)
    assert.strictEqual(new SendBatch(undefined).alone(server.descriptor, much)?.length, much.length)
  })

  it("has no number of a socket that is closed, and sends nothing where there is none", async () => {
    await using sockets = await pair()
    const { server } = sockets
    const known = server.descriptor
    assert.isAbove(known, 0)
    server.destroy()
    assert.strictEqual(server.descriptor, -1)
    let rest: Uint8Array | undefined
    add(sendBatch, -1, chunk("a"), (left) => {
      rest = left
    })
    sendBatch.end()
    assert.strictEqual(Buffer.from(rest ?? "").toString(), "a")
  })

  it("keeps to itself what one socket of a batch fails with", async () => {
    await using broken = await pair()
    await using whole = await pair()
    const failed = once(broken.server.resume(), "error")
    broken.phone.resetAndDestroy()
    await failed
    const rests: Array<number> = []
    const note = (rest: Uint8Array | undefined) => rests.push(rest?.length ?? 0)
    add(sendBatch, broken.server.descriptor, chunk("one"), note)
    add(sendBatch, whole.server.descriptor, chunk("two"), note)
    sendBatch.end()
    const [heard] = await once(whole.phone, "data")
    assert.strictEqual(String(heard), "two")
    assert.deepStrictEqual(rests, [3, 0])
  })

  it("refuses what does not lie within its bytes, and sends none of it", async () => {
    await using sockets = await pair()
    const native = addon("send")
    if (typeof native !== "function") return assert.fail("the addon is built by npm ci")
    for (const [start, end] of [
      [-1, 1],
      [2, 1],
      [0, 4]
    ]) {
      const descriptors = Int32Array.of(sockets.server.descriptor, sockets.server.descriptor)
      const [starts, ends] = [Int32Array.of(0, Number(start)), Int32Array.of(3, Number(end))]
      const given = [descriptors, chunk("abc"), starts, ends, new Int32Array(2), 2]
      assert.throws(() => Reflect.apply(native, undefined, given), "must lie within bytes")
    }
    add(sendBatch, sockets.server.descriptor, chunk("well"))
    sendBatch.end()
    const [heard] = await once(sockets.phone, "data")
    assert.strictEqual(String(heard), "well")
  })
})
