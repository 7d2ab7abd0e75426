/**
 * Limits of what sockets may cost, through the port: how many of them one address may have, and how long and how much a
 * phone that does not read is waited for. Addresses are made up, as a proxy would say them.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { fieldOf, unlimited, until } from "./Guest.ts"
import { type Heard, isRecord, newSecret, Phone } from "./Phone.ts"
import { Server } from "./Server.ts"
import type { Address } from "./Way.ts"

const pendingMax = 2
const openMax = 4
const newBurst = 6
const stallMs = 500

/** So many playgrounds that the list of them is long. */
const world = Array.from({ length: 250 }, (_, index) => ({
  id: `park${index}`,
  name: `공원 ${index}`,
  widthCm: 10_000,
  heightCm: 10_000,
  spawn: { xCm: 5_000, yCm: 5_000, radiusCm: 0 },
  capacity: 10
}))

let folder: string
let crowded: Server
/** Little may wait, for as long as it takes. */
let small: Server
/** Much may wait, but not for long. */
let impatient: Server

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "noriter-sockets-"))
  const file = join(folder, "world.json")
  await writeFile(file, JSON.stringify(world))
  ;[crowded, small, impatient] = await Promise.all([
    Server.start({
      NORITER_PROXIES: "127.0.0.1",
      // Phones come and go one after another, and who has left is to count no longer when the next one comes.
      NORITER_READ_ALONE_MAX: "256",
      NORITER_ADDRESS_PENDING_MAX: `${pendingMax}`,
      NORITER_ADDRESS_NEW_PER_SECOND: `1,${newBurst}`,
      NORITER_ADDRESS_MAX: `${openMax}`
    }),
    Server.start({ ...unlimited, NORITER_WORLD: file, NORITER_OUTBOX_BYTES_MAX: "65536", NORITER_OUTBOX_STALL: "0" }),
    Server.start({
      ...unlimited,
      NORITER_WORLD: file,
      NORITER_OUTBOX_BYTES_MAX: "0",
      NORITER_OUTBOX_STALL: `${stallMs} ms`
    })
  ])
})
afterAll(async () => {
  await Promise.all([crowded, small, impatient].map((server) => server.stop()))
  await rm(folder, { recursive: true })
})

describe("sockets of one address", () => {
  const from = (lastByte: number): Promise<Phone> => Phone.connect(crowded.phones, { from: lastByte })
  /** Answered, with whatever: it was let in. */
  const letIn = async (phone: Phone): Promise<Phone> => {
    assert.isTrue(isRecord((await phone.ask({ ping: {} })).error))
    return phone
  }
  const greeted = async (phone: Phone): Promise<Phone> => {
    const { hello } = await phone.ask({ hello: { deviceSecret: newSecret(), nickname: "바람" } })
    assert.isTrue(isRecord(hello))
    return phone
  }
  async function refused(phone: Phone): Promise<Heard> {
    const { code, comeBack, ...body } = await phone.next("disconnect")
    assert.deepStrictEqual([code, comeBack], ["DISCONNECT_CODE_ADDRESS_LIMIT", true])
    assert.isAtLeast(Number(body.afterMs), 1)
    await phone.closed()
    return body
  }
  const all = (phones: ReadonlyArray<Phone>) => {
    const stack = new AsyncDisposableStack()
    for (const phone of phones) stack.use(phone)
    return stack
  }

  it("that have not said hello: as many as there may be wait, one more is refused until one of them has", async () => {
    const waiting = [await letIn(await from(1)), await letIn(await from(1))]
    await using _ = all(waiting)
    await refused(await from(1))
    await using _other = await letIn(await from(2))
    await greeted(waiting[0] ?? (await from(1)))
    await using _next = await letIn(await from(1))
    await refused(await from(1))
  })

  it("in all: as many as there may be stay, one more is refused until one of them has left", async () => {
    const open = [await greeted(await from(3)), await greeted(await from(3)), await greeted(await from(3))]
    await using _ = all(open)
    await using last = await greeted(await from(3))
    await refused(await from(3))
    last.cut()
    await using _next = await until(
      "room for one more",
      () => from(3).then(answered),
      (phone) => phone !== undefined
    )
    for (const phone of open) assert.isTrue(isRecord((await phone.ask({ ping: {} })).ping))
  })
  /** The phone, or undefined where it was refused. */
  async function answered(phone: Phone): Promise<Phone | undefined> {
    phone.say({ id: 1, ping: {} })
    const line = await phone.hear("anything", () => true)
    return line.re === 1 ? phone : undefined
  }

  it("new ones: a burst is let in, one more is told when", async () => {
    for (let socket = 0; socket < newBurst; socket++) {
      await using _ = await letIn(await from(4))
    }
    const body = await refused(await from(4))
    assert.isAtMost(Number(body.afterMs), 1000)
  })
})

describe("a phone that does not read", () => {
  /** One that has said hello, and reads no more. */
  async function deafPhone(address: Address): Promise<Phone> {
    const phone = await Phone.greet(address, "바람")
    phone.pause()
    return phone
  }
  const ask = (phone: Phone, count: number, firstId = 2) =>
    phone.write(
      Array.from({ length: count }, (_, index) => `{"id":${firstId + index},"listPlaygrounds":{}}\n`).join("")
    )
  /** The last line it hears, once it reads, before the socket closes. */
  async function last(phone: Phone): Promise<unknown> {
    phone.resume()
    await phone.closed()
    return fieldOf(phone.lines.at(-1)?.disconnect, "code")
  }
  const slowTotal = async ({ httpPort }: Server): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()
    return Number(/^noriter_outbox_slow_total (\d+)$/m.exec(text)?.[1])
  }

  it("is SLOW when more waits than may; what it missed is not kept for it", async () => {
    await using phone = await deafPhone(small.phones)
    // The kernel takes some megabytes before anything waits here.
    for (let some = 0; some < 10 && (await slowTotal(small)) === 0; some++) ask(phone, 50, 2 + some * 50)
    await until(
      "that it is slow",
      () => slowTotal(small),
      (slow) => slow === 1
    )
    assert.strictEqual(await last(phone), "DISCONNECT_CODE_SLOW")
  })

  it("is SLOW when it took nothing for too long, and not before", async () => {
    await using phone = await deafPhone(impatient.phones)
    const beganAt = performance.now()
    ask(phone, 500)
    await until(
      "that it is slow",
      () => slowTotal(impatient),
      (slow) => slow === 1
    )
    assert.isAtLeast(performance.now() - beganAt, stallMs)
    assert.strictEqual(await last(phone), "DISCONNECT_CODE_SLOW")
  })

  it("one that reads is told as much in full, under either bound", async () => {
    for (const server of [small, impatient]) {
      const before = await slowTotal(server)
      await using phone = await Phone.greet(server.phones, "바람")
      for (let round = 0; round < 30; round++) {
        const answers = await Promise.all(Array.from({ length: 10 }, () => phone.ask({ listPlaygrounds: {} })))
        assert.isTrue(answers.every((answer) => isRecord(answer.listPlaygrounds)))
      }
      assert.strictEqual(await slowTotal(server), before)
    }
  })
})
