/**
 * What the protos say, read once into a small model that every output prints from. Owns reading services, rpcs, envelopes
 * and catalogues, and refuses what could not be generated for, naming the element; what fields may hold is Fields.ts's.
 */
import {
  type DescEnum,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  hasOption
} from "@bufbuild/protobuf"
import * as options from "../../gen/noriter/options/v1/options_pb.ts"
import {
  boundsOf,
  checkMessage,
  checkRequested,
  checkRulesReached,
  checkTold,
  isImplicit,
  isPlainString,
  reachedFrom,
  refuse
} from "./Fields.ts"

export type Delivery = "LATEST" | "ORDERED" | "DURABLE"

/** A message from a phone. `field` is its name in the envelope, `answer` what its consumer answers with. */
export interface ClientRpc {
  readonly lane: "CLIENT"
  readonly desc: DescMethod
  readonly field: string
  readonly answer: DescMessage | undefined
  readonly delivery: Delivery
  readonly ratePerSecond: number
  readonly rateBurst: number
  readonly lasting: boolean
  readonly inside: boolean
}

/** A frame between runners; `partitionBy` is the field that names its pub/sub channel. */
export interface RunnerRpc {
  readonly lane: "RUNNER"
  readonly desc: DescMethod
  readonly partitionBy: string
}

/** A record of the log. */
export interface TopicRpc {
  readonly lane: "TOPIC"
  readonly desc: DescMethod
  readonly partitionBy: string
  readonly topic: Topic
}

export interface Topic {
  readonly name: string
  readonly partitions: number
  readonly retentionHours: number
}

export type Rpc = ClientRpc | RunnerRpc | TopicRpc

export interface Service {
  readonly desc: DescService
  readonly lane: Rpc["lane"]
  readonly rpcs: ReadonlyArray<Rpc>
}

/** One line to phones: under which name, and what a phone may count on. */
export interface Heard {
  readonly field: string
  readonly message: DescMessage
  readonly delivery: Delivery
  readonly answers: boolean
}

export interface Model {
  readonly services: ReadonlyArray<Service>
  /** In the order of the envelope. */
  readonly client: ReadonlyArray<ClientRpc>
  readonly runner: ReadonlyArray<RunnerRpc>
  readonly topic: ReadonlyArray<TopicRpc>
  readonly topics: ReadonlyArray<Topic>
  readonly clientMessage: DescMessage
  readonly serverMessage: DescMessage
  readonly heard: ReadonlyArray<Heard>
  /** Messages that phones may send, each after those it contains; the envelope is last. */
  readonly requested: ReadonlyArray<DescMessage>
  /** Messages that phones may hear, in the same order. */
  readonly told: ReadonlyArray<DescMessage>
  readonly errors: DescEnum | undefined
  readonly disconnects: DescEnum | undefined
}

const clientMessageName = "noriter.client.v1.ClientMessage"
const serverMessageName = "noriter.client.v1.ServerMessage"
const emptyName = "google.protobuf.Empty"

/** Reads and checks all of it. Throws an Error whose message names the element and what is wrong with it. */
export function readModel(files: ReadonlyArray<DescFile>): Model {
  const messages = files.flatMap((file) => file.messages)
  const enums = files.flatMap((file) => file.enums)
  for (const message of messages) checkMessage(message)

  const clientMessage = envelope(messages, clientMessageName)
  const serverMessage = envelope(messages, serverMessageName)
  const services = files
    .flatMap((file) => file.services)
    .map((service) => readService(service, clientMessage, serverMessage))
  const rpcs = services.flatMap((service) => service.rpcs)
  checkKeysOnce(rpcs)

  const order = clientMessage.fields.map((field) => field.message)
  const client = rpcs
    .filter((rpc) => rpc.lane === "CLIENT")
    .toSorted((a, b) => order.indexOf(a.desc.input) - order.indexOf(b.desc.input))
  const topic = rpcs.filter((rpc) => rpc.lane === "TOPIC")
  checkEveryKeyConsumed(clientMessage, client)
  const requested = reachedFrom(clientMessage)
  for (const message of requested) checkRequested(message, message === clientMessage)
  const told = reachedFrom(serverMessage)
  for (const message of told) checkTold(message)
  checkRulesReached(messages, new Set(requested))
  return {
    services,
    client,
    runner: rpcs.filter((rpc) => rpc.lane === "RUNNER"),
    topic,
    topics: readTopics(topic),
    clientMessage,
    serverMessage,
    heard: readHeard(serverMessage, client),
    requested,
    told,
    errors: enums.find((each) => each.typeName === "noriter.client.v1.ErrorCode"),
    disconnects: enums.find((each) => each.typeName === "noriter.client.v1.DisconnectCode")
  }
}

