/**
 * The load client (bench/load, in C): compiled where it is not yet, started for one protocol, and told what to do. Owns
 * the process and the lines to and from it; what is to be done is the benches'.
 */
import { createInterface } from "node:readline"
import { compiled } from "./Compiled.ts"
import { loadCore, Program } from "./Program.ts"

export type Protocol = "noriter" | "lines" | "ws" | "socketio" | "colyseus" | "centrifugo" | "nakama"

export interface Load {
  readonly protocol: Protocol
  readonly ports: ReadonlyArray<number>
  /** The most there will be. */
  readonly phones: number
  readonly speakers?: number
  readonly textBytes?: number
  /** The side of the square they walk in. */
  readonly sideCm?: number
  /** How far one goes with each move. */
  readonly stepCm?: number
  /** They say hello and no more. */
  readonly idle?: boolean
  /** So many of a hundred block whoever they see first. */
  readonly blocking?: number
}

/** What happened in a time. */
export interface Measured {
  readonly seconds: number
  /** Of the load client. */
  readonly cpu: number
  readonly phones: number
  readonly sent: number
  /** Deliveries that should follow from what was sent. */
  readonly expected: number
  readonly delivered: number
  readonly answered: number
  readonly refused: number
  /** What should have been sent and could not be. */
  readonly missed: number
  /** Sockets that the server closed. */
  readonly closed: number
  readonly reads: number
  readonly bytes: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface Connected {
  readonly ready: number
  readonly opened: number
  readonly failed: number
  readonly seconds: number
}

export class LoadClient implements AsyncDisposable {
  private readonly program: Program
  private readonly answers: AsyncIterator<string>

  constructor({ protocol, ports, phones, ...more }: Load) {
    const { speakers = 10, textBytes = 0, sideCm = 0, stepCm = 0, idle = false, blocking = 0 } = more
    const options = { protocol, ports: ports.join(","), phones, speakers, "text-bytes": textBytes, idle: Number(idle) }
    const given = Object.entries({ ...options, "side-cm": sideCm, "step-cm": stepCm, blocking })
    const flags = given.flatMap(([name, value]) => [`--${name}`, `${value}`])
    this.program = Program.spawn({ command: compiled("load"), arguments: flags, core: loadCore, isFed: true })
    this.program.child.stderr.pipe(process.stderr)
    this.answers = createInterface({ input: this.program.child.stdout })[Symbol.asyncIterator]()
  }

  connect(phones: number): Promise<Connected> {
    return this.ask(`connect ${phones}`)
  }

  /** From here on, until it is told otherwise. */
  say(perSecond: number): Promise<unknown> {
    return this.ask(`say ${perSecond}`)
  }

  walk(perSecond: number): Promise<unknown> {
    return this.ask(`walk ${perSecond}`)
  }

  measure(seconds: number): Promise<Measured> {
    return this.ask(`measure ${seconds}`)
  }

  /** Ends when all that was on its way has come. */
  drain(): Promise<unknown> {
    return this.ask("drain")
  }

  /** All counts since the start. */
  total(): Promise<Measured> {
    return this.ask("total")
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
  }

  private async ask<A>(command: string): Promise<A> {
    this.program.child.stdin.write(`${command}\n`)
    const answer = await this.answers.next()
    if (answer.done === true) throw new Error(`the load client ended at "${command}"`)
    return JSON.parse(answer.value)
  }
}
