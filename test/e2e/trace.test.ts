/**
 * One line said, followed through the process by its trace: from the phone's request to the record that was applied to
 * the frame that a view heard. The spans are those that a collector of the operator's is sent.
 */
import { createServer, type Server as HttpServer } from "node:http"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { fieldOf, listIn, unlimited, until, visit } from "./Guest.ts"
import type { Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
}

/** Every span that was sent, and what could not be read as one. */
const spans: Array<Span> = []
const strangers: Array<string> = []
let collector: HttpServer
let server: Server
let speaker: Phone
let listener: Phone

const say = "noriter.client.v1.SayRequest"
const apply = "apply noriter.topic.v1.LineAsked"
const hear = "hear noriter.runner.v1.LineTold"

/** OTLP as JSON: spans in scopes in resources. */
function collect(text: string): void {
  const body: unknown = JSON.parse(text)
  const inside = (all: ReadonlyArray<unknown>, name: string) => all.flatMap((one) => listIn(one, name))
  for (const span of inside(inside(listIn(body, "resourceSpans"), "scopeSpans"), "spans")) {
    const [name, traceId, spanId] = ["name", "traceId", "spanId"].map((field) => String(fieldOf(span, field)))
    if (name === undefined || traceId === undefined || spanId === undefined) strangers.push(JSON.stringify(span))
    else spans.push({ name, traceId, spanId, parentSpanId: String(fieldOf(span, "parentSpanId") ?? "") })
  }
}

function listen(): Promise<HttpServer> {
  return new Promise((resolve) => {
    const listening = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        response.setHeader("content-type", "application/json").end("{}")
        if (request.method === "POST" && request.url === "/v1/traces") collect(Buffer.concat(chunks).toString())
        else strangers.push(`${request.method} ${request.url}`)
      })
    }).listen(0, "127.0.0.1", () => resolve(listening))
  })
}

beforeAll(async () => {
  collector = await listen()
  const address = collector.address()
  assert.isNotNull(address)
  const port = typeof address === "string" ? 0 : (address?.port ?? 0)
  server = await Server.start({ ...unlimited, NORITER_OTLP_URL: `http://127.0.0.1:${port}` })
  speaker = (await visit(server.tcpPort, "바람")).phone
  listener = (await visit(server.tcpPort, "구름")).phone
})
afterAll(async () => {
  await speaker[Symbol.asyncDispose]()
  await listener[Symbol.asyncDispose]()
  await server.stop()
  collector.closeAllConnections()
  collector.close()
})

const named = (name: string) => spans.filter((span) => span.name === name)
const sent = (name: string, count: number) =>
  until(
    `${count} × ${name}`,
    () => named(name),
    (found) => found.length >= count
  )

describe("a trace", () => {
  it("leads from the phone's line to the record applied to what the view heard, under one id", async () => {
    await speaker.ask({ say: { text: "따라오세요", reach: "REACH_PLAYGROUND" } })
    await listener.next("said", ({ text }) => text === "따라오세요")
    const [asked] = await sent(say, 1)
    const [applied] = await sent(apply, 1)
    const [heard] = await sent(hear, 1)
    assert.isDefined(asked)
    assert.match(asked?.traceId ?? "", /^[0-9a-f]{32}$/)
    assert.strictEqual(asked?.parentSpanId, "", "the phone's request is where it begins")
    assert.deepStrictEqual([applied?.traceId, heard?.traceId], [asked?.traceId, asked?.traceId])
    assert.deepStrictEqual([applied?.parentSpanId, heard?.parentSpanId], [asked?.spanId, asked?.spanId])
    assert.lengthOf(new Set([asked?.spanId, applied?.spanId, heard?.spanId]), 3)
  })

  it("is another for another line, also where several are applied together", async () => {
    const before = named(say).length
    const lines = ["하나", "둘", "셋"].map((text) => ({ say: { text, reach: "REACH_NEARBY" } }))
    await Promise.all(lines.map((line) => speaker.ask(line)))
    const traces = new Set((await sent(say, before + 3)).slice(before).map(({ traceId }) => traceId))
    assert.strictEqual(traces.size, 3)
    for (const name of [apply, hear]) {
      const found = (await sent(name, before + 3)).slice(before).map(({ traceId }) => traceId)
      assert.sameMembers(found, [...traces], name)
    }
  })

  it("leads from who enters or waves to the views that show it", async () => {
    const told = "hear noriter.runner.v1"
    const cases = [
      ["noriter.client.v1.EnterRequest", `${told}.MemberTold`],
      ["noriter.client.v1.EmoteRequest", `${told}.EmoteTold`]
    ] as const
    speaker.say({ emote: { kind: "wave" } })
    await listener.next("emoted")
    for (const [request, hearing] of cases) {
      const asked = await sent(request, 1)
      const heard = await sent(hearing, 1)
      assert.includeMembers(
        asked.map(({ traceId }) => traceId),
        heard.map(({ traceId }) => traceId)
      )
    }
  })

  it("is not begun for steps: they are too many, and go out together", async () => {
    speaker.say({ move: { xCm: 10_000, yCm: 10_000 } })
    await listener.next("moved")
    const before = named(say).length
    await speaker.ask({ say: { text: "끝", reach: "REACH_NEARBY" } })
    await sent(say, before + 1)
    assert.deepStrictEqual(strangers, [])
    assert.isFalse(
      spans.some(({ name }) => name.includes("Move")),
      spans.map(({ name }) => name).join()
    )
  })
})
