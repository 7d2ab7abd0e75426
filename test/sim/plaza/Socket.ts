/**
 * A phone's socket to a process of a simulation: what each side says is on its way for a while, in order; a process that
 * is stopped hears it later, and one that was killed has hung up. Owns the way, not what is said.
 */
import type { DisconnectCode } from "../../../gen/noriter/client/v1/session.ts"
import type { DisconnectOptions } from "../../../src/client/Connection.ts"
import type { Fields } from "../../../src/wire/Strict.ts"
import { FakeConnection } from "../../client/FakeConnection.ts"
import type { Process } from "./Process.ts"

/** The phone's side. */
export interface Hearing {
  readonly hears: (line: Fields) => void
  /** Nothing more comes; undefined: without a word. */
  readonly ended: (code: DisconnectCode | undefined, afterMs: number) => void
}

let sockets = 0

export class Socket extends FakeConnection {
  readonly process: Process
  #phone: Hearing | undefined
  readonly #number = sockets++

  constructor(process: Process, phone: Hearing) {
    super()
    this.process = process
    this.#phone = phone
  }

  // --- The phone ---

  tell(line: object): void {
    this.process.send(`up ${this.#number}`, () => this.process.enqueue(() => this.say(line)))
  }

  /** Hears no more, and is missed after so long. */
  leave(missedAfterMs: number): void {
    this.#phone = undefined
    this.process.send(`up ${this.#number}`, () => this.process.enqueue(() => this.hangUp()), missedAfterMs)
  }

  /** The process is no more. */
  break(): void {
    this.#down((phone) => phone.ended(undefined, 0))
    this.#down(() => this.leave(0))
  }

  // --- The runner ---

  override onHeard = (line: Fields): void => this.#down((phone) => phone.hears(line))

  override disconnect(code: DisconnectCode, options: DisconnectOptions = {}): void {
    if (this.disconnectedWith === undefined) this.#down((phone) => phone.ended(code, options.afterMs ?? 0))
    super.disconnect(code, options)
  }

  override close(): void {
    if (this.isOpen) this.#down((phone) => phone.ended(undefined, 0))
    super.close()
  }

  #down(say: (phone: Hearing) => void): void {
    this.process.send(`down ${this.#number}`, () => {
      if (this.#phone !== undefined) say(this.#phone)
    })
  }
}
