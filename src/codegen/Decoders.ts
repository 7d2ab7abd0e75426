/**
 * Prints gen/decoders.ts: a strict decoder for every message that phones send. Straight-line code without closures: it
 * reads each known property once and counts the others, because that is what engines make fast. The reading of single
 * values is src/wire/Strict.ts's.
 */
import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf"
import { ScalarType } from "@bufbuild/protobuf"
import type { GeneratedFile, ImportSymbol, Printable } from "@bufbuild/protoplugin"
import { Characters, type Text } from "../../gen/noriter/options/v1/options_pb.ts"
import { boundsOf, charactersName, isImplicit, refuse, rulesOf, scalarOf } from "./Fields.ts"
import type { Model } from "./Model.ts"
import { text, typeOf } from "./Printing.ts"

export function printDecoders(f: GeneratedFile, model: Model): void {
  const messages = model.requested.filter((message) => message !== model.clientMessage)
  for (const desc of new Set(messages.flatMap((message) => message.fields).flatMap((field) => field.enum ?? []))) {
    printEnumReader(f, desc)
  }
  for (const message of messages) printDecoder(f, message)
  printEnvelopeDecoder(f, model.clientMessage)
}

const strict = (f: GeneratedFile, name: string): ImportSymbol => f.import(name, "./src/wire/Strict.js")
const strictType = (f: GeneratedFile, name: string): ImportSymbol => f.import(name, "./src/wire/Strict.js", true)

// --- Enums: by full name or known number ---

/** Names and numbers apart, because a switch over both is slow. Zero and absent are one. */
function printEnumReader(f: GeneratedFile, desc: DescEnum): void {
  const issuesType = strictType(f, "Issues")
  const [zeros, others] = [desc.values.filter(isZero), desc.values.filter((value) => !isZero(value))]
  const names = desc.values.map((value) => value.name).join(", ")
  const isAbsent = ["undefined", "null", "0", ...zeros.map((value) => text(value.name))].map(
    (zero) => `value === ${zero}`
  )
  f.print()
  f.print`function read${desc.name}(value: unknown, specified: boolean, path: string, issues: ${issuesType}): ${typeOf(f, desc)} {`
  f.print`  if (typeof value === "string") {`
  f.print`    switch (value) {`
  for (const value of others) f.print`      case ${text(value.name)}: return ${value.number}`
  f.print`    }`
  f.print`  } else {`
  f.print`    switch (value) {`
  for (const number of new Set(others.map((value) => value.number))) f.print`      case ${number}: return ${number}`
  f.print`    }`
  f.print`  }`
  f.print`  if (${isAbsent.join(" || ")}) {`
  f.print`    if (specified) issues.add(path, "REQUIRED", "must be given")`
  f.print`  } else {`
  f.print`    issues.add(path, "ENUM", ${text(`must be one of ${names}`)})`
  f.print`  }`
  f.print`  return 0`
  f.print`}`
}

const isZero = (value: DescEnum["values"][number]): boolean => value.number === 0

// --- Messages ---

function printDecoder(f: GeneratedFile, message: DescMessage): void {
  const fields = message.fields
  const issuesType = strictType(f, "Issues")
  f.print()
  for (const field of fields) printTextRule(f, field)
  f.print`const ${namesOf(message)}: ReadonlySet<string> = new Set(${JSON.stringify(fields.map((each) => each.jsonName))})`
  f.print()
  f.print`export function decode${message.name}(value: unknown, issues: ${issuesType}): ${typeOf(f, message)} | undefined {`
  f.print`  if (!${strict(f, "isObject")}(value)) return issues.add("", "TYPE", "must be an object")`
  f.print`  const before = issues.count`
  if (fields.length > 0) f.print`  let unknown = ${strict(f, "countFields")}(value)`
  else f.print`  const unknown = ${strict(f, "countFields")}(value)`
  for (const field of fields) printField(f, field)
  f.print`  if (unknown !== 0) ${strict(f, "addUnknownFields")}(value, ${namesOf(message)}, issues)`
  f.print`  if (issues.count !== before) return undefined`
  const members = [`$type: ${text(message.typeName)}`, ...fields.map(memberOf)]
  f.print`  return { ${members.join(", ")} }`
  f.print`}`
}

const namesOf = (message: DescMessage): string => `namesOf${message.name}`
const ruleOf = (field: DescField): string => `textOf${field.parent.name}_${field.localName}`
/** The variable a field is read into: neither a word of the language nor a name of the decoder's own ends so, nor a field's. */
const localOf = (field: DescField): string => `${field.localName}_`
const memberOf = (field: DescField): string => `${field.localName}: ${localOf(field)}`

