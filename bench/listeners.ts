/**
 * What a phone that only holds its socket costs, by who listens: our TcpListener, Effect's SocketServer with a session
 * as small, and node:net with nothing at all, which is the floor. Decided docs/decisions/0001-tcp-listener.md.
 *
 *     node --expose-gc bench/listeners.ts [sockets]
 *
 * The listener is a process of its own, this one is the phones. Memory is the difference between before and after, both
 * after collecting garbage; busy is the listener's processor time while it accepted them.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import * as Net from "node:net"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { Admission } from "../src/client/Admission.ts"
import type { Connection } from "../src/client/Connection.ts"
import * as Connections from "../src/client/Connections.ts"
import * as Deadlines from "../src/client/Deadlines.ts"
import type { Reader } from "../src/client/Reading.ts"
import * as TcpListener from "../src/client/TcpListener.ts"
import { Lines, tooLong } from "../src/wire/Lines.ts"
import { spread } from "./Measure.ts"

const rounds = 5
const atOnce = 200
const pong = Buffer.from("pong\n")
let accepted = 0

const names = ["floor", "ours", "effect"] as const
type Name = (typeof names)[number]

/** Each listens on a free port, answers every line, and returns the port. */
const listeners: Readonly<Record<Name, Effect.Effect<number, unknown, Scope.Scope>>> = {
  floor: Effect.callback<number>((resume) => {
    const server = Net.createServer({ noDelay: true }, (socket) => {
      accepted++
      socket.on("error", () => {})
      socket.on("data", () => socket.write(pong))
    })
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => resume(Effect.succeed(portOf(server.address()))))
  }),
  ours: Effect.gen(function* () {
    const settings = {
      host: "127.0.0.1",
      tcpPort: 0,
      reusePort: false,
      tlsCert: Option.none(),
      tlsKey: Option.none(),
      proxies: [],
      lineBytesMax: 8192,
      helloTimeoutMs: 0,
      lineTimeoutMs: 10_000,
      heartbeatMs: 15_000,
      outboxBytesMax: 262_144,
      outboxStallMs: 3000,
      socketsMax: 0,
      readAloneMax: 0,
      addressPendingMax: 0,
      addressNewPerSecond: 1e9,
      addressNewBurst: 1e9,
      addressMax: 1e9
    }
    const deadlines = yield* Deadlines.make(settings)
    const admission = new Admission(settings, deadlines.now)
    const accept = (connection: Connection): Reader => {
      accepted++
      return {
        take: () => {
          connection.outbox.answer(pong)
          return Effect.void
        },
        end: () => Effect.void
      }
    }
    const connections = yield* Connections.make({ settings, deadlines, accept })
    return (yield* TcpListener.listen({ settings, admission, connections })).port
  }),
  effect: Effect.gen(function* () {
    const server = yield* NodeSocketServer.make({ host: "127.0.0.1", port: 0, backlog: 4096, noDelay: true })
    const accept = Effect.fnUntraced(function* (socket: Socket.Socket) {
      accepted++
      const net = yield* Effect.serviceOption(NodeSocket.NetSocket)
      yield* Effect.addFinalizer(() => Effect.sync(() => Option.map(net, (raw) => raw.destroy())))
      const pull = yield* Socket.readerBytes(socket)
      const writer = yield* socket.writer
      const lines = new Lines(8192)
      while (true) {
        for (const chunk of yield* pull) {
          lines.feed(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), 0)
          for (let line = lines.next(); line !== undefined; line = lines.next()) {
            if (line !== tooLong) yield* writer.write(pong)
          }
        }
      }
    }, Effect.scoped)
    yield* server.run((socket) => Effect.ignore(accept(socket))).pipe(Effect.forkScoped)
    return "port" in server.address ? server.address.port : 0
  })
}

const portOf = (address: Net.AddressInfo | string | null): number =>
  typeof address === "object" && address !== null ? address.port : 0

/** What the listener's process says of itself when it is asked. */
interface Figures {
  readonly accepted: number
  readonly residentBytes: number
  readonly heapBytes: number
  readonly cpuMs: number
}

