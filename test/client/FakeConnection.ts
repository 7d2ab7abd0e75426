/** A phone's socket without a socket: lines are put in by hand, what the phone hears is parsed and kept. */
import type { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import type { Connection, DisconnectOptions } from "../../src/client/Connection.ts"
import type { Outbox } from "../../src/client/Outbox.ts"
import { type Arrival, closed, type Reader, Reading, type Run, type Source } from "../../src/client/Reading.ts"
import { type Line, Lines } from "../../src/wire/Lines.ts"
import { type Fields, isObject } from "../../src/wire/Strict.ts"

export class FakeConnection implements Connection, Source {
  readonly address = "192.0.2.1"
  readonly port = 7
  readonly lastLineAt = 0
  readonly bytesIn = 0
  readonly bytesOut = 0
  /** What the phone heard. */
  readonly heard: Array<Fields> = []
  readonly outbox: Outbox
  /** Called with each line. */
  onHeard: (line: Fields) => void = () => {}
  disconnectedWith: DisconnectCode | undefined
  afterMs = 0
  isOpen = true
  isGreeted = false
  isClosed = false
  readonly #lines = new Lines(8_192)
  readonly #arrived: Array<Line> = []
  #ended = false
  #reading: Reading | undefined

  constructor() {
    const take = (chunk: Uint8Array): void => {
      for (const text of Buffer.from(chunk).toString().split("\n")) {
        const line: unknown = text === "" ? undefined : JSON.parse(text)
        if (!isObject(line)) continue
        this.heard.push(line)
        this.onHeard(line)
      }
    }
    const latest = (chunk: Uint8Array): boolean => {
      take(chunk)
      return true
    }
    this.outbox = {
      answer: take,
      push: take,
      latest,
      flush: () => {},
      schedule: () => {}
    }
  }

  /** From here on what comes is taken. */
  begin(reader: Reader, run: Run): void {
    this.#reading = new Reading(this, reader, run)
    this.#reading.advance()
  }

  // --- What the phone does ---

  /** Says these in one go. An object is JSON. */
  say(...lines: ReadonlyArray<string | object>): void {
    const texts = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`)
    this.#lines.feed(Buffer.from(texts.join("")), 0)
    for (let line = this.#lines.next(); line !== undefined; line = this.#lines.next()) this.#arrived.push(line)
    this.#reading?.advance()
  }

  hangUp(): void {
    this.#ended = true
    this.#reading?.advance()
  }

  /** Lines that the session has not taken. */
  get unread(): number {
    return this.#arrived.length
  }

  /** The answers to an id. */
  answers(re: number): ReadonlyArray<Fields> {
    return this.heard.filter((line) => line.re === re)
  }

  /** In short: `1 hello`, `4 RATE_LIMITED`; what answers nothing begins with 0. */
  get brief(): ReadonlyArray<string> {
    return this.heard.map(({ re = 0, ...rest }) => {
      const [[name, value] = ["", undefined]] = Object.entries(rest)
      const code = isObject(value) && typeof value.code === "string" ? value.code : undefined
      return `${re} ${code === undefined ? name : code.replace(/^(ERROR|DISCONNECT)_CODE_/, "")}`
    })
  }

  // --- What the session does ---

  helloDone(): void {
    this.isGreeted = true
  }

  arrival(): Arrival | undefined {
    if (!this.isOpen) return closed
    return this.#arrived.shift() ?? (this.#ended ? closed : undefined)
  }

  fail(): void {
    this.close()
  }

  done(): void {
    this.close()
  }

  disconnect(code: DisconnectCode, { afterMs = 0 }: DisconnectOptions = {}): void {
    if (this.disconnectedWith !== undefined) return
    this.disconnectedWith = code
    this.afterMs = afterMs
    this.isOpen = false
    this.hangUp()
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.isOpen = false
    this.hangUp()
  }
}