type TextRules = Omit<Text, "$typeName">
const unbounded: TextRules = {
  graphemesMin: 0,
  graphemesMax: 0,
  bytesMin: 0,
  bytesMax: 0,
  characters: Characters.UNSPECIFIED
}

function printTextRule(f: GeneratedFile, field: DescField): void {
  if (scalarOf(field) !== ScalarType.STRING) return
  const rule = textOf(field)
  const bounds = [rule.graphemesMin, rule.graphemesMax, rule.bytesMin, rule.bytesMax].join(", ")
  f.print`const ${ruleOf(field)} = ${strict(f, "textRule")}(${bounds}, ${text(charactersName(rule.characters))})`
}

const textOf = (field: DescField): TextRules => rulesOf(field)?.text ?? unbounded

/** Reads one field into a constant of its name. */
function printField(f: GeneratedFile, field: DescField): void {
  const name = localOf(field)
  const given = `${name}given`
  const path = text(field.jsonName)
  f.print`  const ${given} = value.${field.jsonName}`
  f.print`  if (${given} !== undefined) unknown--`
  if (field.fieldKind === "list") printList(f, field, given)
  else if (field.message !== undefined) printNested(f, field, field.message, given)
  else if (isImplicit(field)) f.print`  const ${name} = ${reader(f, field, given, path)}`
  else
    f.print`  const ${name} = ${given} === undefined || ${given} === null ? undefined : ${reader(f, field, given, path)}`

  const rules = rulesOf(field)
  if (rules?.required)
    f.print`  if (${name} === undefined && (${given} ?? null) === null) issues.add(${path}, "REQUIRED", "must be given")`
}

/** The call that reads a single value. */
function reader(f: GeneratedFile, field: DescField, given: string, path: string): Printable {
  if (field.enum !== undefined) {
    return `read${field.enum.name}(${given}, ${rulesOf(field)?.specified ?? false}, ${path}, issues)`
  }
  const scalar = scalarOf(field)
  if (scalar === ScalarType.STRING) return textReader(f, field, given, path)
  if (scalar === ScalarType.BOOL) return [strict(f, "readBool"), `(${given}, ${path}, issues)`]
  const bounds = boundsOf(scalar) ?? refuse(field, "has no strict decoder")
  const max = rulesOf(field)?.max || bounds.max
  return [strict(f, "readWhole"), `(${given}, ${bounds.min}, ${max}, ${path}, issues)`]
}

/** Asks first, in the decoder itself, whether the text is plain, as nearly all are: a call for each costs a tenth of it. */
function textReader(f: GeneratedFile, field: DescField, given: string, path: string): Printable {
  const read = [strict(f, "readText"), `(${given}, ${ruleOf(field)}, ${path}, issues)`]
  const rule = textOf(field)
  const isPlain = plainness.get(rule.characters)
  const [unitsMin, unitsMax] = unitsOf(rule)
  if (isPlain === undefined || !Number.isFinite(unitsMin) || !Number.isFinite(unitsMax)) return read
  return [strict(f, isPlain), `(${given}, ${unitsMin}, ${unitsMax}) ? ${given} : `, ...read]
}

const plainness = new Map<Characters, string>([
  [Characters.SPOKEN, "isPlainSpoken"],
  [Characters.SLUG, "isPlainSlug"]
])

/**
 * With so many UTF-16 units a text is within its other bounds, whatever they are: nothing need be counted. A unit is one
 * to three bytes of UTF-8, and a grapheme is one unit or more.
 */
function unitsOf({ graphemesMin, graphemesMax, bytesMin, bytesMax }: TextRules): readonly [number, number] {
  const orUnbounded = (max: number): number => (max === 0 ? Number.POSITIVE_INFINITY : max)
  const unitsMin = Math.max(bytesMin, graphemesMin <= 1 ? graphemesMin : Number.POSITIVE_INFINITY)
  return [unitsMin, Math.min(orUnbounded(graphemesMax), Math.floor(orUnbounded(bytesMax) / 3))]
}

function printNested(f: GeneratedFile, field: DescField, message: DescMessage, given: string): void {
  const name = localOf(field)
  f.print`  let ${name}: ${typeOf(f, message)} | undefined`
  f.print`  if (${given} !== undefined && ${given} !== null) {`
  f.print`    const since = issues.count`
  f.print`    ${name} = decode${message.name}(${given}, issues)`
  f.print`    if (issues.count !== since) issues.under(since, ${text(field.jsonName)})`
  f.print`  }`
}

