/**
 * What one write to a phone and one read of what it says take of the processor, kernel and all: by node:net, and as we do
 * it (src/client/SendBatch.ts, KernelSocket.ts, ReceiveRounds.ts). This process is the server, another the phones; the two
 * ways by turns, and beside them a write by a program in C that does nothing else (bench/floor), which is the kernel's own.
 */
import { execFileSync } from "node:child_process"
import { once } from "node:events"
import * as Net from "node:net"
import { setTimeout } from "node:timers/promises"
import { acceptBare } from "../src/client/BareSocket.ts"
import { bareOptions } from "../src/client/Door.ts"
import type { Carrier, KernelSocket } from "../src/client/KernelSocket.ts"
import { sendBatch } from "../src/client/SendBatch.ts"
import { compiled } from "./harness/Compiled.ts"
import { loadCore, Program, pinned, serverCore } from "./harness/Program.ts"
import { spread } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

const phones = 1_000
const roundsMin = 3
const writesEach = 20
const line = Buffer.from(`${"x".repeat(499)}\n`)
const lines = [line]
const linesPerSecond = 10_000

type Way = "node:net" | "ours"
const ways: ReadonlyArray<Way> = ["node:net", "ours"]

/** So many phones, that say so many lines a second from when they are told to until they are told not to. */
const phonesScript = `
import net from "node:net"
const [port, count, perSecond] = process.argv.slice(1).map(Number)
const sockets = []
for (let at = 0; at < count; at++) {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true }).resume()
  await new Promise((resolve) => socket.on("connect", resolve))
  sockets.push(socket)
}
const line = Buffer.from('{"move":{"xCm":12345,"yCm":2345}}\\n')
let next = 0
let talking = false
setInterval(() => {
  for (let said = 0; talking && said < perSecond / 100; said++) sockets[next++ % count].write(line)
}, 10)
process.stdin.on("data", () => (talking = !talking)).on("end", () => process.exit())
`

/** Microseconds a write, by C. */
function floor(): number {
  const given = [phones, writesEach, line.length, loadCore].map(String)
  const [command = "", ...rest] = pinned([compiled("floor"), ...given], serverCore)
  return Number(execFileSync(command, rest, { encoding: "utf8" }))
}

/** One way's server, and its phones. */
class Side implements AsyncDisposable, Carrier {
  readonly sockets: Array<Net.Socket | KernelSocket> = []
  reads = 0
  private readonly server: Net.Server
  private readonly program: Program

  private constructor(server: Net.Server, program: Program) {
    this.server = server
    this.program = program
  }

  static async open(way: Way): Promise<Side> {
    const opened = (socket: Net.Socket) => side.opened(socket)
    const server = Net.createServer({ noDelay: true }, opened)
    server.listen({ port: 0, host: "127.0.0.1" })
    await once(server, "listening")
    const bare = { options: bareOptions, socketsMax: 0, readAloneMax: 0 }
    const openedAsOneOfMany = (socket: KernelSocket) => side.openedAsOneOfMany(socket)
    if (way === "ours" && !acceptBare(server, { ...bare, opened, openedAsOneOfMany })) {
      throw new Error("this Node has no bare sockets")
    }
    const bound = server.address()
    if (bound === null || typeof bound === "string") throw new Error("a server on a port has one")
    const given = [bound.port, phones, linesPerSecond].map(String)
    const program = Program.spawn({
      command: process.execPath,
      arguments: ["--input-type=module", "-e", phonesScript, ...given],
      core: loadCore,
      isFed: true
    })
    const side = new Side(server, program)
    while (side.sockets.length < phones) await setTimeout(10)
    return side
  }

  /** Microseconds a write. */
  async write(): Promise<number> {
    const before = process.cpuUsage()
    for (let time = 0; time < writesEach; time++) {
      for (const socket of this.sockets) {
        if (socket instanceof Net.Socket) socket.write(line)
        else sendBatch.add(socket.descriptor, lines, line.length, wholly)
      }
      sendBatch.end()
      // What was written is read meanwhile.
      await setTimeout(20)
    }
    return microseconds(before) / (writesEach * phones)
  }

  /** Microseconds a read. */
  async read(): Promise<number> {
    this.program.child.stdin.write("talk")
    await setTimeout(200)
    const [before, readsBefore] = [process.cpuUsage(), this.reads]
    await setTimeout(800)
    const taken = microseconds(before) / (this.reads - readsBefore)
    this.program.child.stdin.write("stop")
    await setTimeout(50)
    return taken
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }

  private opened(socket: Net.Socket): void {
    socket.on("error", () => {})
    socket.on("data", () => this.received())
    socket.resume()
    this.sockets.push(socket)
  }

  private openedAsOneOfMany(socket: KernelSocket): void {
    socket.carriedBy(this)
    socket.resume()
    this.sockets.push(socket)
  }

  received(): void {
    this.reads++
  }

  receivedEnd(): void {}
  drained(): void {}
  gone(): void {}
}

const wholly = {
  sent: (rest: Uint8Array | undefined) => {
    if (rest !== undefined) throw new Error("the phones do not read")
  }
}

const microseconds = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

export const sockets: Bench = {
  name: "sockets",
  about: "one write to a phone and one read of it, by node:net and as we do it",
  isLong: true,
  run: async (seconds, at) => {
    const taken = new Map<string, Array<number>>()
    const keep = (name: string, figure: number) => taken.set(name, [...(taken.get(name) ?? []), figure])
    at(`${phones} phones come, twice`)
    await using theirs = await Side.open("node:net")
    await using ours = await Side.open("ours")
    for (let round = 0; round < Math.max(roundsMin, seconds); round++) {
      at(`round ${round + 1}`)
      for (const way of ways) {
        const side = way === "ours" ? ours : theirs
        keep(`a write, ${way}`, await side.write())
        keep(`a read, ${way}`, await side.read())
      }
      keep("a write, C", floor())
    }
    const row = (name: string): Row => ({ name, unit: "µs", ...spread(taken.get(name) ?? []) })
    const ratio = (what: string): Row => {
      const [own = [], others = []] = ["ours", "node:net"].map((way) => taken.get(`${what}, ${way}`))
      return { name: `${what}, ours / node:net`, unit: "×", ...spread(own.map((of, at) => of / (others[at] ?? of))) }
    }
    const rows = ["a write", "a read"].flatMap((what) => [...ways.map((way) => row(`${what}, ${way}`)), ratio(what)])
    return [row("a write, C"), ...rows]
  }
}
