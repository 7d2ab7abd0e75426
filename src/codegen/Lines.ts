/**
 * Prints the writer of what phones hear, into gen/registry.ts: proto3 JSON as the official libraries write it. Short lines
 * are pasted together straight from the message. Messages with lists go through JSON.stringify, which writes into one
 * piece of memory, where long pasted text would be copied twice.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf"
import { ScalarType } from "@bufbuild/protobuf"
import type { GeneratedFile, Printable } from "@bufbuild/protoplugin"
import { boundsOf, isImplicit, reachedFrom, refuse, scalarOf } from "./Fields.ts"
import type { Model } from "./Model.ts"
import { codecOf, enumToJson, text, typeOf } from "./Printing.ts"

export function printServerLine(f: GeneratedFile, model: Model): void {
  f.print()
  f.print`// --- Lines to phones ---`
  printQuote(f)
  const keys = model.serverMessage.fields.filter((field) => field.message !== undefined && !hasLists(field.message))
  const written = keys.flatMap((field) => (field.message === undefined ? [] : reachedFrom(field.message)))
  for (const message of new Set(written)) printWriter(f, message)
  printEnvelopeWriter(f, model.serverMessage, keys)
}

const hasLists = (message: DescMessage): boolean =>
  reachedFrom(message).some((each) => each.fields.some((field) => field.fieldKind === "list"))

/** Most text has nothing to escape, and seeing that is quicker than JSON.stringify. */
function printQuote(f: GeneratedFile): void {
  f.print()
  f.print`function quote(text: string): string {`
  f.print`  for (let index = 0; index < text.length; index++) {`
  f.print`    const unit = text.charCodeAt(index)`
  f.print`    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit & 0xf800) === 0xd800) return JSON.stringify(text)`
  f.print`  }`
  f.print`  return '"' + text + '"'`
  f.print`}`
}

function printWriter(f: GeneratedFile, message: DescMessage): void {
  if (message.oneofs.length > 0) refuse(message, "a oneof inside a line to phones has no writer")
  f.print()
  if (message.fields.length === 0) {
    f.print`const json${message.name} = (_message: ${typeOf(f, message)}): string => "{}"`
    return
  }
  f.print`function json${message.name}(message: ${typeOf(f, message)}): string {`
  f.print`  let json = ""`
  f.print`  let next = "{"`
  for (const field of message.fields) printMember(f, field)
  f.print`  return next === "{" ? "{}" : json + "}"`
  f.print`}`
}

/** Zeros are left out, as encoders do; what has presence of its own is written whenever it is there. */
function printMember(f: GeneratedFile, field: DescField): void {
  const value = `message.${field.localName}`
  f.print`  if (${isWritten(field, value)}) {`
  f.print`    json += next + ${quoted(`"${field.jsonName}":`)} + ${valueJson(f, field, value)}`
  f.print`    next = ","`
  f.print`  }`
}

function isWritten(field: DescField, value: string): string {
  if (!isImplicit(field)) return `${value} !== undefined`
  switch (scalarOf(field)) {
    case ScalarType.STRING:
      return `${value} !== ""`
    case ScalarType.BOOL:
      return value
    default:
      return `${value} !== 0`
  }
}

function valueJson(f: GeneratedFile, field: DescField, value: string): Printable {
  if (field.message !== undefined) return `json${field.message.name}(${value})`
  if (field.enum !== undefined) return [quoted('"'), " + ", enumToJson(f, field.enum), `(${value}) + `, quoted('"')]
  const scalar = scalarOf(field)
  if (scalar === ScalarType.STRING) return `quote(${value})`
  if (scalar === ScalarType.BOOL || boundsOf(scalar) !== undefined) return value
  return refuse(field, "has no writer: phones hear numbers that are whole, text, truths and enums")
}

function printEnvelopeWriter(f: GeneratedFile, envelope: DescMessage, keys: ReadonlyArray<DescField>): void {
  const oneof = envelope.oneofs[0]?.localName ?? refuse(envelope, "has no oneof")
  f.print()
  f.print`/** One line to a phone, its end not included. */`
  f.print`export function serverLine(message: ${typeOf(f, envelope)}): string {`
  f.print`  const key = message.${oneof} === undefined ? "" : jsonKey(message.${oneof})`
  f.print`  if (key === undefined) return JSON.stringify(${codecOf(f, envelope)}.toJSON(message))`
  f.print`  let json = ""`
  f.print`  let next = "{"`
  for (const field of envelope.fields) {
    if (field.oneof === undefined) printMember(f, field)
  }
  f.print`  if (key !== "") return json + next + key + "}"`
  f.print`  return next === "{" ? "{}" : json + "}"`
  f.print`}`
  f.print()
  f.print`/** Undefined: it has lists. */`
  f.print`function jsonKey(body: ServerBody): string | undefined {`
  f.print`  switch (body.$case) {`
  for (const field of keys) {
    f.print`    case ${text(field.localName)}:`
    f.print`      return ${quoted(`"${field.jsonName}":`)} + json${field.message?.name ?? ""}(body.value)`
  }
  f.print`    default:`
  f.print`      return undefined`
  f.print`  }`
  f.print`}`
}

/** A literal of JSON text reads better in single quotes. */
const quoted = (json: string): string => `'${json}'`
