/**
 * Asked records and simple deciders for tests of the log: what is decided shows as a count and as a line in a stream, so
 * that a record that took effect twice, or out of order, is seen.
 */
import * as Effect from "effect/Effect"
import { ChannelAskedConsumer, GuestAskedConsumer } from "../../gen/consumers.ts"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import type { Answer } from "../../gen/noriter/space/v1/records.ts"
import { Answer as AnswerCodec } from "../../gen/noriter/space/v1/records.ts"
import type { LineAsked, WhisperAsked } from "../../gen/noriter/topic/v1/chat.ts"
import { decodeRunner, type TopicRecord } from "../../gen/registry.ts"
import type { Decision, DecisionState } from "../../src/bus/Decider.ts"
import { recordOf } from "../../src/bus/EventBus.ts"
import type { NewRecord, Source, TopicLog } from "../../src/link/TopicLog.ts"
import { refusal } from "../../src/space/Deciding.ts"
import type { Commit } from "../../src/space/SharedSpace.ts"
import { decodeFrames } from "../../src/wire/Frame.ts"
import { listen, type Runner, type Twins } from "./Harness.ts"

export const channelTopic = "noriter.channel.asked"
export const guestTopic = "noriter.guest.asked"
export const factTopic = "noriter.chat.happened"
export const tag = "park/1"

export interface Asking {
  readonly id?: number
  readonly text?: string
  readonly session?: string
  readonly hash?: number
  readonly ask?: number
  readonly incarnation?: string
  readonly generation?: string
}

const askerOf = ({
  id = 0,
  session = "s",
  hash = id,
  ask = id,
  incarnation = "r1-asker",
  generation = ""
}: Asking) => ({
  $type: "noriter.topic.v1.Asker" as const,
  session,
  id,
  incarnation,
  ask,
  bodyHash: Uint8Array.from([hash]),
  member: 1,
  generation
})

export const line = (asking: Asking = {}, channel = tag): LineAsked => ({
  $type: "noriter.topic.v1.LineAsked",
  channel,
  asker: askerOf(asking),
  text: asking.text ?? `line ${asking.id ?? 0}`,
  reach: 1,
  cell: 0
})

export const whisper = (asking: Asking = {}, channel = tag): WhisperAsked => ({
  $type: "noriter.topic.v1.WhisperAsked",
  channel,
  asker: askerOf(asking),
  member: 1,
  text: asking.text ?? ""
})

/** Puts records on the log as they are. */
export const appendTo = (log: TopicLog["Service"], ...messages: ReadonlyArray<TopicRecord>) =>
  Effect.forEach(messages, (message) => {
    const { topic, record } = recordOf(message, undefined)
    return log.append(topic, [record])
  })

/** A record for its topic; with a source, as another record caused it. */
export const encoded = (message: TopicRecord, source?: Source): NewRecord => recordOf(message, undefined, source).record

/** A record whose bytes are whatever they are. */
export const raw = (key: string, body: ReadonlyArray<number>, partitionBy = tag): NewRecord => ({
  key,
  partitionBy,
  body: Uint8Array.from(body)
})

const countKey = "count"
const textOf = (value: Uint8Array | undefined): string => (value === undefined ? "" : Buffer.from(value).toString())

/** Says a line: one more in the count, and in the stream "lines". A text says what else is to happen. */
const say = (state: DecisionState, { text, channel }: LineAsked): Decision => {
  if (text === "throw") throw new Error("as the test will have it")
  if (text === "busy") return { answer: refusal(ErrorCode.ERROR_CODE_RATE_LIMITED, "", 9) }
  if (text === "outside") return { answer: refusal(ErrorCode.ERROR_CODE_OUTSIDE, "") }
  const [word, of = ""] = text.split(" ")
  const timer = word === "timer" ? { timer: { dueMs: state.nowMs + 100, record: whisper({ text: "due" }, of) } } : {}
  const value = Buffer.from(text === "huge" ? "x".repeat(70_000) : `${text} ${state.seq} ${state.head("lines")}`)
  return {
    ...timer,
    puts: [{ key: countKey, value: Buffer.from(`${Number(textOf(state.read(countKey))) + 1}`) }],
    appends: [{ stream: "lines", class: "a", value, countMax: 1_000, ageMsMax: 0 }],
    tell: [
      { $type: "noriter.runner.v1.TypingTold", channel: text === "foreign" ? "park/9" : channel, member: state.seq }
    ],
    answer: {
      $type: "noriter.space.v1.Answer",
      body: { $case: "say", value: { $type: "noriter.space.v1.SayAnswer", seq: state.seq } }
    },
    facts: [
      {
        $type: "noriter.topic.v1.LineDecided",
        channel,
        seq: state.seq,
        member: 1,
        nickname: "",
        text,
        reach: 1,
        atMs: state.nowMs,
        refused: 0
      }
    ]
  }
}

