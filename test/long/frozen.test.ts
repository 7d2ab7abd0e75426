/**
 * Kafka frozen under two runners and thawed: what is asked meanwhile is answered once, as UNAVAILABLE or UNCERTAIN; moves
 * go on; memory stays bounded (F19). Afterwards what was refused for certain was heard by nobody, and what was uncertain
 * is heard once by everybody, in one order, when it is sent again by the same id. Kafka is this file's own.
 */
import { readdir, readFile } from "node:fs/promises"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { ServiceSet } from "../../scripts/services/ServiceSet.ts"
import { batchRecordsMax } from "../../src/link/TopicLog.ts"
import { unique } from "../contract/Eventually.ts"
import { codeOf, fieldOf, type Guest, listIn, numberIn, unlimited, until, visit } from "../e2e/Guest.ts"
import type { Heard } from "../e2e/Phone.ts"
import { Server } from "../e2e/Server.ts"
import { ownServices, withServices } from "../services/Services.ts"

/** One session has at most 32 requests waiting: so many sessions are more than a sender holds. */
const speakersOne = 40
const speakersTwo = 4
const linesEach = 40
/** Longer than a reader may be silent (rule L10), so that the thawed broker takes both for gone. */
const frozenForMs = 9_000
const growthBytesMax = 50 * 1024 * 1024
const startMs = 90_000
const testMs = 120_000
const patienceMs = 40_000

/** What somebody has said, and all that was answered to it, by the sending it answers. */
interface Line {
  readonly speaker: Guest
  readonly id: number
  readonly text: string
  readonly answers: Array<Heard>
}

