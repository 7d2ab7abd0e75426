/** The whole SDK against a real server in process, over a wire that is cut: nothing acknowledged is lost or doubled. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  connect,
  newDeviceSecret,
  type Plaza,
  PlazaError,
  type Said,
  webSocket
} from "../../sdk/typescript/src/Plaza.ts"
import { tcp } from "../../sdk/typescript/src/Tcp.ts"
import { startPlaza } from "../../sdk/typescript/src/Testing.ts"
import { chance } from "../../src/command/Stroll.ts"
import { cutter } from "../services/Cutter.ts"

const unlimited = { NORITER_RATE_LIMITS: "off", NORITER_CHANNEL_LINES_PER_SECOND: "0" }

const plaza = (settings: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => startPlaza(settings)),
    ({ stop }) => Effect.promise(stop)
  )

const guest = (at: { readonly host: string; readonly port: number }, some: { readonly deviceSecret?: string } = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => connect({ transport: tcp(at), nickname: "바람", ...some })),
    (plaza) => Effect.sync(() => plaza.close())
  )

/** Ends when an event for which `isIt` holds has been told. */
const until = <K extends Parameters<Plaza["on"]>[0]>(plaza: Plaza, key: K, isIt: (event: unknown) => boolean) =>
  new Promise<void>((resolve) => {
    const stop = plaza.on(key, (event) => {
      if (!isIt(event)) return
      stop()
      resolve()
    })
  })

const isEnd = (event: unknown) => typeof event === "object" && event !== null && "text" in event && event.text === "end"

const isState = (name: string) => (event: unknown) =>
  typeof event === "object" && event !== null && "state" in event && event.state === name

describe("A plaza over a wire that is cut", () => {
  const seed = Number(process.env.NORITER_SEED ?? Date.now() % 1_000_000)

  it.live(
    `loses and doubles nothing that was acknowledged (NORITER_SEED=${seed})`,
    () =>
      Effect.gen(function* () {
        const random = chance(seed)
        const server = yield* plaza(unlimited)
        const wire = yield* cutter(`tcp://127.0.0.1:${server.port}`)
        const speaker = yield* guest({ host: "127.0.0.1", port: wire.port })
        const watcher = yield* guest(server)
        const heard: Array<string> = []
        const own: Array<Said> = []
        let missed = 0
        const back = until(speaker, "said", isEnd)
        speaker.on("said", (said) => own.push(said))
        speaker.on("missed", () => missed++)
        // Back-off grows with each cut, so it is told that the network is there again.
        speaker.on("state", ({ state }) => {
          if (state === "waiting") queueMicrotask(() => speaker.networkChanged())
        })
        const all = until(watcher, "said", isEnd)
        watcher.on("said", ({ text }) => heard.push(text))
        yield* Effect.promise(() => watcher.enter({ playground: "park" }))
        yield* Effect.promise(() => speaker.enter({ playground: "park" }))
        const texts = Array.from({ length: linesSaid }, (_, n) => `line ${n}`)
        const answers: Array<Promise<{ readonly seq: number }>> = []
        for (const text of texts) {
          const chosen = random()
          if (chosen < 0.2) wire.cutAnswerTo(`"${text}"`)
          answers.push(speaker.say({ text, reach: "REACH_PLAYGROUND" }))
          if (chosen > 0.85) wire.cut()
          if (random() < 0.5) yield* Effect.promise(() => Promise.all(answers))
        }
        const seqs = (yield* Effect.promise(() => Promise.all(answers))).map(({ seq }) => seq)
        yield* Effect.promise(() => speaker.say({ text: "end", reach: "REACH_PLAYGROUND" }))
        yield* Effect.promise(() => Promise.all([all, back]))
        assert.isAbove(wire.cuts(), 5)
        assert.deepStrictEqual(heard, [...texts, "end"])
        assert.strictEqual(missed, 0)
        assert.deepStrictEqual(
          own.slice(0, linesSaid).map(({ text, seq }) => [text, seq]),
          texts.map((text, n) => [text, seqs[n]])
        )
        assert.isAtLeast(speaker.figures.resumes, 5)
      }),
    60_000
  )

  it.live(
    "goes on with member number and place, and hears what was said meanwhile",
    () =>
      Effect.gen(function* () {
        const server = yield* plaza()
        const wire = yield* cutter(`tcp://127.0.0.1:${server.port}`)
        const walker = yield* guest({ host: "127.0.0.1", port: wire.port })
        const talker = yield* guest(server)
        const before = yield* Effect.promise(() => walker.enter({ playground: "park" }))
        yield* Effect.promise(() => talker.enter({ playground: "park" }))
        const waits = until(walker, "state", isState("waiting"))
        wire.cut()
        yield* Effect.promise(() => waits)
        yield* Effect.promise(() => talker.say({ text: "들려요?", reach: "REACH_PLAYGROUND" }))
        const hears = until(walker, "said", () => true)
        yield* Effect.promise(() => hears)
        assert.strictEqual(walker.place?.member, before.member)
      }),
    30_000
  )
})

