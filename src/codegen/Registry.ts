/**
 * Prints gen/registry.ts: what the bus and the links know of every key. Its routes are plain data; its codecs are switches
 * on the name of the message, so that nothing is looked up or cast.
 */
import type { DescMessage } from "@bufbuild/protobuf"
import type { GeneratedFile, Printable } from "@bufbuild/protoplugin"
import { printServerLine } from "./Lines.ts"
import type { Model, RunnerRpc, TopicRpc } from "./Model.ts"
import { codecOf, text, typeOf } from "./Printing.ts"

export function printRegistry(f: GeneratedFile, model: Model): void {
  printUnions(f, model)
  printRouteTypes(f)
  printClientRoutes(f, model)
  printPartitionedRoutes(f, model)
  printHeard(f, model)
  printAnswerBody(f, model)
  printPartitionOf(f, [...model.runner, ...model.topic])
  printEncode(f, [...model.runner, ...model.topic])
  printDecode(f, "decodeRunner", "RunnerMessage", model.runner)
  printDecode(f, "decodeTopic", "TopicRecord", model.topic)
  printServerLine(f, model)
}

function printUnions(f: GeneratedFile, model: Model): void {
  const inputs = (rpcs: ReadonlyArray<{ readonly desc: { readonly input: DescMessage } }>) =>
    rpcs.map((rpc) => rpc.desc.input)
  printUnion(f, "ClientRequest", "What phones ask.", inputs(model.client))
  printUnion(
    f,
    "ClientResponse",
    "What phones are answered with, refusals apart.",
    model.client.flatMap((rpc) => rpc.answer ?? [])
  )
  printUnion(f, "RunnerMessage", "What runners tell each other.", inputs(model.runner))
  printUnion(f, "TopicRecord", "What lies on the log.", inputs(model.topic))
  f.print()
  f.print`export type ClientKey = ClientRequest["$type"]`
  f.print`export type RunnerKey = RunnerMessage["$type"]`
  f.print`export type TopicKey = TopicRecord["$type"]`
  f.print`export type Key = ClientKey | RunnerKey | TopicKey`
}

function printUnion(f: GeneratedFile, name: string, about: string, messages: ReadonlyArray<DescMessage>): void {
  f.print()
  f.print`/** ${about} */`
  f.print`export type ${name} =${messages.length === 0 ? " never" : ""}`
  for (const message of new Set(messages)) f.print`  | ${typeOf(f, message)}`
}

function printRouteTypes(f: GeneratedFile): void {
  f.print`
export type Lane = "CLIENT" | "RUNNER" | "TOPIC"
export type Delivery = "LATEST" | "ORDERED" | "DURABLE"

export interface ClientRoute {
  readonly lane: "CLIENT"
  readonly key: ClientKey
  readonly service: string
  /** Its name in the envelope. */
  readonly field: string
  /** Whether an id is answered with a message of its own. */
  readonly answer: boolean
  readonly delivery: Delivery
  readonly ratePerSecond: number
  readonly rateBurst: number
  /** Goes to the log or to presence, and takes effect in the order sent. */
  readonly lasting: boolean
  /** Lawful only while standing in a playground. */
  readonly inside: boolean
}

export interface RunnerRoute {
  readonly lane: "RUNNER"
  readonly key: RunnerKey
  readonly service: string
}

export interface TopicRoute {
  readonly lane: "TOPIC"
  readonly key: TopicKey
  readonly service: string
  readonly topic: string
  readonly partitions: number
  readonly retentionHours: number
}`
}

function printRecord(
  f: GeneratedFile,
  name: string,
  type: string,
  entries: ReadonlyArray<readonly [string, object]>
): void {
  f.print()
  f.print`export const ${name}: ${type} = {`
  for (const [key, entry] of entries) f.print`  ${text(key)}: ${literal(entry)},`
  f.print`}`
}

/** An object of plain values on one line, its names without quotes. */
function literal(entry: object): string {
  const members = Object.entries(entry).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  return `{ ${members.join(", ")} }`
}

function printClientRoutes(f: GeneratedFile, model: Model): void {
  const entries = model.client.map((rpc) => {
    const key = rpc.desc.input.typeName
    const { field, delivery, ratePerSecond, rateBurst, lasting, inside } = rpc
    const answer = rpc.answer !== undefined
    const service = rpc.desc.parent.typeName
    return [
      key,
      { lane: "CLIENT", key, service, field, answer, delivery, ratePerSecond, rateBurst, lasting, inside }
    ] as const
  })
  printRecord(f, "clientRoutes", "Readonly<Record<ClientKey, ClientRoute>>", entries)
}

