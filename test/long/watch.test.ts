/**
 * Runners that are killed, frozen or stopped while phones stand on them, and watchers outside: whoever does not come back
 * is gone for everybody, said once; whoever does was never gone. Real processes over real servers; what is shown is read
 * from raw Redis and from what other phones heard. The tests run side by side, each with runners of its own: they wait most
 * of their time.
 */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { Redis as Client } from "ioredis"
import { MemberRecord, PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { unpackEntry } from "../../src/space/RedisValues.ts"
import { unique } from "../contract/Eventually.ts"
import { comeBack, fieldOf, type Guest, listIn, numberIn, unlimited, visit } from "../e2e/Guest.ts"
import type { Phone } from "../e2e/Phone.ts"
import { Server } from "../e2e/Server.ts"
import { withServices } from "../services/Services.ts"

const startMs = 120_000
/** What the roster takes to notice, the lease, and a loaded machine. */
const goneMsMax = 40_000

/** How long it took, for whoever wants to know; nothing is asserted of it. */
const print = (line: string): void => void process.stdout.write(`${line}\n`)

await withServices("watchers", ["redis", "kafka", "zookeeper"], (urls) => {
  const world = unique("watch")
  const shared = {
    NORITER_REDIS_URL: urls.redis,
    NORITER_ZOOKEEPER: urls.zookeeper,
    NORITER_PREFIX: world,
    NORITER_RESUME_GRACE: "20 s",
    // Guests of all tests stand in one cell at once, and the witness is to see each of them.
    NORITER_CELL_SHOWN_MAX: "0"
  }
  const startRunner = (runner: string, rosterSession = "3 s") =>
    Server.start({
      ...unlimited,
      ...shared,
      NORITER_KAFKA_BROKERS: urls.kafka,
      NORITER_SECRET: "the secret of all runners",
      // Phones of this test say nothing.
      NORITER_HEARTBEAT: "0",
      NORITER_RUNNER_ID: runner,
      NORITER_ROSTER_SESSION: rosterSession
    })
  let redis: Client
  let watchers: ReadonlyArray<Server>
  let stays: Server
  /** Stands on the runner that stays, and sees. */
  let witness: Guest

  beforeAll(async () => {
    redis = new Client(urls.redis)
    const started = await Promise.all([startRunner("stays"), Server.watch(shared), Server.watch(shared)])
    ;[stays] = started
    watchers = started.slice(1)
    witness = await visit(stays.tcpPort, "목격자")
  }, startMs)
  afterAll(async () => {
    await witness?.phone[Symbol.asyncDispose]()
    await Promise.all([stays, ...(watchers ?? [])].map((server) => server?.stop()))
    redis?.disconnect()
  })

  /** Members as they lie in Redis, with what others see of them. */
  const members = async () => {
    const fields = await redis.hgetallBuffer(`${world}:{park/1}:entries`)
    return Object.entries(fields).map(([key, bytes]) => {
      const entry = unpackEntry(bytes)
      const record = MemberRecord.decode(entry.value)
      return { member: Number(key.slice("member/".length)), owner: entry.owner?.incarnation ?? "", record }
    })
  }
  const shown = async () =>
    (await members())
      .filter(({ record: { state } }) => state <= PresenceState.PRESENCE_STATE_LOST)
      .map(({ member }) => member)
  const keysOf = async (runner: string) => await redis.keys(`${world}:{inc/${runner}-*`)
  const timesTold = (phone: Phone, member: number, reason = "") =>
    phone.lines.filter(
      ({ disappeared }) =>
        listIn(disappeared, "member").includes(member) &&
        (reason === "" || JSON.stringify(disappeared).includes(reason))
    ).length
  const come = (server: Server, count: number) =>
    Promise.all(Array.from({ length: count }, (_, at) => visit(server.tcpPort, `손님${at}`)))
  const seenBy = (phone: Phone, guests: ReadonlyArray<Guest>) =>
    eventually("all are seen", () => {
      const seen = phone.lines.flatMap(({ appeared }) =>
        listIn(appeared, "members").map((one) => fieldOf(one, "member"))
      )
      return guests.every(({ member }) => seen.includes(member))
    })
  /** Until Redis shows none of them and the witness was told of each; how long it took. */
  const gone = async (guests: ReadonlyArray<Guest>, since: number) => {
    await eventually("nobody of them is shown", async () => {
      const now = await shown()
      return guests.every(({ member }) => !now.includes(member) && timesTold(witness.phone, member) > 0)
    })
    return performance.now() - since
  }

  it.concurrent("a runner is killed: who does not return is gone, told once; who returns was never gone", async () => {
    const dies = await startRunner("dies", "6 s")
    const [leaving, returning] = [await come(dies, 8), await come(dies, 4)]
    await seenBy(witness.phone, [...leaving, ...returning])
    const killed = performance.now()
    dies.signal("SIGKILL")
    const back = await Promise.all(returning.map((guest) => comeBack(stays.tcpPort, guest)))
    print(`returned within ${Math.round(performance.now() - killed)} ms`)
    back.forEach(({ answer }, at) => {
      assert.strictEqual(numberIn(answer.resume, "member"), returning[at]?.member, JSON.stringify(answer))
    })
    print(`gone after ${Math.round(await gone(leaving, killed))} ms`)
    // Nobody is away for ever, and of the dead runner nothing is left.
    await eventually("nothing is left of it", async () => (await keysOf("dies")).length === 0)
    const left = (await members()).map(({ member }) => member)
    for (const { member } of leaving) {
      assert.notInclude(left, member)
      assert.strictEqual(timesTold(witness.phone, member), 1)
      assert.strictEqual(timesTold(witness.phone, member, "GONE_REASON_LOST"), 1)
    }
    for (const { member } of returning) {
      assert.include(left, member)
      assert.strictEqual(timesTold(witness.phone, member), 0)
    }
    await Promise.all(back.map(({ phone }) => phone[Symbol.asyncDispose]()))
  }, 90_000)

  it.concurrent("two runners are killed at once, and a watcher while it sweeps: all are gone all the same", async () => {
    const both = await Promise.all([startRunner("left"), startRunner("right")])
    const here = (await Promise.all(both.map((runner) => come(runner, 8)))).flat()
    await seenBy(witness.phone, here)
    const killed = performance.now()
    for (const runner of both) runner.signal("SIGKILL")
    await eventually("the sweep has begun", async () => {
      const now = await shown()
      return here.some(({ member }) => !now.includes(member))
    })
    watchers[0]?.signal("SIGKILL")
    print(`gone after ${Math.round(await gone(here, killed))} ms, one watcher killed`)
    for (const { member } of here) assert.strictEqual(timesTold(witness.phone, member), 1)
  }, 90_000)

  it.concurrent("a frozen runner is swept; thawed it changes nothing, and sends its phones to come back", async () => {
    const frozen = await startRunner("frozen")
    const guests = await come(frozen, 4)
    const [first, ...staying] = guests
    assert.isDefined(first)
    await seenBy(witness.phone, guests)
    const froze = performance.now()
    frozen.signal("SIGSTOP")
    const moved = await comeBack(stays.tcpPort, first)
    print(`swept after ${Math.round(await gone(staying, froze))} ms`)
    const before = await members()
    frozen.signal("SIGCONT")
    for (const { phone } of staying) {
      assert.strictEqual((await phone.next("disconnect")).code, "DISCONNECT_CODE_FENCED")
    }
    // Phones are sent away before it is another incarnation (rule P9); until then it keeps no sessions.
    await eventually("it is ready again", async () => (await fetch(`http://127.0.0.1:${frozen.httpPort}/readyz`)).ok)
    const back = await Promise.all(staying.map((guest) => comeBack(frozen.tcpPort, guest)))
    back.forEach(({ answer }, at) => {
      assert.strictEqual(numberIn(answer.resume, "member"), staying[at]?.member, JSON.stringify(answer))
    })
    // Who had moved on was never touched.
    const of = (all: Awaited<ReturnType<typeof members>>) => all.find(({ member }) => member === first.member)
    assert.deepStrictEqual(of(await members()), of(before))
    assert.strictEqual(timesTold(witness.phone, first.member), 0)
    const figures = await (await fetch(`http://127.0.0.1:${frozen.httpPort}/metrics`)).text()
    assert.isAbove(Number(/^noriter_commits_fenced_total (\d+)/m.exec(figures)?.[1]), 0)
    await Promise.all([moved, ...back].map(({ phone }) => phone[Symbol.asyncDispose]()))
    assert.strictEqual(await frozen.stop(), 0)
  }, 90_000)

  it.concurrent("a runner that leaves leaves nobody: those who return were never gone, the others are within 5 s", async () => {
    const leaves = await startRunner("leaves")
    const [returning, going] = [await come(leaves, 3), await come(leaves, 3)]
    await seenBy(witness.phone, [...returning, ...going])
    const asked = performance.now()
    const stopped = leaves.stop()
    await Promise.all(returning.map(({ phone }) => phone.next("disconnect")))
    const back = await Promise.all(returning.map((guest) => comeBack(stays.tcpPort, guest)))
    assert.strictEqual(await stopped, 0)
    print(`exited after ${Math.round(performance.now() - asked)} ms`)
    const held = (await members()).filter(({ owner }) => owner.startsWith("leaves-"))
    assert.deepStrictEqual(
      held.filter(({ record: { state } }) => state === PresenceState.PRESENCE_STATE_PRESENT),
      []
    )
    print(`gone after ${Math.round(await gone(going, asked))} ms`)
    for (const { member } of going) assert.strictEqual(timesTold(witness.phone, member), 1)
    for (const { member } of returning) assert.strictEqual(timesTold(witness.phone, member), 0)
    await eventually("nothing is left of it", async () => (await keysOf("leaves")).length === 0)
    await Promise.all(back.map(({ phone }) => phone[Symbol.asyncDispose]()))
  }, 90_000)
})

async function eventually(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const dueMs = performance.now() + goneMsMax
  while (!(await isSo())) {
    if (performance.now() > dueMs) throw new Error(`${what}: not within ${goneMsMax} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
