/** The Event Bus: who consumes which key, by which lane a message goes, and what is refused without disturbing others. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import {
  ChannelAskedConsumer,
  ChatConsumer,
  type ChatConsumer as ChatHandlers,
  ChatViewConsumer,
  type ChatViewConsumer as ViewHandlers
} from "../../gen/consumers.ts"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import type { LineTold, TypingTold } from "../../gen/noriter/runner/v1/chat.ts"
import { type Caller, Refused } from "../../src/bus/Caller.ts"
import { frameOf, KeyTaken, NoConsumer } from "../../src/bus/EventBus.ts"
import { dispatched } from "../../src/telemetry/Metrics.ts"
import { decodeFrames, encodeFrame, joinFrames } from "../../src/wire/Frame.ts"
import { type Trace, toTraceparent } from "../../src/wire/Trace.ts"
import { channelDecider, channelTopic, encoded, line, raw, tag } from "../space/Asking.ts"
import { listen, reader, runner, settle, Twins, until } from "../space/Harness.ts"

const trace: Trace = { traceId: "a".repeat(32), spanId: "b".repeat(16) }
const typing = (member: number, channel = tag): TypingTold => ({
  $type: "noriter.runner.v1.TypingTold",
  channel,
  member
})
const lines: Array<string> = []
const heardLines = Logger.layer([Logger.make(({ message }) => void lines.push(`${[message].flat()[0]}`))])

const chat = (answers: Partial<ChatHandlers> = {}): ChatHandlers => ({
  say: () => Effect.fail(new Refused({ code: ErrorCode.ERROR_CODE_UNAVAILABLE, message: "away" })),
  whisper: () => Effect.succeed({ $type: "noriter.client.v1.WhisperResponse" }),
  emote: () => Effect.void,
  typing: () => Effect.void,
  ...answers
})
const view = (handlers: Partial<ViewHandlers> = {}): ViewHandlers => ({
  hear: () => Effect.void,
  emote: () => Effect.void,
  type: () => Effect.void,
  ...handlers
})

const caller: Caller = {
  session: "s",
  guest: "g",
  nickname: "",
  place: undefined,
  mailboxSeq: 0,
  mailWaits: false,
  epoch: "1.1",
  placeOf: () => Effect.die("none"),
  tell: () => {},
  answer: () => {},
  tellGap: () => {},
  ask: () => Effect.die("none"),
  settled: Effect.void
}
const call = { id: 1, trace: undefined, caller }
const whispering = { $type: "noriter.client.v1.WhisperRequest", member: 1, text: "a" } as const
const saying = { $type: "noriter.client.v1.SayRequest", text: "a", reach: 1 } as const

describe("consumers", () => {
  it.effect("a key taken twice fails at start with KeyTaken, and the first consumer stays", () =>
    Effect.gen(function* () {
      const { bus } = yield* runner(new Twins())
      yield* bus.register(ChatConsumer, chat())
      const taken = yield* Effect.flip(bus.register(ChatConsumer, chat({ whisper: () => Effect.die("the second") })))
      assert.instanceOf(taken, KeyTaken)
      assert.strictEqual(taken.key, "noriter.client.v1.SayRequest")
      assert.include(taken.message, taken.key)
      assert.deepStrictEqual(yield* bus.dispatch(whispering, call), { $type: "noriter.client.v1.WhisperResponse" })
    })
  )

  it.effect("is registered until its scope closes; a key nobody consumes is NoConsumer", () =>
    Effect.gen(function* () {
      const { bus, log } = yield* runner(new Twins())
      const life = yield* Scope.make()
      const none = yield* Effect.flip(bus.dispatch(whispering, call))
      assert.instanceOf(none, NoConsumer)
      yield* bus.register(ChatConsumer, chat()).pipe(Scope.provide(life))
      yield* bus.register(ChannelAskedConsumer, channelDecider()).pipe(Scope.provide(life))
      const record = {
        ...encoded(line({ id: 3 })),
        topic: channelTopic,
        partition: log.partitionOf(channelTopic, tag),
        offset: 0,
        timeMs: 0
      }
      assert.strictEqual(bus.decided(record)?.message.$type, "noriter.topic.v1.LineAsked")
      yield* bus.dispatch(whispering, call)
      yield* Scope.close(life, Exit.void)
      assert.instanceOf(yield* Effect.flip(bus.dispatch(whispering, call)), NoConsumer)
      assert.isUndefined(bus.decided(record))
      yield* bus.register(ChatConsumer, chat())
    })
  )

  it.effect("what a handler refuses is its own; another key is not touched", () =>
    Effect.gen(function* () {
      const { bus } = yield* runner(new Twins())
      yield* bus.register(ChatConsumer, chat())
      const refused = yield* Effect.flip(bus.dispatch(saying, call))
      assert.strictEqual(refused instanceof Refused && refused.code, ErrorCode.ERROR_CODE_UNAVAILABLE)
      yield* bus.dispatch(whispering, call)
    })
  )

  it.effect("a record of an unknown key has no decider, bytes that are no message throw", () =>
    Effect.gen(function* () {
      const { bus } = yield* runner(new Twins())
      yield* bus.register(ChannelAskedConsumer, channelDecider())
      const at = { topic: channelTopic, partition: 0, offset: 0, timeMs: 0 }
      assert.isUndefined(bus.decided({ ...raw("noriter.topic.v1.NeverSeen", []), ...at }))
      assert.throws(() => bus.decided({ ...raw("noriter.topic.v1.LineAsked", [0x0a, 0xff]), ...at }))
    })
  )
})

describe("lanes", () => {
  it.effect("RUNNER: to the pub/sub channel its proto names, with key, body and trace", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { bus } = yield* runner(twins)
      const [here, elsewhere] = [yield* listen(twins, tag), yield* listen(twins, "park/2")]
      yield* bus.publish(typing(7), trace)
      assert.lengthOf(elsewhere, 0)
      const decoded = decodeFrames(here[0] ?? new Uint8Array())
      const [frame] = decoded._tag === "Success" ? decoded.success : []
      assert.deepStrictEqual([frame?.key, frame?.trace], ["noriter.runner.v1.TypingTold", trace])
      const answer = {
        $type: "noriter.runner.v1.OutcomeTold",
        incarnation: "r9-1",
        session: "s",
        id: 1,
        ask: 1,
        answer: new Uint8Array()
      } as const
      assert.strictEqual(frameOf(answer, undefined).channel, "r9-1")
    })
  )

  it.effect("TOPIC: to the topic and partition its proto names, with the trace as traceparent", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { bus, log } = yield* runner(twins)
      const records = yield* reader(twins, channelTopic)
      yield* bus.publish(line({ id: 1 }), trace)
      let settled: unknown = "not yet"
      bus.offer(line({ id: 2 }), undefined, (failed) => {
        settled = failed
      })
      yield* until("both are read", () => records.length === 2)
      assert.isUndefined(settled)
      assert.deepStrictEqual(
        records.map(({ key, partitionBy, partition, trace: text }) => [key, partitionBy, partition, text]),
        [toTraceparent(trace), undefined].map((text) => [
          "noriter.topic.v1.LineAsked",
          tag,
          log.partitionOf(channelTopic, tag),
          text
        ])
      )
    })
  )

  it.effect("what is handed over is counted by key", () =>
    Effect.gen(function* () {
      const { bus } = yield* runner(new Twins())
      yield* bus.register(ChatConsumer, chat())
      yield* bus.register(ChatViewConsumer, view())
      yield* bus.listen(tag)
      yield* bus.register(ChannelAskedConsumer, channelDecider())
      const record = { ...encoded(line()), topic: channelTopic, partition: 0, offset: 0, timeMs: 0 }
      const figures = [
        dispatched("CLIENT", whispering.$type),
        dispatched("RUNNER", typing(1).$type),
        dispatched("TOPIC", line().$type)
      ]
      const before = figures.map(({ count }) => count)
      for (let times = 0; times < 3; times++) yield* bus.dispatch(whispering, call)
      yield* bus.publish(typing(1))
      for (let times = 0; times < 2; times++) bus.decided(record)
      assert.deepStrictEqual(
        figures.map(({ count }, at) => count - (before[at] ?? 0)),
        [3, 1, 2]
      )
    })
  )
})

describe("frames that come", () => {
  const hearing = Effect.fnUntraced(function* (twins: Twins, handlers: Partial<ViewHandlers>) {
    const { bus } = yield* runner(twins)
    yield* bus.register(ChatViewConsumer, view(handlers))
    yield* bus.listen(tag)
    return bus
  })

  it.effect("go to the consumers of their keys, in order, with their trace; several in one message", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const heard: Array<readonly [number, Trace | undefined]> = []
      yield* hearing(twins, { type: ({ member }, of) => Effect.sync(() => void heard.push([member, of])) })
      const frames = [1, 2, 3].map((member) => {
        const { bytes } = frameOf(typing(member), member === 2 ? trace : undefined)
        return Buffer.from(bytes)
      })
      twins.hub.publish(tag, joinFrames(frames))
      assert.deepStrictEqual(heard, [
        [1, undefined],
        [2, trace],
        [3, undefined]
      ])
    })
  )

  it.effect(
    "of unknown keys are passed over; garbage, and a handler that fails, cost one log line and nothing else",
    () =>
      Effect.gen(function* () {
        lines.length = 0
        const twins = new Twins()
        const heard: Array<number> = []
        const failing = (told: LineTold) => Effect.die(new Error(`line ${told.seq}`))
        yield* hearing(twins, { hear: failing, type: ({ member }) => Effect.sync(() => void heard.push(member)) })
        const good = (member: number) => twins.hub.publish(tag, frameOf(typing(member), undefined).bytes)
        good(1)
        twins.hub.publish(
          tag,
          encodeFrame({ key: "noriter.runner.v9.NeverSeen", trace: undefined, body: new Uint8Array(9) })
        )
        assert.deepStrictEqual(lines, [])
        good(2)
        twins.hub.publish(tag, Uint8Array.from([9, 9, 9]))
        good(3)
        // Of a known key, and no such message.
        twins.hub.publish(
          tag,
          encodeFrame({ key: typing(1).$type, trace: undefined, body: Uint8Array.from([0x0a, 0xff]) })
        )
        good(4)
        const told = {
          ...typing(1),
          $type: "noriter.runner.v1.LineTold",
          seq: 8,
          prev: 0,
          id: 0,
          nickname: "",
          text: "",
          reach: 1,
          atMs: 0,
          cell: 0,
          announced: false,
          guest: ""
        } as const
        twins.hub.publish(tag, frameOf(told, undefined).bytes)
        good(5)
        yield* settle
        assert.deepStrictEqual(heard, [1, 2, 3, 4, 5])
        assert.deepStrictEqual(lines, [
          "a message between runners was refused",
          "a frame of noriter.runner.v1.TypingTold was not taken",
          "a frame of noriter.runner.v1.LineTold was not taken"
        ])
      }).pipe(Effect.provide(heardLines))
  )

  it.effect("are not heard after the scope has closed", () =>
    Effect.gen(function* () {
      const twins = new Twins()
      const heard: Array<number> = []
      const life = yield* Scope.make()
      yield* hearing(twins, { type: ({ member }) => Effect.sync(() => void heard.push(member)) }).pipe(
        Scope.provide(life)
      )
      const before = twins.hub.channelsHeard
      yield* Scope.close(life, Exit.void)
      twins.hub.publish(tag, frameOf(typing(1), undefined).bytes)
      assert.deepStrictEqual([heard, before, twins.hub.channelsHeard], [[], 1, 0])
    })
  )
})
