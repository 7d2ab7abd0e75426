/**
 * Limits of a playground, through the port: how many stand in one channel, and how many of a cell are shown. Everybody
 * arrives at the same place here, so that a few phones are a crowd.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { codeOf, fieldOf, type Guest, listIn, numberIn, populationOf, unlimited, until, visit } from "./Guest.ts"
import { isRecord, type Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

const capacity = 2
const shownMax = 3

const playground = (id: string, capacity: number) => ({
  id,
  name: id,
  widthCm: 10_000,
  heightCm: 10_000,
  spawn: { xCm: 5_500, yCm: 5_500, radiusCm: 0 },
  capacity
})

let folder: string
let server: Server
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "noriter-places-"))
  const file = join(folder, "world.json")
  await writeFile(file, JSON.stringify([playground("yard", capacity), playground("square", 100)]))
  server = await Server.start({ ...unlimited, NORITER_WORLD: file, NORITER_CELL_SHOWN_MAX: `${shownMax}` })
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

describe("the capacity of a channel", () => {
  it("as many as there is room for stand in the first, the next in a second, and in the first again when it has room", async () => {
    const come = (channel = 0) => visit(server.tcpPort, "바람", { playground: "yard", channel })
    const [one, two, three] = [await come(), await come(), await come()]
    await using first = one.phone
    await using second = two.phone
    await using third = three.phone
    assert.deepStrictEqual([one.channel, two.channel, three.channel], [1, 1, 2])
    assert.deepStrictEqual(await populationOf(third, "yard"), { all: 3, channels: [2, 1] })

    const asked = await third.ask({ enter: { playground: "yard", channel: 1 } })
    assert.strictEqual(codeOf(asked), "ERROR_CODE_CHANNEL_FULL")
    const unknown = await third.ask({ enter: { playground: "yard", channel: 3 } })
    assert.strictEqual(codeOf(unknown), "ERROR_CODE_CHANNEL_UNKNOWN")
    const still = await third.ask({ say: { text: "나 여기", reach: "REACH_PLAYGROUND" } })
    assert.isTrue(isRecord(still.say), "refused, it stands where it stood")
    assert.isFalse(
      [...first.lines, ...second.lines].some(({ said }) => isRecord(said)),
      "channels do not hear each other"
    )

    await first.ask({ leave: {} })
    const { enter } = await third.ask({ enter: { playground: "yard", channel: 1 } })
    assert.strictEqual(numberIn(enter, "channel"), 1)
    assert.deepStrictEqual(await populationOf(third, "yard"), { all: 2, channels: [2, 0] })
  })

  it("many who come at once never stand more to a channel than there is room for", async () => {
    const guests = await Promise.all(
      Array.from({ length: 9 }, () => visit(server.tcpPort, "바람", { playground: "yard" }))
    )
    const [any] = guests
    const { channels } = await populationOf(any?.phone ?? assert.fail("nobody came"), "yard")
    for (const population of channels) assert.isAtMost(population, capacity)
    for (const { phone } of guests) await phone[Symbol.asyncDispose]()
  })
})

describe("a crowded cell", () => {
  /** Whom a phone sees, from all it was told: as a phone's own code would keep it. */
  const seenBy = (phone: Phone): ReadonlyArray<number> => {
    const seen = new Set<number>()
    for (const line of phone.lines) {
      // In the order of one tick gone members come first.
      for (const member of listIn(line.disappeared, "member")) seen.delete(Number(member))
      for (const member of listIn(line.appeared, "members")) seen.add(numberIn(member, "member"))
    }
    return [...seen].toSorted((a, b) => a - b)
  }
  /** The last count it was told of the cell that is crowded. */
  const crowdedBy = (phone: Phone): number =>
    phone.lines.flatMap(({ crowded }) => (isRecord(crowded) ? [numberIn(crowded, "count")] : [])).at(-1) ?? 0
  const numbers = (guests: ReadonlyArray<Guest>) => guests.map(({ member }) => member)
  const sees = (phone: Phone, members: ReadonlyArray<number>, crowded: number) =>
    until(
      `${members} and ${crowded} more`,
      () => JSON.stringify([seenBy(phone), crowdedBy(phone)]),
      (seen) => seen === JSON.stringify([members, crowded])
    )

  it("shows as many as it may, those there longest, and counts the others; who goes makes room", async () => {
    const guests: Array<Guest> = []
    const come = async () => guests.push(await visit(server.tcpPort, "바람", { playground: "square" }))
    for (let guest = 0; guest < shownMax; guest++) await come()
    const [first = assert.fail("nobody came"), ...others] = guests
    await sees(first.phone, numbers(others), 0)

    await come()
    await come()
    const [, , , fourth = assert.fail("nobody came"), fifth = assert.fail("nobody came")] = guests
    await sees(first.phone, numbers(others), 2)
    // Who is not shown sees those who are, and hears of its own steps all the same.
    await sees(fifth.phone, numbers([first, ...others]), 2)
    fifth.phone.say({ move: { xCm: fifth.xCm + 1, yCm: fifth.yCm } })
    await fifth.phone.next("moved", (moved) => Array.isArray(moved.member) && moved.member.includes(fifth.member))
    await fourth.phone.ask({ say: { text: "나도 있어", reach: "REACH_NEARBY" } })
    assert.strictEqual((await first.phone.next("said")).text, "나도 있어")

    await others[0]?.phone.ask({ leave: {} })
    await sees(first.phone, numbers([...others.slice(1), fourth]), 1)
    await others[1]?.phone.ask({ leave: {} })
    await sees(first.phone, numbers([fourth, fifth]), 0)
    assert.isFalse(first.phone.lines.some((line) => fieldOf(line.disappeared, "reason") === "GONE_REASON_LOST"))
    for (const { phone } of guests) await phone[Symbol.asyncDispose]()
  })
})
