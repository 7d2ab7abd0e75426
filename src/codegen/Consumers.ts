/**
 * Prints gen/consumers.ts: for every service the handlers it needs, so that a missing one does not compile, and a
 * descriptor that binds handlers to their keys without any cast.
 */
import type { GeneratedFile, ImportSymbol, Printable } from "@bufbuild/protoplugin"
import type { ClientRpc, Model, Rpc, Service } from "./Model.ts"
import { commentOf, text, typeOf } from "./Printing.ts"

export function printConsumers(f: GeneratedFile, model: Model): void {
  printServiceTypes(f)
  for (const service of model.services) printService(f, service)
}

const consumerType = (f: GeneratedFile, name: string): ImportSymbol => f.import(name, "./src/bus/Consumer.js", true)
const registryType = (f: GeneratedFile, name: string): ImportSymbol => f.import(name, "./gen/registry.js", true)

function printServiceTypes(f: GeneratedFile): void {
  const of = (name: string): ImportSymbol => registryType(f, name)
  f.print()
  f.print`/** What the bus registers: every handler of a service under its key. Made once; nothing is made per message. */`
  f.print`export interface Service<Handlers> {`
  f.print`  readonly name: string`
  f.print`  readonly lane: ${of("Lane")}`
  f.print`  /** Which key each handler consumes. */`
  f.print`  readonly handlers: { readonly [Name in keyof Handlers]: ${of("Key")} }`
  f.print`  readonly bind: (handlers: Handlers) => ReadonlyArray<Binding>`
  f.print`}`
  f.print()
  f.print`export type Binding = ClientBinding | RunnerBinding | TopicBinding`
  f.print()
  f.print`export interface ClientBinding {`
  f.print`  readonly lane: "CLIENT"`
  f.print`  readonly key: ${of("ClientKey")}`
  f.print`  readonly run: ${consumerType(f, "ClientHandler")}<${of("ClientRequest")}, ${of("ClientResponse")} | void>`
  f.print`}`
  f.print()
  f.print`export interface RunnerBinding {`
  f.print`  readonly lane: "RUNNER"`
  f.print`  readonly key: ${of("RunnerKey")}`
  f.print`  readonly run: ${consumerType(f, "RunnerHandler")}<${of("RunnerMessage")}>`
  f.print`}`
  f.print()
  f.print`export interface TopicBinding {`
  f.print`  readonly lane: "TOPIC"`
  f.print`  readonly key: ${of("TopicKey")}`
  f.print`  readonly decider: ${consumerType(f, "TopicHandler")}<${of("TopicRecord")}>`
  f.print`}`
  f.print()
  f.print`/** The bus goes by the key, so this is a programmer's error. */`
  f.print`function misrouted(key: ${of("Key")}, message: { readonly $type: string }): never {`
  f.print`  throw new Error("the consumer of " + key + " was handed " + message.$type)`
  f.print`}`
}

function printService(f: GeneratedFile, service: Service): void {
  const name = service.desc.name
  f.print()
  f.print`/** ${commentOf(service.desc)} */`
  f.print`export interface ${name} {`
  for (const rpc of service.rpcs) {
    f.print`  /** ${commentOf(rpc.desc)} */`
    f.print`  readonly ${rpc.desc.localName}: ${handlerType(f, rpc)}`
  }
  f.print`}`
  f.print()
  f.print`export const ${name}: Service<${name}> = {`
  f.print`  name: ${text(service.desc.typeName)},`
  f.print`  lane: ${text(service.lane)},`
  f.print`  handlers: {`
  for (const rpc of service.rpcs) f.print`    ${rpc.desc.localName}: ${text(rpc.desc.input.typeName)},`
  f.print`  },`
  f.print`  bind: (handlers) => [`
  for (const rpc of service.rpcs) printBinding(f, rpc)
  f.print`  ],`
  f.print`}`
}

function handlerType(f: GeneratedFile, rpc: Rpc): Printable {
  const input = typeOf(f, rpc.desc.input)
  switch (rpc.lane) {
    case "CLIENT":
      return [consumerType(f, "ClientHandler"), "<", input, ", ", answerType(f, rpc), ">"]
    case "RUNNER":
      return [consumerType(f, "RunnerHandler"), "<", input, ">"]
    case "TOPIC":
      return [consumerType(f, "TopicHandler"), "<", input, ">"]
  }
}

const answerType = (f: GeneratedFile, rpc: ClientRpc): Printable =>
  rpc.answer === undefined ? "void" : typeOf(f, rpc.answer)

function printBinding(f: GeneratedFile, rpc: Rpc): void {
  const key = text(rpc.desc.input.typeName)
  const handler = `handlers.${rpc.desc.localName}`
  f.print`    {`
  f.print`      lane: ${text(rpc.lane)},`
  f.print`      key: ${key},`
  if (rpc.lane === "TOPIC") {
    f.print`      decider: {`
    f.print`        reads: (record) => (record.$type === ${key} ? ${handler}.reads(record) : misrouted(${key}, record)),`
    f.print`        decide: (state, record) => (record.$type === ${key} ? ${handler}.decide(state, record) : misrouted(${key}, record)),`
    f.print`        asker: (record) => (record.$type === ${key} ? ${handler}.asker(record) : misrouted(${key}, record)),`
    f.print`        timer: (record) => (record.$type === ${key} ? ${handler}.timer?.(record) : misrouted(${key}, record))`
    f.print`      }`
  } else {
    const args = rpc.lane === "CLIENT" ? "message, call" : "message, trace"
    f.print`      run: (${args}) => (message.$type === ${key} ? ${handler}(${args}) : misrouted(${key}, message))`
  }
  f.print`    },`
}
