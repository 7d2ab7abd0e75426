import { assert, describe, it } from "@effect/vitest"
import { makeOutbox, type SocketOutbox, writeBytesMax } from "../../src/client/Outbox.ts"
import { turn } from "../../src/client/Turn.ts"
import { FakeSocket } from "./FakeSocket.ts"

const outboxBytesMax = 100_000
const outboxStallMs = 3000

interface Bench {
  readonly outbox: SocketOutbox
  readonly socket: FakeSocket
  readonly slow: () => number
}

function makeBench(room?: number, limits = { outboxBytesMax, outboxStallMs }): Bench {
  const socket = new FakeSocket(room)
  let slow = 0
  const outbox = makeOutbox({ socket, ...limits, now: () => 0, owner: { slow: () => slow++, stirred: () => {} } })
  socket.onDrain = () => outbox.flush()
  return { outbox, socket, slow: () => slow }
}

const chunk = (text: string): Uint8Array => Buffer.from(text)
const turnEnd = () => new Promise((resolve) => setImmediate(resolve))

describe("Outbox", () => {
  it("writes one chunk as it is, and shares it", () => {
    const shared = chunk("line\n")
    const phones = [makeBench(), makeBench()]
    for (const { outbox } of phones) {
      outbox.push(shared)
      outbox.flush()
    }
    for (const { socket } of phones) assert.strictEqual(socket.writes[0], shared)
    assert.strictEqual(Buffer.from(shared).toString(), "line\n")
  })

  it("writes many chunks in one write, in order, and changes none", () => {
    const { outbox, socket } = makeBench()
    const chunks = ["a\n", "b\n", "c\n"].map(chunk)
    outbox.push(chunks[0] ?? chunk(""))
    assert.isTrue(outbox.latest(chunks[1] ?? chunk("")))
    outbox.push(chunks[2] ?? chunk(""))
    assert.strictEqual(socket.writes.length, 0)
    outbox.flush()
    assert.strictEqual(socket.writes.length, 1)
    assert.strictEqual(socket.text, "a\nb\nc\n")
    assert.deepStrictEqual(chunks, ["a\n", "b\n", "c\n"].map(chunk))
  })

  it("writes nothing when nothing waits", () => {
    const { outbox, socket } = makeBench()
    outbox.flush()
    assert.strictEqual(socket.writes.length, 0)
  })

  it("writes answers at the end of the turn, with all that waits, in one write", async () => {
    const { outbox, socket } = makeBench()
    outbox.push(chunk("pushed\n"))
    outbox.answer(chunk("one\n"))
    outbox.answer(chunk("two\n"))
    assert.strictEqual(socket.writes.length, 0)
    await turnEnd()
    assert.strictEqual(socket.writes.length, 1)
    assert.strictEqual(socket.text, "pushed\none\ntwo\n")
    outbox.answer(chunk("three\n"))
    await turnEnd()
    assert.strictEqual(socket.writes.length, 2)
  })

  it("writes what was pushed and scheduled at the end of the turn", async () => {
    const { outbox, socket } = makeBench()
    outbox.push(chunk("pushed\n"))
    await turnEnd()
    assert.strictEqual(socket.text, "")
    outbox.schedule()
    await turnEnd()
    assert.strictEqual(socket.text, "pushed\n")
  })

  it("cuts a write between chunks where it is long", () => {
    const { outbox, socket } = makeBench(undefined, { outboxBytesMax: 0, outboxStallMs: 0 })
    for (let sent = 0; sent < 200; sent++) outbox.push(Buffer.alloc(1000, "x"))
    outbox.flush()
    assert.isTrue(socket.writes.every((write) => write.length <= writeBytesMax && write.length % 1000 === 0))
    assert.strictEqual(socket.text.length, 200_000)
  })

  it("gives a slow socket no more than it asks for, and goes on when it drains", () => {
    const { outbox, socket, slow } = makeBench(0)
    for (let sent = 0; sent < 90; sent++) outbox.push(Buffer.alloc(1000, sent))
    outbox.flush()
    assert.isAtMost(socket.writableLength, writeBytesMax)
    assert.strictEqual(outbox.bytes, 90_000)
    for (let round = 0; round < 90; round++) socket.read(1000)
    assert.strictEqual(outbox.bytes, 0)
    const order = [...Buffer.concat(socket.writes)].filter((_, at) => at % 1000 === 0)
    assert.deepStrictEqual(
      order,
      Array.from({ length: 90 }, (_, sent) => sent)
    )
    assert.strictEqual(slow(), 0)
  })

  it("holds what the bound says, and is slow one byte past it", () => {
    const { outbox, slow } = makeBench(0)
    outbox.push(Buffer.alloc(outboxBytesMax))
    assert.strictEqual(slow(), 0)
    assert.strictEqual(outbox.bytes, outboxBytesMax)
    outbox.push(Buffer.alloc(1))
    assert.strictEqual(slow(), 1)
    outbox.push(Buffer.alloc(1))
    outbox.answer(Buffer.alloc(1))
    assert.isFalse(outbox.latest(Buffer.alloc(1)))
    assert.strictEqual(slow(), 1)
  })

  it("is not slow for what comes in one turn and the kernel takes", () => {
    const { outbox, socket, slow } = makeBench()
    for (let sent = 0; sent < 1000; sent++) outbox.push(Buffer.alloc(1000, "x"))
    outbox.flush()
    assert.strictEqual(slow(), 0)
    assert.strictEqual(socket.text.length, 1_000_000)
  })

  it("skips LATEST first: past a quarter of the bound", () => {
    const { outbox, slow } = makeBench(0)
    outbox.push(Buffer.alloc(outboxBytesMax / 4))
    assert.isTrue(outbox.latest(Buffer.alloc(1)))
    assert.isFalse(outbox.latest(Buffer.alloc(1)))
    outbox.push(Buffer.alloc(1))
    assert.strictEqual(outbox.bytes, outboxBytesMax / 4 + 2)
    assert.strictEqual(slow(), 0)
  })

  it("does not take for progress what a socket adds to each write", () => {
    const { outbox, socket, slow } = makeBench(0)
    socket.addedToEach = 4
    outbox.push(chunk("x"))
    outbox.flush()
    for (let now = 0; now <= outboxStallMs + 1; now++) {
      outbox.push(chunk("x"))
      outbox.check(now)
    }
    assert.strictEqual(slow(), 1)
  })

  it("is slow when nothing was taken for longer than the stall", () => {
    const { outbox, slow } = makeBench(0)
    outbox.check(1000)
    outbox.push(chunk("x"))
    outbox.flush()
    outbox.check(1001)
    outbox.check(1001 + outboxStallMs)
    assert.strictEqual(slow(), 0)
    outbox.check(1001 + outboxStallMs + 1)
    assert.strictEqual(slow(), 1)
    outbox.check(1_000_000)
    assert.strictEqual(slow(), 1)
  })

  it("is not slow while the phone takes a little now and then", () => {
    const { outbox, socket, slow } = makeBench(0)
    outbox.push(Buffer.alloc(1000))
    for (let now = 0; now < 10 * outboxStallMs; now += outboxStallMs) {
      outbox.check(now)
      socket.read(1)
    }
    assert.strictEqual(slow(), 0)
  })

  it("is not slow when nothing waits, however long", () => {
    const { outbox, socket, slow } = makeBench(0)
    outbox.push(chunk("x"))
    outbox.flush()
    socket.read(1)
    for (let now = 0; now < 10 * outboxStallMs; now += outboxStallMs) outbox.check(now)
    outbox.push(chunk("x"))
    outbox.flush()
    outbox.check(10 * outboxStallMs)
    assert.strictEqual(slow(), 0)
  })

  it("writes what nobody came to flush for two looks, and leaves what is new", () => {
    const { outbox, socket } = makeBench()
    outbox.push(chunk("forgotten\n"))
    outbox.check(1)
    outbox.check(2)
    assert.strictEqual(socket.text, "")
    outbox.check(3)
    assert.strictEqual(socket.text, "forgotten\n")
    outbox.push(chunk("new\n"))
    outbox.check(4)
    outbox.check(5)
    outbox.flush()
    outbox.push(chunk("newer\n"))
    outbox.check(6)
    outbox.check(7)
    assert.strictEqual(socket.text, "forgotten\nnew\n")
  })

  it("writes the last line after all that waits, however slow the phone", () => {
    const { outbox, socket } = makeBench(0)
    for (let sent = 0; sent < 90; sent++) outbox.push(Buffer.alloc(1000, "x"))
    outbox.flush()
    outbox.finish(chunk("last\n"))
    assert.strictEqual(socket.text.length, 90_005)
    assert.isTrue(socket.text.endsWith("last\n"))
    outbox.finish(chunk("after\n"))
    outbox.push(chunk("after\n"))
    outbox.flush()
    assert.isTrue(socket.text.endsWith("last\n"))
  })

  it("drops what waits of a phone that is slow, and still says a last line", () => {
    const { outbox, socket } = makeBench(0)
    outbox.push(Buffer.alloc(outboxBytesMax, "x"))
    outbox.flush()
    const before = socket.text.length
    outbox.push(Buffer.alloc(outboxBytesMax, "y"))
    outbox.finish(chunk("slow\n"))
    assert.strictEqual(socket.text.length, before + 5)
  })

  it("does nothing after it was closed", async () => {
    const { outbox, socket, slow } = makeBench()
    outbox.answer(chunk("waits\n"))
    outbox.close()
    outbox.push(chunk("x"))
    outbox.answer(chunk("x"))
    outbox.schedule()
    assert.isFalse(outbox.latest(chunk("x")))
    outbox.flush()
    outbox.check(1_000_000)
    await turnEnd()
    assert.strictEqual(socket.writes.length, 0)
    assert.strictEqual(outbox.bytes, 0)
    assert.strictEqual(slow(), 0)
  })

  it("without bounds is never slow", () => {
    const { outbox, slow } = makeBench(0, { outboxBytesMax: 0, outboxStallMs: 0 })
    outbox.push(Buffer.alloc(10_000_000))
    assert.isTrue(outbox.latest(Buffer.alloc(1)))
    outbox.check(0)
    outbox.check(1_000_000)
    assert.strictEqual(slow(), 0)
  })
})

describe("Turn", () => {
  it("ends once for all who wait, and whoever is scheduled meanwhile waits for the next", async () => {
    const ended: Array<string> = []
    const second = { turnEnded: () => ended.push("second") }
    const first = {
      turnEnded: () => {
        ended.push("first")
        turn.schedule(second)
      }
    }
    turn.schedule(first)
    assert.deepStrictEqual(ended, [])
    await turnEnd()
    assert.deepStrictEqual(ended, ["first"])
    await turnEnd()
    assert.deepStrictEqual(ended, ["first", "second"])
  })
})
