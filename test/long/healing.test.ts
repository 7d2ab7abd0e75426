/**
 * What befalls the servers under two runners, and that nobody notices: Redis killed and started empty, or emptied; ZooKeeper
 * killed, frozen or thrown away; a runner frozen for longer than its session. Whoever has an open socket is present
 * afterwards under the same number, nobody disappears from anybody's view, and all see and hear each other. Redis and
 * ZooKeeper are this file's own; what stands in Redis is read beside the runners.
 */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Redis as Client } from "ioredis"
import { MemberRecord, PresenceState } from "../../gen/noriter/space/v1/records.ts"
import type { ServiceSet } from "../../scripts/services/ServiceSet.ts"
import { membersCounter } from "../../src/space/PresenceWrites.ts"
import { SharedSpace } from "../../src/space/SharedSpace.ts"
import { memberNumber, memberPrefix } from "../../src/space/Tag.ts"
import { unique } from "../contract/Eventually.ts"
import { fieldOf, type Guest, listIn, numberIn, unlimited, until, visit } from "../e2e/Guest.ts"
import type { Phone } from "../e2e/Phone.ts"
import { Server } from "../e2e/Server.ts"
import { layerOf } from "../services/RedisOperator.ts"
import { ownServices, type Urls, withServices } from "../services/Services.ts"

const startMs = 120_000
const testMs = 60_000

/** Seconds instead of the usual six, so that a minute without ZooKeeper is a few sessions long here, too. */
const sessionMs = 2_000

