/**
 * A server just good enough for the commands' own tests: it greets, lets in, says what was said to all, and does on
 * demand what real ones do on bad days. What a real one does is tested elsewhere.
 */
import * as Net from "node:net"
import { Effect } from "effect"

/** Reads proto3 JSON: what is absent is zero, and what is of another kind, too. */
export class Body {
  private readonly fields: Readonly<Record<string, unknown>>

  constructor(value: unknown) {
    this.fields = typeof value === "object" && value !== null ? { ...value } : {}
  }
  keys(): ReadonlyArray<string> {
    return Object.keys(this.fields)
  }
  number(name: string): number {
    return Number(this.fields[name] ?? 0) || 0
  }
  text(name: string): string {
    const value = this.fields[name]
    return typeof value === "string" ? value : ""
  }
  flag(name: string): boolean {
    return this.fields[name] === true
  }
  body(name: string): Body {
    return new Body(this.fields[name])
  }
  bodies(name: string): ReadonlyArray<Body> {
    return this.list(name).map((item) => new Body(item))
  }
  numbers(name: string): ReadonlyArray<number> {
    return this.list(name).map((item) => Number(item) || 0)
  }
  private list(name: string): ReadonlyArray<unknown> {
    const value = this.fields[name]
    return Array.isArray(value) ? value : []
  }
}

export interface Line {
  readonly id: number
  readonly key: string
  readonly body: Body
}

export interface FakeServer {
  readonly port: number
  /** All lines so far. */
  readonly lines: ReadonlyArray<Line>
  /** Ends when a line for which `isIt` holds has come, or had come already. */
  readonly heard: (isIt: (line: Line) => boolean) => Effect.Effect<Line>
  /** Says something to all. */
  readonly tell: (message: object) => void
  /** Hangs up on all. */
  readonly cut: () => void
  /** Answers instead of the usual answer; undefined: as usual. */
  answer: (line: Line) => object | "nothing" | undefined
}

export const fakeServer = Effect.acquireRelease(
  Effect.callback<FakeServer & { readonly close: () => void }>((resume) => {
    const sockets = new Set<Net.Socket>()
    const lines: Array<Line> = []
    const waiting = new Set<() => void>()
    const say = (socket: Net.Socket, message: object) => socket.write(`${JSON.stringify(message)}\n`)

    const take = (socket: Net.Socket, text: string): void => {
      const message = new Body(JSON.parse(text))
      const key = message.keys().find((name) => name !== "id") ?? ""
      const line = { id: message.number("id"), key, body: message.body(key) }
      lines.push(line)
      const answer = fake.answer(line) ?? usual(line)
      if (answer !== "nothing" && line.id !== 0) say(socket, { re: line.id, ...answer })
      if (key === "say" && answer !== "nothing" && !("error" in answer)) {
        for (const other of sockets)
          say(other, {
            said: { seq: heardBefore + lines.length, member: 12, nickname: "바람", text: line.body.text("text") }
          })
      }
      for (const look of waiting) look()
    }

    const server = Net.createServer((socket) => {
      sockets.add(socket)
      let rest = ""
      socket.setEncoding("utf8")
      socket.on("data", (chunk) => {
        const parts = (rest + chunk).split("\n")
        rest = parts.pop() ?? ""
        for (const part of parts) {
          if (part.startsWith("{")) take(socket, part)
          else socket.destroy()
        }
      })
      socket.on("error", () => {})
      socket.on("close", () => sockets.delete(socket))
    })

    const fake: FakeServer & { readonly close: () => void } = {
      get port() {
        const address = server.address()
        return typeof address === "object" && address !== null ? address.port : 0
      },
      lines,
      heard: (isIt) =>
        Effect.callback<Line>((done) => {
          const look = (): void => {
            const found = lines.find(isIt)
            if (found === undefined) return
            waiting.delete(look)
            done(Effect.succeed(found))
          }
          waiting.add(look)
          look()
        }),
      tell: (message) => sockets.forEach((socket) => void say(socket, message)),
      cut: () => sockets.forEach((socket) => void socket.destroy()),
      answer: () => undefined,
      close: () => {
        sockets.forEach((socket) => void socket.destroy())
        server.close()
      }
    }
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(fake)))
  }),
  ({ close }) => Effect.sync(close)
)

/** Lines of the channel up to here were said before anybody came; what is said counts on from it. */
const heardBefore = 41
const streams = [{ name: "park/1", epoch: "e", seq: heardBefore }]
const place = { playground: "park", channel: 1, member: 12, xCm: 10_000, yCm: 9000, streams }

/** What a real one would answer, near enough. */
function usual({ key, id }: Line): object {
  switch (key) {
    case "hello":
      return { hello: { guestId: "g", sessionId: "s", resumeToken: "t1", heartbeatMs: 15_000 } }
    case "resume":
      return { resume: { resumeToken: "t2", recovered: true, lastId: id - 1, ...place } }
    case "listPlaygrounds":
      return { listPlaygrounds: { playgrounds: [{ id: "park", name: "공원", widthCm: 20_000, heightCm: 20_000 }] } }
    case "enter":
      return { enter: { ...place, cellCm: 1000, tickMs: 100 } }
    default:
      return { [key]: {} }
  }
}
