/**
 * Flowers given among guests on two runners while Redis and Kafka are restarted, killed and emptied: every pouch is what
 * the facts say, none is made or lost, and what was answered as done was done once. NORITER_GIFTS=200x10000 is the full
 * size: guests and gifts; by default a smaller one.
 */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Redis as Client } from "ioredis"
import { decodeTopic } from "../../gen/registry.ts"
import type { ServiceSet } from "../../scripts/services/ServiceSet.ts"
import * as KafkaTopicLog from "../../src/link/KafkaTopicLog.ts"
import { type LogRecord, TopicLog } from "../../src/link/TopicLog.ts"
import { unique } from "../contract/Eventually.ts"
import { codeOf, comeBack, fieldOf, type Guest, listIn, numberIn, unlimited, visit } from "../e2e/Guest.ts"
import { type Heard, newSecret } from "../e2e/Phone.ts"
import { Server } from "../e2e/Server.ts"
import { ownServices, withServices } from "../services/Services.ts"

const [guests = 16, gifts = 320] = (process.env.NORITER_GIFTS ?? "16x320").split("x").map(Number)
const daisies = 10
const limitMs = 60_000 + gifts * 60

/** One guest, on whichever phone now. */
interface Giver {
  readonly name: string
  readonly port: number
  readonly secret: string
  guest: Guest
  nextId: number
}

/** What became of a request, by the phone that sent it. */
interface Done {
  readonly name: string
  readonly id: number
  readonly answer: "given" | "refused"
}

await withServices("gifts over two runners", ["redis", "kafka", "zookeeper"], () => {
  const world = unique("gifts")
  let scope: Scope.Closeable
  let set: ServiceSet
  let urls: Readonly<Record<"redis-kept" | "kafka" | "zookeeper", string>>
  let servers: ReadonlyArray<Server>
  let givers: Array<Giver>
  const done: Array<Done> = []

  const start = (runner: string) =>
    Server.start({
      ...unlimited,
      NORITER_REDIS_URL: urls["redis-kept"],
      NORITER_KAFKA_BROKERS: urls.kafka,
      NORITER_ZOOKEEPER: urls.zookeeper,
      NORITER_SECRET: "the secret of all runners",
      NORITER_PREFIX: world,
      NORITER_RUNNER_ID: runner,
      NORITER_HEARTBEAT: "0"
    })

  beforeAll(async () => {
    scope = Effect.runSync(Scope.make())
    const own = await Effect.runPromise(ownServices("redis-kept", "kafka", "zookeeper").pipe(Scope.provide(scope)))
    set = own.set
    urls = own.urls
    servers = await Promise.all([start("one"), start("two")])
    givers = await Promise.all(
      Array.from({ length: guests }, async (_, at): Promise<Giver> => {
        const port = servers[at % 2]?.tcpPort ?? 0
        const [name, secret] = [`g${at}`, newSecret()]
        return { name, port, secret, guest: await visit(port, name, { secret }), nextId: 10_000 }
      })
    )
  }, 120_000)
  afterAll(async () => {
    await Promise.all(givers.map(({ guest }) => guest.phone[Symbol.asyncDispose]()))
    await Promise.all(servers.map((server) => server.stop()))
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }, 60_000)

  /** Asks again, by the same id, until it is answered; undefined: the session is over, and nobody can say any more. */
  const settle = async (giver: Giver, body: Heard): Promise<Heard | undefined> => {
    const id = giver.nextId++
    for (;;) {
      giver.guest.phone.say({ id, ...body })
      const answer = await giver.guest.phone.answer(id).catch(() => undefined)
      if (answer === undefined) {
        if (!(await again(giver))) return undefined
      } else if (!passing.has(String(codeOf(answer)))) return answer
      await pause(200)
    }
  }
  /** Comes back on another socket; false: as somebody new. */
  const again = async (giver: Giver): Promise<boolean> => {
    giver.guest.phone.cut()
    const back = await comeBack(giver.port, giver.guest, giver.nextId++).catch(() => undefined)
    const token = fieldOf(back?.answer.resume, "resumeToken")
    if (back !== undefined && typeof token === "string") {
      giver.guest = { ...giver.guest, phone: back.phone, token }
      return true
    }
    back?.phone.cut()
    if (back === undefined || passing.has(String(codeOf(back.answer)))) return true
    await anew(giver)
    return false
  }
  const anew = async (giver: Giver) => {
    for (;;) {
      const guest = await visit(giver.port, giver.name, { secret: giver.secret }).catch(() => undefined)
      if (guest !== undefined) giver.guest = guest
      if (guest !== undefined) return
      await pause(200)
    }
  }

  let given = 0
  const giveAll = async (count: number) => {
    const end = given + count
    await Promise.all(
      givers.map(async (giver) => {
        while (given < end) {
          given++
          const other = givers[Math.floor(Math.random() * guests)]
          if (other === undefined || other === giver) continue
          const id = giver.nextId
          const answer = await settle(giver, { give: { member: other.guest.member, kind: "daisy", count: 1 } })
          if (answer !== undefined) done.push({ name: giver.name, id, answer: "give" in answer ? "given" : "refused" })
        }
      })
    )
  }

  const pouchOf = async (giver: Giver): Promise<number> => {
    const answer = await settle(giver, { pouch: {} })
    const daisy = listIn(answer?.pouch, "flowers").find((some) => fieldOf(some, "kind") === "daisy")
    return numberIn(daisy ?? {}, "count")
  }

  /** What the log says: pouches by name, and how often each request took effect. */
  const ledger = () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const log = yield* TopicLog
        const [asked, happened]: [Array<LogRecord>, Array<LogRecord>] = [[], []]
        const into = (all: Array<LogRecord>) => (records: ReadonlyArray<LogRecord>) =>
          Effect.sync(() => void all.push(...records))
        yield* log.readAll("noriter.guest.asked", into(asked))
        yield* log.readAll("noriter.social.happened", into(happened))
        return read(asked, happened)
      }).pipe(Effect.provide(KafkaTopicLog.layer({ brokers: [urls.kafka], prefix: `${world}.` })), Effect.scoped)
    )

  /** Looks until every pouch is what the facts say, and that is all there is. */
  const agree = async () => {
    for (const dueMs = performance.now() + 60_000; ; await pause(250)) {
      const { pouches, effects } = await ledger()
      const now = new Map(await Promise.all(givers.map(async (giver) => [giver.name, await pouchOf(giver)] as const)))
      const facts = new Map(givers.map(({ name }) => [name, daisies + (pouches.get(name) ?? 0)]))
      const sum = [...now.values()].reduce((all, count) => all + count, 0)
      const isSo = sum === guests * daisies && [...now].every(([name, count]) => facts.get(name) === count)
      if (!isSo && performance.now() < dueMs) continue
      assert.deepStrictEqual([...now], [...facts], "every pouch is what the facts say")
      assert.strictEqual(sum, guests * daisies)
      const wrong = done.filter(
        ({ name, id, answer }) => (effects.get(`${name} ${id}`) ?? 0) !== (answer === "given" ? 1 : 0)
      )
      assert.deepStrictEqual(wrong, [], "what was answered as done was done once, what was refused not at all")
      return
    }
  }

  it("Redis and Kafka restarted, and Redis killed with the last second lost", { timeout: limitMs }, async () => {
    const some = Math.floor(gifts / 4)
    await giveAll(some)
    await Promise.all([giveAll(some), set.bounce("redis-kept", "SIGTERM")])
    await Promise.all([giveAll(some), set.bounce("kafka", "SIGTERM")])
    await Promise.all([giveAll(some), set.bounce("redis-kept", "SIGKILL")])
    await agree()
    assert.isAbove(done.filter(({ answer }) => answer === "given").length, guests)
  })

  it("Redis emptied in their midst: all is rebuilt from the facts", { timeout: limitMs }, async () => {
    const before = giveAll(Math.floor(gifts / 4))
    const client = new Client(urls["redis-kept"])
    await client.flushall()
    client.disconnect()
    // Runners begin a new generation and put the guests back; requests are sent again by the same ids.
    await before
    await giveAll(Math.floor(gifts / 8))
    await agree()
  })
})

