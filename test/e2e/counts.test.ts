/**
 * A runner under load counts what it does: as many lines as were answered were taken, put on the log, applied and told,
 * and each phone heard all of them. By the same check that the benches of chat are checked by.
 */
import { assert, describe, it } from "@effect/vitest"
import { differing, figuresOf, linesCounted } from "../../bench/harness/Figures.ts"
import { type Guest, unlimited, until, visit } from "./Guest.ts"
import { isRecord, type Phone } from "./Phone.ts"
import { Server } from "./Server.ts"

const phones = 8
const speakers = 4
/** Of each speaker; as many wait for their answers as may. */
const lines = 256
const atOnce = 32
const withinMs = 60_000

const answersOf = (phone: Phone): number => phone.lines.filter((line) => isRecord(line.say)).length
const heardBy = (phone: Phone): number => phone.lines.filter((line) => isRecord(line.said)).length
const saying = (id: number, text: string) => ({ id, say: { text, reach: "REACH_PLAYGROUND" } })

/** Says all of them, so many at once. */
async function talk({ phone }: Guest, firstId: number): Promise<void> {
  for (let said = 0; said < lines; said += atOnce) {
    for (let line = 0; line < atOnce; line++) phone.say(saying(firstId + said + line, `${said + line}`))
    const wanted = said + atOnce
    await until(
      "the answers",
      () => answersOf(phone),
      (answers) => answers === wanted,
      withinMs
    )
  }
}

describe("what a runner counts", () => {
  it("is what its phones were answered and heard", { timeout: 3 * withinMs }, async () => {
    await using server = await Server.start({ ...unlimited, NORITER_TOPIC_TIMEOUT: "60 seconds" })
    const guests: Array<Guest> = []
    for (let phone = 0; phone < phones; phone++) guests.push(await visit(server.phones, `손님${phone}`))
    const before = await figuresOf([server.httpPort])
    await Promise.all(guests.slice(0, speakers).map((guest) => talk(guest, 10)))
    const answered = speakers * lines
    for (const { phone } of guests) {
      await until(
        "all to be heard",
        () => heardBy(phone),
        (heard) => heard === answered,
        withinMs
      )
    }
    const figures = await figuresOf([server.httpPort])
    const counted = linesCounted(before, figures, 1)
    assert.isAbove(figures.get("noriter_socket_writes_batched_total") ?? 0, 0, "native/send is what writes")
    assert.deepStrictEqual(counted, { taken: answered, appended: answered, applied: answered, told: answered })
    assert.strictEqual(differing(answered, Object.values(counted)), 0)

    // Said again it is answered as the first time and told to nobody: a count that is wrong by one is seen.
    const [first] = guests
    if (first === undefined) throw new Error("no guests")
    first.phone.say(saying(10 + lines - 1, `${lines - 1}`))
    await until(
      "the answer",
      () => answersOf(first.phone),
      (answers) => answers === lines + 1,
      withinMs
    )
    const after = linesCounted(before, await figuresOf([server.httpPort]), 1)
    assert.strictEqual(differing(answered + 1, Object.values(after)), 1)
    for (const { phone } of guests) phone.cut()
  })
})
