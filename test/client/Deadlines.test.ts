import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { PhoneConnection } from "../../src/client/Connection.ts"
import { Deadlines, endingMs } from "../../src/client/Deadlines.ts"
import { outboxBytes } from "../../src/telemetry/Metrics.ts"
import { FakeSocket } from "./FakeSocket.ts"
import { Taker } from "./Taker.ts"

const limits = { helloTimeoutMs: 5000, lineTimeoutMs: 10_000, heartbeatMs: 15_000, outboxStallMs: 2000 }
const off = { helloTimeoutMs: 0, lineTimeoutMs: 0, heartbeatMs: 0, outboxStallMs: 0 }

function makeBench(given = limits, room?: number) {
  const deadlines = new Deadlines(given)
  const socket = new FakeSocket(room)
  const connection = new PhoneConnection({
    transport: socket,
    address: "192.0.2.7",
    port: 49_153,
    limits: { lineBytesMax: 8192, outboxBytesMax: 262_144, outboxStallMs: given.outboxStallMs },
    now: deadlines.now,
    onStirred: deadlines.stir,
    ticket: { greeted: () => {}, left: () => {} },
    run: Effect.runFork,
    onGone: () => {},
    onDone: () => {}
  })
  deadlines.watch(connection)
  /** Lets time go by, sweep by sweep. */
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += deadlines.sweepMs) deadlines.sweep(deadlines.sweepMs)
  }
  return { deadlines, socket, connection, pass }
}

/** Until one is disconnected, at most an hour. */
function endsAfter({ deadlines, connection, pass }: ReturnType<typeof makeBench>): number {
  const began = deadlines.now()
  while (connection.isOpen && deadlines.now() - began < 3_600_000) pass(deadlines.sweepMs)
  return deadlines.now() - began
}

