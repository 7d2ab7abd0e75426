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
})
