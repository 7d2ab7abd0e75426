/**
 * Prints the protocol for the TypeScript SDK, with nothing but the language beneath it: types of what is asked and heard,
 * readers that take what JSON.parse made and fill in zeros, a typed method for every key. Phones ignore what they do not
 * know, so readers refuse nothing: what is missing or of another kind is zero, an unknown name the unspecified one.
 */
import { type DescEnum, type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf"
import type { GeneratedFile } from "@bufbuild/protoplugin"
import { definite } from "../../gen/noriter/options/v1/options_pb.ts"
import { isImplicit, refuse, rulesOf, scalarOf } from "./Fields.ts"
import type { ClientRpc, Heard, Model } from "./Model.ts"
import { commentOf, text } from "./Printing.ts"

/** Keys that keep a session going: the SDK's own business, which no caller hears of as such. */
const housekeeping: ReadonlySet<string> = new Set(["hello", "resume", "error", "disconnect", "beat", "streams"])
/** Events of the SDK itself; a key of the same name could not be told from them. */
const ownEvents: ReadonlySet<string> = new Set(["state", "session", "place", "missed", "refused"])
/** What a plaza of the SDK has of its own (Plaza.ts), where every key that may be asked is a method. */
export const ownMembers: ReadonlySet<string> = new Set(
  (
    "constructor closed conversation transport listeners over socket state place figures connect on networkChanged close " +
    "tick ask send owner open release hear tell"
  ).split(" ")
)
/** Types that are printed beside those of the protos, and what readers of plain values are named by. */
const ownTypes: ReadonlySet<string> = new Set("Fields Heard Listeners Requests Number String Boolean List".split(" "))

export function printSdk(f: GeneratedFile, model: Model): void {
  const told = model.told.filter((message) => message !== model.serverMessage)
  const asked = model.requested.filter((message) => message !== model.clientMessage && !told.includes(message))
  const enums = new Set([...told, ...asked].flatMap((message) => message.fields).flatMap((field) => field.enum ?? []))
  for (const desc of [...enums, ...asked, ...told]) {
    if (ownTypes.has(desc.name)) refuse(desc, "is a name that the SDKs have of their own")
  }
  for (const desc of enums) printEnum(f, desc, told)
  for (const message of asked) printType(f, message, isLeftOut)
  for (const message of told) printType(f, message, () => false)
  printScalarReaders(f)
  for (const message of told) printReader(f, message)
  printHeard(f, model.heard.filter(isForCallers))
  printRequests(
    f,
    model.client.filter((rpc) => !housekeeping.has(rpc.field))
  )
  if (model.errors !== undefined) printDefinite(f, model.errors)
}

const isForCallers = ({ field, message, answers }: Heard): boolean => {
  if (ownEvents.has(field)) refuse(message, `is heard as ${field}, which is an event of the SDKs themselves`)
  return !answers && !housekeeping.has(field)
}

/** What callers may leave out: wherever zero is lawful. A new field breaks nobody then. */
function isLeftOut(field: DescField): boolean {
  const rules = rulesOf(field)
  const must = [rules?.required, rules?.specified, rules?.text?.graphemesMin, rules?.text?.bytesMin]
  return !must.some((rule) => Boolean(rule))
}

// --- Types ---

/** Names, as they stand on the wire. Only what is heard is ever read. */
function printEnum(f: GeneratedFile, desc: DescEnum, told: ReadonlyArray<DescMessage>): void {
  f.print()
  f.print`/** ${commentOf(desc)} */`
  f.print`export type ${desc.name} =`
  for (const value of desc.values) {
    f.print`  /** ${commentOf(value)} */`
    f.print`  | ${text(value.name)}`
  }
  if (!told.some((message) => message.fields.some((field) => field.enum === desc))) return
  const zero = desc.values[0]?.name ?? refuse(desc, "has no values")
  f.print()
  f.print`const namesOf${desc.name}: ReadonlySet<unknown> = new Set(${JSON.stringify(desc.values.map(({ name }) => name))})`
  f.print`const is${desc.name} = (value: unknown): value is ${desc.name} => namesOf${desc.name}.has(value)`
  f.print`const read${desc.name} = (value: unknown): ${desc.name} => (is${desc.name}(value) ? value : ${text(zero)})`
}

function printType(f: GeneratedFile, message: DescMessage, isOptional: (field: DescField) => boolean): void {
  f.print()
  f.print`/** ${commentOf(message)} */`
  if (message.fields.length === 0) {
    f.print`export type ${message.name} = Readonly<Record<never, never>>`
    return
  }
  f.print`export interface ${message.name} {`
  for (const field of message.fields) {
    f.print`  /** ${commentOf(field)} */`
    f.print`  readonly ${field.jsonName}${isOptional(field) ? "?" : ""}: ${typeName(field)}`
  }
  f.print`}`
}

function typeName(field: DescField): string {
  if (field.fieldKind === "list") return `ReadonlyArray<${singleName(field)}>`
  return isImplicit(field) ? singleName(field) : `${singleName(field)} | undefined`
}

function singleName(field: DescField): string {
  const of = field.message ?? field.enum
  if (of !== undefined) return of.name
  switch (scalarOf(field)) {
    case ScalarType.STRING:
      return "string"
    case ScalarType.BOOL:
      return "boolean"
    default:
      return "number"
  }
}

// --- Readers ---

function printScalarReaders(f: GeneratedFile): void {
  f.print`
type Fields = Readonly<Record<string, unknown>>

const nothing: Fields = {}
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null
export const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : nothing)
/** 64-bit numbers may come as decimal strings. */
export const readNumber = (value: unknown): number => (typeof value === "number" ? value : Number(value ?? 0) || 0)
const readString = (value: unknown): string => (typeof value === "string" ? value : "")
const readBoolean = (value: unknown): boolean => value === true
const readList = <A>(value: unknown, read: (entry: unknown) => A): ReadonlyArray<A> =>
  Array.isArray(value) ? value.map((entry) => read(entry)) : []`
}

function printReader(f: GeneratedFile, message: DescMessage): void {
  f.print()
  if (message.fields.length === 0) {
    f.print`export const read${message.name} = (_value: unknown): ${message.name} => nothing`
    return
  }
  f.print`export const read${message.name} = (value: unknown): ${message.name} => {`
  f.print`  const fields = fieldsOf(value)`
  f.print`  return {`
  for (const field of message.fields) f.print`    ${field.jsonName}: ${readCall(field, `fields.${field.jsonName}`)},`
  f.print`  }`
  f.print`}`
}

function readCall(field: DescField, value: string): string {
  const name = singleName(field)
  const reader = `read${name.charAt(0).toUpperCase()}${name.slice(1)}`
  if (field.fieldKind === "list") return `readList(${value}, ${reader})`
  return isImplicit(field) ? `${reader}(${value})` : `(${value} ?? null) === null ? undefined : ${reader}(${value})`
}

// --- What is heard and asked ---

function printHeard(f: GeneratedFile, heard: ReadonlyArray<Heard>): void {
  f.print()
  f.print`/** What is heard unasked, by its key. */`
  f.print`export interface Heard {`
  for (const { field, message } of heard) {
    f.print`  /** ${commentOf(message)} */`
    f.print`  readonly ${field}: ${message.name}`
  }
  f.print`}`
  f.print()
  f.print`export const readers: { readonly [K in keyof Heard]: (value: unknown) => Heard[K] } = {`
  for (const { field, message } of heard) f.print`  ${field}: read${message.name},`
  f.print`}`
  f.print()
  f.print`export type Listeners<Events> = { readonly [K in keyof Events]: Set<(event: Events[K]) => void> }`
  f.print()
  f.print`export const newListeners = (): Listeners<Heard> => ({`
  for (const { field } of heard) f.print`  ${field}: new Set(),`
  f.print`})`
  f.print()
  f.print`/** Lines of a stream: replayed after a resume, and heard once. */`
  const durable = heard.filter(({ delivery }) => delivery === "DURABLE").map(({ field }) => field)
  f.print`export const durable: ReadonlySet<string> = new Set(${JSON.stringify(durable)})`
}

function printRequests(f: GeneratedFile, rpcs: ReadonlyArray<ClientRpc>): void {
  f.print()
  f.print`/** A method for every key that a caller may send. How it gets there is the heir's. */`
  f.print`export abstract class Requests {`
  f.print`  /** Asks, and gives the answer; rejects with a refusal. */`
  f.print`  protected abstract ask<A>(key: string, request: object, read: (value: unknown) => A): Promise<A>`
  f.print`  /** Says what needs no answer: it may be lost, the next one replaces it. */`
  f.print`  protected abstract send(key: string, request: object): void`
  for (const rpc of rpcs) printRequest(f, rpc)
  f.print`}`
}

function printRequest(f: GeneratedFile, rpc: ClientRpc): void {
  if (ownMembers.has(rpc.field)) refuse(rpc.desc, `is asked as ${rpc.field}, which the SDKs have of their own`)
  const { input } = rpc.desc
  const parameter = `request: ${input.name}${input.fields.length === 0 ? " = {}" : ""}`
  const name = text(rpc.field)
  f.print()
  f.print`  /** ${commentOf(rpc.desc)} */`
  if (rpc.answer === undefined) {
    f.print`  ${rpc.field}(${parameter}): void {`
    f.print`    this.send(${name}, request)`
  } else {
    f.print`  ${rpc.field}(${parameter}): Promise<${rpc.answer.name}> {`
    f.print`    return this.ask(${name}, request, read${rpc.answer.name})`
  }
  f.print`  }`
}

function printDefinite(f: GeneratedFile, errors: DescEnum): void {
  const names = errors.values.filter((value) => getOption(value, definite)).map(({ name }) => name)
  f.print()
  f.print`/** Refusals that promise that nothing happened. */`
  f.print`export const definiteErrors: ReadonlySet<string> = new Set(${JSON.stringify(names)})`
}
