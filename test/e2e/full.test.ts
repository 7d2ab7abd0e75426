/**
 * A runner that holds as many sockets as it may, by its settings or by the file descriptors it was given: who is here is
 * served on, one more hears when to come back, and who leaves makes room. Several runners that listen on one port.
 */
import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { unlimited, until } from "./Guest.ts"
import { newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

/** Starting takes its time on a busy machine. */
const timeoutMs = 90_000

const greet = (port: number) => Phone.greet(port, "바람", newSecret())

const all = (phones: ReadonlyArray<Phone>) => {
  const stack = new AsyncDisposableStack()
  for (const phone of phones) stack.use(phone)
  return stack
}

/** So many are let in; one more is told to come back, until one has left. */
async function holds(port: number, socketsMax: number): Promise<void> {
  const phones: Array<Phone> = []
  while (phones.length < socketsMax) phones.push(await greet(port))
  await using _ = all(phones)
  const late = await Phone.connect(port)
  const { code, comeBack, afterMs } = await late.next("disconnect")
  assert.deepStrictEqual([code, comeBack], ["DISCONNECT_CODE_FULL", true])
  assert.isAtLeast(Number(afterMs), 1)
  await late.closed()
  for (const phone of phones) assert.property(await phone.ask({ ping: {} }), "ping")
  phones[0]?.cut()
  await using _next = await until(
    "room for one more",
    () => greet(port).catch(() => undefined),
    (phone) => phone !== undefined
  )
}

describe("a runner that is full", () => {
  it(
    "by its settings",
    async () => {
      await using server = await Server.start({ ...unlimited, NORITER_SOCKETS_MAX: "3" })
      await holds(server.tcpPort, 3)
    },
    timeoutMs
  )

  it.runIf(process.platform === "linux")(
    "by its file descriptors: those that are spared for others stay free, and whoever asks over HTTP takes none of phones",
    async () => {
      await using server = await Server.start(unlimited, 400)
      assert.include(server.output, "NORITER_SOCKETS_MAX is 30 and not 20000")
      const strangers = Array.from({ length: 400 }, () =>
        connect({ host: "127.0.0.1", port: server.httpPort, localAddress: "127.0.0.2" }).on("error", () => {})
      )
      await using _ = { [Symbol.asyncDispose]: async () => strangers.forEach((socket) => socket.destroy()) }
      await until(
        "all but 13 to be refused",
        async () => strangers.filter(({ closed }) => closed).length,
        (count) => count >= 387
      )
      await holds(server.tcpPort, 30)
      assert.strictEqual((await fetch(`http://127.0.0.1:${server.httpPort}/readyz`)).status, 200)
    }
  )

  it(
    "without a bound, and without file descriptors: who is here is served on, and others when some have left",
    async () => {
      await using server = await Server.start({ ...unlimited, NORITER_SOCKETS_MAX: "0" }, 80)
      const come = await Promise.all(Array.from({ length: 120 }, () => greet(server.tcpPort).catch(() => undefined)))
      const here = come.filter((phone) => phone !== undefined)
      assert.isAbove(here.length, 0)
      assert.isBelow(here.length, 80)
      for (const phone of here) assert.property(await phone.ask({ ping: {} }), "ping")
      await all(here).disposeAsync()
      await using _next = await until(
        "room",
        () => greet(server.tcpPort).catch(() => undefined),
        (phone) => phone !== undefined
      )
    },
    timeoutMs
  )
})

describe.runIf(process.platform === "linux")("runners on one port", () => {
  const together = { ...unlimited, NORITER_REUSE_PORT: "on" }
  const phones = 64

  it(
    "both have phones; when one is stopped the other has them all",
    async () => {
      await using one = await Server.start(together)
      await using two = await Server.start({ ...together, NORITER_TCP_PORT: `${one.tcpPort}` })
      assert.strictEqual(two.tcpPort, one.tcpPort)
      assert.notStrictEqual(two.pid, one.pid)
      const accepted = async ({ httpPort }: Server) => {
        const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()
        return Number(/^noriter_sockets_accepted_total\{[^}]*"tcp"[^}]*\} (\d+)/m.exec(metrics)?.[1] ?? 0)
      }
      const come = async () => {
        await using _ = all(await Promise.all(Array.from({ length: phones }, () => greet(one.tcpPort))))
        return [await accepted(one), await accepted(two)] as const
      }
      const [first, second] = await come()
      assert.strictEqual(first + second, phones)
      assert.isAbove(first, 0)
      assert.isAbove(second, 0)
      assert.strictEqual(await one.stop(), 0)
      await using _ = all(await Promise.all(Array.from({ length: phones }, () => greet(two.tcpPort))))
      // /metrics is printed ten times a second at most: the first look may be at what was before they came.
      while ((await accepted(two)) === second);
      assert.strictEqual(await accepted(two), second + phones)
    },
    timeoutMs
  )

  it(
    "only where both say so",
    async () => {
      await using one = await Server.start(together)
      const port = `${one.tcpPort}`
      const refused = await Server.start({ ...unlimited, NORITER_TCP_PORT: port }).catch(
        (error: Error) => error.message
      )
      assert.match(String(refused), /EADDRINUSE/)
    },
    timeoutMs
  )
})
