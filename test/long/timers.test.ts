/**
 * Wrapped flowers on two runners and a watcher, due within a while in which one runner is killed and Redis restarted: each
 * comes once, none is missed. NORITER_TIMERS=100000 is the full size, all due within a minute; by default a smaller one.
 */
import { afterEach, assert, beforeEach, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { GiftAsked, GiftDue } from "../../gen/noriter/topic/v1/social.ts"
import { decodeTopic } from "../../gen/registry.ts"
import type { ServiceSet } from "../../scripts/services/ServiceSet.ts"
import { recordOf } from "../../src/bus/EventBus.ts"
import * as KafkaTopicLog from "../../src/link/KafkaTopicLog.ts"
import { type LogRecord, TopicLog } from "../../src/link/TopicLog.ts"
import { unique } from "../contract/Eventually.ts"
import { unlimited, until, visit } from "../e2e/Guest.ts"
import { Server } from "../e2e/Server.ts"
import { ownServices, withServices } from "../services/Services.ts"

const timers = Number(process.env.NORITER_TIMERS ?? "2000")
const isFull = timers > 10_000
/** The flowers that a guest has to begin with. */
const perGuest = 10
/** From when on they are due, and for how long: when all are set, as well as can be said. */
const leadMs = 8_000 + timers * 2
const withinMs = isFull ? 60_000 : 10_000
const limitMs = 120_000 + timers * 12
/** So long it is waited for the last of them, less what comes before and after. */
const patienceMs = limitMs - leadMs - withinMs - 30_000
/** Timers due so shortly after something befell are not held to anything. */
const befallenMs = 12_000
/** Those of the runner that is killed were due by then and may not have been fired. */
const beforeMs = 500

type Log = TopicLog["Service"]

await withServices("timers of two runners", ["redis", "kafka", "zookeeper"], ({ kafka, zookeeper }) => {
  let world: string
  let scope: Scope.Closeable
  let set: ServiceSet
  let log: Log
  let servers: ReadonlyArray<Server>
  let watcher: Server

  beforeEach(async () => {
    world = unique("timers")
    scope = Effect.runSync(Scope.make())
    const own = await Effect.runPromise(ownServices("redis-kept").pipe(Scope.provide(scope)))
    set = own.set
    const shared = {
      ...unlimited,
      NORITER_REDIS_URL: own.urls["redis-kept"],
      NORITER_KAFKA_BROKERS: kafka,
      NORITER_ZOOKEEPER: zookeeper,
      NORITER_PREFIX: world,
      NORITER_HEARTBEAT: "0"
    }
    const start = (runner: string) =>
      Server.start({ ...shared, NORITER_SECRET: "the secret of all runners", NORITER_RUNNER_ID: runner })
    ;[watcher, ...servers] = await Promise.all([Server.watch(shared), start("one"), start("two")])
    const layer = KafkaTopicLog.layer({ brokers: [kafka], prefix: `${world}.` })
    log = Context.get(await Effect.runPromise(Layer.build(layer).pipe(Scope.provide(scope))), TopicLog)
  }, 300_000)
  afterEach(async () => {
    await Promise.all([...servers, watcher].map((server) => server.stop()))
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }, 60_000)

  it(`${timers} wrapped gifts: none is missed, none comes twice`, {
    timeout: limitMs,
    ...(isFull && { retry: 0 })
  }, async () => {
    const [one, two] = servers
    assert(one !== undefined && two !== undefined)
    const seen = new Seen()
    await Effect.runPromise(seen.read(log).pipe(Scope.provide(scope)))
    // Two who are there, through the port: the runner of the one who receives lives on.
    await using giver = (await visit(two.tcpPort, "바람")).phone
    const cloud = await visit(one.tcpPort, "구름")
    await using receiver = cloud.phone
    const wrapped = { member: cloud.member, kind: "daisy", count: 1, wrappedMs: leadMs + withinMs }
    assert.deepStrictEqual((await giver.ask({ give: wrapped })).give, {})

    const fromMs = Date.now() + leadMs
    await giveAll(log, fromMs)
    const half = fromMs + withinMs / 2
    await sleepUntil(half)
    two.signal("SIGKILL")
    await sleepUntil(half + withinMs / 6)
    await set.bounce("redis-kept", "SIGTERM")
    await until(
      "all have come",
      () => seen.came.size,
      (came) => came >= timers + 1,
      patienceMs
    )
    // What is fired again is on the log by now: whoever has a bucket has looked at it since.
    await sleepUntil(Date.now() + 3_000)
    assert.deepStrictEqual(seen.wrongs(), [])
    await receiver.hear("its gift", (line) => "given" in line)
    await receiver.ask({ pouch: {} })
    assert.lengthOf(
      receiver.lines.filter((line) => "given" in line),
      1
    )
    const late = seen.lateness((dueMs) => dueMs < half - beforeMs || dueMs > half + withinMs / 6 + befallenMs)
    const said = [0.5, 0.99, 1].map((part) => `${Math.round(late[Math.ceil(late.length * part) - 1] ?? 0)} ms`)
    process.stdout.write(`timers: due → append, p50, p99 and most of ${late.length}: ${said.join(", ")}\n`)
  })
})

const sleepUntil = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms - Date.now())))

