/**
 * Runners that are killed, frozen or stopped while phones stand on them, and watchers outside: whoever does not come back
 * is gone for everybody, said once; whoever does was never gone. Real processes over real servers; what is shown is read
 * from raw Redis and from what other phones heard.
 */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { Redis as Client } from "ioredis"
import { MemberRecord, PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { unpackEntry } from "../../src/space/RedisValues.ts"
import { unique } from "../contract/Eventually.ts"
import { withServices } from "../services/Services.ts"
import { comeBack, fieldOf, type Guest, listIn, numberIn, unlimited, visit } from "./Guest.ts"
import type { Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

const startMs = 60_000
/** What the roster takes to notice, the lease, and a loaded machine. */
const goneMsMax = 30_000

await withServices("watchers", ["redis", "kafka", "zookeeper"], (urls) => {
  const world = unique("watch")
  const shared = {
    NORITER_REDIS_URL: urls.redis,
    NORITER_ZOOKEEPER: urls.zookeeper,
    NORITER_PREFIX: world,
    NORITER_RESUME_GRACE: "12 s"
  }
  const startRunner = (runner: string) =>
    Server.start({
      ...unlimited,
      ...shared,
      NORITER_KAFKA_BROKERS: urls.kafka,
      NORITER_SECRET: "the secret of all runners",
      NORITER_RUNNER_ID: runner
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

  it("a runner is killed: who does not return is gone, told once; who returns was never gone", async () => {
    const dies = await startRunner("dies")
    const [leaving, returning] = [await come(dies, 8), await come(dies, 4)]
    await seenBy(witness.phone, [...leaving, ...returning])
    const killed = performance.now()
    dies.signal("SIGKILL")
    const back = await Promise.all(returning.map((guest) => comeBack(stays.tcpPort, guest)))
    process.stdout.write(`returned within ${Math.round(performance.now() - killed)} ms\n`)
    back.forEach(({ answer }, at) => {
      assert.strictEqual(numberIn(answer.resume, "member"), returning[at]?.member, JSON.stringify(answer))
    })
    process.stdout.write(`gone after ${Math.round(await gone(leaving, killed))} ms\n`)
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
})

async function eventually(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const dueMs = performance.now() + goneMsMax
  while (!(await isSo())) {
    if (performance.now() > dueMs) throw new Error(`${what}: not within ${goneMsMax} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
