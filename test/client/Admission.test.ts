import { assert, describe, it } from "@effect/vitest"
import { Admission, addressKey, isRefused, type Ticket } from "../../src/client/Admission.ts"

const off = { socketsMax: 0, addressPendingMax: 0, addressNewPerSecond: 0, addressNewBurst: 0, addressMax: 0 }

/** An admission with a clock that the test moves. */
function makeBench(limits: Partial<typeof off>) {
  const clock = { now: 0 }
  const admission = new Admission({ ...off, ...limits }, () => clock.now)
  const admit = (address = "192.0.2.7"): Ticket => {
    const admitted = admission.admit(address)
    if (isRefused(admitted)) throw new Error(admitted.message)
    return admitted
  }
  const afterMs = (address = "192.0.2.7"): number => {
    const admitted = admission.admit(address)
    return isRefused(admitted) ? admitted.afterMs : 0
  }
  return { clock, admission, admit, afterMs }
}

describe("Admission", () => {
  it("has at most so many before their hello", () => {
    const { admit, afterMs } = makeBench({ addressPendingMax: 64 })
    const tickets = Array.from({ length: 64 }, () => admit())
    assert.isAbove(afterMs(), 0)
    assert.strictEqual(afterMs("192.0.2.8"), 0)
    tickets[0]?.greeted()
    tickets[0]?.greeted()
    assert.strictEqual(afterMs(), 0)
    assert.isAbove(afterMs(), 0)
    tickets[1]?.left()
    tickets[1]?.left()
    tickets[0]?.left()
    assert.strictEqual(afterMs(), 0)
    assert.isAbove(afterMs(), 0)
  })

  it("has at most so many in all", () => {
    const { admit, afterMs } = makeBench({ addressMax: 3 })
    const tickets = Array.from({ length: 3 }, () => admit())
    for (const ticket of tickets) ticket.greeted()
    assert.isAbove(afterMs(), 0)
    tickets[0]?.left()
    tickets[0]?.left()
    assert.strictEqual(afterMs(), 0)
    assert.isAbove(afterMs(), 0)
  })

  it("lets in so many a second, and says when there is room", () => {
    const { clock, afterMs } = makeBench({ addressNewPerSecond: 100, addressNewBurst: 500 })
    for (let socket = 0; socket < 500; socket++) assert.strictEqual(afterMs(), 0)
    assert.strictEqual(afterMs(), 10)
    clock.now = 9
    assert.strictEqual(afterMs(), 1)
    clock.now = 10
    assert.strictEqual(afterMs(), 0)
    assert.strictEqual(afterMs(), 10)
    clock.now = 10_000_000
    for (let socket = 0; socket < 500; socket++) assert.strictEqual(afterMs(), 0)
    assert.strictEqual(afterMs(), 10)
  })

  it("lets in any number when it is off", () => {
    const { admit } = makeBench({})
    for (let socket = 0; socket < 20_000; socket++) admit()
  })

  it("forgets an address when nothing is left to remember", () => {
    const { clock, admission, admit } = makeBench({ addressNewPerSecond: 100, addressNewBurst: 500 })
    const tickets = Array.from({ length: 2 }, () => admit())
    admission.sweep()
    assert.strictEqual(admission.size, 1)
    for (const ticket of tickets) ticket.left()
    clock.now = 19
    admission.sweep()
    assert.strictEqual(admission.size, 1)
    clock.now = 20
    admission.sweep()
    assert.strictEqual(admission.size, 0)
  })

  it("keeps nothing of an address that it refuses at once", () => {
    const { admission, afterMs } = makeBench({ addressNewPerSecond: 1, addressNewBurst: 0 })
    assert.isAbove(afterMs(), 0)
    assert.strictEqual(admission.size, 0)
  })

  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"],
    ["2001:0DB8:0000:0001::5", "2001:db8:0:1::/64"],
    ["2001:db8::5", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::", "0:0:0:0::/64"]
  ])("counts %s as %s", (address, key) => assert.strictEqual(addressKey(address), key))

  it("counts the addresses of one /64 together", () => {
    const { admit, afterMs } = makeBench({ addressMax: 2 })
    admit("2001:db8:0:1::1")
    admit("2001:db8:0:1:ffff::2")
    assert.isAbove(afterMs("2001:db8:0:1::3"), 0)
    assert.strictEqual(afterMs("2001:db8:0:2::3"), 0)
  })
})