/** It may be asked again, by the same id. */
const passing = new Set(["ERROR_CODE_UNCERTAIN", "ERROR_CODE_UNAVAILABLE"])

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function read(asked: ReadonlyArray<LogRecord>, happened: ReadonlyArray<LogRecord>) {
  const names = new Map<string, string>()
  const requests = new Map<string, string>()
  for (const { key, body, partition, offset } of asked) {
    const message = decodeTopic(key, body)
    if (message?.$type !== "noriter.topic.v1.GiftAsked") continue
    names.set(message.guest, message.nickname)
    requests.set(`${partition}/${offset}`, `${message.nickname} ${message.asker?.id}`)
  }
  const pouches = new Map<string, number>()
  const effects = new Map<string, number>()
  const seen = new Set<string>()
  for (const { key, body, source } of happened) {
    const at = `${source?.topic}/${source?.partition}/${source?.offset}/${source?.index}`
    const fact = decodeTopic(key, body)
    if (seen.has(at) || fact === undefined || !("guest" in fact) || !("count" in fact)) continue
    seen.add(at)
    const name = names.get(fact.guest) ?? fact.guest
    const isGiven = fact.$type === "noriter.topic.v1.FlowersGiven"
    pouches.set(name, (pouches.get(name) ?? 0) + (isGiven ? -fact.count : fact.count))
    const request = requests.get(`${source?.partition}/${source?.offset}`)
    if (isGiven && fact.count > 0 && request !== undefined) effects.set(request, (effects.get(request) ?? 0) + 1)
  }
  return { pouches, effects }
}