/** Entries are read without a path; it is made only when one is wrong. */
function printList(f: GeneratedFile, field: DescField, given: string): void {
  const name = localOf(field)
  const itemsMax = rulesOf(field)?.itemsMax ?? 0
  f.print`  const ${name}: Array<${entryType(f, field)}> = []`
  f.print`  const ${name}entries = ${strict(f, "readList")}(${given}, ${itemsMax}, ${text(field.jsonName)}, issues)`
  f.print`  for (let index = 0; index < ${name}entries.length; index++) {`
  f.print`    const entry = ${name}entries[index]`
  f.print`    const since = issues.count`
  if (field.message !== undefined) {
    f.print`    const read = decode${field.message.name}(entry, issues)`
    f.print`    if (read !== undefined) ${name}.push(read)`
  } else {
    f.print`    if (!${strict(f, "isNullEntry")}(entry, "", issues)) ${name}.push(${reader(f, field, "entry", text(""))})`
  }
  f.print`    if (issues.count !== since) issues.under(since, ${text(`${field.jsonName}[`)} + index + "]")`
  f.print`  }`
}

function entryType(f: GeneratedFile, field: DescField): Printable {
  if (field.message !== undefined) return typeOf(f, field.message)
  if (field.enum !== undefined) return typeOf(f, field.enum)
  switch (scalarOf(field)) {
    case ScalarType.STRING:
      return "string"
    case ScalarType.BOOL:
      return "boolean"
    default:
      return "number"
  }
}

// --- The envelope ---

/** Read by its own few keys: asking for every key of the oneof would cost more than all the rest. */
function printEnvelopeDecoder(f: GeneratedFile, envelope: DescMessage): void {
  const keys = envelope.fields.filter((field) => field.oneof !== undefined)
  const plain = envelope.fields.filter((field) => field.oneof === undefined)
  const type = typeOf(f, envelope)
  const oneof = envelope.oneofs[0]?.localName ?? refuse(envelope, "has no oneof")
  f.print()
  f.print`/** Decodes one line. What it refuses it refuses wholly: undefined, and \`issues\` says why. */`
  f.print`export function decode${envelope.name}(value: ${strictType(f, "Fields")}, issues: ${strictType(f, "Issues")}): ${type} | undefined {`
  f.print`  const before = issues.count`
  f.print`  let key = ""`
  f.print`  let keys = 0`
  const isKey = plain.map((field) => `name !== ${text(field.jsonName)}`).join(" && ")
  f.print`  for (const name in value) {`
  f.print`    if (${isKey}) {`
  f.print`      key = name`
  f.print`      keys++`
  f.print`    }`
  f.print`  }`
  for (const field of plain) {
    f.print`  const ${localOf(field)} = ${reader(f, field, `value.${field.jsonName}`, text(field.jsonName))}`
  }
  f.print`  let since = issues.count`
  f.print`  const given = value[key]`
  f.print`  let ${oneof} = keys === 1 && given !== null ? decodeKey(key, given, issues) : undefined`
  f.print`  if (${oneof} === undefined && issues.count === since) {`
  f.print`    key = ${strict(f, "theKey")}(value, ${namesOf(envelope)}, besidesKeys, issues)`
  f.print`    since = issues.count`
  f.print`    ${oneof} = decodeKey(key, value[key], issues)`
  f.print`  }`
  f.print`  if (issues.count !== since) issues.under(since, key)`
  f.print`  if (issues.count !== before) return ${strict(f, "replaceIfTooDeep")}(value, issues)`
  f.print`  return { $type: ${text(envelope.typeName)}, ${[...plain.map(memberOf), oneof].join(", ")} }`
  f.print`}`
  f.print()
  f.print`const ${namesOf(envelope)}: ReadonlySet<string> = new Set(${JSON.stringify(keys.map((each) => each.jsonName))})`
  f.print`const besidesKeys: ReadonlySet<string> = new Set(${JSON.stringify(plain.map((each) => each.jsonName))})`
  f.print()
  f.print`function decodeKey(key: string, given: unknown, issues: ${strictType(f, "Issues")}): ${type}[${text(oneof)}] {`
  f.print`  switch (key) {`
  for (const field of keys) {
    f.print`    case ${text(field.jsonName)}: {`
    f.print`      const value = decode${field.message?.name ?? ""}(given, issues)`
    f.print`      return value && { $case: ${text(field.localName)}, value }`
    f.print`    }`
  }
  f.print`    default:`
  f.print`      return undefined`
  f.print`  }`
  f.print`}`
}
