/**
 * How what is in view is said: lines of the client protocol, written without a message in between, because these are
 * told to thousands of phones many times a second. The same in content as the generated encoder; a test compares them.
 */
import { type GoneReason, goneReasonToJSON } from "../../../gen/noriter/client/v1/playground.ts"
import { type ServerBody, serverLine } from "../../../gen/registry.ts"
import type { Bytes } from "./Bytes.ts"
import type { Member } from "./Member.ts"

const comma = 44

/** Any line, its end included. */
export const lineOf = (body: ServerBody): Uint8Array =>
  Buffer.from(`${serverLine({ $type: "noriter.client.v1.ServerMessage", re: 0, body })}\n`)

/** From here on; something of this stream before it is missing. */
export const gapAt = (name: string, epoch: string, seq: number): Uint8Array => {
  const streams = [{ $type: "noriter.client.v1.StreamPosition" as const, name, epoch, seq }]
  return lineOf({ $case: "streams", value: { $type: "noriter.client.v1.Streams", recovered: false, streams } })
}

/** How often moves are told from here on. */
export const ticking = (tickMs: number): ServerBody => ({
  $case: "ticking",
  value: { $type: "noriter.client.v1.Ticking", tickMs }
})

/** All of a member that does not change while it stands there. It is kept, so it is no slice of Node's pool. */
export const describe = (member: number, nickname: string, avatar: string): Uint8Array => {
  const look = avatar === "" ? "" : `"avatar":${JSON.stringify(avatar)},`
  return new Uint8Array(Buffer.from(`{"member":${member},"nickname":${JSON.stringify(nickname)},${look}"xCm":`))
}

export const writeAppeared = (out: Bytes, members: ReadonlyArray<Member>): void => {
  let before = '{"appeared":{"members":['
  for (const member of members) {
    out.ascii(before)
    before = ","
    out.copy(member.described)
    out.digits(member.xCm)
    out.ascii(',"yCm":')
    out.digits(member.yCm)
    out.ascii("}")
  }
  if (members.length > 0) out.ascii("]}}\n")
}

export const writeDisappeared = (out: Bytes, members: ReadonlyArray<Member>, reason: GoneReason): void => {
  if (members.length === 0) return
  out.ascii('{"disappeared":{"member":[')
  writeNumbers(out, members)
  out.ascii(`],"reason":"${goneReasonToJSON(reason)}"}}\n`)
}

/** Three lists of one length. */
export const writeMoved = (out: Bytes, members: ReadonlyArray<Member>): void => {
  if (members.length === 0) return
  out.ascii('{"moved":{"member":[')
  writeNumbers(out, members)
  out.ascii('],"xCm":[')
  let rest = members.length
  for (const { xCm } of members) {
    out.digits(xCm)
    if (--rest > 0) out.byte(comma)
  }
  out.ascii('],"yCm":[')
  rest = members.length
  for (const { yCm } of members) {
    out.digits(yCm)
    if (--rest > 0) out.byte(comma)
  }
  out.ascii("]}}\n")
}

export const writeCrowded = (out: Bytes, cell: number, count: number): void => {
  out.ascii(`{"crowded":{"cell":${cell},"count":${count}}}\n`)
}

const writeNumbers = (out: Bytes, members: ReadonlyArray<Member>): void => {
  let rest = members.length
  for (const { number } of members) {
    out.digits(number)
    if (--rest > 0) out.byte(comma)
  }
}
