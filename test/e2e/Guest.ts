/**
 * What end-to-end tests do again and again: read a field of a line, bring a guest into the park, count who is there, and
 * look until something is so. Owns no socket and no process.
 */
import { assert } from "@effect/vitest"
import { type Heard, isRecord, newSecret, Phone } from "./Phone.ts"
import type { Address } from "./Way.ts"

/** A guest who stands in a channel, as its phone was told. */
export interface Guest {
  readonly phone: Phone
  readonly token: string
  readonly channel: number
  readonly member: number
  readonly xCm: number
  readonly yCm: number
  readonly streams: ReadonlyArray<unknown>
}

export const fieldOf = (body: unknown, name: string): unknown => (isRecord(body) ? body[name] : undefined)
export const codeOf = (line: Heard): unknown => fieldOf(line.error, "code")

/** Official encoders leave zeros out. */
export function numberIn(body: unknown, name: string): number {
  const value = fieldOf(body, name) ?? 0
  assert.isNumber(value, `${name} in ${JSON.stringify(body)}`)
  return Number(value)
}

export function listIn(body: unknown, name: string): ReadonlyArray<unknown> {
  const value = fieldOf(body, name)
  return Array.isArray(value) ? value : []
}

export interface Entering {
  readonly secret?: string
  readonly playground?: string
  readonly channel?: number
}

/** A new guest on a phone of its own, in the park. */
export async function visit(address: Address, nickname: string, entering: Entering = {}): Promise<Guest> {
  return enter(await Phone.connect(address), nickname, entering)
}

/** Says hello and enters. */
export async function enter(phone: Phone, nickname: string, entering: Entering = {}): Promise<Guest> {
  const { secret = newSecret(), playground = "park", channel = 0 } = entering
  const { hello } = await phone.ask({ hello: { deviceSecret: secret, nickname, sdk: "test/1" } })
  const line = await phone.ask({ enter: { playground, avatar: "fox", channel } })
  assert.isTrue(isRecord(hello) && isRecord(line.enter), JSON.stringify(line))
  return {
    phone,
    token: String(fieldOf(hello, "resumeToken")),
    channel: numberIn(line.enter, "channel"),
    member: numberIn(line.enter, "member"),
    xCm: numberIn(line.enter, "xCm"),
    yCm: numberIn(line.enter, "yCm"),
    streams: listIn(line.enter, "streams")
  }
}

/** Comes back on a new phone; what was heard is what the answer to enter said. Ids rise across resumes. */
export async function comeBack(
  address: Address,
  { token, streams }: Pick<Guest, "token" | "streams">,
  id = 1_000
): Promise<{ readonly phone: Phone; readonly answer: Heard }> {
  const phone = await Phone.connect(address)
  phone.say({ id, resume: { resumeToken: token, streams } })
  return { phone, answer: await phone.answer(id) }
}

export interface Population {
  readonly all: number
  /** Of channel 1, 2, … */
  readonly channels: ReadonlyArray<number>
}

/** Who is where, as any phone may ask. */
export async function populationOf(phone: Phone, playground = "park"): Promise<Population> {
  const answer = await phone.ask({ listPlaygrounds: {} })
  const found = listIn(answer.listPlaygrounds, "playgrounds").find((one) => fieldOf(one, "id") === playground)
  assert.isDefined(found, JSON.stringify(answer))
  return {
    all: numberIn(found, "population"),
    channels: listIn(found, "channels").map((channel) => numberIn(channel, "population"))
  }
}

/** Much longer than anything takes that is looked for here. */
const patienceMs = 8_000
const lookEveryMs = 25

/** Looks again and again until it is so; the last thing seen is in the complaint. */
export async function until<A>(what: string, look: () => Promise<A> | A, isSo: (seen: A) => boolean): Promise<A> {
  const dueMs = performance.now() + patienceMs
  while (true) {
    const seen = await look()
    if (isSo(seen)) return seen
    if (performance.now() > dueMs) throw new Error(`${what} did not come to be; last seen: ${JSON.stringify(seen)}`)
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}

/** Settings under which no limit is in a test's way. */
export const unlimited = {
  NORITER_RATE_LIMITS: "off",
  NORITER_CHANNEL_LINES_PER_SECOND: "0",
  NORITER_CELL_LINES_PER_SECOND: "0",
  NORITER_CHANNEL_NEARBY_PER_SECOND: "0",
  NORITER_REFUSED_PER_MINUTE_MAX: "0",
  NORITER_ADDRESS_PENDING_MAX: "0",
  NORITER_ADDRESS_NEW_PER_SECOND: "0",
  NORITER_ADDRESS_MAX: "0",
  NORITER_SPEED_CMPS_MAX: "0"
} as const