/** Asked of the log as a runner does, each guest's one behind the other and due at nearly one time; guests are in no order. */
async function giveAll(log: Log, fromMs: number): Promise<void> {
  const atOnce = 500
  for (let at = 0; at < timers; at += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, timers - at) }, (_, by) => gift(at + by, fromMs))
    const records = some.map((message) => recordOf(message, undefined).record)
    await Effect.runPromise(log.append("noriter.guest.asked", records))
  }
}

function gift(number: number, fromMs: number): GiftAsked {
  const guests = Math.ceil(timers / perGuest)
  const guest = Math.floor(number / perGuest)
  const dueMs = fromMs + (((guest * 7_919) % guests) * perGuest + (number % perGuest)) * (withinMs / timers)
  return {
    $type: "noriter.topic.v1.GiftAsked",
    guest: `g_${guest}`,
    asker: undefined,
    receiver: `g_${(guest + 1) % guests}`,
    nickname: `gift ${number}`,
    kind: "daisy",
    count: 1,
    wrappedMs: Math.max(1, Math.round(dueMs - Date.now()))
  }
}

/** What the log says, read as another team does: at least once, so each place counts once. */
class Seen {
  /** Gifts that came into a pouch, by the record that passed them on. */
  readonly came = new Map<string, number>()
  private readonly passed = new Map<string, string>()
  private readonly wrapped = new Map<string, number>()
  private readonly asked = new Map<string, number>()

  read(log: Log) {
    const topics = ["noriter.guest.asked", "noriter.social.happened"]
    const handle = (records: ReadonlyArray<LogRecord>) =>
      Effect.sync(() => records.forEach((record) => this.take(record)))
    return log.consume({ group: "seen", topics, handle })
  }

  private take({ key, body, partition, offset, source, timeMs }: LogRecord): void {
    const message = decodeTopic(key, body)
    const cause = `${source?.partition}/${source?.offset}`
    switch (message?.$type) {
      case "noriter.topic.v1.FlowersPassed":
        this.passed.set(`${partition}/${offset}`, message.nickname)
        break
      case "noriter.topic.v1.FlowersReceived":
        this.came.set(cause, message.count)
        break
      case "noriter.topic.v1.FlowersWrapped":
        if (message.due !== undefined) this.wrapped.set(nameOf(message.due), message.dueMs)
        break
      case "noriter.topic.v1.GiftDue":
        this.asked.set(nameOf(message), Math.min(timeMs, this.asked.get(nameOf(message)) ?? timeMs))
    }
  }

  wrongs(): ReadonlyArray<string> {
    const names = [...this.came.keys()].map((place) => this.passed.get(place) ?? `${place}, which nobody passed on`)
    const counts = Map.groupBy(names, (name) => name)
    const all = [...Array.from({ length: timers }, (_, number) => `gift ${number}`), "바람"]
    return [
      ...all.filter((name) => !counts.has(name)).map((name) => `${name} never came`),
      ...[...counts].filter(([, some]) => some.length > 1).map(([name]) => `${name} came twice`),
      ...names.filter((name) => name.includes("nobody"))
    ].slice(0, 20)
  }

  /** Rising, of those that were due when nothing had befallen. */
  lateness(counts: (dueMs: number) => boolean): ReadonlyArray<number> {
    return [...this.wrapped]
      .flatMap(([name, dueMs]) => (counts(dueMs) ? [(this.asked.get(name) ?? Number.POSITIVE_INFINITY) - dueMs] : []))
      .sort((a, b) => a - b)
  }
}

const nameOf = ({ guest, timer }: GiftDue): string => `${guest} ${timer}`
