/**
 * Two runners over real Redis, Kafka and ZooKeeper, with phones on both: for a guest it makes no difference which runner
 * another is on, or on which one they come back. Each runner is a process of its own.
 */
import { createServer, type Server as HttpServer } from "node:http"
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { unique } from "../contract/Eventually.ts"
import { cut } from "../services/RedisOperator.ts"
import { withServices } from "../services/Services.ts"
import { comeBack, fieldOf, type Guest, listIn, numberIn, populationOf, unlimited, until, visit } from "./Guest.ts"
import { newSecret, type Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

const startMs = 120_000
const opsToken = "f81d4fae7dec11d0a76500a0c91e6bf6"

interface Span {
  readonly runner: string
  readonly name: string
  readonly traceId: string
}

/** Spans as they come, of whichever runner: each has a path of its own. */
const spans: Array<Span> = []

function collect(runner: string, text: string): void {
  const body: unknown = JSON.parse(text)
  const inside = (all: ReadonlyArray<unknown>, name: string) => all.flatMap((one) => listIn(one, name))
  for (const span of inside(inside(listIn(body, "resourceSpans"), "scopeSpans"), "spans")) {
    spans.push({ runner, name: String(fieldOf(span, "name")), traceId: String(fieldOf(span, "traceId")) })
  }
}

function listen(): Promise<HttpServer> {
  return new Promise((resolve) => {
    const listening = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        response.setHeader("content-type", "application/json").end("{}")
        collect(request.url?.split("/")[1] ?? "", Buffer.concat(chunks).toString())
      })
    }).listen(0, "127.0.0.1", () => resolve(listening))
  })
}

