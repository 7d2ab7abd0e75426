/** What every RunnerLink keeps, whatever carries it. Needs one layer; what only a harness can do is left to a hook. */
import { assert, layer as over } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { RunnerLink } from "../../src/link/RunnerLink.ts"
import { unique, until } from "./Eventually.ts"

export interface Harness {
  /** Cuts the connection and lets it come back. */
  readonly reconnect?: Effect.Effect<void, never, RunnerLink>
}

export function suite<E>(name: string, layer: Layer.Layer<RunnerLink, E>, harness: Harness = {}): void {
  over(layer, { timeout: 10_000, excludeTestServices: true })(`RunnerLink over ${name}`, (it) => {
    for (const [title, test] of Object.entries(cases)) it.effect(title, () => test, 10_000)
    const { reconnect } = harness
    if (reconnect === undefined) return
    it.effect("says so when it is connected again, and hears on", () => resync(reconnect), 10_000)
  })
}

/** Frames of a channel, as they come. */
const hear = Effect.fnUntraced(function* (channel: string) {
  const link = yield* RunnerLink
  const heard: Array<Uint8Array> = []
  yield* link.subscribe(channel, (bytes) => void heard.push(bytes))
  return heard
})

const notText = Uint8Array.from({ length: 256 }, (_, byte) => byte)

const bytesSurvive = Effect.gen(function* () {
  const link = yield* RunnerLink
  const channel = unique("bytes")
  const heard = yield* hear(channel)
  yield* link.publish(channel, notText)
  yield* link.publish(channel, new Uint8Array(0))
  yield* until("two frames", () => heard.length === 2)
  assert.deepStrictEqual(
    heard.map((bytes) => [...bytes]),
    [[...notText], []]
  )
})

const subscribeBeforePublish = Effect.gen(function* () {
  const link = yield* RunnerLink
  const channel = unique("early")
  yield* link.publish(channel, new Uint8Array([1]))
  const heard = yield* hear(channel)
  yield* link.publish(channel, new Uint8Array([2]))
  yield* until("a frame", () => heard.length > 0)
  assert.deepStrictEqual(
    heard.map(([byte]) => byte),
    [2]
  )
})

const channelsApart = Effect.gen(function* () {
  const link = yield* RunnerLink
  const channel = unique("apart")
  const [mine, other] = [yield* hear(channel), yield* hear(`${channel}-other`)]
  yield* link.publish(channel, new Uint8Array([1]))
  yield* link.publish(`${channel}-other`, new Uint8Array([2]))
  yield* until("both", () => mine.length > 0 && other.length > 0)
  assert.deepStrictEqual(
    [...mine, ...other].map(([byte]) => byte),
    [1, 2]
  )
})

const orderPerChannel = Effect.gen(function* () {
  const link = yield* RunnerLink
  const channel = unique("order")
  const [first, second] = [yield* hear(channel), yield* hear(channel)]
  for (let frame = 0; frame < 200; frame++) yield* link.publish(channel, new Uint8Array([frame]))
  yield* until("all frames at both", () => first.length === 200 && second.length === 200)
  const order = Array.from({ length: 200 }, (_, frame) => frame)
  assert.deepStrictEqual(
    first.map(([frame]) => frame),
    order
  )
  assert.deepStrictEqual(
    second.map(([frame]) => frame),
    order
  )
})

const orderOfAnswers = Effect.gen(function* () {
  const link = yield* RunnerLink
  const channel = unique("answers")
  // Answers the first frame while it is being delivered: whoever listens later must still hear question, then answer.
  yield* link.subscribe(channel, ([byte]) => {
    if (byte === 1) Effect.runFork(link.publish(channel, new Uint8Array([2])))
  })
  const heard = yield* hear(channel)
  yield* link.publish(channel, new Uint8Array([1]))
  yield* until("question and answer", () => heard.length === 2)
  assert.deepStrictEqual(
    heard.map(([byte]) => byte),
    [1, 2]
  )
})

const throwerHurtsNobody = Effect.gen(function* () {
  const link = yield* RunnerLink
  const channel = unique("thrower")
  yield* link.subscribe(channel, () => {
    throw new Error("planted")
  })
  const heard = yield* hear(channel)
  yield* link.publish(channel, new Uint8Array([1]))
  yield* link.publish(channel, new Uint8Array([2]))
  yield* until("both frames", () => heard.length === 2)
})

const unsubscribedAfterScope = Effect.gen(function* () {
  const link = yield* RunnerLink
  const channel = unique("scope")
  const scope = yield* Scope.make()
  const gone = yield* hear(channel).pipe(Scope.provide(scope))
  const stays = yield* hear(channel)
  yield* Scope.close(scope, Exit.void)
  yield* link.publish(channel, new Uint8Array([1]))
  yield* until("the one that stays", () => stays.length === 1)
  assert.strictEqual(gone.length, 0)
})

const callersBufferIsFree = Effect.gen(function* () {
  const link = yield* RunnerLink
  const channel = unique("buffer")
  const heard = yield* hear(channel)
  const bytes = Buffer.from([1, 2, 3])
  yield* link.publish(channel, bytes)
  bytes.fill(9)
  yield* until("a frame", () => heard.length === 1)
  assert.deepStrictEqual([...(heard[0] ?? [])], [1, 2, 3])
})

const cases = {
  "carries bytes that are not text, and none": bytesSurvive,
  "hears nothing from before it subscribed": subscribeBeforePublish,
  "keeps channels apart": channelsApart,
  "keeps the order of a channel, for all who hear it": orderPerChannel,
  "hears an answer after its question": orderOfAnswers,
  "a subscriber that throws hurts nobody else": throwerHurtsNobody,
  "is unsubscribed after the scope": unsubscribedAfterScope,
  "leaves the caller's buffer to the caller": callersBufferIsFree
}

const resync = Effect.fnUntraced(function* (reconnect: Effect.Effect<void, never, RunnerLink>) {
  const link = yield* RunnerLink
  const channel = unique("reconnect")
  const heard = yield* hear(channel)
  let ready = 0
  yield* link.onReady(() => void ready++)
  yield* reconnect
  yield* until("ready", () => ready > 0)
  yield* link.publish(channel, new Uint8Array([1]))
  yield* until("a frame", () => heard.length === 1)
})