function figures(): Figures {
  global.gc?.()
  global.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return { accepted, residentBytes: rss, heapBytes: heapUsed, cpuMs: (user + system) / 1000 }
}

async function serve(name: Name): Promise<void> {
  const port = await new Promise<number>((resolve) => {
    const listening = Effect.map(listeners[name], (bound) => resolve(bound))
    Effect.runFork(Effect.scoped(Effect.andThen(listening, Effect.never)))
  })
  process.on("message", (what) => process.send?.(what === "count" ? { accepted } : figures()))
  process.send?.(port)
}

// --- The phones ---

async function ask(child: ChildProcess, what: "count" | "figures"): Promise<Figures> {
  child.send(what)
  const [answer] = await once(child, "message")
  return answer
}

const connect = (port: number): Promise<Net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = Net.connect({ port, host: "127.0.0.1" }, () => resolve(socket))
    socket.on("error", reject)
  })

const idleMs = 4000

/** One listener, once: connected, each phone says a line and hears one, and then all are silent. */
async function round(name: Name, sockets: number) {
  const child = fork(import.meta.filename, [name], { execArgv: ["--expose-gc"] })
  const [port] = await once(child, "message")
  const warm = await connect(port)
  const before = await ask(child, "figures")
  const begun = performance.now()
  const phones: Array<Net.Socket> = []
  while (phones.length < sockets) {
    phones.push(
      ...(await Promise.all(Array.from({ length: Math.min(atOnce, sockets - phones.length) }, () => connect(port))))
    )
  }
  while ((await ask(child, "count")).accepted <= sockets) await new Promise(setImmediate)
  const connectedMs = performance.now() - begun
  const connected = await ask(child, "figures")
  for (const phone of phones) phone.write("ping\n")
  await Promise.all(phones.map((phone) => once(phone, "data")))
  const after = await ask(child, "figures")
  await new Promise((resolve) => setTimeout(resolve, idleMs))
  const idle = await ask(child, "figures")
  const still = await ask(child, "figures")
  for (const phone of [warm, ...phones]) phone.destroy()
  child.kill()
  await once(child, "exit")
  // Two looks at the figures apart: the second says what a look itself costs.
  const idleCpuMs = idle.cpuMs - after.cpuMs - (still.cpuMs - idle.cpuMs)
  return {
    "sockets a second": (sockets / connectedMs) * 1000,
    "busy, µs a socket": ((connected.cpuMs - before.cpuMs) / sockets) * 1000,
    "resident, bytes a socket": (after.residentBytes - before.residentBytes) / sockets,
    "JS heap, bytes a socket": (after.heapBytes - before.heapBytes) / sockets,
    "idle, % of a core": (idleCpuMs / idleMs) * 100
  }
}

async function main(sockets: number): Promise<void> {
  const found = new Map<Name, Array<Awaited<ReturnType<typeof round>>>>(names.map((name) => [name, []]))
  // By turns, so that a machine that slows down slows all of them.
  for (let time = 0; time < rounds; time++) {
    for (const name of names) found.get(name)?.push(await round(name, sockets))
  }
  const print = (cells: ReadonlyArray<string>) => process.stdout.write(`| ${cells.join(" | ")} |\n`)
  print([`${sockets} sockets, median (range) of ${rounds}`, ...names])
  print(["---", ...names.map(() => "---")])
  const keys = Object.keys(found.get("floor")?.[0] ?? {})
  for (const key of keys) {
    const cells = names.map((name) => {
      const all = (found.get(name) ?? []).map((figure) => Object.entries(figure).find(([of]) => of === key)?.[1] ?? 0)
      const digits = key.startsWith("idle") ? 2 : 0
      const [middle, low, high] = [spread(all).median, Math.min(...all), Math.max(...all)]
      return `${middle.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`
    })
    print([key, ...cells])
  }
}

const [first = "10000"] = process.argv.slice(2)
const role = names.find((name) => name === first)
await (role === undefined ? main(Number(first)) : serve(role))
