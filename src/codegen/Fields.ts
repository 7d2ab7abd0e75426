/**
 * What single fields and messages may be: the checks of field rules, of the kinds of fields that have a place in this
 * protocol, and of what an envelope reaches. Knows nothing of services.
 */
import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf"
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt"
import * as options from "../../gen/noriter/options/v1/options_pb.ts"

/** Lines nest no deeper than this; a message that needs more could never be sent. */
const depthMax = 16

/** A refusal of the protos, naming the element: `rpc noriter.client.v1.ChatConsumer.Say: has no rate`. */
export function refuse(element: { readonly toString: () => string }, what: string): never {
  throw new Error(`${element}: ${what}`)
}

export function rulesOf(field: DescField): options.Rules | undefined {
  return hasOption(field, options.rules) ? getOption(field, options.rules) : undefined
}

/** The scalar type of a field or of its entries, if it has one. */
export function scalarOf(field: DescField): ScalarType | undefined {
  return field.fieldKind === "scalar" || field.fieldKind === "list" ? field.scalar : undefined
}

export function isPlainString(field: DescField): boolean {
  return field.fieldKind === "scalar" && field.scalar === ScalarType.STRING && isImplicit(field)
}

/** Zero means absent: nobody can see whether it was sent. */
export function isImplicit(field: DescField): boolean {
  return field.presence === FeatureSet_FieldPresence.IMPLICIT
}

/** The least and the most a whole-number field may hold; undefined for every other type. */
export function boundsOf(scalar: ScalarType | undefined): { readonly min: number; readonly max: number } | undefined {
  switch (scalar) {
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { min: 0, max: 0xffff_ffff }
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { min: -0x8000_0000, max: 0x7fff_ffff }
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { min: 0, max: Number.MAX_SAFE_INTEGER }
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }
    default:
      return undefined
  }
}

/** The name of a family of characters, as the lock and the decoders know it. */
export function charactersName(characters: options.Characters): string {
  switch (characters) {
    case options.Characters.SPOKEN:
      return "SPOKEN"
    case options.Characters.NAME:
      return "NAME"
    case options.Characters.ASCII:
      return "ASCII"
    case options.Characters.SLUG:
      return "SLUG"
    default:
      return "ANY"
  }
}

const lowerCamelCase = /^[a-z][A-Za-z0-9]*$/

/** Checks that hold for every message, whoever sends it. */
export function checkMessage(message: DescMessage): void {
  const [nested] = [...message.nestedMessages, ...message.nestedEnums]
  if (nested !== undefined)
    refuse(nested, "is declared within a message; what is generated knows the names of a file only")
  for (const field of message.fields) {
    if (field.fieldKind === "map") refuse(field, "is a map; use a repeated message")
    if (field.message?.typeName.startsWith("google.protobuf.")) {
      refuse(field, `is a ${field.message.name}, whose JSON is its own; use fields of ours (a uint64 …_ms for a time)`)
    }
    if (!lowerCamelCase.test(field.jsonName)) refuse(field, `${field.jsonName} is no name in lowerCamelCase`)
    if (field.jsonName in Object.prototype)
      refuse(field, `${field.jsonName} is a name that every JavaScript object has`)
    const rules = rulesOf(field)
    if (rules !== undefined) checkRules(field, rules)
  }
}

function checkRules(field: DescField, rules: options.Rules): void {
  if (rules.max !== 0) {
    const bounds = boundsOf(scalarOf(field))
    if (bounds === undefined) refuse(field, "max is for whole numbers")
    if (rules.max > bounds.max) refuse(field, `max ${rules.max} is above what the type holds`)
  }
  if (rules.itemsMax !== 0 && field.fieldKind !== "list") refuse(field, "items_max is for repeated fields")
  if (rules.specified && field.enum === undefined) refuse(field, "specified is for enums")
  if (rules.required && (isImplicit(field) || field.fieldKind === "list")) {
    refuse(field, "required on a field whose absence cannot be seen: encoders omit zeros")
  }
  if (rules.text !== undefined) {
    if (scalarOf(field) !== ScalarType.STRING) refuse(field, "text is for strings")
    const { graphemesMin, graphemesMax, bytesMin, bytesMax } = rules.text
    if (graphemesMax !== 0 && graphemesMin > graphemesMax) refuse(field, "graphemes_min is above graphemes_max")
    if (bytesMax !== 0 && bytesMin > bytesMax) refuse(field, "bytes_min is above bytes_max")
  }
}

/** Rules are compiled into the decoders of what phones send; anywhere else they would be words without effect. */
export function checkRulesReached(messages: ReadonlyArray<DescMessage>, requested: ReadonlySet<DescMessage>): void {
  for (const message of messages) {
    if (requested.has(message)) continue
    for (const field of message.fields) {
      if (rulesOf(field) !== undefined) refuse(field, "has rules, but no phone sends it")
    }
  }
}

/** Checks of what phones send, on top of those for every message: there must be a strict decoder for it. */
export function checkRequested(message: DescMessage, isEnvelope: boolean): void {
  if (!isEnvelope && message.oneofs.length > 0) refuse(message, "a oneof inside a request has no strict decoder")
  for (const field of message.fields) {
    checkSpoken(field, "has no strict decoder")
    if (field.fieldKind === "list" && (rulesOf(field)?.itemsMax ?? 0) === 0) {
      refuse(field, "is repeated without items_max: nothing a phone sends is unbounded")
    }
  }
}

/** Checks of what phones hear: whatever its shape, SDKs have a type for it. */
export function checkTold(message: DescMessage): void {
  for (const field of message.fields) checkSpoken(field, "is nothing that phones hear")
}

function checkSpoken(field: DescField, what: string): void {
  const scalar = scalarOf(field)
  const isSpoken = scalar === ScalarType.STRING || scalar === ScalarType.BOOL || boundsOf(scalar) !== undefined
  if (scalar !== undefined && !isSpoken) refuse(field, `${ScalarType[scalar].toLowerCase()} ${what}`)
}

/** Every message reached, each after those it contains; the message itself is last. */
export function reachedFrom(message: DescMessage): ReadonlyArray<DescMessage> {
  const reached = new Set<DescMessage>()
  visit(message, [], reached)
  return [...reached]
}

/** A repeated field takes two levels of nesting in JSON: the list and its entry. */
function visit(message: DescMessage, way: ReadonlyArray<DescMessage>, reached: Set<DescMessage>): void {
  if (way.includes(message)) refuse(message, "contains itself: its depth has no bound")
  const within = [...way, message]
  for (const field of message.fields) {
    const levels = within.length + (field.fieldKind === "list" ? 1 : 0) + (field.message === undefined ? 0 : 1)
    if (levels > depthMax) refuse(field, `lies deeper than ${depthMax}`)
    if (field.message !== undefined) visit(field.message, within, reached)
  }
  reached.add(message)
}
