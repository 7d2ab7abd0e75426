/** Networks that fail without a word (F27, F29), disks that are full (F33), and releases that follow each other (F35). */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { Release, releaseMissing } from "../../e2e/Release.ts"
import { type Direction, openCutter } from "../../services/Cutter.ts"
import type { Wired } from "../Cluster.ts"
import { pause, until } from "../Party.ts"
import type { Row } from "../Scene.ts"
import { backAtMost, goneAtMost, longestGap } from "./Runners.ts"

interface Cut {
  readonly from: ReadonlyArray<Wired>
  readonly ways: ReadonlyArray<Direction>
}

const bothWays: ReadonlyArray<Direction> = ["up", "down"]
const each: ReadonlyArray<Wired> = ["zookeeper", "redis", "kafka", "phones"]

/** Each server and the phones: not heard, deaf, or both; and two where several go at once. */
const cuts: ReadonlyArray<Cut> = [
  ...each.map((one): Cut => ({ from: [one], ways: bothWays })),
  ...each.map((one): Cut => ({ from: [one], ways: ["down"] })),
  { from: ["redis", "zookeeper"], ways: bothWays },
  { from: ["redis", "kafka", "zookeeper"], ways: ["up"] }
]
const cutForMs = 13_000

const partitions: Row = {
  id: "F27",
  title: "a runner is cut off without a word from each server and from phones, both ways and one; ten cuts",
  shape: { wired: [...each] },
  phones: 24,
  runs: 1,
  run: async (scene, party) => {
    const { cluster } = scene
    for (const { from, ways } of cuts) {
      await pause(1_000)
      const victim = scene.one(cluster.runners)
      scene.excuse(party.on(scene.portOf(victim)))
      const wires = from.map((one) => cluster.wireOf(victim, one))
      await scene.fault(`${victim} without ${from.join(" and ")}, ${ways.join(" and ")}`, async () => {
        for (const wire of wires) wire.silence(...ways)
        await pause(cutForMs)
        for (const wire of wires) wire.heal()
      })
      const healedMs = performance.now()
      await until(60_000, () => party.inside.length === party.travellers.length, "all are in")
      await scene.presence(party, healedMs, goneAtMost)
      await scene.works(party, healedMs, goneAtMost)
    }
  }
}

const heartbeatMs = 3_000

const halfOpen: Row = {
  id: "F29",
  title: "a phone's network dies without a word",
  shape: { variables: { NORITER_HEARTBEAT: `${heartbeatMs} ms` } },
  phones: 20,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    const wire = await openCutter(new URL(`tcp://127.0.0.1:${scene.portOf(scene.one(cluster.runners))}`))
    try {
      const lonely = party.add(5, () => [wire.port])
      await until(60_000, () => party.seesAll(), "all see each other")
      for (const one of lonely) one.stayAway()
      // They do not know that they have no socket.
      scene.excuse(lonely)
      const atMs = performance.now()
      await scene.fault("five phones are not heard and do not hear", () => wire.silence("up", "down"))
      // Three heartbeats, then five seconds in which whoever is lost is still shown.
      const tookMs = await scene.gone(party, lonely, atMs)
      scene.note("gone after", tookMs, "ms", { atMost: 3 * heartbeatMs + 5_000 + 3_000 })
      scene.lostOnce(party.travellers, lonely)
      for (const one of lonely) one.depart()
    } finally {
      wire.close()
    }
  }
}

/** What a process may write to a file; its files are as on a full disk. */
const limitFile = (pid: number, bytes: number | "unlimited"): void =>
  void execFileSync("prlimit", ["--pid", `${pid}`, `--fsize=${bytes}:`])

const hasPrlimit = (): string | undefined =>
  existsSync("/usr/bin/prlimit") ? undefined : "prlimit (util-linux) is not here"

const fullDisk: Row = {
  id: "F33",
  title: "Kafka can write no more (its files may not grow), gives up, and is started with room again",
  phones: 24,
  runs: 1,
  isMissing: hasPrlimit,
  run: async (scene, party) => {
    const { cluster } = scene
    await pause(2_000)
    const atMs = performance.now()
    await scene.fault("Kafka's disk is full", async () => {
      limitFile(await cluster.pidOf("kafka"), 1)
      await pause(10_000)
      await cluster.set.bounce("kafka", "SIGKILL")
    })
    await scene.works(party, performance.now(), 30_000)
    scene.undisturbed(party.travellers, atMs)
  }
}

const rolling: Row = {
  id: "F35",
  title: "runners are replaced one by one by those of release 0.1.0, and these by ours",
  phones: 45,
  runs: 1,
  isMissing: () => releaseMissing,
  run: async (scene, party) => {
    const { cluster } = scene
    using old = new Release()
    for (const [what, folder] of [
      ["0.1.0", old.folder],
      ["this release", undefined]
    ] as const) {
      for (const id of cluster.runners) {
        const own = party.on(scene.portOf(id))
        const atMs = performance.now()
        await scene.fault(`${id} is now ${what}`, async () => {
          const code = await cluster.stop(id)
          if (code !== 0) scene.require([`${id} ended with ${code}`])
          await cluster.start(id, folder)
        })
        await scene.back(own, atMs)
        scene.note("a phone without a socket for", longestGap(own, atMs), "ms", { atMost: backAtMost })
        // The group has its new member by then, and phones are spread again.
        for (const one of party.inside.slice(0, 10)) if (one.port !== scene.portOf(id)) one.switchTo(scene.portOf(id))
        await pause(5_000)
      }
    }
  }
}

export const networks: ReadonlyArray<Row> = [partitions, halfOpen, fullDisk, rolling]