function envelope(messages: ReadonlyArray<DescMessage>, name: string): DescMessage {
  const message = messages.find((each) => each.typeName === name)
  if (message === undefined) throw new Error(`${name}: is missing`)
  if (message.oneofs.length !== 1) refuse(message, "an envelope has exactly one oneof")
  for (const field of message.fields) {
    if (field.oneof !== undefined) {
      if (field.fieldKind !== "message") refuse(field, "the keys of an envelope are messages")
    } else if (field.fieldKind !== "scalar" || boundsOf(field.scalar) === undefined || !isImplicit(field)) {
      refuse(field, "beside its key an envelope has plain whole numbers only")
    }
  }
  return message
}

function readService(service: DescService, clientMessage: DescMessage, serverMessage: DescMessage): Service {
  const lane = getOption(service, options.lane)
  if (hasOption(service, options.topic) && lane !== options.Lane.TOPIC) {
    refuse(service, "names a topic, but is not on the TOPIC lane")
  }
  switch (lane) {
    case options.Lane.CLIENT:
      return {
        desc: service,
        lane: "CLIENT",
        rpcs: service.methods.map((method) => readClientRpc(method, clientMessage, serverMessage))
      }
    case options.Lane.RUNNER:
      return {
        desc: service,
        lane: "RUNNER",
        rpcs: service.methods.map((desc) => ({ lane: "RUNNER", desc, partitionBy: readPartitionBy(desc) }))
      }
    case options.Lane.TOPIC: {
      const topic = readTopic(service)
      return {
        desc: service,
        lane: "TOPIC",
        rpcs: service.methods.map((desc) => ({ lane: "TOPIC", desc, partitionBy: readPartitionBy(desc), topic }))
      }
    }
    default:
      return refuse(service, "has no lane")
  }
}

function readClientRpc(method: DescMethod, clientMessage: DescMessage, serverMessage: DescMessage): ClientRpc {
  checkUnary(method)
  const rate = getOption(method, options.rate)
  if (rate.perSecondHundredths === 0 || rate.burst === 0)
    refuse(method, "has no rate (per_second_hundredths and burst)")
  const delivery = deliveryName(getOption(method, options.delivery))
  if (delivery === undefined) refuse(method, "has no delivery")
  if (hasOption(method, options.partition_by)) refuse(method, "partition_by means nothing on the CLIENT lane")

  const asked = clientMessage.fields.find((field) => field.message === method.input && field.oneof !== undefined)
  if (asked === undefined) refuse(method, `${method.input.name} is not in the oneof of ${clientMessage.name}`)
  const answer = method.output.typeName === emptyName ? undefined : method.output
  if (answer !== undefined) {
    const answered = serverMessage.fields.find((field) => field.name === asked.name)
    if (answered?.message !== answer || answered.oneof === undefined) {
      refuse(method, `${answer.name} is not in the oneof of ${serverMessage.name} under the name ${asked.name}`)
    }
  }
  return {
    lane: "CLIENT",
    desc: method,
    field: asked.jsonName,
    answer,
    delivery,
    ratePerSecond: rate.perSecondHundredths / 100,
    rateBurst: rate.burst,
    lasting: getOption(method, options.lasting),
    inside: getOption(method, options.inside)
  }
}

