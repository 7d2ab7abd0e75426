/** Random messages for property tests: lawful requests of phones and arbitrary lines to them, from one printed seed. */
import { Block } from "../../gen/noriter/client/v1/block.ts"
import type { ClientMessage } from "../../gen/noriter/client/v1/client.ts"
import { ServerMessage } from "../../gen/noriter/client/v1/client.ts"
import { Issue } from "../../gen/noriter/client/v1/error.ts"
import { Channel, Member, Playground } from "../../gen/noriter/client/v1/playground.ts"
import { Limits, StreamPosition } from "../../gen/noriter/client/v1/session.ts"
import { Flowers } from "../../gen/noriter/client/v1/social.ts"
import { heard, type ServerBody } from "../../gen/registry.ts"

export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number below the bound (mulberry32). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * bound)
  }

  of<A>(choices: ReadonlyArray<A>): A {
    const choice = choices[this.below(choices.length)]
    if (choice === undefined) throw new Error("nothing to choose from")
    return choice
  }

  many<A>(max: number, make: () => A): Array<A> {
    return Array.from({ length: this.below(max + 1) }, make)
  }
}

const pieces = ["a", "Z", "0", " ", "가", "바람", "é", "🙂", "👨‍👩‍👧‍👦", '"', "\\", "/", "<", "\u2028", "𝒳", "ก็"]
const slugs = ["park", "fox", "a-1", "b_2", "z"]

const uint32 = (random: Random): number => random.of([0, 1, 7, 900, 10290, 4294967295])
const uint64 = (random: Random): number => random.of([0, 1, 57, 4294967296, 1795370003120, Number.MAX_SAFE_INTEGER])
const spoken = (random: Random, min: number, max: number): string =>
  random.of(pieces).repeat(min) + random.many(max - min, () => random.of(pieces)).join("")
const ascii = (random: Random, min: number): string => random.of(["!", "a", "~", "0"]).repeat(min + random.below(20))

/** A request that keeps to the rules, by the name of its key. */
export function lawfulRequest(random: Random): ClientMessage {
  return { $type: "noriter.client.v1.ClientMessage", id: uint32(random), body: lawfulBody(random) }
}

const bodies: ReadonlyArray<(random: Random) => NonNullable<ClientMessage["body"]>> = [
  (random) => ({
    $case: "hello",
    value: {
      $type: "noriter.client.v1.HelloRequest",
      deviceSecret: ascii(random, 16),
      nickname: random.of(["바람", "é", "a b", "👨‍👩‍👧‍👦".repeat(2)]),
      sdk: random.of(["", "nc/1"])
    }
  }),
  (random) => ({
    $case: "resume",
    value: {
      $type: "noriter.client.v1.ResumeRequest",
      resumeToken: ascii(random, 1),
      streams: random.many(16, () =>
        StreamPosition.create({ name: spoken(random, 1, 2), epoch: spoken(random, 0, 1), seq: uint64(random) })
      )
    }
  }),
  () => ({ $case: "ping", value: { $type: "noriter.client.v1.PingRequest" } }),
  () => ({ $case: "listPlaygrounds", value: { $type: "noriter.client.v1.ListPlaygroundsRequest" } }),
  (random) => ({
    $case: "enter",
    value: {
      $type: "noriter.client.v1.EnterRequest",
      playground: random.of(slugs),
      avatar: random.of(["", ...slugs]),
      channel: random.below(1001)
    }
  }),
  () => ({ $case: "leave", value: { $type: "noriter.client.v1.LeaveRequest" } }),
  (random) => ({
    $case: "move",
    value: { $type: "noriter.client.v1.MoveRequest", xCm: uint32(random), yCm: uint32(random) }
  }),
  (random) => ({
    $case: "pace",
    value: { $type: "noriter.client.v1.PaceRequest", pace: random.of([0, 1, 2, 3] as const) }
  }),
  (random) => ({
    $case: "say",
    value: { $type: "noriter.client.v1.SayRequest", text: spoken(random, 1, 30), reach: random.of([0, 1, 2] as const) }
  }),
  (random) => ({
    $case: "whisper",
    value: { $type: "noriter.client.v1.WhisperRequest", member: uint32(random), text: spoken(random, 1, 30) }
  }),
  (random) => ({ $case: "emote", value: { $type: "noriter.client.v1.EmoteRequest", kind: random.of(slugs) } }),
  (random) => ({
    $case: "give",
    value: {
      $type: "noriter.client.v1.GiveRequest",
      member: uint32(random),
      kind: random.of(slugs),
      count: random.below(11),
      wrappedMs: random.below(604_800_001)
    }
  }),
  () => ({ $case: "pouch", value: { $type: "noriter.client.v1.PouchRequest" } }),
  (random) => ({ $case: "block", value: { $type: "noriter.client.v1.BlockRequest", member: uint32(random) } }),
  (random) => ({ $case: "unblock", value: { $type: "noriter.client.v1.UnblockRequest", block: uint32(random) } }),
  () => ({ $case: "blocks", value: { $type: "noriter.client.v1.BlocksRequest" } }),
  () => ({ $case: "typing", value: { $type: "noriter.client.v1.TypingRequest" } })
]

function lawfulBody(random: Random): NonNullable<ClientMessage["body"]> {
  return random.of(bodies)(random)
}

// --- Lines to phones: whatever the types allow ---

const keys = Object.keys(heard)

/** Its value may yet lack fields: `create` fills them in. */
const isBody = (body: { readonly $case: string; readonly value: object }): body is ServerBody => body.$case in heard

const enums: Readonly<Record<string, number>> = { reach: 3, reason: 5, code: 12 }
const lists: Readonly<Record<string, (random: Random) => object | number>> = {
  streams: () => StreamPosition.create(),
  playgrounds: () => Playground.create(),
  channels: () => Channel.create(),
  members: () => Member.create(),
  issues: () => Issue.create(),
  flowers: () => Flowers.create(),
  blocks: () => Block.create(),
  member: uint32,
  xCm: uint32,
  yCm: uint32
}

export function arbitraryLine(random: Random): ServerMessage {
  const re = uint32(random)
  const body = { $case: random.of(["none", ...keys]), value: {} }
  const message = ServerMessage.create(isBody(body) ? { re, body } : { re })
  if (message.body !== undefined) fill(message.body.value, random)
  return message
}

function fill(message: object, random: Random): void {
  if ("limits" in message && random.below(2) === 0) message.limits = Limits.create()
  for (const [name, value] of Object.entries(message)) {
    if (name === "$type") continue
    Reflect.set(message, name, filled(name, value, random))
  }
}

function filled(name: string, value: unknown, random: Random): unknown {
  if (Array.isArray(value)) {
    return random.many(3, () => {
      const make = lists[name]
      if (make === undefined) throw new Error(`what is in a list of ${name}?`)
      const entry = make(random)
      if (typeof entry === "object") fill(entry, random)
      return entry
    })
  }
  if (typeof value === "object" && value !== null) fill(value, random)
  if (typeof value === "string") return spoken(random, 0, 6) + random.of(["", "\n", "\u0000", "\ud800", "\u007f"])
  if (typeof value === "boolean") return random.below(2) === 0
  if (typeof value !== "number") return value
  const bound = enums[name]
  return bound === undefined ? uint64(random) : random.below(bound)
}
