/** The parts of a view, each at its bounds. */
import { assert, describe, it } from "@effect/vitest"
import { GoneReason } from "../../../gen/noriter/client/v1/playground.ts"
import type { MovesTold } from "../../../gen/noriter/runner/v1/playground.ts"
import { type ServerBody, serverLine } from "../../../gen/registry.ts"
import { Bytes } from "../../../src/plaza/playground/Bytes.ts"
import {
  describe as described,
  writeAppeared,
  writeCrowded,
  writeDisappeared,
  writeMoved
} from "../../../src/plaza/playground/Describe.ts"
import { Grid } from "../../../src/plaza/playground/Grid.ts"
import { Cell, Member } from "../../../src/plaza/playground/Member.ts"
import { Movers } from "../../../src/plaza/playground/Movers.ts"
import { Peers } from "../../../src/plaza/playground/Peers.ts"

const textOf = (bytes: Bytes): string => Buffer.from(bytes.take()).toString()

const memberAt = (number: number, cell: Cell, xCm = 0, yCm = 0): Member => {
  const member = new Member(number, cell)
  member.xCm = xCm
  member.yCm = yCm
  return member
}

describe("Bytes", () => {
  it.each([0, 1, 9, 10, 11, 99, 100, 1_000_000, 2_147_483_647])("writes %i", (value) => {
    const bytes = new Bytes()
    bytes.ascii("<")
    bytes.digits(value)
    bytes.ascii(">")
    assert.strictEqual(textOf(bytes), `<${value}>`)
  })

  it("grows, and what was taken stays as it was", () => {
    const bytes = new Bytes()
    const expected: Array<number> = []
    for (let value = 0; value < 20_000; value++) {
      bytes.digits(value)
      bytes.byte(10)
      expected.push(value)
    }
    const taken = bytes.take()
    bytes.clear()
    bytes.ascii("x".repeat(1_000))
    assert.strictEqual(Buffer.from(taken).toString(), expected.map((value) => `${value}\n`).join(""))
  })

  it("takes what fits from one page up to its last byte, and what has one more from the next, whole", () => {
    const bytes = new Bytes()
    const page = bytes.take().buffer
    const written = (text: string): Uint8Array => {
      for (const character of text) bytes.ascii(character)
      return bytes.take()
    }
    const most = "a".repeat(page.byteLength - 10)
    const all = [most, "b".repeat(9), "c", "d".repeat(page.byteLength - 4), "eeeee", ""]
    const taken = all.map(written)
    assert.deepStrictEqual(
      taken.map((part) => Buffer.from(part).toString()),
      all
    )
    const pages = [...new Set(taken.map(({ buffer }) => buffer))]
    assert.deepStrictEqual(
      taken.map(({ buffer }) => pages.indexOf(buffer)),
      [0, 0, 0, 1, 2, 2]
    )
  })
})

