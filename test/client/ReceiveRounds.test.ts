/** Sockets that are read in rounds, real ones: what comes, in which order, and how they end. */
import { once } from "node:events"
import * as Net from "node:net"
import { assert, describe, it, vi } from "@effect/vitest"
import type { BareSocket } from "../../src/client/BareSocket.ts"
import { atOnceMax, ReceiveRounds, type Receiver, receiveRounds } from "../../src/client/ReceiveRounds.ts"
import { Random } from "../wire/Messages.ts"
import { bareServer, pair, type SocketPair } from "./SocketPair.ts"

const seed = Number(process.env.NORITER_SEED ?? Date.now() % 0xffff_ffff)

/** What a server's socket has been given, in one piece, and a way to wait for it. */
function listenTo(server: BareSocket) {
  const heard: Array<Buffer> = []
  const waiting: Array<{ readonly bytes: number; readonly done: () => void }> = []
  let bytes = 0
  server.takenBy((chunk) => {
    heard.push(Buffer.from(chunk))
    bytes += chunk.length
    for (const each of waiting) if (bytes >= each.bytes) each.done()
  })
  server.resume()
  const until = (bytesMin: number) =>
    new Promise<void>((done) => {
      if (bytes >= bytesMin) done()
      else waiting.push({ bytes: bytesMin, done })
    })
  return { all: () => Buffer.concat(heard), until }
}

const linuxOnly = it.skipIf(!receiveRounds.isThere)

describe("ReceiveRounds", () => {
  it("is there on Linux, so that what follows is tested", () => {
    assert.strictEqual(receiveRounds.isThere, process.platform === "linux")
  })

  it("reads nobody where it was not built", () => {
    const none: Receiver = { received: () => assert.fail("nobody is read"), left: () => assert.fail("nobody is read") }
    const rounds = new ReceiveRounds(undefined)
    assert.isFalse(rounds.isThere)
    assert.isFalse(rounds.watch(0, none))
    rounds.forget(0)
  })

  it("goes on with one round after another, whoever comes while there are many", () => {
    vi.useFakeTimers()
    let [rounds, following] = [0, 0]
    const receive = (_set: number, _memory: Uint8Array, descriptors: Int32Array): number => {
      rounds++
      descriptors.fill(1)
      return rounds <= 3 ? atOnceMax : 0
    }
    const all = new ReceiveRounds({ open: () => 7, watch: () => true, forget: () => true, receive })
    const newcomer: Receiver = { received: () => {}, left: () => {} }
    all.watch(1, { received: () => {}, left: () => all.watch(2 + following++, newcomer) })
    vi.advanceTimersByTime(20)
    const before = rounds
    vi.advanceTimersByTime(1_000)
    vi.useRealTimers()
    assert.isAbove(following, 0)
    assert.approximately(rounds - before, 50, 25)
  })

  linuxOnly("does not watch what cannot be watched: that is Node's", () => {
    const none: Receiver = { received: () => assert.fail("nobody is read"), left: () => assert.fail("nobody is read") }
    assert.isFalse(receiveRounds.watch(-1, none))
  })

  linuxOnly(`hears each of ${atOnceMax + 1} that speak at once, one more than are read at once`, async () => {
    const servers: Array<BareSocket> = []
    const { port, close } = await bareServer((socket) => servers.push(socket))
    const phones: Array<Net.Socket> = []
    for (let index = 0; index <= atOnceMax; index++) {
      const phone = Net.connect({ host: "127.0.0.1", port })
      phones.push(phone)
      await once(phone, "connect")
      phone.write(`${index}\n`)
    }
    while (servers.length < phones.length) await new Promise((resolve) => setImmediate(resolve))
    const heard = await Promise.all(
      servers.map(async (server) => {
        const listening = listenTo(server)
        await listening.until(2)
        return listening.all().toString()
      })
    )
    assert.deepStrictEqual(
      heard.map((text) => Number.parseInt(text, 10)).sort((a, b) => a - b),
      phones.map((_, index) => index)
    )
    for (const socket of [...servers, ...phones]) socket.destroy()
    close()
  })

  linuxOnly("hears two megabytes of one, more than a round has room for, whole and in order", async () => {
    await using one = await pair()
    const random = new Random(seed)
    const bytes = Buffer.from(Uint8Array.from({ length: 2 * 1024 * 1024 }, () => random.below(256)))
    const { all, until } = listenTo(one.server)
    one.phone.write(bytes)
    await until(bytes.length)
    assert.isTrue(all().equals(bytes), `seed ${seed}`)
  })

  linuxOnly("hears something of each in a round for which all of them have too much", async () => {
    const pairs = await Promise.all(Array.from({ length: 24 }, () => pair()))
    await Promise.all(pairs.map(({ phone }) => new Promise((done) => phone.write(Buffer.alloc(64 * 1024), done))))
    const heard = new Set<SocketPair>()
    await new Promise<void>((first) => {
      for (const one of pairs) {
        one.server.takenBy(() => {
          heard.add(one)
          first()
        })
        one.server.resume()
      }
    })
    assert.strictEqual(heard.size, pairs.length)
    for (const one of pairs) await one[Symbol.asyncDispose]()
  })

  linuxOnly("hears what was said before the end, and then the end", async () => {
    await using one = await pair()
    const { all } = listenTo(one.server)
    one.phone.end("the last line")
    await once(one.server, "end")
    assert.strictEqual(all().toString(), "the last line")
    const over = Promise.all([once(one.phone, "data"), once(one.server, "close")])
    one.server.end("heard")
    const [[answer]] = await over
    assert.strictEqual(String(answer), "heard")
  })

  linuxOnly("closes a socket whose phone has broken off", async () => {
    await using one = await pair()
    listenTo(one.server)
    const failed = new Promise<Error>((resolve) => one.server.once("error", resolve))
    one.phone.resetAndDestroy()
    assert.match((await failed).message, /ECONNRESET/)
    assert.isTrue(one.server.destroyed)
  })

  linuxOnly("hears nothing while it is paused, and all of it in order when it is resumed", async () => {
    await using one = await pair()
    await using other = await pair()
    const { all, until } = listenTo(one.server)
    const beside = listenTo(other.server)
    one.phone.write("first ")
    await until(6)
    one.server.pause()
    one.phone.write("second")
    other.phone.write("meanwhile")
    await beside.until(9)
    assert.strictEqual(all().toString(), "first ")
    one.server.resume()
    await until(12)
    assert.strictEqual(all().toString(), "first second")
  })

  linuxOnly("gives nothing to a socket that was closed by what another said in the same round", async () => {
    await using one = await pair()
    await using other = await pair()
    const both = [one, other]
    const heard: Array<SocketPair> = []
    const first = new Promise<void>((resolve) => {
      for (const each of both) {
        each.server.takenBy(() => {
          heard.push(each)
          for (const { server } of both) if (server !== each.server) server.destroy()
          resolve()
        })
      }
    })
    for (const { phone } of both) phone.write("line\n")
    for (const { server } of both) server.resume()
    await first
    await Promise.all(both.filter((each) => each !== heard[0]).map(({ phone }) => once(phone.resume(), "close")))
    assert.lengthOf(heard, 1)
  })
})