function printPartitionedRoutes(f: GeneratedFile, model: Model): void {
  const runner = model.runner.map(({ desc }) => {
    const key = desc.input.typeName
    return [key, { lane: "RUNNER", key, service: desc.parent.typeName }] as const
  })
  printRecord(f, "runnerRoutes", "Readonly<Record<RunnerKey, RunnerRoute>>", runner)

  const topic = model.topic.map(({ desc, topic: { name, partitions, retentionHours } }) => {
    const key = desc.input.typeName
    return [
      key,
      { lane: "TOPIC", key, service: desc.parent.typeName, topic: name, partitions, retentionHours }
    ] as const
  })
  printRecord(f, "topicRoutes", "Readonly<Record<TopicKey, TopicRoute>>", topic)

  f.print()
  f.print`export interface Topic {`
  f.print`  readonly name: string`
  f.print`  readonly partitions: number`
  f.print`  readonly retentionHours: number`
  f.print`}`
  f.print()
  f.print`export const topics: ReadonlyArray<Topic> = [`
  for (const each of model.topics) f.print`  ${literal(each)},`
  f.print`]`
}

function printHeard(f: GeneratedFile, model: Model): void {
  f.print()
  f.print`/** The key of a line to phones: the oneof of ServerMessage. */`
  f.print`export type ServerBody = NonNullable<${typeOf(f, model.serverMessage)}["body"]>`
  f.print()
  f.print`/** What a phone may count on, line by line; answers are never skipped. */`
  f.print`export const heard: Readonly<Record<ServerBody["$case"], Delivery>> = {`
  for (const { field, delivery } of model.heard) f.print`  ${field}: ${text(delivery)},`
  f.print`}`
}

function printAnswerBody(f: GeneratedFile, model: Model): void {
  f.print()
  f.print`/** Puts an answer under its name in the envelope. */`
  f.print`export function answerBody(value: ClientResponse): ServerBody {`
  f.print`  switch (value.$type) {`
  for (const { field, message, answers } of model.heard) {
    if (!answers) continue
    f.print`    case ${text(message.typeName)}:`
    f.print`      return { $case: ${text(field)}, value }`
  }
  f.print`  }`
  f.print`}`
}

type PartitionedRpcs = ReadonlyArray<RunnerRpc | TopicRpc>

/** Every case returns, so tsc sees that none is missing. */
function printCases(
  f: GeneratedFile,
  on: string,
  rpcs: PartitionedRpcs,
  result: (rpc: RunnerRpc | TopicRpc) => Printable
): void {
  f.print`  switch (${on}) {`
  for (const rpc of rpcs) {
    f.print`    case ${text(rpc.desc.input.typeName)}:`
    f.print`      return ${result(rpc)}`
  }
}

function printPartitionOf(f: GeneratedFile, rpcs: PartitionedRpcs): void {
  f.print()
  f.print`/** What decides the partition of a record, or the pub/sub channel of a frame. */`
  f.print`export function partitionOf(message: RunnerMessage | TopicRecord): string {`
  printCases(f, "message.$type", rpcs, (rpc) => `message.${rpc.partitionBy}`)
  f.print`  }`
  f.print`}`
}

function printEncode(f: GeneratedFile, rpcs: PartitionedRpcs): void {
  f.print()
  f.print`let writer = new ${f.import("BinaryWriter", "@bufbuild/protobuf/wire")}()`
  f.print()
  f.print`/**`
  f.print` * The bytes of a message. One writer serves all, because making one costs more than most messages; an encoder that`
  f.print` * throws leaves half a message in it, so then it is thrown away.`
  f.print` */`
  f.print`export function encodeBody(message: RunnerMessage | TopicRecord): Uint8Array {`
  f.print`  try {`
  f.print`    return write(message).finish()`
  f.print`  } catch (cause) {`
  f.print`    writer = new BinaryWriter()`
  f.print`    throw cause`
  f.print`  }`
  f.print`}`
  f.print()
  f.print`function write(message: RunnerMessage | TopicRecord): BinaryWriter {`
  printCases(f, "message.$type", rpcs, (rpc) => [codecOf(f, rpc.desc.input), ".encode(message, writer)"])
  f.print`  }`
  f.print`}`
}

function printDecode(f: GeneratedFile, name: string, union: string, rpcs: PartitionedRpcs): void {
  f.print()
  f.print`/** Undefined: nobody here knows the key. Throws on bytes that are not such a message. */`
  f.print`export function ${name}(key: string, bytes: Uint8Array): ${union} | undefined {`
  printCases(f, "key", rpcs, (rpc) => [codecOf(f, rpc.desc.input), ".decode(bytes)"])
  f.print`    default:`
  f.print`      return undefined`
  f.print`  }`
  f.print`}`
}
