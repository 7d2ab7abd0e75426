/** The one timer of all plazas, and the one listener to the network. */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Plaza } from "../../sdk/typescript/src/Plaza.ts"
import type { SocketEvents, Transport } from "../../sdk/typescript/src/Transport.ts"

describe("All plazas of a process", () => {
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  it("share one timer, which is there while one of them is, and come back at once when the page is online", () => {
    vi.useFakeTimers()
    const pageListeners: Array<() => void> = []
    vi.stubGlobal("addEventListener", (_name: string, listener: () => void) => void pageListeners.push(listener))
    const sockets: Array<SocketEvents> = []
    const transport: Transport = (events) => {
      sockets.push(events)
      return { write: () => {}, unsentBytes: () => 0, close: () => {}, drop: () => {} }
    }
    const plazas = Array.from({ length: 3 }, () => new Plaza({ transport, nickname: "바람" }))
    assert.strictEqual(vi.getTimerCount(), 0)
    for (const plaza of plazas) {
      plaza.connect()
      plaza.connect()
    }
    assert.strictEqual(vi.getTimerCount(), 1)
    assert.strictEqual(pageListeners.length, 1)
    assert.strictEqual(sockets.length, 3)

    for (const { lost } of [...sockets]) lost("cut")
    assert.deepStrictEqual(
      plazas.map(({ state }) => state),
      ["waiting", "waiting", "waiting"]
    )
    for (const online of pageListeners) online()
    assert.strictEqual(sockets.length, 6)
    // An older socket that is lost only now is nobody's any more.
    sockets[0]?.lost("late")
    assert.strictEqual(plazas[0]?.state, "connecting")
    sockets[3]?.lost("cut")
    vi.advanceTimersByTime(1000)
    assert.strictEqual(sockets.length, 7)

    for (const plaza of plazas) plaza.close()
    assert.strictEqual(vi.getTimerCount(), 0)
    plazas[0]?.connect()
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("come back in time though the device's clock is set back, by however much and however often", () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 11, 1) })
    const sockets: Array<SocketEvents> = []
    const transport: Transport = (events) => {
      sockets.push(events)
      return { write: () => {}, unsentBytes: () => 0, close: () => {}, drop: () => {} }
    }
    const plaza = new Plaza({ transport, nickname: "바람" })
    plaza.connect()
    for (const year of [2025, 1970]) {
      const before = sockets.length
      sockets.at(-1)?.lost("cut")
      vi.setSystemTime(Date.UTC(year, 0, 1))
      vi.advanceTimersByTime(1000)
      assert.strictEqual(sockets.length, before + 1)
    }
    plaza.close()
  })

  it("leave no timer behind where their transport throws, or where they are closed while they begin", async () => {
    vi.useFakeTimers()
    // Of a process of their own: a timer that is left behind is there already when this is run once more.
    vi.resetModules()
    const { Plaza } = await import("../../sdk/typescript/src/Plaza.ts")
    const thrower = new Plaza({
      transport: () => {
        throw new RangeError("no such port")
      },
      nickname: "바람"
    })
    assert.throws(() => thrower.connect(), "no such port")
    const closer = new Plaza({ transport: () => assert.fail("it is closed"), nickname: "바람" })
    closer.on("state", () => closer.close())
    closer.connect()
    assert.strictEqual(closer.state, "closed")
    assert.strictEqual(vi.getTimerCount(), 0)
  })
})
