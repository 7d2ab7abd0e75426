/**
 * Many sockets that talk nonsense (Nonsense.ts) to a server, as fast as it answers or at a pace, and check what they
 * hear: every line is one JSON object of the protocol's, and whoever asks after a ping is told. Owns the sockets.
 */
import { connect, type Socket } from "node:net"
import { type Chance, chanceOf, nonsense } from "./Nonsense.ts"
import { isRecord } from "./Phone.ts"

export interface FuzzOptions {
  readonly port: number
  readonly seed: number
  /** In all. */
  readonly lines: number
  readonly connections: number
  /** Lines a second in all; as fast as they are answered where it is not given. */
  readonly linesPerSecond?: number
}

export interface FuzzSummary {
  lines: number
  sockets: number
  /** Lines heard, by the name of what they say; of errors and disconnects the code. */
  readonly heard: Record<string, number>
  seconds: number
}

/** Lines said before it is waited for what they come to. */
const linesAtOnce = 20
const patienceMs = 15_000

/** Says so many lines, and ends when all of them were handled. */
export async function fuzz(options: FuzzOptions): Promise<FuzzSummary> {
  const summary: FuzzSummary = { lines: 0, sockets: 0, heard: {}, seconds: 0 }
  const beganAt = performance.now()
  const dueAt = (line: number): number =>
    options.linesPerSecond === undefined ? 0 : beganAt + (line / options.linesPerSecond) * 1000
  await Promise.all(
    Array.from({ length: options.connections }, async (_, index) => {
      const talker = new Talker(options.port, chanceOf(options.seed + index), summary)
      try {
        while (summary.lines < options.lines) {
          const from = summary.lines
          const count = Math.min(linesAtOnce, options.lines - from)
          summary.lines += count
          const lateMs = dueAt(from) - performance.now()
          if (lateMs > 0) await new Promise((resolve) => setTimeout(resolve, lateMs))
          await talker.talk(count)
        }
      } finally {
        talker.close()
      }
    })
  )
  summary.seconds = (performance.now() - beganAt) / 1000
  return summary
}

/** One socket after another: it is closed on now and then, and comes again. */
class Talker {
  private readonly port: number
  private readonly chance: Chance
  private readonly summary: FuzzSummary
  private socket: Socket | undefined
  private unfinished = ""
  private nextId = 1
  private barrier = 0
  private settle: ((why?: Error) => void) | undefined

  constructor(port: number, chance: Chance, summary: FuzzSummary) {
    this.port = port
    this.chance = chance
    this.summary = summary
  }

  /** Says some lines and waits until a ping after them is answered, or the socket is closed. */
  async talk(count: number): Promise<void> {
    const { below } = this.chance
    if (this.socket === undefined) await this.open()
    const lines = Array.from({ length: count }, () => nonsense(this.chance, this.nextId++))
    this.barrier = this.nextId++
    const bytes = Buffer.concat([...lines, Buffer.from(`{"id":${this.barrier},"ping":{}}\n`)])
    const handled = this.until()
    const cut = below(3) === 0 ? below(bytes.length) : bytes.length
    this.socket?.write(bytes.subarray(0, cut))
    // Sometimes it goes in the middle of a line, and nobody hears of what it said.
    if (below(20) === 0) this.socket?.destroy()
    else if (cut < bytes.length) setImmediate(() => this.socket?.write(bytes.subarray(cut)))
    await handled
  }

  close(): void {
    this.socket?.destroy()
  }

  private async open(): Promise<void> {
    const { below } = this.chance
    const socket = connect({ port: this.port, host: "127.0.0.1", noDelay: true })
    this.summary.sockets++
    this.socket = socket
    this.unfinished = ""
    this.nextId = 1
    socket.setEncoding("utf8")
    socket.on("data", (text: string) => this.receive(text))
    socket.on("error", () => {}) // what follows is "close"
    socket.on("close", () => {
      if (this.socket !== socket) return
      this.socket = undefined
      this.settle?.()
    })
    const opened = this.until()
    socket.once("connect", () => this.settle?.())
    await opened
    // Most begin as they should, so that there is something to break.
    if (below(5) > 0)
      socket.write(`{"id":${this.nextId++},"hello":{"deviceSecret":"${secretOf(below)}","nickname":"퍼즈"}}\n`)
    if (below(5) > 0) socket.write(`{"id":${this.nextId++},"enter":{"playground":"park"}}\n`)
  }

  private until(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.settle?.(new Error(`no answer within ${patienceMs} ms`)), patienceMs)
      this.settle = (why) => {
        clearTimeout(late)
        this.settle = undefined
        if (why === undefined) resolve()
        else reject(why)
      }
    })
  }

  private receive(text: string): void {
    const lines = (this.unfinished + text).split("\n")
    this.unfinished = lines.pop() ?? ""
    for (const line of lines) {
      const said: unknown = JSON.parse(line)
      if (!isRecord(said)) throw new Error(`the server said what is no object: ${line}`)
      const { heard } = this.summary
      const name = nameOf(said)
      heard[name] = (heard[name] ?? 0) + 1
      if (said.re === this.barrier && this.barrier > 0) this.settle?.()
    }
  }
}

/** Few of them, so that guests are replaced now and then. */
const secretOf = (below: Chance["below"]): string => `fuzz-device-secret-${below(200)}`

function nameOf({ re, ...line }: Readonly<Record<string, unknown>>): string {
  const [name = "(nothing)", ...more] = Object.keys(line)
  if (more.length > 0) throw new Error(`the server said two things in one line: ${name}, ${more}`)
  const body = line[name]
  return isRecord(body) && typeof body.code === "string" ? body.code : re === undefined ? name : `re ${name}`
}