await withServices("a log that is frozen", ["redis", "kafka", "zookeeper"], (shared) => {
  const scope = Effect.runSync(Scope.make())
  const world = unique("frozen")
  let set: ServiceSet
  let servers: ReadonlyArray<Server> = []
  let speakers: ReadonlyArray<Guest> = []
  let walker: Guest
  let onlooker: Guest
  let nextId = 1_000

  beforeAll(async () => {
    const own = await Effect.runPromise(ownServices("kafka").pipe(Scope.provide(scope)))
    set = own.set
    const start = (runner: string) =>
      Server.start({
        ...unlimited,
        NORITER_REDIS_URL: shared.redis,
        NORITER_KAFKA_BROKERS: own.urls.kafka,
        NORITER_ZOOKEEPER: shared.zookeeper,
        NORITER_SECRET: "the secret of all runners",
        NORITER_PREFIX: world,
        NORITER_RUNNER_ID: runner,
        NORITER_HEARTBEAT: "0"
      })
    servers = await Promise.all([start("one"), start("two")])
    const [one = 0, two = 0] = servers.map(({ tcpPort }) => tcpPort)
    const ports = [...Array.from({ length: speakersOne }, () => one), ...Array.from({ length: speakersTwo }, () => two)]
    const guests: Array<Guest> = []
    for (const [at, port] of ports.entries()) guests.push(await visit(port, `s${at}`))
    speakers = guests
    walker = await visit(one, "바람")
    onlooker = await visit(two, "구름")
    // Both runners apply by now, and have done all they do once.
    await untilSaid()
  }, startMs)
  afterAll(async () => {
    const pid = await set?.pid("kafka")
    if (pid !== undefined) process.kill(pid, "SIGCONT")
    for (const guest of everybody()) await guest?.phone[Symbol.asyncDispose]()
    await Promise.all(servers.map((server) => server.stop()))
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }, startMs)

  const everybody = () => [...speakers, walker, onlooker]

  /** Says all of these at once, each under its own id, or again under the id it had. */
  const sayAll = async (lines: ReadonlyArray<Line>) => {
    for (const { speaker, id, text } of lines) speaker.phone.say({ id, say: { text, reach: "REACH_PLAYGROUND" } })
    await Promise.all(
      [...Map.groupBy(lines, ({ speaker }) => speaker)].map(async ([{ phone }, own]) => {
        const before = new Map(own.map(({ id, answers }) => [id, answers.length]))
        const all = await until(
          "every request is answered",
          () => Map.groupBy(phone.lines, ({ re }) => re),
          (now) => own.every(({ id }) => (now.get(id)?.length ?? 0) > (before.get(id) ?? 0)),
          patienceMs
        )
        for (const { id, answers } of own) answers.splice(0, answers.length, ...(all.get(id) ?? []))
      })
    )
  }
  const line = (speaker: Guest): Line => ({ speaker, id: nextId, text: `${world} ${nextId++}`, answers: [] })

  /** Lines by the first and the last speaker, so on both runners, until each is taken. */
  const untilSaid = async (): Promise<ReadonlyArray<Line>> => {
    const tried: Array<Line> = []
    for (const speaker of [speakers[0], speakers.at(-1)]) {
      assert.isDefined(speaker)
      for (let said = false; !said; ) {
        const one = line(speaker)
        await sayAll([one])
        tried.push(one)
        said = one.answers.every((answer) => answer.say !== undefined)
      }
    }
    return tried
  }

  /** Walks until it is told to stop; each step is seen on the other runner. Answers how many there were. */
  const walk = async (isOver: () => boolean): Promise<number> => {
    for (let steps = 1; ; steps++) {
      const xCm = 9_000 + (steps % 2_000)
      walker.phone.say({ move: { xCm, yCm: walker.yCm } })
      await until(
        `step ${steps} is seen`,
        () => onlooker.phone.lines.slice(-200).some((line) => positionIn(line, walker.member) === xCm),
        (seen) => seen,
        patienceMs
      )
      if (isOver()) return steps
    }
  }

  const residentBytes = () =>
    Promise.all(
      servers.map(async ({ pid }) => {
        const status = await readFile(`/proc/${pid}/status`, "utf8")
        return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
      })
    )

  it(
    "answers each request once meanwhile, and afterwards nothing is lost, doubled or out of order",
    async () => {
      const kafka = Number(await set.pid("kafka"))
      const before = await residentBytes()
      process.kill(kafka, "SIGSTOP")
      await until(
        "every thread stands",
        () => statesOf(kafka),
        (states) => states.every((state) => state === "T")
      )
      const frozenMs = performance.now()
      let isFrozen = true
      const walking = walk(() => !isFrozen)
      const asked = Array.from({ length: linesEach }, () => speakers.map(line)).flat()
      assert.isAbove(asked.length, batchRecordsMax)
      await sayAll(asked)
      const waitsMs: Array<number> = []
      while (performance.now() < frozenMs + frozenForMs) {
        const saidMs = performance.now()
        const more = speakers.map(line)
        await sayAll(more)
        waitsMs.push(performance.now() - saidMs)
        asked.push(...more)
      }
      const after = await residentBytes()
      isFrozen = false
      const steps = await walking
      for (const { answers, text } of asked) {
        assert.lengthOf(answers, 1, `${text} is answered once`)
        assert.include(undecided, String(codeOf(answers[0] ?? {})), `${text}: ${JSON.stringify(answers)}`)
      }
      process.kill(kafka, "SIGCONT")
      const thawedMs = performance.now()
      const tried = await untilSaid()
      const againMs = performance.now() - thawedMs
      const all = [...asked, ...tried]
      const uncertain = all.filter(({ answers }) => codeOf(answers[0] ?? {}) === "ERROR_CODE_UNCERTAIN")
      assert.isNotEmpty(uncertain, "what was on its way when it froze")
      const early = uncertain.filter(({ text }) => seqsOf(onlooker.phone.lines, text).length > 0)
      const grown = after.map((bytes, at) => Math.round((bytes - (before[at] ?? 0)) / 1_048_576))
      report(
        `frozen for ${ms(thawedMs - frozenMs)}, answers within ${ms(Math.max(...waitsMs))}, ${steps} steps seen; of ` +
          `${all.length} lines ${uncertain.length} uncertain, ${early.length} of them heard already; RSS grew by ${grown} MB; works ${ms(againMs)} after the thaw`
      )
      for (const [at, bytes] of after.entries()) assert.isBelow(bytes - (before[at] ?? 0), growthBytesMax)

      await sendAgain(uncertain)
      const known = uncertain.map((one) => one.answers.at(-1))
      await sendAgain(uncertain)
      assert.deepStrictEqual(
        uncertain.map((one) => one.answers.at(-1)),
        known,
        "sent again, it is answered alike"
      )
      const [last] = (await untilSaid()).slice(-1)
      for (const { phone } of everybody()) {
        await until(
          "the last line",
          () => textsIn(phone.lines, world).at(-1),
          (text) => text === last?.text,
          patienceMs
        )
      }
      const heard = everybody().map(({ phone }) => textsIn(phone.lines, world))
      assert.deepStrictEqual(complaints(heard, all), [])
      for (const { answers, text } of uncertain) {
        const seq = numberIn(answers.at(-1)?.say, "seq")
        assert.deepStrictEqual(seqsOf(onlooker.phone.lines, text), [seq], text)
      }
    },
    testMs
  )

  /** One after another of each speaker, until it is decided. */
  const sendAgain = (lines: ReadonlyArray<Line>) =>
    Promise.all(
      [...Map.groupBy(lines, ({ speaker }) => speaker).values()].map(async (own) => {
        for (const one of own) {
          do await sayAll([one])
          while (undecided.includes(String(codeOf(one.answers.at(-1) ?? {}))))
        }
      })
    )
})

