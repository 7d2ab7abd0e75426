/**
 * A conversation across a strait: a server of a few lines on the other side, and a network between that delivers one line
 * at a time and is cut where the test says. Owns what was asked, answered, done and heard, and judges it.
 */
import { Conversation } from "../../sdk/typescript/src/Conversation.ts"
import type { Owner } from "../../sdk/typescript/src/Owner.ts"

interface Message {
  readonly id?: number
  readonly hello?: object
  readonly resume?: { readonly streams?: ReadonlyArray<{ readonly name: string; readonly seq: number }> }
  readonly enter?: object
  readonly say?: { readonly text: string }
}

export interface Faults {
  /** Before the delivery of these lines, counted from the first of all, the socket is lost with all that is on its way. */
  readonly cuts: ReadonlySet<number>
  /** Stands between the conversation and the network: for planted defects. */
  readonly write?: (line: string, pass: (line: string) => void) => void
  /** Which lines the conversation is given: for planted defects. */
  readonly deliver?: (line: string, pass: (line: string) => void) => void
}

const sentences = ["하나", "둘", "셋", "넷", "다섯"]

export class Strait {
  /** What took effect, in order. */
  private readonly done: Array<string> = []
  private readonly heard: Array<string> = []
  private readonly answered: Array<string> = []
  private isMissed = false

  private now = 1_000_000
  private toServer: Array<string> = []
  private toPhone: Array<string> = []
  private isConnected = false
  private isOpening = false
  private readonly answers = new Map<number, object>()
  private readonly lines: Array<{ readonly seq: number; readonly text: string }> = []
  private isInside = false
  private lastId = 0
  private readonly faults: Faults
  private readonly conversation: Conversation
  deliveries = 0

  constructor(faults: Faults, random: () => number) {
    this.faults = faults
    this.conversation = new Conversation(
      { deviceSecret: "0123456789abcdef", nickname: "바람", sdk: "" },
      this.owner(),
      random
    )
  }

  /** Enters, says all sentences, and goes on until all is answered and nothing is on its way. Gives what went wrong. */
  run(): ReadonlyArray<string> {
    this.conversation.begin(this.now)
    this.ask("enter", { playground: "park" }, "enter")
    for (const text of sentences) this.ask("say", { text }, text)
    for (let step = 0; step < stepsMax; step++) {
      if (this.isOpening) {
        this.isOpening = false
        this.isConnected = true
        this.conversation.connected(this.now)
      } else if (this.toServer.length + this.toPhone.length > 0) this.deliver()
      else if (this.answered.length === sentences.length + 1 && this.conversation.state === "open")
        return this.verdict()
      else {
        this.now += 50
        this.conversation.tick(this.now)
      }
    }
    return ["it did not come to an end"]
  }

  private verdict(): ReadonlyArray<string> {
    const wrong: Array<string> = []
    const same = (what: string, are: ReadonlyArray<string>, should: ReadonlyArray<string>) => {
      if (are.join() !== should.join()) wrong.push(`${what}: ${are.join()} instead of ${should.join()}`)
    }
    same("done", this.done, ["enter", ...sentences])
    same("answered", this.answered, ["enter", ...sentences])
    same("stands", [`${this.conversation.place?.member}`], ["1"])
    if (this.isMissed)
      same(
        "heard in part",
        this.heard,
        sentences.filter((text) => this.heard.includes(text))
      )
    else same("heard", this.heard, sentences)
    return wrong
  }

  private ask(key: string, request: object, name: string): void {
    const settled = () => void this.answered.push(name)
    this.conversation.ask(key, request, settled, ({ code }) => void this.answered.push(`${name} ${code}`), this.now)
  }

  // --- The network ---

  /** By turns, so that much is on its way in both directions. */
  private deliver(): void {
    if (this.faults.cuts.has(this.deliveries++)) {
      this.hangUp()
      this.conversation.lost("cut", this.now)
      return
    }
    const up = this.toPhone.length === 0 || (this.toServer.length > 0 && this.deliveries % 3 !== 0)
    const line = (up ? this.toServer : this.toPhone).shift() ?? ""
    const hear = (line: string) => {
      this.conversation.received(line.length, this.now)
      this.conversation.line(line)
    }
    if (up) this.serve(JSON.parse(line))
    else if (this.faults.deliver === undefined) hear(line)
    else this.faults.deliver(line, hear)
  }

  private hangUp(): void {
    this.toServer = []
    this.toPhone = []
    this.isConnected = false
    this.isOpening = false
  }

  private owner(): Owner {
    const pass = (line: string) => void this.toServer.push(line)
    return {
      open: () => {
        this.hangUp()
        this.isOpening = true
      },
      write: (line) => (this.faults.write === undefined ? pass(line) : this.faults.write(line, pass)),
      unsentBytes: () => 0,
      drop: () => this.hangUp(),
      hangUp: () => this.hangUp(),
      changed: () => {},
      stands: () => {},
      began: () => {},
      heard: (_key, body) => void this.heard.push(new Map(Object.entries(body ?? {})).get("text")),
      missed: () => {
        this.isMissed = true
      },
      refused: () => {},
      ended: () => {}
    }
  }

  // --- The server: effects once by id, and what was missed is said again ---

  private tell(message: object): void {
    if (this.isConnected) this.toPhone.push(JSON.stringify(message))
  }

  private serve({ id = 0, hello, resume, enter, say }: Message): void {
    // Whatever was answered counts, as it does with a real one.
    const { lastId } = this
    this.lastId = Math.max(lastId, id)
    if (hello !== undefined) this.tell({ re: id, hello: { resumeToken: "t" } })
    else if (resume !== undefined) this.resume(id, lastId, resume.streams ?? [])
    else if (enter !== undefined || say !== undefined) {
      const known = this.answers.get(id)
      const answer = known ?? (say === undefined ? this.enter() : this.say(say.text))
      this.answers.set(id, answer)
      this.tell({ re: id, ...answer })
      const line = this.lines.at(-1)
      if (known === undefined && say !== undefined && line !== undefined) this.tell({ said: line })
    }
  }

  private enter(): object {
    this.done.push("enter")
    this.isInside = true
    return { enter: { playground: "park", channel: 1, member: 1, streams: [this.position()] } }
  }

  private say(text: string): object {
    this.done.push(text)
    const seq = (this.lines.at(-1)?.seq ?? 0) + 1 + (this.lines.length % 2)
    this.lines.push({ seq, text })
    return { say: { seq } }
  }

  private resume(
    id: number,
    lastId: number,
    streams: ReadonlyArray<{ readonly name: string; readonly seq: number }>
  ): void {
    const from = streams.find(({ name }) => name === "park/1")?.seq
    const place = this.isInside ? { playground: "park", channel: 1, member: 1, streams: [this.position()] } : {}
    const recovered = from !== undefined || !this.isInside
    this.tell({ re: id, resume: { resumeToken: "t", recovered, lastId, ...place } })
    if (from !== undefined) for (const said of this.lines) if (said.seq > from) this.tell({ said })
  }

  private position(): object {
    return { name: "park/1", epoch: "e", seq: this.lines.at(-1)?.seq ?? 0 }
  }
}

const stepsMax = 20_000