describe("what is in view is said as the generated encoder says it", () => {
  const cell = new Cell(0, 0, 0)
  const members = [memberAt(7, cell, 10_000, 9_900), memberAt(4_294_967, cell, 1, 20_000)]
  const names = ["구름 \"'\\", "바람"]
  members.forEach((member, index) => {
    member.described = described(member.number, names[index] ?? "", "cat")
  })
  const cases: ReadonlyArray<readonly [ServerBody, (out: Bytes) => void]> = [
    [
      {
        $case: "appeared",
        value: {
          $type: "noriter.client.v1.Appeared",
          members: members.map(({ number, xCm, yCm }, index) => ({
            $type: "noriter.client.v1.Member",
            member: number,
            nickname: names[index] ?? "",
            avatar: "cat",
            xCm,
            yCm
          }))
        }
      },
      (out) => writeAppeared(out, members)
    ],
    [
      {
        $case: "moved",
        value: {
          $type: "noriter.client.v1.Moved",
          member: members.map(({ number }) => number),
          xCm: members.map(({ xCm }) => xCm),
          yCm: members.map(({ yCm }) => yCm)
        }
      },
      (out) => writeMoved(out, members)
    ],
    [
      {
        $case: "disappeared",
        value: {
          $type: "noriter.client.v1.Disappeared",
          member: members.map(({ number }) => number),
          reason: GoneReason.GONE_REASON_OUT_OF_SIGHT
        }
      },
      (out) => writeDisappeared(out, members, GoneReason.GONE_REASON_OUT_OF_SIGHT)
    ],
    [
      { $case: "crowded", value: { $type: "noriter.client.v1.Crowded", cell: 17, count: 3 } },
      (out) => writeCrowded(out, 17, 3)
    ]
  ]
  it.each(cases)("$$case", (body, write) => {
    const bytes = new Bytes()
    write(bytes)
    assert.strictEqual(textOf(bytes), `${serverLine({ $type: "noriter.client.v1.ServerMessage", re: 0, body })}\n`)
  })

  it("says nothing of nobody", () => {
    const bytes = new Bytes()
    writeAppeared(bytes, [])
    writeMoved(bytes, [])
    writeDisappeared(bytes, [], GoneReason.GONE_REASON_LEFT)
    assert.strictEqual(bytes.length, 0)
  })
})

describe("Grid", () => {
  const gridOf = (cellShownMax: number) => new Grid({ widthCm: 2_500, heightCm: 1_000, cellCm: 1_000, cellShownMax })

  it("has a cell for every place, also outside and at the edge", () => {
    const grid = gridOf(32)
    assert.strictEqual(grid.columns, 3)
    assert.strictEqual(grid.rows, 1)
    const places = [
      [0, 0, 0],
      [999, 999, 0],
      [1_000, 0, 1],
      [2_499, 999, 2],
      [9_999, 9_999, 2],
      [-5, -5, 0]
    ] as const
    for (const [xCm, yCm, index] of places) assert.strictEqual(grid.cellAt(xCm, yCm).index, index)
    assert.deepStrictEqual(
      grid.cellAt(0, 0).near.map(({ index }) => index),
      [0, 1]
    )
  })

  it("shows 32 in a cell, and the 33rd when one of them goes", () => {
    const grid = gridOf(32)
    const cell = grid.cellAt(0, 0)
    const members = Array.from({ length: 34 }, (_, index) => memberAt(index + 1, cell))
    for (const member of members) grid.enter(member)
    const shown = () => members.filter((member) => member.shown !== undefined).map(({ number }) => number)
    assert.deepStrictEqual(
      shown(),
      Array.from({ length: 32 }, (_, index) => index + 1)
    )
    assert.strictEqual(grid.crowded(cell), 2)
    const [first, , , , fifth] = members
    assert.isDefined(first)
    assert.isDefined(fifth)
    assert.strictEqual(grid.leave(fifth)?.number, 33)
    assert.strictEqual(grid.leave(first)?.number, 34)
    assert.strictEqual(grid.crowded(cell), 0)
    grid.enter(fifth)
    assert.isUndefined(fifth.shown, "whoever comes back is at the end of the line")
  })

  it("shows all when there is no bound", () => {
    const grid = gridOf(0)
    const cell = grid.cellAt(0, 0)
    for (let number = 1; number <= 100; number++) grid.enter(memberAt(number, cell))
    assert.strictEqual(cell.lastShown?.number, 100)
    assert.strictEqual(grid.crowded(cell), 0)
  })
})

