/** Sockets that are read in rounds, real ones: what comes, in which order, and how they end. */
import { once } from "node:events"
import { assert, describe, it, vi } from "@effect/vitest"
import { KernelSocket } from "../../src/client/KernelSocket.ts"
import {
  atOnceMax,
  heardMax,
  ReceiveRounds,
  type Receiver,
  receiveRounds,
  worthIt
} from "../../src/client/ReceiveRounds.ts"
import { turn } from "../../src/client/Turn.ts"
import { Random } from "../wire/Messages.ts"
import { bareServer, carried, Listening, phoneOf, until } from "./SocketPair.ts"

const seed = Number(process.env.NORITER_SEED ?? Date.now() % 0xffff_ffff)

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

  for (const come of [worthIt - 1, worthIt]) {
    it(`waits a moment for ${come} who have come: ${come < worthIt}`, () => {
      vi.useFakeTimers()
      let rounds = 0
      const receive = () => {
        rounds++
        return 0
      }
      const all = new ReceiveRounds({ open: () => 7, watch: () => true, forget: () => true, receive })
      for (let phone = 0; phone < come; phone++) all.watch(phone, { received: () => {}, left: () => {} })
      vi.advanceTimersByTime(0)
      const atOnce = rounds
      vi.advanceTimersByTime(1)
      vi.useRealTimers()
      // Those who have not said anything yet are heard a moment later, too.
      assert.deepStrictEqual([atOnce, rounds], come < worthIt ? [0, 1] : [1, 2])
    })
  }

  it(`answers ${heardMax} phones before it hears one more of the same round`, () => {
    vi.useFakeTimers()
    const events: Array<"heard" | "answered"> = []
    const receive = (_set: number, _memory: Uint8Array, descriptors: Int32Array, lengths: Int32Array): number => {
      for (let at = 0; at <= heardMax; at++) [descriptors[at], lengths[at]] = [at, 1]
      return heardMax + 1
    }
    const all = new ReceiveRounds({ open: () => 7, watch: () => true, forget: () => true, receive })
    for (let phone = 0; phone <= heardMax; phone++) {
      const received = () => {
        events.push("heard")
        turn.schedule({ turnEnded: () => events.push("answered") })
      }
      all.watch(phone, { received, left: () => {} })
    }
    vi.advanceTimersToNextTimer()
    const [before, after] = [events.slice(0, heardMax), events.slice(heardMax)]
    vi.useRealTimers()
    assert.deepStrictEqual(new Set(before), new Set(["heard"]))
    assert.deepStrictEqual(after.slice(0, heardMax + 1), [...Array<string>(heardMax).fill("answered"), "heard"])
  })

  linuxOnly("does not watch what cannot be watched: that is Node's", () => {
    const none: Receiver = { received: () => assert.fail("nobody is read"), left: () => assert.fail("nobody is read") }
    assert.isFalse(receiveRounds.watch(-1, none))
  })

  linuxOnly(`hears each of ${atOnceMax + 1} that speak at once, one more than are read at once`, async () => {
    const heard: Array<Listening> = []
    const sockets: Array<{ readonly destroy: () => unknown }> = []
    const { port, close } = await bareServer({
      openedAsOneOfMany: (socket) => {
        const listening = new Listening()
        heard.push(listening)
        sockets.push(socket)
        socket.carriedBy(listening)
      }
    })
    for (let index = 0; index <= atOnceMax; index++) {
      const phone = await phoneOf(port)
      sockets.push(phone)
      phone.write(`${index}\n`)
    }
    await until(() => heard.length === atOnceMax + 1)
    for (const socket of sockets) if (socket instanceof KernelSocket) socket.resume()
    await until(() => heard.every((listening) => listening.heard.length > 0))
    assert.deepStrictEqual(
      heard.map((listening) => Number.parseInt(listening.heard.toString(), 10)).sort((a, b) => a - b),
      heard.map((_, index) => index)
    )
    for (const socket of sockets) socket.destroy()
    close()
  })

  linuxOnly("hears two megabytes of one, more than a round has room for, whole and in order", async () => {
    await using one = await carried()
    const random = new Random(seed)
    const bytes = Buffer.from(Uint8Array.from({ length: 2 * 1024 * 1024 }, () => random.below(256)))
    one.phone.write(bytes)
    await one.heard(bytes.length)
    assert.isTrue(one.listening.heard.equals(bytes), `seed ${seed}`)
  })

  linuxOnly("hears something of each in a round for which all of them have too much", async () => {
    const all = await Promise.all(Array.from({ length: 24 }, () => carried({ isPaused: true })))
    await Promise.all(all.map(({ phone }) => new Promise((done) => phone.write(Buffer.alloc(64 * 1024), done))))
    const first = new Set<unknown>()
    const isHeard = new Promise<void>((done) => {
      for (const one of all) {
        one.listening.onReceived = () => {
          first.add(one)
          done()
        }
      }
    })
    for (const { server } of all) server.resume()
    await isHeard
    assert.strictEqual(first.size, all.length)
    for (const one of all) await one[Symbol.asyncDispose]()
  })

  linuxOnly("hears nothing while it is paused, and all of it in order when it is resumed", async () => {
    await using one = await carried()
    await using other = await carried()
    one.phone.write("first ")
    await one.heard(6)
    one.server.pause()
    one.phone.write("second")
    other.phone.write("meanwhile")
    await other.heard(9)
    assert.strictEqual(one.listening.heard.toString(), "first ")
    one.server.resume()
    await one.heard(12)
    assert.strictEqual(one.listening.heard.toString(), "first second")
  })

  for (const [what, leave] of [
    ["becomes a stream", (socket: KernelSocket) => socket.write(Buffer.alloc(16 * 1024 * 1024))],
    ["is paused", (socket: KernelSocket) => socket.pause()]
  ] as const) {
    linuxOnly(`gives all to a socket that ${what} by what another said in the same round, in order`, async () => {
      await using one = await carried({ isPaused: true })
      await using other = await carried({ isPaused: true })
      const both = [one, other]
      for (const each of both) {
        each.listening.onReceived = () => {
          each.listening.onReceived = () => {}
          for (const { server } of both) if (server !== each.server) leave(server)
        }
      }
      for (const { phone } of both) phone.write("first, ")
      for (const { server } of both) server.resume()
      await until(() => both.every(({ listening }) => listening.heard.length > 0))
      for (const { server, phone } of both) {
        server.resume()
        phone.resume()
        phone.write("second")
      }
      await until(() => both.every(({ listening }) => listening.heard.length >= 13))
      assert.deepStrictEqual(
        both.map(({ listening }) => listening.heard.toString()),
        ["first, second", "first, second"]
      )
    })
  }

  linuxOnly("gives nothing to a socket that was closed by what another said in the same round", async () => {
    await using one = await carried({ isPaused: true })
    await using other = await carried({ isPaused: true })
    const both = [one, other]
    const speakers: Array<unknown> = []
    for (const each of both) {
      each.listening.onReceived = () => {
        speakers.push(each)
        for (const { server } of both) if (server !== each.server) server.destroy()
      }
    }
    for (const { phone } of both) phone.write("line\n")
    for (const { server } of both) server.resume()
    await until(() => speakers.length > 0)
    await Promise.all(both.filter((each) => each !== speakers[0]).map(({ phone }) => once(phone.resume(), "close")))
    assert.lengthOf(speakers, 1)
  })
})
