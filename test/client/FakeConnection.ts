/** A phone's socket without a socket: lines are put in by hand, what the phone hears is parsed and kept. */
import * as Effect from "effect/Effect"
import type { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { type Arrival, type Connection, closed, type DisconnectOptions } from "../../src/client/Connection.ts"
import type { Outbox } from "../../src/client/Outbox.ts"
import { type Line, Lines } from "../../src/wire/Lines.ts"
import { type Fields, isObject } from "../../src/wire/Strict.ts"

export class FakeConnection implements Connection {
  readonly address = "192.0.2.1"
  readonly port = 7
  readonly lastLineAt = 0
  readonly bytesIn = 0
  readonly bytesOut = 0
  /** What the phone heard. */
  readonly heard: Array<Fields> = []
  readonly outbox: Outbox
  readonly next: Effect.Effect<Arrival>
  disconnectedWith: DisconnectCode | undefined
  afterMs = 0
  isOpen = true
  isGreeted = false
  isClosed = false
  /** How often the session has come for more. */
  reads = 0
  readonly #lines = new Lines(8_192)
  #arrived: Array<Line> = []
  #ended = false
  #waiter: (() => void) | undefined

  constructor() {
    const take = (chunk: Uint8Array): void => {
      for (const text of Buffer.from(chunk).toString().split("\n")) {
        const line: unknown = text === "" ? undefined : JSON.parse(text)
        if (isObject(line)) this.heard.push(line)
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
    this.next = Effect.callback<Arrival>((resume) => {
      this.reads++
      this.#waiter = () => {
        if (this.#arrived.length === 0 && !this.#ended) return
        this.#waiter = undefined
        resume(Effect.succeed(this.#arrived.length > 0 ? this.#arrived.splice(0) : closed))
      }
      this.#waiter()
    })
  }

  // --- What the phone does ---

  /** Says these in one go. An object is JSON. */
  say(...lines: ReadonlyArray<string | object>): void {
    const texts = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`)
    this.#lines.feed(Buffer.from(texts.join("")), 0)
    for (let line = this.#lines.next(); line !== undefined; line = this.#lines.next()) this.#arrived.push(line)
    this.#waiter?.()
  }

  hangUp(): void {
    this.#ended = true
    this.#waiter?.()
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

  pause(): void {}

  resume(): void {}

  disconnect(code: DisconnectCode, { afterMs = 0 }: DisconnectOptions = {}): void {
    if (this.disconnectedWith !== undefined) return
    this.disconnectedWith = code
    this.afterMs = afterMs
    this.isOpen = false
    this.hangUp()
  }

  close(): void {
    this.isClosed = true
    this.isOpen = false
    this.hangUp()
  }
}
