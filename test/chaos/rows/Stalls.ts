/** Runners and watchers that live and yet do not do what they should (F05, F09, F32, F34): stalled, frozen, of another time, full. */
import { connect, type Socket } from "node:net"
import { Inspector } from "../../e2e/Inspector.ts"
import { pause, until } from "../Party.ts"
import type { Row } from "../Scene.ts"
import { goneAtMost } from "./Runners.ts"

const isHealthy = async (httpPort: number): Promise<boolean> =>
  await fetch(`http://127.0.0.1:${httpPort}/healthz`, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false
  )

const stalled: Row = {
  id: "F05",
  title: "a runner's event loop stands still for two sessions, its sockets open",
  shape: { inspected: true },
  phones: 30,
  runs: 3,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(1_000)
    const victim = scene.one(cluster.runners)
    const { httpPort, output } = cluster.server(victim)
    const own = party.on(scene.portOf(victim))
    scene.excuse(own)
    using inspector = await Inspector.open({ output })
    const atMs = performance.now()
    await scene.fault(`${victim} is busy with nothing`, async () => {
      const stallMs = 2 * cluster.shape.sessionMs
      inspector.evaluate(`{ const end = performance.now() + ${stallMs}; while (performance.now() < end) {} }`)
      await until(60_000, async () => !(await isHealthy(httpPort)))
      scene.note("/healthz is red after", performance.now() - atMs, "ms", { atMost: 3_000 })
      await scene.gone(party, own, atMs)
      await scene.look()
      await pause(Math.max(0, atMs + stallMs - performance.now()))
    })
    const thawedMs = performance.now()
    await until(
      60_000,
      () => own.every(({ isInside, events }) => isInside && closedSince(events, atMs)),
      "all are back"
    )
    scene.note("back after", performance.now() - thawedMs, "ms", { atMost: 10_000 })
    await scene.look()
    scene.lostOnce(party.travellers, own)
  }
}

const closedSince = (events: ReadonlyArray<{ readonly kind: string; readonly atMs: number }>, sinceMs: number) =>
  events.some(({ kind, atMs }) => kind === "closed" && atMs >= sinceMs)

const secondWatcher: Row = {
  id: "F09",
  title: "a watcher is frozen past its session, another sweeps, it comes back",
  phones: 30,
  runs: 3,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(1_000)
    const victim = scene.one(cluster.runners)
    const own = party.on(scene.portOf(victim))
    for (const one of own) one.stayAway()
    const atMs = performance.now()
    await scene.fault("watcher-0 is frozen", async () => {
      cluster.freeze("watcher-0")
      await cluster.kill(victim)
      scene.note("gone after", await scene.gone(party, own, atMs), "ms", { atMost: 2 * goneAtMost })
      await cluster.start(victim)
      await pause(Math.max(0, atMs + 2 * cluster.shape.sessionMs - performance.now()))
      cluster.thaw("watcher-0")
    })
    await pause(3_000)
    scene.lostOnce(party.travellers, own)
  }
}

const hour = 3_600_000

const clock: Row = {
  id: "F32",
  title: "a runner's clock jumps an hour ahead, and then half an hour back",
  shape: { inspected: true },
  phones: 30,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(1_000)
    const victim = scene.one(cluster.runners)
    using inspector = await Inspector.open(cluster.server(victim))
    const atMs = performance.now()
    for (const [what, byMs] of [
      ["an hour ahead", hour],
      ["half an hour behind", -hour / 2]
    ] as const) {
      await scene.fault(`${victim} is ${what}`, async () => {
        inspector.evaluate(
          `globalThis.realNow ??= Date.now; Date.now = () => Math.floor(globalThis.realNow.call(Date)) + ${byMs}`
        )
        await pause(8_000)
      })
    }
    inspector.evaluate("Date.now = globalThis.realNow")
    await pause(2_000)
    scene.undisturbed(party.travellers, atMs)
  }
}

const descriptors = 400
const crowd = 1_000

const full: Row = {
  id: "F34",
  title: "a runner has 400 file descriptors, and 1,000 sockets come",
  phones: 20,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    const id = "narrow"
    await cluster.start(id, undefined, descriptors)
    const narrow = cluster.server(id)
    const early = party.add(10, () => [narrow.tcpPort])
    await until(60_000, () => early.every(({ isInside }) => isInside), "the early ones are in")
    const atMs = performance.now()
    const sockets: Array<Socket> = []
    await scene.fault(`${crowd} sockets`, async () => {
      for (let at = 0; at < crowd; at++) {
        const socket = connect({ host: "127.0.0.1", port: narrow.tcpPort })
        socket.on("error", () => {}) // refused is what is wanted
        sockets.push(socket)
      }
      await pause(3_000)
      for (const socket of sockets) socket.destroy()
    })
    const freeMs = performance.now()
    const [late] = party.add(1, () => [narrow.tcpPort])
    await until(60_000, () => late?.isInside === true, "somebody new is in")
    scene.note("somebody new is in after", performance.now() - freeMs, "ms", { atMost: 5_000 })
    // The one that came late may have been told FULL while the others were being let go.
    scene.undisturbed(
      party.travellers.filter((one) => one !== late),
      atMs
    )
    for (const one of [...early, ...(late ? [late] : [])]) one.depart()
    await cluster.stop(id)
  }
}

export const stalls: ReadonlyArray<Row> = [stalled, secondWatcher, clock, full]