function checkUnary(method: DescMethod): void {
  if (method.methodKind !== "unary") refuse(method, "streams; a key is one message")
}

function readPartitionBy(method: DescMethod): string {
  checkUnary(method)
  if (method.output.typeName !== emptyName)
    refuse(method, `answers with ${method.output.name}; only phones are answered`)
  if (hasOption(method, options.rate)) refuse(method, "rate means nothing outside the CLIENT lane")
  const name = getOption(method, options.partition_by)
  if (name === "") refuse(method, "has no partition_by")
  const field = method.input.fields.find((each) => each.name === name)
  if (field === undefined) refuse(method, `partition_by names no field of ${method.input.name}: ${name}`)
  if (!isPlainString(field)) refuse(method, `partition_by must name a plain string field: ${name}`)
  return field.localName
}

function readTopic(service: DescService): Topic {
  if (!hasOption(service, options.topic)) refuse(service, "is on the TOPIC lane and names no topic")
  const { name, partitions, retentionHours } = getOption(service, options.topic)
  if (name === "" || partitions === 0 || retentionHours === 0) {
    refuse(service, "its topic needs a name, partitions and retention_hours")
  }
  return { name, partitions, retentionHours }
}

/** Two services may share a topic only if they say the same of it. */
function readTopics(rpcs: ReadonlyArray<TopicRpc>): ReadonlyArray<Topic> {
  const topics = new Map<string, Topic>()
  for (const { desc, topic } of rpcs) {
    const known = topics.get(topic.name)
    if (
      known !== undefined &&
      (known.partitions !== topic.partitions || known.retentionHours !== topic.retentionHours)
    ) {
      refuse(desc.parent, `says otherwise of the topic ${topic.name} than another service`)
    }
    topics.set(topic.name, topic)
  }
  return [...topics.values()]
}

/** The bus finds the consumer by the message's name, so a message has one. */
function checkKeysOnce(rpcs: ReadonlyArray<Rpc>): void {
  const consumers = new Map<DescMessage, DescMethod>()
  for (const { desc } of rpcs) {
    const other = consumers.get(desc.input)
    if (other !== undefined) refuse(desc, `${desc.input.typeName} is consumed by ${other} already`)
    consumers.set(desc.input, desc)
  }
}

function checkEveryKeyConsumed(clientMessage: DescMessage, client: ReadonlyArray<ClientRpc>): void {
  for (const field of clientMessage.fields) {
    if (field.oneof !== undefined && !client.some((rpc) => rpc.desc.input === field.message)) {
      refuse(field, "no service consumes it")
    }
  }
}

function readHeard(serverMessage: DescMessage, client: ReadonlyArray<ClientRpc>): ReadonlyArray<Heard> {
  const heard: Array<Heard> = []
  for (const field of serverMessage.oneofs.flatMap((each) => each.fields)) {
    const message = field.message
    if (message === undefined) continue
    const answers = client.some((rpc) => rpc.answer === message)
    const delivery = deliveryName(getOption(message, options.heard))
    if (answers && delivery !== undefined)
      refuse(message, "is an answer: those are ORDERED, `heard` means nothing here")
    if (!answers && delivery === undefined) refuse(message, "phones hear it, but it does not say how (heard)")
    heard.push({ field: field.jsonName, message, delivery: delivery ?? "ORDERED", answers })
  }
  return heard
}

function deliveryName(delivery: options.Delivery): Delivery | undefined {
  switch (delivery) {
    case options.Delivery.LATEST:
      return "LATEST"
    case options.Delivery.ORDERED:
      return "ORDERED"
    case options.Delivery.DURABLE:
      return "DURABLE"
    default:
      return undefined
  }
}