await withServices("whatever befalls the servers", ["kafka", "redis", "zookeeper"], (shared) => {
  const scope = Effect.runSync(Scope.make())
  const world = unique("healing")
  let urls: Urls<"redis" | "zookeeper">
  let set: ServiceSet
  let one: Server
  let two: Server
  let wind: Guest
  let cloud: Guest

  const start = (runner: string) =>
    Server.start({
      ...unlimited,
      NORITER_REDIS_URL: urls.redis,
      NORITER_KAFKA_BROKERS: shared.kafka,
      NORITER_ZOOKEEPER: urls.zookeeper,
      NORITER_SECRET: "the secret of all runners",
      NORITER_PREFIX: world,
      NORITER_RUNNER_ID: runner,
      NORITER_ROSTER_SESSION: `${sessionMs} ms`
    })

  beforeAll(async () => {
    const own = await Effect.runPromise(ownServices("redis", "zookeeper").pipe(Scope.provide(scope)))
    urls = own.urls
    set = own.set
    const both = await Promise.all([start("one"), start("two")])
    one = both[0]
    two = both[1]
    wind = await visit(one.tcpPort, "바람")
    cloud = await visit(two.tcpPort, "구름")
    await together("at first")
  }, startMs)
  afterAll(async () => {
    for (const guest of [wind, cloud]) await guest?.phone[Symbol.asyncDispose]()
    await Promise.all([one?.stop(), two?.stop()])
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }, startMs)

  // --- What is so ---

  const space = <A>(use: (space: SharedSpace["Service"]) => Effect.Effect<A, unknown>): Promise<A> =>
    Effect.runPromise(
      Effect.scoped(Effect.flatMap(SharedSpace, use).pipe(Effect.provide(layerOf(urls.redis, `${world}:`))))
    )

  /** Who stands in the park, by what Redis says: number, nickname, state, runner; and how many it counts. */
  const standing = () =>
    space((space) =>
      Effect.gen(function* () {
        const { entries, counters } = yield* space.snapshot("park/1", memberPrefix, "")
        const marker = yield* space.marker
        const members = [...entries].map(([key, { value, owner }]) => {
          const { guest, nickname, state } = MemberRecord.decode(value)
          return { member: memberNumber(key), guest, nickname, state, runner: owner?.runner }
        })
        const sessions = yield* Effect.forEach(members, ({ guest }) => space.read({ tag: guest, keys: ["session"] }))
        const tag = yield* space.read({ tag: "park/1", keys: [] })
        return {
          members: members
            .map(({ member, nickname, state, runner }) => `${member} ${nickname} ${state} ${runner}`)
            .sort(),
          sessions: sessions.filter(({ entries }) => entries.has("session")).length,
          count: counters.get(membersCounter),
          isOfNow: marker !== undefined && tag.generation?.n === marker.n && tag.generation.era === marker.era
        }
      })
    ).catch(() => undefined)

  const both = () => ({
    members: [
      `${wind.member} 바람 ${PresenceState.PRESENCE_STATE_PRESENT} one`,
      `${cloud.member} 구름 ${PresenceState.PRESENCE_STATE_PRESENT} two`
    ].sort(),
    sessions: 2,
    count: 2,
    isOfNow: true
  })
  const present = () =>
    until("both present in Redis", standing, (now) => JSON.stringify(now) === JSON.stringify(both()), patienceMs)

  const ready = () =>
    until(
      "ready again",
      async () => Promise.all([one, two].map(({ httpPort }) => textOf(httpPort))),
      (all) => all.every((text) => text === "200 ready"),
      patienceMs
    )

  const marker = async () => {
    const client = new Client(urls.redis)
    const text = await client.get(`${world}:marker`).finally(() => client.disconnect())
    return text
  }

  /** They see each other walk and hear each other, whatever is said of lines before. */
  const together = async (text: string) => {
    for (const [from, to] of [
      [wind, cloud],
      [cloud, wind]
    ] as const) {
      await until(
        `${text}: a step is seen`,
        () => step(from, to),
        (seen) => seen,
        patienceMs
      )
      await until(
        `${text}: a line is heard`,
        () => speak(from, to, `${text} ${lines++}`),
        (heard) => heard,
        patienceMs
      )
    }
    for (const { phone } of [wind, cloud]) {
      for (const { member } of [wind, cloud]) assert.notInclude(goneIn(phone), member, `${text}: nobody disappeared`)
      assert.isUndefined(phone.lines.find(({ disconnect }) => disconnect !== undefined))
    }
  }

  it(
    "Redis is killed and started empty",
    async () => {
      const before = await marker()
      const heard = wind.phone.lines.length
      process.kill(Number(await set.pid("redis")), "SIGKILL")
      await set.restart("redis")
      await present()
      assert.notStrictEqual(await marker(), before)
      await ready()
      await together("Redis started empty")
      for (const name of ["park/1", "mailbox"]) assert.lengthOf(gapsIn(wind.phone, name, heard), 1, name)
      await newcomerIsAbove()
    },
    testMs
  )

  it(
    "Redis is emptied, and no connection is lost",
    async () => {
      const before = await marker()
      const client = new Client(urls.redis)
      await client.flushall()
      client.disconnect()
      await present()
      assert.notStrictEqual(await marker(), before)
      await ready()
      await together("Redis was emptied")
      await newcomerIsAbove()
    },
    testMs
  )

  it(
    "Redis comes back with what it had before somebody came and somebody walked",
    async () => {
      const before = await marker()
      const client = new Client(urls.redis)
      await client.save()
      client.disconnect()
      const heard = wind.phone.lines.length
      const late = await visit(two.tcpPort, "물결")
      await using phone = late.phone
      await together("somebody came")
      process.kill(Number(await set.pid("redis")), "SIGKILL")
      await set.revive("redis")
      const three = [...both().members, `${late.member} 물결 ${PresenceState.PRESENCE_STATE_PRESENT} two`].sort()
      await until(
        "all three present in Redis",
        standing,
        (now) => JSON.stringify(now) === JSON.stringify({ ...both(), members: three, sessions: 3, count: 3 }),
        patienceMs
      )
      assert.strictEqual(await marker(), before, "it is the same generation")
      await ready()
      await together("Redis went back")
      // Since it came: another may have had its number, before Redis was emptied.
      assert.notInclude(goneIn(wind.phone, heard), late.member)
      await newcomerIsAbove(late.member)
      await phone.ask({ leave: {} })
      await until(
        "all see it",
        () => [wind, cloud].map(({ phone }) => goneIn(phone)),
        (gone) => gone.every((members) => members.includes(late.member)),
        patienceMs
      )
    },
    testMs
  )

  it(
    "ZooKeeper is killed, and comes back after all sessions are over",
    async () => {
      process.kill(Number(await set.pid("zookeeper")), "SIGKILL")
      const awayUntilMs = performance.now() + 2 * sessionMs
      while (performance.now() < awayUntilMs) await together("ZooKeeper is away")
      await set.revive("zookeeper")
      await incarnations(2)
      await present()
      await ready()
      await together("ZooKeeper is back")
      await leavesAndComes()
    },
    testMs
  )

  it(
    "all sessions with ZooKeeper expire at once",
    async () => {
      const before = await owners()
      const pid = Number(await set.pid("zookeeper"))
      process.kill(pid, "SIGSTOP")
      await new Promise((resolve) => setTimeout(resolve, 1.5 * sessionMs))
      process.kill(pid, "SIGCONT")
      await until(
        "new incarnations hold both",
        owners,
        (now) => now.length === 2 && now.every((owner) => !before.includes(owner)),
        patienceMs
      )
      await ready()
      await together("all have expired")
      await leavesAndComes()
    },
    testMs
  )

  it(
    "a runner is frozen past its session, and nobody fences it",
    async () => {
      const before = await owners()
      process.kill(one.pid, "SIGSTOP")
      await new Promise((resolve) => setTimeout(resolve, 2 * sessionMs))
      process.kill(one.pid, "SIGCONT")
      await until(
        "a new incarnation holds its guest",
        owners,
        (now) => now.length === 2 && now.some((owner) => !before.includes(owner)),
        patienceMs
      )
      await present()
      await ready()
      await together("thawed")
      await leavesAndComes()
    },
    testMs
  )

  it(
    "ZooKeeper is thrown away, and another era begins under the same Redis",
    async () => {
      const before = await marker()
      process.kill(Number(await set.pid("zookeeper")), "SIGKILL")
      await new Promise((resolve) => setTimeout(resolve, 1.5 * sessionMs))
      await set.restart("zookeeper")
      await until(
        "another era",
        marker,
        (now) => now !== null && now.split(".")[0] !== before?.split(".")[0],
        patienceMs
      )
      await present()
      await ready()
      await together("another era")
      await newcomerIsAbove()
    },
    testMs
  )

  // --- Helpers that need the two ---

  const owners = () =>
    space((space) =>
      Effect.map(space.snapshot("park/1", memberPrefix, ""), ({ entries }) =>
        [...entries.values()].map(({ owner }) => owner?.incarnation)
      )
    )
  const incarnations = (count: number) =>
    until("incarnations of their own", owners, (now) => new Set(now).size === count, patienceMs)

  /** Numbers go on above the highest put back. */
  const newcomerIsAbove = async (highest = Math.max(wind.member, cloud.member)) => {
    const { phone, member } = await visit(one.tcpPort, "물결")
    await using newcomer = phone
    assert.isAbove(member, highest)
    await newcomer.ask({ leave: {} })
  }

  /** Whoever was there before can be written again: a leave is granted, and seen. */
  const leavesAndComes = async () => {
    assert.property(await wind.phone.ask({ leave: {} }), "leave")
    const { member } = wind
    await until(
      "the other sees it",
      () => goneIn(cloud.phone),
      (gone) => gone.includes(member),
      patienceMs
    )
    const { phone } = wind
    const answer = await phone.ask({ enter: { playground: "park", avatar: "fox" } })
    assert.property(answer, "enter", JSON.stringify(answer))
    wind = { ...wind, member: numberIn(answer.enter, "member") }
    assert.isAbove(wind.member, member)
  }
})

