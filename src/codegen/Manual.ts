/** Writes docs/protocol.md, the manual of client teams: all of it from the protos, their comments and their options. */
import type { DescEnum, DescMessage } from "@bufbuild/protobuf"
import { getOption } from "@bufbuild/protobuf"
import { come_back, definite } from "../../gen/noriter/options/v1/options_pb.ts"
import { exampleLine } from "./Examples.ts"
import { lockedFields } from "./Lock.ts"
import type { LockedField } from "./LockCheck.ts"
import type { ClientRpc, Heard, Model } from "./Model.ts"
import { commentOf } from "./Printing.ts"

export function manualOf(model: Model): string {
  return [
    ...introduction(model),
    "## What a phone says",
    "",
    ...overview(model.client),
    ...model.client.flatMap(requestSection),
    "## What a phone hears unasked",
    "",
    ...model.heard.filter((each) => !each.answers).flatMap(heardSection),
    ...enumsSection(model),
    ...errorsSection(model),
    ...disconnectsSection(model),
    ...serversSection(model)
  ].join("\n")
}

function introduction(model: Model): ReadonlyArray<string> {
  const say = model.client.find((rpc) => rpc.delivery === "DURABLE") ?? model.client[0]
  const example = say === undefined ? [] : [exampleLine({ id: 4 }, say.field, say.desc.input)]
  const answer = say?.answer === undefined ? [] : [exampleLine({ re: 4 }, say.field, say.answer)]
  return [
    "<!-- Made by protoc-gen-noriter from proto/. Do not edit: change the comments there and run `npm run gen`. -->",
    "",
    "# The client protocol",
    "",
    "One JSON object a line, UTF-8, ended by `\\n`: the proto3 JSON of `ClientMessage` (what a phone says) and of `ServerMessage`",
    "(what it hears), so any protobuf library with JSON can speak it, and any JSON library too. Request and answer share their",
    "key; what others hear of it is in the past tense. It is spoken over TCP and, [the same](#by-websocket), over WebSocket.",
    "",
    "```",
    ...example.map((line) => `> ${line}`),
    ...answer.map((line) => `< ${line}`),
    "```",
    "",
    "- The first line is `hello` or `resume`, within 5 s.",
    "- `id` is of the phone's choosing and rises within a session, across resumes. With one there is exactly one answer: the key",
    "  of the request, `error`, or a line with `re` alone. Sent again under the same id a request takes effect once, and is",
    "  answered as the first time. Absent or 0: refusals only, and those without `re`.",
    '- Zero means absent, both ways: `{"move":{"yCm":5}}` is x = 0. Read an absent number as 0, text as empty, a list as empty.',
    "- Whole numbers may be JSON numbers or decimal strings, below 2^53; enums go by their full names; `null` is absent.",
    "- Ignore keys, fields, enum names and codes you do not know: more will come. The server refuses what it does not know, and",
    "  names the field: two keys in a line, wrong types, fractions, lone surrogates, nesting deeper than 16.",
    "- Lengths are counted in characters as people see them (extended grapheme clusters), and in bytes of UTF-8.",
    "- Delivery: **LATEST**, the newest wins and older ones may be skipped for a slow phone; **ORDERED**, never skipped; **DURABLE**,",
    "  never skipped, and replayed on resume.",
    "",
    ...webSocket
  ]
}

