/** From a message to what goes out: lines to phones against JSON.stringify, and frames between runners. */

import { Reach } from "../gen/noriter/client/v1/chat.ts"
import { ServerMessage } from "../gen/noriter/client/v1/client.ts"
import type { MovesTold } from "../gen/noriter/runner/v1/playground.ts"
import { encodeBody, type ServerBody, serverLine } from "../gen/registry.ts"
import { Bytes } from "../src/plaza/playground/Bytes.ts"
import { writeMoved } from "../src/plaza/playground/Describe.ts"
import { Cell, Member } from "../src/plaza/playground/Member.ts"
import { decodeFrames, encodeFrame } from "../src/wire/Frame.ts"
import { compare, measure, type Piece } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

const message = (body: ServerBody): ServerMessage => ({ $type: "noriter.client.v1.ServerMessage", re: 0, body })

/** Places of so many members, spread over a playground of 200 m. */
function rows(count: number) {
  const member = Array.from({ length: count }, (_, index) => index + 1)
  return {
    member,
    xCm: member.map((number) => (number * 7919) % 20_000),
    yCm: member.map((n) => (n * 104_729) % 20_000)
  }
}

const said = message({
  $case: "said",
  value: {
    $type: "noriter.client.v1.Said",
    seq: 57,
    member: 12,
    id: 4,
    nickname: "바람",
    text: "안녕하세요, 오늘 날씨가 참 좋네요",
    reach: Reach.REACH_PLAYGROUND,
    atMs: 1_795_370_003_120,
    history: false
  }
})
const answer = { ...message({ $case: "say", value: { $type: "noriter.client.v1.SayResponse", seq: 57 } }), re: 4 }

const lines: ReadonlyArray<{ readonly name: string; readonly message: ServerMessage }> = [
  { name: "said", message: said },
  { name: "an answer", message: answer }
]

/** As many as a crowded cell shows, and as many as can be in view. */
const movers: ReadonlyArray<number> = [32, 288]

/** A tick's line of so many movers, written by the view, and by way of the message and JSON.stringify. */
function moved(count: number): { readonly own: Piece; readonly official: Piece } {
  const places = rows(count)
  const out = new Bytes()
  const members = places.member.map((number, index) => {
    const member = new Member(number, new Cell(0, 0, 0))
    member.xCm = places.xCm[index] ?? 0
    member.yCm = places.yCm[index] ?? 0
    return member
  })
  const line = message({ $case: "moved", value: { $type: "noriter.client.v1.Moved", ...places } })
  return {
    own: again(() => {
      out.clear()
      writeMoved(out, members)
      return out.take()
    }),
    official: again(() => Buffer.from(`${JSON.stringify(ServerMessage.toJSON(line))}\n`))
  }
}

const told: MovesTold = {
  $type: "noriter.runner.v1.MovesTold",
  channel: "park/1",
  incarnation: "runner-0000000001",
  number: 12_345,
  key: false,
  ...rows(500)
}

function again(once: () => unknown): Piece {
  return (times) => {
    let result: unknown
    for (let time = 0; time < times; time++) result = once()
    return result
  }
}

const encodeTold = () => encodeFrame({ key: told.$type, trace: undefined, body: encodeBody(told) })

export const encode: Bench = {
  name: "encode",
  about: "message → line, and its ratio to JSON.stringify(ServerMessage.toJSON(message)); message ↔ frame",
  run: async (seconds, at) => {
    const found: Array<Row> = []
    for (const { name, message } of lines) {
      at(name)
      const own = again(() => serverLine(message))
      const official = again(() => JSON.stringify(ServerMessage.toJSON(message)))
      const { piece, ratio } = compare(own, official, seconds)
      found.push(
        { name: `${name}, time`, unit: "ns", ...piece },
        { name: `${name}, ratio`, unit: "×", target: 1, ...ratio }
      )
    }
    for (const count of movers) {
      const name = `moved, ${count} members`
      at(name)
      const { own, official } = moved(count)
      const { piece, ratio } = compare(own, official, seconds)
      found.push(
        { name: `${name}, time`, unit: "ns", ...piece },
        { name: `${name}, ratio`, unit: "×", target: 1, ...ratio }
      )
    }
    at("frames")
    const bytes = encodeTold()
    found.push({ name: "frame of 500 movers, encoded", unit: "ns", ...measure(again(encodeTold), seconds) })
    found.push({
      name: "its envelope, read",
      unit: "ns",
      ...measure(
        again(() => decodeFrames(bytes)),
        seconds
      )
    })
    return found
  }
}