let lines = 0
const patienceMs = 20_000

const step = async (from: Guest, to: Guest): Promise<boolean> => {
  const xCm = 9_000 + (lines++ % 2_000)
  from.phone.say({ move: { xCm, yCm: from.yCm } })
  return soon(() =>
    to.phone.lines.some(({ moved }) => {
      const at = listIn(moved, "member").indexOf(from.member)
      return at !== -1 && listIn(moved, "xCm")[at] === xCm
    })
  )
}

const speak = async (from: Guest, to: Guest, text: string): Promise<boolean> => {
  const answer = await from.phone.ask({ say: { text, reach: "REACH_PLAYGROUND" } })
  if (answer.say === undefined) return false
  return soon(() => to.phone.lines.some(({ said }) => fieldOf(said, "text") === text))
}

/** Looks for two seconds: what was lost on the way is said anew. */
const soon = async (isSo: () => boolean): Promise<boolean> => {
  const dueMs = performance.now() + 2_000
  while (!isSo()) {
    if (performance.now() > dueMs) return false
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return true
}

const goneIn = (phone: Phone, since = 0): ReadonlyArray<unknown> =>
  phone.lines.slice(since).flatMap(({ disappeared }) => listIn(disappeared, "member"))

/** Where a phone was told that something before it is missing, since then. */
const gapsIn = (phone: Phone, stream: string, since: number): ReadonlyArray<unknown> =>
  phone.lines
    .slice(since)
    .flatMap(({ streams }) => listIn(streams, "streams"))
    .filter((position) => fieldOf(position, "name") === stream)

const textOf = async (httpPort: number): Promise<string> => {
  const ready = await fetch(`http://127.0.0.1:${httpPort}/readyz`)
  return `${ready.status} ${(await ready.text()).trim()}`
}
