/**
 * Prints the writers of what phones hear, into gen/registry.ts: proto3 JSON as the official libraries write it, straight
 * into text. Many times a second for every phone, so nothing is built that is not sent.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf"
import { ScalarType } from "@bufbuild/protobuf"
import type { GeneratedFile, Printable } from "@bufbuild/protoplugin"
import { boundsOf, isImplicit, refuse, scalarOf } from "./Fields.ts"
import type { Model } from "./Model.ts"
import { enumToJson, text, typeOf } from "./Printing.ts"

export function printServerLine(f: GeneratedFile, model: Model): void {
  f.print()
  f.print("// --- Lines to phones ---")
  for (const message of model.told) {
    if (message !== model.serverMessage) printWriter(f, message)
  }
  printEnvelopeWriter(f, model.serverMessage)
}

function printWriter(f: GeneratedFile, message: DescMessage): void {
  if (message.oneofs.length > 0) refuse(message, "a oneof inside a line to phones has no writer")
  f.print()
  if (message.fields.length === 0) {
    f.print("const json", message.name, ` = (_message: `, typeOf(f, message), `): string => "{}"`)
    return
  }
  f.print("function json", message.name, "(message: ", typeOf(f, message), "): string {")
  f.print(`  let json = ""`)
  f.print(`  let next = "{"`)
  for (const field of message.fields) printMember(f, field)
  f.print(`  return next === "{" ? "{}" : json + "}"`)
  f.print("}")
}

/** Zeros are left out, as encoders do; what has presence of its own is written whenever it is there. */
function printMember(f: GeneratedFile, field: DescField): void {
  const value = `message.${field.localName}`
  f.print("  if (", isWritten(field, value), ") {")
  f.print("    json += next + ", quoted(`"${field.jsonName}":`), " + ", memberJson(f, field, value))
  f.print(`    next = ","`)
  f.print("  }")
}

function isWritten(field: DescField, value: string): string {
  if (field.fieldKind === "list") return `${value}.length > 0`
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

function memberJson(f: GeneratedFile, field: DescField, value: string): Printable {
  if (field.fieldKind !== "list") return valueJson(f, field, value)
  if (boundsOf(field.scalar) !== undefined) return `JSON.stringify(${value})`
  return [`"[" + ${value}.map((entry) => `, valueJson(f, field, "entry"), `).join(",") + "]"`]
}

function valueJson(f: GeneratedFile, field: DescField, value: string): Printable {
  if (field.message !== undefined) return `json${field.message.name}(${value})`
  if (field.enum !== undefined) return [quoted('"'), " + ", enumToJson(f, field.enum), `(${value}) + `, quoted('"')]
  const scalar = scalarOf(field)
  if (scalar === ScalarType.STRING) return `JSON.stringify(${value})`
  if (scalar === ScalarType.BOOL || boundsOf(scalar) !== undefined) return value
  return refuse(field, "has no writer: phones hear numbers that are whole, text, truths and enums")
}

function printEnvelopeWriter(f: GeneratedFile, envelope: DescMessage): void {
  const oneof = envelope.oneofs[0]?.localName ?? refuse(envelope, "has no oneof")
  f.print()
  f.print("/** One line to a phone, its end not included. */")
  f.print("export function serverLine(message: ", typeOf(f, envelope), "): string {")
  f.print(`  let json = ""`)
  f.print(`  let next = "{"`)
  for (const field of envelope.fields) {
    if (field.oneof === undefined) printMember(f, field)
  }
  f.print(
    `  return message.`,
    oneof,
    ` === undefined ? (next === "{" ? "{}" : json + "}") : json + next + jsonKey(message.`,
    oneof,
    `) + "}"`
  )
  f.print("}")
  f.print()
  f.print("function jsonKey(body: ServerBody): string {")
  f.print("  switch (body.$case) {")
  for (const field of envelope.fields) {
    if (field.oneof === undefined) continue
    f.print("    case ", text(field.localName), ":")
    f.print("      return ", quoted(`"${field.jsonName}":`), " + json", field.message?.name ?? "", "(body.value)")
  }
  f.print("  }")
  f.print("}")
}

/** A literal of JSON text reads better in single quotes. */
const quoted = (json: string): string => `'${json}'`
