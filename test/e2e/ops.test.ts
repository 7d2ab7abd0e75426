/** The operators' board through the port: there is none without a token, and with it one sees the plaza live. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { fieldOf, listIn, numberIn, until, visit } from "./Guest.ts"
import { Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

const token = "f81d4fae7dec11d0a76500a0c91e6bf6"
const watchingMax = 8
let server: Server
let closed: Server
beforeAll(async () => {
  ;[server, closed] = await Promise.all([Server.start({ NORITER_OPS_TOKEN: token }), Server.start()])
})
afterAll(() => Promise.all([server, closed].map((each) => each.stop())))

const ask = (path: string, shown?: string, at: Server = server): Promise<Response> =>
  fetch(`http://127.0.0.1:${at.httpPort}${path}`, {
    headers: shown === undefined ? {} : { authorization: `Bearer ${shown}` }
  })

/** An operator who looks: the newest that was shown. */
class Look implements AsyncDisposable {
  newest: unknown = undefined
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>

  constructor(body: ReadableStream<Uint8Array>) {
    this.reader = body.getReader()
    void this.read()
  }

  static async open(): Promise<Look> {
    const response = await ask("/ops/live", token)
    assert.deepStrictEqual(
      [response.status, response.headers.get("content-type")],
      [200, "text/event-stream; charset=utf-8"]
    )
    assert.isNotNull(response.body)
    return new Look(response.body ?? new ReadableStream())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader.cancel()
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder()
    let text = ""
    for (let part = await this.reader.read(); !part.done; part = await this.reader.read()) {
      const events = (text + decoder.decode(part.value, { stream: true })).split("\n\n")
      text = events.pop() ?? ""
      const event = events.at(-1)
      if (event !== undefined) this.newest = JSON.parse(event.replace(/^data: /, ""))
    }
  }
}

const population = (shown: unknown): number => {
  const [park] = listIn(shown, "playgrounds")
  const [channel] = listIn(park, "channels")
  return channel === undefined ? -1 : numberIn(channel, "population")
}
const figure = (shown: unknown, name: string): number => {
  const [process] = listIn(shown, "figures")
  return Number(fieldOf(fieldOf(process, "values"), name) ?? -1)
}

describe("the operators' board", () => {
  it("is not there without a token", async () => {
    for (const path of ["/ops", "/ops/live", "/ops/ops.js"]) {
      assert.strictEqual((await ask(path, token, closed)).status, 404, path)
    }
  })

  it("is a page that may load nothing from elsewhere and knows nothing", async () => {
    const page = await ask("/ops")
    assert.strictEqual(page.status, 200)
    assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self';/)
    const text = await page.text()
    for (const [, path = ""] of text.matchAll(/(?:href|src)="(\/[^"]+)"/g)) {
      const file = await ask(path)
      assert.strictEqual(file.status, 200, path)
      assert.notInclude(await file.text(), token)
    }
    assert.strictEqual((await ask("/ops/nothing")).status, 404)
  })

  it("is shown to nobody without the token, and to so many at once", async () => {
    for (const shown of [undefined, "", "x", token.slice(1), `${token}x`, token.toUpperCase()]) {
      assert.strictEqual((await ask("/ops/live", shown)).status, 401, `${shown}`)
    }
    assert.strictEqual((await ask(`/ops/live?token=${token}`)).status, 401)
    await using looks = new AsyncDisposableStack()
    for (let count = 0; count < watchingMax; count++) looks.use(await Look.open())
    assert.strictEqual((await ask("/ops/live", token)).status, 503)
    const metrics = await (await ask("/metrics")).text()
    assert.match(metrics, /^noriter_ops_refused_total 7$/m)
    await looks.disposeAsync()
    await until(
      "room for one more",
      async () => {
        const response = await ask("/ops/live", token)
        await response.body?.cancel()
        return response.status
      },
      (status) => status === 200
    )
  })

  it("says who is here, by which way, and what is refused, as it happens", async () => {
    await using look = await Look.open()
    const sees = (what: string, isSo: (shown: unknown) => boolean) => until(what, () => look.newest, isSo)
    await sees("an empty park", (shown) => population(shown) === 0)
    const tcp = await visit(server.tcpPort, "바람")
    const web = await visit(`ws://127.0.0.1:${server.httpPort}/ws`, "구름")
    await using tcpPhone = tcp.phone
    await using webPhone = web.phone
    await sees("two people", (shown) => population(shown) === 2)
    await sees("a phone of each way", (shown) =>
      ["tcp", "websocket"].every((way) => figure(shown, `noriter_sockets_open{transport="${way}"}`) === 1)
    )
    webPhone.say("nonsense")
    const malformed = 'noriter_refused_total{code="ERROR_CODE_MALFORMED"}'
    await sees("what was refused", (shown) => figure(shown, malformed) === 1)
    const [runner] = listIn(look.newest, "living")
    const [process] = listIn(look.newest, "figures")
    assert.strictEqual(fieldOf(runner, "incarnation"), fieldOf(process, "incarnation"))
    assert.deepStrictEqual(listIn(look.newest, "missing"), [])
    await tcpPhone.ask({ leave: {} })
    await webPhone.ask({ leave: {} })
    await sees("that they left", (shown) => population(shown) === 0)
  })

  it("ends when the server leaves, and does not hold it up", async () => {
    await using phone = await Phone.greet(server.tcpPort, "바람")
    const look = await Look.open()
    assert.strictEqual(await server.stop(), 0)
    await look[Symbol.asyncDispose]()
    await phone.closed()
  })
})
