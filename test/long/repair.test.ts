/**
 * What an operator repairs by hand, as commands over real servers: Redis emptied while no runner runs, and put together
 * again from the facts; records that nobody can decide, and appended anew when they can be. Redis is this file's own.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Redis as Client } from "ioredis"
import { PouchRecord } from "../../gen/noriter/space/v1/social.ts"
import { FlowersPassed } from "../../gen/noriter/topic/v1/social.ts"
import { decodeTopic } from "../../gen/registry.ts"
import * as KafkaTopicLog from "../../src/link/KafkaTopicLog.ts"
import { type LogRecord, type NewRecord, TopicLog } from "../../src/link/TopicLog.ts"
import { SharedSpace } from "../../src/space/SharedSpace.ts"
import { unique } from "../contract/Eventually.ts"
import { codeOf, fieldOf, type Guest, listIn, numberIn, unlimited, until, visit } from "../e2e/Guest.ts"
import { type Heard, newSecret } from "../e2e/Phone.ts"
import { mainFor, Server } from "../e2e/Server.ts"
import { layerOf } from "../services/RedisOperator.ts"
import { ownServices, type Urls, withServices } from "../services/Services.ts"

const startMs = 60_000
const testMs = 90_000
const patienceMs = 30_000
const commandTimeoutMs = 60_000
const asked = "noriter.guest.asked"
const dead = `${asked}.dead`

await withServices("what an operator repairs", ["redis", "kafka", "zookeeper"], (shared) => {
  const scope = Effect.runSync(Scope.make())
  const world = unique("repair")
  const names = ["바람", "구름", "물결"]
  const secrets = names.map(() => newSecret())
  let variables: Readonly<Record<string, string>>
  let urls: Urls<"redis">
  let server: Server
  let guests: ReadonlyArray<Guest> = []
  let nextId = 1_000

  const start = async () => {
    server = await Server.start({ ...variables, NORITER_RUNNER_ID: "one" })
    guests = await Promise.all(
      names.map((name, at) => visit(server.tcpPort, name, { secret: secrets[at] ?? newSecret() }))
    )
  }
  const stop = async () => {
    for (const { phone } of guests) await phone[Symbol.asyncDispose]()
    await server?.stop()
  }

  beforeAll(async () => {
    urls = (await Effect.runPromise(ownServices("redis").pipe(Scope.provide(scope)))).urls
    variables = {
      ...unlimited,
      NORITER_REDIS_URL: urls.redis,
      NORITER_KAFKA_BROKERS: shared.kafka,
      NORITER_ZOOKEEPER: shared.zookeeper,
      NORITER_SECRET: "the secret of all runners",
      NORITER_PREFIX: world
    }
    await start()
  }, startMs)
  afterAll(async () => {
    await stop()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }, startMs)

  // --- The command, and what is there beside it ---

  /** Runs it where nobody looks: each line is JSON. */
  const doctor = async (...given: ReadonlyArray<string>): Promise<ReadonlyArray<unknown>> => {
    const { stdout } = await promisify(execFile)(process.execPath, [mainFor(), "doctor", ...given], {
      env: { ...process.env, ...variables },
      timeout: commandTimeoutMs
    })
    return stdout
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line))
  }

  const log = <A>(use: (log: TopicLog["Service"]) => Effect.Effect<A, unknown>): Promise<A> =>
    Effect.runPromise(
      Effect.flatMap(TopicLog, use).pipe(
        Effect.provide(KafkaTopicLog.layer({ brokers: [shared.kafka], prefix: `${world}.` })),
        Effect.scoped
      )
    )
  const append = (topic: string, ...records: ReadonlyArray<NewRecord>) => log((log) => log.append(topic, records))
  const recordsOf = (topic: string) =>
    log((log) => {
      const all: Array<LogRecord> = []
      return Effect.as(
        log.readAll(topic, (records) => Effect.sync(() => void all.push(...records))),
        all
      )
    })
  const buried = async () => (await recordsOf(dead)).filter(({ key }) => key !== "redriven")

  /** Daisies by guest, by what the facts say. */
  const ledger = async () => {
    const pouches = new Map<string, number>()
    for (const { key, body } of await recordsOf("noriter.social.happened")) {
      const fact = decodeTopic(key, body)
      if (fact === undefined || !("guest" in fact && "count" in fact)) continue
      const by = fact.$type === "noriter.topic.v1.FlowersGiven" ? -fact.count : fact.count
      pouches.set(fact.guest, (pouches.get(fact.guest) ?? 10) + by)
    }
    return new Map([...pouches].sort())
  }

  /** What Redis has of these guests: daisies, and how often it was written. */
  const kept = (of: Iterable<string>) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const space = yield* SharedSpace
        const found = yield* Effect.forEach([...of], (tag) => space.read({ tag, keys: ["pouch"] }))
        return found.map(({ entries, version, applied }) => {
          const pouch = entries.get("pouch")?.value
          const [daisies] = pouch === undefined ? [] : PouchRecord.decode(pouch).flowers
          return { daisies: daisies?.count, version, applied }
        })
      }).pipe(Effect.provide(layerOf(urls.redis, `${world}:`)), Effect.scoped)
    )
  const redis = async <A>(use: (client: Client) => Promise<A>): Promise<A> => {
    const client = new Client(urls.redis)
    return use(client).finally(() => client.disconnect())
  }

  /** Asks again by the same id until it is decided: what lasts may not be rebuilt yet. */
  const settle = ({ phone }: Guest, body: Heard): Promise<Heard> => {
    const id = nextId++
    return until(
      `an answer to ${JSON.stringify(body)}`,
      () => {
        phone.say({ id, ...body })
        return phone.answer(id)
      },
      (answer) => !["ERROR_CODE_UNAVAILABLE", "ERROR_CODE_UNCERTAIN"].includes(String(codeOf(answer))),
      patienceMs
    )
  }
  const daisies = async (guest: Guest): Promise<number> => {
    const { pouch } = await settle(guest, { pouch: {} })
    assert.isDefined(pouch)
    return numberIn(listIn(pouch, "flowers")[0], "count")
  }
  const pouches = () => Promise.all(guests.map(daisies))

  it(
    "rebuild: Redis emptied while no runner runs has what the facts say, and a second time changes nothing",
    async () => {
      const gifts = [
        [0, 1, 3],
        [1, 2, 7],
        [2, 0, 1],
        [0, 1, 10]
      ] as const
      for (const [from, to, count] of gifts) {
        const giver = guests[from]
        assert.isDefined(giver)
        const answer = await settle(giver, { give: { member: guests[to]?.member, kind: "daisy", count } })
        assert.strictEqual(answer.give === undefined, count === 10, JSON.stringify(answer))
      }
      const standing = [8, 6, 16]
      await until("every gift has arrived", pouches, (now) => now.join() === standing.join(), patienceMs)
      const facts = await until(
        "the facts of it",
        ledger,
        (now) => [...now.values()].sort().join() === standing.toSorted().join(),
        patienceMs
      )
      await stop()
      await redis((client) => client.flushall())

      const said = await doctor("rebuild")
      assert.deepStrictEqual(said.at(-1), { rebuilt: true })
      assert.deepStrictEqual(said.at(-2), { topic: "noriter.social.happened", facts: 7, applied: 7 })
      const first = await kept(facts.keys())
      assert.deepStrictEqual(
        first.map(({ daisies }) => daisies),
        [...facts.values()]
      )
      const marker = await redis((client) => client.get(`${world}:marker`))
      assert.isNotNull(marker)

      const again = await doctor("rebuild")
      assert.strictEqual(fieldOf(again.at(-2), "applied"), 0)
      assert.deepStrictEqual(await kept(facts.keys()), first, "a second time changes nothing")

      await start()
      assert.deepStrictEqual(await pouches(), standing)
      assert.strictEqual(
        await redis((client) => client.get(`${world}:marker`)),
        marker,
        "it goes on where doctor began"
      )
      assert.strictEqual(fieldOf((await doctor("rebuild")).at(-2), "applied"), 0, "also while a runner runs")
      assert.deepStrictEqual(await pouches(), standing)
    },
    testMs
  )

  it(
    "redrive: what nobody can decide lies among the dead letters, and takes effect once when it can be decided",
    async () => {
      const before = await pouches()
      const [guest = ""] = await mine()
      const poison: NewRecord = {
        key: "noriter.topic.v1.GiftAsked",
        partitionBy: guest,
        body: new Uint8Array([0xff, 0xff])
      }
      const unread: NewRecord = { key: "noriter.topic.v1.LineAsked", partitionBy: "park/1", body: poison.body }
      const [place] = await append(asked, poison)
      const [line] = await append("noriter.channel.asked", unread)
      const [letter] = await until("the letter", buried, (all) => all.length === 1, patienceMs)
      const reason = letter?.dead?.reason ?? ""
      assert.isNotEmpty(reason)
      assert.deepEqual(letter?.dead, {
        topic: asked,
        partition: place?.partition ?? -1,
        offset: place?.offset ?? -1,
        reason
      })
      assert.deepStrictEqual([...(letter?.body ?? [])], [...poison.body])
      const [other] = await until(
        "the channel's letter",
        () => recordsOf("noriter.channel.asked.dead"),
        (all) => all.length === 1,
        patienceMs
      )
      const { topic, offset } = other?.dead ?? {}
      assert.deepStrictEqual([topic, offset], ["noriter.channel.asked", line?.offset])

      // As an older release would have buried it, which did not know it yet.
      const gift = { guest, member: 1, nickname: "별", kind: "daisy", count: 2, atMs: Date.now() }
      const passed = FlowersPassed.encode(FlowersPassed.fromPartial(gift)).finish()
      const known: NewRecord = { key: "noriter.topic.v1.FlowersPassed", partitionBy: guest, body: passed }
      await append(dead, {
        ...known,
        dead: { topic: asked, partition: 0, offset: 7, reason: "nobody here decides it" }
      })

      const said = await doctor("redrive", "--topic", asked)
      assert.deepStrictEqual(
        said.slice(0, -1).map((line) => [fieldOf(line, "letter"), fieldOf(line, "key"), fieldOf(line, "reason")]),
        [
          [`${dead}/0`, poison.key, reason],
          [`${dead}/1`, known.key, "nobody here decides it"]
        ]
      )
      assert.deepStrictEqual(said.at(-1), { topic: asked, redriven: 2, left: 0 })
      const after = before.with(0, (before[0] ?? 0) + 2)
      await until("its effect", pouches, (now) => now.join() === after.join(), patienceMs)

      // What still cannot be decided lies there again, and is all that a second time finds.
      await until("the letter again", buried, (all) => all.length === 3, patienceMs)
      const second = await doctor("redrive")
      const counts = second.filter((line) => Number(fieldOf(line, "redriven") ?? 0) > 0)
      assert.sameDeepMembers(
        [...counts],
        [
          { topic: asked, redriven: 1, left: 0 },
          { topic: "noriter.channel.asked", redriven: 1, left: 0 }
        ]
      )
      // Appended twice, because it was not noted that it was: it is known by its source.
      const again = (await recordsOf(asked)).find(({ source }) => source?.topic === dead && source.offset === 1)
      assert.isDefined(again)
      await append(asked, { ...known, source: again.source }, poison)
      await until("what came behind it", buried, (all) => all.length === 5, patienceMs)
      assert.deepStrictEqual(await pouches(), after)
    },
    testMs
  )

  /** The tags of the guests, in their order: who has asked for a gift is known to the log by name. */
  const mine = async () => {
    const tags = new Map<string, string>()
    for (const { key, body } of await recordsOf(asked)) {
      const message = decodeTopic(key, body)
      if (message?.$type === "noriter.topic.v1.GiftAsked") tags.set(message.nickname, message.guest)
    }
    return names.map((name) => tags.get(name) ?? "")
  }
})