describe("Deadlines", () => {
  it("waits for hello so long", () => {
    const bench = makeBench()
    assert.strictEqual(endsAfter(bench), limits.helloTimeoutMs + bench.deadlines.sweepMs)
    assert.strictEqual(bench.connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_HELLO_TIMEOUT)
  })

  it("waits for the end of a line so long", () => {
    const bench = makeBench()
    bench.connection.helloDone()
    bench.pass(1000)
    bench.connection.begin(new Taker())
    bench.connection.received(Buffer.from('{"id":1'))
    bench.pass(1000)
    bench.connection.received(Buffer.from(","))
    assert.strictEqual(endsAfter(bench) + 1000, limits.lineTimeoutMs + bench.deadlines.sweepMs)
    assert.strictEqual(bench.connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_LINE_TIMEOUT)
  })

  it("waits for a line so long: three heartbeats", () => {
    const bench = makeBench()
    bench.connection.helloDone()
    assert.strictEqual(endsAfter(bench), 3 * limits.heartbeatMs + bench.deadlines.sweepMs)
    assert.strictEqual(bench.connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_HEARTBEAT)
  })

  it("does not blame a phone for the time it was not read", () => {
    const bench = makeBench()
    bench.connection.helloDone()
    const taker = new Taker()
    taker.slow = true
    bench.connection.begin(taker)
    bench.connection.received(Buffer.from("one\ntwo\n"))
    bench.pass(600_000)
    assert.isTrue(bench.connection.isOpen)
    taker.goOn()
    assert.strictEqual(endsAfter(bench), 3 * limits.heartbeatMs + bench.deadlines.sweepMs)
  })

  it("does not blame a phone for the time this process was frozen", () => {
    const bench = makeBench()
    bench.deadlines.sweep(3_600_000)
    bench.connection.helloDone()
    bench.deadlines.sweep(3_600_000)
    assert.isTrue(bench.connection.isOpen)
  })

  it.each([15_000, 0])("says something at least every heartbeat, which off is 15 s: %s", async (heartbeatMs) => {
    const bench = makeBench({ ...limits, heartbeatMs })
    const others = Array.from({ length: 20 }, () => makeBench().connection)
    for (const other of others) bench.deadlines.watch(other)
    bench.connection.helloDone()
    let silent = 0
    for (let sweep = 0; sweep < (2.9 * limits.heartbeatMs) / bench.deadlines.sweepMs; sweep++) {
      const before = bench.socket.writes.length
      bench.pass(bench.deadlines.sweepMs)
      await new Promise((resolve) => setImmediate(resolve))
      silent = bench.socket.writes.length === before ? silent + bench.deadlines.sweepMs : 0
      assert.isBelow(silent, limits.heartbeatMs)
    }
    assert.match(bench.socket.text, /^(\{"beat":\{\}\}\n){3,6}$/)
  })

  it("says nothing to a phone that asks as often as ours do: in six tenths of a heartbeat it hears the answer", async () => {
    const bench = makeBench()
    bench.connection.helloDone()
    bench.connection.begin(new Taker())
    for (let asked = 0; asked < 10; asked++) {
      bench.pass(0.6 * limits.heartbeatMs)
      bench.connection.received(Buffer.from('{"ping":{}}\n'))
      bench.connection.outbox.answer(Buffer.from("answer\n"))
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.notInclude(bench.socket.text, "beat")
  })

  it("says nothing before hello, and nothing where something else was said", async () => {
    const silent = makeBench({ ...off, heartbeatMs: 15_000 })
    silent.pass(60_000)
    const talking = makeBench()
    talking.connection.helloDone()
    for (let second = 0; second < 40; second++) {
      talking.connection.outbox.push(Buffer.from("x\n"))
      talking.pass(1000)
    }
    await new Promise((resolve) => setImmediate(resolve))
    assert.strictEqual(silent.socket.text, "")
    assert.notInclude(talking.socket.text, "beat")
  })

  it("finds phones that do not take what waits for them", () => {
    const bench = makeBench(limits, 0)
    bench.connection.helloDone()
    bench.connection.outbox.push(Buffer.from("x\n"))
    bench.connection.outbox.flush()
    assert.isAtMost(endsAfter(bench), limits.outboxStallMs + 2 * bench.deadlines.sweepMs)
    assert.strictEqual(bench.connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_SLOW)
  })

  it("destroys a socket that does not close in time", () => {
    const bench = makeBench()
    bench.connection.close()
    bench.pass(endingMs - bench.deadlines.sweepMs)
    assert.notInclude(bench.socket.calls, "destroy")
    bench.pass(bench.deadlines.sweepMs)
    assert.include(bench.socket.calls, "destroy")
  })

  describe("of a phone that was quiet, and is looked at less often", () => {
    const makeQuiet = (room?: number) => {
      const bench = makeBench(limits, room)
      bench.connection.helloDone()
      bench.connection.begin(new Taker())
      bench.pass(1000)
      return bench
    }

    it("finds what waits for it, and that it does not take it", () => {
      const bench = makeQuiet(0)
      bench.connection.outbox.push(Buffer.from("x\n"))
      bench.pass(bench.deadlines.sweepMs)
      assert.strictEqual(outboxBytes.value, 2)
      bench.connection.outbox.flush()
      assert.isAtMost(endsAfter(bench), limits.outboxStallMs + 2 * bench.deadlines.sweepMs)
      assert.strictEqual(bench.connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_SLOW)
    })

    it("finds again and again what it does not take", () => {
      const bench = makeQuiet(0)
      for (let time = 0; time < 3; time++) {
        bench.connection.outbox.push(Buffer.from("x\n"))
        bench.connection.outbox.flush()
        bench.pass(bench.deadlines.sweepMs)
        assert.strictEqual(outboxBytes.value, 2)
        bench.socket.read(2)
        bench.pass(1000)
        assert.strictEqual(outboxBytes.value, 0)
      }
      assert.isTrue(bench.connection.isOpen)
    })

    it("waits so long for the end of a line that came after those it was not read for", () => {
      const bench = makeBench()
      bench.connection.helloDone()
      const taker = new Taker()
      taker.slow = true
      bench.connection.begin(taker)
      bench.connection.received(Buffer.from("one\ntwo\nunfin"))
      bench.pass(1000)
      taker.slow = false
      taker.goOn()
      assert.strictEqual(endsAfter(bench), limits.lineTimeoutMs + bench.deadlines.sweepMs)
      assert.strictEqual(bench.connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_LINE_TIMEOUT)
    })

    it("waits so long for the end of a frame", () => {
      const bench = makeQuiet()
      bench.connection.receivedPart()
      assert.strictEqual(endsAfter(bench), limits.lineTimeoutMs + bench.deadlines.sweepMs)
      assert.strictEqual(bench.connection.disconnectedWith, DisconnectCode.DISCONNECT_CODE_LINE_TIMEOUT)
    })

    it("counts its silence from its last line", () => {
      const bench = makeQuiet()
      bench.pass(40_000)
      bench.connection.received(Buffer.from('{"ping":{}}\n'))
      assert.strictEqual(endsAfter(bench), 3 * limits.heartbeatMs + bench.deadlines.sweepMs)
    })

    it("destroys a socket that does not close in time", () => {
      const bench = makeQuiet()
      bench.connection.close()
      bench.pass(endingMs)
      assert.include(bench.socket.calls, "destroy")
    })

    it("looks at each of them, whoever is forgotten", () => {
      const all = Array.from({ length: 5 }, () => makeBench())
      const { deadlines, pass } = makeBench()
      for (const { connection } of all) {
        connection.helloDone()
        deadlines.watch(connection)
      }
      pass(1000)
      for (const at of [1, 4, 0]) {
        const connection = all[at]?.connection
        if (connection !== undefined) deadlines.forget(connection)
      }
      pass(4 * limits.heartbeatMs)
      assert.deepStrictEqual(
        all.map(({ connection }) => connection.isOpen),
        [true, true, false, false, true]
      )
    })
  })

  it("looks at nobody who was forgotten", () => {
    const bench = makeBench()
    bench.deadlines.forget(bench.connection)
    bench.pass(60_000)
    assert.isTrue(bench.connection.isOpen)
    assert.strictEqual(bench.deadlines.size, 0)
  })

  it("ends nobody where all is off", () => {
    const bench = makeBench(off, 0)
    bench.connection.outbox.push(Buffer.from("x\n"))
    bench.connection.received(Buffer.from("unfinished"))
    bench.pass(3_600_000)
    bench.connection.helloDone()
    bench.pass(3_600_000)
    assert.isTrue(bench.connection.isOpen)
  })

  it("looks more often where a limit is short", () => {
    assert.strictEqual(new Deadlines(limits).sweepMs, 250)
    assert.strictEqual(new Deadlines({ ...off, helloTimeoutMs: 400 }).sweepMs, 50)
    assert.strictEqual(new Deadlines({ ...off, helloTimeoutMs: 8 }).sweepMs, 10)
    assert.strictEqual(new Deadlines(off).sweepMs, 500)
  })
})
