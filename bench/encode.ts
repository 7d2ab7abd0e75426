/** From a message to what goes out: lines to phones against JSON.stringify, and frames between runners. */

import { Reach } from "../gen/noriter/client/v1/chat.ts"
import { ServerMessage } from "../gen/noriter/client/v1/client.ts"
import type { MovesTold } from "../gen/noriter/runner/v1/playground.ts"
import { encodeBody, type ServerBody, serverLine } from "../gen/registry.ts"
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
const moved = (count: number) =>
  message({ $case: "moved", value: { $type: "noriter.client.v1.Moved", ...rows(count) } })

const lines: ReadonlyArray<{ readonly name: string; readonly message: ServerMessage }> = [
  { name: "said", message: said },
  { name: "moved, 32 members", message: moved(32) },
  { name: "moved, 288 members", message: moved(288) }
]

const told: MovesTold = {
  $type: "noriter.runner.v1.MovesTold",
  channel: "park/1",
  incarnation: "runner-0000000001",
  number: 12_345,
  key: false,
  ...rows(500)
}

const again =
  (once: () => unknown): Piece =>
  (times) => {
    let result: unknown
    for (let time = 0; time < times; time++) result = once()
    return result
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