describe("Peers", () => {
  const frame = (incarnation: string, number: number, key = false): MovesTold => ({
    $type: "noriter.runner.v1.MovesTold",
    channel: "park/1",
    incarnation,
    number,
    key,
    member: [],
    xCm: [],
    yCm: []
  })

  it("takes each frame once, and asks for a key frame when one is missing", () => {
    const peers = new Peers()
    assert.isTrue(peers.note(frame("r2", 1)))
    assert.isTrue(peers.note(frame("r2", 2)))
    assert.isFalse(peers.note(frame("r2", 2)))
    assert.isFalse(peers.note(frame("r2", 1)))
    assert.isFalse(peers.isKeyFrameDue(0))
    assert.isTrue(peers.note(frame("r2", 4)))
    assert.isTrue(peers.isKeyFrameDue(0))
    assert.isFalse(peers.isKeyFrameDue(999))
    assert.isTrue(peers.note(frame("r2", 5, true)))
    assert.isFalse(peers.isKeyFrameDue(1_000))
  })

  it("asks three times, a second apart: whoever does not answer is gone", () => {
    const peers = new Peers()
    peers.note(frame("r2", 7))
    const asked = [0, 500, 1_000, 2_000, 3_000, 4_000].filter((nowMs) => peers.isKeyFrameDue(nowMs))
    assert.deepStrictEqual(asked, [0, 1_000, 2_000])
  })

  it("asks once for what is in doubt, and not twice within a second", () => {
    const peers = new Peers()
    peers.doubt()
    assert.isTrue(peers.isKeyFrameDue(0))
    peers.doubt()
    assert.deepStrictEqual(
      [500, 1_000, 2_000].map((nowMs) => peers.isKeyFrameDue(nowMs)),
      [false, true, false]
    )
  })

  it("counts each incarnation apart", () => {
    const peers = new Peers()
    peers.note(frame("r2-1", 1))
    peers.note(frame("r2-2", 1))
    assert.isFalse(peers.isKeyFrameDue(0))
  })

  it("remembers a thousand incarnations", () => {
    const peers = new Peers()
    for (let peer = 0; peer <= 1_000; peer++) peers.note(frame(`r${peer}`, 1))
    assert.isFalse(peers.note(frame("r1", 1)), "one of the last thousand")
    assert.isTrue(peers.note(frame("r0", 1)), "the one before them")
  })
})

describe("Movers", () => {
  const cell = new Cell(0, 0, 0)
  const own = (number: number): Member =>
    Object.assign(memberAt(number, cell, number, number), { own: true, recorded: true })

  it("numbers its frames, and gives each mover once", () => {
    const movers = new Movers()
    const [one, two] = [own(1), own(2)]
    assert.isUndefined(movers.takeFrame("park/1", "r1", [one, two]))
    movers.moved(two)
    movers.moved(two)
    const first = movers.takeFrame("park/1", "r1", [one, two])
    assert.deepInclude(first, { number: 1, key: false, member: [2], xCm: [2], yCm: [2] })
    assert.isUndefined(movers.takeFrame("park/1", "r1", [one, two]))
    movers.keyAsked = true
    assert.deepInclude(movers.takeFrame("park/1", "r1", [one, two]), { number: 2, key: true, member: [1, 2] })
  })

  it("goes on above the frames of a view that was closed: the other runners have seen those", () => {
    const movers = new Movers(41)
    const one = own(1)
    movers.moved(one)
    assert.deepInclude(movers.takeFrame("park/1", "r1", [one]), { number: 42 })
    assert.strictEqual(movers.frames, 42)
  })

  it("gives places to be written once, and all of them after a failure", () => {
    const movers = new Movers()
    const [one, two] = [own(1), own(2)]
    movers.moved(one)
    assert.deepStrictEqual(movers.takePlaces(undefined), { member: [1], xCm: [1], yCm: [1] })
    assert.deepStrictEqual(movers.takePlaces(undefined).member, [])
    assert.deepStrictEqual(movers.takePlaces([one, two]).member, [1, 2])
  })

  it("leaves out whom another runner speaks for by now", () => {
    const movers = new Movers()
    const one = own(1)
    movers.moved(one)
    one.own = false
    assert.isUndefined(movers.takeFrame("park/1", "r1", [one]))
    assert.deepStrictEqual(movers.takePlaces(undefined).member, [])
  })
})