/** Asks another tag, and answers when that is on the log. */
const pass = (state: DecisionState, { text }: WhisperAsked): Decision => ({
  answer: {
    $type: "noriter.space.v1.Answer",
    body: { $case: "whisper", value: { $type: "noriter.space.v1.WhisperAnswer" } }
  },
  facts: [
    {
      $type: "noriter.topic.v1.WhisperPassed",
      guest: "g_B",
      member: 1,
      nickname: "",
      text,
      atMs: state.nowMs,
      speaker: ""
    }
  ],
  answerAfterFacts: true
})

/** What decides on a channel; `decided` is told the seq of each decision, made in vain or not. */
export const channelDecider = (decided: Array<number> = []): ChannelAskedConsumer => ({
  record: {
    reads: () => [countKey],
    decide: (state, record) => {
      decided.push(state.seq)
      return say(state, record)
    },
    asker: ({ asker }) => asker
  },
  pass: {
    reads: () => [],
    decide: (state, record) => {
      decided.push(state.seq)
      return pass(state, record)
    },
    asker: ({ asker, text }) => (text === "due" ? undefined : asker),
    timer: ({ asker, text }) => (text === "due" ? asker?.id : undefined)
  }
})

const guestDecider: GuestAskedConsumer = {
  deliver: {
    reads: () => [],
    decide: ({ seq }, { text }) => ({
      appends: [{ stream: "mailbox", class: "mail", value: Buffer.from(`${text} ${seq}`), countMax: 200, ageMsMax: 0 }]
    }),
    asker: () => undefined
  }
}

/** Registers them with a runner's bus. */
export const decide = Effect.fnUntraced(function* ({ bus }: Pick<Runner, "bus">, decided: Array<number> = []) {
  yield* bus.register(ChannelAskedConsumer, channelDecider(decided))
  yield* bus.register(GuestAskedConsumer, guestDecider)
})

/** Founds a tag, as the first who enters does. */
export const found = ({ space }: Twins, { self }: Pick<Runner, "self">, name = tag): void => {
  space.commit({
    tag: name,
    token: crypto.randomUUID(),
    generation: self.generation,
    found: true,
    guard: { _tag: "Compared" },
    reads: [],
    changes: [],
    tell: []
  })
}

/** What a tag came to: its count, its lines in order, how far it is applied. */
export const outcome = ({ space }: Twins, name = tag, stream = "lines") => ({
  count: Number(textOf(space.read({ tag: name, keys: [countKey] }).entries.get(countKey)?.value)),
  lines: space.history(name, stream, 0, 1_000).entries.map(({ value }) => textOf(value)),
  applied: space.read({ tag: name, keys: [] }).applied
})

/** The answers that an incarnation is told from now on. */
export const answers = Effect.fnUntraced(function* (twins: Twins, incarnation = "r1-asker") {
  const frames = yield* listen(twins, incarnation)
  return () =>
    frames.flatMap((bytes) => {
      const decoded = decodeFrames(bytes)
      const all = decoded._tag === "Success" ? decoded.success : []
      return all.flatMap(({ key, body }) => {
        const message = decodeRunner(key, body)
        return message?.$type === "noriter.runner.v1.OutcomeTold"
          ? [{ id: message.id, ask: message.ask, answer: brief(AnswerCodec.decode(message.answer)) }]
          : []
      })
    })
})

/** `say 3`, `whisper`, `refused 11`. */
const brief = ({ body }: Answer): string => {
  switch (body?.$case) {
    case "say":
      return `say ${body.value.seq}`
    case "whisper":
      return "whisper"
    case "refusal":
      return `refused ${body.value.code}`
    default:
      return `${body?.$case}`
  }
}

/** What presence does beside the log: a key that the decision has read changes. */
export const countedBeside = ({ self }: Pick<Runner, "self">, count: number): Commit => ({
  tag,
  token: crypto.randomUUID(),
  generation: self.generation,
  found: false,
  guard: { _tag: "Compared" },
  reads: [],
  changes: [{ _tag: "Put", key: "count", value: Buffer.from(`${count}`) }],
  tell: []
})
