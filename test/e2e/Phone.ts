/**
 * A phone for a test: it says exactly what it is told, also what no phone should, and waits for what it should hear, but
 * not for ever. Lines that were not asked for are kept until they are, so that a test names only what it is about.
 */
import { type Address, open, type Way, type WayOptions } from "./Way.ts"

/** One line heard. The names on the wire are what is tested, so nothing is decoded. */
export type Heard = Readonly<Record<string, unknown>>

/** How long a phone waits for a line: much longer than any takes, so that a busy machine fails no test. */
const patienceMs = 5_000

interface Waiter {
  readonly matches: (line: Heard) => boolean
  readonly resolve: (line: Heard) => void
  readonly what: string
  readonly reject: (why: Error) => void
}

export class Phone implements AsyncDisposable {
  /** All lines heard, in order. */
  readonly lines: Array<Heard> = []
  private readonly waiting: Array<Heard> = []
  private readonly waiters = new Set<Waiter>()
  private readonly way: Way
  private unfinished = ""
  private nextId = 1
  private readonly end = Promise.withResolvers<void>()
  private ended = false

  private constructor(way: Way) {
    this.way = way
    way.onText = (text) => this.receive(text)
    way.onClose = () => this.close()
  }

  static async connect(address: Address, options?: WayOptions): Promise<Phone> {
    return new Phone(await open(address, options))
  }

  /** A phone that has said hello, and what it was told. */
  static async greet(address: Address, nickname: string, deviceSecret: string = newSecret()): Promise<Phone> {
    const phone = await Phone.connect(address)
    await phone.ask({ hello: { deviceSecret, nickname, sdk: "test/1" } })
    return phone
  }

  /** Says one line: an object as JSON, anything else as it is. */
  say(line: Heard | string | Uint8Array): void {
    if (typeof line === "string") this.way.write(`${line}\n`)
    else if (line instanceof Uint8Array) this.way.write(Buffer.concat([line, Buffer.from("\n")]))
    else this.way.write(`${JSON.stringify(line)}\n`)
  }

  /** Writes bytes that need not be a line. */
  write(bytes: string | Uint8Array): void {
    this.way.write(bytes)
  }

  /** Reads nothing until it is to hear again. */
  pause(): void {
    this.way.pause()
  }

  resume(): void {
    this.way.resume()
  }

  /** Asks under an id of its own and gives the answer, whatever it says. */
  ask(body: Heard): Promise<Heard> {
    const id = this.nextId++
    this.say({ id, ...body })
    return this.answer(id)
  }

  /** The line that answers the request of this id. */
  answer(id: number): Promise<Heard> {
    this.nextId = Math.max(this.nextId, id + 1)
    return this.hear(`the answer to ${id}`, (line) => line.re === id)
  }

  /** The content of the first line not yet taken that was not asked for and bears this name. */
  async next(name: string, matches: (body: Heard) => boolean = () => true): Promise<Heard> {
    const line = await this.hear(`"${name}"`, (line) => {
      const body = line[name]
      return line.re === undefined && isRecord(body) && matches(body)
    })
    const body = line[name]
    return isRecord(body) ? body : {}
  }

  /** The first line not yet taken that matches. */
  hear(what: string, matches: (line: Heard) => boolean): Promise<Heard> {
    const index = this.waiting.findIndex(matches)
    const [line] = index === -1 ? [] : this.waiting.splice(index, 1)
    if (line !== undefined) return Promise.resolve(line)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { matches, what, resolve: settle(resolve), reject: settle(reject) }
      const timer = setTimeout(() => waiter.reject(this.complain(what, `within ${patienceMs} ms`)), patienceMs)
      const waiters = this.waiters
      waiters.add(waiter)
      if (this.ended) waiter.reject(this.complain(what, "before the socket closed"))
      function settle<A>(then: (value: A) => void): (value: A) => void {
        return (value) => {
          clearTimeout(timer)
          waiters.delete(waiter)
          then(value)
        }
      }
    })
  }

  /** Ends when the server has closed the socket. */
  async closed(): Promise<void> {
    const late = setTimeout(() => this.end.reject(this.complain("the end", `within ${patienceMs} ms`)), patienceMs)
    await this.end.promise.finally(() => clearTimeout(late))
  }

  /** What a WebSocket was closed with. */
  get closeCode(): number | undefined {
    return this.way.closeCode
  }

  /** Loses the socket, as a phone in a tunnel does. */
  cut(): void {
    this.way.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.way.destroy()
    await this.closed()
  }

  private receive(text: string): void {
    const lines = (this.unfinished + text).split("\n")
    this.unfinished = lines.pop() ?? ""
    for (const text of lines) {
      const line: unknown = JSON.parse(text)
      if (!isRecord(line)) throw new Error(`the server said something that is no object: ${text}`)
      this.lines.push(line)
      const waiter = [...this.waiters].find(({ matches }) => matches(line))
      if (waiter === undefined) this.waiting.push(line)
      else waiter.resolve(line)
    }
  }

  private close(): void {
    this.ended = true
    this.end.resolve()
    for (const waiter of this.waiters) waiter.reject(this.complain(waiter.what, "before the socket closed"))
  }

  private complain(what: string, when: string): Error {
    const heard = this.lines.slice(-10).map((line) => JSON.stringify(line))
    return new Error(`did not hear ${what} ${when}; the last lines were\n${heard.join("\n")}`)
  }
}

let secrets = 0
/** A device secret nobody else in this process has. */
export const newSecret = (): string => `test-device-secret-${process.pid}-${secrets++}`

export function isRecord(value: unknown): value is Heard {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