await withServices("two runners", ["redis", "kafka", "zookeeper"], (urls) => {
  const world = unique("cluster")
  let collector: HttpServer
  let one: Server
  let two: Server
  /** Stands in the park on the second runner and only looks. */
  let watcher: Guest

  const start = (runner: string, otlpPort: number) =>
    Server.start({
      ...unlimited,
      NORITER_REDIS_URL: urls.redis,
      NORITER_KAFKA_BROKERS: urls.kafka,
      NORITER_ZOOKEEPER: urls.zookeeper,
      NORITER_SECRET: "the secret of all runners",
      NORITER_PREFIX: world,
      NORITER_RUNNER_ID: runner,
      NORITER_OPS_TOKEN: opsToken,
      NORITER_LOST_SHOWN: "500 ms",
      NORITER_RESUME_GRACE: "3 s",
      NORITER_OTLP_URL: `http://127.0.0.1:${otlpPort}/${runner}`
    })

  beforeAll(async () => {
    collector = await listen()
    const address = collector.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    // At once: both find the space empty, and must go on in one generation.
    const both = await Promise.all([start("one", port), start("two", port)])
    one = both[0]
    two = both[1]
    watcher = await visit(two.tcpPort, "구경꾼")
  }, startMs)
  afterAll(async () => {
    await watcher?.phone[Symbol.asyncDispose]()
    await Promise.all([one?.stop(), two?.stop()])
    collector.closeAllConnections()
    collector.close()
  })

  const order = (server: Server, path: string, body: object) =>
    fetch(`http://127.0.0.1:${server.httpPort}/ops/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${opsToken}` },
      body: JSON.stringify(body)
    })

  it(
    "operators at one see all that run, are heard on both, and remove whoever is on the other",
    async () => {
      await using _watching = await Server.watch({
        NORITER_REDIS_URL: urls.redis,
        NORITER_ZOOKEEPER: urls.zookeeper,
        NORITER_PREFIX: world,
        NORITER_OPS_TOKEN: opsToken
      })
      const seen = await fetch(`http://127.0.0.1:${one.httpPort}/ops/live`, {
        headers: { authorization: `Bearer ${opsToken}` }
      })
      let text = ""
      const decoder = new TextDecoder()
      const ghosts = (shown: unknown): ReadonlyArray<unknown> =>
        listIn(shown, "figures").map((each) => fieldOf(fieldOf(each, "values"), 'noriter_defects{kind="ghost"}'))
      // As it comes, until both runners have counted something, and the watcher its ghosts.
      for await (const part of seen.body ?? []) {
        text += decoder.decode(part, { stream: true })
        const shown: unknown = JSON.parse(/data: (.*)\n\n$/.exec(text)?.[1] ?? "{}")
        if (ghosts(shown).length === 3 && listIn(shown, "living").length === 3 && ghosts(shown).includes(0)) break
      }
      const guest = await visit(one.tcpPort, "바람")
      assert.strictEqual((await order(one, "announce", { playground: "park", text: "모두에게" })).status, 200)
      for (const phone of [guest.phone, watcher.phone]) await phone.next("announced", ({ text }) => text === "모두에게")
      await sees(watcher.phone, guest.member)
      assert.strictEqual((await order(two, "remove", { channel: "park/1", member: guest.member })).status, 200)
      assert.strictEqual((await guest.phone.next("disconnect")).code, "DISCONNECT_CODE_REMOVED")
      const gone = await watcher.phone.next("disappeared", ({ member }) => asList(member).includes(guest.member))
      assert.strictEqual(gone.reason, "GONE_REASON_REMOVED")
    },
    startMs
  )
  const asList = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

  /** Numbers are never used again, so it does not matter when it was told. */
  const told = (phone: Phone, name: string, listed: (body: unknown) => ReadonlyArray<unknown>, member: number) =>
    until(
      `${name} of ${member}`,
      () => phone.lines.some((line) => listed(line[name]).includes(member)),
      (so) => so
    )
  const sees = (phone: Phone, member: number) =>
    told(phone, "appeared", (body) => listIn(body, "members").map((each) => fieldOf(each, "member")), member)
  const loses = (phone: Phone, member: number) => told(phone, "disappeared", (body) => listIn(body, "member"), member)
  const textsIn = (phone: Phone): ReadonlyArray<unknown> =>
    phone.lines.filter(({ said }) => said !== undefined).map(({ said }) => fieldOf(said, "text"))
  const say = (phone: Phone, text: string, reach: string) => phone.ask({ say: { text, reach: `REACH_${reach}` } })
  const leave = (phone: Phone) => phone.ask({ leave: {} })

  it("are two processes, and ready when both lanes are heard", async () => {
    assert.notStrictEqual(one.pid, two.pid)
    for (const { httpPort } of [one, two]) {
      const ready = await fetch(`http://127.0.0.1:${httpPort}/readyz`)
      assert.strictEqual(`${ready.status} ${(await ready.text()).trim()}`, "200 ready")
      // The alarm that nobody watches rings where no process prints this: only a watcher does.
      const metrics = await fetch(`http://127.0.0.1:${httpPort}/metrics`)
      assert.notInclude(await metrics.text(), "noriter_watcher_blind")
    }
  })

  it("guests on both see each other come, walk and go", async () => {
    const wind = await visit(one.tcpPort, "바람")
    await using phone = wind.phone
    await sees(watcher.phone, wind.member)
    await sees(phone, watcher.member)
    const step = { xCm: wind.xCm + 40, yCm: wind.yCm + 30 }
    phone.say({ move: step })
    await watcher.phone.next("moved", (body) => {
      const at = listIn(body, "member").indexOf(wind.member)
      return at !== -1 && listIn(body, "xCm")[at] === step.xCm && listIn(body, "yCm")[at] === step.yCm
    })
    watcher.phone.say({ move: { xCm: watcher.xCm + 20, yCm: watcher.yCm } })
    await phone.next("moved", (body) => listIn(body, "member").includes(watcher.member))
    await leave(phone)
    await loses(watcher.phone, wind.member)
  })

  it("hear each other, all in one order, once", async () => {
    const wind = await visit(one.tcpPort, "바람")
    await using phone = wind.phone
    await sees(phone, watcher.member)
    const before = textsIn(watcher.phone).length
    const all = Array.from({ length: 10 }, (_, index) => `line ${index}`)
    await Promise.all(
      all.map((text, index) =>
        say(index % 2 === 0 ? phone : watcher.phone, text, index % 3 === 0 ? "NEARBY" : "PLAYGROUND")
      )
    )
    const heard = () => textsIn(watcher.phone).slice(before)
    await until(
      "all lines, on both",
      () => [heard(), textsIn(phone)],
      (both) => both.every((texts) => texts.length >= 10)
    )
    assert.sameMembers([...heard()], all)
    assert.deepStrictEqual(textsIn(phone), heard())
    await leave(phone)
  })

  it("whisper across", async () => {
    const wind = await visit(one.tcpPort, "바람")
    await using phone = wind.phone
    assert.property(await phone.ask({ whisper: { member: watcher.member, text: "비밀이에요" } }), "whisper")
    assert.strictEqual((await watcher.phone.next("whispered")).member, wind.member)
    assert.property(await watcher.phone.ask({ whisper: { member: wind.member, text: "알았어요" } }), "whisper")
    assert.strictEqual((await phone.next("whispered")).text, "알았어요")
    await leave(phone)
  })

  it("come back on the other runner, where they stood, with what they missed", async () => {
    const wind = await visit(one.tcpPort, "바람")
    await sees(watcher.phone, wind.member)
    const step = { xCm: wind.xCm - 30, yCm: wind.yCm }
    wind.phone.say({ move: step })
    await watcher.phone.next("moved", (body) => listIn(body, "xCm").includes(step.xCm))
    wind.phone.cut()
    await say(watcher.phone, "어디 갔지", "PLAYGROUND")
    await watcher.phone.ask({ whisper: { member: wind.member, text: "돌아와요" } })
    const back = await comeBack(two.tcpPort, wind)
    await using phone = back.phone
    const { resume } = back.answer
    assert.strictEqual(fieldOf(resume, "recovered"), true, JSON.stringify(back.answer))
    assert.strictEqual(numberIn(resume, "member"), wind.member)
    assert.deepStrictEqual([numberIn(resume, "xCm"), numberIn(resume, "yCm")], [step.xCm, step.yCm])
    assert.strictEqual((await phone.next("said")).text, "어디 갔지")
    assert.strictEqual((await phone.next("whispered")).text, "돌아와요")
    await say(phone, "다녀왔어요", "PLAYGROUND")
    assert.deepStrictEqual(textsIn(phone), ["어디 갔지", "다녀왔어요"])
    await leave(phone)
    await loses(watcher.phone, wind.member)
  })

  it("end what they began on one runner by a second login on the other", async () => {
    const secret = newSecret()
    const first = await visit(one.tcpPort, "바람", { secret })
    await sees(watcher.phone, first.member)
    const second = await visit(two.tcpPort, "바람", { secret })
    await using phone = second.phone
    assert.strictEqual((await first.phone.next("disconnect")).code, "DISCONNECT_CODE_REPLACED")
    await first.phone.closed()
    await loses(watcher.phone, first.member)
    await sees(watcher.phone, second.member)
    assert.strictEqual((await populationOf(phone)).all, 2)
    await leave(phone)
  })

  it("find each other again after both runners lost all their connections to Redis", async () => {
    const wind = await visit(one.tcpPort, "바람")
    await using phone = wind.phone
    await sees(watcher.phone, wind.member)
    await Effect.runPromise(Effect.scoped(cut(urls.redis, `${world}:`)))
    // Whether it is heard by a frame or found missing and fetched: once.
    await say(phone, "다시 들려요", "PLAYGROUND")
    await watcher.phone.next("said", ({ text }) => text === "다시 들려요")
    const cloud = await visit(two.tcpPort, "구름")
    await using other = cloud.phone
    await sees(phone, cloud.member)
    await leave(other)
    await leave(phone)
    await loses(watcher.phone, wind.member)
    assert.lengthOf(
      textsIn(watcher.phone).filter((text) => text === "다시 들려요"),
      1
    )
  })

  it("are followed by one trace over both runners", async () => {
    const wind = await visit(one.tcpPort, "바람")
    await using phone = wind.phone
    await say(phone, "따라오세요", "PLAYGROUND")
    const named = (runner: string, name: string) => spans.filter((span) => span.runner === runner && span.name === name)
    const asked = () => named("one", "noriter.client.v1.SayRequest").at(-1)?.traceId
    const heard = (runner: string) => named(runner, "hear noriter.runner.v1.LineTold").map(({ traceId }) => traceId)
    await until(
      "the trace on both",
      () => ({ asked: asked(), one: heard("one"), two: heard("two") }),
      ({ asked, one, two }) => asked !== undefined && one.includes(asked) && two.includes(asked)
    )
    await leave(phone)
  })

  it("are kept when a runner is stopped, where they come back; of the others nobody stays behind", async () => {
    const staying = await visit(one.tcpPort, "바람")
    const going = await visit(one.tcpPort, "구름")
    await sees(watcher.phone, staying.member)
    await sees(watcher.phone, going.member)
    const stopped = one.stop()
    assert.strictEqual((await staying.phone.next("disconnect")).code, "DISCONNECT_CODE_DRAINING")
    await staying.phone.closed()
    const back = await comeBack(two.tcpPort, staying)
    await using phone = back.phone
    assert.strictEqual(numberIn(back.answer.resume, "member"), staying.member, JSON.stringify(back.answer))
    assert.strictEqual(await stopped, 0)
    await loses(watcher.phone, going.member)
    await until(
      "only those who are here",
      () => populationOf(phone),
      ({ all }) => all === 2
    )
    assert.notInclude(
      watcher.phone.lines.flatMap((line) => listIn(line.disappeared, "member")),
      staying.member
    )
  })
})
