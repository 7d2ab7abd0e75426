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
      return quotedIn(field) !== "false"
    case ScalarType.STRING:
      return exampleText(field)
    default:
      return exampleNumber(field)
  }
}

/** Units are in the names, so an example can look like one; the first ending that fits. */
const numbers: ReadonlyArray<readonly [ending: string, example: number]> = [
  ["cell_cm", 1000],
  ["width_cm", 20_000],
  ["height_cm", 20_000],
  ["_cm", 10_290],
  ["tick_ms", 100],
  ["_ms", 15_000],
  ["_bytes", 8192],
  ["_per_second", 10],
  ["capacity", 5000],
  ["population", 41],
  ["channel", 1],
  ["protocol", 1],
  ["", 7]
]

function exampleNumber(field: DescField): number {
  const isMoment = field.name.endsWith("_ms") && field.scalar === ScalarType.UINT64
  return isMoment ? 1795370003120 : (numbers.find(([ending]) => field.name.endsWith(ending))?.[1] ?? 0)
}

const koreanText = "안녕하세요"
const koreanName = "바람"
const secret = "b3f0c9a17e5d42886ff01c3a"

function exampleText(field: DescField): string {
  const quoted = quotedIn(field)
  if (quoted !== undefined) return quoted
  if (field.name.includes("nickname") || field.name === "name") return koreanName
  if (field.name === "message") return "for a developer to read"
  if (field.name === "text") return koreanText
  if (field.name.endsWith("_id")) return `${field.name.charAt(0)}_01J8ZC4Q5W`
  switch (charactersName(rulesOf(field)?.text?.characters ?? 0)) {
    case "ASCII":
      return secret
    default:
      return field.jsonName
  }
}

const quotedIn = (field: DescField): string | undefined => /`([^`]+)`/.exec(commentOf(field))?.[1]