const webSocket: ReadonlyArray<string> = [
  "## By WebSocket",
  "",
  "At `/ws` of the HTTP port, under TLS where the server has it. A text message holds one line or more; its end ends a line,",
  "and a line does not go on in the next message. Sessions, limits and codes are those of TCP: a session begun there may be",
  "resumed here, and back. No compression is spoken. A ping is answered and is no line; only lines keep a session.",
  "",
  "| closed with | when | come back |",
  "|---|---|---|",
  "| 1000 | the phone closed, or had nothing more to say | as you like |",
  "| 1001 | after the line `DISCONNECT_CODE_DRAINING` | yes, after `afterMs` |",
  "| 1002 | the framing is wrong | mend the client |",
  "| 1003 | a binary message | mend the client |",
  "| 1007 | text that is not UTF-8 | mend the client |",
  "| 1008 | a message in more than 64 fragments | mend the client |",
  "| 1009 | a message of more than 65536 bytes (the server's operator may set another bound) | mend the client |",
  "| 1011 | after the line `DISCONNECT_CODE_INTERNAL` | yes |",
  "| 1013 | after the line `DISCONNECT_CODE_ADDRESS_LIMIT` or `DISCONNECT_CODE_FULL` | yes, after `afterMs` |",
  "| 4000 + number | after the line of any other [disconnect](#disconnects): 4004 is `DISCONNECT_CODE_REPLACED` | as that line says |",
  "",
  "A handshake is refused with 403 for a page of an origin that is not allowed, with 503 by a server that is not ready or is",
  "leaving.",
  ""
]

function overview(rpcs: ReadonlyArray<ClientRpc>): ReadonlyArray<string> {
  return [
    "| key | what | a second, at once | where | takes effect |",
    "|---|---|---|---|---|",
    ...rpcs.map((rpc) =>
      row([
        `[\`${rpc.field}\`](#${rpc.field.toLowerCase()})`,
        firstSentence(commentOf(rpc.desc)),
        `${rpc.ratePerSecond}, ${rpc.rateBurst}`,
        rpc.inside ? "in a playground" : "anywhere",
        rpc.lasting ? "in the order sent" : "at once"
      ])
    ),
    ""
  ]
}

const firstSentence = (comment: string): string => comment.split(/(?<=\.) /)[0] ?? comment

function requestSection(rpc: ClientRpc): ReadonlyArray<string> {
  const answer =
    rpc.answer === undefined
      ? ["No answer but a refusal; with an `id`, a line with `re` alone.", ""]
      : ["Answer:", "", ...fieldTable(rpc.answer), ...fence("<", exampleLine({ re: 4 }, rpc.field, rpc.answer))]
  return [
    `### ${rpc.field}`,
    "",
    commentOf(rpc.desc),
    "",
    `At most ${rpc.ratePerSecond} a second, ${rpc.rateBurst} at once · what follows from it is ${rpc.delivery}` +
      `${rpc.inside ? " · only in a playground" : ""}${rpc.lasting ? " · lasting: takes effect in the order sent" : ""}`,
    "",
    ...fieldTable(rpc.desc.input),
    ...fence(">", exampleLine({ id: 4 }, rpc.field, rpc.desc.input)),
    ...answer
  ]
}

function heardSection({ field, message, delivery }: Heard): ReadonlyArray<string> {
  return [
    `### ${field}`,
    "",
    `${commentOf(message)} (${delivery})`,
    "",
    ...fieldTable(message),
    ...fence("<", exampleLine({}, field, message))
  ]
}

const fence = (side: string, line: string): ReadonlyArray<string> => ["```", `${side} ${line}`, "```", ""]

/** Every field by its path, messages within messages included. */
function fieldTable(message: DescMessage): ReadonlyArray<string> {
  const fields = lockedFields(message, "")
  if (fields.length === 0) return ["No fields.", ""]
  const comments = new Map(commentsOf(message, ""))
  return [
    "| field | type | limits | |",
    "|---|---|---|---|",
    ...fields.map(([path, field]) => row([`\`${path}\``, field.type, limitsOf(field), comments.get(path) ?? ""])),
    ""
  ]
}

function commentsOf(message: DescMessage, under: string): ReadonlyArray<readonly [string, string]> {
  return message.fields.flatMap((field) => {
    const path = `${under}${field.jsonName}${field.fieldKind === "list" ? "[]" : ""}`
    const within = field.message === undefined ? [] : commentsOf(field.message, `${path}.`)
    return [[path, commentOf(field)] as const, ...within]
  })
}

