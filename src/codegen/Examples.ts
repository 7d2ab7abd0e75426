/**
 * Makes example lines for the manual from the protos: the first `word` of a field's comment if there is one, else
 * something of the field's type and rules. Every example of a request passes its own decoder (a test says so).
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf"
import { ScalarType } from "@bufbuild/protobuf"
import { charactersName, rulesOf } from "./Fields.ts"
import { commentOf } from "./Printing.ts"

/** One line, as it stands on the wire. */
export function exampleLine(envelope: Readonly<Record<string, number>>, key: string, message: DescMessage): string {
  return JSON.stringify({ ...envelope, [key]: exampleOf(message) })
}

function exampleOf(message: DescMessage): Record<string, unknown> {
  return Object.fromEntries(message.fields.map((field) => [field.jsonName, exampleField(field)]))
}

function exampleField(field: DescField): unknown {
  return field.fieldKind === "list" ? [exampleValue(field)] : exampleValue(field)
}

function exampleValue(field: DescField): unknown {
  if (field.message !== undefined) return exampleOf(field.message)
  if (field.enum !== undefined)
    return (field.enum.values.find((value) => value.number !== 0) ?? field.enum.values[0])?.name
  switch (field.scalar) {
    case ScalarType.BOOL:
      return true
    case ScalarType.STRING:
      return exampleText(field)
    default:
      return exampleNumber(field.name)
  }
}

/** Units are in the names, so an example can look like one. */
function exampleNumber(name: string): number {
  if (name.endsWith("at_ms") || name.endsWith("time_ms")) return 1795370003120
  if (name.endsWith("_ms")) return 1000
  if (name.endsWith("_cm")) return 10290
  return name === "channel" ? 1 : 7
}

const koreanText = "안녕하세요"
const koreanName = "바람"
const secret = "b3f0c9a17e5d42886ff01c3a"

function exampleText(field: DescField): string {
  const quoted = /`([^`]+)`/.exec(commentOf(field))?.[1]
  if (quoted !== undefined) return quoted
  if (field.name.includes("nickname") || field.name === "name") return koreanName
  if (field.name === "text" || field.name === "message") return koreanText
  if (field.name.endsWith("_id")) return `${field.name.charAt(0)}_01J8ZC4Q5W`
  switch (charactersName(rulesOf(field)?.text?.characters ?? 0)) {
    case "ASCII":
      return secret
    default:
      return field.jsonName
  }
}
