/** Makes protocol.lock.json: what is promised besides the fields themselves. What may change of it is LockCheck.ts's. */
import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf"
import { getOption, ScalarType } from "@bufbuild/protobuf"
import { come_back, definite } from "../../gen/noriter/options/v1/options_pb.ts"
import { charactersName, rulesOf } from "./Fields.ts"
import type { Lock, LockedField, LockedKey } from "./LockCheck.ts"
import type { Model, Rpc } from "./Model.ts"

export function lockOf(model: Model): Lock {
  const rpcs = model.services.flatMap((service) => service.rpcs)
  return {
    keys: sorted(rpcs.map((rpc) => [rpc.desc.input.typeName, lockedKey(rpc)])),
    heard: sorted(model.heard.map(({ field, delivery }) => [field, delivery])),
    errors: catalogue(model.errors, (number, value) => ({ number, definite: getOption(value, definite) })),
    disconnects: catalogue(model.disconnects, (number, value) => ({ number, comeBack: getOption(value, come_back) }))
  }
}

/** Sorted, so that moving a message within its file changes nothing here. */
function sorted<A>(entries: ReadonlyArray<readonly [string, A]>): Readonly<Record<string, A>> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function catalogue<A>(
  desc: DescEnum | undefined,
  lock: (number: number, value: DescEnum["values"][number]) => A
): Readonly<Record<string, A>> {
  return Object.fromEntries((desc?.values ?? []).map((value) => [value.name, lock(value.number, value)]))
}

function lockedKey(rpc: Rpc): LockedKey {
  const service = rpc.desc.parent.typeName
  switch (rpc.lane) {
    case "CLIENT": {
      const { lane, field, delivery, ratePerSecond, rateBurst, lasting, inside } = rpc
      const answer = rpc.answer === undefined ? {} : { answer: rpc.answer.typeName }
      const fields = Object.fromEntries(lockedFields(rpc.desc.input, ""))
      return { lane, service, field, ...answer, delivery, ratePerSecond, rateBurst, lasting, inside, fields }
    }
    case "RUNNER":
      return { lane: rpc.lane, service, partitionBy: rpc.partitionBy }
    case "TOPIC": {
      const { lane, topic, partitionBy } = rpc
      return { lane, service, topic: topic.name, partitions: topic.partitions, partitionBy }
    }
  }
}

export function lockedFields(message: DescMessage, under: string): ReadonlyArray<readonly [string, LockedField]> {
  return message.fields.flatMap((field) => {
    const path = `${under}${field.jsonName}${field.fieldKind === "list" ? "[]" : ""}`
    const within = field.message === undefined ? [] : lockedFields(field.message, `${path}.`)
    return [[path, lockedField(field)] as const, ...within]
  })
}

function lockedField(field: DescField): LockedField {
  const rules = rulesOf(field)
  const text = rules?.text
  const characters = text === undefined ? "ANY" : charactersName(text.characters)
  return {
    type: typeName(field),
    ...(rules?.max ? { max: rules.max } : {}),
    ...(rules?.itemsMax ? { itemsMax: rules.itemsMax } : {}),
    ...(rules?.required ? { required: true } : {}),
    ...(rules?.specified ? { specified: true } : {}),
    ...(text?.graphemesMin ? { graphemesMin: text.graphemesMin } : {}),
    ...(text?.graphemesMax ? { graphemesMax: text.graphemesMax } : {}),
    ...(text?.bytesMin ? { bytesMin: text.bytesMin } : {}),
    ...(text?.bytesMax ? { bytesMax: text.bytesMax } : {}),
    ...(characters === "ANY" ? {} : { characters })
  }
}

/** As a client team reads it: `uint32`, `StreamPosition`, `Reach`. */
function typeName(field: DescField): string {
  if (field.message !== undefined) return field.message.name
  if (field.enum !== undefined) return field.enum.name
  return ScalarType[field.scalar].toLowerCase()
}
