/**
 * Thousands of phones in one process: each a plain socket that says what it is told and keeps nothing but the answer it
 * waits for. What it hears unasked is counted and thrown away. Owns the sockets of all of them.
 */
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { codeOf, fieldOf } from "../e2e/Guest.ts"
import { type Heard, isRecord, newSecret } from "../e2e/Phone.ts"

/** Connections begun at once: a listener's backlog has room for them. */
const connectingMax = 256
/** How long a crowd waits for its last answer; a loaded machine takes its time. */
const patienceMs = 200_000

const newline = 10
const answerPrefix = Buffer.from('{"re":')

/** A phone that hears only answers. */
class CrowdPhone {
  readonly socket: Socket
  private readonly answered: (line: Heard) => void
  private unfinished: Buffer = Buffer.alloc(0)

  constructor(socket: Socket, answered: (line: Heard) => void) {
    this.socket = socket
    this.answered = answered
    socket.setNoDelay(true)
    socket.on("error", () => {}) // what follows is "close"
    socket.on("data", (chunk: Buffer) => this.receive(chunk))
  }

  private receive(chunk: Buffer): void {
    const bytes = this.unfinished.length === 0 ? chunk : Buffer.concat([this.unfinished, chunk])
    let from = 0
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, from)) {
      if (bytes.compare(answerPrefix, 0, answerPrefix.length, from, from + answerPrefix.length) === 0) {
        const line: unknown = JSON.parse(bytes.toString("utf8", from, end))
        if (isRecord(line)) this.answered(line)
      }
      from = end + 1
    }
    this.unfinished = bytes.subarray(from)
  }
}

export class Crowd implements Disposable {
  private readonly phones: ReadonlyArray<CrowdPhone>
  private readonly answers: Array<Heard | undefined>
  private asked: ReadonlyArray<string> = []
  private missing = 0
  private complete = () => {}
  private lost = 0

  private constructor(sockets: ReadonlyArray<Socket>) {
    this.answers = sockets.map(() => undefined)
    this.phones = sockets.map((socket, index) => {
      socket.on("close", () => this.lost++)
      return new CrowdPhone(socket, (line) => this.heard(index, line))
    })
  }

  /** Connected by turns to these ports. */
  static async connect(ports: ReadonlyArray<number>, size: number): Promise<Crowd> {
    const sockets: Array<Socket> = []
    while (sockets.length < size) {
      const next = Array.from({ length: Math.min(connectingMax, size - sockets.length) }, (_, index) =>
        connect({ host: "127.0.0.1", port: ports[(sockets.length + index) % ports.length] ?? 0 })
      )
      sockets.push(...next)
      await Promise.all(next.map((socket) => once(socket, "connect")))
    }
    return new Crowd(sockets)
  }

  /** Sockets that were closed on us. */
  get closed(): number {
    return this.lost
  }

  /** All say hello at once, each with a secret of its own. */
  greet(): Promise<ReadonlyArray<Heard>> {
    return this.ask(1, () => ({ hello: { deviceSecret: newSecret(), nickname: "사람", sdk: "test/1" } }))
  }

  /** All enter at once. */
  enter(playground: string): Promise<ReadonlyArray<Heard>> {
    return this.ask(2, () => ({ enter: { playground, avatar: "fox" } }))
  }

  /** All ask the same at once; ends with everybody's answer. Who is told to ask again does so, as a phone should. */
  private ask(id: number, body: () => Heard): Promise<ReadonlyArray<Heard>> {
    this.answers.fill(undefined)
    this.missing = this.phones.length
    this.asked = this.phones.map(() => `${JSON.stringify({ id, ...body() })}\n`)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${this.missing} of ${this.phones.length} were not answered, ${this.lost} were closed`)),
        patienceMs
      )
      this.complete = () => {
        clearTimeout(timer)
        resolve(this.answers.flatMap((answer) => (answer === undefined ? [] : [answer])))
      }
      for (const index of this.phones.keys()) this.say(index)
    })
  }

  private say(index: number): void {
    this.phones[index]?.socket.write(this.asked[index] ?? "")
  }

  private heard(index: number, line: Heard): void {
    if (this.answers[index] !== undefined) return
    if (codeOf(line) === "ERROR_CODE_UNAVAILABLE") {
      setTimeout(() => this.say(index), Number(fieldOf(line.error, "retryAfterMs"))).unref()
      return
    }
    this.answers[index] = line
    this.missing--
    if (this.missing === 0) this.complete()
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.phones) socket.destroy()
  }
}