const characters: Readonly<Record<string, string>> = {
  SPOKEN: "no control characters",
  NAME: "trimmed and NFC; no control, bidi or private-use characters, not only invisible ones, at most four marks on one",
  ASCII: "printable ASCII, no spaces",
  SLUG: "`a–z`, `0–9`, `-`, `_`"
}

function limitsOf(field: LockedField): string {
  const graphemes = range(field.graphemesMin, field.graphemesMax, "characters")
  const bytes = range(field.bytesMin, field.bytesMax, "bytes")
  return [
    field.required || field.specified ? "must be given" : "",
    field.max === undefined ? "" : `at most ${field.max}`,
    field.itemsMax === undefined ? "" : `at most ${field.itemsMax} entries`,
    graphemes,
    bytes,
    characters[field.characters ?? ""] ?? ""
  ]
    .filter((limit) => limit !== "")
    .join("; ")
}

function range(min: number | undefined, max: number | undefined, unit: string): string {
  if (min === undefined) return max === undefined ? "" : `≤ ${max} ${unit}`
  return max === undefined ? `≥ ${min} ${unit}` : `${min}–${max} ${unit}`
}

// --- Enums and catalogues ---

function enumsSection(model: Model): ReadonlyArray<string> {
  const catalogues = [model.errors, model.disconnects]
  const fields = [...model.requested, ...model.told].flatMap((message) => message.fields)
  const enums = new Set(fields.flatMap((field) => field.enum ?? []).filter((desc) => !catalogues.includes(desc)))
  return [
    "## Enums",
    "",
    ...[...enums].flatMap((desc) => [`### ${desc.name}`, "", commentOf(desc), "", ...valueTable(desc)])
  ]
}

function valueTable(desc: DescEnum): ReadonlyArray<string> {
  return [
    "| name | number | |",
    "|---|---|---|",
    ...desc.values.map((value) => row([`\`${value.name}\``, `${value.number}`, commentOf(value)])),
    ""
  ]
}

function errorsSection({ errors }: Model): ReadonlyArray<string> {
  if (errors === undefined) return []
  return [
    "## Errors",
    "",
    commentOf(errors),
    "",
    "| code | number | definite | |",
    "|---|---|---|---|",
    ...errors.values.map((value) =>
      row([
        `\`${value.name}\``,
        `${value.number}`,
        value.number === 0 ? "" : yesOrNo(getOption(value, definite)),
        commentOf(value)
      ])
    ),
    ""
  ]
}

function disconnectsSection({ disconnects }: Model): ReadonlyArray<string> {
  if (disconnects === undefined) return []
  return [
    "## Disconnects",
    "",
    commentOf(disconnects),
    "",
    "| code | number | come back | |",
    "|---|---|---|---|",
    ...disconnects.values.map((value) =>
      row([
        `\`${value.name}\``,
        `${value.number}`,
        value.number === 0 ? "" : yesOrNo(getOption(value, come_back)),
        commentOf(value)
      ])
    ),
    ""
  ]
}

const yesOrNo = (is: boolean): string => (is ? "yes" : "no")

// --- For those who work on the server ---

function serversSection(model: Model): ReadonlyArray<string> {
  return [
    "## Between servers",
    "",
    "Phones need none of this. Topics carry protobuf binary with the key as a header; records of one tag lie in one partition.",
    "",
    "| topic | partitions | kept | records |",
    "|---|---|---|---|",
    ...model.topics.map((topic) => {
      const keys = model.topic.filter((rpc) => rpc.topic.name === topic.name)
      const records = keys.map((rpc) => `\`${rpc.desc.input.name}\` by \`${rpc.partitionBy}\``)
      return row([`\`${topic.name}\``, `${topic.partitions}`, `${topic.retentionHours} h`, records.join("<br>")])
    }),
    "",
    "Between runners, at most once, over Redis pub/sub:",
    "",
    "| message | channel by | what |",
    "|---|---|---|",
    ...model.runner.map((rpc) => row([`\`${rpc.desc.input.name}\``, `\`${rpc.partitionBy}\``, commentOf(rpc.desc)])),
    ""
  ]
}

const row = (cells: ReadonlyArray<string>): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