describe("A plaza", () => {
  it.live(
    "is closed, once, when the same guest comes on another device",
    () =>
      Effect.gen(function* () {
        const server = yield* plaza()
        const deviceSecret = newDeviceSecret()
        const first = yield* guest(server, { deviceSecret })
        yield* Effect.promise(() => first.enter({ playground: "park" }))
        const second = yield* guest(server, { deviceSecret })
        const { code } = yield* Effect.promise(() => first.closed)
        assert.strictEqual(code, "DISCONNECT_CODE_REPLACED")
        assert.strictEqual(first.state, "closed")
        yield* Effect.promise(() => second.enter({ playground: "park" }))
        const refused = yield* Effect.promise(() => first.say({ text: "?" }).catch((error: unknown) => error))
        assert.isTrue(refused instanceof PlazaError && refused.code === "CLOSED" && refused.definite)
      }),
    30_000
  )

  it.live(
    "waits while its server is away, and begins anew on the next one",
    () =>
      Effect.gen(function* () {
        const first = yield* Effect.promise(() => startPlaza())
        const visitor = yield* guest(first)
        yield* Effect.promise(() => visitor.enter({ playground: "park" }))
        const waits = until(visitor, "state", isState("waiting"))
        yield* Effect.promise(() => first.stop())
        yield* Effect.promise(() => waits)
        const anew = until(visitor, "session", (event) => JSON.stringify(event).includes('"resumed":false'))
        yield* plaza({ NORITER_TCP_PORT: `${first.port}` })
        yield* Effect.promise(() => anew)
        assert.isUndefined(visitor.place)
        yield* Effect.promise(() => visitor.enter({ playground: "park" }))
      }),
    60_000
  )

  it.live(
    "is the same over a WebSocket",
    () =>
      Effect.gen(function* () {
        const server = yield* plaza()
        const page = yield* Effect.acquireRelease(
          Effect.sync(() => connect({ transport: webSocket(server.url), nickname: "구름" })),
          (plaza) => Effect.sync(() => plaza.close())
        )
        const visitor = yield* guest(server)
        const heard = new Promise<Said>((resolve) => page.on("said", resolve))
        yield* Effect.promise(() => page.enter({ playground: "park" }))
        yield* Effect.promise(() => visitor.enter({ playground: "park" }))
        const { seq } = yield* Effect.promise(() => visitor.say({ text: "들려요?", reach: "REACH_PLAYGROUND" }))
        assert.deepInclude(yield* Effect.promise(() => heard), { seq, nickname: "바람", text: "들려요?" })
        yield* Effect.promise(() => page.say({ text: "네" }))
      }),
    30_000
  )

  it.live("tells its states to whoever listens, and no longer to who does not", () =>
    Effect.gen(function* () {
      const server = yield* plaza()
      const visitor = yield* guest(server)
      const states: Array<string> = []
      const stop = visitor.on("state", ({ state }) => states.push(state))
      yield* Effect.promise(() => visitor.enter({ playground: "park" }))
      stop()
      visitor.close()
      assert.deepStrictEqual(states, ["greeting", "open"])
    })
  )
})

const linesSaid = 60
