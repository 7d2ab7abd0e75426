/**
 * Puts rows of protobuf's JSON conformance suite onto our own requests: a value for a field of the same type, names
 * exchanged. Where this protocol decides otherwise, or has no such field, the row has a reason.
 */

export interface Row {
  readonly id: string
  readonly kind: string
  readonly expect: "accept" | "reject" | "either" | "serialize_error"
  readonly json: string | null
  readonly field_case?: { readonly json: string; readonly type: string; readonly raw: string } | null
}

/** A line with the verdict wanted; `reason` where that is not the corpus's own. `read` names the field that was put in. */
export interface Retargeted {
  readonly line: string
  readonly accept: boolean
  readonly reason?: string
  readonly read?: { readonly field: string; readonly value: unknown }
}

export type Verdict = Retargeted | { readonly notCounted: string }

const uint32Max = 4294967295

export function retarget(row: Row): Verdict {
  const named = byName(row)
  if (named !== undefined) return named
  const { type, raw } = row.field_case ?? { type: "", raw: "" }
  const accept = row.expect === "accept"
  if (type === "uint32" || type === "int32") return whole(raw, "xCm", uint32Max, accept)
  if (type === "uint64" || type === "int64") return whole(raw, "seq", Number.MAX_SAFE_INTEGER, accept)
  if (type === "string") return text(raw, accept)
  if (type === "enum protobuf_test_messages.proto3.TestAllTypesProto3.NestedEnum") return reach(raw, accept)
  if (type.startsWith("repeated protobuf_test_messages")) {
    return { line: `{"resume":{"resumeToken":"t","streams":${raw.replaceAll('"a":', '"name":"n","seq":')}}}`, accept }
  }
  if (type.startsWith("protobuf_test_messages")) return { line: `{"move":${raw.replace('"a"', '"xCm"')}}`, accept }
  return { notCounted: row.kind === "Serialize" ? "writing, not reading" : `no request has a ${kindOf(type, row)}` }
}

const kindOf = (type: string, row: Row): string =>
  type === ""
    ? `field like those of ${row.kind}`
    : type.replace(/protobuf_test_messages\.proto3\.TestAllTypesProto3\./, "")

/** Rows about the whole line, or about names. */
function byName(row: Row): Verdict | undefined {
  const json = row.json ?? ""
  const accept = row.expect === "accept"
  if (row.id === "p3/AllFieldAcceptNull") {
    return { line: '{"id":null,"enter":{"playground":"park","avatar":null,"channel":null},"move":null}', accept }
  }
  if (row.kind === "Depth" && row.field_case) {
    const line = `{"say":{"text":${row.field_case.raw}}}`
    return { line, accept: false, ...(accept ? { reason: "nested deeper than 16" } : {}) }
  }
  if (row.expect === "reject" && readable(json) === undefined && row.field_case == null && row.kind !== "Int32") {
    return { line: json, accept }
  }
  if (row.kind === "Unknown" || row.kind === "Syntax") return { line: json, accept }
  if (row.kind === "Int32" && row.field_case == null) {
    const fields = json.replace("optionalInt32", "xCm").replace("optionalInt64", "yCm").replace("fieldname1", "xCm")
    return { line: `{"move":${fields}}`, accept }
  }
  if (row.id === "p3/FieldNameEscaped")
    return { line: '{"move":{"xC\\u006d":1}}', accept, read: { field: "xCm", value: 1 } }
  if (row.id === "p3/OriginalProtoFieldName" || row.id === "p3/FieldNameInSnakeCase") {
    return { line: '{"move":{"x_cm":1}}', accept: false, reason: "names in lowerCamelCase only" }
  }
  if (row.id.startsWith("p3/FieldNameDuplicateDifferentCasing")) {
    return { line: '{"move":{"x_cm":1,"xCm":2}}', accept: false, reason: "names in lowerCamelCase only" }
  }
  if (row.id === "p3/FieldNameDuplicate") {
    return {
      line: '{"move":{"xCm":1,"xCm":2}}',
      accept: true,
      reason: "a name that stands twice: the last one holds",
      read: { field: "xCm", value: 2 }
    }
  }
  return row.kind === "Oneof" ? oneof(row, json, accept) : undefined
}

function oneof(row: Row, json: string, accept: boolean): Verdict | undefined {
  if (row.id.startsWith("p3/OneofField")) {
    const line = json
      .replace("oneofUint32", "leave")
      .replace("oneofString", "ping")
      .replace('"test"', "{}")
      .replace("1", "{}")
    const twice = row.expect === "either"
    return { line, accept, ...(twice ? { reason: "two keys in a line are refused" } : {}) }
  }
  if (row.id === "p3/OneofZeroMessage") return { line: json.replace("oneofNestedMessage", "ping"), accept }
  return { notCounted: "our envelopes hold messages only" }
}

/** Signed rows go onto unsigned fields: what is below zero, or above what a double holds exactly, is out of range here. */
function whole(raw: string, field: "xCm" | "seq", max: number, accept: boolean): Verdict {
  const line =
    field === "xCm" ? `{"move":{"xCm":${raw}}}` : `{"resume":{"resumeToken":"t","streams":[{"name":"n","seq":${raw}}]}}`
  const value = Number(readable(raw) ?? Number.NaN)
  const within = Number.isInteger(value) && value >= 0 && value <= max
  if (accept && !within) return { line, accept: false, reason: "our numbers are unsigned, and below 2^53" }
  if (!accept && within && /^[0-9]+$/.test(raw)) return { line, accept: true, reason: "within the range of uint32" }
  return { line, accept, ...(accept ? { read: { field, value } } : {}) }
}

function text(raw: string, accept: boolean): Verdict {
  const line = `{"say":{"text":${raw},"reach":1}}`
  const value = readable(raw)
  if (!accept || typeof value !== "string") return { line, accept }
  if (value === "") return { line, accept: false, reason: "said text is not empty" }
  if (/\p{Cc}/u.test(value)) return { line, accept: false, reason: "control characters are refused" }
  return { line, accept, read: { field: "text", value } }
}

/** The suite's FOO, which is zero there, stands for our zero. */
function reach(raw: string, accept: boolean): Verdict {
  const line = `{"say":{"text":"a","reach":${raw.replace("FOO", "REACH_UNSPECIFIED")}}}`
  if (raw === "123") return { line, accept: false, reason: "unknown numbers of enums are refused" }
  return { line, accept, ...(accept ? { read: { field: "reach", value: raw === "1" ? 1 : 0 } } : {}) }
}

/** The value of the JSON text; undefined where it is none. */
function readable(raw: string): unknown {
  try {
    return JSON.parse(raw)
  } catch {
    return undefined
  }
}
