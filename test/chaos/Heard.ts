/** Reads what a phone heard, field by field; what is absent is zero or empty, as encoders leave it out. */
import { isRecord } from "../e2e/Phone.ts"
import type { Position } from "./Evidence.ts"

export type Heard = Readonly<Record<string, unknown>>

export const fieldOf = (body: unknown, name: string): unknown => (isRecord(body) ? body[name] : undefined)
export const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
export const numberOf = (value: unknown): number => Number(value ?? 0)

export const codeOf = (line: Heard): string | undefined =>
  line.error === undefined ? undefined : String(fieldOf(line.error, "code"))

export const positionsIn = (body: Heard): ReadonlyArray<Position> =>
  listOf(body.streams).map((one) => ({
    name: String(fieldOf(one, "name")),
    epoch: String(fieldOf(one, "epoch")),
    seq: numberOf(fieldOf(one, "seq"))
  }))

export const membersIn = (appeared: Heard): ReadonlyArray<readonly [member: number, nickname: string]> =>
  listOf(appeared.members).map((one) => [numberOf(fieldOf(one, "member")), String(fieldOf(one, "nickname"))] as const)
