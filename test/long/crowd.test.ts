/**
 * The crowd of design 8, over two runners on real servers: 6,000 phones enter at once, and the first channel takes exactly
 * the 5,000 it may hold, the next one the rest, whichever runner they came by. Takes about 15 s on two cores.
 */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { MemberRecord, PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { park } from "../../src/plaza/playground/World.ts"
import { unpackEntry } from "../../src/space/RedisValues.ts"
import { unique } from "../contract/Eventually.ts"
import { numberIn, populationOf, unlimited, until } from "../e2e/Guest.ts"
import { Phone } from "../e2e/Phone.ts"
import { Server } from "../e2e/Server.ts"
import { operator } from "../services/RedisOperator.ts"
import { withServices } from "../services/Services.ts"
import { Crowd } from "./Crowd.ts"

const size = 6_000
const timeoutMs = 300_000

/** Beside the limits of others: what a phone may wait for while thousands are before it in line. */
const patient = {
  ...unlimited,
  NORITER_HELLO_TIMEOUT: "0",
  NORITER_HEARTBEAT: "0",
  NORITER_OUTBOX_STALL: "0",
  NORITER_OUTBOX_BYTES_MAX: "0"
}

await withServices("a crowd on two runners", ["redis", "kafka", "zookeeper"], (urls) => {
  const prefix = unique("crowd")
  let runners: ReadonlyArray<Server>

  beforeAll(async () => {
    const start = (runner: string) =>
      Server.start({
        ...patient,
        NORITER_REDIS_URL: urls.redis,
        NORITER_KAFKA_BROKERS: urls.kafka,
        NORITER_ZOOKEEPER: urls.zookeeper,
        NORITER_SECRET: "the secret of all runners",
        NORITER_PREFIX: prefix,
        NORITER_RUNNER_ID: runner
      })
    runners = await Promise.all([start("one"), start("two")])
  }, timeoutMs)
  afterAll(() => Promise.all((runners ?? []).map((runner) => runner.stop())), timeoutMs)

  /** The members of a channel, as they lie in Redis. */
  const membersOf = (channel: number) =>
    operator(urls.redis).pipe(
      Effect.flatMap((redis) => Effect.promise(() => redis.hgetallBuffer(`${prefix}:{park/${channel}}:entries`))),
      Effect.map((fields) =>
        Object.entries(fields)
          .filter(([key]) => key.startsWith("member/"))
          .map(([key, bytes]) => ({ key, record: MemberRecord.decode(unpackEntry(bytes).value) }))
      ),
      Effect.scoped,
      Effect.runPromise
    )

  it(
    `of ${size} exactly ${park.capacity} stand in channel 1, and the others in channel 2`,
    async () => {
      const ports = runners.map(({ tcpPort }) => tcpPort)
      using crowd = await Crowd.connect(ports, size)
      assertAll(await crowd.greet(), "hello")
      const entered = await crowd.enter("park")
      assertAll(entered, "enter")
      const channels = Map.groupBy(entered, ({ enter }) => numberIn(enter, "channel"))
      const expected = [park.capacity, size - park.capacity]
      assert.deepStrictEqual([channels.get(1)?.length, channels.get(2)?.length], expected)
      const sessions = new Set<string>()
      for (const [channel, answers] of channels) {
        const members = await until(
          `all are present in channel ${channel}`,
          () => membersOf(channel),
          (all) => all.every(({ record }) => record.state === PresenceState.PRESENCE_STATE_PRESENT)
        )
        // Those who were told that they stand there, and nobody else.
        const told = answers.map(({ enter }) => `member/${numberIn(enter, "member")}`)
        assert.deepStrictEqual(members.map(({ key }) => key).sort(), told.sort())
        for (const { record } of members) sessions.add(record.session)
      }
      assert.strictEqual(sessions.size, size, "nobody stands twice")
      for (const port of ports) {
        await using phone = await Phone.greet(port, "구경꾼")
        assert.deepStrictEqual(await populationOf(phone), { all: size, channels: expected })
      }
      assert.strictEqual(crowd.closed, 0)
    },
    timeoutMs
  )
})

function assertAll(answers: ReadonlyArray<Readonly<Record<string, unknown>>>, name: string): void {
  const others = answers.filter((answer) => answer[name] === undefined)
  assert.isEmpty(others, `${others.length} were not answered with ${name}, but: ${JSON.stringify(others[0])}`)
}
