/** A wire does what it is told, and nothing is lost by it that a network would not lose. */
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { openCutter } from "./Cutter.ts"

/** Says back what it hears, in its own name. */
const echo = (name: string): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => {}) // what follows is "close"
      socket.on("data", (bytes: Buffer) => socket.write(`${name}${bytes}`))
    }).listen(0, "127.0.0.1", () => resolve(server))
  })
const urlOf = (server: Server): URL => {
  const address = server.address()
  return new URL(`tcp://127.0.0.1:${typeof address === "object" ? address?.port : 0}`)
}

/** All it has heard; `until` ends when it is this. */
function listen(socket: Socket) {
  let heard = ""
  const waiting = new Set<() => void>()
  socket.on("error", () => {}) // what follows is "close"
  socket.on("data", (bytes: Buffer) => {
    heard += bytes
    for (const wake of waiting) wake()
  })
  return {
    heard: () => heard,
    until: (text: string) =>
      new Promise<void>((resolve) => {
        const look = () => void (heard === text && resolve())
        waiting.add(look)
        look()
      })
  }
}

let one: Server
let two: Server
beforeAll(async () => {
  one = await echo("1")
  two = await echo("2")
})
afterAll(() => [one, two].forEach((server) => void server.close()))

const over = async (use: (wire: Awaited<ReturnType<typeof openCutter>>, socket: Socket) => Promise<void>) => {
  const wire = await openCutter(urlOf(one))
  const socket = connect({ host: "127.0.0.1", port: wire.port })
  try {
    await once(socket, "connect")
    await use(wire, socket)
  } finally {
    socket.destroy()
    wire.close()
  }
}

it("holds up what goes through a silent wire, tells nobody, and lets all of it go on", () =>
  over(async (wire, socket) => {
    const { heard, until } = listen(socket)
    socket.write("a")
    await until("1a")
    wire.silence("down")
    socket.write("b")
    wire.silence("up")
    const other = connect({ host: "127.0.0.1", port: wire.port })
    await once(other, "connect")
    other.destroy()
    assert.strictEqual(heard(), "1a")
    assert.isFalse(socket.destroyed)
    wire.heal()
    await until("1a1b")
  }))

it("is as late as it is told, each way", () =>
  over(async (wire, socket) => {
    const { until } = listen(socket)
    wire.delay(30)
    const beganMs = performance.now()
    socket.write("a")
    await until("1a")
    assert.isAtLeast(performance.now() - beganMs, 58)
  }))

it("leads to another server from one moment on", () =>
  over(async (wire, socket) => {
    listen(socket)
    const closed = once(socket, "close")
    wire.leadTo(urlOf(two).href)
    await closed
    const other = connect({ host: "127.0.0.1", port: wire.port })
    const { until } = listen(other)
    other.write("a")
    await until("2a")
    other.destroy()
  }))