describe("the check of what was heard", () => {
  const refused = { text: "a", answers: [{ error: { code: "ERROR_CODE_UNAVAILABLE" } }] }
  const said = { text: "b", answers: [{ error: { code: "ERROR_CODE_UNCERTAIN" } }, { say: {} }] }
  const other = { text: "c", answers: [{ say: {} }] }
  const lines = [refused, said, other]

  it.each([
    [
      "all is well",
      [
        ["b", "c"],
        ["b", "c"]
      ],
      0
    ],
    [
      "what was refused is heard",
      [
        ["a", "b", "c"],
        ["b", "c"]
      ],
      2
    ],
    [
      "one hears a line twice",
      [
        ["b", "c", "b"],
        ["b", "c"]
      ],
      2
    ],
    ["one misses a line", [["b", "c"], ["c"]], 2],
    [
      "two hear another order",
      [
        ["b", "c"],
        ["c", "b"]
      ],
      1
    ]
  ] as const)("%s", (_, heard, count) => assert.lengthOf(complaints(heard, lines), count))
})

// --- Helpers ---

const undecided = ["ERROR_CODE_UNAVAILABLE", "ERROR_CODE_UNCERTAIN"]

/** What is wrong with what everybody heard: texts in the order of hearing, by listener. */
function complaints(
  heard: ReadonlyArray<ReadonlyArray<string>>,
  lines: ReadonlyArray<Pick<Line, "text" | "answers">>
): ReadonlyArray<string> {
  const due = new Map(lines.map(({ text, answers }) => [text, answers.at(-1)?.say === undefined ? 0 : 1]))
  const wrong = heard.flatMap((texts, at) => {
    const counts = Map.groupBy(texts, (text) => text)
    return [...due].flatMap(([text, times]) => {
      const count = counts.get(text)?.length ?? 0
      return count === times ? [] : [`listener ${at} heard ${text} ${count} times, not ${times}`]
    })
  })
  const orders = heard.flatMap((texts, at) =>
    texts.join("\n") === heard[0]?.join("\n") ? [] : [`listener ${at} heard another order than the first`]
  )
  return [...wrong, ...orders]
}

const saidIn = (lines: ReadonlyArray<Heard>): ReadonlyArray<unknown> =>
  lines.flatMap(({ said }) => (said === undefined ? [] : [said]))

const textsIn = (lines: ReadonlyArray<Heard>, mine: string): ReadonlyArray<string> =>
  saidIn(lines)
    .map((said) => String(fieldOf(said, "text")))
    .filter((text) => text.startsWith(`${mine} `))

const seqsOf = (lines: ReadonlyArray<Heard>, text: string): ReadonlyArray<number> =>
  saidIn(lines)
    .filter((said) => fieldOf(said, "text") === text)
    .map((said) => numberIn(said, "seq"))

const positionIn = ({ moved }: Heard, member: number): unknown => {
  const at = listIn(moved, "member").indexOf(member)
  return at === -1 ? undefined : listIn(moved, "xCm")[at]
}

/** Of the threads of a process, as Linux names them; a signal reaches them one after another. */
async function statesOf(pid: number): Promise<ReadonlyArray<string>> {
  const threads = await readdir(`/proc/${pid}/task`)
  const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8")))
  return stats.map((stat) => stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "")
}

const ms = (duration: number): string => `${Math.round(duration)} ms`
const report = (text: string): void => Effect.runSync(Effect.logInfo(text))
