/**
 * A conversation on a clock that a test moves, over sockets that a test opens, feeds and loses. Owns the record of what it
 * wrote and told; what a server would make of it is the test's.
 */
import { Conversation } from "../../sdk/typescript/src/Conversation.ts"
import type { Ending, Owner, Session, StateChange } from "../../sdk/typescript/src/Owner.ts"
import type { PlazaError } from "../../sdk/typescript/src/PlazaError.ts"

/** How an ask ended. */
export type Outcome = { readonly body: unknown } | { readonly error: PlazaError }

export class Talker {
  now = 1_000_000
  unsentBytes = 0
  /** Sockets opened so far. */
  sockets = 0
  readonly written: Array<string> = []
  readonly changes: Array<StateChange> = []
  readonly sessions: Array<Session> = []
  readonly heard: Array<{ readonly key: string; readonly body: unknown }> = []
  readonly refused: Array<PlazaError> = []
  readonly endings: Array<Ending> = []
  missed = 0
  readonly conversation: Conversation

  constructor(some: Partial<Owner> = {}, random: () => number = () => 0) {
    const owner: Owner = {
      open: () => {
        this.sockets++
      },
      write: (line) => void this.written.push(line.trimEnd()),
      unsentBytes: () => this.unsentBytes,
      drop: () => {},
      hangUp: () => {},
      changed: (change) => void this.changes.push(change),
      stands: () => {},
      began: (session) => void this.sessions.push(session),
      heard: (key, body) => void this.heard.push({ key, body }),
      missed: () => {
        this.missed++
      },
      refused: (error) => void this.refused.push(error),
      ended: (ending) => void this.endings.push(ending),
      ...some
    }
    this.conversation = new Conversation(
      { deviceSecret: "0123456789abcdef", nickname: "바람", sdk: "test" },
      owner,
      random
    )
  }

  /** Begins, and is greeted: a session with a token. */
  greeted(heartbeatMs = 15_000): this {
    this.conversation.begin(this.now)
    return this.answerGreeting({ hello: { resumeToken: "t1", heartbeatMs } })
  }

  /** Stands in park/1, whose lines were heard up to `seq`. */
  inside(seq: number): this {
    this.ask("enter", { playground: "park" })
    const streams = [{ name: "park/1", epoch: "e", seq }]
    return this.tell({ re: this.lastId(), enter: { playground: "park", channel: 1, member: 12, streams } })
  }

  /** The socket is there, and the server answers the greeting on it. */
  answerGreeting(answer: object): this {
    this.conversation.connected(this.now)
    return this.tell({ re: this.lastId(), ...answer })
  }

  tell(message: object): this {
    return this.hear(JSON.stringify(message))
  }

  hear(line: string): this {
    this.conversation.received(line.length, this.now)
    this.conversation.line(line)
    return this
  }

  /** The outcome comes to the list, if it comes. */
  ask(key: string, request: object): ReadonlyArray<Outcome> {
    const outcomes: Array<Outcome> = []
    this.conversation.ask(
      key,
      request,
      (body) => void outcomes.push({ body }),
      (error) => void outcomes.push({ error }),
      this.now
    )
    return outcomes
  }

  /** Loses the socket, waits until the next one is due, and resumes on it. */
  resumed(answer: object = {}): this {
    return this.lost().answerGreeting({ resume: { resumeToken: "t2", recovered: true, ...answer } })
  }

  /** Loses the socket and waits until the next one is opened. */
  lost(): this {
    const before = this.sockets
    this.conversation.lost("cut", this.now)
    while (this.sockets === before) this.pass(50)
    return this
  }

  pass(milliseconds: number): this {
    this.now += milliseconds
    this.conversation.tick(this.now)
    return this
  }

  lastId(): number {
    return idOf(this.written.at(-1) ?? "{}")
  }
}

/** 0: it has none. */
export const idOf = (line: string): number => {
  const { id = 0 }: { readonly id?: number } = JSON.parse(line)
  return id
}
